"""Messages of operations between the ranks of one replica: tensor, context and expert parallel."""

from __future__ import annotations

from dataclasses import dataclass

from weighbridge.arithmetic import Count, ratio
from weighbridge.estimate.time.clock import Clock
from weighbridge.estimate.time.shapes import Heads, Projection, kind_of
from weighbridge.estimate.time.work import Channel, Doing, Message, Passes, Seconds
from weighbridge.estimate.training import Training
from weighbridge.kernels import Exchange
from weighbridge.parallel.precision import Recipe
from weighbridge.parallel.sharding import groups_reached
from weighbridge.tape import SEQUENCE, Axis, Operation, Tensor, Weight, renamed, splits
from weighbridge.traced import plain
from weighbridge.tree import Kind


@dataclass(frozen=True)
class Sent:
    """Messages of an operation by pass."""

    forward: tuple[Message, ...] = ()
    inputs: tuple[Message, ...] = ()
    weights: tuple[Message, ...] = ()


SILENT = Sent()


def of_projection(
    training: Training, clock: Clock, own: Projection, there: Seconds, back: Seconds, weight: Seconds
) -> Sent:
    """What tensor parallel ranks send around a multiply: a split sequence is gathered before one that splits columns of
    the result and scattered after one that splits those of the input; without sequence parallelism sums are sent
    instead. Backward, a gradient's message travels beside the multiply of the weight's gradient, and what is gathered
    again beside that of the input's (Megatron-Core, tensor_parallel/layers.py,
    LinearWithGradAccumulationAndAsyncCommunication; Transformer Engine, pytorch/module/linear.py).
    """
    plan = training.plan
    ranks = plan.inside_experts if own.routed else plan.tensor
    if plain(ranks) == 1 or own.routed:  # experts' tokens are gathered where they are dispatched
        return SILENT
    kind, split = own.kind, training.work.gathers
    beside = (there, back, weight) if plan.overlaps_tensor else (0.0, 0.0, 0.0)
    if own.splits_out:
        if not split:
            summed = clock.message("all_reduce", own.whole_input, ranks)
            return Sent(inputs=(_message(kind, summed, weight if plan.execution.sums_beside else 0.0, clock.taken),))
        if not own.gathers:
            return SILENT  # gathered by an operation of its own
        whole = clock.message("all_gather", own.whole_input, ranks)
        scattered = clock.message("reduce_scatter", own.whole_input, ranks)
        again = (_message(kind, whole, back, clock.taken),) if training.kernels.gathers_again else ()
        return Sent(
            (_piped(clock, kind, whole, beside[0], ranks),), (*again, _message(kind, scattered, weight, clock.taken))
        )
    if own.splits_columns:
        if not split:
            return Sent((_message(kind, clock.message("all_reduce", own.whole_result, ranks)),))
        scattered = clock.message("reduce_scatter", own.whole_result, ranks)
        whole = clock.message("all_gather", cast(training, own.whole_result, kind), ranks)
        return Sent(
            (_piped(clock, kind, scattered, beside[0], ranks),), (_piped(clock, kind, whole, beside[1], ranks),)
        )
    return SILENT


def cast(training: Training, bytes: Count, kind: Kind) -> Count:
    """Of what is gathered for a multiply: torchao casts it first where one scale serves all of it (pytorch/torchtitan,
    docs/float8.md: float8 all-gather for tensor parallelism by default; with scales of rows it is not).
    """
    plan = training.plan
    first = plan.precision.recipe is Recipe.TENSORWISE and not plan.framework.transformer_engine
    return bytes * 8 // plan.precision.compute.bits if first and kind is not Kind.HEAD else bytes


def _message(kind: Kind, seconds: Seconds, beside: Seconds = 0.0, taken: float = 0.0) -> Message:
    return Message(Channel.TENSOR, kind, seconds, beside, taken)


def _piped(clock: Clock, kind: Kind, seconds: Seconds, beside: Seconds, ranks: Count) -> Message:
    """A message in as many parts as ranks, of which all but one travel beside parts of the multiply."""
    hidden = beside * ratio(ranks - 1, ranks)
    limit = seconds * ratio(ranks - 1, ranks)
    return _message(kind, seconds, hidden if plain(hidden) < plain(limit) else limit, clock.taken)


