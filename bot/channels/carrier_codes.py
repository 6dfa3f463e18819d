"""What the carriers' codes in an SMS receipt mean; the same whichever provider passes them on."""

from collections.abc import Mapping, Sequence

from campaigns.terms import Reaction


def read_receipt(code: str) -> Reaction:
    """What a carrier's failure means. DROP: this message only. RETRY: the next may arrive, and if none does for a
    while the number is gone. PAUSE_TEMPLATE: the words are to blame, where many end so.
    """
    if code.startswith("MA:"):
        return Reaction.PAUSE_TEMPLATE
    return _RECEIPTS.get(code, Reaction.DROP)


def by_code(table: Mapping[Reaction, Sequence[str]]) -> Mapping[str, Reaction]:
    """A table written by reaction, to be read by code."""
    return {code: reaction for reaction, codes in table.items() for code in codes}


_RECEIPTS = by_code(
    {
        Reaction.SUPPRESS: [
            *("MK:0001", "CB:0001", "CB:0053", "DB:0101", "空号"),  # no such number
            *("MBBLACK", "DBBLACK", "BLACK", "TDBLACK", "TSBLACK"),  # complained or opted out
            *("DB:0144", "HD:0001", "MY:0001"),
        ],
        # Suspended or out of service: it may be well next week, or gone if it never is.
        Reaction.RETRY: ["MK:0005", "MK:0013", "DB:0102", "UNDELIV"],
        # Switched off, no coverage: no word against the address.
        Reaction.DROP: ["MK:0010", "MK:0023", "EXPIRED", "MK:0000", "REJECTD"],
        Reaction.PAUSE_TEMPLATE: ["ID:0076", "KEYWORD", "SIGNBLOCKED"],
        Reaction.DEFER_RECIPIENT: ["ID:0044"],  # outside the hours a carrier allows
    }
)
