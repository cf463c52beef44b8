"""Adapters: what the tape has of them, beside a frozen projection."""

from __future__ import annotations

from dataclasses import replace

from weighbridge.estimate.compute import record
from weighbridge.formats.loading import load
from weighbridge.kernels import Kernels, Norm
from weighbridge.models.tuning import Lora, Tuning
from weighbridge.nn import (
    CausalLM,
    DecoderLayer,
    Embedding,
    GatedMLP,
    GroupedQueryAttention,
    Head,
    Linear,
    Repeat,
    RMSNorm,
)
from weighbridge.nn.grafting import grafted
from weighbridge.nn.lora import LoraLinear
from weighbridge.tape import Axis, Pass, Tape, Weight
from weighbridge.units import FP32


def frozen(*sizes: int) -> Linear:
    linear = Linear(Axis("hidden", sizes[0]), Axis("ffn", sizes[1]))
    return grafted(linear, lambda _, copy: copy, lambda weight: replace(weight, frozen=True))


def tape_of(lora: LoraLinear) -> Tape:
    tape = Tape(Pass(batch=2, sequence=3), partial=True)
    x = tape.tensor("x", Axis("batch", 2), Axis("sequence", 3), Axis("hidden", 8))
    tape.wake(x)
    lora(x)
    return tape


def test_the_frozen_projection_keeps_nothing_and_the_adapter_its_inputs() -> None:
    base = frozen(8, 16)
    tape = tape_of(LoraLinear(base.columns, base.out, rank=4, base=base))
    first, second, third, *rest = tape.operations
    assert first.keeps == ()
    assert (first.work.forward, first.work.backward) == (2 * 6 * 8 * 16, 2 * 6 * 8 * 16)
    assert [tensor.count for tensor in (*second.keeps, *third.keeps)] == [6 * 8, 6 * 4]
    assert second.work.backward == 2 * second.work.forward
    assert all(operation.keeps == () for operation in rest)


def test_adapters_of_their_own_type_keep_a_copy() -> None:
    base = frozen(8, 16)
    tape = tape_of(LoraLinear(base.columns, base.out, rank=4, dtype=FP32, base=base))
    kept = [tensor for operation in tape.operations for tensor in operation.keeps]
    assert [tensor.dtype for tensor in kept] == [FP32, FP32]
    assert tape.operations[-1].name == "convert"


def test_weights_of_an_adapter() -> None:
    base = frozen(8, 16)
    lora = LoraLinear(base.columns, base.out, rank=4, dora=True, base=base)
    sizes = {name: tuple(axis.size for axis in weight.axes) for name, weight in lora.weights.items()}
    assert sizes == {"weight": (16, 8), "lora_a": (4, 8), "lora_b": (16, 4), "magnitude": (16,)}
    assert [name for name, weight in lora.weights.items() if weight.trained] == ["lora_a", "lora_b", "magnitude"]
    assert lora.children == {}


def test_what_stands_before_all_that_is_trained_keeps_nothing() -> None:
    model = replace(load("llama-3.1-8b"), tuning=Tuning(Lora(8, (r".*layers\.5\..*q_proj",))))
    tape = record(model.network, Pass(batch=1, sequence=4, kernels=Kernels(norm=Norm.EAGER)))
    start = next(span.start for span in tape.spans if span.module.places == (5,))
    assert start > 0
    assert all(not operation.keeps and operation.frozen for operation in tape.operations[:start])
    assert any(operation.keeps for operation in tape.operations[start:])


def test_layers_that_stay_folded_keep_what_all_but_the_first_keep() -> None:
    """Equal layers of a network that is not divided: a gradient of the stream comes to all but the first."""
    network = CausalLM(
        Embedding(100, 16),
        (Repeat(DecoderLayer(16, GroupedQueryAttention(16, 2, 2, 8), GatedMLP(16, 32)), 3),),
        RMSNorm(16),
        Head(16, 100),
    )
    frozen_but = grafted(
        network, lambda _, copy: copy, lambda w: replace(w, frozen=w.axes[0].name != "ffn" or len(w.axes) < 2)
    )
    tape = record(frozen_but, Pass(batch=1, sequence=4, kernels=Kernels(norm=Norm.EAGER)))
    first = tape.operations[tape.spans[0].start : tape.spans[0].end]
    assert not any(operation.frozen for operation in first)
    assert tape.operations[0].frozen


def test_copies_keep_what_is_shared() -> None:
    model = load("gemma-2-2b").network
    copy = grafted(model, lambda _, made: made, lambda weight: Weight(weight.axes))
    assert copy.table is not model.table
    assert [id(w) for w in copy.node().weights.values()] == []
    assert copy.node().sum(lambda node: sum(w.count for w in node.weights.values()), lambda n: n.times) == (
        model.node().sum(lambda node: sum(w.count for w in node.weights.values()), lambda n: n.times)
    )
