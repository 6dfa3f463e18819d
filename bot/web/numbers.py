"""A number as an address or a form gives it: digits and not too many; what is longer is none."""

from starlette.convertors import IntegerConvertor, register_url_convertor

LARGEST = 2**31 - 1  # a number of the database


def whole_number(text: str, largest: int = LARGEST) -> int | None:
    """None for what is no number from 0 to `largest`. Its length first: Python reads no 5,000 digits."""
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(largest))):
        return None
    number = int(text)
    return number if number <= largest else None


class _Numbered(IntegerConvertor):
    """What stands for {id:int} in a path; more digits lead nowhere, as any other address that is none."""

    regex = "[0-9]{1,18}"


register_url_convertor("int", _Numbered())
