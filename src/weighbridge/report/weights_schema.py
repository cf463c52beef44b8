"""The JSON contract of weights in files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from typing_extensions import TypedDict  # pydantic reads typing's own only from Python 3.12 on

if TYPE_CHECKING:
    from weighbridge.estimate.weights import WeightsReport


class WeightsTensor(TypedDict):
    """A tensor as a file's header has it; ``shape`` has rows before columns."""

    name: str
    dtype: str
    shape: list[int]
    kind: str
    bytes: int


class WeightsOfShape(TypedDict):
    """A tensor of another shape than the architecture's weight of that name."""

    name: str
    shape: list[int]
    expected: list[int]


class WeightsCheck(TypedDict):
    """Tensors beside the weights of the architecture, by their names."""

    exact: bool
    missing: list[str]
    left_over: list[str]
    other_shape: list[WeightsOfShape]


class WeightsInFiles(TypedDict):
    """What the headers of weights say. ``total`` are the bytes of all tensors; ``file_bytes`` those of the files with
    headers and padding, which are estimated where ``estimated``; ``parameters`` is null where nothing says how they are
    packed."""

    name: str
    form: str
    files: int
    estimated: bool
    total: int
    header_bytes: int
    file_bytes: int
    parameters: int | None
    bits_per_parameter: float | None
    by_dtype: dict[str, int]
    by_kind: dict[str, int]
    check: WeightsCheck | None
    tensors: list[WeightsTensor]


class WeightsAlone(TypedDict):
    """``weighbridge params --json`` for weights of no architecture that is known."""

    weights: WeightsInFiles
    notes: list[str]


def weights_in_files(report: WeightsReport) -> WeightsInFiles:
    """Weights in files as plain data."""
    file = report.file
    kinds: dict[str, int] = {}
    for row in report.by_kind:
        kinds[row.kind.value] = kinds.get(row.kind.value, 0) + row.bytes
    return {
        "name": file.name,
        "form": file.form,
        "files": file.files,
        "estimated": file.estimated,
        "total": file.bytes,
        "header_bytes": file.header,
        "file_bytes": file.size,
        "parameters": report.parameters,
        "bits_per_parameter": report.bits,
        "by_dtype": {name: sum(tensor.bytes for tensor in tensors) for name, tensors in file.by_type.items()},
        "by_kind": kinds,
        "check": None if file.estimated else _check(report),
        "tensors": [
            {
                "name": tensor.name,
                "dtype": tensor.dtype.name,
                "shape": list(tensor.shape),
                "kind": report.kind(tensor).value,
                "bytes": tensor.bytes,
            }
            for tensor in file.tensors
        ],
    }


def weights_alone(report: WeightsReport) -> WeightsAlone:
    """Weights of no known architecture as plain data."""
    return {"weights": weights_in_files(report), "notes": list(report.notes)}


def _check(report: WeightsReport) -> WeightsCheck | None:
    found = report.matched
    if found is None:
        return None
    return {
        "exact": found.exact,
        "missing": list(found.missing),
        "left_over": [tensor.name for tensor in found.left],
        "other_shape": [
            {"name": tensor.name, "shape": list(tensor.shape), "expected": list(shape)}
            for tensor, shape in found.misshapen
        ],
    }
