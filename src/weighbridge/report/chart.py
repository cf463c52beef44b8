"""Memory drawn of characters: one bar per stage against what the device has, and a chart of one step.

Every line of the ledger has a letter-like mark, a colour and its place in the order, the same in every picture.
"""

from __future__ import annotations

import itertools
import math
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from weighbridge.estimate.memory.ledger import Line
from weighbridge.estimate.memory.timeline import Levels, Sample
from weighbridge.report.document import Span
from weighbridge.units import gibibytes

INK = "#000000"
"""Marks and words on a colour of the palette."""


@dataclass(frozen=True)
class Look:
    """How a part of memory looks.

    Attributes:
        name: for people.
        mark: the character that fills it.
        colour: of the Okabe-Ito palette, and greys for what the framework and libraries take.
    """

    name: str
    mark: str
    colour: str


LOOKS: dict[str, Look] = {
    Line.WEIGHTS: Look("weights", "#", "#3d8ec9"),
    Line.GRADIENTS: Look("gradients", "=", "#56b4e9"),
    Line.MAIN: Look("main parameters", "%", "#cc79a7"),
    Line.OPTIMIZER: Look("optimizer", "+", "#009e73"),
    Line.ACTIVATIONS: Look("activations", "*", "#e69f00"),
    "kv_cache": Look("KV cache", "o", "#9a78d8"),
    Line.LOGITS: Look("logits and loss", "~", "#d55e00"),
    Line.WORKSPACE: Look("workspace", ":", "#f0e442"),
    Line.COMMUNICATION: Look("communication", "&", "#b8a600"),
    "allocator": Look("reserved, unused", "-", "#bbbbbb"),
    "context": Look("context, libraries", "@", "#999999"),
}
"""Every part of a device's memory in the one order; what is left is free."""

SHORT = {Line.MAIN: "main", Line.LOGITS: "logits", "allocator": "unused", "context": "context"}
"""Shorter names for narrow segments."""

FREE = "."

SHORTEST = 16
"""Columns of a bar, below which figures are shortened."""

LEAST = 8
"""Columns of a bar, below which none is drawn."""

EIGHTHS = " ▁▂▃▄▅▆▇"


