"""Architectures as GGUF files name them, and where their headers hold the sizes of our families' configurations.

Source: llama.cpp at 0024aa7 (2026), gguf-py/gguf/constants.py (Keys) and the converters in convert_hf_to_gguf.py
(set_gguf_parameters of each architecture), read the other way round.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from weighbridge.errors import InputError, given
from weighbridge.formats.weights.file import StoredTensor, WeightsFile
from weighbridge.models import Model, families


class Header:
    """What a header says of an architecture.

    Attributes:
        file: the file.
        architecture: as the file names it.
        tensors: by name.
    """

    def __init__(self, file: WeightsFile, architecture: str) -> None:
        self.file, self.architecture = file, architecture
        self.tensors: dict[str, StoredTensor] = {tensor.name: tensor for tensor in file.tensors}

    def get(self, key: str, default: int | None = None) -> int | None:
        """A size; where layers have one each, that of all of them.

        Raises:
            InputError: where layers differ.
        """
        value = self.file.metadata.get(f"{self.architecture}.{key}", default)
        if isinstance(value, list):
            if len(set(value)) != 1:
                raise InputError(f"{self.architecture}.{key}: layers differ in it, which is not covered")
            value = value[0]
        if value is not None and type(value) is not int:
            raise InputError(f"{self.architecture}.{key}: got {given(value)}; expected a whole number")
        return value

    def has(self, name: str) -> bool:
        """Whether a layer has such a tensor."""
        return any(tensor.endswith(f".{name}") for tensor in self.tensors)

    def ratio(self, above: str, below: str) -> int | None:
        """One size by another; ``None`` where one is missing or does not divide the other."""
        a, b = self.get(above), self.get(below)
        return a // b if a and b and a % b == 0 else None

    def size(self, name: str, axis: int) -> int | None:
        """An axis of the first layer's tensor of that name."""
        found = next((t for n, t in self.tensors.items() if n.endswith(f".{name}")), None)
        return found.shape[axis] if found is not None and len(found.shape) >= abs(axis) else None


Source = str | bool | int | Callable[[Header], Any]
"""A key of the header, a fixed value, or what reads one from both; a field whose key is missing is left out."""


@dataclass(frozen=True, slots=True)
class Architecture:
    """An architecture.

    Attributes:
        model_type: the family that builds it; or what tells which one.
        fields: where fields of its configuration stand.
        also: other families whose models are written as this architecture.
    """

    model_type: str | Callable[[Header], str]
    fields: Mapping[str, Source]
    also: tuple[str, ...] = field(default=())


def _layers(header: Header) -> int | None:
    """Layers, without those of multi-token prediction, which newer files count too."""
    blocks, ahead = header.get("block_count"), header.get("nextn_predict_layers", 0)
    return None if blocks is None else blocks - (ahead or 0)


def _expert_width(header: Header) -> int | None:
    """Width inside a routed expert; older files say it by their tensors alone."""
    return header.get("expert_feed_forward_length") or header.size("ffn_up_exps.weight", -2)


def _shared_width(header: Header) -> int:
    """Width inside the shared expert; 0 for none."""
    return header.get("expert_shared_feed_forward_length") or header.size("ffn_up_shexp.weight", -2) or 0


def _key_length(header: Header) -> int | None:
    """Elements of a head's queries and keys in latent attention; ``key_length`` is that of the compressed ones where
    both are given."""
    return header.get("attention.key_length_mla") or header.get("attention.key_length")


def _pattern(header: Header) -> str | None:
    """Nemotron-H's layers as letters: attention has key-value heads, feed-forward networks a width, others neither."""
    heads, widths = (
        header.file.metadata.get(f"{header.architecture}.{key}")
        for key in ("attention.head_count_kv", "feed_forward_length")
    )
    if not isinstance(heads, list) or not isinstance(widths, list) or len(heads) != len(widths):
        return None
    sparse = {name.split(".")[1] for name in header.tensors if name.endswith(".ffn_up_exps.weight")}
    kinds = zip(map(str, range(len(heads))), heads, widths, strict=True)
    return "".join("*" if kv else "E" if i in sparse else "-" if width else "M" for i, kv, width in kinds)


def _widest(key: str) -> Callable[[Header], Any]:
    """The largest of the layers' sizes, where some layers have none of that thing."""

    def read(header: Header) -> Any:
        found = header.file.metadata.get(f"{header.architecture}.{key}")
        if isinstance(found, list) and found and all(type(size) is int for size in found):
            return max(found)
        return header.get(key)

    return read


SIZES: dict[str, Source] = {"hidden_size": "embedding_length", "num_hidden_layers": _layers}

