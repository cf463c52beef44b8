"""The JSON contract of ``weighbridge params``: counts, bytes, the module tree, and a quantised checkpoint's tensors."""

from __future__ import annotations

from typing_extensions import TypedDict  # pydantic reads typing's own only from Python 3.12 on

from weighbridge.estimate.parameters import ParameterReport, parameters_of
from weighbridge.estimate.quantised import Checkpoint, StoredTensors
from weighbridge.models import Model
from weighbridge.report.weights_schema import WeightsInFiles, weights_in_files
from weighbridge.tree import Node, stored


class Identity(TypedDict):
    """What was weighed: name, family, ``model_type`` and where the configuration came from."""

    name: str
    family: str
    model_type: str
    source: str


class ParameterNode(TypedDict):
    """A module: ``count`` copies stand in its parent and ``copies`` in the model, each of ``each`` parameters and
    ``total`` together; ``apart`` from the model's total or not."""

    name: str
    module: str
    kind: str
    count: int
    each: int
    copies: int
    total: int
    apart: bool
    children: list[ParameterNode]


class ParameterCounts(TypedDict):
    """Parameters. ``multi_token_prediction`` and ``buffers`` are not part of ``total``."""

    total: int
    active: int
    embedding: int
    non_embedding: int
    multi_token_prediction: int
    buffers: int
    by_kind: dict[str, int]


class Size(TypedDict):
    """Bytes in the chosen data types, and of all parameters in common ones."""

    dtype: str
    router_dtype: str
    total: int
    by_dtype: dict[str, int]


class StoredTensorsEntry(TypedDict):
    """Tensors of one kind of module that are stored in one way; ``parameters`` is what they stand for."""

    kind: str
    stored_as: str
    quantised: bool
    apart: bool
    parameters: int
    values: int
    scales: int
    other: int
    total: int


class QuantisedCheckpoint(TypedDict):
    """Bytes of a quantised checkpoint by tensor. ``multi_token_prediction`` is no part of ``total``."""

    method: str
    stored_as: str
    total: int
    scales: int
    other: int
    multi_token_prediction: int
    tensors: list[StoredTensorsEntry]


class Parameters(TypedDict):
    """``weighbridge params --json``."""

    model: Identity
    parameters: ParameterCounts
    bytes: Size
    checkpoint: QuantisedCheckpoint | None
    weights: WeightsInFiles | None
    tree: ParameterNode
    notes: list[str]


def identity(model: Model) -> Identity:
    """What was weighed."""
    return {"name": model.name, "family": model.family, "model_type": model.model_type, "source": model.source}


def parameters(report: ParameterReport) -> Parameters:
    """Parameters as plain data."""
    counts: ParameterCounts = {
        "total": report.total,
        "active": report.active,
        "embedding": report.embedding,
        "non_embedding": report.non_embedding,
        "multi_token_prediction": report.prediction,
        "buffers": report.buffers,
        "by_kind": {kind.value: count for kind, count in report.by_kind.items()},
    }
    size: Size = {
        "dtype": report.dtype.name,
        "router_dtype": (report.router_dtype or report.dtype).name,
        "total": report.bytes(),
        "by_dtype": report.bytes_by_type,
    }
    return {
        "model": identity(report.model),
        "parameters": counts,
        "bytes": size,
        "checkpoint": None if report.checkpoint is None else _checkpoint(report.checkpoint),
        "weights": None if report.weights is None else weights_in_files(report.weights),
        "tree": _parameter_node(report.tree),
        "notes": list(report.notes),
    }


def _parameter_node(node: Node, above: int = 1) -> ParameterNode:
    each, copies = node.sum(parameters_of, stored), above * stored(node)
    return {
        "name": node.name,
        "module": type(node.module).__name__,
        "kind": node.kind.value,
        "count": stored(node),
        "each": each,
        "copies": copies,
        "total": copies * each,
        "apart": node.apart,
        "children": [_parameter_node(child, copies) for child in node.children],
    }


def _checkpoint(checkpoint: Checkpoint) -> QuantisedCheckpoint:
    return {
        "method": checkpoint.storage.method,
        "stored_as": checkpoint.storage.title,
        "total": checkpoint.bytes,
        "scales": checkpoint.scales,
        "other": checkpoint.other,
        "multi_token_prediction": checkpoint.prediction,
        "tensors": [_tensors(row) for row in checkpoint.every],
    }


def _tensors(row: StoredTensors) -> StoredTensorsEntry:
    return {
        "kind": row.kind.value,
        "stored_as": row.stored_as,
        "quantised": row.quantised,
        "apart": row.apart,
        "parameters": row.parameters,
        "values": row.values,
        "scales": row.scales,
        "other": row.other,
        "total": row.bytes,
    }
