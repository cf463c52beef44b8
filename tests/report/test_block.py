"""Drawings of layers: all of the tree is in them, nothing lies over anything else, what runs is what is drawn."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests import model_pages
from weighbridge.estimate.compute import record, usual_length
from weighbridge.formats.loading import load
from weighbridge.models import Model, families
from weighbridge.nn import MLP, CausalLM, DecoderLayer, Embedding, Head, LayerNorm, Module, Repeat, RMSNorm
from weighbridge.nn.parallel_layer import ParallelLayer
from weighbridge.report.block import drawing
from weighbridge.report.block.flow import Place, Vertex, flow, spine
from weighbridge.report.block.words import class_words, name_of, said
from weighbridge.report.text import COLOURS
from weighbridge.tape import Pass
from weighbridge.tree import Kind, Node

SVG = "{http://www.w3.org/2000/svg}"
SHOWN = [kind for kind in families() if model_pages.shown(kind) is not None]
EXAMPLES = ["examples/hybrid.toml", "examples/dense.toml"]
ROOT = Path(__file__).parents[2]


def model(name: str) -> Model:
    """A family's model, or one of a file."""
    found = load(ROOT / name) if name.endswith(".toml") else model_pages.shown(name)
    assert found is not None
    return found


def parsed(text: str) -> ElementTree.Element:
    return ElementTree.fromstring(text)


def texts(root: ElementTree.Element) -> list[str]:
    return ["".join(element.itertext()) for element in root.iter(f"{SVG}text")]


def boxes(root: ElementTree.Element, look: str) -> list[tuple[float, float, float, float]]:
    """Left, top, right and lower edges of boxes of a class."""
    found = [r for r in root.iter(f"{SVG}rect") if r.get("class", "").split(" ")[0] == look and r.get("x")]
    sizes = [[float(r.attrib[name]) for name in ("x", "y", "width", "height")] for r in found]
    return [(x, y, x + width, y + height) for x, y, width, height in sizes]


def apart(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    return one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] or other[3] <= one[1]


