"""How many floating-point operations a model takes: forward and backward, per module, for prompts and decoding."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Any

from weighbridge.arithmetic import Count, total
from weighbridge.errors import InputError, given
from weighbridge.estimate.parameters import as_model
from weighbridge.estimate.shown import Shown
from weighbridge.kernels import Attention, Kernels
from weighbridge.models import Model
from weighbridge.nn import Module, TokenAndPosition
from weighbridge.tape import Axis, Operation, Pass, Phase, Tape
from weighbridge.traced import Label, named, trace
from weighbridge.tree import Node, every, paths, run
from weighbridge.units import INT64

EXACT = "exact"
"""The convention of this package: every multiply-add that the model needs, masked work left out."""

PER_OPERATION = (EXACT, "torch", "megatron")
"""Conventions that count operation by operation, so that they have figures for every module."""


USUAL_LENGTH = 4096
"""Tokens of a sequence where none are given."""


@lru_cache(maxsize=32)
def _partial(network: Module) -> bool:
    """Whether training leaves some of its weights as they are."""
    return any(weight.frozen for node in network.node().walk() for weight in node.weights.values())


def record(network: Module, work: Pass) -> Tape:
    """Run a network over symbolic tokens."""
    tape = Tape(work, partial=_partial(network))
    tokens = tape.tensor("tokens", Axis("batch", work.batch), Axis("sequence", work.sequence), dtype=INT64)
    network(tokens)
    return tape


@dataclass(frozen=True)
class FlopReport(Shown):
    """Floating-point operations of one pass through a model.

    Attributes:
        model: what was run.
        work: what was run through it.
        convention: "exact", or "torch" or "megatron" for what those count per operation.
    """

    model: Model
    work: Pass
    convention: str = EXACT

    @cached_property
    def tape(self) -> Tape:
        """The record of the forward pass."""
        return record(self.model.network, self.work)

    @cached_property
    def tree(self) -> Node:
        """The folded module tree."""
        return self.model.tree

    @cached_property
    def _by_node(self) -> dict[int, list[Operation]]:
        """Operations by the node whose module ran them, in the place where it stands.

        Raises:
            InputError: for a module that ran without having a place in the tree.
        """
        nodes = {path: node for path, _, node in paths(self.tree)}
        found: dict[int, list[Operation]] = defaultdict(list)
        for operation in self.tape.operations:
            node = nodes.get(operation.path)
            if node is None:
                names = " > ".join(type(module).__name__ for module in operation.scope)
                raise InputError(
                    f"{names}: the last of them ran but has no place in the one before; assign it in build"
                )
            found[id(node)].append(operation)
        return found

    def ran(self, node: Node) -> list[Operation]:
        """The operations of a node's own module, where it stands."""
        return self._by_node.get(id(node), [])

    def under(self, convention: str) -> FlopReport:
        """The same pass as another convention counts it; it is recorded once."""
        other = replace(self, convention=convention)
        vars(other).update(tape=self.tape, _by_node=self._by_node)
        return other

    @cached_property
    def _own(self) -> dict[tuple[int, str], Count]:
        """What nodes' own operations take, by node and direction, as far as it was asked for."""
        return {}

    def own(self, direction: str) -> Callable[[Node], Count]:
        """What a node's own operations take, "forward" or "backward"."""
        known = self._own

        def flops(node: Node) -> Count:
            key = (id(node), direction)
            if key not in known:
                done = ((o.name, o.flops(self.convention)) for o in self.ran(node))
                known[key] = total(node.part(name, getattr(work, direction)) for name, work in done)
            return known[key]

        return flops

    def of(self, node: Node, direction: str) -> Count:
        """What one copy of a node takes, children included."""
        return node.sum(self.own(direction), run, "FLOPs", include=every)

    @cached_property
    def forward(self) -> Count:
        """Floating-point operations of the forward pass."""
        return named(self.of(self.tree, "forward"), Label("forward_flops", "FLOPs"))

    @cached_property
    def backward(self) -> Count:
        """Floating-point operations of the backward pass, without recomputation."""
        return named(self.of(self.tree, "backward"), Label("backward_flops", "FLOPs"))

    @property
    def training(self) -> Count:
        """Forward and backward."""
        return self.forward + self.backward

    @property
    def tokens(self) -> Count:
        """New tokens of all sequences."""
        return self.work.batch * self.work.sequence

    def uncounted(self) -> dict[str, Count]:
        """Values made by operations to which the convention gives no FLOPs, by operation (norms, activations ...)."""
        found: dict[str, Count] = {}
        for node, times in self.tree.each(run, every):
            for operation in (o for o in self.ran(node) if o.makes):
                flops = operation.flops(self.convention)
                if _zero(flops.forward) and _zero(flops.backward):
                    made = times * operation.makes[0].count
                    found[operation.name] = found[operation.name] + made if operation.name in found else made
        return found

    def explained(self, quantity: str = "forward") -> Any:
        """A figure ("forward", "backward" or "training") as a traced number with its derivation.

        Raises:
            InputError: for another figure, or for a backward pass of generation, which has none.
        """
        if quantity not in ("forward", "backward", "training"):
            raise InputError(f"quantity: got {given(quantity)}; allowed: forward, backward, training")
        if quantity != "forward" and self.work.phase is not Phase.TRAIN:
            raise InputError(f"quantity: got {given(quantity)}; generation has no backward pass, allowed: forward")
        numbers = replace(trace(self.work), skipped=self.work.skipped)
        work = numbers if self.work.past else replace(numbers, past=0)  # an empty cache is no symbol
        traced = FlopReport(Model.of(self.model.traced, self.model.name), work, self.convention)
        name = quantity if self.work.phase is Phase.TRAIN else self.work.phase.value
        return named(getattr(traced, quantity), Label(f"{name}_flops", "FLOPs"))


