"""The weights of a model under the names, and in the shapes, that they have in GGUF files.

Source: llama.cpp at 0024aa7 (2026), gguf-py/gguf/constants.py (TENSOR_NAMES, MODEL_TENSORS) and the models' converters
in convert_hf_to_gguf.py (which tensors are split or joined).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from weighbridge.errors import InputError
from weighbridge.formats.weights.synonyms import common
from weighbridge.models import Model
from weighbridge.models.sites import Placed, placed
from weighbridge.tape import Joined, Weight
from weighbridge.tree import Kind

Shape = tuple[int, ...]
"""Sizes as PyTorch orders them, rows before columns; ggml writes them in the other order."""

OUTSIDE = {
    "embed_tokens": "token_embd",
    "embed_tokens.wpe": "position_embd",
    "norm": "output_norm",
    "lm_head": "output",
}
"""What stands outside the layers."""

LAYER = {
    "input_layernorm": "attn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.qkv_proj": "attn_qkv",
    "self_attn.o_proj": "attn_output",
    "self_attn.q_norm": "attn_q_norm",
    "self_attn.k_norm": "attn_k_norm",
    "self_attn.sink_scores": "attn_sinks",
    "self_attn.q_a_proj": "attn_q_a",
    "self_attn.q_a_layernorm": "attn_q_a_norm",
    "self_attn.q_b_proj": "attn_q_b",
    "self_attn.kv_a_proj_with_mqa": "attn_kv_a_mqa",
    "self_attn.kv_a_layernorm": "attn_kv_a_norm",
    "self_attn.kv_b_proj": "attn_kv_b",
    "post_attention_layernorm": "ffn_norm",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.gate_up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
    "mlp.gate": "ffn_gate_inp",
    "mlp.experts.gate_proj": "ffn_gate_exps",
    "mlp.experts.up_proj": "ffn_up_exps",
    "mlp.experts.down_proj": "ffn_down_exps",
    "mlp.shared_expert.gate_proj": "ffn_gate_shexp",
    "mlp.shared_expert.up_proj": "ffn_up_shexp",
    "mlp.shared_expert.down_proj": "ffn_down_shexp",
    "mlp.shared_expert_gate": "ffn_gate_inp_shexp",
    "mlp.fc1_latent_proj": "ffn_latent_down",
    "mlp.fc2_latent_proj": "ffn_latent_up",
    "mixer": "ssm",
    "mixer.in_proj": "ssm_in",
    "mixer.conv": "ssm_conv1d",
    "mixer.x_proj": "ssm_x",
    "mixer.dt_proj": "ssm_dt",
    "mixer.norm": "ssm_norm",
    "mixer.out_proj": "ssm_out",
    "linear_attn": "ssm",
    "linear_attn.in_proj_qkvz": "ssm_in",
    "linear_attn.in_proj_ba": "ssm_ba",
    "linear_attn.conv": "ssm_conv1d",
    "linear_attn.qkv_proj": "attn_qkv",
    "linear_attn.z_proj": "attn_gate",
    "linear_attn.b_proj": "ssm_beta",
    "linear_attn.a_proj": "ssm_alpha",
    "linear_attn.norm": "ssm_norm",
    "linear_attn.out_proj": "ssm_out",
    "conv.in_proj": "shortconv.in_proj",
    "conv.conv": "shortconv.conv",
    "conv.out_proj": "shortconv.out_proj",
}
"""What stands in a layer, after ``blk.N.``; experts are one tensor, so their numbers are left out."""

AFTER = (
    (re.compile(r"post_(mlp|moe)_norm"), "post_ffw_norm"),
    (re.compile(r"post_(\w+_)?attention_norm"), "post_attention_norm"),
)
"""Norms of what a branch gives, by our own names: in checkpoints they are called as others are."""

OF_WEIGHTS = {
    "weight": "{}.weight",
    "offset": "{}.bias",
    "correction": "exp_probs_b.bias",
    "dt_bias": "{}_dt.bias",
    "decay": "{}_a",
    "skip": "{}_d",
}
"""How the weights of a module are called, given its name."""

BEFORE_FFN = {"post_attention_layernorm": "post_attention_norm"}
"""The norm before a feed-forward network, where files call it by what stands before it."""

OWN = {
    "ernie4_5-moe": {"mlp.gate:offset": "exp_probs_b.bias"},
    "glm4moe": BEFORE_FFN,
    "gpt-oss": BEFORE_FFN,
    "lfm2": {"norm": "token_embd_norm"},
    "nemotron_h": {"post_attention_layernorm": "attn_norm"},
    "qwen35": BEFORE_FFN,
    "qwen35moe": BEFORE_FFN,
    "qwen3next": BEFORE_FFN,
    "seed_oss": BEFORE_FFN,
}
"""Where an architecture calls a part otherwise, or a weight that is no ``weight`` of it."""

Split = tuple[tuple[str, Shape], ...]
"""Tensors that stand for a weight together: names, without ``.weight``, and shapes."""


def latent(weight: Weight, config: Any) -> Split:
    """Keys and values of latent attention, one matrix per head; that of keys lies across."""
    rank, nope, value = weight.axes[1].size, config.qk_nope_head_dim, config.v_head_dim
    heads = config.num_attention_heads
    return ("attn_k_b", (heads, rank, nope)), ("attn_v_b", (heads, value, rank))


def gated(weight: Weight, config: Any) -> Split:
    """Queries, keys and values of a linear attention, and its output's gate."""
    rows, columns = weight.axes
    assert isinstance(rows, Joined)
    gate = rows.parts[-1].size
    return ("attn_qkv", (rows.size - gate, columns.size)), ("attn_gate", (gate, columns.size))


