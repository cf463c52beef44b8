"""``weighbridge params``: the drawing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from weighbridge.formats.loading import load
from weighbridge.report.block import drawing

Cli = Callable[..., tuple[int, str, str]]


def test_a_drawing_is_written_beside_the_answer(tmp_path: Path, cli: Cli) -> None:
    path = tmp_path / "gpt2.svg"
    status, out, err = cli("params", "gpt2", "--draw", str(path))
    assert (status, err) == (0, "")
    assert out == cli("params", "gpt2")[1]
    assert path.read_text("utf-8") == drawing(load("gpt2"))


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("gpt2.png", '--draw: got "gpt2.png"; it is written as .svg'),
        ("/nowhere/gpt2.svg", "--draw: /nowhere/gpt2.svg cannot be written"),
    ],
)
def test_a_mistake_is_answered_in_one_line(path: str, message: str, cli: Cli) -> None:
    status, out, err = cli("params", "gpt2", "--draw", path)
    assert (status, out) == (2, "")
    assert message in err
    assert err.count("\n") == 1
