"""The operations that forward passes are written with. Each records itself on the tape of its first input.

``keeps`` follows PyTorch's autograd: what ``save_for_backward`` holds for the operation as the pass's kernels carry it
out.
"""

from __future__ import annotations

from collections.abc import Mapping

from weighbridge.arithmetic import Count, exact_div
from weighbridge.kernels import Pointwise, Rope
from weighbridge.nn.steps import GATES, INPUT, RESULT, STEPS
from weighbridge.tape import (
    SEQUENCE,
    STREAM,
    WHERE_SPLIT,
    Axis,
    Dimension,
    Tensor,
    Use,
    Weight,
    Work,
    renamed,
    splits,
)
from weighbridge.traced import plain
from weighbridge.units import FP32, INT8, DataType


def trains(*weights: Weight) -> bool:
    """Whether the gradient of a matrix is computed, for which its input is kept; that of a bias needs no input."""
    return any(weight.trained and len(weight.axes) > 1 for weight in weights)


def twice(forward: Count) -> Work:
    """The work of a matrix multiply: the backward pass multiplies twice, for the input and for the weight."""
    return Work(forward, 2 * forward)


NOT_COUNTED: Mapping[str, Work] = {"megatron": Work()}
"""For projections that Megatron-LM's own FLOPs formula leaves out."""

MASK = INT8
"""Dropout masks and other flags: a byte each."""


def lookup(tokens: Tensor, table: Weight, hidden: Dimension) -> Tensor:
    """Rows of a table. Keeps the tokens, and flags where other ranks share the table (Megatron-Core,
    tensor_parallel/layers.py, VocabParallelEmbedding).
    """
    dtype = FP32 if tokens.tape.run.kernels.autocast else None
    made = tokens.tape.tensor("embedded", *renamed(tokens.axes, STREAM), hidden, dtype=dtype)
    outside: tuple[Tensor, ...] = ()
    if tokens.tape.run.kernels.sequence_first and any(splits(axis) for axis in table.axes):
        outside = (tokens.tape.tensor("tokens of other ranks", Axis(WHERE_SPLIT, 1), *tokens.axes, dtype=MASK),)
    tokens.tape.record("lookup", (tokens, table), (made, *outside), (tokens, *outside) if table.trained else outside)
    return made


def matmul(
    x: Tensor,
    columns: Dimension,
    out: Dimension,
    weights: tuple[Weight, ...],
    counted: Mapping[str, Work] | None = None,
    use: Use = Use.ACTIVATION,
    buffered: bool = False,
) -> Tensor:
    """``x @ W``: every row of ``x`` times a weight of ``columns`` by ``out``. Keeps ``x``, unless the weight is frozen:
    the gradient of ``x`` needs the weight alone. A weight that is stored in fewer bits is written out for each
    multiply, forward and backward (bitsandbytes, autograd/_functions.py, MatMul4Bit).

    Args:
        x: rows.
        columns: the weight's input dimension.
        out: its output dimension.
        weights: the weight, and a bias if there is one.
        counted: its work by conventions of others.
        use: what the result takes memory for.
        buffered: a split input is gathered in a buffer that stays.

    Raises:
        ValueError: if ``x`` does not end in as many elements as the weight has columns.
    """
    given, wanted = plain(x.axes[-1].size), plain(columns.size)
    if isinstance(given, int) and isinstance(wanted, int) and given != wanted:
        raise ValueError(f"{columns.name}: a projection of {wanted:,} columns was given {given:,} ({x.axes[-1].name})")
    tape, rows = x.tape, x.axes[:-1]
    kernels, split = tape.run.kernels, splits(out)
    rows = renamed(rows, STREAM) if splits(columns) else renamed(rows, SEQUENCE) if split else rows
    wide = kernels.autocast and "expert_ffn" in (columns.name, out.name)  # grouped multiplies do not cast by themselves
    own = x.dtype if any(weight.dtype is x.dtype for weight in weights) else None
    made = tape.tensor("projection", *rows, out, use=use, dtype=x.dtype if wide else own)
    trained, multiply = trains(*weights), 2 * x.rows * columns.size * out.size
    work = twice(multiply) if trained or not weights else Work(multiply, multiply)
    memory = gathers(x, buffered) if split else scatters(made) if splits(columns) else {}
    if x.dtype is kernels.inputs:
        memory = quantised(x, made, memory)
    x, copies = (x, ()) if wide else autocast(x, weights)
    keeps = (x, *copies) if trained or not weights or _kept_with_packed(x, weights) else copies
    memory = written_out(x, weights, memory)
    tape.record("matmul", (x, *weights), (made, *copies), keeps, work, counted, cached=copies, **memory)
    return made


