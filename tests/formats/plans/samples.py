"""Configurations that tests are made of: written here, value by value."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from weighbridge.formats.plans import Loaded, load_plan
from weighbridge.formats.plans.emit_torchtitan import toml

SMALL = st.sampled_from((1, 2, 4))


def load_json(folder: Path, table: Mapping[str, Any], gpus: int | None = 8, **base: Any) -> Loaded:
    path = folder / "given.json"
    path.write_text(json.dumps(table), "utf-8")
    return load_plan(path, gpus, base)


def load_toml(folder: Path, text: str, gpus: int | None = 8, **base: Any) -> Loaded:
    path = folder / "given.toml"
    path.write_text(text, "utf-8")
    return load_plan(path, gpus, base)


def chance(draw: st.DrawFn) -> bool:
    return draw(st.booleans())


@st.composite
def deepspeed(draw: st.DrawFn) -> tuple[dict[str, Any], int]:
    """A configuration that DeepSpeed takes, and ranks for it."""
    stage, name = draw(st.integers(0, 3)), draw(st.sampled_from(("bf16", "fp16", "fp32")))
    tensor, context, stages, data = draw(SMALL), draw(SMALL), draw(SMALL), draw(SMALL)
    micro, steps = draw(st.integers(1, 4)), draw(st.integers(stages, 8))
    zero: dict[str, Any] = {"stage": stage, "reduce_bucket_size": draw(st.sampled_from((5e8, 20_000_000, 1000)))}
    zero["allgather_bucket_size"] = zero["reduce_bucket_size"]
    found: dict[str, Any] = {
        "train_micro_batch_size_per_gpu": micro,
        "gradient_accumulation_steps": steps,
        "zero_optimization": zero,
        "optimizer": {"type": draw(st.sampled_from(("AdamW", "Adam", "Lion", "Adagrad", "Muon", "SGD")))},
        "tensor_parallel": {"autotp_size": tensor},
        "sequence_parallel_size": context,
        "pipeline": {"stages": stages, "activation_checkpoint_interval": draw(st.integers(0, 3))},
    }
    if name != "fp32":
        found[name] = {"enabled": True}
        if stage and chance(draw):
            found["data_types"] = {"grad_accum_dtype": draw(st.sampled_from(("fp32", name)))}
        if stage and chance(draw):
            found[name][f"{name}_master_weights_and_grads"] = True
    elif chance(draw):
        found["torch_autocast"] = {"enabled": True, "dtype": draw(st.sampled_from(("bfloat16", "float16")))}
    if chance(draw):
        found["communication_data_type"] = draw(st.sampled_from(("fp32", "bf16")))
    if stage and chance(draw):
        zero["offload_optimizer"] = {"device": "cpu", "ratio": draw(st.sampled_from((0.25, 1.0))) if stage == 3 else 1}
    if stage == 3 and chance(draw):
        zero["offload_param"] = {"device": "nvme", "pin_memory": True}
    if stage == 3 and chance(draw):
        zero["mics_shard_size"] = data
    return found, tensor * context * stages * data


@st.composite
def torchtitan(draw: st.DrawFn) -> tuple[str, int]:
    """A configuration that torchtitan takes, and ranks for it."""
    tensor, context, stages, shards, replicas = (draw(SMALL) for _ in range(5))
    micro, schedule = (
        draw(st.integers(1, 3)),
        draw(st.sampled_from(("1F1B", "GPipe", "Interleaved1F1B", "ZBVZeroBubble"))),
    )
    local = micro * (draw(st.sampled_from((4, 8))) if stages > 1 else 1)
    parallelism: dict[str, Any] = {
        "data_parallel_replicate_degree": replicas,
        "data_parallel_shard_degree": draw(st.sampled_from((-1, shards))),
        "fsdp_reshard_after_forward": draw(st.sampled_from(("default", "always", "never"))),
        "tensor_parallel_degree": tensor,
        "enable_async_tensor_parallel": chance(draw),
        "pipeline_parallel_degree": stages,
        "pipeline_parallel_schedule": schedule,
        "pipeline_parallel_microbatch_size": micro,
        "context_parallel_degree": context,
    }
    ranks = tensor * context * stages * shards * replicas
    if chance(draw) and shards * context > 1:
        parallelism["expert_parallel_degree"] = 2
        parallelism["expert_tensor_parallel_degree"] = draw(st.sampled_from((1, tensor)))
    if stages > 1 and chance(draw):
        parts = stages * (1 if schedule in ("1F1B", "GPipe") else 2)
        names = [[f"layers.{place}"] for place in range(parts)]
        parallelism["module_fqns_per_model_part"] = [
            ["tok_embeddings", *names[0]],
            *names[1:-1],
            [*names[-1], "output"],
        ]
    sections: dict[str, dict[str, Any]] = {
        "model": {"converters": draw(st.sampled_from(([], ["quantize.linear.float8"], ["mx"])))},
        "training": {
            "local_batch_size": local,
            "seq_len": 64 * tensor * context,
            "dtype": draw(st.sampled_from(("float32", "bfloat16"))),
            "mixed_precision_param": draw(st.sampled_from(("float32", "bfloat16"))),
            "enable_cpu_offload": chance(draw),
        },
        "parallelism": parallelism,
        "activation_checkpoint": {
            "mode": draw(st.sampled_from(("none", "full", "selective"))),
            "selective_ac_option": draw(st.sampled_from(("op", "1", "2", 3))),
        },
        "compile": {
            "enable": chance(draw),
            "components": draw(st.sampled_from((["model"], ["loss"], ["model", "loss"]))),
        },
        "quantize.linear.float8": {"enable_fsdp_float8_all_gather": chance(draw)},
    }
    return toml(sections), ranks


MODEL = shlex.split(
    "--num-layers 16 --hidden-size 512 --num-attention-heads 16 --group-query-attention --num-query-groups 8 "
    "--ffn-hidden-size 1024 --max-position-embeddings 65536 --position-embedding-type rope --swiglu "
    "--disable-bias-linear --untie-embeddings-and-output-weights --num-experts 16 --moe-router-topk 2 "
    "--normalization RMSNorm --vocab-size 32000"
)
"""A model for Megatron-LM."""


@st.composite
def megatron(draw: st.DrawFn) -> tuple[list[str], int]:
    """Arguments that Megatron-LM takes beside the model's, and ranks for them."""
    tensor, stages, context, data = (draw(SMALL) for _ in range(4))
    micro, expert = draw(st.integers(1, 3)), draw(st.sampled_from((1, 2)))
    words = ["--tensor-model-parallel-size", str(tensor), "--pipeline-model-parallel-size", str(stages)]
    words += ["--context-parallel-size", str(context), "--expert-model-parallel-size", str(expert)]
    words += ["--expert-tensor-parallel-size", "1", "--micro-batch-size", str(micro), "--bf16"]
    words += ["--global-batch-size", str(micro * data * draw(st.sampled_from((4, 8))))]
    words += ["--seq-length", str(512 * tensor * context)] + (["--sequence-parallel"] if tensor > 1 else [])
    if stages > 1 and chance(draw):
        words += draw(st.sampled_from((["--num-virtual-stages-per-pipeline-rank", "2"], layout(stages))))
    spread = draw(st.sampled_from(("", "--use-distributed-optimizer", "--use-megatron-fsdp")))
    if spread:
        words += [spread, *(["--fp8-param-gather"] if chance(draw) else [])]
        if "--fp8-param-gather" in words:
            words += ["--fp8-format", "hybrid", "--fp8-recipe", draw(st.sampled_from(("tensorwise", "mxfp8")))]
        if chance(draw):
            words += ["--use-precision-aware-optimizer", "--exp-avg-dtype", draw(st.sampled_from(("bf16", "fp32")))]
            words += ["--optimizer-cpu-offload", "--optimizer-offload-fraction", "0.5"] if chance(draw) else []
    words += draw(st.sampled_from(RECOMPUTE))
    words += draw(st.sampled_from(([], ["--attention-backend", "flash"], ["--cross-entropy-loss-fusion"])))
    words += draw(st.sampled_from(([], ["--moe-token-dispatcher-type", "alltoall", "--moe-permute-fusion"])))
    words += draw(st.sampled_from(([], ["--hidden-dropout", "0", "--no-rope-fusion"], ["--grad-reduce-in-bf16"])))
    return [*words, "--moe-grouped-gemm"], max(tensor * context, expert) * stages * data


RECOMPUTE: tuple[list[str], ...] = (
    [],
    ["--recompute-granularity", "selective"],
    ["--recompute-granularity", "selective", "--recompute-modules", "moe_act", "core_attn"],
    ["--recompute-granularity", "full", "--recompute-method", "block", "--recompute-num-layers", "2"],
    ["--recompute-granularity", "full", "--recompute-method", "uniform", "--recompute-num-layers", "1"],
)


def layout(stages: int) -> list[str]:
    """16 layers over stages that are not alike."""
    each = ["t" * (16 // stages)] * stages
    each[0], each[-1] = "E" + each[0][1:], each[-1] + "tL"
    return ["--pipeline-model-parallel-layout", "|".join(each)]
