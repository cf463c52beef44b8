"""How tokens reach the experts that a router chose for them, and how the results come back.

Each variant has three steps: ``choose`` turns the router's scores into weights of the chosen experts, ``send`` makes
one row per token and chosen expert, ``bring`` sums each token's results.
"""

from __future__ import annotations

from typing import Protocol

from weighbridge.arithmetic import Count
from weighbridge.kernels import Backend, Exchange, Experts, Kernels, Routing, Scores
from weighbridge.nn import ops
from weighbridge.nn.choice import Choice
from weighbridge.tape import Axis, Tensor, Use
from weighbridge.units import FP32, INT32, INT64


class Dispatch(Protocol):
    """The three steps."""

    def choose(self, scores: Tensor, top_k: Count, choice: Choice) -> Tensor:
        """Weights of each token's chosen experts."""

    def send(self, x: Tensor, chosen: Tensor, top_k: Count, biased: bool) -> Tensor:
        """One row per token and chosen expert, in the experts' order; ``biased`` where each adds its experts' bias."""

    def bring(self, done: Tensor, chosen: Tensor, x: Tensor, top_k: Count) -> Tensor:
        """The weighted sum of each token's results, as ``x`` is laid out."""


def rows(x: Tensor, top_k: Count, name: str = "routed") -> Axis:
    """One row per token and chosen expert: a rank's tokens' ("permuted"), or those its experts are given ("routed")."""
    run = x.tape.run
    return Axis(name, run.batch * run.sequence * top_k)


class Plain:
    """What the operations need by themselves."""

    def choose(self, scores: Tensor, top_k: Count, choice: Choice) -> Tensor:
        return ops.elementwise("top k", scores, keeps=(scores,))

    def send(self, x: Tensor, chosen: Tensor, top_k: Count, biased: bool) -> Tensor:
        routed = x.tape.tensor("routed", rows(x, top_k), x.axes[-1])
        x.tape.record("dispatch", (x, chosen), (routed,))
        return routed

    def bring(self, done: Tensor, chosen: Tensor, x: Tensor, top_k: Count) -> Tensor:
        combined = x.tape.tensor("combined", *x.axes)
        x.tape.record("combine", (done, chosen), (combined,), (done, chosen))
        return combined


class Grouped:
    """Sorted copies and grouped multiplies on one device (transformers, integrations/moe.py, grouped_mm)."""

    def choose(self, scores: Tensor, top_k: Count, choice: Choice) -> Tensor:
        return choice.weights(scores, rows(scores, top_k))

    def send(self, x: Tensor, chosen: Tensor, top_k: Count, biased: bool) -> Tensor:
        tape, places = x.tape, rows(x, top_k)
        names = ("order", "token of row", "inverse order", *(["expert of row"] if biased else []))
        orders = tuple(tape.tensor(name, places, dtype=INT64) for name in names)
        routed = tape.tensor("routed", places, x.axes[-1], dtype=x.dtype)
        tape.record("dispatch", (x,), (routed, *orders), orders)
        return routed

    def bring(self, done: Tensor, chosen: Tensor, x: Tensor, top_k: Count) -> Tensor:
        tape = x.tape
        ordered = tape.tensor("sorted weights", *chosen.axes, dtype=chosen.dtype)
        tape.record("sort", (chosen,), (ordered,))
        wide = FP32 if FP32 in (chosen.dtype, done.dtype) else done.dtype
        weighted = tape.tensor("weighted results", *done.axes, dtype=wide)
        tape.record("weigh", (done, ordered), (weighted,), (done, ordered))
        combined = tape.tensor("combined", *x.axes, dtype=x.dtype)
        tape.record("combine", (weighted,), (combined,))
        return combined


