"""What pointwise functions keep where they are written out step by step."""

from __future__ import annotations

INPUT, RESULT = "input", "result"

STEPS = {
    "relu": (RESULT,),
    "sigmoid": (RESULT,),
    "tanh": (RESULT,),
    "relu2": ("relu",),
    "quick_gelu": (INPUT, "sigmoid"),
    "gelu_new": (INPUT, "half", "tanh", "1 + tanh"),
}
"""What activations keep that do not keep their input alone: kernels that keep their result (PyTorch,
tools/autograd/derivatives.yaml), and those that transformers writes step by step (transformers, activations.py).
"""

GATES = {
    "clamped_swish": ("gate", "up", "clamped gate", "sigmoid", "swish", "1 + up"),
    "clamped_silu": ("gate", "up", "silu", "clamped silu", "clamped up"),
    "silu_of_clamped": ("gate", "up", "clamped gate", "silu", "clamped up"),
}
"""The same of gates times projections that are not an activation times a projection: gpt-oss's (transformers,
models/gpt_oss/modeling_gpt_oss.py, _apply_gate), Step-3.5's (models/step3p7/modeling_step3p7.py, Step3p7MLP) and
DeepSeek-V4's (models/deepseek_v4/modeling_deepseek_v4.py, DeepseekV4MLP).
"""
