"""The modules of one rank as plain data: parameters, and what they keep for the backward pass."""

from __future__ import annotations

from typing_extensions import TypedDict  # pydantic reads typing's own only from Python 3.12 on

from weighbridge.estimate.memory.stage import Stage
from weighbridge.report.tree import Branch
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