def _kept_with_packed(x: Tensor, weights: tuple[Weight, ...]) -> bool:
    """Whether a multiply by a packed weight keeps its input."""
    return x.tape.run.kernels.keeps_packed_inputs and any(weight.packed is not None for weight in weights)


def written_out(
    x: Tensor, weights: tuple[Weight, ...], memory: Mapping[str, tuple[Tensor, ...]]
) -> dict[str, tuple[Tensor, ...]]:
    """What a multiply holds, with packed weights written out in the type of activations while it runs."""
    packed = [weight for weight in weights if weight.packed is not None]
    if not packed:
        return dict(memory)
    whole = tuple(x.tape.tensor("weight written out", *w.axes, use=Use.WORKSPACE) for w in packed)
    names = ("scratch", "scratch_backward")
    return {**memory, **{name: (*memory.get(name, ()), *whole) for name in names}}


def lowered(x: Tensor) -> Tensor:
    """The input of projections in the type that they multiply in, made once for all that read it (Transformer Engine,
    pytorch/module/layernorm_linear.py and linear.py: the quantised input is kept instead of the input).
    """
    inputs = x.tape.run.kernels.inputs
    if inputs is None or x.dtype is inputs:
        return x
    key = id(x)
    if key not in x.tape.lowered:
        made = x.tape.tensor(f"{x.name} in {inputs.name}", *x.axes, dtype=inputs)
        x.tape.record("quantise", (x,), (made,))
        x.tape.lowered[key] = (x, made)
    return x.tape.lowered[key][1]


def quantised(x: Tensor, made: Tensor, memory: Mapping[str, tuple[Tensor, ...]]) -> dict[str, tuple[Tensor, ...]]:
    """What a multiply in fewer than 16 bits makes besides: forward, its input by columns too, unless ranks gather it or
    multiplies take any layout, of which one of the two is kept; backward, the gradient of its result by rows and, in
    the same way, by columns (Transformer Engine, pytorch/module/linear.py, set_usage and update_usage).
    """
    kernels, (low, back) = x.tape.run.kernels, (x.dtype, Use.WORKSPACE)
    rows = made.tape.tensor("gradient by rows", *made.axes, dtype=low, use=back)
    columns = made.tape.tensor("gradient by columns", *made.axes, dtype=low, use=back)
    forward = (x.tape.tensor("input by columns", *x.axes, dtype=low, use=back),)
    both = kernels.transposes
    return {
        **memory,
        "scratch": (*memory.get("scratch", ()), *(forward if both and not memory else ())),
        "scratch_backward": (*memory.get("scratch_backward", ()), rows, *((columns,) if both else ())),
    }


def autocast(x: Tensor, weights: tuple[Weight, ...]) -> tuple[Tensor, tuple[Tensor, ...]]:
    """Copies in 16 bits of a projection's fp32 input, one for each projection, and of its weights, where autocast runs
    (aten/src/ATen/autocast_mode.cpp, cached_cast: only leaves are cached, until the context is left after the forward
    pass; the copies of weights are kept for the backward pass too).
    """
    if not x.tape.run.kernels.autocast:
        return x, ()
    copies = tuple(x.tape.tensor("weight in 16 bits", *w.axes, use=Use.WORKSPACE) for w in weights if len(w.axes) > 1)
    if x.dtype is not FP32:
        return x, copies
    made = x.tape.tensor(f"{x.name} in 16 bits", *x.axes)
    x.tape.record("cast", (x,), (made,))
    return made, copies


def gathers(x: Tensor, buffered: bool) -> dict[str, tuple[Tensor, ...]]:
    """What a projection of a split sequence gathers: its input forward; backward that again, and the gradient of all of
    it before each rank takes its part (Megatron-Core, tensor_parallel/layers.py,
    LinearWithGradAccumulationAndAsyncCommunication).
    """
    if not (x.tape.run.gathers and any(axis.name == STREAM for axis in x.axes)):
        return {}
    whole, again, gradient = (
        x.tape.tensor(name, *renamed(x.axes, SEQUENCE), dtype=x.dtype, use=Use.COMMUNICATION)
        for name in ("gathered", "gathered again", "gradient of all")
    )
    if buffered:
        return {"buffered": (whole,), "scratch_backward": (gradient,)}
    return {"scratch": (whole,), "scratch_backward": (again, gradient)}


def gathered(x: Tensor) -> Tensor:
    """All of a split sequence, where the framework keeps it; the input itself where projections gather it."""
    run = x.tape.run
    if not run.gathers or run.kernels.gathers_again:
        return x
    made = x.tape.tensor("gathered", *renamed(x.axes, SEQUENCE))
    copy = x.tape.tensor("in the order of ranks", *made.axes, use=Use.COMMUNICATION)
    x.tape.record("gather", (x,), (made,), scratch=(copy,), scratch_backward=(copy,))
    return made


