"""What Megatron-Core calls the modules of this package: names and classes of its specifications.

Source: megatron/core/models/gpt/gpt_layer_specs.py and moe_module_specs.py, transformer/transformer_layer.py,
multi_latent_attention.py, moe/moe_layer.py, multi_token_prediction.py; models/hybrid (hybrid_model.py, hybrid_block.py,
hybrid_layer_specs.py), ssm (mamba_layer.py, mamba_mixer.py, gated_delta_net/common.py).
"""

from __future__ import annotations

from collections.abc import Mapping

Name = tuple[str, str]
"""An attribute and the class of what it holds."""

Path = tuple[Name, ...]
"""Where a module stands below the module that holds it here."""


def _same(*names: str, to: Path) -> dict[str, Path]:
    return dict.fromkeys(names, to)


def _linear(name: str, kind: str) -> Path:
    return ((name, f"TE{kind}ParallelLinear"),)


_FEED_FORWARD = {
    **_same("gate_proj", "up_proj", "gate_up_proj", to=(("linear_fc1", "TEColumnParallelLinear"),)),
    "down_proj": _linear("linear_fc2", "Row"),
}

_QKV: Path = (("linear_qkv", "TELayerNormColumnParallelLinear"),)
_FC1: Path = (("mlp", "MLP"), ("linear_fc1", "TELayerNormColumnParallelLinear"))

TABLE: Mapping[str, Mapping[str, Path]] = {
    "CausalLM": {
        "embedding": (("embedding", "LanguageModelEmbedding"), ("word_embeddings", "VocabParallelEmbedding")),
        "layers": (("decoder", "TransformerBlock"), ("layers", "ModuleList"), ("", "TransformerLayer")),
        "final_norm": (("decoder", "TransformerBlock"), ("final_layernorm", "TENorm")),
        "head": (("output_layer", "ColumnParallelLinear"),),
        "multi_token_prediction": (
            ("mtp", "MultiTokenPredictionBlock"),
            ("layers", "ModuleList"),
            ("", "MultiTokenPredictionLayer"),
        ),
    },
    "TokenAndPosition": {
        "token": (("word_embeddings", "VocabParallelEmbedding"),),
        "position": (("position_embeddings", "Embedding"),),
    },
    "DecoderLayer": {
        "attention_norm": (("input_layernorm", "TENorm"),),
        "attention": (("self_attention", "SelfAttention"),),
        "mlp_norm": (("pre_mlp_layernorm", "TENorm"),),
        "moe_norm": (("pre_mlp_layernorm", "TENorm"),),
        "mlp": (("mlp", "MLP"),),
        "moe": (("mlp", "MoELayer"),),
        "mamba_norm": (("norm", "TENorm"),),
        "mamba": (("mixer", "MambaMixer"),),
        "linear_attention_norm": (("input_layernorm", "TENorm"),),
        "linear_attention": (("self_attention", "GatedDeltaNet"),),
    },
    "Mamba2": {
        "in_proj": _linear("in_proj", "Column"),
        "conv": (("conv1d", "Conv1d"),),
        "norm": (("norm", "ExtendedRMSNorm"),),
        "out_proj": _linear("out_proj", "Row"),
    },
    "GatedDeltaNet": {
        **_same("qkvz_proj", "ba_proj", to=(("in_proj", "TEColumnParallelLinear"),)),
        "conv": (("conv1d", "Conv1d"),),
        "norm": (("out_norm", "TENorm"),),
        "out_proj": _linear("out_proj", "Row"),
    },
    "GroupedQueryAttention": {
        **_same("q_proj", "k_proj", "v_proj", "qkv_proj", to=(("linear_qkv", "TEColumnParallelLinear"),)),
        "q_norm": (("q_layernorm", "TENorm"),),
        "k_norm": (("k_layernorm", "TENorm"),),
        "o_proj": _linear("linear_proj", "Row"),
    },
    "MultiHeadLatentAttention": {
        "q_proj": _linear("linear_q_proj", "Column"),
        "q_a_proj": (("linear_q_down_proj", "TELinear"),),
        "q_a_norm": (("q_layernorm", "TENorm"),),
        "q_b_proj": _linear("linear_q_up_proj", "Column"),
        "kv_a_proj": (("linear_kv_down_proj", "TELinear"),),
        "kv_a_norm": (("kv_layernorm", "TENorm"),),
        "kv_b_proj": _linear("linear_kv_up_proj", "Column"),
        "o_proj": _linear("linear_proj", "Row"),
    },
    "MLP": _FEED_FORWARD,
    "GatedMLP": _FEED_FORWARD,
    "Expert": _FEED_FORWARD,
    "GatedExpert": _FEED_FORWARD,
    "MixtureOfExperts": {
        "router": (("router", "TopKRouter"),),
        "experts": (("experts", "TEGroupedMLP"),),
        "shared_expert": (("shared_experts", "SharedExpertMLP"),),
        "shared_expert_gate": (("shared_experts", "SharedExpertMLP"), ("gate_weight", "Parameter")),
        "latent_in": (("fc1_latent_proj", "TELinear"),),
        "latent_out": (("fc2_latent_proj", "TELinear"),),
    },
    "MultiTokenPrediction": {
        "hidden_norm": (("hnorm", "TENorm"),),
        "embedding_norm": (("enorm", "TENorm"),),
        "joint_proj": (("eh_proj", "TEColumnParallelLinear"),),
        "layer": (("transformer_layer", "TransformerLayer"),),
        "norm": (("final_layernorm", "TENorm"),),
        "head": (("output_layer", "ColumnParallelLinear"),),
    },
}
"""By the class that holds a module and the attribute that it is held by. Attributes that end in ``_layers`` are
``layers``."""

