"""What attention holds besides where ranks share a sequence (context parallelism), by how they bring keys and values
together. All of it is gone when attention is done, forward or backward.

Source: Transformer Engine, pytorch/attention/dot_product_attention/context_parallel.py, and, for PyTorch,
torch/distributed/tensor/experimental/_attention.py. The rank is the one that holds most: under a causal mask the last
of a ring, which sees all keys with all its queries. Buffers of 8-bit attention are left out.
"""

from __future__ import annotations

from collections.abc import Mapping

from weighbridge.arithmetic import ceil_div
from weighbridge.kernels import Kernels
from weighbridge.tape import SEQUENCE, Axis, Tensor, Use

Besides = Mapping[str, tuple[Tensor, ...]]
"""Tensors that stand while an operation runs forward ("scratch") and backward ("scratch_backward")."""


def shared(q: Tensor, k: Tensor, v: Tensor, out: Tensor, sums: Tensor) -> Besides:
    """What stands besides, by the pass's kernels.

    Args:
        q: queries of a rank.
        k: its keys.
        v: its values.
        out: its result.
        sums: the logarithm of the sum of each of its rows.
    """
    kernels: Kernels = q.tape.run.kernels
    gradient = q.tape.tensor("query gradient in fp32", *q.axes, use=Use.WORKSPACE, dtype=sums.dtype)
    if kernels.gathers_keys:
        return _gathered(q, k, v, out) if kernels.sequence_first else _gathered_by_pytorch(k, v, gradient)
    found: dict[str, tuple[Tensor, ...]] = {"scratch": (), "scratch_backward": (gradient,)}
    if kernels.passes_keys:
        found = _ring(q, k, v, out, sums, gradient)
    if kernels.exchanges_heads and kernels.sequence_first:
        more = _exchanged(q, k, v, out)
        found = {name: (*found[name], *more[name]) for name in found} if kernels.passes_keys else more
    return found


def whole(x: Tensor, name: str, ranks: int = 1, use: Use = Use.COMMUNICATION) -> Tensor:
    """All positions of a rank's tensor, or those of one of so many parts."""
    keys = Axis("keys", ceil_div(x.tape.run.positions, ranks))
    axes = (keys if axis.name == SEQUENCE else axis for axis in x.axes)
    return x.tape.tensor(name, *axes, dtype=x.dtype, use=use)


def copy(x: Tensor, name: str, use: Use = Use.COMMUNICATION) -> Tensor:
    """Another tensor of the same size."""
    return x.tape.tensor(name, *x.axes, dtype=x.dtype, use=use)


def _gathered_by_pytorch(k: Tensor, v: Tensor, gradient: Tensor) -> dict[str, tuple[Tensor, ...]]:
    """Keys and values of all positions; backward those again and their gradients."""
    both = (whole(k, "all keys"), whole(v, "all values"))
    return {"scratch": both, "scratch_backward": (gradient, *both, *both)}


def _gathered(q: Tensor, k: Tensor, v: Tensor, out: Tensor) -> dict[str, tuple[Tensor, ...]]:
    """All keys and values, in the order of positions; the results of two steps, and room for packed sequences that is
    made for others too. Backward, all keys and values again, their gradients, those of two steps, and one gradient in
    the order of ranks (AttnFuncWithCPAndKVAllGather).
    """
    both = (whole(k, "all keys"), whole(v, "all values"))
    gradients = (whole(k, "gradient of all keys"), whole(v, "gradient of all values"))
    steps = (whole(k, "gradient of keys by step"), whole(v, "gradient of values by step"))
    results = (copy(out, "results by step", Use.WORKSPACE), copy(out, "room for packed results", Use.WORKSPACE))
    ordered, own = whole(k, "in the order of ranks"), copy(q, "gradient of queries by step", Use.WORKSPACE)
    return {"scratch": (*both, *results), "scratch_backward": (own, *both, *gradients, *steps, ordered)}


def _ring(
    q: Tensor, k: Tensor, v: Tensor, out: Tensor, sums: Tensor, gradient: Tensor
) -> dict[str, tuple[Tensor, ...]]:
    """Every rank's keys and values are received in buffers of their own, of which the last is kept in place of the
    rank's own; the results of all steps and their sums stand until they are joined. Backward, two buffers of keys,
    values and both gradients, of which the last gradients are the result, and what a step makes
    (AttnFuncWithCPAndKVP2P).
    """
    apart = q.tape.run.kernels.exchanging_ranks or 1
    buffers = (whole(k, "keys received", apart), whole(v, "values received", apart))
    steps = (whole(out, "results by step", apart, Use.WORKSPACE), whole(sums, "sums by step", apart, Use.WORKSPACE))
    passed = tuple(copy(x, f"{name} passed on") for name in ("first", "second", "third") for x in (k, v))
    made = tuple(copy(x, "gradient of one step", Use.WORKSPACE) for x in (q, k, v))
    return {"scratch": (*buffers, *steps), "scratch_backward": (gradient, *passed, *made)}


def _exchanged(q: Tensor, k: Tensor, v: Tensor, out: Tensor) -> dict[str, tuple[Tensor, ...]]:
    """Queries, keys and values with all positions of some heads, which are kept in place of the given ones; the result,
    laid out for the exchange and as it came. Backward, the gradient of the result with all positions, and those of
    queries, keys and values as attention makes them and as they are sent (AttnFuncWithCPAndQKVOA2A,
    flash_attn_a2a_communicate).
    """
    given = tuple(copy(x, f"{x.name} before the exchange") for x in (q, k, v))
    sent, received = copy(out, "result to be sent"), copy(out, "result as received")
    all_positions = copy(out, "gradient of the result, exchanged")
    made = tuple(copy(x, f"gradient of {x.name}, {how}") for how in ("made", "sent") for x in (q, k, v))
    return {"scratch": (*given, sent, received), "scratch_backward": (all_positions, *made)}
