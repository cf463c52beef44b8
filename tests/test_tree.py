"""Sums over the tree: children add up to parents, copies multiply, what is apart stays apart."""

from __future__ import annotations

import pytest

from weighbridge.formats import load
from weighbridge.models import catalogue
from weighbridge.tree import Kind, Node, stored


def own(node: Node) -> int:
    return sum(w.count for w in node.weights.values() if not w.buffer)


@pytest.mark.parametrize("name", ["llama-3.1-8b", "deepseek-v3", "nemotron-3-nano-30b-a3b", "gemma-2-2b"])
def test_children_sum_to_their_parents(name: str) -> None:
    root = load(name).network.node()
    for node in root.walk():
        parts = own(node) + sum(stored(c) * c.sum(own, stored) for c in node.children if not c.apart)
        assert node.sum(own, stored) == parts


STREAMS = {"HyperConnection", "AltUp", "Laurel", "PerLayerInput", "Streams", "MergedStreams", "LayerInputLayer"}
JOINING = {"joint_proj", "linear"}
"""Modules that make the residual stream itself, and what they are made of: of no other kind. And projections into it:
those of multi-token prediction, and of Zamba 2's shared blocks."""


def test_every_node_has_a_kind() -> None:
    for entry in catalogue.entries():
        root = load(entry.name).network.node()
        streams = {id(part) for node in root.walk() if type(node.module).__name__ in STREAMS for part in node.walk()}
        without = [node for node in root.walk() if node.kind is Kind.OTHER and own(node) and id(node) not in streams]
        assert {node.name for node in without} <= JOINING, entry.name


def test_prediction_is_apart() -> None:
    root = load("deepseek-v3").network.node()
    apart = [node.name for node in root.children if node.apart]
    assert apart == ["multi_token_prediction"]