class Megatron:
    """Permutation, exchange between ranks, and back (Megatron-Core, transformer/moe/router.py, token_dispatcher.py and
    moe_utils.py). Of the copies of tokens only the last, which the experts read, is kept: copying keeps indices alone.
    """

    def choose(self, scores: Tensor, top_k: Count, choice: Choice) -> Tensor:
        tape, routing = scores.tape, scores.tape.run.kernels.routing
        dtype = FP32 if routing.fp32 else scores.dtype
        chosen = tape.tensor("weights", *scores.axes, dtype=dtype)
        if routing.scores is Scores.SINKHORN:
            flags = tape.tensor("routing map", *scores.axes, dtype=ops.MASK)
            sigmoid = tape.tensor("sigmoid of logits", *scores.axes, dtype=dtype)
            tape.record("sinkhorn", (scores,), (chosen, flags, sigmoid), (flags, sigmoid))
            return chosen
        places = rows(scores, top_k, "permuted")
        kept = [tape.tensor(f"chosen experts, {use}", places, dtype=INT64) for use in ("gathered", "scattered")]
        if routing.scores is Scores.SIGMOID:
            kept.append(tape.tensor("sigmoid of logits", *scores.axes, dtype=FP32))
            kept.append(tape.tensor("top scores", places, dtype=dtype))
            kept.append(tape.tensor("sums of top scores", *scores.axes[:-1], dtype=dtype))
        else:
            kept.append(tape.tensor("top probabilities", places, dtype=FP32))
        if routing.auxiliary_loss:
            kept.append(tape.tensor("scores of the balancing loss", *scores.axes, dtype=FP32))
        tape.record("top k", (scores,), (chosen, *kept), tuple(kept))
        return chosen

    def send(self, x: Tensor, chosen: Tensor, top_k: Count, biased: bool) -> Tensor:
        tape, hidden = x.tape, x.axes[-1]
        maps = self.maps(x, chosen, top_k)
        sent = tape.tensor("permuted", rows(x, top_k, "permuted"), hidden)
        flags = tape.tensor("routing map", *chosen.axes, dtype=ops.MASK)
        everything = tape.tensor("gathered", rows(x, 1, "gathered"), hidden)
        gathers = tape.run.kernels.routing.exchange is Exchange.ALL_GATHER
        retains = (chosen, flags, *maps[:1], *([x, x] if tape.run.kernels.routing.overlapped else []))
        tape.record(
            "permute", (x, chosen), (sent, *maps), maps, retains=retains, buffered=(everything,) if gathers else ()
        )
        received = tape.tensor("received", rows(x, top_k), hidden)
        tape.record("exchange", (sent,), (received,))
        routed = tape.tensor("routed", rows(x, top_k), hidden)
        weights = tape.tensor("weights of rows", rows(x, top_k), dtype=chosen.dtype)
        tape.record("sort by expert", (received,), (routed, weights), (weights,))
        return routed

    def maps(self, x: Tensor, chosen: Tensor, top_k: Count) -> tuple[Tensor, ...]:
        """What tells where each row came from."""
        tape, routing = x.tape, x.tape.run.kernels.routing
        if routing.fused_permutation:
            return tuple(
                tape.tensor(f"rows of tokens, {part}", *chosen.axes, dtype=INT32) for part in ("there", "back")
            )
        sorted_here = "routed" if routing.exchange is Exchange.ALL_GATHER else "permuted"
        return (tape.tensor("tokens of rows", rows(x, top_k, sorted_here), dtype=INT64),)

    def bring(self, done: Tensor, chosen: Tensor, x: Tensor, top_k: Count) -> Tensor:
        tape, hidden, routing = x.tape, x.axes[-1], x.tape.run.kernels.routing
        gathered = routing.exchange is Exchange.ALL_GATHER
        back = done
        if not gathered:
            unsorted = tape.tensor("sorted by rank", *done.axes)
            tape.record("sort by rank", (done,), (unsorted,))
            back = tape.tensor("returned", rows(x, top_k, "permuted"), hidden)
            tape.record("exchange", (unsorted,), (back,))
        combined = tape.tensor("combined", *x.axes)
        keeps = routing.weighs_results or (routing.deterministic and not routing.fused_permutation)
        tape.record("combine", (back,), (combined,), (back,) if keeps else ())
        return combined


