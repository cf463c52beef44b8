"""What a rank holds between micro-batches: weights, gradients, main parameters and optimizer states."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from weighbridge.arithmetic import Count, ceil_div, exact_div, product, scale, total
from weighbridge.parallel.dealing import dealt
from weighbridge.parallel.optimizer import Extent, State
from weighbridge.parallel.plan import Plan
from weighbridge.parallel.precision import FP32
from weighbridge.tape import Weight
from weighbridge.traced import plain
from weighbridge.tree import Kind, Node


@dataclass(frozen=True)
class Held:
    """A weight on a rank.

    Attributes:
        node: the module that owns it.
        name: what the module calls it.
        weight: the weight.
        copies: how many equal ones the rank holds (layers, local experts).
        expert: it belongs to a routed expert, whose copies stand on fewer ranks.
    """

    node: Node
    name: str
    weight: Weight
    copies: Count
    expert: bool

    @property
    def matrix(self) -> bool:
        """A matrix inside a layer: what Muon and its like treat apart from embeddings, heads, vectors."""
        return len(self.weight.axes) > 1 and self.node.kind not in (Kind.EMBEDDING, Kind.HEAD)


def weights_of(node: Node, plan: Plan, copies: Count = 1, expert: bool = False) -> Iterator[Held]:
    """A rank's weights of a module and of all below it."""
    for name, weight in node.weights.items():
        yield Held(node, name, weight, copies, expert)
    for child in node.children:
        routed = expert or child.together
        times = exact_div(child.times, plan.expert) if child.together else child.times
        yield from weights_of(child, plan, copies * times, routed)


@dataclass(frozen=True)
class States:
    """Bytes of one rank's long-lived tensors.

    Attributes:
        plan: how they are spread.
        held: its weights.
    """

    plan: Plan
    held: tuple[Held, ...]

    def _sum(self, expert: bool, of: str = "elements", matrix: bool | None = None, dealt: bool = False) -> Count:
        chosen = (h for h in self.held if h.expert is expert and not h.weight.buffer)
        measure, copies = getattr(self, f"_{of}"), self._dealt if dealt else {}
        return total(
            copies.get(id(h), h.copies) * measure(h.weight) for h in chosen if matrix is None or h.matrix is matrix
        )

    @cached_property
    def _dealt(self) -> dict[int, int]:
        """How many of each weight fall to the last rank, where whole weights are dealt out. Weights that come last, the
        largest, fall to it first.
        """
        found: dict[int, int] = {}
        for expert, ranks in ((False, self.plan.data_ranks), (True, self.plan.expert_data_ranks)):
            own = [h for h in self.held if h.expert is expert and not h.weight.buffer]
            sizes = [(int(plain(self._elements(h.weight))), int(plain(h.copies))) for h in own]
            number = int(plain(ranks))
            found |= zip(map(id, own), dealt(sizes, number, number - 1), strict=True)
        return found

    def _elements(self, weight: Weight) -> Count:
        return self.plan.sharding.count(weight)

    def _rows(self, weight: Weight) -> Count:
        return self.plan.sharding.local(weight.axes[0])

    def _factors(self, weight: Weight) -> Count:
        local = [self.plan.sharding.local(axis) for axis in weight.axes]
        if len(local) < 2:
            return product(local)
        return product(local[:-2]) * (local[-2] + local[-1])

    @property
    def parameters(self) -> Count:
        """Parameters on the rank."""
        return self._sum(False) + self._sum(True)

    @property
    def buffers(self) -> Count:
        """Bytes of what is stored with the model but not trained, in fp32."""
        held = (h for h in self.held if h.weight.buffer)
        return total(FP32.bytes(h.copies * self._elements(h.weight)) for h in held)

    def spread(self, from_stage: int, of: str = "elements", matrix: bool | None = None) -> Count:
        """A rank's elements where stages from ``from_stage`` on spread them; experts over the ranks that hold them."""
        zero, plan = self.plan.zero, self.plan
        if self.plan.optimizer.whole and from_stage == 1 and zero.stage == 1:
            return self._sum(False, of, matrix, dealt=True) + self._sum(True, of, matrix, dealt=True)
        dense = zero.share(self._sum(False, of, matrix), from_stage, plan.data_ranks)
        return dense + zero.share(self._sum(True, of, matrix), from_stage, plan.expert_data_ranks)

    @property
    def weights(self) -> Count:
        """Bytes of weights between steps, buffers included."""
        stored = 0 if self.plan.offload.weights else self.plan.precision.weights.bytes(self.spread(3))
        return stored + self.buffers

    @property
    def gradients(self) -> Count:
        """Bytes of the gradient buffer."""
        return self.plan.precision.gradients.bytes(self.spread(2))

    @property
    def main(self) -> Count:
        """Bytes of the optimizer's own copy of the weights."""
        main = self.plan.precision.main
        return self._on_device(main.bytes(self.spread(1))) if main else 0

    @property
    def main_gradients(self) -> Count:
        """Bytes of gradients in fp32, from the optimizer's step until the next backward pass."""
        return FP32.bytes(self.spread(1)) if self.plan.precision.main_gradients else 0

    @property
    def optimizer(self) -> Count:
        """Bytes of the optimizer's states."""
        chosen = self.plan.optimizer
        if chosen.others is None:
            return self._on_device(total(self._state(state, None) for state in chosen.states))
        matrices = total(self._state(state, True) for state in chosen.states)
        return self._on_device(matrices + total(self._state(state, False) for state in chosen.others))

    def _on_device(self, bytes: Count) -> Count:
        """What of the optimizer's memory is not offloaded."""
        share = self.plan.offload.optimizer
        return scale(bytes, 1 - share) if share else bytes

    def _state(self, state: State, matrix: bool | None) -> Count:
        of = {Extent.ELEMENT: "elements", Extent.FACTORS: "factors", Extent.ROW: "rows"}[state.extent]
        elements = self.spread(1, of, matrix)
        scales = FP32.bytes(ceil_div(elements, state.block)) if state.block else 0
        return state.dtype.bytes(elements) + scales
