"""Kernels that the host launches for an operation of the tape, and how often they move its tensors, where they are more
than one.
"""

from __future__ import annotations

from dataclasses import dataclass

from weighbridge.hardware.device import Device
from weighbridge.kernels import Experts, Kernels, Pointwise, Rope
from weighbridge.parallel.framework import Framework
from weighbridge.tape import Operation

LAUNCH = 25e-6
"""Seconds of the host for each kernel of a training step in PyTorch, its Python and autograd included: 43.3 ms for
1,570 kernels, 77.9 ms for 3,092 in steps whose device waits (benchmarks/measured, H100; counted by torch.profiler). A
bare launch takes 10.8 us there."""

OPERATIONS = {"megatron": 120e-6}
"""Seconds of the host for each operation of the tape, by families of frameworks in which one is several kernels and
much Python (modules of Transformer Engine and Megatron-Core, their autograd functions, handles of messages). Measured
in steps of one rank that wait for the host all the time: 49 to 53 ms for 341 to 413 operations on a DGX H100, with 5 ms
for what a step does once (Megatron-LM, tests/functional_tests, golden values of gpt3_mcore_*tp1_pp1_*)."""

HOSTS = {"volta": 1.8, "turing": 1.8, "ampere": 1.8}
"""The same of the hosts that devices of an architecture usually have, over those of an H100: 80 to 103 ms on a DGX A100
for these steps; older ones are taken for no faster."""

LOOP_LAUNCH = 9e-6
"""Seconds of the host for each multiply that a loop in C++ launches: the least that one of Transformer Engine's grouped
multiplies takes, however small (MooreThreads/SimuMax, configs/system/b200_bf16_ceperm.json, group_matmul: 8.6 to
9.4 us where 160 and 256 experts have 128 to 154 rows each)."""


@dataclass(frozen=True)
class Several:
    """More than one kernel.

    Attributes:
        forward: kernels forward.
        backward: kernels backward.
        moves: how often they move what the operation reads and makes, over one kernel that does all.
        moves_back: the same backward.
    """

    forward: int = 1
    backward: int = 1
    moves: float = 1.0
    moves_back: float = 1.0


ONE = Several()

EAGER: dict[str, Several] = {
    "rotary": Several(5, 8, 10.0, 10.0),
    "root mean square": Several(4, 6, 3.0, 12.0),
    "multiply": Several(1, 2, 1.0, 2.5),
    "norm": Several(1, 3, 1.0, 3.0),
    "attention": Several(4, 5),
}
"""Operations that transformers writes out, by what each kernel reads and writes (counted in a profile of an H100):

- A rotation: two products, a negated half, their concatenation, a sum move ten times a tensor that is read and made
  once; they walk it in strides, at half of the bandwidth.
- A root mean square: squares, their mean; backward, the mean spread out, twice the input, two products, their sum with
  the other gradient.
- A product: both gradients are products, and one that is a weight's or a root's is summed up.
- Attention: copies with the heads first.
"""

COMPLEX: dict[str, Several] = {"rotary": Several(3, 3, 6.6, 6.6), "multiply": Several(1, 2, 1.0, 2.0)}
"""Operations that torchtitan writes out where no compiler joins them: a rotation to fp32 and back around a product of
complex numbers (models/llama3/model.py, apply_rotary_emb), which moves five times a tensor that is read and made once,
three fifths of it as slowly as casts; both gradients of a product."""

ROUTED: dict[str, Several] = {
    "top k": Several(12, 8),
    "permute": Several(6, 4),
    "sort by expert": Several(3, 3),
    "sort by rank": Several(3, 3),
    "combine": Several(3, 3),
}
"""Operations of Megatron-Core's router and dispatcher (transformer/moe/router.py, moe_utils.py, token_dispatcher.py):
scores, top k, scatter, the balancing loss and its scaling; maps, sums, sorting of chunks."""

CASTS = ("to fp32", "cast", "quantise", "cast input", "cast gradient", "cast weights")

SLOWER = {
    **dict.fromkeys(CASTS, 1.53),
    "norm": 1.4,
    **dict.fromkeys(("permute", "unpermute", "combine"), 1.8),
}
"""Seconds of a kernel over those of a copy that moves as much: of one that changes the width of its elements, and of
normalisations (benchmarks/measured/kernels, H100: medians of large ones; Transformer Engine's own are not in them); of
one that puts tokens in another order (MooreThreads/SimuMax, configs/system/b200_bf16_ceperm.json, permute_fwd and
permute_bwd: half of a B200's bandwidth, of which copies attain nine tenths)."""

IN_PLACE = 3.0
"""The same of the loss in place: 0.28 to 0.32 of the bandwidth (the same, ce and ce_fusion)."""


def several(kernels: Kernels, operation: Operation) -> Several:
    """What an operation is to the host."""
    if kernels.experts is Experts.MEGATRON and operation.name in ROUTED:
        return ROUTED[operation.name]
    if kernels.pointwise is not Pointwise.EAGER or kernels.compiled:
        return ONE
    return {Rope.EAGER: EAGER, Rope.COMPLEX: COMPLEX}.get(kernels.rope, {}).get(operation.name, ONE)


def launch(framework: Framework, device: Device) -> float:
    """Seconds of the host for each launch."""
    return OPERATIONS.get(framework.family, LAUNCH) * HOSTS.get(device.architecture, 1.0)
