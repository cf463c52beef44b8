"""A step as a picture (SVG): a row for every pipeline stage, a box for every pass, messages below them.

Boxes of one kind are one path, so that a picture of 64 stages stays small. The same colours as everywhere (Okabe and
Ito 2008), with hatching where two kinds could be taken for each other.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape

from weighbridge.estimate.time.bounds import idle
from weighbridge.estimate.time.rows import Doing, Slice, StageRow, rows
from weighbridge.estimate.time.step import StepTime
from weighbridge.parallel.schedule import FACTS, Schedule
from weighbridge.report.time import seconds, share
from weighbridge.traced import plain

WIDTH, LEFT, RIGHT, TOP, BOTTOM = 1200, 64, 24, 104, 46
"""Sizes of the picture in points."""

TALLEST, LOWEST, GAP = 46, 11, 3
"""Heights of a stage's row, and what stands between two."""

ROOM = 620
"""Height that the rows of many stages share."""

PASS, MESSAGE = 0.74, 0.2
"""Shares of a row's height that passes and messages take."""

LOOKS = {
    Doing.FORWARD: ("#56b4e9", "forward"),
    Doing.BACKWARD: ("#e69f00", "backward"),
    Doing.BACKWARD_INPUT: ("#e69f00", "gradients of inputs"),
    Doing.BACKWARD_WEIGHT: ("#009e73", "gradients of weights"),
    Doing.SEND: ("#d55e00", "message to another stage"),
    Doing.GATHER: ("#d55e00", "weights awaited"),
    Doing.REDUCE: ("#d55e00", "gradients awaited"),
    Doing.OPTIMIZER: ("#cc79a7", "optimizer"),
}
"""Colour and name of everything that a stage does."""

HATCHED = (Doing.BACKWARD_WEIGHT, Doing.REDUCE)

STYLE = (
    "text{font-family:system-ui,-apple-system,'Segoe UI',Roboto,sans-serif;fill:#222}"
    ".t{font-size:17px;font-weight:600}.s{font-size:12.5px;fill:#555}.l{font-size:12px}.a{font-size:11px;fill:#555}"
    ".n{font-size:10px;text-anchor:middle}.r{text-anchor:end}.m{text-anchor:middle}"
)


@dataclass(frozen=True)
class Frame:
    """Where things stand.

    Attributes:
        stages: rows.
        start: seconds at the left end.
        end: seconds at the right end.
    """

    stages: int
    start: float
    end: float

    @property
    def height(self) -> float:
        """Of one row."""
        return max(LOWEST, min(TALLEST, ROOM / self.stages - GAP))

    @property
    def bottom(self) -> float:
        """Below the last row."""
        return TOP + self.stages * (self.height + GAP)

    def x(self, time: float) -> float:
        """Where a time stands."""
        return LEFT + (WIDTH - LEFT - RIGHT) * (time - self.start) / (self.end - self.start)

    def y(self, stage: int) -> float:
        """The upper edge of a row."""
        return TOP + stage * (self.height + GAP)


def gantt(time: StepTime) -> str:
    """The picture as SVG."""
    lanes = rows(time)
    frame = Frame(len(lanes), min(lane.start for lane in lanes), max(lane.end for lane in lanes))
    several = len(time.stages[0].chunks) > 1
    parts = [*_head(time, lanes), *_grounds(frame), *_boxes(frame, lanes, several), *_numbers(frame, lanes)]
    parts += [*_labels(frame), *_axis(time, frame)]
    height = frame.bottom + BOTTOM
    size = f'width="{WIDTH}" height="{height:.0f}" viewBox="0 0 {WIDTH} {height:.0f}"'
    body = "\n".join(parts)
    title = escape(_title(time))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-label="{title}">\n<title>{title}</title>\n'
        f'<style>{STYLE}</style>\n{_hatches()}\n<rect width="100%" height="100%" fill="#fff"/>\n{body}\n</svg>\n'
    )


def _hatches() -> str:
    """Diagonal lines over a colour, for kinds that share it or lie beside a similar one."""
    return "<defs>" + "".join(
        f'<pattern id="h{place}" width="5" height="5" patternTransform="rotate(45)" patternUnits="userSpaceOnUse">'
        f'<rect width="5" height="5" fill="{LOOKS[doing][0]}"/><rect width="1.4" height="5" fill="#fff"/></pattern>'
        for place, doing in enumerate(HATCHED)
    ) + "</defs>"  # fmt: skip


def _fill(doing: Doing) -> str:
    return f"url(#h{HATCHED.index(doing)})" if doing in HATCHED else LOOKS[doing][0]


def _title(time: StepTime) -> str:
    training = time.training
    waits = f"stages wait {share(idle(time), 1)} of it for one another" if len(time.stages) > 1 else "one stage"
    return f"{training.model.name} on {time.cluster}: a step of {seconds(time.step_seconds)}; {waits}"


