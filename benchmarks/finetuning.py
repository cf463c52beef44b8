"""From a row of a fine-tuning to what the package is asked: what the recipes of its source train, and how."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from benchmarks.rows import Row
from weighbridge.formats.quantization import NAMED, storage
from weighbridge.kernels import Loss
from weighbridge.models import Model
from weighbridge.models.tuning import Lora, Tuning
from weighbridge.nn import GroupedQueryAttention, Module
from weighbridge.nn.grafting import grafted
from weighbridge.parallel.framework import FRAMEWORKS
from weighbridge.parallel.optimizer import optimizer
from weighbridge.parallel.plan import Plan
from weighbridge.parallel.precision import sharded
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
    "megatron": (32, ("qkv_proj",), 0.0),
}
"""Rank, targets and dropout where a row names none: torchtune, recipes/configs/llama3_1/8B_lora_single_device.yaml;
litgpt, litgpt/finetune/lora.py, setup; Qwen 1, finetune.py, LoraArguments; NeMo 1, NeMo-Framework-Launcher@04c921b,
launcher_scripts/conf/peft/llama/squad.yaml (adapter_dim 32), of attention_qkv, its default."""

BASES = {"nf4": "nf4", "nf4-dq": "nf4-double", "int4": "gptq"}


SAME: dict[str, Any] = {
    "mistral-7b-v0.2": "mistral-7b",
    "stablelm-base-alpha-3b": {
        "model_type": "gpt_neox",
        "vocab_size": 50_688,
        "hidden_size": 4096,
        "intermediate_size": 16_384,
        "num_hidden_layers": 16,
        "num_attention_heads": 32,
        "max_position_embeddings": 4096,
    },
}
"""Models that the catalogue does not have: one with the same sizes, or a configuration (stabilityai, config.json)."""


def standing_for(model: Any) -> Any:
    """The model of the catalogue that has the sizes of a row's."""
    return SAME.get(model, model) if isinstance(model, str) else model


def changes(row: Row) -> dict[str, Any]:
    """Fields of the configuration that differ: litgpt has a head of its own where others tie it to the embedding
    (litgpt/scripts/convert_hf_checkpoint.py).
    """
    tied = isinstance(row["model"], str) and row["model"].startswith(("gemma", "llama-3.2"))
    return {"tie_word_embeddings": False} if tied and row["plan"]["framework"] == "litgpt" else {}


def known(row: Row) -> bool:
    """Whether the package can be asked: where the recipe is known, and of what adapters do."""
    return row.get("plan", {}).get("framework") in RECIPES and row["tuning"]["method"] != "adapter"


def tuned(row: Row, model: Model) -> Model:
    """The model as a row's run trains it."""
    given = row["tuning"]
    if row["plan"]["framework"] in ("litgpt", "megatron", "hf-flash"):
        model = joined(model)
    if given["method"] == "full":
        return model
    rank, targets, dropout = RECIPES[row["plan"]["framework"]]
    saved: tuple[str, ...] = ()
    if given.get("targets") == ["all", "embedding", "head"]:
        saved = ("embed_tokens", "lm_head")
    elif row["plan"]["framework"] == "litgpt":
        targets = targets_of(given.get("targets") or ["lora_query", "lora_value"], model)
    rank = given.get("rank") or rank
    base = given.get("base")
    stored = storage({"quantization_config": NAMED[BASES[base]]}, None, 16)[0] if base else None
    return replace(model, tuning=Tuning(Lora(rank, targets, dropout=dropout, saved=saved), (), stored))


def joined(model: Model) -> Model:
    """A model with q, k and v of one projection, whose result stays whole for the values (litgpt/model.py,
    CausalSelfAttention).
    """

    def graft(_: Module, copy: Module) -> Module:
        return replace(copy, fused=True) if type(copy) is GroupedQueryAttention and not copy.qk_norm else copy

    return replace(model, _network=grafted(model.network, graft, lambda weight: weight))


def targets_of(switches: list[str], model: Model) -> tuple[str, ...]:
    """Switches of litgpt as names of modules."""
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
        loss = plan.kernels.loss if "kernels" in given else compiled.kernels.loss
        plan = replace(plan, framework=compiled, kernels=replace(compiled.kernels, loss=loss))
    if name == "litgpt":
        spread = plan.framework.spread(plan.zero.stage, plan.zero)
        zero = replace(spread, flat=True, accumulates_whole=True)  # litgpt/finetune/lora.py, no_backward_sync
        kernels = replace(plan.kernels, keeps_packed_inputs=True, keeps_last_graph=alike(row))
        plan = replace(plan, kernels=kernels, zero=zero)
        if plan.global_batch is not None and plan.global_batch % (plan.micro_batch * plan.gpus):
            plan = replace(plan, global_batch=None)
    if name == "hf-flash":
        plan = qwen(row, plan)
    checkpoints = name == "hf-flash" or (name == "litgpt" and plan.zero.stage == 3)
    if checkpoints and "recompute" not in given:
        plan = replace(plan, recompute=Recompute(Method.UNIFORM))
    return plan


def alike(row: Row) -> bool:
    """Whether litgpt's micro-batches follow one another in one length: recipes cut samples to 512 tokens, the tables of
    2023 begin with the longest of all (litgpt/finetune/lora.py at 8641822, longest_seq_ix).
    """
    return "config_hub" in row["source"]


def qwen(row: Row, plan: Plan) -> Plan:
    """Qwen 1's scripts: LoRA on one GPU without DeepSpeed, under autocast, whose loss is in fp32, with PyTorch's Adam,
    which updates all tensors at once; everything else under DeepSpeed: ZeRO 3 for all weights, else ZeRO 2; and in fp16
    where frozen weights are quantised, which leaves logits in 16 bits (finetune/*.sh).
    """
    method, alone = row["tuning"]["method"], plan.gpus == 1
    if method == "lora" and alone:
        return replace(plan, optimizer=optimizer("adam-foreach"))
    stage = max(plan.zero.stage, 3 if method == "full" else 2)
    precision = sharded("fp16" if method == "qlora" else "bf16")
    kernels = replace(plan.kernels, loss=Loss.NARROW) if method == "qlora" else plan.kernels
    return replace(plan, zero=plan.framework.spread(stage), precision=precision, kernels=kernels)