ATTENTION: dict[str, Source] = {
    **SIZES,
    "intermediate_size": "feed_forward_length",
    "num_attention_heads": "attention.head_count",
    "num_key_value_heads": "attention.head_count_kv",
    "head_dim": "attention.key_length",
    "sliding_window": "attention.sliding_window",
    "attention_bias": lambda header: header.has("attn_q.bias"),
    "attention_out_bias": lambda header: header.has("attn_output.bias"),
    "qkv_bias": lambda header: header.has("attn_q.bias"),
    "mlp_bias": lambda header: header.has("ffn_up.bias"),
    "use_bias": lambda header: header.has("attn_q.bias"),
    "use_qk_norm": lambda header: header.has("attn_q_norm.weight"),
    "num_nextn_predict_layers": 0,
    "mtp_num_hidden_layers": 0,
}
"""Fields of families with attention; a family takes those that it has."""

ROUTED: dict[str, Source] = {
    **dict.fromkeys(("num_experts", "num_local_experts", "n_routed_experts", "moe_num_experts"), "expert_count"),
    **dict.fromkeys(("num_experts_per_tok", "moe_k", "moe_topk"), "expert_used_count"),
    **dict.fromkeys(("n_shared_experts", "moe_num_shared_experts"), "expert_shared_count"),
    **dict.fromkeys(("first_k_dense_replace", "moe_layer_start_index"), "leading_dense_block_count"),
    "shared_expert_intermediate_size": _shared_width,
}

EXPERTS: dict[str, Source] = {
    **ATTENTION,
    **ROUTED,
    "intermediate_size": lambda header: header.get("feed_forward_length") or _expert_width(header),
    "moe_intermediate_size": _expert_width,
}
"""Routed experts with a width of their own."""

ALL_EXPERTS: dict[str, Source] = {**ATTENTION, **ROUTED, "intermediate_size": _expert_width}
"""Every layer has experts, whose width is that of the configuration."""

LATENT: dict[str, Source] = {
    **EXPERTS,
    "q_lora_rank": lambda header: header.get("attention.q_lora_rank") or None,
    "kv_lora_rank": "attention.kv_lora_rank",
    "qk_rope_head_dim": "rope.dimension_count",
    "qk_nope_head_dim": lambda header: (_key_length(header) or 0) - (header.get("rope.dimension_count") or 0),
    "v_head_dim": lambda header: header.get("attention.value_length_mla") or header.get("attention.value_length"),
}

DELTA: dict[str, Source] = {
    "full_attention_interval": "full_attention_interval",
    "linear_conv_kernel_dim": "ssm.conv_kernel",
    "linear_key_head_dim": "ssm.state_size",
    "linear_num_key_heads": "ssm.group_count",
    "linear_num_value_heads": "ssm.time_step_rank",
    "linear_value_head_dim": lambda header: header.ratio("ssm.inner_size", "ssm.time_step_rank"),
}
"""Linear attention by the delta rule."""

STATES: dict[str, Source] = {
    **SIZES,
    "num_heads": "ssm.time_step_rank",
    "head_dim": lambda header: header.ratio("ssm.inner_size", "ssm.time_step_rank"),
    "expand": lambda header: header.ratio("ssm.inner_size", "embedding_length"),
    "state_size": "ssm.state_size",
    "n_groups": "ssm.group_count",
    "conv_kernel": "ssm.conv_kernel",
    "use_bias": lambda header: header.has("ssm_in.bias"),
    "use_conv_bias": lambda header: header.has("ssm_conv1d.bias"),
}

HYBRID: dict[str, Source] = {
    **ATTENTION,
    **ROUTED,
    "num_hidden_layers": lambda header: None,
    "hybrid_override_pattern": _pattern,
    "intermediate_size": _widest("feed_forward_length"),
    "num_attention_heads": _widest("attention.head_count"),
    "num_key_value_heads": _widest("attention.head_count_kv"),
    "ssm_state_size": "ssm.state_size",
    "mamba_num_heads": "ssm.time_step_rank",
    "mamba_head_dim": lambda header: header.ratio("ssm.inner_size", "ssm.time_step_rank"),
    "n_groups": "ssm.group_count",
    "conv_kernel": "ssm.conv_kernel",
    "moe_intermediate_size": lambda header: _expert_width(header) or None,
    "moe_shared_expert_intermediate_size": lambda header: _shared_width(header) or None,
    "moe_latent_size": "moe_latent_size",
}

