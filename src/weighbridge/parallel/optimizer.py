"""Optimizers by the states that they hold for every parameter."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from weighbridge.errors import InputError, did_you_mean, given
from weighbridge.units import FP32, INT8, DataType, data_type


class Extent(StrEnum):
    """How many elements a state has."""

    ELEMENT = "one per parameter"
    FACTORS = "one per row and one per column of a matrix; one per parameter of a vector"
    ROW = "one per row"


@dataclass(frozen=True)
class State:
    """One tensor that an optimizer holds for each weight.

    Attributes:
        name: what the library calls it.
        dtype: its data type; ``None`` for that of the weights which the optimizer updates.
        extent: how many elements it has.
        block: elements that share one fp32 scale, for types of 8 bits; 0 for none.
    """

    name: str
    dtype: DataType | None = None
    extent: Extent = Extent.ELEMENT
    block: int = 0


@dataclass(frozen=True)
class Optimizer:
    """An optimizer's states.

    Attributes:
        name: what plans call it.
        title: its name for people.
        states: what it holds for matrices (and for everything else, unless ``others`` says).
        others: the optimizer of embeddings, the head, and of what is no matrix; ``None`` for itself.
        source: where the states are defined.
        temporaries: buffers of the size of the weights that stand during its step.
        whole: it works on whole matrices, so that ranks share weights by dealing them out.
    """

    name: str
    title: str
    states: tuple[State, ...]
    source: str
    others: tuple[State, ...] | None = None
    temporaries: int = 0
    whole: bool = False


ADAM = (State("exp_avg"), State("exp_avg_sq"))

OPTIMIZERS: dict[str, Optimizer] = {
    row.name: row
    for row in (
        Optimizer("adam", "Adam", ADAM, "Kingma and Ba 2015; torch/optim/adamw.py"),
        Optimizer(
            "adam-foreach",
            "Adam, list by list",
            ADAM,
            "torch/optim/adamw.py, _multi_tensor_adamw, whose documentation says so of its peak",
            temporaries=1,
        ),
        Optimizer(
            "adam8bit",
            "8-bit Adam",
            (State("state1", INT8, block=256), State("state2", INT8, block=256)),
            "Dettmers et al. 2022; bitsandbytes/optim/optimizer.py, Optimizer2State (blocks of 256)",
        ),
        Optimizer("sgd", "SGD", (), "torch/optim/sgd.py"),
        Optimizer("momentum", "SGD with momentum", (State("momentum_buffer"),), "torch/optim/sgd.py"),
        Optimizer(
            "adafactor",
            "Adafactor",
            (State("exp_avg_sq_row and exp_avg_sq_col", FP32, Extent.FACTORS),),
            "Shazeer and Stern 2018, algorithm 4; transformers/optimization.py, Adafactor",
        ),
        Optimizer("lion", "Lion", (State("exp_avg"),), "Chen et al. 2023, algorithm 2"),
        Optimizer(
            "muon",
            "Muon",
            (State("momentum_buffer"),),
            "Jordan et al. 2024; Liu et al. 2025, section 2; Megatron-Core, optimizer/layer_wise_optimizer.py",
            ADAM,
            whole=True,
        ),
        Optimizer(
            "adam-mini",
            "Adam-mini",
            (State("exp_avg"), State("exp_avg_sq", extent=Extent.ROW)),
            "Zhang et al. 2024, algorithm 1 (one second moment per output neuron)",
            ADAM,
        ),
    )
}

ALIASES = {"adamw": "adam", "adamw8bit": "adam8bit", "adam_8bit": "adam8bit", "dist_muon": "muon"}


def optimizer(name: str) -> Optimizer:
    """The optimizer of a name, or of a list of states with their data types: ``m=fp32,v=bf16``.

    Raises:
        InputError: for a name that is none, and for a state without a data type.
    """
    if "=" in name:
        states = tuple(_state(part) for part in name.split(","))
        twice = [state.name for number, state in enumerate(states) if state.name in {s.name for s in states[:number]}]
        if twice:
            raise InputError(f"optimizer: the state {given(twice[0])} stands twice in {given(name)}")
        return Optimizer(name, name, states, "given by its states")
    found = OPTIMIZERS.get(ALIASES.get(name.lower(), name.lower()))
    if found is None:
        near = did_you_mean(name.lower(), OPTIMIZERS)
        raise InputError(f"optimizer: {given(name)} is unknown; allowed: {', '.join(OPTIMIZERS)}{near}")
    return found


def _state(text: str) -> State:
    name, sign, dtype = (part.strip() for part in text.partition("="))
    if not name or not sign:
        raise InputError(
            f"optimizer: got {given(text)} for a state; expected a state with its data type, such as momentum=fp32"
        )
    return State(name, data_type(dtype, f"optimizer: {name}"))
