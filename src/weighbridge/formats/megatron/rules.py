"""Choices that Megatron-LM does not take together, with the words of what it asserts.

Sources: megatron/training/arguments.py (validate_args), megatron/core/transformer/transformer_config.py
(__post_init__), megatron/core/optimizer/optimizer_config.py, megatron/core/transformer/moe.
"""

from __future__ import annotations

from collections.abc import Iterator

from weighbridge.formats.megatron.arguments import Arguments
from weighbridge.formats.megatron.model import Shape
from weighbridge.formats.megatron.table import by_dest
from weighbridge.nn.problems import Problem

RECOMPUTED = (
    *("core_attn", "moe_act", "layernorm", "mla_up_proj", "mlp", "moe", "shared_experts"),
    *("gdn_norm_out", "gdp_in_proj", "gdp_qkv", "mhc"),
)
"""What --recompute-modules may name."""

OFFLOADED = (
    *("core_attn", "attn_proj", "expert_fc1", "fused_group_mlp", "moe_act"),
    *("attn_norm", "mlp_norm", "qkv_linear", "gdp_qkv"),
)
"""What --offload-modules may name."""

TOGETHER = (
    ("bf16", "fp16"),
    ("fp8", "fp4"),
    ("swiglu", "squared_relu"),
    ("swiglu", "quick_geglu"),
    ("multi_latent_attention", "group_query_attention"),
    ("use_torch_fsdp2", "use_distributed_optimizer"),
    ("use_torch_fsdp2", "use_megatron_fsdp"),
    ("use_torch_fsdp2", "fp16"),
    ("use_torch_fsdp2", "gradient_accumulation_fusion"),
    ("num_layers_per_virtual_pipeline_stage", "num_virtual_stages_per_pipeline_rank"),
    ("num_layers_per_virtual_pipeline_stage", "pipeline_model_parallel_layout"),
    ("num_virtual_stages_per_pipeline_rank", "pipeline_model_parallel_layout"),
    ("num_layers_per_virtual_pipeline_stage", "decoder_first_pipeline_num_layers"),
    ("num_layers_per_virtual_pipeline_stage", "decoder_last_pipeline_num_layers"),
    ("hybrid_layer_pattern", "hybrid_override_pattern"),
    ("hybrid_layer_pattern", "pipeline_model_parallel_layout"),
    ("hybrid_layer_pattern", "num_layers_per_virtual_pipeline_stage"),
    ("hybrid_layer_pattern", "num_virtual_stages_per_pipeline_rank"),
    *(
        (f"decoder_{end}_pipeline_num_layers", other)
        for end in ("first", "last")
        for other in (
            "pipeline_model_parallel_layout",
            "account_for_embedding_in_pipeline_split",
            "account_for_loss_in_pipeline_split",
        )
    ),
    ("pipeline_model_parallel_layout", "account_for_embedding_in_pipeline_split"),
    ("pipeline_model_parallel_layout", "account_for_loss_in_pipeline_split"),
)
"""Pairs of which one excludes the other."""

NEEDS = (
    ("fp8_param_gather", ("fp8",)),
    ("fp4_param_gather", ("fp4",)),
    ("fp8_param_gather", ("use_distributed_optimizer", "use_torch_fsdp2", "use_megatron_fsdp")),
    ("overlap_param_gather", ("overlap_grad_reduce",)),
    ("overlap_param_gather_with_optimizer_step", ("use_distributed_optimizer",)),
    ("overlap_param_gather_with_optimizer_step", ("overlap_param_gather",)),
    ("optimizer_cpu_offload", ("use_precision_aware_optimizer",)),
    ("use_precision_aware_optimizer", ("use_distributed_optimizer", "use_megatron_fsdp")),
    ("use_torch_fsdp2", ("untie_embeddings_and_output_weights",)),
    ("fp32_residual_connection", ("bf16", "fp16")),
    ("moe_pad_expert_input_to_capacity", ("moe_expert_capacity_factor",)),
    ("moe_latent_size", ("num_experts",)),
    ("moe_shared_expert_gate", ("moe_shared_expert_intermediate_size",)),
)
"""What does nothing, or fails, without one of others."""


