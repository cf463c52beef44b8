"""The JSON contract of a plan, part of that of training."""

from __future__ import annotations

from typing_extensions import TypedDict


class PlanPrecision(TypedDict):
    """Data types."""

    compute: str
    weights: str
    gradients: str
    main_parameters: str | None
    recipe: str | None
    parameters_in_recipe: bool


class PlanSaves(TypedDict):
    """Operations of recomputed layers whose results stay."""

    operations: list[str]
    every_multiply: int


class PlanRecompute(TypedDict):
    """What runs again in the backward pass."""

    method: str
    layers: int
    modules: list[str]
    saves: PlanSaves | None
    others: PlanSaves | None


class PlanOffload(TypedDict):
    """What stands in the host's memory."""

    optimizer: float
    weights: bool
    activations: list[str]
    layers: int


class PlanDropout(TypedDict):
    """Where dropout runs."""

    hidden: bool
    attention: bool


class PlanEmitted(TypedDict):
    """The plan as another program reads it."""

    form: str
    text: str
    warnings: list[str]


class PlanEcho(TypedDict):
    """The plan that was weighed, with everything that it left to defaults."""

    gpus: int
    tensor: int
    pipeline: int
    virtual: int
    context: int
    expert: int
    expert_tensor: int
    data: int
    sequence_parallel: bool
    micro_batch: int
    micro_batches: int
    global_batch: int
    sequence: int
    framework: str
    schedule: str
    group: int | None
    layers_by_virtual_stage: list[int]
    zero_stage: int
    zero_engine: str
    replicas: int
    reshard: bool
    precision: PlanPrecision
    optimizer: str
    optimizer_states: list[str]
    recompute: PlanRecompute
    offload: PlanOffload
    attention: str
    loss: str
    dropout: PlanDropout
    imbalance: float
    context_communication: str
    dispatcher: str
    overlaps: list[str]
    cuda_graphs: list[str]