def scatters(made: Tensor) -> dict[str, tuple[Tensor, ...]]:
    """What a projection of split columns holds where its result is split by positions: all of the result before it is
    summed over ranks, and a copy in the order of ranks; backward, the gradient of all of it in the same way. PyTorch
    gathers and scatters along the first dimension, which positions are not
    (torch/distributed/_functional_collectives.py, all_gather_tensor, reduce_scatter_tensor).
    """
    run = made.tape.run
    if not run.gathers or run.kernels.gathers_again or not any(axis.name == STREAM for axis in made.axes):
        return {}
    names = ("all of the result", "in the order of ranks")
    both = tuple(made.tape.tensor(n, *renamed(made.axes, SEQUENCE), use=Use.COMMUNICATION) for n in names)
    return {"scratch": both, "scratch_backward": both}


def elementwise(
    name: str,
    *inputs: Tensor,
    keeps: tuple[Tensor, ...] = (),
    weights: tuple[Weight, ...] = (),
    makes: tuple[Tensor, ...] = (),
    shares: tuple[Tensor, ...] = (),
) -> Tensor:
    """An operation that makes one value for each value of its first input. No convention counts its FLOPs.

    Args:
        name: what it does.
        inputs: what it reads.
        keeps: what stays for the backward pass.
        weights: what it reads of the module.
        makes: what it makes besides its result.
        shares: inputs whose gradient is the result's own.
    """
    first = inputs[0]
    made = first.tape.tensor(name, *first.axes, dtype=first.dtype)
    first.tape.record(name, (*inputs, *weights), (made, *makes), keeps, shares_gradient=shares)
    return made


def activation(name: str, x: Tensor) -> Tensor:
    """A pointwise activation (silu, gelu, relu). Keeps its input; written out, what its steps keep."""
    if name not in STEPS or not (x.tape.run.kernels.written_out or name == "relu"):
        return elementwise(name, x, keeps=(x,))
    return stepwise(name, STEPS[name], **{INPUT: x})


def stepwise(name: str, steps: tuple[str, ...], **inputs: Tensor) -> Tensor:
    """A pointwise operation that keeps some of its inputs, its result and what stands between."""
    first = next(iter(inputs.values()))
    made = first.tape.tensor(name, *first.axes, dtype=first.dtype)
    known = {**inputs, RESULT: made}
    between = {s: first.tape.tensor(s, *first.axes, dtype=first.dtype) for s in steps if s not in known}
    kept = tuple(known.get(step) or between[step] for step in steps)
    first.tape.record(name, tuple(inputs.values()), (made, *between.values()), kept)
    return made


def multiply(a: Tensor, b: Tensor) -> Tensor:
    """A pointwise product. Keeps both factors, each for the other's gradient."""
    keeps = tuple(one for one, other in ((a, b), (b, a)) if a.tape.needs(other))
    return elementwise("multiply", a, b, keeps=keeps)


def gated(name: str, gate: Tensor, up: Tensor) -> Tensor:
    """An activated gate times another projection (SwiGLU). One kernel keeps both; two keep the activation too."""
    kernels = gate.tape.run.kernels
    if kernels.pointwise is Pointwise.FUSED:
        return elementwise("gated " + name, gate, up, keeps=(gate, up))
    if kernels.written_out and name in GATES:
        return stepwise(name, GATES[name], gate=gate, up=up)
    if kernels.sequence_first:  # Megatron-Core adds an offset first, be it 0 (transformer/mlp.py, glu_linear_offset)
        up = elementwise("offset", up, keeps=(up,))  # which the gate's half keeps: both are one projection
    return multiply(activation(name, gate), up)


def add(a: Tensor, b: Tensor) -> Tensor:
    """A pointwise sum. Keeps nothing; both gradients are the sum's."""
    return elementwise("add", a, b, shares=(a, b))


ANGLES = {
    "whole": ("cosines", "sines"),
    "whole in fp32": ("cosines", "sines"),
    "half": ("half cosines", "half sines"),
    "complex": ("complex numbers",),
    "interleaved": ("interleaved cosines", "interleaved sines"),
    "interleaved in fp32": ("interleaved cosines", "interleaved sines"),
    "interleaved apart": ("interleaved cosines", "interleaved sines"),
}
"""Tables of angles: cosines and sines of a whole head, in which the halves are the same, or of a half; complex numbers
in fp32; or cosines and sines with every angle twice, which every layer makes anew, for queries and keys apart or not.
"""


