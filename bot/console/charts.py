"""Charts as SVG made here: each drawn twice, for a desk and for a phone, so that its text stays 12 px in both.

Every chart is an image with one sentence. Colours come from the classes of console.css, in both themes.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

WIDE, SIDE, NARROW = 680, 406, 326
"""Widths at which a chart stands: in the main column, in the side column, on a phone."""


@dataclass(frozen=True, slots=True)
class Bar:
    """`shade`: b1, b2, b3 or bm of the house's figures."""

    label: str
    n: int
    note: str = ""
    shade: str = "b2"


@dataclass(frozen=True, slots=True)
class Whisker:
    """An estimate with its interval, in percentage points; `text` stands at its end."""

    label: str
    point: float
    low: float
    high: float
    text: str
    strong: bool = False


@dataclass(frozen=True, slots=True)
class Span:
    """What a posting pays, `low` to `high`, over where the middle half of others stand; `text` stands at its end."""

    label: str
    low: float | None
    high: float | None
    p25: float
    p50: float
    p75: float
    text: str


def funnel(bars: Sequence[Bar], sentence: str, width: int = WIDE) -> Markup:
    """Each step as a part of the first, on a track."""
    return _twice(lambda w: _bars(bars, w, track=True), sentence, width)


def bars(rows: Sequence[Bar], sentence: str, width: int = SIDE) -> Markup:
    return _twice(lambda w: _bars(rows, w, track=False), sentence, width)


def columns(rows: Sequence[tuple[str, int]], sentence: str, width: int = SIDE) -> Markup:
    """A column for each (day, number)."""
    return _twice(lambda w: _columns(rows, w), sentence, width)


def whiskers(rows: Sequence[Whisker], sentence: str, width: int = WIDE) -> Markup:
    """Estimates and their intervals around a line at zero."""
    return _twice(lambda w: _whiskers(rows, w), sentence, width)


def spans(rows: Sequence[Span], sentence: str, width: int = WIDE) -> Markup:
    """A band with its middle for the others, a line for one's own, on one scale."""
    return _twice(lambda w: _spans(rows, w), sentence, width)


def _twice(draw: Callable[[int], tuple[str, int]], sentence: str, width: int) -> Markup:
    return Markup("").join(
        _svg(*draw(w), w, sentence, kind) for w, kind in ((width, "fig-desk"), (min(width, NARROW), "fig-phone"))
    )


def _svg(body: str, height: int, width: int, sentence: str, kind: str) -> Markup:
    drawn = Markup(body)  # noqa: S704 made of numbers and of words that were escaped
    return Markup('<svg class="fig {}" viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>').format(
        kind, width, height, sentence, drawn
    )


