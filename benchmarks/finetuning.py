"""From a row of a fine-tuning to what the package is asked: what the recipes of its source train, and how."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from benchmarks.rows import Row
from weighbridge.formats.quantization import NAMED, storage
from weighbridge.models import Model
from weighbridge.models.tuning import Lora, Tuning
from weighbridge.parallel.framework import FRAMEWORKS
from weighbridge.parallel.plan import Plan
from weighbridge.parallel.recompute import Method, Recompute

NAMES = {
    "lora_query": "q_proj",
    "lora_key": "k_proj",
    "lora_value": "v_proj",
    "lora_projection": "o_proj",
    "lora_head": "lm_head",
}
"""litgpt's switches by names of checkpoints; ``lora_mlp`` is all projections of a network."""

MLP = ("gate_proj", "up_proj", "down_proj")

RECIPES: Mapping[str, tuple[int, tuple[str, ...], float]] = {
    "torchtune": (8, ("q_proj", "v_proj", "o_proj", *MLP), 0.0),
    "litgpt": (8, ("q_proj", "v_proj"), 0.05),
    "hf-flash": (64, ("all-linear",), 0.05),
}
"""Rank, targets and dropout where a row names none: torchtune, recipes/configs/llama3_1/8B_lora_single_device.yaml;
litgpt, litgpt/finetune/lora.py, setup; Qwen 1, finetune.py, LoraArguments."""

BASES = {"nf4": "nf4", "nf4-dq": "nf4-double", "int4": "gptq"}


def tuned(row: Row, model: Model) -> Model | None:
    """The model as a row's run trains it; ``None`` where the method is not one that adapters do."""
    given = row["tuning"]
    if given["method"] == "adapter":
        return None
    if given["method"] == "full":
        return model
    rank, targets, dropout = _recipe(row, model)
    saved: tuple[str, ...] = ()
    if given.get("targets") == ["all", "embedding", "head"]:
        targets, saved = ("all-linear",), ("embed_tokens", "lm_head")
    elif given.get("targets"):
        targets = targets_of(given["targets"], model)
    rank = given.get("rank") or rank
    base = given.get("base")
    stored = storage({"quantization_config": NAMED[BASES[base]]}, None, 16)[0] if base else None
    return replace(model, tuning=Tuning(Lora(rank, targets, dropout=dropout, saved=saved), (), stored))


def _recipe(row: Row, model: Model) -> tuple[int, tuple[str, ...], float]:
    return RECIPES[row["plan"]["framework"]]


def targets_of(switches: list[str], model: Model) -> tuple[str, ...]:
    """litgpt's switches as names of modules."""
    names = [NAMES[name] for name in switches if name in NAMES]
    nodes = {node.name for node in model.tree.walk()}
    names += [name for name in (*MLP, "gate_up_proj") if "lora_mlp" in switches and name in nodes]
    if "qkv_proj" in nodes:
        names = ["qkv_proj" if name in ("q_proj", "k_proj", "v_proj") else name for name in names]
    return tuple(dict.fromkeys(names))


def planned(row: Row, plan: Plan) -> Plan:
    """A row's plan with what its recipes do besides."""
    given: Mapping[str, Any] = row["plan"]
    name = given["framework"]
    if name == "torchtune" and row["tuning"].get("compiled"):
        compiled = FRAMEWORKS["torchtune-compiled"]
        plan = replace(plan, framework=compiled, kernels=compiled.kernels)
    checkpoints = name == "hf-flash" or (name == "litgpt" and plan.zero.stage == 3)
    if checkpoints and "recompute" not in given:
        plan = replace(plan, recompute=Recompute(Method.UNIFORM))
    return plan
