"""Optimizers that files name, by the states that they hold."""

from __future__ import annotations

from dataclasses import replace

from weighbridge.errors import did_you_mean, given
from weighbridge.formats.plans.table import Table
from weighbridge.parallel.optimizer import OPTIMIZERS, Optimizer, State
from weighbridge.units import DATA_TYPES

FP32, INT4, INT8 = (DATA_TYPES[name] for name in ("fp32", "int4", "int8"))

BESIDE: dict[str, Optimizer] = {
    row.name: row
    for row in (
        Optimizer(
            "adam32bit",
            "Adam with states in fp32",
            (State("state1", FP32), State("state2", FP32)),
            "bitsandbytes/optim/optimizer.py, Optimizer2State, 32 bits",
        ),
        Optimizer("adagrad", "Adagrad", (State("sum"),), "torch/optim/adagrad.py"),
        Optimizer("rmsprop", "RMSprop", (State("square_avg"),), "torch/optim/rmsprop.py"),
        Optimizer("rmsprop8bit", "8-bit RMSprop", (State("state1", INT8, block=256),), "bitsandbytes/optim/rmsprop.py"),
        Optimizer("lion8bit", "8-bit Lion", (State("state1", INT8, block=256),), "bitsandbytes/optim/lion.py"),
        Optimizer(
            "ademamix",
            "AdEMAMix",
            (State("m1"), State("m2"), State("nu")),
            "Pagliardini et al. 2024, algorithm 1; bitsandbytes/optim/ademamix.py",
        ),
        Optimizer(
            "ademamix8bit",
            "8-bit AdEMAMix",
            (*(State(name, INT8, block=256) for name in ("m1", "m2")), State("nu", INT8, block=256)),
            "bitsandbytes/optim/ademamix.py",
        ),
        Optimizer(
            "adam4bit",
            "4-bit Adam",
            (State("exp_avg", INT4, block=128), State("exp_avg_sq", INT4, block=128)),
            "torchao/optim/adam.py, AdamW4bit (blocks of 128)",
        ),
    )
}
"""Those that files name and :data:`~weighbridge.parallel.optimizer.OPTIMIZERS` does not have."""

DEEPSPEED = {
    "adam": "adam",
    "adamw": "adam",
    "muadam": "adam",
    "muadamw": "adam",
    "lamb": "adam",
    "onebitadam": "adam",
    "onebitlamb": "adam",
    "zerooneadam": "adam",
    "adagrad": "adagrad",
    "lion": "lion",
    "muon": "muon",
    "musgd": "sgd",
    "sgd": "sgd",
    "rmsprop": "rmsprop",
    "adafactor": "adafactor",
    "nadam": "adam",
    "radam": "adam",
    "adamax": "adam",
}
"""DeepSpeed's optimizers and those of ``torch.optim`` (deepspeed/runtime/engine.py, _configure_basic_optimizer)."""

NEARLY = {
    "onebitadam": "the buffers of its compressed communication are not modelled",
    "onebitlamb": "the buffers of its compressed communication are not modelled",
    "zerooneadam": "the buffers of its compressed communication are not modelled",
    "galore_adamw": "GaLore's projections and smaller states are not modelled",
    "galore_adamw_8bit": "GaLore's projections and smaller states are not modelled",
    "galore_adafactor": "GaLore's projections and smaller states are not modelled",
    "galore_adamw_layerwise": "GaLore's projections and smaller states are not modelled",
    "galore_adamw_8bit_layerwise": "GaLore's projections and smaller states are not modelled",
    "galore_adafactor_layerwise": "GaLore's projections and smaller states are not modelled",
    "apollo_adamw": "APOLLO's projections and smaller states are not modelled",
    "apollo_adamw_layerwise": "APOLLO's projections and smaller states are not modelled",
    "adalomo": "its fused update, which frees gradients at once, is not modelled",
    "lomo": "its fused update, which frees gradients at once, is not modelled",
    "grokadamw": "its average of gradients is not modelled",
    "adamw_anyprecision": "its data types are taken as fp32",
}
"""Optimizers that are taken for one near to them, and what is left out."""

