"""How a model is served: the ranks that share it, the data types, the engine, and what users ask of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from weighbridge.arithmetic import Count, ceil_div, exact_div
from weighbridge.errors import did_you_mean
from weighbridge.nn.compressed_attention import CompressedAttention
from weighbridge.nn.mla import MultiHeadLatentAttention
from weighbridge.nn.problems import Problem
from weighbridge.nn.short_convolution import ShortConvolution
from weighbridge.parallel.cache_types import CacheType, grows
from weighbridge.parallel.degrees import SERVING
from weighbridge.parallel.engine import ENGINES, Engine
from weighbridge.parallel.sharding import Sharding
from weighbridge.tape import Axis, Tensor
from weighbridge.tree import Kind, Node
from weighbridge.units import DATA_TYPES, DataType

LARGEST_SHARE = 1.0

LATENT = (MultiHeadLatentAttention, CompressedAttention)
"""Attention that caches one vector for all heads."""

STATES = (Kind.LINEAR_ATTENTION, Kind.STATE_SPACE)
"""Kinds of modules that keep states."""


@dataclass(frozen=True)
class ServingSharding(Sharding):
    """What a rank that serves holds of an axis.

    Attributes:
        data: replicas of attention, whose tokens all go to the same experts.
    """

    data: Count = 1

    def units(self, axis: Axis) -> Count:
        """A rank's pieces; of routed tokens those of all replicas, by the ranks that share the experts."""
        if axis.name == "routed":
            return ceil_div(axis.units * self.data, self.expert)
        return super().units(axis)


