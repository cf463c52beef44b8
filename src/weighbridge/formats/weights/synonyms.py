"""Parts of tensors' names that mean the same: what published checkpoints call what our trees have another name for."""

from __future__ import annotations

import re

from weighbridge.formats.quantization.listed import stripped

PARTS = {
    "self_attention": "self_attn",
    "clipped_attention": "self_attn",
    "partial_rotary_attention": "self_attn",
    "broadcast_attention": "self_attn",
    "attn": "self_attn",
    "attention": "self_attn",
    "clipped_attention_norm": "input_layernorm",
    "partial_rotary_attention_norm": "input_layernorm",
    "broadcast_attention_norm": "input_layernorm",
    "short_convolution_norm": "input_layernorm",
    "operator_norm": "input_layernorm",
    "attention_layernorm": "input_layernorm",
    "ln_1": "input_layernorm",
    "ln_attn": "input_layernorm",
    "ln_2": "post_attention_layernorm",
    "ln_mlp": "post_attention_layernorm",
    "ffn_norm": "post_attention_layernorm",
    "feedforward_layernorm": "post_attention_layernorm",
    "pre_ff_layernorm": "post_attention_layernorm",
    "post_self_attn_layernorm": "post_attention_layernorm",
    "post_mlp_layernorm": "post_feedforward_layernorm",
    "final_layernorm": "norm",
    "final_layer_norm": "norm",
    "embedding_norm": "norm",
    "word_embeddings": "embed_tokens",
    "embed_in": "embed_tokens",
    "Wqkv": "qkv_proj",
    "in_proj_qkv": "qkv_proj",
    "in_proj_z": "z_proj",
    "in_proj_b": "b_proj",
    "in_proj_a": "a_proj",
    "wq_b": "q_proj",
    "wk": "k_proj",
    "query_layernorm": "q_norm",
    "key_layernorm": "k_norm",
    "q_layernorm": "q_norm",
    "k_layernorm": "k_norm",
    "dt_layernorm": "dt_norm",
    "b_layernorm": "b_norm",
    "c_layernorm": "c_norm",
    "query_key_value": "qkv_proj",
    "dense": "o_proj",
    "dense_h_to_4h": "up_proj",
    "c_fc": "up_proj",
    "fc1": "up_proj",
    "fc_in": "up_proj",
    "dense_4h_to_h": "down_proj",
    "fc2": "down_proj",
    "fc_out": "down_proj",
    "short_convolution": "conv",
    "conv1d": "conv",
    "shared_mlp": "shared_expert",
    "feed_forward": "mlp",
    "mamba": "mixer",
}
"""Parts of names that mean the same, in published checkpoints and in our own trees, and one of them for all."""

PHRASES = (
    ("self_attn.out_proj", "self_attn.o_proj"),
    ("mlp.c_proj", "mlp.down_proj"),
    ("mlp.gate.wg", "mlp.gate"),
    ("mlp.gate.moe_statics.e_score_correction_bias", "mlp.gate.bias"),
    ("mlp.e_score_correction_bias", "mlp.gate.e_score_correction_bias"),
    ("mlp.expert_bias", "mlp.gate.e_score_correction_bias"),
    ("shared_head.norm", "norm"),
    ("embed_tokens_layernorm", "embed_tokens.norm"),
    ("word_embeddings_layernorm", "embed_tokens.norm"),
)
"""The same of several parts."""


def plain(name: str) -> str:
    """A tensor's name in a checkpoint without what stands before ``layers``."""
    found = stripped(name).removeprefix("gpt_neox.")
    return f"layers.{found[2:]}" if found.startswith("h.") else found


def common(name: str) -> str:
    """A name with one word for all that mean the same; a norm of a layer alone is that of its input."""
    found = re.sub(r"[^.]+", lambda part: PARTS.get(part[0], part[0]), name)
    for phrase, other in PHRASES:
        found = found.replace(phrase, other)
    return re.sub(r"^(layers\.\d+)\.norm\.", r"\1.input_layernorm.", found)