def rules(shape: Shape, virtual: int) -> Iterator[Problem]:
    """Everything that does not go together."""
    read = shape.arguments
    for one, other in TOGETHER:
        if read.value(one) and read.value(other):
            yield _name(one), f"cannot be used along with {_present(other)}"
    for one, others in NEEDS:
        if read.value(one) and not any(read.value(other) for other in others):
            yield _name(one), f"needs {' or '.join(_name(other) for other in others)}"
    yield from _pipeline(read, virtual)
    yield from _precision(read)
    yield from _optimizer(read)
    yield from _recompute(read)
    yield from _experts(shape)
    yield from _linear(shape)
    yield from _others(shape)


def _name(dest: str) -> str:
    return by_dest()[dest].name


def _present(dest: str) -> str:
    """How to say that something is on: where a flag turns it off, that flag is what to give."""
    row = by_dest()[dest]
    return f"what {row.name} turns off" if row.default is True else row.name


def _pipeline(read: Arguments, virtual: int) -> Iterator[Problem]:
    pipeline = read.integer("pipeline_model_parallel_size")
    least = 2 if read.flag("overlap_p2p_comm") else 3
    if virtual > 1 and pipeline < least:
        why = "" if least == 2 else " without overlapped communication (--no-overlap-p2p-communication)"
        yield "--pipeline-model-parallel-size", f"{pipeline:,} is too few for {virtual:,} virtual stages{why}"
    if virtual == 1 and read.flag("overlap_param_gather_with_optimizer_step"):
        yield "--overlap-param-gather-with-optimizer-step", "needs virtual pipeline stages"
    if virtual == 1 < pipeline and read.flag("overlap_moe_expert_parallel_comm"):
        yield "--overlap-moe-expert-parallel-comm", "needs virtual pipeline stages along with pipeline parallelism"
    if read.flag("use_torch_fsdp2"):
        for dest in ("pipeline_model_parallel_size", "expert_model_parallel_size"):
            if read.integer(dest) > 1:
                yield _name(dest), f"{read.integer(dest):,} cannot be used along with --use-torch-fsdp2; allowed: 1"


def _precision(read: Arguments) -> Iterator[Problem]:
    in_fp32 = read.flag("bf16") and read.flag("accumulate_allreduce_grads_in_fp32")
    if in_fp32 and read.text("main_grads_dtype") != "fp32":
        yield "--main-grads-dtype", "can only be fp32 along with --accumulate-allreduce-grads-in-fp32"
    if read.flag("first_last_layers_bf16") and read.text("fp8") is not None and read.text("fp8_recipe") == "delayed":
        yield "--first-last-layers-bf16", "cannot be used along with --fp8-recipe delayed"
    if not read.flag("use_precision_aware_optimizer"):
        for dest in ("main_grads_dtype", "main_params_dtype", "exp_avg_dtype", "exp_avg_sq_dtype"):
            if read.text(dest) != "fp32":
                yield _name(dest), f"can only be fp32 without --use-precision-aware-optimizer; got {read.text(dest)}"


def _optimizer(read: Arguments) -> Iterator[Problem]:
    name = read.text("optimizer")
    if read.flag("use_precision_aware_optimizer") and name != "adam":
        yield "--use-precision-aware-optimizer", f"works with --optimizer adam only; got {name}"
    if read.flag("use_megatron_fsdp") and name not in ("adam", "sgd"):
        yield "--use-megatron-fsdp", f"works with --optimizer adam or sgd; got {name}"
    if read.flag("use_torch_fsdp2") and name not in ("adam", "sgd"):
        yield "--use-torch-fsdp2", f"works with --optimizer adam or sgd; got {name}"
    spread = read.flag("use_distributed_optimizer") or read.flag("use_megatron_fsdp") or name == "dist_muon"
    if read.flag("overlap_param_gather") and not spread:
        yield "--overlap-param-gather", "needs --use-distributed-optimizer or --use-megatron-fsdp"


