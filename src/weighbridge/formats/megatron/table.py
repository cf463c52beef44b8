"""Megatron-LM's arguments: what each is called, what it holds, and whether it bears on memory, FLOPs or time.

Read in megatron/training/arguments.py at d98e8a64 (August 2026) and in the configuration classes that it makes
arguments of (megatron/core/transformer/transformer_config.py, megatron/core/model_parallel_config.py,
megatron/training/config). Names that were dropped since 2022 and still stand in people's scripts are known too.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cache

from weighbridge.formats.megatron import others

Value = bool | int | float | str | tuple[int, ...] | tuple[float, ...] | tuple[str, ...] | None
"""What an argument holds."""


class Kind(StrEnum):
    """What stands behind an argument's name."""

    ON = "nothing; it sets true"
    OFF = "nothing; it sets false"
    INTEGER = "a whole number"
    NUMBER = "a number"
    TEXT = "a word"
    INTEGERS = "whole numbers"
    NUMBERS = "numbers"
    TEXTS = "words"

    @property
    def many(self) -> bool:
        """Whether several values follow the name."""
        return self in (Kind.INTEGERS, Kind.NUMBERS, Kind.TEXTS)

    @property
    def flag(self) -> bool:
        """Whether no value follows the name."""
        return self in (Kind.ON, Kind.OFF)


class Bears(StrEnum):
    """What becomes of an argument here."""

    HONOURED = "honoured"
    MEMORY = "memory"
    """It bears on memory or FLOPs and is not modelled."""
    TIME = "time"
    """It bears on time only and is not modelled."""
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Row:
    """One argument.

    Attributes:
        name: as it stands on the command line, dashes included.
        dest: what Megatron-LM calls its value.
        kind: what it holds.
        default: its value where it is not given.
        bears: what becomes of it here.
        choices: the words that it may hold; any if empty.
    """

    name: str
    dest: str
    kind: Kind
    default: Value = None
    bears: Bears = Bears.HONOURED
    choices: tuple[str, ...] = ()


DTYPES = ("fp32", "bf16", "fp16", "fp8")

CHOICES: dict[str, tuple[str, ...]] = {
    "attention_backend": ("flash", "fused", "unfused", "local", "auto"),
    "cross_entropy_fusion_impl": ("native", "te"),
    "cuda_graph_impl": ("none", "local", "transformer_engine", "full_iteration"),
    "data_parallel_sharding_strategy": ("no_shard", "optim", "optim_grads", "optim_grads_params"),
    "exp_avg_dtype": DTYPES,
    "exp_avg_sq_dtype": DTYPES,
    "fp4": ("e2m1",),
    "fp4_recipe": ("nvfp4", "custom"),
    "fp8": ("e4m3", "hybrid"),
    "fp8_recipe": ("tensorwise", "delayed", "mxfp8", "blockwise", "custom"),
    "main_grads_dtype": ("fp32", "bf16"),
    "main_params_dtype": ("fp32", "fp16"),
    "megatron_fsdp_grad_comm_dtype": (*DTYPES[:3], "auto"),
    "megatron_fsdp_main_grads_dtype": (*DTYPES[:3], "auto"),
    "megatron_fsdp_main_params_dtype": (*DTYPES[:3], "auto"),
    "moe_router_dtype": ("fp32", "fp64"),
    "moe_flex_dispatcher_backend": ("deepep", "hybridep", "ncclep"),
    "moe_token_dispatcher_type": ("allgather", "alltoall", "flex", "alltoall_seq"),
    "normalization": ("LayerNorm", "RMSNorm"),
    "optimizer": ("adam", "sgd", "muon", "dist_muon", "lion", "soap", "adaptive_muon"),
    "outer_dp_sharding_strategy": ("no_shard", "optim"),
    "position_embedding_type": ("learned_absolute", "rope", "yarn", "mrope", "relative", "none"),
    "recompute_granularity": ("full", "selective"),
    "recompute_method": ("uniform", "block"),
    "softmax_type": ("vanilla", "off-by-one", "learnable"),
    "transformer_impl": ("local", "transformer_engine", "inference_optimized"),
}
"""Words that honoured arguments may hold."""

