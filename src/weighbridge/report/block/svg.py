"""Shapes as SVG, readable on light and on dark ground."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from weighbridge.report.block.boxes import PAD
from weighbridge.report.block.shapes import CELL, Box, Cells, Dot, Picture, Shape, Wire, Words
from weighbridge.report.text import COLOURS

EDGE, TITLE = 16, 62
"""Room around everything, and height of the title."""

NEUTRAL = "#777777"

STYLE = (
    "text{font:12px system-ui,-apple-system,'Segoe UI',Roboto,sans-serif;fill:#1f2328}"
    ".t{font-size:17px;font-weight:600}.b{font-weight:600;font-size:13px}.i{font-style:italic}.s{font-size:10.5px}"
    ".s,.i,.n{fill:#57606a}.r{text-anchor:end}.m,.c{text-anchor:middle}.g{fill:#fff}.p{fill:#f6f7f8;stroke:#d5d9de}"
    ".w{fill:none;stroke:#6b7480;stroke-width:1.4;marker-end:url(#a)}.l{marker-end:none}.h{fill:#6b7480}.o{fill:#fff;stroke:#6b7480;stroke-width:1.4}.k{fill-opacity:.22}"
    "@media(prefers-color-scheme:dark){text{fill:#e8eaed}.s,.i,.n{fill:#a9b1ba}.g{fill:#1b1f24}"
    ".p{fill:#23282e;stroke:#3b424a}.w,.o{stroke:#8b949e}.h{fill:#8b949e}.o{fill:#1b1f24}}"
)


def svg(whole: Picture, title: str, remark: str) -> str:
    """A picture under a title and a remark."""
    width, height = max(whole.width, 9.7 * len(title)) + 2 * EDGE, whole.height + TITLE + EDGE
    size = f'width="{width:.0f}" height="{height:.0f}" viewBox="0 0 {width:.0f} {height:.0f}"'
    kinds = sorted({shape.kind for shape in whole.shapes if isinstance(shape, Box | Cells) and shape.kind})
    style = STYLE + "".join(f".{_class(kind)}{{fill:{_colour(kind)};stroke:{_colour(kind)}}}" for kind in kinds)
    order = sorted(whole.shapes, key=lambda shape: isinstance(shape, Words | Dot))
    body = "\n".join("".join(_drawn(shape)) for shape in order)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-label="{escape(title)}">\n'
        f"<title>{escape(title)}</title>\n<style>{style}</style>\n"
        '<defs><marker id="a" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="6" markerHeight="6" orient="auto">'
        '<path class="h" d="M0 0L8 4L0 8z"/></marker></defs>\n'
        '<rect class="g" width="100%" height="100%" rx="8"/>\n'
        f'<text class="t" x="{EDGE}" y="30">{escape(title)}</text>\n'
        f'<text class="n" x="{EDGE}" y="48">{escape(remark)}</text>\n'
        f'<g transform="translate({EDGE} {TITLE})">\n{body}\n</g>\n</svg>\n'
    )


def _drawn(shape: Shape) -> Iterator[str]:
    """A shape as SVG."""
    if isinstance(shape, Wire):
        ((x, y), *rest), path = shape.points, ""
        for a, b in rest:  # across or down
            path += f"H{_n(a)}" if a != x else ""
            path += f"V{_n(b)}" if b != y else ""
            x, y = a, b
        start = f"{_n(shape.points[0][0])} {_n(shape.points[0][1])}"
        yield f'<path class="w{"" if shape.arrow else " l"}" d="M{start}{path}"/>'
    elif isinstance(shape, Words):
        text = escape(shape.text)
        if shape.look == "c":
            each = ((_n(shape.x + CELL * number), one) for number, one in enumerate(text))
            text = "".join(f'<tspan x="{at}">{one}</tspan>' for at, one in each)
        yield _text(shape.x, shape.y, text, shape.look)
    elif isinstance(shape, Dot):
        yield from _sign(shape)
    elif isinstance(shape, Cells):
        side = CELL - 2
        boxes = f"h{side}v{side}h-{side}z" + "".join(
            f"m{CELL} 0h{side}v{side}h-{side}z" for _ in range(shape.count - 1)
        )
        yield f'<path d="M{_n(shape.x)} {_n(shape.y)}{boxes}" class="k {_class(shape.kind)}"/>'
    else:
        yield from _box(shape)


def _sign(dot: Dot) -> Iterator[str]:
    wide = 20 if len(dot.sign) == 1 else 14 + 6.6 * len(dot.sign)
    yield f'<rect class="o" x="{_n(dot.x - wide / 2)}" y="{_n(dot.y - 10)}" width="{_n(wide)}" height="20" rx="10"/>'
    yield f'<text class="m" x="{_n(dot.x)}" y="{_n(dot.y + 4.5)}">{escape(dot.sign)}</text>'


def _box(box: Box) -> Iterator[str]:
    place = f'x="{_n(box.x)}" y="{_n(box.y)}" width="{_n(box.width)}" height="{_n(box.height)}"'
    if not box.kind:
        yield f'<rect class="p" {place} rx="6"/>'
        return
    for shift in (8, 4, 0) if box.several else ():
        behind = f'x="{_n(box.x + shift)}" y="{_n(box.y + shift)}" width="{_n(box.width)}" height="{_n(box.height)}"'
        yield f'<rect class="g" {behind} rx="4" stroke="{_colour(box.kind)}"/>'
    yield f'<rect class="k {_class(box.kind)}" {place} rx="4"/>'
    y = box.y + 16.5
    if len(box.lines) == 1:
        yield _text(box.x + box.width / 2, y, escape(box.lines[0].text), "b m")
        return
    for number, line in enumerate(box.lines):
        yield _text(box.x + PAD + line.indent, y, escape(line.text), line.look)
        if line.figure:
            yield _text(box.x + box.width - PAD, y, escape(line.figure), "r n" if number == 0 else "r")
        y += 16


def _text(x: float, y: float, text: str, look: str) -> str:
    styled = f' class="{look}"' if look else ""
    return f'<text{styled} x="{_n(x)}" y="{_n(y)}">{text}</text>'


def _colour(kind: str) -> str:
    return COLOURS.get(kind, NEUTRAL)


def _class(kind: str) -> str:
    return f"k-{kind.replace(' ', '-')}"


def _n(value: float) -> str:
    """A coordinate with no more digits than eyes see."""
    return f"{value:.1f}".removesuffix(".0")