FUSED: Mapping[tuple[str, str], Path] = {
    ("attention_norm", "GroupedQueryAttention"): (("self_attention", "SelfAttention"), *_QKV),
    ("mamba_norm", "Mamba2"): (("mixer", "MambaMixer"), ("in_proj", "TELayerNormColumnParallelLinear")),
    ("linear_attention_norm", "GatedDeltaNet"): (
        ("self_attention", "GatedDeltaNet"),
        ("in_proj", "TELayerNormColumnParallelLinear"),
    ),
    ("mlp_norm", "MLP"): _FC1,
    ("mlp_norm", "GatedMLP"): _FC1,
    ("q_a_norm", "Linear"): (("linear_q_up_proj", "TELayerNormColumnParallelLinear"),),
    ("kv_a_norm", "Linear"): (("linear_kv_up_proj", "TELayerNormColumnParallelLinear"),),
}
"""Norms that Transformer Engine computes in the projection after them, by attribute and the class that follows."""

LOCAL = {
    "TELayerNormColumnParallelLinear": "ColumnParallelLinear",
    "TEColumnParallelLinear": "ColumnParallelLinear",
    "TERowParallelLinear": "RowParallelLinear",
    "TELinear": "Linear",
    "TENorm": "WrappedTorchNorm",
    "TEGroupedMLP": "SequentialMLP",
    "TEDotProductAttention": "DotProductAttention",
}
"""Classes of the local specification for those of Transformer Engine's."""

GROUPED = {
    "TEColumnParallelLinear": "TEColumnParallelGroupedLinear",
    "TERowParallelLinear": "TERowParallelGroupedLinear",
}
"""Classes inside grouped experts."""

ROOT = "GPTModel"

HYBRID: Mapping[str, str] = {
    "GPTModel": "HybridModel",
    "TransformerBlock": "HybridStack",
    "final_layernorm": "final_norm",
}
"""Names and classes of models of single-branch layers for those of others; until 2026 MambaModel and MambaStack, which
the first replaces (models/mamba/mamba_model.py)."""

BRANCHES: Mapping[str, str] = {
    "Mamba2": "MambaLayer",
    "MLP": "MLPLayer",
    "GatedMLP": "MLPLayer",
    "MixtureOfExperts": "MoETransformerLayer",
}
"""Layers of hybrid models by their one branch; attention of any kind stands in a TransformerLayer."""

CORE: Name = ("core_attention", "TEDotProductAttention")

ATTENTION = {"GroupedQueryAttention": "SelfAttention", "MultiHeadLatentAttention": "MLASelfAttention"}
"""Attention modules, whose own operations are core attention."""


def path_of(holder: str, attribute: str) -> Path | None:
    """Where a module stands in Megatron-Core; ``None`` for what it does not have."""
    wanted = "layers" if attribute.endswith("_layers") else attribute
    return TABLE.get(holder, {}).get(wanted)
