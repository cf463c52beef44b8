"""A model described piece by piece in TOML: blocks of the modules in :mod:`weighbridge.nn`, and an order of layers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from annotated_types import Interval, MinLen

from weighbridge import nn
from weighbridge.models.config import MOST_LAYERS, Size0
from weighbridge.models.config import Config as BaseConfig
from weighbridge.nn import (
    CausalLM,
    DecoderLayer,
    Embedding,
    LayerNorm,
    Module,
    Repeat,
    RMSNorm,
    TokenAndPosition,
    stack,
)
from weighbridge.nn.problems import Problem
from weighbridge.traced import plain, same_kind

NORMS = {"rmsnorm": RMSNorm, "layernorm": LayerNorm}


def parts(branch: str) -> dict[str, type[Module]]:
    """The modules that a description may name as its "mixer" or its "feed_forward"."""
    return {name: part for name, part in vars(nn).items() if getattr(part, "branch", "") == branch}


@dataclass(frozen=True, kw_only=True)
class Block:
    """A kind of layer.

    Attributes:
        mixer: what mixes positions: ``type`` names a module, other keys are its fields (``hidden_size`` is filled in).
        feed_forward: what works on each position, written the same way.
        sandwich: normalise the output of each branch too.
    """

    mixer: dict[str, Any] | None = None
    feed_forward: dict[str, Any] | None = None
    sandwich: bool = False


@dataclass(frozen=True, kw_only=True)
class Run:
    """Layers of one kind in a row.

    Attributes:
        block: the name of the block.
        count: how many.
    """

    block: str
    count: Annotated[int, Interval(ge=1, le=MOST_LAYERS)] = 1


@dataclass(frozen=True, kw_only=True)
class Config(BaseConfig):
    """A whole model.

    Attributes:
        blocks: kinds of layers by name.
        layers: runs of layers, in order.
        repeat: how often the list of runs is repeated.
        norm: "rmsnorm" or "layernorm".
        learned_positions: rows of a table of learned positions; 0 for none.
        num_hidden_layers: worked out from ``layers``.
    """

    family: ClassVar[str] = "the description"
    derived: ClassVar[dict[str, str]] = {"num_hidden_layers": "layers"}

    num_hidden_layers: Size0 = 0
    blocks: Annotated[dict[str, Block], MinLen(1)]
    layers: Annotated[list[Run], MinLen(1)]
    repeat: Annotated[int, Interval(ge=1, le=MOST_LAYERS)] = 1
    norm: str = "rmsnorm"
    learned_positions: Size0 = 0

    def problems(self) -> Iterator[Problem]:
        yield from super().problems()
        if self.norm not in NORMS:
            yield "norm", f"{self.norm!r} is unknown; allowed: {', '.join(NORMS)}"
        for run in self.layers:
            if run.block not in self.blocks:
                yield "layers", f"block {run.block!r} is not described; described are: {', '.join(self.blocks)}"
        if self.repeat * sum(run.count for run in self.layers) > MOST_LAYERS:
            yield (
                "layers",
                f"{self.repeat * sum(run.count for run in self.layers):,} layers are more than {MOST_LAYERS:,}",
            )
        for name, block in self.blocks.items():
            if block.mixer is None and block.feed_forward is None:
                yield f"blocks.{name}", "needs a mixer, a feed_forward or both"

    def pattern(self) -> list[str]:
        """The block of each layer."""
        once = [run.block for run in self.layers for _ in range(plain(run.count))]
        times: int = plain(self.repeat)
        return once * times


def build(config: Config) -> CausalLM:
    """Blocks in the order that the description gives."""
    norm, hidden = NORMS[config.norm], config.hidden_size

    def part(branch: str, spec: dict[str, Any] | None) -> Module | None:
        if spec is None:
            return None
        fields: dict[str, Any] = {"hidden_size": hidden, **spec}
        return parts(branch)[fields.pop("type")](**fields)

    def layer(name: str) -> DecoderLayer:
        block = config.blocks[name]
        return DecoderLayer(
            hidden, part("mixer", block.mixer), part("feed_forward", block.feed_forward), norm, block.sandwich
        )

    pattern = config.pattern()
    runs: tuple[Repeat, ...] = stack(pattern, layer, same_kind(len(pattern), "num_hidden_layers", hidden))
    positions = config.learned_positions
    embedding: Module = Embedding(config.vocab_size, hidden)
    if plain(positions):
        embedding = TokenAndPosition(config.vocab_size, positions, hidden)
    return config.causal_lm(runs, embedding, norm(hidden))
