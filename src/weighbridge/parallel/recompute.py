"""Activation recomputation: what a plan runs again in the backward pass instead of keeping."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from weighbridge.replay import Again, Piece
from weighbridge.tape import Segment


class Method(StrEnum):
    """Which layers are recomputed whole."""

    NONE = "none"
    UNIFORM = "uniform"
    """All of them, in groups of so many (Megatron-LM, --recompute-method uniform)."""
    BLOCK = "block"
    """The first so many of every stage's chunk (Megatron-LM, --recompute-method block)."""


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


@dataclass(frozen=True)
class Recompute:
    """What is recomputed.

    Attributes:
        method: which layers are recomputed whole.
        layers: how many layers a group has (uniform), or how many are recomputed (block).
        modules: segments of the other layers that are recomputed, by the keys of :data:`MODULES`.
    """

    method: Method = Method.NONE
    layers: int = 1
    modules: tuple[str, ...] = ()

    @property
    def group(self) -> int:
        """Layers that are recomputed together from one input."""
        return self.layers if self.method is Method.UNIFORM else 1

    def segments(self, piece: Piece) -> tuple[Again, ...]:
        """What is recomputed of a layer that is not recomputed whole: chosen segments, none inside another."""
        chosen = {segment: name for name in self.modules for segment in MODULES[name]}
        inside = [s for s in piece.tape.segments if s.name in chosen and piece.start <= s.start and s.end <= piece.end]
        outer = [s for s in inside if not any(_within(s, other) for other in inside)]
        return tuple(Again(s.start, s.end, chosen[s.name] in DISCARDS) for s in sorted(outer, key=lambda s: s.start))


def whole(piece: Piece) -> tuple[Again, ...]:
    """A layer recomputed whole: it keeps its input only."""
    return (Again(piece.start, piece.end),)


def _within(inner: Segment, outer: Segment) -> bool:
    return inner is not outer and outer.start <= inner.start and inner.end <= outer.end