ARCHITECTURES: dict[str, Architecture] = {
    "arcee": Architecture("arcee", ATTENTION),
    "cohere2": Architecture("cohere2", ATTENTION),
    "command-r": Architecture("cohere", ATTENTION),
    "deepseek2": Architecture(
        lambda header: "deepseek_v3" if header.has("exp_probs_b.bias") else "deepseek_v2",
        LATENT,
        ("deepseek_v2", "deepseek_v3", "kimi_k2"),
    ),
    "dots1": Architecture("dots1", EXPERTS),
    "ernie4_5": Architecture("ernie4_5", ATTENTION),
    "ernie4_5-moe": Architecture("ernie4_5_moe", EXPERTS),
    "exaone4": Architecture("exaone4", ATTENTION),
    "gemma": Architecture("gemma", ATTENTION),
    "gemma2": Architecture("gemma2", ATTENTION),
    "gemma3": Architecture("gemma3_text", ATTENTION, ("gemma3",)),
    "glm4": Architecture("glm4", ATTENTION),
    "glm4moe": Architecture("glm4_moe", EXPERTS),
    "gpt-oss": Architecture("gpt_oss", ALL_EXPERTS),
    "gpt2": Architecture(
        "gpt2",
        {
            "n_embd": "embedding_length",
            "n_layer": "block_count",
            "n_head": "attention.head_count",
            "n_inner": "feed_forward_length",
            "n_positions": "context_length",
        },
    ),
    "granite": Architecture("granite", ATTENTION),
    "granitemoe": Architecture("granitemoe", ALL_EXPERTS),
    "hunyuan-dense": Architecture("hunyuan_v1_dense", ATTENTION),
    "hunyuan-moe": Architecture("hunyuan_v1_moe", ALL_EXPERTS),
    "lfm2": Architecture("lfm2", {}),
    "llama": Architecture(
        lambda header: "mixtral" if header.get("expert_count") else "llama",
        {**ATTENTION, **ROUTED},
        ("llama", "llama_params", "mistral", "mixtral"),
    ),
    "mamba": Architecture("mamba", {**STATES, "time_step_rank": "ssm.time_step_rank"}),
    "mamba2": Architecture("mamba2", STATES),
    "minimax-m2": Architecture("minimax_m2", ALL_EXPERTS),
    "mistral3": Architecture("ministral3", ATTENTION),
    "nemotron": Architecture("nemotron", ATTENTION),
    "nemotron_h": Architecture("nemotron_h", HYBRID),
    "nemotron_h_moe": Architecture("nemotron_h", HYBRID),
    "olmo": Architecture("olmo", ATTENTION),
    "olmo2": Architecture("olmo2", ATTENTION, ("olmo3",)),
    "olmoe": Architecture("olmoe", ALL_EXPERTS),
    "phi3": Architecture("phi3", ATTENTION),
    "phimoe": Architecture("phimoe", ALL_EXPERTS),
    "qwen2": Architecture("qwen2", ATTENTION),
    "qwen2moe": Architecture("qwen2_moe", EXPERTS),
    "qwen3": Architecture("qwen3", ATTENTION),
    "qwen35": Architecture("qwen3_5_text", {**ATTENTION, **DELTA}, ("qwen3_5",)),
    "qwen35moe": Architecture("qwen3_5_moe_text", {**EXPERTS, **DELTA}, ("qwen3_5_moe",)),
    "qwen3moe": Architecture("qwen3_moe", EXPERTS),
    "qwen3next": Architecture("qwen3_next", {**EXPERTS, **DELTA}),
    "qwen3vl": Architecture("qwen3_vl_text", ATTENTION, ("qwen3_vl",)),
    "qwen3vlmoe": Architecture("qwen3_vl_moe_text", EXPERTS, ("qwen3_vl_moe",)),
    "seed_oss": Architecture("seed_oss", ATTENTION),
    "smollm3": Architecture("smollm3", ATTENTION),
    "starcoder2": Architecture("starcoder2", ATTENTION),
}
"""Every architecture that is read; one without fields is written only (layers that differ are not read back)."""


def of_model(model: Model) -> str:
    """The architecture that llama.cpp has for a model.

    Raises:
        InputError: for a family that has none here.
    """
    for name, one in ARCHITECTURES.items():
        if model.model_type in (one.model_type, *one.also):
            return name
    raise InputError(f"--gguf: {model.name} is of a family ({model.model_type}) whose GGUF tensors are not known here")


def raw_config(file: WeightsFile) -> dict[str, Any] | None:
    """The fields of the configuration that a GGUF file's header describes; ``None`` where no family builds its
    architecture.

    Raises:
        InputError: for sizes that differ between layers or are no numbers.
    """
    name = file.metadata.get("general.architecture")
    found = ARCHITECTURES.get(name) if isinstance(name, str) else None
    if found is None or not found.fields or not isinstance(name, str):
        return None
    header = Header(file, name)
    model_type = found.model_type if isinstance(found.model_type, str) else found.model_type(header)
    if model_type not in families():
        return None
    raw = {key: _value(header, where) for key, where in found.fields.items()}
    raw = {key: value for key, value in raw.items() if value is not None or key == "q_lora_rank"}
    tied = "output.weight" not in header.tensors
    return {**raw, "model_type": model_type, "vocab_size": _vocabulary(header), "tie_word_embeddings": tied}


def _value(header: Header, where: Source) -> Any:
    if isinstance(where, str):
        return header.get(where)
    return where(header) if callable(where) else where


def _vocabulary(header: Header) -> int:
    """Rows of the token embedding.

    Raises:
        InputError: where there is none.
    """
    found = header.tensors.get("token_embd.weight")
    if found is None or len(found.shape) != 2:
        raise InputError(f"{header.file.name}: no token_embd.weight; a model has one")
    return found.shape[0]
