"""What every module does: register its parts, freeze, fold, be shared."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import pytest

from weighbridge.nn import CausalLM, DecoderLayer, Embedding, GatedMLP, Head, Linear, Module, Repeat, RMSNorm, stack
from weighbridge.tape import Axis, Pass, Phase, Tape, Tensor, Weight
from weighbridge.tree import Kind, stored


class Twice(Module):
    """A module that uses one child under two names."""

    kind = Kind.OTHER
    width: int

    def build(self) -> None:
        self.first = Linear(Axis("hidden", self.width), Axis("hidden", self.width))
        self.second = self.first
        self.scale = Weight((Axis("hidden", self.width),))

    def forward(self, x: Tensor) -> Tensor:
        return self.second(self.first(x))


def test_parts_register_in_model_order() -> None:
    module = Twice(4)
    assert list(module.children) == ["first", "second"]
    assert list(module.weights) == ["scale"]
    assert repr(module) == "Twice(width=4)"
    assert module.title == "twice"


def test_a_shared_part_counts_once_and_works_twice() -> None:
    module = Twice(4)
    node = module.node()
    assert node.sum(lambda n: sum(w.count for w in n.weights.values()), stored) == 16 + 4
    tape = Tape(Pass())
    module(tape.tensor("x", Axis("hidden", 4)))
    assert [operation.scope[-1] for operation in tape.operations] == [module.first, module.first]


def test_a_module_is_frozen_once_it_is_built() -> None:
    with pytest.raises(FrozenInstanceError, match="cannot assign 'width'"):
        Twice(4).width = 5  # type: ignore[misc]


def test_a_module_without_forward_says_so() -> None:
    class Silent(Module):
        pass

    with pytest.raises(NotImplementedError, match="Silent has no forward"):
        Silent().forward()


def layer(kind: str) -> DecoderLayer:
    return DecoderLayer(8, None, GatedMLP(8, 16 if kind == "wide" else 4))


def test_equal_layers_fold_and_keep_their_places() -> None:
    runs = stack(["wide", "small", "wide"], layer, 3)
    assert [(run.count, run.places, run.name) for run in runs] == [
        (2, (0, 2), "wide_layers"),
        (1, (1,), "small_layers"),
    ]
    assert [run.places for run in stack(["wide"] * 5, layer, 5)] == [None]


def test_names_of_kinds_leave_out_what_all_share() -> None:
    def block(kind: tuple[str, str]) -> DecoderLayer:
        return layer(kind[0])

    runs = stack([("wide", "moe"), ("small", "moe")], block, 2)
    assert [run.name for run in runs] == ["wide_layers", "small_layers"]


def model(tied: bool) -> CausalLM:
    runs = (Repeat(layer("wide"), 3),)
    return CausalLM(Embedding(20, 8), runs, RMSNorm(8), Head(8, 20, tied))


def test_a_tied_head_has_no_weight_but_works() -> None:
    def total(network: CausalLM) -> int:
        return network.node().sum(lambda n: sum(w.count for w in n.weights.values()), stored)

    assert total(model(tied=False)) - total(model(tied=True)) == 20 * 8
    tape = Tape(Pass(sequence=7, phase=Phase.PREFILL, last_logits=True))
    model(tied=True)(tape.tensor("tokens", Axis("batch", 1), Axis("sequence", 7)))
    assert tape.operations[-1].work.forward == 2 * 8 * 20


def test_a_sandwich_normalises_both_ends_of_a_branch() -> None:
    names = list(DecoderLayer(8, None, GatedMLP(8, 4), sandwich=True).children)
    assert names == ["mlp_norm", "mlp", "post_mlp_norm"]