def tables_of(x: Tensor, head: Axis, angles: str, own: str = "", each: bool = False) -> tuple[Tensor, ...]:
    """Tables of angles of so many elements of a head, as a model's code has them: one of :data:`ANGLES`. Megatron-Core
    makes them anew at every call (models/common/embeddings/rope_utils.py).
    """
    tape = x.tape
    positions = [next((axis for axis in x.axes if axis.name == SEQUENCE), x.axes[0])]
    if each:
        positions.insert(0, next(axis for axis in x.axes if axis.name == "batch"))
    anew = tape.run.kernels.sequence_first or angles.startswith("interleaved")
    wide = tape.run.kernels.autocast or angles == "complex" or angles.endswith("in fp32")
    width = Axis("head_dim", exact_div(head.units, 2)) if angles == "half" else head
    make = tape.tensor if anew else tape.table
    return tuple(make(own + name, *positions, width, dtype=FP32 if wide else None) for name in ANGLES[angles])


def rotary(
    x: Tensor,
    turned: Count | None = None,
    angles: str = "whole",
    own: str = "",
    each: bool = False,
    tables: tuple[Tensor, ...] = (),
) -> Tensor:
    """Rotary positions (Su et al. 2021, eq. 34): turns every head's elements by pairs. Keeps nothing of its input, only
    tables that all layers share.

    Args:
        x: heads, or one head that all share.
        turned: how many of a head's elements are turned; all if ``None``.
        angles: the tables of a model's code, where operations run as it is written: one of :data:`ANGLES`.
        own: whose angles they are, where layers differ in them.
        each: every sequence has positions of its own, as those with images do, and so tables of its own.
        tables: those that were made for the queries of the same layer.
    """
    tape, rope = x.tape, x.tape.run.kernels.rope
    made, head = tape.tensor("rotary", *x.axes, dtype=x.dtype), turned_part(x, turned)
    if rope is Rope.FUSED:
        positions = [axis for axis in x.axes if axis.name == SEQUENCE or (each and axis.name == "batch")]
        table = tape.table("angles", *(positions or x.axes[:1]), head, dtype=FP32)
        tape.record("rotary", (x,), (made,), (table,))
    elif rope is Rope.EAGER:
        kept = tables or tables_of(x, head, angles, own, each)
        halves = tape.tensor("turned halves", *x.axes, use=Use.WORKSPACE)
        new = kept if tape.run.kernels.sequence_first or angles == "interleaved apart" else ()
        tape.record("rotary", (x,), (made, *new), kept, scratch=(halves,), scratch_backward=(halves,))
    else:
        wide = tape.tensor("pairs in fp32", *x.axes, dtype=FP32, use=Use.WORKSPACE)
        tape.record("rotary", (x,), (made,), scratch=(wide, wide), scratch_backward=(wide, wide))
    return made


def turned_part(x: Tensor, turned: Count | None = None) -> Axis:
    """The elements of a head that positions turn: so many, or all."""
    last = x.axes[-1]
    whole = last.width if isinstance(last, Axis) and last.name != "rope" else last.size
    return Axis("head_dim", whole if turned is None else turned)


def cast(x: Tensor, name: str, dtype: DataType) -> Tensor:
    """The same values in another type."""
    made = x.tape.tensor(name, *x.axes, dtype=dtype)
    x.tape.record("cast", (x,), (made,))
    return made


def dropout(x: Tensor) -> Tensor:
    """Dropout of a residual branch or of embeddings, where the pass has it. Keeps a mask."""
    if not x.tape.run.kernels.hidden_dropout:
        return x
    mask = x.tape.tensor("dropout mask", *x.axes, dtype=MASK)
    return elementwise("dropout", x, keeps=(mask,), makes=(mask,))


def residual(stream: Tensor, branch: Tensor) -> Tensor:
    """The stream plus a branch, which dropout thins first where the pass has it (one kernel: keeps a mask)."""
    if not stream.tape.run.kernels.hidden_dropout:
        return add(stream, branch)
    if stream.tape.run.kernels.pointwise is Pointwise.EAGER:
        return add(stream, dropout(branch))
    mask = stream.tape.tensor("dropout mask", *branch.axes, dtype=MASK)
    return elementwise("dropout and add", stream, branch, keeps=(mask,), makes=(mask,), shares=(stream,))


def part(x: Tensor, name: str, last: Dimension) -> Tensor:
    """A part of a projection's result, by its last axis: a view."""
    return view(x, name, *x.axes[:-1], last)


def view(x: Tensor, name: str, *axes: Dimension) -> Tensor:
    """The same values under other axes, or a part of them. Records nothing: no memory, no work."""
    return x.tape.tensor(name, *axes, dtype=x.dtype, base=x, use=x.use)
