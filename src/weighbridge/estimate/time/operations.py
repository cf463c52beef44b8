"""Kernels and messages of every operation of a tape, forward and backward."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from math import ceil
from typing import Any

from weighbridge.arithmetic import Count, ceil_div, total
from weighbridge.estimate.time import messages
from weighbridge.estimate.time.clock import Clock
from weighbridge.estimate.time.launches import LAUNCH, several
from weighbridge.estimate.time.losses import cross_entropy
from weighbridge.estimate.time.power import joules_of_attention
from weighbridge.estimate.time.shapes import Heads, Projection, kind_of
from weighbridge.estimate.time.work import Bound, Doing, Kernel, Passes
from weighbridge.estimate.training import Training
from weighbridge.gradients import storages
from weighbridge.hardware.speeds.attention import BACKWARD_FLOPS
from weighbridge.kernels import Attention
from weighbridge.parallel.precision import Recipe
from weighbridge.tape import Operation, Tensor, Use, Weight
from weighbridge.traced import plain

TILE = 128
"""Rows and columns of the tiles in which chunked scans multiply (Dao and Gu 2024, section 7: chunks of 64 to 256)."""

AROUND = 14
"""Bytes per element of the result that move before and after a fused backward kernel: result and gradient are read for
their product; the queries' gradient gathers in fp32, which is zeroed, read and written in 16 bits (Dao 2023,
FlashAttention-2, algorithm 2; 86 us for 2**24 elements on an H100, by a profile of cuDNN's kernels)."""

OLDER_FORWARD, OLDER_BACKWARD = 1.9, 1.6
"""Seconds of FlashAttention-2 over those of kernels that use the tensor cores of Hopper and Blackwell as they are meant
to be used (benchmarks/measured/kernels, H100: medians of five shapes; transformers, pull request 48163: 1.7 to 2.3)."""

FIRST = {Attention.FLASH_1: 2.0, Attention.TRITON: 1.8}
"""Seconds of the first FlashAttention over those of the second: 1.7 to 3.0, "around 2" (Dao 2023, abstract and section
4.1); written in Triton 1.3 to 2.5 (the same)."""

SPLIT = 1.03
"""Seconds of an 8-bit multiply whose sums are gathered outside the tensor cores over those of a fast one
(benchmarks/measured/kernels, H100: the mean of twelve sizes, 0.93 to 1.11)."""

APPLIED, APPLIED_BACK = 28, 36
"""Bytes per element that move where Megatron-Core adds the biases of experts to their results, each times the weight of
its token in fp32, operation by operation (transformer/moe/experts.py, _apply_bias): product, sum, concatenation, to 16
bits; backward, to fp32, to 16 bits, and two products with their sums."""

MERGED, MERGED_BACK = 32, 50
"""Bytes per element of the result that move where PyTorch's context parallelism adds attention to another rank's keys
to what it has, in fp32, operation by operation; backward, three gradients, of which those of keys are put together to
be sent (torch/distributed/tensor/experimental/_attention.py, _SDPAMerger and _partial_update: half of the ranks' keys
meet all queries, half the later half of them)."""

LOSSES = frozenset({"cross-entropy", "to fp32", "log softmax", "negative log-likelihood", "head and loss"})

MESSAGES = frozenset({"exchange", "gather"})
"""Operations that are nothing but a message."""


