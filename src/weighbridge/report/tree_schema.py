"""The modules of one rank as plain data: parameters, and what they keep for the backward pass."""

from __future__ import annotations

from typing_extensions import TypedDict  # pydantic reads typing's own only from Python 3.12 on

from weighbridge.estimate.memory.stage import Stage
from weighbridge.report.tree import Branch, one_gpu
from weighbridge.report.tree import tree as tree_of


class RankModule(TypedDict):
    """A module on a rank; figures are of one copy, its parts included."""

    name: str
    module: str
    copies: int
    places: list[int]
    remark: str
    parameters: int
    kept_elements: int
    kept_bytes: int
    children: list[RankModule]


class RankGpu(TypedDict):
    """Memory of the GPU that holds them: both parts add up to the allocated peak."""

    parameters: int
    bytes_per_parameter: float
    weights_and_optimizer_bytes: int
    activations_and_buffers_bytes: int
    total_bytes: int


def gpu(stage: Stage) -> RankGpu:
    """The memory of one GPU of a stage."""
    one = one_gpu(stage)
    return {
        "parameters": one.parameters,
        "bytes_per_parameter": one.bytes_per_parameter,
        "weights_and_optimizer_bytes": one.model,
        "activations_and_buffers_bytes": one.rest,
        "total_bytes": one.total,
    }


def tree(stage: Stage) -> RankModule:
    """The module tree of a stage's rank."""
    return _module(tree_of(stage))


def _module(branch: Branch) -> RankModule:
    kept = branch.all_kept
    return {
        "name": branch.name,
        "module": branch.module,
        "copies": branch.copies,
        "places": list(branch.places),
        "remark": branch.remark,
        "parameters": branch.all_parameters,
        "kept_elements": kept.elements,
        "kept_bytes": kept.bytes,
        "children": [_module(child) for child in branch.children],
    }
