"""The operations that forward passes are written with. Each records itself on the tape of its first input.

``keeps`` follows PyTorch's autograd: what ``save_for_backward`` holds for the operation as it is commonly written.
"""

from __future__ import annotations

from collections.abc import Mapping

from weighbridge.arithmetic import Count
from weighbridge.tape import Dimension, Tensor, Weight, Work
from weighbridge.traced import plain


def twice(forward: Count) -> Work:
    """The work of a matrix multiply: the backward pass multiplies twice, for the input and for the weight."""
    return Work(forward, 2 * forward)


NOT_COUNTED: Mapping[str, Work] = {"megatron": Work()}
"""For projections that Megatron-LM's own FLOPs formula leaves out."""


def matmul(
    x: Tensor,
    columns: Dimension,
    out: Dimension,
    weights: tuple[Weight, ...],
    counted: Mapping[str, Work] | None = None,
) -> Tensor:
    """``x @ W``: every row of ``x`` times a weight of ``columns`` by ``out``. Keeps ``x``.

    Raises:
        ValueError: if ``x`` does not end in as many elements as the weight has columns.
    """
    given, wanted = plain(x.axes[-1].size), plain(columns.size)
    if isinstance(given, int) and isinstance(wanted, int) and given != wanted:
        raise ValueError(f"{columns.name}: a projection of {wanted:,} columns was given {given:,} ({x.axes[-1].name})")
    made = x.tape.tensor("projection", *x.axes[:-1], out)
    work = twice(2 * x.rows * columns.size * out.size)
    x.tape.record("matmul", (x, *weights), (made,), (x,), work, counted)
    return made


def elementwise(name: str, *inputs: Tensor, keeps: tuple[Tensor, ...] = (), weights: tuple[Weight, ...] = ()) -> Tensor:
    """An operation that makes one value for each value of its first input. No convention counts its FLOPs."""
    first = inputs[0]
    made = first.tape.tensor(name, *first.axes)
    first.tape.record(name, (*inputs, *weights), (made,), keeps)
    return made


def activation(name: str, x: Tensor) -> Tensor:
    """A pointwise activation (silu, gelu, relu). Keeps its input."""
    return elementwise(name, x, keeps=(x,))


def multiply(a: Tensor, b: Tensor) -> Tensor:
    """A pointwise product. Keeps both factors."""
    return elementwise("multiply", a, b, keeps=(a, b))


def add(a: Tensor, b: Tensor) -> Tensor:
    """A pointwise sum (a residual connection). Keeps nothing."""
    return elementwise("add", a, b)


def view(x: Tensor, name: str, *axes: Dimension) -> Tensor:
    """The same values under other axes, or a part of them. Records nothing: no memory, no work."""
    return x.tape.tensor(name, *axes, dtype=x.dtype, base=x)