@dataclass(frozen=True, kw_only=True)
class Serving:
    """A deployment and its load. Sizes are numbers of ranks unless they say otherwise.

    Attributes:
        tensor: tensor parallel size.
        pipeline: pipeline parallel size.
        data: data parallel size of attention: replicas of all but routed experts, which their ranks share.
        expert: expert parallel size, of the ``tensor * data`` ranks that share experts; the rest divides the inside of
            each expert.
        engine: what runs it.
        compute: data type of activations.
        cache: data type of keys and values, of those that the engine has.
        prompt: tokens of a prompt.
        output: tokens that are generated after each.
        batch: sequences that are generated at once, on all ranks together.
        memory_share: of a device's memory, what the engine takes; its own default if ``None``.
        chunk: tokens that one pass runs at most; the engine's own default if ``None``.
        cached_prompt: share of a prompt that is found in the prefix cache.
        shortest: prompts and outputs are evenly as long as anything between this share of ``prompt`` and ``output`` and
            those.
        rounds: requests that each user sends, one after the other; the first ones of all users come at once.
        poll: passes of tokens from one look for new requests to the next (SGLang's ``--scheduler-recv-interval``).
        slots: sequences that run at a time at most, on all ranks; ``None`` for as many as are sent.
        drafted: tokens that are guessed for each sequence and pass (multi-token prediction, a draft model).
        accepted: of them, how many are right on the mean.
    """

    tensor: Count = 1
    pipeline: Count = 1
    data: Count = 1
    expert: Count = 1
    engine: Engine = ENGINES["vllm"]
    compute: DataType = DATA_TYPES["bf16"]
    cache: DataType = DATA_TYPES["bf16"]
    prompt: Count = 1024
    output: Count = 256
    batch: Count = 1
    memory_share: float | None = None
    chunk: int | None = None
    cached_prompt: float = 0.0
    shortest: float = 1.0
    rounds: int = 10
    poll: int = 1
    slots: int | None = None
    drafted: int = 0
    accepted: float = 0.0

    @property
    def mean_prompt(self) -> Count:
        """Tokens of a prompt on the mean."""
        return _mean(self.prompt, self.shortest)

    @property
    def mean_output(self) -> Count:
        """Tokens after each on the mean."""
        return _mean(self.output, self.shortest)

    @property
    def gpus(self) -> Count:
        """Devices in all."""
        return self.tensor * self.pipeline * self.data

    @property
    def cache_type(self) -> CacheType:
        """Keys and values as the engine keeps them in that data type."""
        return self.engine.caches.get(self.cache.name) or CacheType(self.cache)

    def cached(self, tensor: Tensor) -> Count:
        """A rank's bytes of what a pass stores, in the cache's data type where that is of positions and in the data
        type of activations; states keep their own. Where ranks outnumber key/value heads they hold copies of them.
        """
        if tensor.dtype is not self.compute:
            return self.sharding.bytes(tensor)
        if not grows(tensor):
            return self.sharding.bytes(replace(tensor, dtype=self.engine.state or tensor.dtype))
        return self.cache_type.bytes(tensor, self.sharding, self.output)

    @cached_property
    def sharding(self) -> ServingSharding:
        """What a rank holds of an axis."""
        inside = exact_div(self.tensor * self.data, self.expert)
        return ServingSharding(tensor=self.tensor, expert=self.expert, expert_tensor=inside, data=self.data)

    @property
    def sequences(self) -> Count:
        """Sequences of one attention rank, as many as the fullest has."""
        return -(-self.batch // self.data)

    @property
    def pass_tokens(self) -> Count:
        """Tokens of prompts that one pass of a rank runs at most."""
        waiting, most = self.prompt * self.sequences, self.chunk_tokens
        return waiting if most is None else min(waiting, most)

    @property
    def chunk_tokens(self) -> Count | None:
        """Tokens of a pass at most, as asked or as the engine has it; ``None`` for whole prompts."""
        return self.engine.chunk if self.chunk is None else self.chunk

    @property
    def tokens_per_pass(self) -> float:
        """Tokens that a pass of decoding gives a sequence: one, and those of its guesses that are accepted."""
        return 1 + self.accepted

    def problems(self, tree: Node, gpus: int | None = None) -> Iterator[Problem]:
        """What does not fit together, for plain numbers."""
        for name in (*SERVING.values(), "prompt", "output", "batch"):
            if getattr(self, name) < 1:
                yield name, f"{getattr(self, name):,}; allowed is a whole number from 1"
                return
        if gpus is not None and self.gpus > gpus:
            yield "gpus", f"tensor x pipeline x data = {self.gpus:,} GPUs are more than the cluster's {gpus:,}"
        if (self.tensor * self.data) % self.expert:
            yield "expert", f"{self.expert:,} does not divide the {self.tensor * self.data:,} ranks that share experts"
            return
        experts = [node for node in tree.walk() if node.together]
        if self.expert > 1 and not experts:
            yield "expert", f"{self.expert:,}, but the model has no experts"
        for node in experts:
            if node.times % self.expert:
                yield "expert", f"{node.times:,} experts do not divide by {self.expert:,}"
                break
        share = self.memory_share
        if share is not None and not 0 < share <= LARGEST_SHARE:
            yield "memory_share", f"{share:g}; allowed is above 0 up to 1"
        if not 0 <= self.cached_prompt < 1:
            yield "cached_prompt", f"{self.cached_prompt:g}; allowed is 0 up to, but not, 1"
        yield from self._load()
        yield from self._cache(tree)
        yield from self._heads(tree)

    def _load(self) -> Iterator[Problem]:
        """What users cannot ask."""
        if not 0 < self.shortest <= 1:
            yield "shortest", f"{self.shortest:g}; allowed is above 0 up to 1"
        for name in ("rounds", "poll", "slots"):
            value = getattr(self, name)
            if value is not None and value < 1:
                yield name, f"{value:,}; allowed is a whole number from 1"
        if self.drafted < 0:
            yield "drafted", f"{self.drafted:,}; allowed is a whole number from 0"
        elif not 0 <= self.accepted <= self.drafted:
            yield "accepted", f"{self.accepted:g}; allowed is 0 to the {self.drafted:,} tokens that are guessed"

    def _cache(self, tree: Node) -> Iterator[Problem]:
        """What the engine does not keep keys and values in."""
        name, title, caches = self.cache.name, self.engine.title, self.engine.caches
        found = [(node, module) for node in tree.walk() if (module := node.module) is not None]
        latent = any(isinstance(module, LATENT) for _, module in found)
        others = any(node.kind in STATES or getattr(module, "window", None) is not None for node, module in found)
        others = others or any(isinstance(module, ShortConvolution) for _, module in found)
        fitting = [one for one, kept in caches.items() if (kept.latents or not latent) and (kept.windows or not others)]
        if name in fitting:
            yield from self._blocks(name, [module for _, module in found])
            return
        known = caches.get(name)
        why = " of latents" if latent and known and not known.latents else " beside states or windows"
        what = why if known else ""
        yield (
            "cache",
            f"{title} keeps no {name} cache{what}; allowed: {', '.join(fitting)}{did_you_mean(name, fitting)}",
        )

    def _blocks(self, name: str, modules: list[Any]) -> Iterator[Problem]:
        """Head dimensions that blocks with a scale do not divide."""
        kept = self.engine.caches[name]
        for module in modules:
            heads, width = getattr(module, "num_kv_heads", None), getattr(module, "head_dim", None)
            if not (kept.dtype.block and isinstance(heads, int) and isinstance(width, int)):
                continue
            together = heads * width if kept.joins else width
            if together % kept.dtype.block:
                what = f"{heads:,} heads of {width:,}" if kept.joins else f"heads of {width:,}"
                yield "cache", f"{name} has blocks of {kept.dtype.block}, which do not divide {what}"
                return

    def _heads(self, tree: Node) -> Iterator[Problem]:
        """Heads that tensor parallel ranks cannot share."""
        for node in tree.walk():
            heads = getattr(node.module, "num_heads", None)
            if node.kind in (Kind.ATTENTION, Kind.LINEAR_ATTENTION) and isinstance(heads, int) and heads % self.tensor:
                yield "tensor", f"{self.tensor:,} does not divide {heads:,} attention heads"
                return


def _mean(longest: Count, shortest: float) -> Count:
    """Of lengths that are spread evenly; exact where all are alike."""
    return longest if shortest == 1 else round(longest * (1 + shortest) / 2)