def _recompute(read: Arguments) -> Iterator[Problem]:
    granularity = "selective" if read.flag("recompute_activations") else read.text("recompute_granularity")
    if granularity == "full":
        if read.text("recompute_method") is None:
            yield "--recompute-method", "missing; --recompute-granularity full needs uniform or block"
        if read.size("recompute_num_layers") is None:
            yield "--recompute-num-layers", "missing; --recompute-granularity full needs it"
        if read.flag("moe_layer_recompute"):
            yield "--moe-layer-recompute", "cannot be used along with --recompute-granularity full"
    if granularity == "selective":
        for dest in ("recompute_method", "recompute_num_layers"):
            if read.value(dest) is not None:
                yield _name(dest), "cannot be used along with selective recomputation; leave it out"
        yield from _modules(read)
    if read.flag("distribute_saved_activations"):
        if read.integer("tensor_model_parallel_size") == 1:
            yield "--distribute-saved-activations", "needs --tensor-model-parallel-size above 1"
        if granularity != "full":
            yield "--distribute-saved-activations", "needs --recompute-granularity full"
        if read.flag("sequence_parallel"):
            yield "--distribute-saved-activations", "cannot be used along with --sequence-parallel"


def _modules(read: Arguments) -> Iterator[Problem]:
    """What selective recomputation cannot recompute."""
    named = read.words("recompute_modules")
    wrong = [name for name in named if name not in RECOMPUTED]
    if wrong:
        yield "--recompute-modules", f"{wrong[0][:60]!r} is none; allowed: {', '.join(RECOMPUTED)}"
    if "moe_act" in named and not read.flag("moe_grouped_gemm"):
        yield "--recompute-modules", "moe_act needs --moe-grouped-gemm"
    if "mla_up_proj" in named and not read.flag("multi_latent_attention"):
        yield "--recompute-modules", "mla_up_proj needs --multi-latent-attention"
    if "shared_experts" in named and read.flag("moe_shared_expert_overlap"):
        yield "--recompute-modules", "shared_experts cannot be used along with --moe-shared-expert-overlap"
    delayed = read.text("fp8") is not None and read.text("fp8_recipe") == "delayed"
    if delayed and {"moe_act", "layernorm"} & set(named):
        yield "--recompute-modules", "moe_act and layernorm cannot be used along with --fp8-recipe delayed"


def _linear(shape: Shape) -> Iterator[Problem]:
    """State-space and linear attention layers whose heads do not divide."""
    read, kinds = shape.arguments, shape.mixers() if shape.hybrid is None else shape.hybrid.layers
    if shape.hybrid is not None and "moe" in kinds and not shape.experts:
        yield "--hybrid-layer-pattern", "has E layers; give --num-experts"
    heads, groups = shape.mamba_heads, read.integer("mamba_num_groups")
    if "mamba" in kinds and (heads < 1 or heads % groups):
        yield "--mamba-num-groups", f"{groups:,} does not divide the {heads:,} heads of Mamba layers"
    keys, values = read.integer("linear_num_key_heads"), read.integer("linear_num_value_heads")
    if "gdn" in kinds and values % keys:
        yield "--linear-num-value-heads", f"{values:,} does not divide by --linear-num-key-heads = {keys:,}"


