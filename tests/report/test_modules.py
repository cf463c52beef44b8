"""The folded tree as rows."""

from __future__ import annotations

import pytest

from weighbridge.estimate.parameters import parameters_of, params
from weighbridge.report.modules import lines, ranges
from weighbridge.report.parameters_schema import ParameterNode, parameters
from weighbridge.tree import stored


@pytest.mark.parametrize(
    ("places", "expected"),
    [
        ((3,), "3"),
        ((0, 1), "0-1"),
        ((0, 1, 2), "0-2"),
        ((0, 2, 4), "0-4 by 2"),
        ((0, 1, 2, 8, 9), "0-2,8-9"),
        ((0, 2, 5, 9, 14, 20), "0,2,5,…,20"),
    ],
)
def test_places_in_short(places: tuple[int, ...], expected: str) -> None:
    assert ranges(places) == expected


def test_rows_of_one_level_sum_to_the_total() -> None:
    report = params("deepseek-v3")
    rows = lines(report.tree, lambda node: node.sum(parameters_of, stored), stored, 1)
    assert sum(row.count * row.each for row in rows if not row.apart) == report.total


def test_norms_share_a_row_until_opened() -> None:
    tree = params("gemma-2-2b").tree

    def labels(depth: int) -> list[str]:
        return [row.label.strip() for row in lines(tree, lambda node: node.sum(parameters_of, stored), stored, depth)]

    assert "norms" in labels(2)
    assert "post_attention_norm" not in labels(2)
    assert "post_attention_norm" in labels(3)
    assert "gate_proj" in labels(3)


def test_nodes_of_the_json_say_how_often_they_stand_in_the_model() -> None:
    report = params("deepseek-v3")
    data = parameters(report)

    def below(node: ParameterNode, copies: int) -> None:
        for child in node["children"]:
            assert child["copies"] == copies * child["count"]
            assert child["total"] == child["copies"] * child["each"]
            below(child, child["copies"])

    below(data["tree"], 1)
    assert sum(child["total"] for child in data["tree"]["children"] if not child["apart"]) == report.total