SPELLED = {
    "add_bias_linear": "disable-bias-linear",
    "add_position_embedding": "no-position-embedding",
    "apply_rope_fusion": "no-rope-fusion",
    "create_attention_mask_in_dataloader": "no-create-attention-mask-in-dataloader",
    "bias_dropout_fusion": "no-bias-dropout-fusion",
    "bias_gelu_fusion": "no-bias-gelu-fusion",
    "bias_swiglu_fusion": "no-bias-swiglu-fusion",
    "fp4": "fp4-format",
    "fp8": "fp8-format",
    "gradient_accumulation_fusion": "no-gradient-accumulation-fusion",
    "layernorm_zero_centered_gamma": "apply-layernorm-1p",
    "masked_softmax_fusion": "no-masked-softmax-fusion",
    "microbatch_group_size_per_vp_stage": "microbatch-group-size-per-virtual-pipeline-stage",
    "nccl_ub": "use-nccl-ub",
    "overlap_p2p_comm": "no-overlap-p2p-communication",
    "torch_fsdp2_reshard_after_forward": "torch-fsdp2-no-reshard-after-forward",
    "use_layer_wise_param_layout": "no-use-layer-wise-param-layout",
    "use_mamba_mem_eff_path": "disable-mamba-mem-eff-path",
}
"""Names on the command line where they are not the name of the value."""

INTEGERS: dict[str, int | None] = {
    # the model
    "num_layers": None,
    "encoder_num_layers": None,
    "hidden_size": None,
    "ffn_hidden_size": None,
    "num_attention_heads": None,
    "kv_channels": None,
    "num_query_groups": 1,
    "max_position_embeddings": None,
    "seq_length": None,
    "encoder_seq_length": None,
    "vocab_size": None,
    "padded_vocab_size": None,
    "vocab_extra_ids": 0,
    "make_vocab_size_divisible_by": 128,
    "num_experts": None,
    "moe_ffn_hidden_size": None,
    "moe_router_topk": 2,
    "moe_shared_expert_intermediate_size": None,
    "moe_latent_size": None,
    "q_lora_rank": None,
    "kv_lora_rank": 32,
    "qk_head_dim": 128,
    "qk_pos_emb_head_dim": 64,
    "v_head_dim": 128,
    "mtp_num_layers": None,
    "mamba_state_dim": 128,
    "mamba_head_dim": 64,
    "mamba_num_groups": 8,
    "mamba_num_heads": None,
    "linear_conv_kernel_dim": 4,
    "linear_key_head_dim": 128,
    "linear_value_head_dim": 128,
    "linear_num_key_heads": 16,
    "linear_num_value_heads": 32,
    # the plan
    "tensor_model_parallel_size": 1,
    "pipeline_model_parallel_size": 1,
    "context_parallel_size": 1,
    "expert_model_parallel_size": 1,
    "expert_tensor_parallel_size": None,
    "num_layers_per_virtual_pipeline_stage": None,
    "num_virtual_stages_per_pipeline_rank": None,
    "microbatch_group_size_per_vp_stage": None,
    "decoder_first_pipeline_num_layers": None,
    "decoder_last_pipeline_num_layers": None,
    "micro_batch_size": None,
    "global_batch_size": None,
    "num_distributed_optimizer_instances": 1,
    "recompute_num_layers": None,
    "cpu_offloading_num_layers": 0,
    "num_layers_at_start_in_bf16": 1,
    "num_layers_at_end_in_bf16": 1,
    "ddp_bucket_size": None,
    "ddp_num_buckets": None,
}

NUMBERS: dict[str, float | None] = {
    "hidden_dropout": 0.1,
    "attention_dropout": 0.1,
    "sgd_momentum": 0.9,
    "moe_expert_capacity_factor": None,
    "optimizer_offload_fraction": 1.0,
}

TEXT: dict[str, str | None] = {
    "attention_backend": "auto",
    "cross_entropy_fusion_impl": "native",
    "data_parallel_sharding_strategy": "optim_grads_params",
    "exp_avg_dtype": "fp32",
    "exp_avg_sq_dtype": "fp32",
    "experimental_attention_variant": None,
    "fp4": None,
    "fp4_recipe": "nvfp4",
    "fp8": None,
    "fp8_recipe": "delayed",
    "hybrid_layer_pattern": None,
    "hybrid_override_pattern": None,
    "linear_attention_freq": None,
    "main_grads_dtype": "fp32",
    "main_params_dtype": "fp32",
    "megatron_fsdp_main_grads_dtype": "auto",
    "megatron_fsdp_main_params_dtype": "fp32",
    "moe_layer_freq": "1",
    "moe_router_dtype": None,
    "moe_router_score_function": "softmax",
    "cuda_graph_impl": "none",
    "moe_flex_dispatcher_backend": "deepep",
    "moe_token_dispatcher_type": "allgather",
    "normalization": "LayerNorm",
    "optimizer": "adam",
    "outer_dp_sharding_strategy": "no_shard",
    "pipeline_model_parallel_layout": None,
    "position_embedding_type": "learned_absolute",
    "recompute_granularity": None,
    "recompute_method": None,
    "softmax_type": "vanilla",
    "step_batch_size_schedule": None,
    "tokenizer_type": None,
    "transformer_impl": "transformer_engine",
    "window_size": None,
    "window_attn_skip_freq": None,
    "yaml_cfg": None,
}

