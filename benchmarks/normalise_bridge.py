"""Rows of Megatron-Bridge's performance summary: each a release, a recipe and its throughput.

``measurements/recipes.toml`` has what the recipes set. What their base recipes and ``scripts/performance`` set for all
runs of a model (NVIDIA-NeMo/Megatron-Bridge at v0.4.2: recipes/*, utils/overrides.py, training/comm_overlap.py,
training/mixed_precision.py) stands here.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from benchmarks.normalise_plans import Cells, known, number, stated
from benchmarks.rows import MEASUREMENTS, Row
from benchmarks.speeds import speeds

NEWEST = "26.04.01"
"""The newest release that is scored."""

KIMI: dict[str, Any] = {
    "model_type": "deepseek_v3",
    "vocab_size": 163_840,
    "hidden_size": 7168,
    "intermediate_size": 18_432,
    "num_hidden_layers": 61,
    "num_attention_heads": 64,
    "q_lora_rank": 1536,
    "kv_lora_rank": 512,
    "qk_nope_head_dim": 128,
    "qk_rope_head_dim": 64,
    "v_head_dim": 128,
    "first_k_dense_replace": 1,
    "n_routed_experts": 384,
    "n_shared_experts": 1,
    "num_experts_per_tok": 8,
    "moe_intermediate_size": 2048,
    "num_nextn_predict_layers": 0,
}
"""moonshotai/Kimi-K2-Instruct, config.json, in the fields of DeepSeek-V3, which has the same modules."""

SUPER: dict[str, Any] = {
    "model_type": "nemotron_h",
    "vocab_size": 131_072,
    "hidden_size": 4096,
    "hybrid_override_pattern": (
        "MEMEMEM*EMEMEMEM*EMEMEMEM*EMEMEMEMEM*EMEMEMEMEM*EMEMEMEMEM*EMEMEMEMEM*EMEMEMEM*EMEMEMEME"
    ),
    "num_attention_heads": 32,
    "num_key_value_heads": 2,
    "head_dim": 128,
    "mamba_num_heads": 128,
    "mamba_head_dim": 64,
    "n_groups": 8,
    "ssm_state_size": 128,
    "n_routed_experts": 512,
    "num_experts_per_tok": 22,
    "moe_intermediate_size": 2688,
    "moe_shared_expert_intermediate_size": 5376,
    "moe_latent_size": 1024,
    "num_nextn_predict_layers": 2,
    "mtp_hybrid_override_pattern": "*E",
}
"""Nemotron 3 Super as its public Megatron-LM arguments have it. Its two prediction modules share their weights, which
bears on parameters, not on time."""

MODELS: dict[str, str | dict[str, Any]] = {
    "LLAMA3_8B": "llama-3.1-8b",
    "LLAMA3_70B": "llama-3.1-70b",
    "LLAMA3.1_405B": "llama-3.1-405b",
    "DeepSeekV3": "deepseek-v3",
    "GPT OSS 120B": "gpt-oss-120b",
    "Qwen3_30B_a3B": "qwen3-30b-a3b",
    "Qwen3_235B_a22B": "qwen3-235b-a22b",
    "Kimi_K2": KIMI,
    "Nemotron_3_Nano": "nemotron-3-nano-30b-a3b",
    "Nemotron_3_Super": SUPER,
}
RECIPES = {
    "FP8": "tensorwise",
    "FP8-CS": "tensorwise",
    "MXFP8": "mxfp8",
    "FP8-MX": "mxfp8",
    "NVFP4": "nvfp4",
    "BF16": None,
}
"""What "FP8" is: the recipes are called fp8_cs, current scaling per tensor."""

LAYERS = {"LLAMA3.1_405B": 126, "Qwen3_235B_a22B": 94}
"""Models whose recipes count embedding and loss as a layer each (account_for_*_in_pipeline_split)."""

AWARE = frozenset({"DeepSeekV3"})
"""Models whose optimizer is the precision-aware one, with moments in bf16."""

SELECTIVE = frozenset({"DeepSeekV3", "Kimi_K2"})
"""Models whose recipes recompute selectively: core attention where a recipe names no modules."""

OVERLAPPED = frozenset({"LLAMA3_70B", "LLAMA3.1_405B", "Qwen3_30B_a3B", "Qwen3_235B_a22B", "LLAMA3_8B"})
"""Models whose recipes overlap tensor parallel communication with multiplies, except in NVFP4."""


def recipes(path: Path = MEASUREMENTS / "recipes.toml") -> dict[int, dict[str, Any]]:
    """What each row's recipe sets, by the row's place."""
    releases = tomllib.loads(path.read_text("utf-8")).values()
    return {int(place): settings for own in releases for place, settings in own.items()}


def bridge(table: Iterable[Cells]) -> Iterator[Row]:
    """Tokens per second as measured, and model TFLOP/s as they follow by Megatron-LM's count of FLOPs; that of gpt-oss
    leaves out a third of the experts' multiplies and counts no window. The newest release prints tokens of whole
    sequences per second of all GPUs.
    """
    settings = recipes()
    for place, cells in enumerate(table):
        counts = {} if cells["model"].startswith("GPT OSS") else {"model_tflops_per_gpu": "megatron"}
        for row in speeds(_run(place, cells, settings[place]), cells, conventions=counts):
            if row["current"] and row["counter"] == "tokens_per_second_per_gpu":
                row["rounded_to"] = int(cells["seq"]) / int(cells["gpus"])
            yield row


def _run(place: int, cells: Cells, recipe: dict[str, Any]) -> Row:
    name, _, variant = cells["model"].partition(" (")
    release = cells["release"].partition(" ")[0]
    plan, experts = _plan(name, variant, cells, recipe), name not in ("LLAMA3_8B", "LLAMA3_70B", "LLAMA3.1_405B")
    judged = ["plan.precision", "plan.kernels", "plan.recompute", "plan.zero", "plan.optimizer", "execution"]
    if recipe.get("near"):
        judged.append("recipe")
    row: Row = {
        "id": f"bridge/{release}/{place}",
        "source": cells["source"],
        "kind": "plan",
        "counter": "tokens_per_second_per_gpu",
        "device": cells["gpu"].removeprefix("DGX-"),
        "gpus": int(cells["gpus"]),
        "current": release == NEWEST,
        "release": f"{release}, {recipe['recipe']}",
        "model": MODELS[name],
        "plan": plan,
        "execution": _execution(name, variant, plan, recipe, experts),
    }
    if variant == "w/o MTP)":
        row["changes"] = {"num_nextn_predict_layers": 0}
    contradicts = int(cells["gpus"]) % (plan.get("expert", 1) * plan["pipeline"])
    return stated(row, judged, ["plan.expert"] if contradicts else [])


def _plan(name: str, variant: str, cells: Cells, recipe: dict[str, Any]) -> dict[str, Any]:
    tensor, pipeline, virtual = (number(cells, field) or 1 for field in ("tp", "pp", "vpp"))
    experts = number(cells, "ep") or 1
    scaled = _scaled(cells)
    muon = cells["optimizer"] == "muon"
    routing = {
        "exchange": "flex" if "dispatcher" in recipe else "alltoall",
        "overlapped": recipe.get("overlaps_experts", False),
        "fused_permutation": True,
        "scores": "sigmoid" if name in SELECTIVE or name.startswith("Nemotron") else "softmax",
    }
    return known(
        tensor=tensor,
        pipeline=pipeline,
        virtual=virtual,
        context=number(cells, "cp"),
        expert=experts if experts > 1 else None,
        expert_tensor=1 if experts > 1 and tensor > 1 else None,
        sequence_parallel=tensor > 1,
        overlaps_tensor=tensor > 1 and name in OVERLAPPED and scaled != "nvfp4",
        micro_batch=number(cells, "mbs"),
        global_batch=number(cells, "gbs"),
        sequence=number(cells, "seq"),
        framework="megatron",
        layout=_layout(name, pipeline * virtual, variant, recipe),
        precision=known(
            base="mixed-bf16",
            gradients="fp32" if muon else "bf16",
            main_gradients=not muon and name not in AWARE,
            recipe=scaled,
            parameters_in_fp8=scaled not in (None, "blockwise") or None,
        ),
        zero={"stage": 3, "engine": "Megatron-FSDP"} if recipe.get("fsdp") else {"stage": 1},
        optimizer="muon" if muon else "exp_avg=bf16,exp_avg_sq=bf16" if name in AWARE else "adam",
        recompute=_recompute(name, recipe),
        kernels={"loss": "in place", **({"routing": routing} if experts > 1 else {})},
        accumulation_fusion=False if recipe.get("fsdp") else None,
    )


def _scaled(cells: Cells) -> str | None:
    """How multiplies are scaled. 25.09 has no column: it prints the coarser granularity, then the finer one."""
    if cells["precision"]:
        return RECIPES[cells["precision"]]
    if "parenthesised (finer" not in cells["notes"]:
        return "tensorwise"
    return "blockwise" if cells["gpu"] == "DGX-H100" else "mxfp8"


def _recompute(name: str, recipe: dict[str, Any]) -> dict[str, Any]:
    if "recomputed_layers" in recipe:
        return {"method": "block", "layers": recipe["recomputed_layers"]}
    usual = ["core_attn"] if name in SELECTIVE else []
    return {"modules": recipe.get("recomputed", usual)}


def _layout(name: str, stages: int, variant: str, recipe: dict[str, Any]) -> str | None:
    """The layers of every virtual stage: as the recipe says, as its model's table has it (recipes/deepseek, kimi), or
    spread with embedding and loss as a layer each.
    """
    if stages == 1:
        return None
    if name in SELECTIVE:
        text = (
            recipe.get("layout")
            or {
                4: "Et*16|t*16|t*16|t*13mL",
                8: "Et*8|(t*8|)*6t*5mL",
                16: "Et*4|(t*4|)*14tmL",
                32: "Et|(tt|)*30mL",
            }[stages]
        )
        return text.replace("m", "") if name == "Kimi_K2" or variant == "w/o MTP)" else text
    if name in LAYERS and (LAYERS[name] + 2) % stages == 0:
        each = (LAYERS[name] + 2) // stages
        return f"E{'t' * (each - 1)}|({'t' * each}|)*{stages - 2}{'t' * (each - 1)}L"
    return None


def _execution(name: str, variant: str, plan: dict[str, Any], recipe: dict[str, Any], experts: bool) -> dict[str, Any]:
    dropped = variant == "tokendrop)"
    alone = "dispatcher" not in recipe and not recipe.get("overlaps_experts")
    return known(
        overlap_gradient_reduce=True,
        overlap_parameter_gather=plan["optimizer"] != "muon",
        overlap_pipeline=plan["pipeline"] > 1 and plan["virtual"] > 1,
        overlap_shared_experts=True if name in SELECTIVE and alone else None,
        delay_weight_gradients=True if recipe.get("overlaps_experts") else None,
        cuda_graphs=recipe.get("graphs", []),
        dispatcher=recipe.get("dispatcher", "alltoall") if experts else None,
        balanced_routing=not dropped if experts else None,
        drops_tokens=dropped if experts else None,
        offloaded_layers=recipe.get("offloaded_layers"),
        registered_buffers=recipe.get("registered"),
    )
