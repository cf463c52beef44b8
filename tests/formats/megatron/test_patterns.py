from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weighbridge.errors import InputError
from weighbridge.formats.megatron import patterns
from weighbridge.parallel.layout import Chunk


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1", 1),
        ("3", 3),
        ("([0]*3+[1]*12)", (0,) * 3 + (1,) * 12),
        ("([1]*3+[0]*1)*3", (1, 1, 1, 0) * 3),
        ("[0,1]*2", (0, 1, 0, 1)),
        ("2*[1]", (1, 1)),
        ("[0] + [1] * 2", (0, 1, 1)),
        ("([0]+[1]*(1+2))", (0, 1, 1, 1)),
        ("[]+[1]", (1,)),
    ],
)
def test_frequency(text: str, expected: int | tuple[int, ...]) -> None:
    assert patterns.frequency("--moe-layer-freq", text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "0",
        "-1",
        "[0]*",
        "[0]**9",
        "[[0]]",
        "[0",
        "[0]]",
        "[1]*[1]",
        "[1]+1",
        "[0]*99999999999999999999",
        "([0]*9999)*9999",
        "(" * 500 + "[0]" + ")" * 500,
        "__import__('os')[0]",
        "[0 for x in y]",
        "[0,,1]",
        "1" * 5000,
    ],
)
def test_what_is_no_frequency_is_one_line(text: str) -> None:
    with pytest.raises(InputError) as caught:
        patterns.frequency("--moe-layer-freq", text)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 250


@settings(max_examples=100)
@given(st.recursive(st.lists(st.integers(0, 1), max_size=3), lambda x: st.tuples(x, st.integers(0, 4)), max_leaves=6))
def test_frequency_is_what_python_says(tree: Any) -> None:
    def text(node: Any) -> str:
        return f"({text(node[0])})*{node[1]}" if isinstance(node, tuple) else f"{node}+[1]"

    def value(node: Any) -> list[int]:
        return value(node[0]) * node[1] if isinstance(node, tuple) else [*node, 1]

    assert patterns.frequency("--moe-layer-freq", text(tree)) == tuple(value(tree))


def test_layout_with_groups_and_counts() -> None:
    found = patterns.layout("Et*3|(tt|)*6tmL")
    assert found == (
        Chunk(3, True),
        *[Chunk(2)] * 6,
        Chunk(1, False, 1, True),
    )
    assert patterns.layout("E,t|t,L") == (Chunk(1, True), Chunk(1, loss=True))


@pytest.mark.parametrize("text", ["Ex|L", "E(t|L", "E(t)*99999999|L", "t*9999999", "E" + "t" * 3000, "(((t)*9)*9)*9"])
def test_what_is_no_layout_is_one_line(text: str) -> None:
    with pytest.raises(InputError, match=re.escape("--pipeline-model-parallel-layout: got")):
        patterns.layout(text)


def test_hybrid_patterns() -> None:
    found = patterns.hybrid("M-M*|ME/M*/M*")
    assert found.layers == ("mamba", "mlp", "mamba", "attention", "mamba", "moe")
    assert [len(stage) for stage in found.stages] == [4, 2]
    assert found.prediction == ("mamba", "attention")
    assert found.depths == 2


@pytest.mark.parametrize("text", ["", "MX", "M/M/*", "|", "M" * 20_000])
def test_what_is_no_hybrid_pattern_is_one_line(text: str) -> None:
    with pytest.raises(InputError, match="--hybrid-layer-pattern"):
        patterns.hybrid(text)


def test_batch_schedules() -> None:
    assert patterns.largest_batch("0:384 200B:768 400B:1152") == 1152
    with pytest.raises(InputError, match="expected thresholds"):
        patterns.largest_batch("0:x")
