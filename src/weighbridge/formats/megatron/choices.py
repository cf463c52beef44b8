"""How Megatron-LM's arguments choose kernels, data types and optimizers.

Sources: megatron/training/arguments.py (validate_args), megatron/training/argument_utils.py,
megatron/core/optimizer/optimizer_config.py and distrib_optimizer.py, megatron/core/transformer/moe/router.py.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from weighbridge.formats.megatron.arguments import Arguments
from weighbridge.kernels import Attention, Backend, Exchange, Kernels, Loss, Pointwise, Rope, Routing, Scores
from weighbridge.parallel.execution import Execution
from weighbridge.parallel.framework import Framework, framework
from weighbridge.parallel.optimizer import OPTIMIZERS, Optimizer
from weighbridge.parallel.precision import Precision, Recipe, single
from weighbridge.units import DATA_TYPES, DataType

BACKENDS = {
    "auto": Attention.AUTO,
    "flash": Attention.FLASH,
    "fused": Attention.CUDNN,
    "unfused": Attention.UNFUSED,
    "local": Attention.UNFUSED,
}
"""What --attention-backend asks Transformer Engine for."""

NEAREST = {"dist_muon": "muon", "adaptive_muon": "muon", "soap": "adam"}
"""Optimizers whose states are those of another, or nearly."""


def chosen_framework(read: Arguments) -> Framework:
    """Megatron-Core's layers with Transformer Engine's modules, or its own (--transformer-impl local)."""
    return framework("megatron-local" if read.text("transformer_impl") == "local" else "megatron")


def kernels(read: Arguments, environment: Mapping[str, str]) -> Kernels:
    """How operations are carried out.

    Args:
        read: the arguments.
        environment: variables of the run; NVTE_FLASH_ATTN and NVTE_FUSED_ATTN forbid a kernel where they are 0.
    """
    padded = 1 if read.size("padded_vocab_size") else read.integer("make_vocab_size_divisible_by")
    return replace(
        chosen_framework(read).kernels,
        attention=_attention(read, environment),
        pointwise=Pointwise.FUSED if _fuses_activation(read) else Pointwise.EAGER,
        loss=_loss(read),
        rope=Rope.FUSED if _fuses_rope(read) else Rope.EAGER,
        routing=routing(read),
        wide_softmax=_wide_softmax(read),
        exchanges_heads=_shares_sequence(read, "a2a"),
        exchanging_ranks=_exchanging_ranks(read),
        gathers_keys=_shares_sequence(read, "all_gather"),
        loads_mask=read.flag("create_attention_mask_in_dataloader"),
        hidden_dropout=bool(read.number("hidden_dropout")),
        attention_dropout=bool(read.number("attention_dropout")),
        padded_vocabulary=padded,
    )


def _wide_softmax(read: Arguments) -> bool:
    """Whether unfused attention leaves the softmax to PyTorch, in fp32 (TransformerConfig.__post_init__ wants fp32
    where queries and keys are scaled by layer).
    """
    wide = read.flag("attention_softmax_in_fp32") or read.flag("apply_query_key_layer_scaling")
    return wide and not read.flag("masked_softmax_fusion")


def _attention(read: Arguments, environment: Mapping[str, str]) -> Attention:
    if read.text("transformer_impl") == "local":
        return Attention.FLASH if read.flag("use_flash_attn") else Attention.UNFUSED
    found = BACKENDS[read.text("attention_backend") or "auto"]
    if found is not Attention.AUTO:
        return found
    flash, fused = (environment.get(name) != "0" for name in ("NVTE_FLASH_ATTN", "NVTE_FUSED_ATTN"))
    if flash and fused:
        return found
    return Attention.FLASH if flash else Attention.CUDNN if fused else Attention.UNFUSED


def _shares_sequence(read: Arguments, way: str) -> bool:
    """Whether context parallel ranks bring keys and values together in a way, in any layer (--cp-comm-type)."""
    return read.integer("context_parallel_size") > 1 and any(way in given for given in read.words("cp_comm_type"))


def _exchanging_ranks(read: Arguments) -> int | None:
    """Ranks that exchange heads where they form rings with others: the first of --hierarchical-context-parallel-sizes
    (megatron/core/parallel_state.py, create_hierarchical_groups).
    """
    sizes = read.numbers("hierarchical_context_parallel_sizes")
    return int(sizes[0]) if _shares_sequence(read, "a2a+p2p") and sizes else None


def _fuses_rope(read: Arguments) -> bool:
    """Whether rotary positions are one kernel, which only plain ones are (validate_args, apply_rope_fusion)."""
    plain = read.flag("use_rotary_position_embeddings") or read.text("position_embedding_type") == "rope"
    return plain and read.flag("apply_rope_fusion")


def _fuses_activation(read: Arguments) -> bool:
    """Whether bias and activation are one kernel: the gelu one exists with biases only (validate_args)."""
    if read.flag("swiglu"):
        return read.flag("bias_swiglu_fusion")
    return read.flag("bias_gelu_fusion") and read.flag("add_bias_linear") and not read.flag("squared_relu")


def _loss(read: Arguments) -> Loss:
    if not read.flag("cross_entropy_loss_fusion"):
        return Loss.VOCABULARY_PARALLEL
    return Loss.IN_PLACE if read.text("cross_entropy_fusion_impl") == "te" else Loss.NATIVE


def routing(read: Arguments) -> Routing:
    """How tokens reach their experts. A balancing loss is made only where its coefficient is above 0
    (megatron/core/transformer/moe/router.py, is_aux_loss_enabled).
    """
    balancing = read.words("moe_router_load_balancing_type")
    exchange = (read.text("moe_token_dispatcher_type") or "allgather").removesuffix("_seq")
    scores = Scores.SOFTMAX if read.text("moe_router_score_function") == "softmax" else Scores.SIGMOID
    return Routing(
        exchange=Exchange(exchange),
        backend=_backend(read),
        scores=Scores.SINKHORN if "sinkhorn" in balancing else scores,
        auxiliary_loss=any("aux_loss" in word for word in balancing) and any(read.numbers("moe_aux_loss_coeff")),
        fp32=read.text("moe_router_dtype") is not None,
        fused_permutation=read.flag("moe_permute_fusion"),
        deterministic=read.flag("deterministic_mode"),
        grouped=read.flag("moe_grouped_gemm"),
        overlapped=read.flag("overlap_moe_expert_parallel_comm"),
    )


def _backend(read: Arguments) -> Backend:
    """The flex dispatcher's library; --moe-enable-deepep asks for DeepEP whatever else is given
    (megatron/core/transformer/transformer_config.py, __post_init__).
    """
    asked = None if read.flag("moe_enable_deepep") else read.text("moe_flex_dispatcher_backend")
    return Backend(asked or "deepep")


def precision(read: Arguments) -> Precision:
    """Data types: fp32 unless --bf16 or --fp16. bf16 gathers gradients in fp32 unless told otherwise; a buffer of 16
    bits is copied to fp32 before the step, except by the precision-aware optimizer, which reads it as it is.
    """
    name = "bf16" if read.flag("bf16") else "fp16" if read.flag("fp16") else "fp32"
    if name == "fp32":
        return replace(single(), recipe=_recipe(read))
    low, fp32 = DATA_TYPES[name], DATA_TYPES["fp32"]
    gradients = fp32 if gradients_in_fp32(read) else low
    aware = read.flag("use_precision_aware_optimizer")
    return Precision(
        low,
        low,
        gradients,
        _main(read, name),
        main_gradients=gradients is not fp32 and not aware,
        recipe=_recipe(read),
        parameters_in_fp8=read.flag("fp8_param_gather") or read.flag("fp4_param_gather"),
    )


def gradients_in_fp32(read: Arguments) -> bool:
    """Whether gradients gather in fp32 (validate_args, where it sets accumulate_allreduce_grads_in_fp32)."""
    if not read.flag("bf16"):
        return read.flag("accumulate_allreduce_grads_in_fp32") or not read.flag("fp16")
    if read.flag("grad_reduce_in_bf16"):
        return False
    return read.flag("accumulate_allreduce_grads_in_fp32") or read.text("main_grads_dtype") == "fp32"


def _main(read: Arguments, name: str) -> DataType:
    """The optimizer's copy of the weights. The precision-aware one keeps of bf16 weights only the 16 bits that bf16
    leaves out of fp32 (optimizer_config.py, store_param_remainders).
    """
    if not read.flag("use_precision_aware_optimizer"):
        return DATA_TYPES["fp32"]
    if name == "bf16" and read.text("fp8_recipe") == "delayed":
        return DATA_TYPES["bf16"]
    return DATA_TYPES[read.text("main_params_dtype") or "fp32"]


def _recipe(read: Arguments) -> Recipe | None:
    if read.text("fp4") is not None:
        return Recipe.NVFP4
    if read.text("fp8") is None:
        return None
    asked = read.text("fp8_recipe") or "delayed"
    return Recipe.DELAYED if asked == "custom" else Recipe(asked)


def optimizer(read: Arguments) -> Optimizer:
    """Whose states are held, in the data types that the precision-aware optimizer is given for them."""
    asked = read.text("optimizer") or "adam"
    if asked == "sgd":
        return OPTIMIZERS["momentum" if read.number("sgd_momentum") else "sgd"]
    found = OPTIMIZERS[NEAREST.get(asked, asked)]
    if asked != "adam" or not read.flag("use_precision_aware_optimizer"):
        return found
    names = {"exp_avg": "exp_avg_dtype", "exp_avg_sq": "exp_avg_sq_dtype"}
    asked_for = [DATA_TYPES[read.text(names[one.name]) or "fp32"] for one in found.states]
    like = precision(read).updated  # what states are in by themselves
    kept = [None if dtype is like else dtype for dtype in asked_for]
    return replace(found, states=tuple(replace(one, dtype=d) for one, d in zip(found.states, kept, strict=True)))


def execution(read: Arguments) -> Execution:
    """What runs beside what. Messages between virtual stages travel beside computing unless that is switched off. Older
    flags for graphs ask for Megatron-Core's own or, external, for Transformer Engine's (validate_args).
    """
    scopes = read.words("cuda_graph_scope") or read.words("cuda_graph_modules")
    captured = (
        read.flag("enable_cuda_graph") or read.flag("external_cuda_graph") or read.text("cuda_graph_impl") != "none"
    )
    return Execution(
        overlaps_gradients=read.flag("overlap_grad_reduce"),
        overlaps_parameters=read.flag("overlap_param_gather"),
        overlaps_pipeline=read.flag("overlap_p2p_comm"),
        overlaps_shared_experts=read.flag("moe_shared_expert_overlap"),
        delays_weight_gradients=read.flag("delay_wgrad_compute"),
        graphs=(tuple(scopes) or ("full",)) if captured else (),
        copies_inputs=read.flag("external_cuda_graph") or read.text("cuda_graph_impl") == "transformer_engine",
    )


def cublas_workspace(read: Arguments, environment: Mapping[str, str]) -> int | None:
    """Bytes of PyTorch's cuBLAS workspaces where CUBLAS_WORKSPACE_CONFIG sets them, in pairs of KiB and count; with
    --deterministic-mode ``:4096:8`` where it does not (megatron/training/determinism.py).
    """
    default = ":4096:8" if read.flag("deterministic_mode") else ""
    pairs = re.findall(r":(\d{1,9}):(\d{1,9})", environment.get("CUBLAS_WORKSPACE_CONFIG", default)[:200])
    return sum(int(size) * int(count) * 1024 for size, count in pairs) or None