SPLITS: dict[str, Callable[[Weight, Any], Split]] = {
    "self_attn.kv_b_proj": latent,
    "linear_attn.in_proj_qkvz": gated,
}
"""Weights that newer converters write as several tensors; older files have them whole."""


@dataclass(frozen=True, slots=True)
class Part:
    """A tensor that stands for a weight, or for a part of it.

    Attributes:
        name: as GGUF files have it.
        shape: without axes of one element, of which files have none.
    """

    name: str
    shape: Shape

    @property
    def count(self) -> int:
        """Elements."""
        found = 1
        for size in self.shape:
            found *= size
        return found


@dataclass(frozen=True, slots=True)
class Held:
    """A weight and the ways in which files may hold it, the newest first; each is a list of tensors."""

    placed: Placed
    ways: tuple[tuple[Part, ...], ...]


def held(model: Model, architecture: str) -> Iterator[Held]:
    """Every weight of a model with its tensors. Prediction layers, which most files leave out, are left out, and so is
    what is for images, which has a file of its own.

    Raises:
        InputError: for a part whose name in GGUF files is not known here.
    """
    for one in placed(model.tree, by_layer=True):
        if one.apart or one.node.kind is Kind.VISION:
            continue
        where, key = _place(one.site.names[0])
        known = {**(LAYER if where else OUTSIDE), **OWN.get(architecture, {})}
        after = next((name for pattern, name in AFTER if pattern.fullmatch(one.node.name)), None)
        name = after or known.get(key)
        called = known.get(f"{key}:{one.name}", OF_WEIGHTS.get(one.name, ""))
        if name is None or not called:
            raise InputError(f"{model.name}: how GGUF files call its {one.site.names[0]} is not known here")
        shape = tuple(axis.size for axis in one.weight.axes)
        whole = _part(where, called.format(name), (one.copies, *shape))
        split = SPLITS.get(key) if one.name == "weight" else None
        parts = () if split is None else split(one.weight, model.config)
        newer = tuple(_part(where, f"{own}.weight", sizes) for own, sizes in parts)
        yield Held(one, ((newer,) if newer else ()) + ((whole,),))


def _place(name: str) -> tuple[str, str]:
    """What stands before a name in files, and the name without the numbers of its layer and of experts."""
    found = re.fullmatch(r"layers\.(\d+)\.(.*)\.", common(f"{name}."))
    if found is None:
        return "", name
    return f"blk.{found[1]}.", re.sub(r"experts\.\d+", "experts", found[2])


def _part(where: str, name: str, shape: Shape) -> Part:
    return Part(where + name, tuple(size for size in shape if size != 1) or (1,))
