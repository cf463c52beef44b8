"""A gate between projections that each run with their adapter as one function."""

from __future__ import annotations

from weighbridge.nn.ops import elementwise
from weighbridge.tape import Tensor


def gated(name: str, gate: Tensor, up: Tensor) -> Tensor:
    """An activated gate times another projection in one kernel that keeps both. Backward, its result is made again in
    the memory of its gradient, and the gradients of both take their places (Unsloth, kernels/swiglu.py and geglu.py,
    swiglu_DWf_DW_dfg_kernel; fast_lora.py, LoRA_MLP).
    """
    made = elementwise("gated " + name, gate, up, keeps=(gate, up), shares=(gate, up))
    gate.tape.remade.add(id(made.storage))
    return made
