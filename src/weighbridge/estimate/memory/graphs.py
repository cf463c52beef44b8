"""What CUDA graphs hold besides what they run (megatron/core/transformer/cuda_graphs.py, TECudaGraphHelper; Transformer
Engine, pytorch/graph.py, make_graphed_callables).

Transformer Engine's graphs are captured layer by layer, after some steps without them. Each reads copies of its inputs:
the layer's input and, where attention is in it, a mask. A layer whose backward pass is done hands its copies on to the
next that goes forward, so that there are as many as layers in flight. Gradients of results have a copy for each kind of
layer. What graphs keep for the backward pass stands in a pool of theirs, which PyTorch counts as reserved and not as
allocated: as much as stands without graphs, and what they need while they run.

Left out: Megatron-Core's own graphs (--cuda-graph-impl local) read inputs where the layer before left them; those of
whole steps have no inputs but the batch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from weighbridge.arithmetic import Count, maximum, total
from weighbridge.kernels import Exchange
from weighbridge.parallel.schedule import Action
from weighbridge.pieces import Piece
from weighbridge.replay import Direction
from weighbridge.tape import Axis, Tensor
from weighbridge.traced import plain
from weighbridge.units import INT8

if TYPE_CHECKING:
    from weighbridge.estimate.memory.activations import Run
    from weighbridge.estimate.memory.stage import Stage

WHOLE = "full"
ROUTED = frozenset({"moe", "moe_router", "moe_preprocess"})
"""Names of what is captured of a layer with experts."""


def captured(piece: Piece, names: tuple[str, ...]) -> bool:
    """Whether anything of a layer is captured (_layer_is_graphable)."""
    runs = {operation.name for operation in piece.operations}
    routed, attends = "top k" in runs, "attention" in runs
    if WHOLE in names or (attends and "attn" in names) or (routed and ROUTED & set(names)):
        return True
    return "mlp" in names if attends and not routed else "mamba" in names and not attends


def static(stage: Stage) -> Count:
    """Bytes of graphs' copies of inputs and of gradients of results, from the first step with graphs on."""
    execution = stage.training.plan.execution
    if not execution.graphs or not execution.copies_inputs:
        return 0
    runs = [[run for run in chunk if _is_captured(stage, run)] for chunk in stage.runs]
    found = {id(run.weighed.piece): run for chunk in runs for run in chunk}
    if not found:
        return 0
    inputs = [_inputs(stage, run) for run in found.values()]
    largest: Count = 0
    for bytes in inputs:
        largest = maximum(largest, bytes)
    layers = [total(run.count * run.weighed.group for run in chunk) for chunk in runs]
    return _in_flight(stage, layers) * largest + total(_results(stage, run) for run in found.values())


def pool(stage: Stage) -> Count:
    """Bytes of graphs' pool beyond what they keep: the most that any needs while it runs."""
    most: Count = 0
    for run in (run for chunk in stage.runs for run in chunk if _is_captured(stage, run)):
        for direction in (Direction.FORWARD, Direction.BACKWARD):
            most = maximum(most, run.weighed.highest[direction][0] - run.weighed.kept)
    return most


def _is_captured(stage: Stage, run: Run) -> bool:
    training, piece = stage.training, run.weighed.piece
    layer = piece in training.parts.kinds or piece is training.parts.prediction
    return layer and captured(piece, training.plan.execution.graphs)


def _in_flight(stage: Stage, layers: list[Count]) -> Count:
    """The most captured layers that have gone forward and not backward; without a pipeline one micro-batch has graphs,
    which all run.
    """
    if plain(stage.training.plan.pipeline) == 1:
        return total(layers)
    most: Count = 0
    for turn in stage.turns:
        if turn.action is Action.FORWARD:
            held = total(times * count for times, count in zip(turn.held, layers, strict=True))
            most = maximum(most, held + layers[turn.chunk])
    return most


def _inputs(stage: Stage, run: Run) -> Count:
    """Bytes of the copies that one layer reads (get_layer_static_inputs): its input, and a byte per query and key."""
    training, piece = stage.training, run.weighed.piece
    names = training.plan.execution.graphs
    assert piece.carried is not None, "layers have an input"
    own = training.size(piece.carried)
    if WHOLE not in names and "attn" not in names:
        return own
    batch, positions = piece.carried.axes[:2]
    sequence = Axis("sequence", training.work.sequence)
    mask = Tensor(
        "mask of a graph", (batch, sequence, Axis("keys", training.work.positions)), INT8, piece.tape.reference
    )
    assert isinstance(positions, Axis), "a layer's input has positions"
    return own + training.size(mask)


def _results(stage: Stage, run: Run) -> Count:
    """Bytes of the gradients of what one layer's graph makes: the layer's result; of a layer whose experts run without
    graphs, the stream, shared experts' result, what goes to experts, and its weights (_te_cuda_graph_replay).
    """
    training, piece = stage.training, run.weighed.piece
    names, routing = set(training.plan.execution.graphs), training.kernels.routing
    assert piece.carried is not None, "layers have an input"
    stream = training.size(piece.carried)
    routes = next((operation for operation in piece.operations if operation.name == "top k"), None)
    if routes is None or "moe" in names or WHOLE in names or not ROUTED & names:
        return stream
    shared = any(s.name == "shared_experts" and piece.start <= s.start < piece.end for s in piece.tape.segments)
    sent = stream
    if "moe_preprocess" in names and routing.exchange is Exchange.ALL_TO_ALL:
        sent = training.size(next(o for o in piece.operations if o.name == "permute").makes[0])
    return (2 if shared else 1) * stream + sent + training.size(routes.makes[0])
