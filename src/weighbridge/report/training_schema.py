"""A training step as plain data: the contract is in :mod:`weighbridge.report.schema`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, cast

from weighbridge.estimate.advice import Advice, advise, in_use
from weighbridge.estimate.bands import Band, bands_of, too_close
from weighbridge.estimate.costing import Costing
from weighbridge.estimate.finetuning import FineTuning
from weighbridge.estimate.memory.ledger import Line
from weighbridge.estimate.memory.moment import Stands, peak_at, tensors
from weighbridge.estimate.memory.reasons import Beyond
from weighbridge.estimate.memory.stage import Stage
from weighbridge.estimate.sizes import of_plan
from weighbridge.estimate.time.step import StepTime
from weighbridge.estimate.training import Training
from weighbridge.parallel.recompute import Saves
from weighbridge.parallel.schedule import Schedule
from weighbridge.report import explanation, schema, time_schema
from weighbridge.report.change_options import plan_options
from weighbridge.report.finetuning import tuned
from weighbridge.report.plan_words import context, overlaps
from weighbridge.report.training_explained import figure, levels, speeds
from weighbridge.traced import Traced, plain


def training(
    result: Training, warnings: Sequence[str] = (), cost: Costing | None = None, advised: bool = True
) -> schema.Training:
    """A weighed training step, with the cost of a run where it is asked for, and with what would help."""
    work = result.flops
    advice = advise(result) if advised else Advice(())
    return {
        "model": schema.identity(result.model),
        "cluster": str(result.cluster) if result.cluster else None,
        "plan": plan(result),
        "sizes": of_plan(result),
        "tuning": tuning(result),
        "fits": result.fits,
        "too_close": too_close(result),
        "worst_stage": result.worst.number,
        "fullest_stage": result.fullest.number,
        "ranks": [rank(stage) for stage in result.stages],
        "error_bands": [band(found) for found in bands_of(result)],
        "flops": {"model_per_step": _int(work.model), "hardware_per_step": _int(work.hardware)},
        "time": time_schema.step(result.time, advised),
        "cost": time_schema.cost(cost),
        "changes": [
            {
                "change": change.title,
                "options": plan_options(result.plan, change.training.plan),
                "frees_bytes": change.frees,
                "device_total_bytes": in_use(change.training),
                "fits": change.training.fits,
                "hardware_flops_ratio": 1 + change.more_flops,
                "more_flops": change.more_flops if change.works_more else 0.0,
            }
            for change in advice.changes
        ],
        "changes_add_up": advice.together,
        "warnings": list(warnings),
        "notes": list(result.notes),
    }


def tuning(result: Training) -> schema.Tuning | None:
    """What is trained, and the epoch."""
    found = tuned(result)
    if found is None:
        return None
    return {
        "trained_parameters": found.trained,
        "parameters": found.parameters,
        "reference": result.reference,
        "longest_sequence": found.longest,
        "epoch": epoch(found),
    }


def epoch(found: FineTuning) -> schema.Epoch | None:
    """One pass over the data set."""
    asked, steps = found.epoch, found.steps
    if asked is None or steps is None:
        return None
    return {
        "samples": asked.samples,
        "tokens": asked.tokens,
        "sequences": asked.sequences,
        "laid": asked.laid.value,
        "cut_samples": asked.cut,
        "padding": asked.padding(_int(found.training.plan.micro_batch)),
        "steps": steps,
        "seconds": found.seconds,
        "dollars": found.dollars,
    }


def _int(value: Any) -> int:
    return int(plain(value))


def rank(stage: Stage) -> schema.Rank:
    """One pipeline stage."""
    return {
        "pipeline_stage": stage.number,
        "parameters": _int(stage.states.parameters),
        "layers": sum(chunk.layers for chunk in stage.chunks),
        "memory": cast(schema.RankMemory, {line.value: _int(value) for line, value in stage.ledger.lines.items()}),
        "static_allocated_bytes": _int(stage.static_allocated),
        "peak_allocated_bytes": _int(stage.peak_allocated),
        "peak_reserved_bytes": _int(stage.peak_reserved),
        "allocator_bytes": _int(stage.cached),
        "context_bytes": _int(stage.outside),
        "device_total_bytes": _int(stage.device_total),
        "capacity_bytes": stage.capacity,
        "free_bytes": None if stage.free is None else _int(stage.free),
        "peak_at": cast(schema.PeakMoment, asdict(peak_at(stage))),
    }


def band(found: Band) -> schema.ErrorBand:
    """One error band."""
    return {
        "kind": found.kind,
        "n": found.n,
        "median_percent": found.median_percent,
        "p90_percent": found.p90_percent,
    }


def plan(result: Training) -> schema.PlanEcho:
    """The plan, with its defaults."""
    chosen = result.plan
    return {
        "gpus": chosen.gpus,
        "tensor": chosen.tensor,
        "pipeline": chosen.pipeline,
        "virtual": chosen.virtual,
        "context": chosen.context,
        "expert": chosen.expert,
        "expert_tensor": chosen.inside_experts,
        "data": chosen.data,
        "sequence_parallel": chosen.sequence_parallel,
        "micro_batch": chosen.micro_batch,
        "micro_batches": chosen.micro_batches,
        "global_batch": chosen.sequences,
        "sequence": chosen.sequence,
        "framework": chosen.framework.name,
        "schedule": chosen.order.value,
        "group": (chosen.group or chosen.pipeline) if chosen.order is Schedule.INTERLEAVED else None,
        "layers_by_virtual_stage": [chunk.layers for chunk in result.layout],
        "zero_stage": chosen.zero.stage,
        "zero_engine": chosen.zero.engine.value,
        "replicas": _int(chosen.zero.instances),
        "reshard": chosen.zero.reshard,
        "precision": {
            "compute": chosen.precision.compute.name,
            "weights": chosen.precision.weights.name,
            "gradients": chosen.precision.gradients.name,
            "main_parameters": chosen.precision.main.name if chosen.precision.main else None,
            "recipe": chosen.precision.recipe.value if chosen.precision.recipe else None,
            "parameters_in_recipe": chosen.precision.parameters_in_fp8,
        },
        "optimizer": chosen.optimizer.name,
        "optimizer_states": [(s.dtype or chosen.precision.updated).name for s in chosen.optimizer.states],
        "recompute": {
            "method": chosen.recompute.method.value,
            "layers": chosen.recompute.layers,
            "modules": list(chosen.recompute.modules),
            "saves": saves(chosen.recompute.saves),
            "others": saves(chosen.recompute.others),
        },
        "offload": {
            "optimizer": chosen.offload.optimizer,
            "weights": chosen.offload.weights,
            "activations": list(chosen.offload.activations),
            "layers": chosen.offload.layers,
        },
        "attention": result.kernels.attention.value,
        "loss": result.kernels.loss.value,
        "dropout": {"hidden": result.kernels.hidden_dropout, "attention": result.kernels.attention_dropout},
        "imbalance": chosen.imbalance,
        "context_communication": context(chosen),
        "dispatcher": chosen.kernels.routing.exchange.value,
        "overlaps": overlaps(chosen),
        "cuda_graphs": list(chosen.execution.graphs),
    }


def saves(chosen: Saves | None) -> schema.PlanSaves | None:
    """Operations of recomputed layers whose results stay."""
    return {"operations": sorted(chosen.names), "every_multiply": chosen.every} if chosen else None


def explanations(
    stage: Stage,
    lines: Sequence[Line | Beyond],
    depth: int | None,
    cost: Costing | None = None,
    time: StepTime | None = None,
    further: Sequence[Traced] = (),
) -> dict[str, Any]:
    """Lines of the ledger with their derivations, the tensors that stand at the highest moment, speed and cost, and
    further figures.
    """
    figures = [(figure(stage, line), levels(line, lines, depth)) for line in lines]
    figures += [(one, depth) for one in (*(speeds(time) if time else ()), *further)]
    figures += [(cost.run.explained(name), depth) for name in cost.explainable] if cost else []
    return {
        "explanation": [step for one, deep in figures for step in explanation.as_dict(one, deep)],
        "tensors": [standing(one) for line in lines if isinstance(line, Line) for one in tensors(stage, line)],
    }


def standing(one: Stands) -> schema.Standing:
    """Equal tensors of the highest moment."""
    found = asdict(one) | {"line": one.line.value, "axes": list(one.axes), "shape": list(one.shape)}
    return cast(schema.Standing, found)
