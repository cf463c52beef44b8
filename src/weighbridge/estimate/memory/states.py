"""What a rank holds between micro-batches: weights, gradients, main parameters and optimizer states."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, partial

from weighbridge.arithmetic import Count, ceil_div, exact_div, product, scale, total
from weighbridge.estimate.memory.allocator import block
from weighbridge.parallel.dealing import dealt
from weighbridge.parallel.optimizer import Extent, State
from weighbridge.parallel.plan import Plan
from weighbridge.parallel.precision import Recipe
from weighbridge.parallel.zero import Engine
from weighbridge.tape import Weight
from weighbridge.traced import Label, named, plain
from weighbridge.tree import Kind, Node
from weighbridge.units import FP8, FP32, DataType

SEPARATE = (Engine.FSDP2, Engine.DDP)
"""Engines that leave every weight, gradient and state a tensor of its own. The others copy them into one buffer per
chunk of the model and group of ranks (megatron/core/distributed/param_and_grad_buffer.py).
"""


@dataclass(frozen=True)
class Held:
    """A weight on a rank.

    Attributes:
        node: the module that owns it.
        weight: the weight.
        copies: how many equal ones the rank holds (layers, local experts).
        expert: it belongs to a routed expert, whose copies stand on fewer ranks.
        chunk: which of the stage's chunks of the model it stands in.
        borrowed: another stage owns it, and this one has a copy (tied tables).
    """

    node: Node
    weight: Weight
    copies: Count
    expert: bool
    chunk: int = 0
    borrowed: bool = False

    @property
    def matrix(self) -> bool:
        """A matrix inside a layer: what Muon and its like treat apart from embeddings, heads, vectors."""
        return len(self.weight.axes) > 1 and self.node.kind not in (Kind.EMBEDDING, Kind.HEAD)


def local(node: Node, plan: Plan) -> Count:
    """Copies of a module on a rank, in what holds it: all, but of experts the rank's share."""
    return exact_div(node.times, plan.expert) if node.together else node.times


def weights_of(node: Node, plan: Plan, copies: Count = 1, expert: bool = False, chunk: int = 0) -> Iterator[Held]:
    """A rank's weights of a module and of all below it."""
    for weight in node.weights.values():
        yield Held(node, weight, copies, expert, chunk)
    for child in node.children:
        routed = expert or child.together
        yield from weights_of(child, plan, copies * local(child, plan), routed, chunk)


