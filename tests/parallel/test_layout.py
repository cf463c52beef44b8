"""Layers over stages: even, uneven, with a place for the embedding and the loss."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from weighbridge.parallel.layout import Chunk, even, problems, stretches


@given(st.integers(1, 200), st.integers(1, 16), st.integers(0, 3))
def test_every_layer_stands_on_one_stage(layers: int, parts: int, prediction: int) -> None:
    layout = even(layers, parts, prediction)
    if layers >= parts:
        assert not list(problems(layout, layers, prediction, parts))
    counts = [chunk.layers for chunk in layout]
    assert sum(counts) == layers
    assert max(counts) - min(counts) <= 1


def test_embedding_and_head_take_the_place_of_layers() -> None:
    assert [c.layers for c in even(14, 4, counts_embedding=True, counts_loss=True)] == [3, 4, 4, 3]
    assert [c.layers for c in even(13, 4, counts_embedding=0, counts_loss=3)] == [4, 4, 4, 1]


def test_problems_of_a_layout_are_said() -> None:
    wrong = (Chunk(3), Chunk(-1, embedding=True, prediction=1))
    said = [text for _, text in problems(wrong, 4, 0, 3)]
    assert said == [
        "has 2 virtual stages; pipeline x virtual stages are 3",
        "places 2 layers; the model has 4",
        "leaves a stage with fewer than no layers",
        "places 1 multi-token prediction layers; the model has 0",
        "must have the embedding on the first stage, and only there",
        "must have the loss on the last stage, and only there",
    ]


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(1, 9)), min_size=1, max_size=8), st.data())
def test_stretches_count_kinds_between_two_places(runs: list[tuple[int, int]], data: st.DataObject) -> None:
    flat = [kind for kind, length in runs for _ in range(length)]
    start = data.draw(st.integers(0, len(flat)))
    end = data.draw(st.integers(start, len(flat)))
    expected = {kind: flat[start:end].count(kind) for kind in flat[start:end]}
    assert stretches(runs, start, end) == expected