_BNB = {
    "adamw_bnb_8bit": "adam8bit",
    "adamw_8bit": "adam8bit",
    "paged_adamw_8bit": "adam8bit",
    "paged_adamw": "adam32bit",
    "paged_adamw_32bit": "adam32bit",
    "lion_8bit": "lion8bit",
    "lion": "lion",
    "lion_32bit": "lion",
    "paged_lion": "lion",
    "paged_lion_32bit": "lion",
    "paged_lion_8bit": "lion8bit",
    "ademamix": "ademamix",
    "ademamix_8bit": "ademamix8bit",
    "paged_ademamix_32bit": "ademamix",
    "paged_ademamix_8bit": "ademamix8bit",
    "rmsprop_bnb": "rmsprop",
    "rmsprop_bnb_32bit": "rmsprop",
    "rmsprop_bnb_8bit": "rmsprop8bit",
}

TRAINER = {
    "adamw_hf": "adam",
    "adamw_torch": "adam-foreach",
    "adamw_torch_fused": "adam",
    "adamw_torch_xla": "adam",
    "adamw_torch_npu_fused": "adam",
    "adamw_apex_fused": "adam",
    "adamw_anyprecision": "adam",
    "adamw_torch_8bit": "adam8bit",
    "adamw_torch_4bit": "adam4bit",
    "adafactor": "adafactor",
    "sgd": "sgd",
    "adagrad": "adagrad",
    "rmsprop": "rmsprop",
    **_BNB,
    "galore_adamw": "adam",
    "galore_adamw_8bit": "adam8bit",
    "galore_adafactor": "adafactor",
    "galore_adamw_layerwise": "adam",
    "galore_adamw_8bit_layerwise": "adam8bit",
    "galore_adafactor_layerwise": "adafactor",
    "apollo_adamw": "adam",
    "apollo_adamw_layerwise": "adam",
    "lomo": "sgd",
    "adalomo": "sgd",
    "grokadamw": "adam",
    "stable_adamw": "adam",
    "schedule_free_radam": "adam",
    "schedule_free_adamw": "adam",
    "schedule_free_sgd": "momentum",
}
"""Names that ``optim`` takes (transformers/training_args.py, OptimizerNames)."""

TORCHTITAN = {"Adam": "adam", "AdamW": "adam"}
"""Names that ``optimizer.name`` takes (torchtitan/components/optimizer.py, build_optimizers)."""


def named(name: str) -> Optimizer:
    """An optimizer by its own name."""
    return OPTIMIZERS[name] if name in OPTIMIZERS else BESIDE[name]


def chosen(table: Table, path: str, names: dict[str, str], default: str = "adam") -> Optimizer:
    """The optimizer that a file names.

    Args:
        table: the file, which notes what is wrong and what is not modelled.
        path: where the name stands.
        names: names that it may be, and the optimizers that they stand for.
        default: the one where none is named.
    """
    text = table.text(path)
    if text is None:
        return named(default)
    folded = {name.lower(): name for name in names}
    name = text if text in names else folded.get(text.lower())
    if name is None:
        table.problem(path, f"got {given(text)}; allowed: {', '.join(names)}{did_you_mean(text, names, 1)}")
        return named(default)
    found = named(names[name])
    if name in NEARLY:
        table.unmodelled(path, text, instead=f"taken as {found.title}; {NEARLY[name]}")
    return found


def in_dtype(found: Optimizer, name: str) -> Optimizer:
    """The same optimizer with its states in another data type."""
    states = tuple(replace(state, dtype=DATA_TYPES[name]) for state in found.states)
    others = None if found.others is None else tuple(replace(state, dtype=DATA_TYPES[name]) for state in found.others)
    return replace(found, states=states, others=others)