@dataclass(frozen=True, eq=False)
class Timer:
    """Times the operations of a step on one rank.

    Attributes:
        training: the step.
        clock: seconds of kernels and messages.
        pieces: how long pieces take, by their ids; stages share them.
    """

    training: Training
    clock: Clock
    pieces: dict[int, Any] = field(default_factory=dict, repr=False)

    def passes(self, part: Projection | Operation) -> Passes:
        """An operation, or projections that run as one; only forward where no gradient passes through."""
        frozen = part.first.frozen if isinstance(part, Projection) else part.frozen
        return Passes(self._passes(part).forward) if frozen else self._passes(part)

    def _passes(self, part: Projection | Operation) -> Passes:
        if isinstance(part, Projection):
            return self.projection(part)
        if part.name == "attention":
            return self.attention(part)
        if part.name in MESSAGES:
            return self._gathered(part)
        if part.name in LOSSES and part.makes[0].use is Use.LOGITS:
            return cross_entropy(self.training, self.clock, part)
        return self.pointwise(part)

    def projection(self, own: Projection) -> Passes:
        """Three multiplies: the result, the gradient of the input, the gradient of the weights."""
        clock, kind, precision = self.clock, own.kind, own.precision
        rows, columns, depth, products = own.rows, own.columns, own.depth, own.products
        there = clock.multiply("matmul", kind, rows, columns, depth, precision, products, own.apart)
        back = clock.multiply("matmul", kind, rows, depth, columns, precision, products, own.apart)
        weight = clock.multiply("matmul", kind, columns, depth, rows, precision, products, own.apart)
        back, weight = self._split(back, precision), self._split(weight, precision)
        forward, inputs, weights = [there], [back], [weight]
        if precision in ("fp8", "fp4"):
            forward += self._casts(own)
            inputs.append(self._cast("cast gradient", own, own.rows * own.products * own.columns))
            again = self._cast_weights(own)
            forward, inputs = forward + again, inputs + again
        if plain(own.written_out):
            forward.append(self.clock.stream("write weight out", own.kind, own.written_out))
            inputs.append(self.clock.stream("write weight out", own.kind, own.written_out))
        weights = weights + self._added(own) if own.trained else []
        weights += self._biased(own)
        if own.applies_bias:
            forward.append(self._applied(own, APPLIED))
            inputs.append(self._applied(own, APPLIED_BACK))
        scattered, gathered = self._reordered(own)
        forward, inputs = forward + scattered, inputs + gathered
        sent = messages.of_projection(self.training, clock, own, there.seconds, back.seconds, weight.seconds)
        return Passes(
            Doing(tuple(forward), sent.forward), Doing(tuple(inputs), sent.inputs), Doing(tuple(weights), sent.weights)
        )

    def _reordered(self, own: Projection) -> tuple[list[Kernel], list[Kernel]]:
        """Where a split result is scattered along positions, and its gradient gathered, copies from or to the order of
        ranks: PyTorch's collectives know the first dimension only (torch/distributed/_functional_collectives.py,
        reduce_scatter_tensor). Asynchronous tensor parallelism has multiplies write in that order
        (torch/distributed/_symmetric_memory).
        """
        scatters = own.splits_columns and self.training.work.gathers and not own.routed
        if not scatters or self.training.kernels.gathers_again or self.training.plan.overlaps_tensor:
            return [], []
        sizes = (own.whole_result, messages.cast(self.training, own.whole_result, own.kind))
        there, back = ([self.clock.stream("order of ranks", own.kind, 2 * size)] for size in sizes)
        return there, back

    def _gathered(self, operation: Operation) -> Passes:
        """A gathered sequence, with its copy from the order of ranks, and its gradient's to it."""
        sent = messages.of_operation(self.training, self.clock, operation)
        if not operation.scratch or self.training.plan.overlaps_tensor:
            return sent
        made = self.training.size(operation.makes[0])
        sizes = (messages.cast(self.training, made, kind_of(operation)), made)
        there, back = (self.clock.stream("order of ranks", kind_of(operation), 2 * size) for size in sizes)
        return Passes(Doing((there,), sent.forward.messages), Doing((back,), sent.inputs.messages))

    def _split(self, multiply: Kernel, precision: str) -> Kernel:
        """A multiply for gradients: Transformer Engine has sums gathered in fp32 outside Hopper's tensor cores, which
        keep fewer bits of them in 8-bit multiplies (pytorch/module/base.py, _2X_ACC_DGRAD and _2X_ACC_WGRAD).
        """
        hopper = self.clock.cluster.device.architecture == "hopper"
        if precision == "fp8" and hopper and self.training.plan.framework.transformer_engine:
            return replace(multiply, seconds=SPLIT * multiply.seconds)
        return multiply

    def _casts(self, own: Projection) -> list[Kernel]:
        """Casts of an input that the tape does not have: where the framework does not keep it so."""
        if self.training.kernels.inputs is not None:
            return []
        return [self._cast("cast input", own, own.rows * own.products * own.depth)]

    def _cast(self, name: str, own: Projection, elements: Count) -> Kernel:
        """Casts of 16 bits by rows and by columns."""
        reads = self._reads
        return self.clock.stream(name, own.kind, elements * (reads * self._wide + 2), reads)

    def _cast_weights(self, own: Projection) -> list[Kernel]:
        """Casts of weights that torchao makes for every multiply, where they are gathered in 16 bits
        (float8/float8_linear.py; prototype/mx_formats/mx_linear.py): half of the two that an input has. Transformer
        Engine's are made once in a step, and left out.
        """
        if self.training.plan.framework.transformer_engine or self.training.plan.precision.parameters_in_fp8:
            return []
        whole = self.training.plan.precision.recipe is Recipe.TENSORWISE  # the largest value of all comes before each
        moved = own.elements * (self._reads * self._wide * (1 if whole else 0.5) + 1)
        return [self.clock.stream("cast weights", own.kind, moved)]

    @property
    def _wide(self) -> int:
        return self.training.plan.precision.compute.bits // 8

    @property
    def _reads(self) -> int:
        """How often casts by rows and by columns read what they cast: once in Transformer Engine (common/transpose,
        cast_transpose), for each in torchao where rows and columns have scales of their own, and before that for the
        largest value of all, or of each column (rows are kept from the largest value on).
        """
        recipe, once = self.training.plan.precision.recipe, self.training.plan.framework.transformer_engine
        return {Recipe.TENSORWISE: 2, Recipe.ROWWISE: 3}.get(recipe, 1 if once else 2)  # type: ignore[arg-type]

    def _biased(self, own: Projection) -> list[Kernel]:
        """The gradient of a bias sums up that of the result, in a kernel of its own; Transformer Engine's multiplies do
        it themselves (pytorch/module/linear.py, the epilogue of the multiply for the gradient of the weights).
        """
        if not own.biased or self.training.plan.framework.transformer_engine:
            return []
        return [self.clock.stream("bias gradient", own.kind, own.whole_result)]

    def _applied(self, own: Projection, bytes: int) -> Kernel:
        """Adds the biases of experts to their results, or the gradients of that."""
        elements = own.rows * own.products * own.columns
        launches = ceil(4 * plain(own.products) * LAUNCH / self.clock.launch)
        return self.clock.stream("apply bias", own.kind, bytes * elements, launches)

    def _added(self, own: Projection) -> list[Kernel]:
        """Weight gradients that are added to those of earlier micro-batches: by a kernel of their own, or at the end of
        every tile of the multiply, when its products are done (benchmarks/measured/kernels, H100: 0.84 of what moving
        them takes over products of 2,048 rows; less over more, where the power limit gives back what the pause saves).
        """
        plan = self.training.plan
        wide, low = plan.precision.gradients.bits // 8, plan.precision.compute.bits // 8
        if plan.accumulation_fusion:
            return [self.clock.stream("add gradient", own.kind, own.elements * (2 * wide - low), 0)]
        if plain(plan.micro_batches) == 1:
            return []
        return [self.clock.stream("add gradient", own.kind, own.elements * (low + 2 * wide))]

    def attention(self, operation: Operation) -> Passes:
        """A fused kernel, or the second of the two multiplies of one that is written out."""
        if len([read for read in operation.reads if isinstance(read, Tensor)]) < 3:
            return self.written_out(operation)
        heads, kind = Heads(self.training, operation), kind_of(operation)
        parts = several(self.training.kernels, operation)
        precision = self.training.plan.precision.compute.name
        options = {"precision": precision, "causal": True, "pairs": heads.pairs}
        there, back = (self.clock.attention(backward, *heads.shape, **options) for backward in (False, True))
        slower = self.slower
        there, back = slower[0] * there, slower[1] * back
        sent = messages.of_attention(self.training, self.clock, heads, there, back)
        energy = joules_of_attention(self.clock.cluster.device, precision, heads.work)
        forward = Kernel("attention", kind, Bound.COMPUTE, there, parts.forward, energy)
        around = self.clock.stream(
            "attention", kind, AROUND * self.training.plan.sharding.count(operation.makes[0]), 1 + parts.backward
        )
        backward = (Kernel("attention", kind, Bound.COMPUTE, back, joules=BACKWARD_FLOPS * energy), around)
        merged = self._merged(operation)
        return Passes(Doing((forward, *merged[:1]), sent.forward), Doing((*backward, *merged[1:]), sent.inputs))

    def _merged(self, operation: Operation) -> tuple[Kernel, ...]:
        """Adding up attention to the keys of other context parallel ranks, forward and backward, where that is not the
        kernel's own work.
        """
        kernels = self.training.kernels
        if not (kernels.gathers_keys and kernels.repeats_keys):  # neither among one rank
            return ()
        elements = (self.training.plan.context - 1) * self.training.plan.sharding.count(operation.makes[0])
        sizes = (MERGED * elements, MERGED_BACK * elements)
        there, back = (self.clock.stream("merge", kind_of(operation), size) for size in sizes)
        return there, back

    @cached_property
    def slower(self) -> tuple[float, float]:
        """Seconds of the attention kernel over those of the best that the device has, forward and backward."""
        kernels, capability = self.training.kernels, self.clock.cluster.device.capability or (0, 0)
        best = capability[0] not in (9, 10)
        if (first := FIRST.get(kernels.attention)) is not None:
            return (first, first) if best else (first * OLDER_FORWARD, first * OLDER_BACKWARD)
        own = kernels.attention is Attention.SDPA and not (kernels.prefers_cudnn and capability[0] == 9)
        if best or not (own or kernels.attention is Attention.FLASH):
            return 1.0, 1.0
        return OLDER_FORWARD, OLDER_BACKWARD

    def written_out(self, operation: Operation) -> Passes:
        """Scores, or probabilities times values: a multiply per head."""
        work, plan, kind = self.training.work, self.training.plan, kind_of(operation)
        made = operation.makes[0].axes[-1] if operation.name == "attention" else operation.reads[0].axes[-1]
        products = work.batch * plan.sharding.units(made)  # type: ignore[arg-type]
        rows, width = ceil_div(work.sequence, plan.context), made.width  # type: ignore[union-attr]
        precision = plan.precision.compute.name
        sizes = (rows, width, work.positions) if operation.name == "attention" else (rows, work.positions, width)
        a, b, depth = sizes
        there = self.clock.multiply(operation.name, kind, a, b, depth, precision, products)
        back = (
            self.clock.multiply(operation.name, kind, a, depth, b, precision, products),
            self.clock.multiply(operation.name, kind, b, depth, a, precision, products),
        )
        if not operation.scratch:
            return Passes(Doing((there,)), Doing(back))
        scaled = self._bytes(operation.scratch)  # scaled, then the mask is added; backward, scaled
        moving = (self.clock.stream(operation.name, kind, n * scaled, n // 2) for n in (4, 2))
        return Passes(Doing((there, next(moving))), Doing((*back, next(moving))))

    def pointwise(self, operation: Operation) -> Passes:
        """A kernel that moves what it reads and makes; backward, gradients and what it kept. Chunked scans multiply
        too.
        """
        if operation.name == "scores":
            return self.written_out(operation)
        clock, kind = self.clock, kind_of(operation)
        parts = several(self.training.kernels, operation)
        reads, makes = self._bytes(operation.reads), self._bytes(operation.makes)
        forward = clock.stream(operation.name, kind, parts.moves * (reads + makes), parts.forward)
        backward = self._backward(operation)
        inputs = []
        if backward is not None:
            inputs = [clock.stream(operation.name, kind, parts.moves_back * backward, parts.backward)]
        if plain(operation.work.forward):
            forward, inputs = self._scan(operation, forward), [self._scan(operation, k, 3) for k in inputs]
        sent = messages.of_pointwise(self.training, clock, operation)
        return Passes(Doing((forward,), sent.forward), Doing(tuple(inputs), sent.inputs))

    def _scan(self, operation: Operation, moving: Kernel, times: int = 1) -> Kernel:
        """Multiplies of tiles of a chunk, or moving bytes, whichever takes longer; for plain numbers. On an H100 such
        multiplies attain 118 TFLOP/s here, 134 as measured (tile-ai/tilelang, benchmark/mamba2). The backward pass
        makes states and scores again first (mamba_ssm, ops/triton/ssd_combined.py).
        """
        work = operation.counted.get("torch", operation.work).forward
        ranks = self.training.plan.tensor * self.training.plan.context
        tiles = ceil_div(times * work, 2 * TILE**3 * ranks)
        precision = self.training.plan.precision.compute.name
        multiplying = self.clock.multiply(operation.name, moving.kind, TILE, TILE, TILE, precision, tiles)
        return multiplying if plain(multiplying.seconds) > plain(moving.seconds) else moving

    def _backward(self, operation: Operation) -> Count | None:
        """Bytes that the backward pass moves; ``None`` where nothing runs: the sum's gradient is its inputs' own."""
        read = [r for r in storages(operation.reads).values() if r.dtype.differentiable]
        made = operation.makes[:1]
        if operation.shares_gradient and not operation.keeps:
            return total(3 * self.training.size(tensor) for tensor in made)  # the stream's gradients are added up
        tables = [weight for weight in operation.reads if isinstance(weight, Weight) and len(weight.axes) > 1]
        written = self.training.plan.precision.gradients
        sparse = total(
            2 * written.bytes(self.training.plan.sharding.count(w)) for w in tables if operation.name == "lookup"
        )
        if not read and not tables:
            return None
        kept = [tensor for tensor in operation.keeps if tensor.dtype.differentiable]
        return self._bytes((*made, *kept, *read)) + sparse

    def _bytes(self, held: tuple[Tensor | Weight, ...]) -> Count:
        return total(self.training.size(tensor) for tensor in storages(held).values())
