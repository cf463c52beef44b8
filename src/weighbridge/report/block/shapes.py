"""What a picture of a block consists of: boxes, lines in them, signs, wires, and words."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

CELL = 18
"""Size of a layer in the row of all layers."""


@dataclass(frozen=True)
class Line:
    """One line of a box: a text on the left, a figure on the right.

    Attributes:
        text: what stands on the left.
        figure: what stands on the right.
        indent: how far in the text begins.
        look: "" as usual, "s" small, "b" bold, "i" for names of classes and parts.
    """

    text: str
    figure: str = ""
    indent: int = 0
    look: str = ""


@dataclass(frozen=True)
class Box:
    """A module.

    Attributes:
        x, y, width, height: where it stands.
        kind: what it is for, which gives its colour.
        lines: what it says, from the top.
        several: it stands for several side by side.
    """

    x: float
    y: float
    width: float
    height: float
    kind: str
    lines: tuple[Line, ...]
    several: bool = False


@dataclass(frozen=True)
class Dot:
    """Where values meet: centre, and the sign or the operation."""

    x: float
    y: float
    sign: str


@dataclass(frozen=True)
class Wire:
    """A line through points; an arrow stands at its end unless it only leads on."""

    points: tuple[tuple[float, float], ...]
    arrow: bool = True


@dataclass(frozen=True)
class Words:
    """A text outside boxes."""

    x: float
    y: float
    text: str
    look: str = ""


@dataclass(frozen=True)
class Cells:
    """Layers of one kind side by side: the first one's corner, and how many."""

    x: float
    y: float
    count: int
    kind: str


Shape = Box | Cells | Dot | Wire | Words


@dataclass
class Picture:
    """Shapes and the room that they take, from 0, 0."""

    width: float = 0
    height: float = 0
    shapes: list[Shape] = field(default_factory=list)

    def put(self, other: Picture, x: float, y: float) -> None:
        """Take another picture's shapes in at a place."""
        self.shapes += [moved(shape, x, y) for shape in other.shapes]
        self.width, self.height = max(self.width, x + other.width), max(self.height, y + other.height)


def moved(shape: Shape, x: float, y: float) -> Shape:
    """A shape somewhere else."""
    if isinstance(shape, Wire):
        return replace(shape, points=tuple((a + x, b + y) for a, b in shape.points))
    return replace(shape, x=shape.x + x, y=shape.y + y)
