"""Modules as people write them: lists, shared parts, equal names. Nothing is lost, and what cannot be is said."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from weighbridge import arithmetic
from weighbridge.errors import InputError
from weighbridge.estimate.compute import flops
from weighbridge.estimate.parameters import params
from weighbridge.nn import (
    MLP,
    CausalLM,
    DecoderLayer,
    Embedding,
    GroupedQueryAttention,
    Head,
    Linear,
    Module,
    Repeat,
    RMSNorm,
    stack,
)
from weighbridge.report.explanation import as_dict, explain
from weighbridge.tape import Axis, Tensor, Weight

H = 64
EDGES = 2 * 100 * H + H


def model(*runs: Repeat) -> CausalLM:
    return CausalLM(Embedding(100, H), runs, RMSNorm(H), Head(H, 100))


def layer(width: int) -> DecoderLayer:
    return DecoderLayer(H, MLP(H, width))


def test_two_runs_of_the_same_name_both_count() -> None:
    network = model(Repeat(layer(128), 2), Repeat(layer(256), 3))
    assert params(network).total == EDGES + 2 * (2 * H * 128 + H) + 3 * (2 * H * 256 + H)
    assert [node.name for node in params(network).tree.children][1:3] == ["layers", "layers_2"]
    assert flops(network, 1).forward == 2 * (params(network).total - 100 * H - 6 * H)


def test_two_branches_of_the_same_kind_both_count() -> None:
    both = DecoderLayer(H, MLP(H, 128), MLP(H, 256))
    assert params(model(Repeat(both, 2))).total == EDGES + 2 * (2 * H * 128 + 2 * H * 256 + 2 * H)


def blocks(shared: MLP | None) -> Callable[[str], DecoderLayer]:
    """Layers of two kinds, with a feed-forward network of their own or one that is given."""

    def block(kind: str) -> DecoderLayer:
        return DecoderLayer(H, GroupedQueryAttention(H, 4, 4 if kind == "a" else 1, 16), shared or MLP(H, 128))

    return block


KINDS = ["a"] * 6 + ["b"] * 3


def test_copies_of_one_object_are_copies() -> None:
    separate = model(*stack(KINDS, blocks(None), 9))
    copied = model(*stack(KINDS, blocks(MLP(H, 128)), 9))
    assert params(copied).total == params(separate).total
    assert flops(copied, 16).forward == flops(separate, 16).forward
    one = layer(128)
    twice = model(Repeat(one, 2, name="low_layers"), Repeat(one, 3, name="high_layers"))
    assert params(twice).total == EDGES + 5 * (2 * H * 128 + H)
    assert flops(twice, 8).forward == flops(model(Repeat(layer(128), 5)), 8).forward


class Sharing(CausalLM):
    """A model that holds one network before its layers, which all use it."""

    shared: MLP | None = None

    def build(self) -> None:
        assert self.shared is not None
        self.register("shared", self.shared)
        super().build()


def test_what_stands_before_the_runs_is_shared_by_all_copies() -> None:
    shared = MLP(H, 128)
    runs = stack(KINDS, blocks(shared), 9)
    network = Sharing(Embedding(100, H), runs, RMSNorm(H), Head(H, 100), None, shared)
    separate = model(*stack(KINDS, blocks(None), 9))
    assert params(separate).total - params(network).total == 8 * 2 * H * 128
    assert flops(network, 16).forward == flops(separate, 16).forward
    assert flops(network, 16).explained("training").value == flops(network, 16).training


def test_runs_of_runs_multiply() -> None:
    nested = model(Repeat(Repeat(layer(128), 3, name="inner"), 5))
    flat = model(Repeat(layer(128), 15))
    assert params(nested).total == params(flat).total
    assert flops(nested, 16).forward == flops(flat, 16).forward


class Nest(Module):
    """A module whose parts have the names of what holds it, and of the workload."""

    hidden_size: int
    batch: int = 5

    def build(self) -> None:
        self.layers = Repeat(layer(128), 4)
        self.tail = MLP(self.hidden_size, self.batch)

    def forward(self, x: Tensor) -> Tensor:
        return self.tail(self.layers(x))


def test_names_in_one_equation_stand_for_one_value() -> None:
    report = flops(model(Repeat(Nest(H), 5)), 16, 4)
    for quantity in ("forward", "training"):
        for step in as_dict(report.explained(quantity)):
            assert eval(step["expression"], vars(arithmetic).copy(), step["symbols"]) == step["value"]
            assert step["symbol"] not in step["symbols"]
    assert "inner_layer" in explain(report.explained())


class Scales(Module):
    """A list of weights, and a list of modules as a field."""

    hidden_size: int
    parts: list[Module]

    def build(self) -> None:
        self.scales = [Weight((Axis("hidden", self.hidden_size),)) for _ in range(3)]

    def forward(self, x: Tensor) -> Tensor:
        for part in self.parts:
            x = part(x)
        return x


def test_lists_of_weights_and_fields_of_modules_count_and_explain() -> None:
    report = params(model(Repeat(DecoderLayer(H, Scales(H, [MLP(H, 12)])), 2)))
    assert report.total == EDGES + 2 * (3 * H + 2 * H * 12 + H)
    assert "intermediate_size" in explain(report)


class Chain(Module):
    """A list of projections, as ``nn.ModuleList`` holds them."""

    hidden_size: int
    depth: int

    def build(self) -> None:
        hidden = Axis("hidden", self.hidden_size)
        self.steps = [Linear(hidden, hidden) for _ in range(self.depth)]

    def forward(self, x: Tensor) -> Tensor:
        for step in self.steps:
            x = step(x)
        return x


def test_modules_in_a_list_are_parts() -> None:
    network = model(Repeat(DecoderLayer(H, Chain(H, 3)), 2))
    assert list(Chain(H, 3).children) == ["steps_0", "steps_1", "steps_2"]
    assert params(network).total == EDGES + 2 * (3 * H * H + H)
    assert flops(network, 1).forward == 2 * (2 * 3 * H * H + H * 100)


class Smuggler(Module):
    """A module that runs another without holding it."""

    hidden_size: int

    def forward(self, x: Tensor) -> Tensor:
        hidden = Axis("hidden", self.hidden_size)
        return Linear(hidden, hidden)(x)


def test_a_module_that_runs_without_a_place_is_named() -> None:
    with pytest.raises(InputError, match="Smuggler > Linear: the last of them ran but has no place"):
        _ = flops(model(Repeat(DecoderLayer(H, Smuggler(H)), 1)), 4).forward


class Narrowing(Module):
    """A module whose projections do not fit each other."""

    hidden_size: int

    def build(self) -> None:
        hidden = Axis("hidden", self.hidden_size)
        self.first, self.second = Linear(hidden, Axis("seven", 7)), Linear(hidden, hidden)

    def forward(self, x: Tensor) -> Tensor:
        return self.second(self.first(x))


def test_projections_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match=r"hidden: a projection of 64 columns was given 7 \(seven\)"):
        _ = flops(model(Repeat(DecoderLayer(H, Narrowing(H)), 1)), 4).forward


def test_sizes_are_whole_numbers() -> None:
    with pytest.raises(TypeError, match="axis hidden: sizes are whole numbers"):
        Axis("hidden", H / 2)  # type: ignore[arg-type]


def test_own_modules_explain_themselves_in_the_words_of_the_field() -> None:
    text = explain(params(model(Repeat(layer(128), 2))))
    assert "vocab_size * hidden_size" in text
    assert "num_layers * layer" in text


@pytest.mark.parametrize(
    ("name", "title"), [("SoftMoE", "soft_moe"), ("GatedMLP", "gated_mlp"), ("Router", "router"), ("MyRNN2", "my_rnn2")]
)
def test_titles_are_words(name: str, title: str) -> None:
    made: Any = type(name, (Module,), {})
    assert made.title == title
