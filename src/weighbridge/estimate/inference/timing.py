"""How long a pass takes on a rank that serves: kernel by kernel, and the messages between them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from weighbridge.arithmetic import Count, ceil_div, product
from weighbridge.estimate.asked import Asked, asked
from weighbridge.estimate.inference.formats import Format, of_packing, of_type
from weighbridge.estimate.inference.passes import Forward
from weighbridge.estimate.inference.weights import RankWeights
from weighbridge.estimate.time.launches import HOSTS, LAUNCH, OPERATIONS
from weighbridge.estimate.time.shapes import Heads, Projection, joined, kind_of
from weighbridge.estimate.time.work import Bound
from weighbridge.gradients import storages
from weighbridge.hardware.cluster import Cluster
from weighbridge.hardware.collectives import Collectives
from weighbridge.hardware.speeds import Speeds
from weighbridge.nn.mla import MultiHeadLatentAttention
from weighbridge.nn.moe import MixtureOfExperts
from weighbridge.parallel.serving import Serving
from weighbridge.sums import summed
from weighbridge.tape import Axis, Operation, Phase, Tensor, Weight, splits
from weighbridge.traced import plain
from weighbridge.tree import Kind
from weighbridge.units import FP32

TILE = 128
"""Rows and columns of a tile of chunked scans."""

FUSED = frozenset({"add", "store", "top k", "combine"})
"""Operations that engines run inside a kernel beside them: sums with the next normalisation, writes to the cache with
rotary positions, the choice of experts and their sum with the experts themselves, which have their own curve."""

KERNELS = {"experts": 8, "attention": 3, "delta rule": 9}
"""Kernels of what is timed as one. Experts: their choice, order of tokens, cast, multiply, activation, cast, multiply,
sum. Attention: keys and values into pages, the kernel itself, the copy of what it makes. The delta rule in chunks: two
norms, decays, their sums, products of keys, their inverse, their use, states, outputs. Sources: vllm-project/vllm,
model_executor/layers/fused_moe, v1/attention/backends; fla-org/flash-linear-attention, gated_delta_rule."""

EXPERTS = ("routed", "expert_ffn")
"""Axes of what only routed experts make."""


@dataclass(frozen=True)
class Span:
    """Something that takes time.

    Attributes:
        name: the operation.
        kind: what its module is for.
        bound: what it waits for.
        seconds: of all its runs.
        runs: how often it runs.
        launches: kernels that the host launches for all its runs.
    """

    name: str
    kind: Kind
    bound: Bound
    seconds: float
    runs: int = 1
    launches: int = 1


@dataclass(frozen=True, eq=False)
class PassTime:
    """A pass on one rank.

    Attributes:
        run: the pass.
        serving: how the model is served.
        weights: how its weights are stored.
        cluster: on what.
    """

    run: Forward
    serving: Serving
    weights: RankWeights
    cluster: Cluster

    @cached_property
    def asked(self) -> Asked:
        """What kernels and messages take there: with the rate of the device's one type of 16 bits for both, as what is
        said of bf16 holds for fp16.
        """
        device = self.cluster.device
        if "bf16" in device.peak_flops:
            return asked(self.cluster)
        rates = {"bf16": device.peak_flops[device.half], **device.peak_flops}
        return asked(replace(self.cluster, device=replace(device, peak_flops=rates)))

    @property
    def speeds(self) -> Speeds:
        """The device's kernels."""
        return self.asked.speeds

    @property
    def links(self) -> Collectives:
        """The cluster's messages."""
        return self.asked.links

    def _seconds(self, ask: Callable[..., Any], *sizes: Count | str, **options: Any) -> float:
        """What a method of the speeds or the messages answers."""
        return float(self.asked.once(ask, *sizes, **options))

    @cached_property
    def spans(self) -> tuple[Span, ...]:
        """Everything that takes time, in order."""
        tape = self.run.tape
        times = {id(operation): 1 for operation in tape.operations}
        for span in tape.spans:
            for operation in tape.operations[span.start : span.end]:
                times[id(operation)] *= int(plain(span.count))
        found: list[Span] = []
        for part in joined(self.run, tape.operations):
            first = part.first if isinstance(part, Projection) else part
            for name, bound, seconds in self._part(part):
                if seconds:
                    runs = times[id(first)]
                    launches = runs * (KERNELS.get(name, 1) + self._casts(part))
                    found.append(Span(name, kind_of(first), bound, runs * float(seconds), runs, launches))
        return tuple(found)

    @cached_property
    def device_seconds(self) -> float:
        """Of the device's kernels and messages."""
        return summed(span.seconds for span in self.spans)

    @cached_property
    def host_seconds(self) -> float:
        """Of the host, which launches every kernel of a pass that is not replayed from a graph."""
        if self.serving.engine.graphs and self.run.work.phase is Phase.DECODE:
            return 0.0
        speed = HOSTS.get(self.cluster.device.architecture, 1.0)
        if self.serving.engine.compiled:
            return speed * LAUNCH * sum(span.launches for span in self.spans)
        return speed * OPERATIONS["megatron"] * sum(span.runs for span in self.spans)

    @property
    def seconds(self) -> float:
        """Of the whole pass: whichever of device and host takes longer, and what a step takes besides."""
        return max(self.device_seconds, self.host_seconds) + self.serving.engine.step

    @property
    def attention(self) -> float:
        """Of attention alone, in all layers."""
        return summed(span.seconds for span in self.spans if span.name == "attention")

    def _part(self, part: Projection | Operation) -> Iterator[tuple[str, Bound, float]]:
        """What an operation, or projections that run as one, takes."""
        if isinstance(part, Projection):
            yield from () if part.routed else self._projection(part)
        elif part.name == "dispatch":
            yield from self._experts(part)
        elif part.name == "attention":
            yield "attention", *self._attention(part)
        elif part.name not in FUSED and not self._routed(part):
            yield from self._other(part)

    def _projection(self, own: Projection) -> Iterator[tuple[str, Bound, float]]:
        """A multiply, the cast before it, and the sum of the ranks' shares after it."""
        fmt = self.format(own.weights[0] if own.weights else None)
        rows, columns, depth = (int(plain(size)) for size in (own.rows, own.columns, own.depth))
        linear = self._linear(rows, columns, depth, fmt)
        if linear is not None:
            yield "matmul", self._bound(rows), linear
        else:
            if fmt.casts:
                cast = self._seconds(self.speeds.stream, 3 * rows * depth) - self.speeds.launch / 2
                yield "cast", Bound.MEMORY, cast
            yield "matmul", self._bound(rows), self.multiply(rows, columns, depth, fmt)
        inside = any(isinstance(module, MixtureOfExperts) for module in own.first.scope)
        if own.splits_columns and not inside:  # the sum of shared experts' shares is one with that of the routed ones
            yield "all-reduce", Bound.NETWORK, self.all_reduce(2 * rows * columns)
        if own.kind is Kind.HEAD and plain(self.serving.tensor) > 1:
            ranks = self.serving.tensor
            yield "gather", Bound.NETWORK, self._seconds(self.links.all_gather, 2 * rows * columns * ranks, ranks)

    def _bound(self, rows: int) -> Bound:
        """Few rows wait for weights: the device's rate over its bandwidth says how few."""
        device = self.speeds.device
        return Bound.COMPUTE if rows > device.peak_flops["bf16"] / device.memory_bandwidth else Bound.MEMORY

    def format(self, weight: Weight | None) -> Format:
        """How a weight is multiplied with."""
        packing = None if weight is None else self.weights.packings.get(id(weight))
        device = self.cluster.device
        return of_type(self.weights.dtype, device) if packing is None else of_packing(packing, device)

    def multiply(self, rows: int, columns: int, depth: int, fmt: Format) -> float:
        """A multiply; weights of fewer bits than it runs in come from memory as they are."""
        if fmt.precision != "bf16" or fmt.bits >= 16:
            return self._seconds(self.speeds.matmul, rows, columns, depth, fmt.precision)
        bits = 4 if fmt.bits < 6 else 8
        group = round(16 / (fmt.bits - bits)) if fmt.bits > bits else depth
        return self._seconds(self.speeds.weight_only, rows, columns, depth, bits, group)

    def _casts(self, part: Projection | Operation) -> int:
        """Kernels that bring what a multiply is given to its type, where they are timed as one with it."""
        if not isinstance(part, Projection) or not part.weights:
            return 0
        fmt = self.format(part.weights[0])
        return int(fmt.casts and fmt.experts in self.serving.engine.linear)

    def _linear(self, rows: int, columns: int, depth: int, fmt: Format) -> float | None:
        """Cast and multiply as the engine's own kernels do, where they were measured."""
        if not fmt.casts or fmt.experts not in self.serving.engine.linear:
            return None
        seconds = self.asked.once(self.speeds.linear, rows, columns, depth, fmt.experts)
        return None if seconds is None else float(seconds)

    def all_reduce(self, size: Count) -> float:
        """The sum over tensor parallel ranks."""
        ranks = int(plain(self.serving.tensor))
        if ranks == 1:
            return 0.0
        engine = self.serving.engine.name
        direct = self.links.curves.direct
        if engine in direct:
            return self._seconds(self.links.small_all_reduce, size, ranks, engine=engine)
        return self._seconds(self.links.all_reduce, size, ranks)

    def _experts(self, dispatch: Operation) -> Iterator[tuple[str, Bound, float]]:
        """Routed experts of a layer, and the messages around them."""
        serving, sharding = self.serving, self.serving.sharding
        moe = next(module for module in reversed(dispatch.scope) if isinstance(module, MixtureOfExperts))
        given = dispatch.reads[0]
        assert isinstance(given, Tensor)
        rows = int(plain(product(sharding.local(axis) for axis in given.axes[:-1])))
        tokens, hidden = rows * serving.data, int(plain(given.axes[-1].size))
        expert = moe.experts.module
        weight = next(node.weights["weight"] for node in expert.node().walk() if "weight" in node.weights)
        width = int(plain(sharding.local(Axis("expert_ffn", moe.intermediate_size))))
        matrices = 3 if moe.gated else 2
        seconds = self._seconds(
            self.speeds.experts,
            tokens,
            moe.met,
            moe.num_experts,
            hidden,
            width,
            self.format(weight).experts,
            gpus=serving.expert,
            matrices=matrices,
        )
        yield "experts", self._bound(tokens * moe.met // moe.num_experts), seconds
        ranks = serving.tensor * serving.data
        if serving.data == 1:
            yield "all-reduce", Bound.NETWORK, self.all_reduce(2 * rows * hidden)
        else:
            sent = rows * min(moe.met, serving.expert) * hidden
            for name, size in (("dispatch", sent), ("combine", 2 * sent)):
                yield name, Bound.NETWORK, self._seconds(self.links.all_to_all, size, ranks)

    def _attention(self, operation: Operation) -> tuple[Bound, float]:
        """Attention over the prompt, or of one token over the cache."""
        run = self.run.work
        module, found = operation.scope[-1], Heads(self.run, operation)
        if run.phase is Phase.DECODE and isinstance(module, MultiHeadLatentAttention):
            own = self.serving.sharding.local(Axis("heads", module.num_heads))
            keys = run.positions if module.selected is None else min(run.positions, module.selected)
            latent = (run.batch, own, keys, module.kv_lora_rank, module.qk_rope_head_dim)
            kept = self.serving.cache_type.element(module.kv_lora_rank)
            return Bound.MEMORY, self._seconds(self.speeds.latent_decode_attention, *latent, kv_bytes=kept)
        chosen = module.selected if isinstance(module, MultiHeadLatentAttention) else None
        if chosen is not None and run.positions > chosen:
            return Bound.COMPUTE, self._chosen(module, chosen)
        batch, own, groups, queries, keys, qk_dim, v_dim = found.shape
        if run.phase is Phase.DECODE:
            seen = max(1, int(plain(found.pairs)))
            heads = (batch, own, groups, seen, qk_dim, v_dim)
            kept = self.serving.cache_type.element(int(plain(v_dim)))
            return Bound.MEMORY, self._seconds(self.speeds.decode_attention, *heads, kv_bytes=kept)
        if isinstance(module, MultiHeadLatentAttention):
            whole = (batch, own, queries, keys, qk_dim, v_dim)
            seconds = self._seconds(self.speeds.latent_attention, *whole, causal=True, pairs=found.pairs)
        else:
            seconds = self._seconds(self.speeds.attention, *found.shape, pairs=found.pairs)
        return Bound.COMPUTE, seconds

    def _chosen(self, module: Any, selected: Count) -> float:
        """Attention of a prompt whose queries each look at keys of their own choice: none are shared, so that every
        query is worked through as a sequence of its own that makes one token, its heads filling up a tile. Source:
        deepseek-ai/FlashMLA, sparse prefill: one query a block of threads, heads padded to 64 or 128.
        """
        run, kept = self.run.work, self.serving.cache_type.element(module.kv_lora_rank)
        own = self.serving.sharding.local(Axis("heads", module.num_heads))
        first = max(0, int(plain(selected)) - int(plain(run.past)))  # queries that see fewer keys than they may choose
        short = min(first, int(plain(run.sequence)))
        seen = int(plain(selected)) - short * first // (2 * int(plain(run.sequence)))
        latent = (run.batch * run.sequence, own, seen, module.kv_lora_rank, module.qk_rope_head_dim)
        return self._seconds(self.speeds.latent_decode_attention, *latent, kv_bytes=kept)

    def _routed(self, operation: Operation) -> bool:
        """Whether an operation works on routed tokens, which the experts' own curve has."""
        axes = (axis for tensor in operation.makes for axis in tensor.axes)
        return any(isinstance(axis, Axis) and axis.name in EXPERTS for axis in axes)

    def _other(self, operation: Operation) -> Iterator[tuple[str, Bound, float]]:
        """A kernel that moves what it reads and makes; recurrences read and write their states too."""
        if not operation.makes:
            return
        if operation.name == "rotary" and operation.reads[0].axes[-1].name in ("kv_heads", "rope"):
            return  # keys are turned by the kernel that turns queries
        moved = sum(int(plain(self.run.size(t))) for t in storages((*operation.reads, *operation.makes)).values())
        moving = self._seconds(self.speeds.stream, moved + self._states(operation))
        yield operation.name, Bound.MEMORY, max(moving, self._multiplied(operation))
        if operation.name == "norm" and any(splits(w.axes[-1]) for w in operation.reads if isinstance(w, Weight)):
            yield from self._shared_norm(operation, moving)
        if operation.name == "lookup" and any(splits(w.axes[0]) for w in operation.reads if isinstance(w, Weight)):
            yield "all-reduce", Bound.NETWORK, self.all_reduce(self.run.size(operation.makes[0]))

    def _shared_norm(self, operation: Operation, moving: float) -> Iterator[tuple[str, Bound, float]]:
        """What a norm over all heads takes besides, where ranks share the heads: the sum of squares of every row goes
        round between two kernels. Source: vllm-project/vllm, MiniMaxText01RMSNormTP.
        """
        if plain(self.serving.tensor) == 1:
            return
        given = operation.makes[0]
        rows = int(plain(product(self.serving.sharding.local(axis) for axis in given.axes[:-1])))
        yield "all-reduce", Bound.NETWORK, self.all_reduce(FP32.bytes(rows))
        yield operation.name, Bound.MEMORY, moving

    def _states(self, operation: Operation) -> int:
        """Bytes of the states that a recurrence reads and writes."""
        if not plain(operation.work.forward):
            return 0
        scope = operation.scope
        stores = (o for o in self.run.tape.operations if o.stores and o.scope == scope)
        kept = (t for o in stores for t in o.stores if all(getattr(axis, "name", "") != "keys" for axis in t.axes))
        return 2 * sum(int(plain(self.serving.sharding.bytes(tensor))) for tensor in kept)

    def _multiplied(self, operation: Operation) -> float:
        """Seconds of what multiplies beside its bytes: chunked scans, indexers."""
        work = int(plain(operation.counted.get("torch", operation.work).forward))
        if not work:
            return 0.0
        tiles = ceil_div(work, 2 * TILE**3 * self.serving.tensor)
        return self._seconds(self.speeds.matmul, TILE, TILE, TILE, "bf16", tiles)


def by(spans: tuple[Span, ...], attribute: str) -> dict[Any, float]:
    """Seconds by an attribute of what takes them."""
    found: dict[Any, float] = {}
    for span in spans:
        key = getattr(span, attribute)
        found[key] = found.get(key, 0.0) + span.seconds
    return found