def _bars(rows: Sequence[Bar], width: int, *, track: bool) -> tuple[str, int]:
    narrow = width <= NARROW
    label = min(112 if narrow else 160, max((_wide(row.label) for row in rows), default=48)) + 4
    notes = max((_wide(row.note) for row in rows), default=0)
    below = narrow and notes > 0
    number = max((_wide(f"{row.n:,}") for row in rows), default=8) + 16
    room = max(60, width - label - 12 - number - (0 if below or not notes else min(notes, width // 3) + 14))
    most = max((row.n for row in rows), default=0)
    step = 46 if below else 34 if track else 30
    thick = 24 if track else 18
    parts = []
    for at, row in enumerate(rows):
        y = 4 + at * step
        middle = y + thick / 2 + 4
        long = max(3, round(room * row.n / most)) if row.n and most else 0
        parts.append(_text(label, middle, _cut(row.label, label), "t-end"))
        if track:
            parts.append(f'<rect class="bt" x="{label + 12}" y="{y}" width="{room}" height="{thick}" rx="3"/>')
        if long:
            parts.append(f'<rect class="{row.shade}" x="{label + 12}" y="{y}" width="{long}" height="{thick}" rx="3"/>')
        end = label + 12 + (room if track else long)
        if track:
            parts.append(_text(end + number, middle, f"{row.n:,}", "t-strong t-end"))
        else:
            parts.append(_text(end + 8, middle, f"{row.n:,}", "t-strong"))
        if row.note and below:
            parts.append(_text(label + 12, y + thick + 14, _cut(row.note, width - label - 12), "t-mute"))
        elif row.note:
            parts.append(_text(label + 12 + room + number + 14, middle, _cut(row.note, max(40, width // 3)), "t-mute"))
    return "".join(parts), max(1, len(rows)) * step + 4


def _columns(rows: Sequence[tuple[str, int]], width: int) -> tuple[str, int]:
    left, top, bottom, right = 40, 12, 118, 8
    most = _round_up(max((n for _, n in rows), default=0))
    parts = []
    for part in (0, 0.5, 1):
        y = bottom - (bottom - top) * part
        if part != 0.5 or most % 2 == 0:
            parts.append(f'<line class="grid" x1="{left}" x2="{width - right}" y1="{y:g}" y2="{y:g}"/>')
            parts.append(_text(left - 6, y + 4, f"{round(most * part):,}", "t-mute t-end"))
    pitch = (width - left - right) / max(1, len(rows))
    every = max(1, math.ceil(46 / pitch))
    for at, (day, n) in enumerate(rows):
        x = left + at * pitch
        tall = (bottom - top) * n / most
        thick = max(2.0, min(28.0, pitch - 3))
        if n:
            parts.append(
                f'<rect class="b2" x="{x + (pitch - thick) / 2:.1f}" y="{bottom - max(2, tall):.1f}" '
                f'width="{thick:.1f}" height="{max(2, tall):.1f}" rx="2"><title>{escape(day)} {n:,}</title></rect>'
            )
        if at % every == 0:
            parts.append(_text(x + pitch / 2, bottom + 18, day, "t-mute t-mid"))
    return "".join(parts), bottom + 26


def _whiskers(rows: Sequence[Whisker], width: int) -> tuple[str, int]:
    narrow = width <= NARROW
    label = max((_wide(row.label) for row in rows), default=40) + 4
    end = 0 if narrow else max((_wide(row.text) for row in rows), default=0) + 12
    left, right = label + 24, width - end - 14
    low, high = min([row.low for row in rows] + [0.0]), max([row.high for row in rows] + [0.0])
    tick = _tick(high - low, 4 if narrow else 7)
    first, last = math.floor(low / tick), math.ceil(high / tick)
    if first == last:
        last += 1

    def place(value: float) -> float:
        return left + (right - left) * (value / tick - first) / (last - first)

    step = 44 if narrow else 30
    bottom = 8 + len(rows) * step
    parts = []
    for number in range(first, last + 1):
        x = place(number * tick)
        kind = "grid" if number else "zero"
        parts.append(f'<line class="{kind}" x1="{x:.1f}" x2="{x:.1f}" y1="6" y2="{bottom}"/>')
        parts.append(_text(x, bottom + 18, _signed(number * tick), "t-mute t-mid"))
    for at, row in enumerate(rows):
        y = 22 + at * step
        strong = "t-strong" if row.strong else ""
        a, b, p = place(row.low), place(row.high), place(row.point)
        parts.append(_text(label, y + 4, row.label, f"t-end {strong}"))
        parts.append(f'<line class="ci" x1="{a:.1f}" x2="{b:.1f}" y1="{y}" y2="{y}"/>')
        parts += [f'<line class="ci" x1="{x:.1f}" x2="{x:.1f}" y1="{y - 5}" y2="{y + 5}"/>' for x in (a, b)]
        parts.append(f'<circle class="pt" cx="{p:.1f}" cy="{y}" r="{6 if row.strong else 5}"/>')
        parts.append(_text(left, y + 20, row.text, strong) if narrow else _text(right + 14, y + 4, row.text, strong))
    return "".join(parts), bottom + 26


def _spans(rows: Sequence[Span], width: int) -> tuple[str, int]:
    narrow = width <= NARROW
    label = 0 if narrow else min(160, max(_wide(row.label) for row in rows)) + 16
    end = 0 if narrow else max(_wide(row.text) for row in rows) + 14
    left, right = label + 8, width - end - 8
    known = [one for row in rows for one in (row.low, row.high, row.p25, row.p75) if one]
    tick = _tick(max(known) - min(known), 4 if narrow else 7)
    first, last = math.floor(min(known) / tick), max(math.ceil(max(known) / tick), math.floor(min(known) / tick) + 1)

    def place(value: float) -> float:
        return left + (right - left) * (value / tick - first) / (last - first)

    step = 44 if narrow else 30
    bottom = len(rows) * step + 6
    parts = []
    for number in range(first, last + 1):
        x = place(number * tick)
        parts.append(f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="4" y2="{bottom}"/>')
        parts.append(_text(x, bottom + 16, f"{number * tick:,g}", "t-mute t-mid"))
    for at, row in enumerate(rows):
        y = at * step + (32 if narrow else 18)
        if narrow:
            parts.append(_text(0, y - 12, _cut(row.label, width - _wide(row.text) - 12), "t-strong"))
            parts.append(_text(width, y - 12, row.text, "t-end"))
        else:
            parts.append(_text(label - 8, y + 4, _cut(row.label, label - 12), "t-end t-strong"))
            parts.append(_text(right + 14, y + 4, row.text, ""))
        parts += _span(row, y, place)
    return "".join(parts), bottom + 24


def _span(row: Span, y: int, place: Callable[[float], float]) -> list[str]:
    a, middle, b = place(row.p25), place(row.p50), place(row.p75)
    drawn = [
        f'<rect class="band" x="{a:.1f}" y="{y - 8}" width="{max(2.0, b - a):.1f}" height="16" rx="2"/>',
        f'<line class="middle" x1="{middle:.1f}" x2="{middle:.1f}" y1="{y - 10}" y2="{y + 10}"/>',
    ]
    own = [place(one) for one in (row.low, row.high) if one]
    if len(own) == 2 and own[0] != own[1]:
        drawn.append(f'<line class="ci" x1="{own[0]:.1f}" x2="{own[1]:.1f}" y1="{y}" y2="{y}"/>')
    return drawn + [f'<circle class="pt" cx="{x:.1f}" cy="{y}" r="5"/>' for x in own]


def _text(x: float, y: float, words: str, kind: str) -> str:
    return f'<text class="{kind}" x="{x:g}" y="{y:g}">{escape(words)}</text>'


def _wide(words: str) -> int:
    """About the pixels of it at 12 px."""
    return sum(12 if ord(sign) > 0x2E80 else 7 for sign in words)


def _cut(words: str, room: int) -> str:
    if _wide(words) <= room:
        return words
    kept = words
    while kept and _wide(kept) > room - 12:
        kept = kept[:-1]
    return f"{kept}…"


def _round_up(n: int) -> int:
    """The next of 1, 2, 4, 5, 10, 20, … that is not smaller."""
    scale = 1
    while True:
        for step in (1, 2, 4, 5):
            if n <= step * scale:
                return step * scale
        scale *= 10


def _tick(span: float, most: int) -> float:
    scale = 0.1
    while True:
        for step in (1, 2, 5):
            if span / (step * scale) <= most:
                return step * scale
        scale *= 10


def _signed(value: float) -> str:
    words = f"{abs(value):.10g}"
    return words if not value else f"+{words}" if value > 0 else f"−{words}"
