"""The Gantt picture: well-formed, every pass is a box, what is left out is said."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

import weighbridge as wb
from tests.estimate.time.steps import BOTH_WAYS, GPIPE, LONG, ONE, PIPED, STEPS, ZERO_BUBBLE
from weighbridge.estimate.time.bounds import idle
from weighbridge.estimate.time.rows import rows
from weighbridge.report.gantt import LOOKS, WIDTH, gantt

SVG = "{http://www.w3.org/2000/svg}"
BOX = re.compile(r"M([\d.]+) ([\d.]+)h([\d.]+)v([\d.]+)h-([\d.]+)z")


def drawn(training: wb.Training) -> tuple[str, ElementTree.Element]:
    assert training.time is not None
    text = gantt(training.time)
    return text, ElementTree.fromstring(text)


@pytest.mark.parametrize("name", STEPS)
def test_every_pass_and_message_is_a_box_in_the_picture(name: str) -> None:
    training = STEPS[name]
    text, root = drawn(training)
    assert training.time is not None
    boxes = [tuple(map(float, box)) for box in BOX.findall(text)]
    assert len(boxes) == sum(len(lane.passes) + len(lane.sent) for lane in rows(training.time))
    height = float(root.attrib["height"])
    for x, y, wide, tall, _ in boxes:
        assert 0 < x < x + wide <= WIDTH
        assert 0 < y < y + tall < height


@pytest.mark.parametrize("name", STEPS)
def test_the_title_has_the_step_and_the_bubble(name: str) -> None:
    training = STEPS[name]
    _, root = drawn(training)
    title = root.find(f"{SVG}title")
    assert title is not None
    assert title.text is not None
    assert title.text.startswith(f"{training.model.name} on {training.cluster}: a step of ")
    assert training.time is not None
    waits = f"stages wait {100 * idle(training.time):.1f} % of it for one another"
    assert title.text.endswith(waits if len(training.stages) > 1 else "one stage")


def words(training: wb.Training) -> str:
    return " ".join(element.text or "" for element in drawn(training)[1].iter(f"{SVG}text"))


def test_what_is_left_out_is_said_and_the_axis_is_broken_there() -> None:
    assert LONG.time is not None
    assert "12 of 64 micro-batches drawn; " in words(LONG)
    assert "in the middle left out" in words(LONG)
    assert "+ " in words(LONG)
    assert "all 12 micro-batches" in words(PIPED)
    assert "+ " not in words(PIPED)
    assert "micro-batches drawn" in words(GPIPE)
    assert "+ " not in words(GPIPE)  # left out in two places


def test_the_legend_names_what_is_drawn_and_nothing_else() -> None:
    names = {name for _, name in LOOKS.values()}
    assert {name for name in names if f" {name} " in f" {words(ONE)} "} == {"forward", "backward", "optimizer"}
    assert "gradients of weights" in words(ZERO_BUBBLE)
    assert "gradients of weights" not in words(PIPED)
    assert "DualPipe" in words(BOTH_WAYS)


def test_sixty_four_stages_stay_small_enough_to_open() -> None:
    plan = wb.Plan.under(gpus=8192, tensor=8, sequence_parallel=True, pipeline=64, global_batch=2048)
    text, root = drawn(wb.train("llama-3.1-405b", plan, "8192xH100"))
    assert len(text) < 1_500_000
    assert 600 < float(root.attrib["height"]) < 1200
    assert "63" in [element.text for element in root.iter(f"{SVG}text")]


def test_the_picture_in_the_documentation_is_current(request: pytest.FixtureRequest) -> None:
    """``--update-docs`` draws it anew."""
    assert LONG.time is not None
    path = Path(__file__).parents[2] / "docs" / "files" / "step.svg"
    if request.config.getoption("--update-docs", default=False):
        path.write_text(gantt(LONG.time), "utf-8")
    assert path.read_text("utf-8") == gantt(LONG.time)
