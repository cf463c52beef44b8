"""Activation recomputation: what a plan runs again in the backward pass instead of keeping."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from weighbridge.gradients import storages
from weighbridge.pieces import Piece
from weighbridge.replay import Again
from weighbridge.tape import Segment


class Method(StrEnum):
    """Which layers are recomputed whole."""

    NONE = "none"
    UNIFORM = "uniform"
    """All of them, in groups of so many (Megatron-LM, --recompute-method uniform)."""
    BLOCK = "block"
    """The first so many of every stage's chunk (Megatron-LM, --recompute-method block)."""
    EVERY = "every"
    """Every so many-th (torchtitan, selective checkpointing by layers)."""


DISCARDS = frozenset({"layernorm", "moe_act", "mla_up_proj"})
"""Segments whose results are dropped too (Megatron-Core, transformer/transformer_config.py, recompute_modules)."""

MODULES: dict[str, tuple[str, ...]] = {
    "core_attn": ("core_attn",),
    "attention": ("attention", "linear_attention", "mamba"),
    "layernorm": ("layernorm",),
    "mlp": ("mlp",),
    "moe": ("moe",),
    "moe_act": ("expert_ffn_act",),
    "mla_up_proj": ("mla_up_proj",),
    "shared_experts": ("shared_experts",),
}
"""Names of a plan's recomputed modules, and the segments of the tape that they stand for."""

OFFLOADED: dict[str, tuple[str, ...]] = {
    "attn_norm": ("attn_norm",),
    "mlp_norm": ("mlp_norm",),
    "qkv_linear": ("qkv_linear",),
    "core_attn": ("core_attn",),
    "attn_proj": ("attn_proj",),
    "expert_fc1": ("expert_fc1",),
    "moe_act": ("expert_ffn_act",),
}
"""Names of modules whose kept tensors a plan copies to the host (Megatron-Core, --offload-modules), and segments."""


@dataclass(frozen=True)
class Saves:
    """Operations of a recomputed layer whose results stay (torchtitan, distributed/activation_checkpoint.py,
    _apply_op_sac: attention, and every second multiply by a weight, from the first).

    Attributes:
        names: what stays, by the names of operations on the tape.
        every: of multiplies by a weight, the first of every so many stays; 0 for none.
    """

    names: frozenset[str] = frozenset({"attention"})
    every: int = 2

    def of(self, piece: Piece) -> Again:
        """A layer as a segment that keeps its input and what is saved. ``torch.compile`` leaves out what nothing needs
        again and does not run what it does not need (torch/_functorch/partitioners.py); eager checkpointing does both.
        """
        tape, places = piece.tape, range(piece.start, piece.end)
        chosen = {i for i in places if tape.operations[i].name in self.names}
        if self.every:
            chosen |= {i for group in self._multiplies(piece)[:: self.every] for i in group}
        if not tape.run.kernels.compiled:
            return Again(piece.start, piece.end, saves=frozenset(chosen), skips=frozenset(chosen))
        needed = {key for i in places for key in storages(tape.operations[i].keeps)}
        skipped = set()
        for i in reversed(places):
            made = storages(tape.operations[i].makes).keys()
            if i in chosen or not made & needed:
                skipped.add(i)
            else:
                needed |= storages(tape.operations[i].reads).keys()
        kept = {i for i in chosen if storages(tape.operations[i].makes).keys() & needed}
        return Again(piece.start, piece.end, saves=frozenset(kept), skips=frozenset(skipped))

    def _multiplies(self, piece: Piece) -> list[list[int]]:
        """Multiplies by a weight in order; those of attention that read one input are one, where they are joined."""
        tape, found = piece.tape, list[list[int]]()
        attention = [s for s in tape.segments if s.name == "attention"]
        for i in range(piece.start, piece.end):
            operation = tape.operations[i]
            if operation.name != "matmul":
                continue
            joins = tape.run.kernels.joins_qkv and any(s.start <= i < s.end for s in attention)
            if joins and found and tape.operations[found[-1][0]].reads[0] is operation.reads[0]:
                found[-1].append(i)
            else:
                found.append([i])
        return found


PER_OPERATION = Saves()
"""torchtitan's list."""


@dataclass(frozen=True)
class Recompute:
    """What is recomputed.

    Attributes:
        method: which layers are recomputed whole.
        layers: how many layers a group has (uniform), how many are recomputed (block), or which (every).
        modules: segments of the other layers that are recomputed, by the keys of :data:`MODULES`.
        saves: operations of recomputed layers whose results stay; ``None`` for none.
        others: the same for layers that ``layers`` leaves out, which are then recomputed too (block).
    """

    method: Method = Method.NONE
    layers: int = 1
    modules: tuple[str, ...] = ()
    saves: Saves | None = None
    others: Saves | None = None

    def whole(self, piece: Piece) -> tuple[Again, ...]:
        """A layer recomputed whole: it keeps its input, and what is saved."""
        return (self.saves.of(piece) if self.saves else Again(piece.start, piece.end),)

    def among(self, layers: int, spare: int) -> int:
        """How many of some layers are recomputed whole, where ``spare`` are left to be (block)."""
        if self.method is Method.EVERY:
            return layers // self.layers
        return layers if self.method is Method.UNIFORM else min(spare, layers)

    @property
    def group(self) -> int:
        """Layers that are recomputed together from one input."""
        return self.layers if self.method is Method.UNIFORM else 1

    def segments(self, piece: Piece) -> tuple[Again, ...]:
        """What is recomputed of a layer that is not recomputed whole: chosen segments, none inside another."""
        if self.others is not None and piece.module is not None:
            return (self.others.of(piece),)
        chosen = {segment: name for name in self.modules for segment in MODULES[name]}
        inside = [s for s in piece.tape.segments if s.name in chosen and piece.start <= s.start and s.end <= piece.end]
        outer = [s for s in inside if not any(_within(s, other) for other in inside)]
        return tuple(Again(s.start, s.end, chosen[s.name] in DISCARDS) for s in sorted(outer, key=lambda s: s.start))


LAYERS = "layers"
"""What offloads the inputs of layers that are recomputed whole."""


def offloaded(piece: Piece, names: tuple[str, ...], whole: bool, away: bool = False) -> tuple[Segment, ...]:
    """Segments of a piece whose kept tensors are copied to the host; of a layer that is recomputed whole, its input; of
    one that is away, everything.
    """
    if away:
        return (Segment(LAYERS, piece.start, piece.end),)
    if whole:
        return (Segment(LAYERS, piece.start, piece.end),) if LAYERS in names else ()
    chosen = {segment for name in names for segment in OFFLOADED.get(name, ())}
    return tuple(s for s in piece.tape.segments if s.name in chosen and piece.start <= s.start and s.end <= piece.end)


def _within(inner: Segment, outer: Segment) -> bool:
    return inner is not outer and outer.start <= inner.start and inner.end <= outer.end