def of_attention(training: Training, clock: Clock, heads: Heads, there: Seconds, back: Seconds) -> Sent:
    """What context parallel ranks send: keys and values around a ring, each step beside the attention of the last
    (Liu et al. 2023, Ring Attention); or heads for sequences (Jacobs et al. 2023, Ulysses); or all keys at once.
    PyTorch gathers them beside attention to a rank's own, and returns their gradients in fp32 around a ring
    (torch/distributed/tensor/experimental/_attention.py).
    """
    plan, kernels = training.plan, training.kernels
    ranks = plan.context
    if plain(ranks) == 1:
        return SILENT
    kind, moved = kind_of(heads.operation), heads.keys_and_values

    def message(seconds: Seconds, beside: Seconds = 0.0) -> tuple[Message, ...]:
        return (Message(Channel.CONTEXT, kind, seconds, beside, clock.taken),)

    if kernels.exchanges_heads:
        out = training.size(heads.operation.makes[0])
        query = training.size(heads.operation.reads[0])  # type: ignore[arg-type]
        exchanged = clock.message("all_to_all", moved + query + out, ranks, plan.tensor)
        return Sent(message(exchanged), message(exchanged))
    if kernels.gathers_keys and kernels.repeats_keys:
        moved = heads.repeated * moved
        gathered = clock.message("all_gather", ranks * moved, ranks, plan.tensor)
        returned = (ranks - 1) * clock.send(2 * moved, plan.tensor)  # in fp32, from rank to rank
        own = ratio(1, ranks)
        return Sent(message(gathered, there * own), (*message(gathered, back * own), *message(returned, back)))
    if kernels.gathers_keys:
        gathered = clock.message("all_gather", ranks * moved, ranks, plan.tensor)
        scattered = clock.message("reduce_scatter", ranks * moved, ranks, plan.tensor)
        return Sent(message(gathered), message(gathered + scattered))
    step = clock.send(moved, plan.tensor)
    hops = ranks - 1
    return Sent(message(hops * step, there * ratio(hops, ranks)), message(2 * hops * step, back * ratio(hops, ranks)))


def of_operation(training: Training, clock: Clock, operation: Operation) -> Passes:
    """An operation that is a message: a gathered sequence, an exchange of routed tokens."""
    kind, plan = kind_of(operation), training.plan
    if operation.name == "exchange":
        sent = _exchange(training, clock, operation, kind)
        return Passes(Doing(messages=sent), Doing(messages=sent))
    made = training.size(operation.makes[0])
    whole = clock.message("all_gather", cast(training, made, kind), plan.tensor)
    scattered = clock.message("reduce_scatter", made, plan.tensor)
    return Passes(Doing(messages=(_message(kind, whole),)), Doing(messages=(_message(kind, scattered),)))


def _exchange(training: Training, clock: Clock, operation: Operation, kind: Kind) -> tuple[Message, ...]:
    """Routed tokens to the ranks of their experts or back: all to all among expert parallel ranks, then gathered or
    scattered among those that share an expert (Megatron-Core, transformer/moe/token_dispatcher.py). A flexible
    dispatcher sends a token once to every domain of links that has some of its experts.
    """
    plan, exchange = training.plan, training.kernels.routing.exchange
    sizes = [training.size(tensor) for tensor in (operation.reads[0], operation.makes[0]) if isinstance(tensor, Tensor)]
    inside, ranks = plan.inside_experts, plan.expert
    found = []
    if exchange is Exchange.ALL_GATHER:
        gathered = clock.message("all_gather", sizes[0] * ranks * inside, ranks * inside)
        return (Message(Channel.EXPERT, kind, gathered),)
    if plain(ranks) > 1:
        small = sizes[0] if plain(sizes[0]) < plain(sizes[1]) else sizes[1]
        leaving = _leaving(clock, operation.reads[0], ranks, inside)
        found.append(Message(Channel.EXPERT, kind, clock.message("all_to_all", small, ranks, inside, leaving)))
    if plain(inside) > 1:
        large = sizes[1] if plain(sizes[0]) < plain(sizes[1]) else sizes[0]
        found.append(Message(Channel.EXPERT, kind, clock.message("all_gather", large, inside)))
    return tuple(found)


def _leaving(clock: Clock, sent: Tensor | Weight, ranks: Count, stride: Count) -> float:
    """Share that leaves a domain of links, of tokens that are sent once to each: domains over ranks that they reach."""
    choices = next((axis.choices for axis in sent.axes if isinstance(axis, Axis) and axis.choices), None)
    if choices is None:
        return 1.0
    return groups_reached(*choices, clock.links.domains(ranks, stride)) / groups_reached(*choices, ranks)


def of_pointwise(training: Training, clock: Clock, operation: Operation) -> Sent:
    """The sum of tensor parallel ranks' shares of an embedding table."""
    tables = [read for read in operation.reads if isinstance(read, Weight) and len(read.axes) > 1]
    if operation.name != "lookup" or not tables or not splits(tables[0].axes[0]):
        return SILENT
    made, kind, ranks = operation.makes[0], kind_of(operation), training.plan.tensor
    if plain(ranks) == 1:
        return SILENT
    whole = training.size(made.tape.tensor(made.name, *renamed(made.axes, SEQUENCE), dtype=made.dtype))
    if not training.work.gathers:
        return Sent((_message(kind, clock.message("all_reduce", whole, ranks)),))
    scattered, gathered = (clock.message(name, whole, ranks) for name in ("reduce_scatter", "all_gather"))
    return Sent((_message(kind, scattered),), (_message(kind, gathered),))


def of_loss(training: Training, clock: Clock, operation: Operation) -> tuple[Message, ...]:
    """Maxima, sums and the right token's score of every position, among ranks that share the vocabulary."""
    if operation.name not in ("cross-entropy", "log softmax") or plain(training.plan.tensor) == 1:
        return ()
    read = operation.reads[0]
    assert isinstance(read, Tensor)
    rows = training.plan.sharding.count(read) // training.plan.sharding.local(read.axes[-1])
    each = clock.message("all_reduce", 4 * rows, training.plan.tensor)
    return (_message(kind_of(operation), 3 * each),)