def within(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    return other[0] <= one[0] and other[1] <= one[1] and one[2] <= other[2] and one[3] <= other[3]


def branches(tree: Node) -> Iterator[Node]:
    """Kinds of layers, their branches, and what is repeated inside."""
    for node in tree.walk():
        if node.folded or node.apart or bool(getattr(node.module, "branch", "")):
            yield node


@pytest.mark.parametrize("name", [*SHOWN, *EXAMPLES])
def test_every_layer_and_branch_is_in_the_picture_with_its_sizes(name: str) -> None:
    one = model(name)
    words = " ".join(texts(parsed(drawing(one))))
    for node in branches(one.tree):
        branch = bool(getattr(node.module, "branch", ""))
        if branch or node.together:
            assert name_of(node) in words or class_words(node.module) in words
            assert all(line.figure in words for line in said(node))
    layers = [node for node in one.tree.children if node.folded and not node.apart]
    assert f"{sum(node.times for node in layers):,} layer" in words
    assert all(f"{node.times:,}" in words for node in layers)


@pytest.mark.parametrize("name", [*SHOWN, *EXAMPLES])
def test_boxes_do_not_overlap_and_stay_inside(name: str) -> None:
    root = parsed(drawing(model(name)))
    inside = boxes(root, "k")
    assert len(inside) > 3
    for one, other in itertools.combinations(inside, 2):
        assert apart(one, other) or within(one, other) or within(other, one)
    panels = boxes(root, "p")
    assert all(apart(one, other) for one, other in itertools.combinations(panels, 2))
    assert all(apart(box, panel) or within(box, panel) for box in inside for panel in panels)
    width, height = (float(root.attrib[size]) for size in ("width", "height"))
    assert all(x >= -16 and right <= width - 16 and bottom <= height - 62 for x, _, right, bottom in [*inside, *panels])


@pytest.mark.parametrize("name", SHOWN)
def test_a_drawing_is_small_and_fits_a_page(name: str) -> None:
    text = drawing(model(name))
    assert len(text) < 30_000
    assert float(parsed(text).attrib["width"]) <= 1400


@pytest.mark.parametrize("name", [*SHOWN, *EXAMPLES])
def test_texts_of_boxes_are_not_wider_than_their_boxes(name: str) -> None:
    """By the width of a narrow sans-serif: a text and the figure beside it share a box."""
    root = parsed(drawing(model(name)))
    inside, starts = boxes(root, "k"), {}
    group = root.find(f"{SVG}g")
    assert group is not None
    for element in group.iter(f"{SVG}text"):
        x, y, text = float(element.attrib["x"]), float(element.attrib["y"]), "".join(element.itertext())
        holders = [box for box in inside if box[0] < x < box[2] and box[1] < y < box[3]]
        if holders and "m" not in element.get("class", "").split():
            smallest = min(holders, key=lambda box: box[2] - box[0])
            right = element.get("class", "").startswith("r")
            room = x - smallest[0] if right else smallest[2] - x
            starts[smallest, y, right] = 5.5 * len(text)
            assert 5.5 * len(text) <= room
    for (box, y, right), width in starts.items():
        assert right or width + starts.get((box, y, True), 0) <= box[2] - box[0]


def run(network: CausalLM) -> tuple[Model, list[Vertex]]:
    """What runs in the first kind of layer of a network."""
    one = Model.of(network)
    tape = record(network, Pass(sequence=usual_length(one)))
    node = next(child for child in one.tree.children if child.folded)
    return one, flow(node, (*one.tree.path, *node.path), tape)


def around(layer: Module) -> CausalLM:
    return CausalLM(Embedding(100, 32), (Repeat(layer, 3),), RMSNorm(32), Head(32, 100))


def edges(vertices: list[Vertex]) -> list[str]:
    """What each vertex reads, by names."""
    called = {v: v.node.name if v.node else v.label if v.place is Place.JOIN else str(v.place) for v in vertices}
    return [f"{called[v]} <- {', '.join(called[read] for read in v.reads)}" for v in vertices if v.reads]


def test_branches_in_a_row_leave_the_stream_and_come_back_to_it() -> None:
    _, vertices = run(around(DecoderLayer(32, MLP(32, 64), MLP(32, 128))))
    assert edges(vertices) == [
        "mlp_norm <- input",
        "mlp <- mlp_norm",
        "+ <- input, mlp",
        "mlp_norm_2 <- +",
        "mlp_2 <- mlp_norm_2",
        "+ <- +, mlp_2",
        "output <- +",
    ]
    assert [v.place for v in spine(vertices)] == [Place.INPUT, Place.JOIN, Place.JOIN, Place.OUTPUT]


def test_parallel_branches_read_one_norm_and_meet_in_one_sum() -> None:
    _, vertices = run(around(ParallelLayer(32, MLP(32, 64), MLP(32, 128), LayerNorm)))
    assert edges(vertices)[:3] == ["norm <- input", "mlp <- norm", "mlp_2 <- norm"]
    assert edges(vertices)[3:] == ["+ <- input, mlp, mlp_2", "output <- +"]
    rects = boxes(parsed(drawing(Model.of(around(ParallelLayer(32, MLP(32, 64), MLP(32, 128)))))), "k")
    tops = [top for _, top, _, _ in rects]
    assert any(tops.count(top) == 2 for top in tops), "side by side"


def test_a_shortcut_past_experts_ends_where_the_layer_does() -> None:
    one = model("longcat_flash")
    node = next(child for child in one.tree.children if child.folded)
    tape = record(one.network, Pass(sequence=64))
    vertices = flow(node, (*one.tree.path, *node.path), tape)
    experts = next(v for v in vertices if v.node is not None and v.node.name == "moe")
    readers = [v for v in vertices if experts in v.reads]
    assert readers == [vertices[-2]]
    assert [read.node.name for read in experts.reads if read.node] == ["mlp_norm"]


def test_what_goes_on_after_a_branch_stands_on_the_stream() -> None:
    one = model("deepseek_v4")
    node = next(child for child in one.tree.children if child.folded)
    tape = record(one.network, Pass(sequence=512))
    line = spine(flow(node, (*one.tree.path, *node.path), tape))
    assert [v.node.name for v in line if v.node] == ["attention_connection", "moe_connection"]
    assert all(v.again for v in line if v.node)


def test_a_part_that_did_not_run_is_drawn_in_model_order() -> None:
    node = around(DecoderLayer(32, MLP(32, 64))).node()
    assert edges(flow(node.children[1], (0,), record(around(DecoderLayer(32, MLP(32, 64))), Pass()))) == [
        "mlp_norm <- input",
        "mlp <- mlp_norm",
        "output <- mlp",
    ]


def test_kinds_that_differ_in_little_share_a_panel_and_lines_say_which() -> None:
    found = texts(parsed(drawing(load("gemma-2-2b"))))
    assert "A  sliding attention, 13 layers: 0-24 by 2" in found
    assert "B  full attention, 13 layers: 1-25 by 2" in found
    assert any(text.startswith("A: positions that a token sees") for text in found)
    assert "ABABABABABAB" in found


def test_what_was_drawn_before_is_not_drawn_again() -> None:
    assert "as in layer A" in texts(parsed(drawing(load("qwen3-next-80b-a3b"))))
    assert "as layer B" in texts(parsed(drawing(load("deepseek-v3"))))


def test_colours_are_those_of_every_picture() -> None:
    style = parsed(drawing(load("llama-3.1-8b"))).find(f"{SVG}style")
    assert style is not None
    assert style.text is not None
    kinds = (Kind.EMBEDDING, Kind.ATTENTION, Kind.MLP, Kind.NORM, Kind.HEAD)
    assert all(f".k-{kind}{{fill:{COLOURS[kind]};" in style.text for kind in kinds)
    assert "prefers-color-scheme:dark" in style.text


def test_sizes_are_said_in_the_words_of_the_class() -> None:
    attention = next(n for n in load("llama-3.1-8b").tree.walk() if n.kind is Kind.ATTENTION)
    said_of = {line.text: line.figure for line in said(attention) if line.figure}
    assert said_of == {"query heads": "32", "key/value heads": "8", "elements per head": "128"}
    assert class_words(attention.module) == "grouped query attention"


@pytest.mark.parametrize("name", ["llama-3.1-8b", "deepseek-v3"])
def test_golden(name: str, golden: Callable[[str, str], None]) -> None:
    golden(f"block-{name}.svg", drawing(load(name)))


def test_names_of_models_are_escaped() -> None:
    text = drawing(Model.of(around(DecoderLayer(32, MLP(32, 64))), name="<a & b>"))
    title = parsed(text).find(f"{SVG}title")
    assert title is not None
    assert re.match(r"<a & b>: ", title.text or "")
