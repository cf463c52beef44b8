"""A plan in words: its degrees, and every choice that is not its framework's own."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import Any

from weighbridge.kernels import Kernels, Routing
from weighbridge.parallel.brief import differing, same
from weighbridge.parallel.execution import OVERLAPS
from weighbridge.parallel.framework import FRAMEWORKS
from weighbridge.parallel.layout import Layout
from weighbridge.parallel.optimizer import Optimizer
from weighbridge.parallel.plan import Plan
from weighbridge.parallel.precision import Precision
from weighbridge.parallel.recompute import Method
from weighbridge.parallel.schedule import FACTS
from weighbridge.traced import plain
from weighbridge.units import gibibytes

SWITCHES = {
    "exchanges_heads": ("", ""),
    "gathers_keys": ("", ""),
    "repeats_keys": ("", ""),
    "passes_keys": ("", ""),
    "copies_keys": ("keys copied for every head", "keys shared by heads"),
    "keeps_last_graph": ("the last graph kept until the next stands", "no graph kept beside the next"),
    "joins_adapters": ("adapters in one function with projections", "adapters apart from projections"),
    "keeps_packed_inputs": ("inputs of packed weights kept", "inputs of packed weights not kept"),
    "transposes": ("", ""),
    "written_out": ("modules as transformers writes them", "modules not as transformers writes them"),
    "prefers_cudnn": ("cuDNN's attention before others", "flash attention before cuDNN's"),
    "autocast": ("autocast", "no autocast"),
    "sequence_first": ("sequence before batch", "batch before sequence"),
    "gathers_again": ("gathers inputs again", "keeps gathered inputs"),
    "fuses_norms": ("norms fused with projections", "norms by themselves"),
    "buffers_scores": ("scores in a buffer", "scores in no buffer"),
    "loads_mask": ("a mask in every batch", "no masks in batches"),
    "compiled": ("compiled", "not compiled"),
    "joins_qkv": ("q, k and v joined", "q, k and v apart"),
    "fuses_projections": ("projections joined", "projections apart"),
    "wide_softmax": ("softmax in fp32", "softmax in the scores' type"),
    "hidden_dropout": ("dropout on hidden states", "no dropout on hidden states"),
    "attention_dropout": ("dropout on attention", "no dropout on attention"),
    "auxiliary_loss": ("balancing loss", "no balancing loss"),
    "fp32": ("router in fp32", "router in 16 bits"),
    "fused_permutation": ("fused permutation", "permutation not fused"),
    "deterministic": ("deterministic experts", "experts not deterministic"),
    "grouped": ("grouped experts", "experts one by one"),
    "overlapped": ("", ""),
    "weighs_results": ("experts' results weighed", "experts' activations weighed"),
}
"""Switches of kernels and of routing: what to say where they are on, and where they are off; nothing where another
word says it.
"""

CHOICES = {
    "norm": "norms",
    "attention": "attention",
    "pointwise": "pointwise operations",
    "loss": "cross-entropy",
    "rope": "rotary positions",
    "experts": "experts",
    "exchange": "dispatcher",
    "backend": "library of the dispatcher",
    "scores": "scores of experts",
}
"""Choices of kernels and of routing, by what they are of."""


def plan_in_words(plan: Plan) -> str:
    """``megatron: tensor 8 with sequence parallelism, pipeline 4 (1F1B), data 2, ZeRO 1, bf16, Adam``."""
    words = [
        *_degrees(plan),
        *_states(plan),
        precision(plan.precision, FRAMEWORKS[plan.framework.name].at(plan.zero.stage)),
        optimizer(plan.optimizer),
        recomputation(plan),
        *_offloaded(plan),
        *_kernels(plan.kernels, plan.framework.kernels),
        *_others(plan),
    ]
    return f"{plan.framework.name}: " + ", ".join(word for word in words if word)


def _degrees(plan: Plan) -> Iterator[str]:
    yield f"tensor {plan.tensor:,}" + (" with sequence parallelism" if plan.sequence_parallel else "")
    if plan.context > 1:
        yield f"context {plan.context:,} ({context(plan)})"
    if plan.pipeline > 1:
        chunks = f", {plan.virtual:,} chunks" if plan.virtual > 1 else ""
        group = f", {plan.group:,} micro-batches at a time" if plan.group is not None else ""
        yield f"pipeline {plan.pipeline:,} ({FACTS[plan.order].title}{chunks}{group})"
    if plan.layout is not None:
        yield f"layers {layout(plan.layout)}"
    if plan.expert > 1:
        yield f"expert {plan.expert:,}"
    if plan.expert_tensor is not None:
        yield f"expert-tensor {plan.inside_experts:,}"
    yield f"data {plan.data:,}"


def context(plan: Plan) -> str:
    """How context parallel ranks share attention."""
    if plan.kernels.exchanges_heads:
        return "a2a" if plan.kernels.exchanging_ranks is None else "a2a+p2p"
    return "all-gather" if plan.kernels.gathers_keys else "p2p"


def layout(chosen: Layout) -> str:
    """Layers of virtual stages: ``4*15,1``."""
    runs = [(layers, len(list(same_ones))) for layers, same_ones in groupby(chunk.layers for chunk in chosen)]
    return ",".join(f"{layers:,}*{times:,}" if times > 1 else f"{layers:,}" for layers, times in runs)


def _states(plan: Plan) -> Iterator[str]:
    zero, usual = plan.zero, plan.framework.zero
    yield f"ZeRO {zero.stage} ({zero.engine.value})"
    if plain(zero.instances) > 1:
        yield f"{plain(zero.instances):,} replicas"
    if zero.stage == 3:
        if zero.reshard != usual.reshard:
            yield "weights freed after the forward pass" if zero.reshard else "weights stay gathered"
        if zero.prefetch != usual.prefetch:
            yield f"{zero.prefetch:,} layers gathered ahead"
        if zero.splits_root != usual.splits_root:
            yield "embedding and head in one unit" if not zero.splits_root else "embedding and head apart"
    if zero.bucket != usual.bucket:
        yield f"buckets of {zero.bucket:,} elements"
    if zero.average_in_fp32 != usual.average_in_fp32:
        yield "gradients reduced as they are made"


def precision(chosen: Precision, usual: Precision | None = None) -> str:
    """``bf16 (weights bf16, gradients fp32)``, and the recipe of multiplies in fewer bits."""
    recipe = f", {chosen.recipe.value} multiplies" if chosen.recipe else ""
    recipe += ", weights in its bits" if chosen.parameters_in_fp8 else ""
    parts = [f"weights {chosen.weights.name}", f"gradients {chosen.gradients.name}"]
    if usual is not None and chosen.main is not usual.main:
        parts.append(f"main parameters {chosen.main.name}" if chosen.main else "no main parameters")
    return f"{chosen.compute.name}{recipe} ({', '.join(parts)})"


def optimizer(chosen: Optimizer) -> str:
    """``Adam``, with its states' data types where they are its own."""
    types = [state.dtype.name for state in chosen.states if state.dtype is not None and not state.block]
    own = types and "=" not in chosen.title and chosen.name != "adafactor"
    return f"{chosen.title} (states {', '.join(dict.fromkeys(types))})" if own else chosen.title