def _head(time: StepTime, lanes: tuple[StageRow, ...]) -> Iterator[str]:
    """Title, schedule and legend."""
    plan = time.training.plan
    whole = int(plain(plan.micro_batches))
    drawn = f"all {whole:,} micro-batches" if whole > 1 else "one micro-batch"
    if time.shown < whole:
        drawn = f"{time.shown:,} of {whole:,} micro-batches drawn; {seconds(time.left_out)} in the middle left out"
    chunks = f", {plan.virtual:,} chunks a stage (later ones paler)" if plan.virtual > 1 else ""
    yield f'<text class="t" x="16" y="30">{escape(_title(time))}</text>'
    yield f'<text class="s" x="16" y="52">{escape(f"{FACTS[plan.order].title}{chunks}; {drawn}")}</text>'
    there = {one.doing for lane in lanes for one in (*lane.passes, *lane.sent)}
    x = 16.0
    for doing, (_, name) in LOOKS.items():
        if doing in there:
            yield f'<rect x="{x:.0f}" y="66" width="14" height="14" fill="{_fill(doing)}"/>'
            yield f'<text class="l" x="{x + 20:.0f}" y="77">{name}</text>'
            x += 40 + 6.8 * len(name)


def _grounds(frame: Frame) -> Iterator[str]:
    """A grey row for every stage: what stays grey is waiting."""
    for stage in range(frame.stages):
        size = f'width="{WIDTH - LEFT - RIGHT}" height="{frame.height:.1f}"'
        yield f'<rect x="{LEFT}" y="{frame.y(stage):.1f}" {size} fill="#f0f0f0"/>'


def _boxes(frame: Frame, lanes: tuple[StageRow, ...], several: bool) -> Iterator[str]:
    """One path for every kind of box."""
    paths: dict[tuple[Doing, int], list[str]] = {}
    for lane in lanes:
        y = frame.y(lane.number)
        tall = frame.height * (PASS if any(other.sent for other in lanes) else 1)
        for one in lane.passes:
            chunk = one.step.chunk if one.step is not None and several else 0
            paths.setdefault((one.doing, chunk), []).append(_box(frame, one, y, tall))
        for one in lane.sent:
            below = y + frame.height * (1 - MESSAGE)
            paths.setdefault((one.doing, 0), []).append(_box(frame, one, below, frame.height * MESSAGE))
    chunks = max(chunk for _, chunk in paths)
    for (doing, chunk), boxes in paths.items():
        opacity = f' fill-opacity="{1 - 0.55 * chunk / chunks:.2f}"' if chunk else ""
        edge = ' stroke="#fff" stroke-width="0.6"' if doing is not Doing.SEND else ""
        yield f'<path fill="{_fill(doing)}"{opacity}{edge} d="{"".join(boxes)}"/>'


def _box(frame: Frame, one: Slice, y: float, tall: float) -> str:
    left = frame.x(one.start)
    wide = max(frame.x(one.end) - left, 0.5)
    return f"M{left:.2f} {y:.1f}h{wide:.2f}v{tall:.1f}h-{wide:.2f}z"


def _numbers(frame: Frame, lanes: tuple[StageRow, ...]) -> Iterator[str]:
    """Numbers of micro-batches where boxes have room for them."""
    if frame.height < 15:
        return
    for lane in lanes:
        y = frame.y(lane.number) + frame.height * PASS / 2 + 3.5
        for one in lane.passes:
            left, right = frame.x(one.start), frame.x(one.end)
            if one.step is not None and right - left > 7 * len(str(one.step.micro_batch)) + 4:
                yield f'<text class="n" x="{(left + right) / 2:.1f}" y="{y:.1f}">{one.step.micro_batch}</text>'


def _labels(frame: Frame) -> Iterator[str]:
    """Numbers of stages, as many as have room."""
    every = max(1, math.ceil(13 / (frame.height + GAP)))
    for stage in range(0, frame.stages, every):
        y = frame.y(stage) + frame.height / 2 + 4
        word = "stage " if frame.stages <= 16 else ""
        yield f'<text class="a r" x="{LEFT - 8}" y="{y:.1f}">{word}{stage}</text>'


def _axis(time: StepTime, frame: Frame) -> Iterator[str]:
    """Times below; right of a break they count what is left out."""
    y = frame.bottom + 4
    span = frame.end - frame.start
    step = _round(span / 10)
    broken = time.left_out > 0 and time.training.plan.order is not Schedule.GPIPE
    middle = frame.start + span / 2
    at = frame.start
    while at <= frame.end + 1e-12 * span:
        clear = not broken or abs(at - middle) > 0.04 * span
        if clear:
            later = time.left_out if broken and at > middle else 0.0
            x = frame.x(at)
            yield f'<path d="M{x:.1f} {y:.1f}v5" stroke="#888"/>'
            shown = at - frame.start + later
            yield f'<text class="a m" x="{x:.1f}" y="{y + 18:.1f}">{seconds(shown) if shown else "0"}</text>'
        at += step
    if broken:
        x = frame.x(middle)
        yield f'<path d="M{x:.1f} {TOP - 6}V{y + 6:.1f}" stroke="#444" stroke-dasharray="2 4" stroke-width="1.2"/>'
        left = f"+ {seconds(time.left_out)}"
        yield f'<text class="a m" x="{x:.1f}" y="{y + 18:.1f}" font-weight="600">{left}</text>'


def _round(value: float) -> float:
    """A round number at or above one: 1, 2 or 5 times a power of ten."""
    scale = 10.0 ** math.floor(math.log10(value))
    return next(times * scale for times in (1, 2, 5, 10) if times * scale >= value * (1 - 1e-9))