@dataclass(frozen=True)
class States:
    """Bytes of one rank's long-lived tensors.

    Attributes:
        plan: how they are spread.
        held: its weights.
        transposes: matrices that are stored in 8 bits are stored by columns too.
    """

    plan: Plan
    held: tuple[Held, ...]
    transposes: bool = True

    @cached_property
    def _dealt(self) -> dict[int, int]:
        """How many of each weight fall to the last rank, where whole weights are dealt out. Weights that come last, the
        largest, fall to it first.
        """
        found: dict[int, int] = {}
        for expert, ranks in ((False, self.plan.data_ranks), (True, self.plan.expert_data_ranks)):
            own = [h for h in self.held if h.expert is expert and h.weight.trained]
            sizes = [(int(plain(self._elements(h.weight))), int(plain(h.copies))) for h in own]
            number = int(plain(ranks))
            found |= zip(map(id, own), dealt(sizes, number, number - 1), strict=True)
        return found

    def _elements(self, weight: Weight) -> Count:
        if id(weight) not in self._sizes:
            self._sizes[id(weight)] = self.plan.sharding.count(weight)
        return self._sizes[id(weight)]

    @cached_property
    def _sizes(self) -> dict[int, Count]:
        return {}

    def _measure(self, weight: Weight, extent: Extent) -> Count:
        """Elements of what a rank holds for a weight."""
        if extent is Extent.ELEMENT:
            return self._elements(weight)
        own = [self.plan.sharding.local(axis) for axis in weight.axes]
        if extent is Extent.ROW:
            return own[0]
        return product(own[:-2]) * (own[-2] + own[-1]) if len(own) > 1 else product(own)

    @property
    def parameters(self) -> Count:
        """Parameters on the rank."""
        return total(h.copies * self._elements(h.weight) for h in self.held if not h.weight.buffer)

    @property
    def buffers(self) -> Count:
        """Bytes of what is stored with the model but not trained, in fp32."""
        held = (h for h in self.held if h.weight.buffer)
        return total(FP32.bytes(h.copies * self._elements(h.weight)) for h in held)

    @property
    def trained(self) -> Count:
        """Trained parameters on the rank."""
        return total(h.copies * self._elements(h.weight) for h in self.held if h.weight.trained)

    def tensors(
        self, from_stage: int, extent: Extent = Extent.ELEMENT, matrix: bool | None = None, own: DataType | None = None
    ) -> list[tuple[Count, Count]]:
        """A rank's tensors where stages from ``from_stage`` on spread them, experts over the ranks that hold them:
        elements of one, and how many there are. Stages below 3 are about what is trained.

        Args:
            from_stage: the lowest ZeRO stage that spreads them.
            extent: how many elements they have of a weight.
            matrix: of matrices inside layers only, or of all else; of both if ``None``.
            own: of weights with this data type of their own only; of those in the plan's if ``None``.
        """
        plan, zero, measure = self.plan, self.plan.zero, partial(self._measure, extent=extent)
        weights = from_stage == 3
        chosen = [
            h
            for h in self.held
            if (h.weight.trained or (weights and h.weight.frozen and h.weight.packed is None))
            and matrix in (None, h.matrix)
            and self._own(h.weight) is own
        ]
        if plan.optimizer.whole and from_stage == 1 and zero.stage == 1:
            return [(measure(h.weight), self._dealt[id(h)]) for h in chosen]
        ranks = {
            False: named(plan.data_ranks, Label("data_parallel_ranks")),
            True: named(plan.expert_data_ranks, Label("expert_data_parallel_ranks")),
        }
        if not self._joined(from_stage):
            return [(zero.share(measure(h.weight), from_stage, ranks[h.expert]), h.copies) for h in chosen]
        groups: dict[tuple[int, bool], list[Count]] = {}
        for h in chosen:
            groups.setdefault((h.chunk, h.expert), []).append(h.copies * measure(h.weight))
        several = len({chunk for chunk, _ in groups}) > 1
        return [
            (
                zero.share(
                    named(total(own), _label(expert, matrix, extent, chunk if several else None)), from_stage, n
                ),
                1,
            )
            for (chunk, expert), own in groups.items()
            for n in [ranks[expert]]
        ]

    def _own(self, weight: Weight) -> DataType | None:
        """A weight's own data type; an optimizer with a copy of its own has all weights in one (DeepSpeed)."""
        return weight.dtype if self.plan.precision.main is None else None

    @cached_property
    def _types(self) -> tuple[DataType, ...]:
        """Data types that weights have of their own."""
        return tuple({id(own): own for h in self.held if (own := self._own(h.weight)) is not None}.values())

    @property
    def largest_gradient(self) -> int:
        """Bytes of the largest gradient, for plain numbers."""
        gradients = self.plan.precision.gradients
        found = ((own or gradients, n) for own in (None, *self._types) for n, _ in self.tensors(2, own=own))
        return max((int(plain(dtype.bytes(elements))) for dtype, elements in found), default=0)

    @cached_property
    def packed(self) -> Count:
        """Bytes of frozen weights that are stored in fewer bits, spread as the others are."""
        zero, grows, plan = self.plan.zero, self.plan.expandable_segments, self.plan
        found: list[Count] = []
        for h in self.held:
            if h.weight.packed is not None:
                *leading, rows, columns = (plan.sharding.local(axis) for axis in h.weight.axes)
                ranks = plan.expert_data_ranks if h.expert else plan.data_ranks
                bytes = product(leading) * h.weight.packed(rows, columns)
                found.append(h.copies * block(zero.share(bytes, 3, ranks), grows))
        return total(found)

    def _joined(self, from_stage: int) -> bool:
        """Whether they stand in buffers: all, where anything is spread; Megatron-Core's gradients always."""
        zero = self.plan.zero
        gradients = from_stage == 2 and zero.engine is Engine.MEGATRON
        return zero.engine not in SEPARATE and (zero.stage > 0 or gradients)

    def _bytes(
        self, dtype: DataType, from_stage: int, extent: Extent = Extent.ELEMENT, matrix: bool | None = None
    ) -> Count:
        """Bytes of such tensors as the allocator counts them."""
        key = (dtype.name, from_stage, extent, matrix)
        if key not in self._counted:
            grows, found = self.plan.expandable_segments, list[Count]()
            for own in (None, *self._types):
                tensors = self.tensors(from_stage, extent, matrix, own)
                found += [n * block((own or dtype).bytes(elements), grows) for elements, n in tensors]
            self._counted[key] = total(found)
        return self._counted[key]

    @cached_property
    def _counted(self) -> dict[tuple[str, int, Extent, bool | None], Count]:
        return {}

    @property
    def weights(self) -> Count:
        """Bytes of weights between steps, buffers included. Matrices in 8 bits are stored by rows and by columns, which
        takes 16 bits, or by rows alone where the device multiplies those in any layout, and in shards of Megatron-FSDP,
        which has a second buffer for blocks of 32 alone (param_and_grad_buffer.py, fp8_need_transpose_data).
        """
        precision = self.plan.precision
        if self.plan.offload.weights:
            return self.buffers
        shards = self.plan.zero.engine is Engine.MEGATRON_FSDP and self.plan.zero.stage == 3
        alone = shards and precision.recipe is not Recipe.MXFP8
        if precision.parameters_in_fp8 and (alone or not self.transposes):
            others = self._bytes(precision.weights, 3, matrix=False)
            return self._bytes(FP8, 3, matrix=True) + others + self.buffers
        return self._bytes(precision.weights, 3) + self.buffers + self.packed

    @property
    def gradients(self) -> Count:
        """Bytes of the gradient buffer; where DeepSpeed adds up gradients in a wider type, of those that the backward
        pass makes too, which it does not free (runtime/bf16_optimizer.py, _update_hp_grad, chosen for stage 1 by
        runtime/engine.py, _do_optimizer_sanity_check). Those of FSDP may stay whole until all micro-batches are done.
        """
        zero, precision = self.plan.zero, self.plan.precision
        if zero.accumulates_whole and zero.stage == 3 and plain(self.plan.micro_batches) > 1:
            held = (h for h in self.held if h.weight.trained or (zero.flat and h.weight.frozen))
            whole = (h.copies * self._elements(h.weight) for h in held)
            return precision.compute.bytes(total(whole))
        wider = precision.gradients.bits > precision.compute.bits
        added = wider and zero.engine is Engine.DEEPSPEED and zero.stage == 1
        buffer = self._bytes(precision.gradients, 2)
        return buffer + self._bytes(precision.compute, 2) if added else buffer

    @property
    def temporaries(self) -> Count:
        """Bytes that stand during the optimizer's step alone."""
        count = self.plan.optimizer.temporaries
        return count * self._bytes(self.plan.precision.updated, 1) if count else 0

    @property
    def main(self) -> Count:
        """Bytes of the optimizer's own copy of the weights."""
        return self._on_device(self._main)

    @property
    def _main(self) -> Count:
        main = self.plan.precision.main
        return self._bytes(main, 1) if main else 0

    @property
    def main_gradients(self) -> Count:
        """Bytes of gradients in fp32, from the optimizer's step until the next backward pass."""
        return self._bytes(FP32, 1) if self.plan.precision.main_gradients else 0

    @property
    def optimizer(self) -> Count:
        """Bytes of the optimizer's states."""
        return self._on_device(self._optimizer)

    @property
    def _optimizer(self) -> Count:
        chosen = self.plan.optimizer
        if chosen.others is None:
            return total(self._state(state, None) for state in chosen.states)
        matrices = total(self._state(state, True) for state in chosen.states)
        return matrices + total(self._state(state, False) for state in chosen.others)

    @property
    def on_host(self) -> Count:
        """Bytes of the optimizer's states and own weights that stand in the host's memory."""
        share = self.plan.offload.optimizer
        return scale(self._optimizer + self._main, share) if share else 0

    def _on_device(self, bytes: Count) -> Count:
        """What of the optimizer's memory is not offloaded."""
        share = self.plan.offload.optimizer
        return scale(bytes, 1 - share) if share else bytes

    def _state(self, state: State, matrix: bool | None) -> Count:
        held = self._bytes(state.dtype or self.plan.precision.updated, 1, state.extent, matrix)
        if not state.block:
            return held
        scales = (n * ceil_div(elements, state.block) for elements, n in self.tensors(1, state.extent, matrix))
        return held + FP32.bytes(total(scales))


def _label(expert: bool, matrix: bool | None, extent: Extent, chunk: int | None) -> Label:
    """What explanations call the elements that a rank holds in one buffer."""
    words = ["expert"] if expert else []
    words += [] if matrix is None else ["matrix" if matrix else "other"]
    words += [] if extent is Extent.ELEMENT else [extent.name.lower()]
    words += ["parameters_of_rank", *([] if chunk is None else [f"chunk_{chunk}"])]
    return Label("_".join(words), "elements", "of one rank")