def _zero(value: Count) -> bool:
    return type(value) is int and value == 0


def longest(model: Model) -> int | None:
    """The most tokens that learned positions allow; ``None`` where positions are not learned."""
    embedding = next((n.module for n in model.tree.walk() if isinstance(n.module, TokenAndPosition)), None)
    return embedding.max_positions if embedding else None


def check_count(name: str, value: object) -> None:
    """Refuse what is no whole number from 1; arrays and traced numbers pass.

    Raises:
        InputError: naming the argument and its value.
    """
    whole = isinstance(value, int) and not isinstance(value, bool)
    if (whole and value < 1) or isinstance(value, bool | str | float) or value is None:  # type: ignore[operator]
        raise InputError(f"{name}: got {given(value)}; expected a whole number from 1")


def check_convention(convention: object) -> None:
    """Refuse conventions that do not count operation by operation.

    Raises:
        InputError: naming those that do.
    """
    if convention not in PER_OPERATION:
        raise InputError(f"convention: got {given(convention)}; allowed: {', '.join(PER_OPERATION)}")


def check_length(model: Model, tokens: int) -> None:
    """Refuse sequences for which a model has no positions.

    Raises:
        InputError: naming the model's limit.
    """
    check_count("sequence", tokens)
    limit = longest(model)
    if limit is not None and tokens > limit:
        raise InputError(f"sequence: got {tokens:,} tokens; {model.name} has learned positions for at most {limit:,}")


def usual_length(model: Model, after: int = 0) -> int:
    """The sequence length taken where none is given: 4,096, or what learned positions leave before ``after`` more."""
    limit = longest(model)
    return USUAL_LENGTH if limit is None else max(1, min(USUAL_LENGTH, limit - after))


def flops(
    model: Model | Module | str,
    sequence: int | None = None,
    batch: int = 1,
    causal: bool = True,
    convention: str = EXACT,
    flash: bool = False,
) -> FlopReport:
    """Count the floating-point operations of one training step.

    Args:
        model: a loaded model, a network of modules, or any name or path that :func:`weighbridge.load` takes.
        sequence: tokens per sequence; 4,096 (or the most that learned positions allow) if not given.
        batch: sequences.
        causal: leave out the query-key pairs that the mask hides (conventions of others have their own rule).
        convention: "exact", "torch" or "megatron".
        flash: attention computes its scores again in the backward pass ("torch" counts that).

    Raises:
        InputError: for a convention that has no figures per module, or a sequence longer than learned positions.
    """
    loaded = as_model(model)
    tokens = usual_length(loaded) if sequence is None else sequence
    check_length(loaded, tokens)
    check_convention(convention)
    check_count("batch", batch)
    work = replace(forward_pass(tokens, batch, causal), kernels=attention_kernels(flash))
    return FlopReport(loaded, work, convention)


def attention_kernels(flash: bool) -> Kernels:
    """Kernels of which attention is one that computes its scores again backward, or matrix multiplies."""
    return Kernels(attention=Attention.FLASH if flash else Attention.PLAIN)


def forward_pass(
    sequence: Count,
    batch: Count = 1,
    causal: bool = True,
    phase: Phase = Phase.TRAIN,
    past: Count = 0,
    prediction: bool = False,
) -> Pass:
    """What is run through a model; after a prompt the head makes logits of the last position only."""
    return Pass(
        batch=batch,
        sequence=sequence,
        past=past,
        phase=phase,
        causal=causal,
        last_logits=phase is Phase.PREFILL,
        prediction=prediction,
    )