class Flex(Megatron):
    """Megatron-Core's flex dispatcher: a token goes once to every rank that has an expert of its own, and is copied for
    each expert there (transformer/moe/token_dispatcher.py, MoEFlexTokenDispatcher, _DeepepManager; fused_a2a.py).
    Weights travel in fp32. HybridEP and NCCL's kernels receive in buffers of their own, so that copies in the experts'
    order are all that is allocated. Maps of handles (under 1 % of the tokens) are left out.
    """

    def choose(self, scores: Tensor, top_k: Count, choice: Choice) -> Tensor:
        """The chosen weights are taken out again, in fp32, for the library (setup_metadata)."""
        chosen = super().choose(scores, top_k, choice)
        tape, experts = scores.tape, scores.axes[-1].size
        places = Axis("permuted", rows(scores, top_k).units, choices=(experts, top_k))
        if scores.tape.run.kernels.routing.backend is Backend.HYBRIDEP:  # all weights, by expert
            return ops.view(chosen, "weights sent", places)
        weights = tape.tensor("weights sent", places, dtype=FP32)
        found = tape.tensor("experts sent to", places, dtype=INT64)
        tape.record("top k again", (chosen,), (weights, found), (found,))
        return weights

    def send(self, x: Tensor, chosen: Tensor, top_k: Count, biased: bool) -> Tensor:
        tape, hidden, routing, places = x.tape, x.axes[-1], x.tape.run.kernels.routing, rows(x, top_k)
        weights = tape.tensor("weights of rows", places, dtype=FP32)
        routed = tape.tensor("routed", places, hidden)
        sent = ops.view(x, "sent", once(x, chosen, "sent once"), hidden)
        retains = (x, x) if routing.overlapped else ()
        received = tape.tensor("received", once(x, chosen), hidden, use=own_buffers(routing))
        tape.record("exchange", (sent, chosen), (received,), retains=retains)
        if routing.backend is not Backend.DEEPEP:
            tape.record("permute", (received,), (routed, weights), (weights,))
            return routed
        names = ("tokens of weights", "experts of weights", "tokens of weights received", "their places")
        kept = [tape.tensor(name, places, dtype=INT64) for name in names]
        if routing.fused_permutation:  # Transformer Engine, pytorch/permutation.py, make_row_id_map
            own = Axis("own experts", choices(chosen)[0], 2)
            kept.append(tape.tensor("rows of tokens", once(x, chosen), own, dtype=INT32))
        else:
            kept.append(tape.tensor("tokens of rows", places, dtype=INT64))
        tape.record("permute", (received,), (routed, weights, *kept), (weights, *kept))
        return routed

    def bring(self, done: Tensor, chosen: Tensor, x: Tensor, top_k: Count) -> Tensor:
        tape, routing = x.tape, x.tape.run.kernels.routing
        back = tape.tensor("summed by token", once(x, chosen), x.axes[-1], use=own_buffers(routing))
        sums = routing.backend is Backend.DEEPEP and routing.deterministic and not routing.fused_permutation
        tape.record("unpermute", (done,), (back,), (done,) if routing.weighs_results or sums else ())
        combined = tape.tensor("combined", *x.axes)
        returned = ops.view(combined, "returned", once(x, chosen, "sent once"), x.axes[-1])
        tape.record("exchange", (back,), (returned,))
        return combined


def own_buffers(routing: Routing) -> Use:
    """Where a library receives tokens: DeepEP in new tensors, others in buffers of their own."""
    return Use.ACTIVATION if routing.backend is Backend.DEEPEP else Use.OUTSIDE


def choices(chosen: Tensor) -> tuple[Count, Count]:
    """How many experts there are, and how many each token goes to, of weights that are sent."""
    place = chosen.axes[0]
    assert isinstance(place, Axis), "weights that are sent stand in one row"
    assert place.choices is not None, "weights that are sent are chosen"
    return place.choices


def once(x: Tensor, chosen: Tensor, name: str = "dispatched") -> Axis:
    """One row per token and rank that it goes to: those a rank receives, or those it sends ("sent once")."""
    return Axis(name, x.tape.run.batch * x.tape.run.sequence, choices=choices(chosen))


DISPATCHES: dict[Experts, Dispatch] = {
    Experts.PLAIN: Plain(),
    Experts.GROUPED: Grouped(),
    Experts.MEGATRON: Megatron(),
}


def dispatch(kernels: Kernels) -> Dispatch:
    """The three steps of a pass's kernels."""
    if kernels.experts is Experts.MEGATRON and kernels.routing.exchange is Exchange.FLEX:
        return Flex()
    return DISPATCHES[kernels.experts]