def recomputation(plan: Plan) -> str:
    """What is recomputed, in words; nothing where nothing is."""
    chosen = plan.recompute
    groups = f", {chosen.layers:,} at a time" if chosen.layers > 1 else ""
    words = {
        Method.UNIFORM: f"{'' if chosen.saves else 'all '}layers{groups}",
        Method.BLOCK: f"{chosen.layers:,} layers of every chunk",
        Method.EVERY: f"every layer in {chosen.layers:,}",
    }
    whole = words.get(chosen.method, "")
    whole += " but for saved operations" if whole and chosen.saves else ""
    others = "other layers but for saved operations" if chosen.others else ""
    parts = [whole, others, ", ".join(chosen.modules)]
    what = " and ".join(part for part in parts if part)
    return f"recomputes {what}" if what else ""


def _offloaded(plan: Plan) -> Iterator[str]:
    chosen = plan.offload
    if chosen.optimizer:
        yield f"{100 * chosen.optimizer:.0f} % of the optimizer on the host"
    if chosen.weights:
        yield "weights on the host between uses"
    if chosen.layers:
        yield f"what {chosen.layers:,} layers keep on the host"
    if chosen.activations:
        yield f"kept on the host: {' '.join(chosen.activations)}"


def _kernels(chosen: Kernels, usual: Kernels) -> Iterator[str]:
    for name, own, other in differing(chosen, usual):
        if isinstance(own, Routing):
            yield from (_choice(inner, value) for inner, value, _ in differing(own, other))
        else:
            yield _choice(name, own)


def _choice(name: str, value: Any) -> str:
    if name in SWITCHES:
        return SWITCHES[name][0 if value else 1]
    if name == "exchanging_ranks":
        return f"{value:,} ranks exchange heads" if value else ""
    if name in CHOICES:
        return f"{value} {CHOICES[name]}"
    return f"vocabulary padded to {value:,}" if name == "padded_vocabulary" else f"{name.replace('_', ' ')} {value}"


def overlaps(plan: Plan) -> list[str]:
    """What runs beside what, by the names that ``--overlap`` takes."""
    found = [name for name, switch in OVERLAPS.items() if getattr(plan.execution, switch)]
    found += ["tensor"] if plan.overlaps_tensor else []
    return found + (["experts"] if plan.kernels.routing.overlapped else [])


def _others(plan: Plan) -> Iterator[str]:
    usual = Plan.under(plan.framework.name)
    if not same(plan.imbalance, usual.imbalance):
        yield f"fullest experts {plan.imbalance:g} of the mean"
    if not plan.prediction:
        yield "without multi-token prediction"
    if plan.accumulation_fusion != usual.accumulation_fusion:
        yield f"gradients {'added' if plan.accumulation_fusion else 'not added'} by multiplies"
    if overlaps(plan) != overlaps(usual):
        yield f"overlaps {' '.join(overlaps(plan)) or 'nothing'}"
    if plan.execution.graphs:
        yield f"CUDA graphs of {' '.join(plan.execution.graphs)}"
    if plan.cublas_workspace is not None:
        yield f"cuBLAS workspaces of {gibibytes(plan.cublas_workspace)}"
    if plan.expandable_segments != usual.expandable_segments:
        yield f"segments {'grow' if plan.expandable_segments else 'do not grow'}"