def _experts(shape: Shape) -> Iterator[Problem]:
    read = shape.arguments
    if not shape.experts:
        if read.size("moe_ffn_hidden_size") is not None and read.text("moe_layer_freq") == "1":
            yield "--moe-ffn-hidden-size", "needs --num-experts"
        return
    tensor = read.integer("tensor_model_parallel_size")
    inside = read.size("expert_tensor_parallel_size") or tensor
    if tensor > 1 and not read.flag("sequence_parallel"):
        yield "--sequence-parallel", "missing; experts along with tensor parallelism need it in training"
    if shape.bias and inside > 1:
        yield "--disable-bias-linear", f"missing; biases of experts need --expert-tensor-parallel-size 1, not {inside}"
    shared = read.size("moe_shared_expert_intermediate_size")
    if shared is not None and shape.bias:
        yield "--disable-bias-linear", "missing; shared experts have no biases"
    if read.flag("overlap_moe_expert_parallel_comm"):
        if read.integer("expert_model_parallel_size") == 1:
            yield "--overlap-moe-expert-parallel-comm", "needs --expert-model-parallel-size above 1"
        if read.text("moe_token_dispatcher_type") == "allgather":
            yield "--overlap-moe-expert-parallel-comm", "needs --moe-token-dispatcher-type alltoall or flex"
    if read.flag("moe_shared_expert_overlap") and read.text("moe_token_dispatcher_type") == "allgather":
        yield "--moe-shared-expert-overlap", "needs --moe-token-dispatcher-type alltoall or flex"
    if read.flag("moe_enable_deepep"):
        if read.text("moe_token_dispatcher_type") != "flex":
            yield "--moe-enable-deepep", "needs --moe-token-dispatcher-type flex"
        if read.text("moe_flex_dispatcher_backend") == "hybridep":
            yield "--moe-enable-deepep", "cannot be used along with --moe-flex-dispatcher-backend hybridep"
    yield from _router(read)


def _router(read: Arguments) -> Iterator[Problem]:
    balancing, scores = read.words("moe_router_load_balancing_type"), read.text("moe_router_score_function")
    if read.flag("moe_router_enable_expert_bias") and scores not in ("sigmoid", "sqrtsoftplus"):
        yield "--moe-router-enable-expert-bias", "needs --moe-router-score-function sigmoid or sqrtsoftplus"
    alone = read.integer("moe_router_topk") == 1 and scores == "softmax"
    if alone and not read.flag("moe_router_pre_softmax") and "sinkhorn" not in balancing:
        yield "--moe-router-pre-softmax", "missing; --moe-router-topk 1 needs it"
    capacity = read.number("moe_expert_capacity_factor")
    allowed = {"aux_loss", "seq_aux_loss", "global_aux_loss", "none"}
    if capacity is not None and not set(balancing) <= allowed:
        yield "--moe-expert-capacity-factor", f"works with {', '.join(sorted(allowed))} load balancing only"
    if len(balancing) > 1 and len(read.numbers("moe_aux_loss_coeff")) != len(balancing):
        yield "--moe-aux-loss-coeff", f"needs {len(balancing)} values, one for each load balancing type"


def _others(shape: Shape) -> Iterator[Problem]:
    read = shape.arguments
    if read.flag("tp_comm_overlap") and not (
        read.flag("sequence_parallel") and read.integer("tensor_model_parallel_size") > 1
    ):
        yield "--tp-comm-overlap", "needs --sequence-parallel and --tensor-model-parallel-size above 1"
    if shape.prediction and shape.positions not in ("rope", "none"):
        why = f"{shape.positions} cannot be used along with --mtp-num-layers; allowed: rope, none"
        yield "--position-embedding-type", why
    if not read.flag("add_position_embedding") and shape.positions != "rope":
        yield "--no-position-embedding", "needs rotary positions; give --position-embedding-type none instead"
    if read.flag("fine_grained_activation_offloading"):
        named = read.words("offload_modules")
        wrong = [name for name in named if name not in OFFLOADED]
        if wrong or not named:
            yield "--offload-modules", f"got {', '.join(named)[:60] or 'none'}; allowed: {', '.join(OFFLOADED)}"
        if read.text("transformer_impl") == "local":
            yield "--fine-grained-activation-offloading", "needs --transformer-impl transformer_engine"
        if "attn_proj" in named and "core_attn" not in named:
            yield "--offload-modules", "attn_proj needs core_attn too"