MANY: dict[str, tuple[Kind, Value]] = {
    "cp_comm_type": (Kind.TEXTS, ("p2p",)),
    "cuda_graph_modules": (Kind.TEXTS, ()),
    "cuda_graph_scope": (Kind.TEXTS, ()),
    "moe_router_load_balancing_type": (Kind.TEXTS, ("aux_loss",)),
    "moe_aux_loss_coeff": (Kind.NUMBERS, (0.0,)),
    "offload_modules": (Kind.TEXTS, ()),
    "rampup_batch_size": (Kind.INTEGERS, None),
    "recompute_modules": (Kind.TEXTS, None),
    "hierarchical_context_parallel_sizes": (Kind.INTEGERS, None),
}

ON = """
    account_for_embedding_in_pipeline_split account_for_loss_in_pipeline_split
    accumulate_allreduce_grads_in_fp32 add_qkv_bias apply_query_key_layer_scaling attention_output_gate
    attention_softmax_in_fp32 bf16 cross_entropy_loss_fusion deterministic_mode distribute_saved_activations
    enable_cuda_graph external_cuda_graph fine_grained_activation_offloading first_last_layers_bf16 fp16
    fp32_residual_connection fp4_param_gather fp8_param_gather fsdp_double_buffer grad_reduce_in_bf16
    group_query_attention keep_fp8_transpose_cache layernorm_zero_centered_gamma moe_enable_deepep
    moe_grouped_gemm moe_layer_recompute moe_pad_expert_input_to_capacity moe_permute_fusion
    moe_router_enable_expert_bias moe_router_pre_softmax moe_shared_expert_gate moe_shared_expert_overlap
    multi_latent_attention nccl_ub optimizer_cpu_offload overlap_grad_reduce overlap_moe_expert_parallel_comm
    overlap_param_gather overlap_param_gather_with_optimizer_step qk_l2_norm qk_layernorm quick_geglu
    recompute_activations sequence_parallel squared_relu swiglu tp_comm_overlap
    untie_embeddings_and_output_weights use_distributed_optimizer use_flash_attn use_megatron_fsdp
    use_precision_aware_optimizer use_rotary_position_embeddings use_torch_fsdp2
"""
"""Flags that set true."""

OFF = """
    add_bias_linear add_position_embedding apply_rope_fusion bias_dropout_fusion bias_gelu_fusion
    bias_swiglu_fusion create_attention_mask_in_dataloader gradient_accumulation_fusion masked_softmax_fusion
    overlap_p2p_comm torch_fsdp2_reshard_after_forward
"""
"""Flags that set false."""


def _honoured() -> Iterator[tuple[str, Kind, Value]]:
    """The values that are honoured, their kinds and defaults."""
    yield from ((dest, Kind.INTEGER, default) for dest, default in INTEGERS.items())
    yield from ((dest, Kind.NUMBER, number) for dest, number in NUMBERS.items())
    yield from ((dest, Kind.TEXT, text) for dest, text in TEXT.items())
    yield from ((dest, kind, many) for dest, (kind, many) in MANY.items())
    yield from ((dest, Kind.ON, False) for dest in ON.split())
    yield from ((dest, Kind.OFF, True) for dest in OFF.split())


def _others() -> Iterator[Row]:
    """Rows of what is known and not honoured."""
    groups = (
        (Bears.MEMORY, others.MEMORY),
        (Bears.TIME, others.TIME),
        (Bears.NOTHING, others.NOTHING),
    )
    for bears, by_kind in groups:
        for kind, words in by_kind.items():
            for word in words.split():
                name, _, default = word.partition("=")
                yield Row(f"--{name}", name.replace("-", "_"), Kind[kind], default or None, bears)


@cache
def rows() -> dict[str, Row]:
    """Every argument by its name."""
    table = {row.name: row for row in _others()}
    for dest, kind, default in _honoured():
        name = f"--{SPELLED.get(dest, dest.replace('_', '-'))}"
        table[name] = Row(name, dest, kind, default, Bears.HONOURED, CHOICES.get(dest, ()))
    return table


@cache
def by_dest() -> dict[str, Row]:
    """Every argument by what Megatron-LM calls its value."""
    return {row.dest: row for row in rows().values()}