def columns(parts: Sequence[int], whole: int, width: int) -> list[int]:
    """Columns of every part of a bar: rounded so that they add up to the rounded total."""
    edges, at = [0], 0
    for part in parts:
        at += part
        edges.append((2 * at * width + whole) // (2 * whole) if whole else 0)
    return [b - a for a, b in itertools.pairwise(edges)]


@dataclass(frozen=True)
class Bar:
    """One stage's bar.

    Attributes:
        label: the stage, or several equal ones.
        parts: bytes by key of :data:`LOOKS`, in order.
    """

    label: str
    parts: dict[str, int]

    @property
    def total(self) -> int:
        """Bytes of all parts: what the device shows in use."""
        return sum(self.parts.values())

    @property
    def figure(self) -> str:
        """The same for people."""
        return gibibytes(self.total)


@dataclass(frozen=True)
class Bars:
    """One bar per stage.

    Attributes:
        bars: the stages in order.
        capacity: bytes that a device has; ``None`` without one.
        remark: what is not drawn.
    """

    bars: tuple[Bar, ...]
    capacity: int | None
    remark: str = ""

    def lines(self, width: int, blocks: bool) -> list[list[Span]]:
        """The bars with their legend."""
        whole = max(self.capacity or 0, *(bar.total for bar in self.bars))
        label = max(len(bar.label) for bar in self.bars)
        figures = [self._figure(bar, excess=True) for bar in self.bars]
        room = width - label - max(map(len, figures)) - 6
        if room < SHORTEST:
            figures = [self._figure(bar, excess=False) for bar in self.bars]
            room = width - label - max(map(len, figures)) - 6
        if room < LEAST:
            return [[(line, "")] for bar in self.bars for line in textwrap.wrap(f"{bar.label} {bar.figure}", width)]
        drawn: list[list[Span]] = []
        for bar, figure in zip(self.bars, figures, strict=True):
            drawn.append([(f"{bar.label:<{label}}  [", ""), *self._bar(bar, whole, room), (f"]  {figure}", "")])
        drawn += [[(line, "dim")] for line in textwrap.wrap(self.remark, width)]
        over = self.capacity is not None and self.capacity < whole
        return drawn + legend((bar.parts for bar in self.bars), width, self.capacity is not None, over)

    def _figure(self, bar: Bar, excess: bool) -> str:
        figure = f"{bar.figure:>8}"
        over = bar.total - self.capacity if self.capacity is not None else 0
        return f"{figure}, {gibibytes(over)} over" if over > 0 and excess else figure

    def _bar(self, bar: Bar, whole: int, room: int) -> list[Span]:
        """Segments and what is free; where something does not fit, a line stands at what the device has."""
        full = self.capacity is not None and self.capacity < whole
        width = room - full
        spans = []
        for (key, part), wide in zip(bar.parts.items(), columns(list(bar.parts.values()), whole, width), strict=True):
            if part and wide:
                look = LOOKS[key]
                spans.append((_labelled(key, look, wide), f"{INK} on {look.colour}"))
        used = sum(len(text) for text, _ in spans)
        spans.append((FREE * (width - used), "dim") if self.capacity is not None else (" " * (width - used), ""))
        return _cut(spans, columns([self.capacity or 0], whole, width)[0]) if full else spans


def _labelled(key: str, look: Look, wide: int) -> str:
    """A segment filled with its mark, its name in the middle where there is room."""
    for name in (look.name, SHORT.get(Line(key) if key in set(Line) else key, look.name)):
        if len(name) + 4 <= wide:
            return f" {name} ".center(wide, look.mark)
    return look.mark * wide


def _cut(spans: list[Span], at: int) -> list[Span]:
    """Spans with a line drawn between columns."""
    found: list[Span] = []
    seen = 0
    for text, style in spans:
        text = text.replace(FREE, " ") if at < seen else text
        inside = at - seen
        if 0 <= inside < len(text) or (inside == len(text) and text is spans[-1][0]):
            found += [(text[:inside], style), ("|", "bold"), (text[inside:].replace(FREE, " "), style)]
            at = -1
        else:
            found.append((text, style))
        seen += len(text)
    return [span for span in found if span[0]]


def legend(parts: Iterable[dict[str, int]], width: int, free: bool, over: bool = False) -> list[list[Span]]:
    """Marks and names of the parts that there are; ``over``: some bars pass what the device has."""
    there = list(parts)
    looks = [look for key, look in LOOKS.items() if any(part.get(key) for part in there)]
    entries = [(look.mark, look.name, f"{INK} on {look.colour}") for look in looks]
    entries += [(FREE, "free", "dim")] * free + [("|", "what the device has", "bold")] * over
    lines: list[list[Span]] = [[]]
    room = width
    for mark, name, style in entries:
        if lines[-1] and len(name) + 4 > room:
            lines.append([])
            room = width
        gap = "  " if lines[-1] else ""
        lines[-1] += [(gap, ""), (mark, style), (f" {name}", "")]
        room -= len(gap) + len(name) + 2
    return lines


@dataclass(frozen=True)
class Chart:
    """Memory of one stage over one step.

    Attributes:
        title: which stage, and the unit of time.
        samples: its memory, in order of time.
        duration: of the step, in units.
        rows: lines of the picture.
    """

    title: str
    samples: tuple[Sample, ...]
    duration: float
    rows: int = 12

    def lines(self, width: int, blocks: bool) -> list[list[Span]]:
        """The chart: time to the right, memory upwards; a column is the highest moment that falls into it."""
        axis = 10
        wide = max(LEAST, width - axis - 1)
        found = self._columns(wide)
        top = max(sum(levels) for levels in found)
        drawn: list[list[Span]] = [[(line, "bold")] for line in textwrap.wrap(self.title, width)]
        for row in reversed(range(self.rows)):
            height = f"{gibibytes(top * (row + 1) // self.rows):>{axis}} "
            cells = [_cell(levels, row, top, self.rows, blocks) for levels in found]
            drawn.append(
                [(height if row % 3 == 2 or row == self.rows - 1 else " " * (axis + 1), "dim"), *_joined(cells)]
            )
        drawn.append([(" " * (axis + 1) + self._time(wide), "dim")])
        parts = {line.value: max(levels[place] for levels in found) for place, line in enumerate(Line)}
        return drawn + legend([parts], width, free=False)

    def _time(self, wide: int) -> str:
        end = f"{self.duration:,.0f} units"
        return f"0{end:>{wide - 1}}" if len(end) + 1 < wide else f"{end:>{wide}}"[-wide:]

    def _columns(self, wide: int) -> list[Levels]:
        """The highest sample of every column: of those that begin in it, and of the one that lasts into it."""
        found: list[Levels] = [(0,) * len(Line)] * wide
        ends = [*(sample.time for sample in self.samples[1:]), self.duration]
        for sample, end in zip(self.samples, ends, strict=True):
            first = min(wide - 1, int(sample.time * wide / self.duration))
            last = min(wide - 1, max(first, math.ceil(end * wide / self.duration) - 1))
            for place in range(first, last + 1):
                found[place] = max(found[place], sample.levels, key=sum)
        return found


def _cell(levels: Sequence[int], row: int, top: int, rows: int, blocks: bool) -> Span:
    """One character of a column: the part that stands at the middle of its height; the topmost fills it in eighths."""
    full, low, high = sum(levels) * rows, top * row, top * (row + 1)
    if full <= low:
        return " ", ""
    look = _look_at(levels, (low + min(full, high)) // 2, rows)
    eighth = (full - low) * 8 // top
    if eighth >= 8:
        return look.mark, f"{INK} on {look.colour}"
    if blocks:
        return EIGHTHS[eighth], look.colour
    return (look.mark, look.colour) if eighth >= 4 else (" ", "")


def _look_at(levels: Sequence[int], height: int, rows: int) -> Look:
    """The part that stands at a height, which is in bytes times ``rows``."""
    at = 0
    for line, level in zip(Line, levels, strict=True):
        at += level * rows
        if at >= height:
            return LOOKS[line]
    return LOOKS[Line.COMMUNICATION]


def _joined(cells: list[Span]) -> list[Span]:
    """Cells of one style as one span."""
    found: list[Span] = []
    for text, style in cells:
        if found and found[-1][1] == style:
            found[-1] = (found[-1][0] + text, style)
        else:
            found.append((text, style))
    return found
