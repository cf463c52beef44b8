"""What the package says of a row about one's own devices (:mod:`weighbridge.estimate.inference.local`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmarks.rows import Row
from weighbridge.estimate.inference.local import Option, local
from weighbridge.formats.quantization import storage
from weighbridge.models.storage import Storage

WHOLE = 1 << 16
"""More layers than any model has: all on devices, as the sources ran them."""


def option(row: Row) -> Option:
    """The model in the row's quantisation on its devices."""
    told: Mapping[str, Any] = row["local"]
    assert row["device"] is not None
    beside = told.get("beside", [row["device"]] * ((row["gpus"] or 1) - 1))
    found = local(
        row["model"] if isinstance(row["model"], str) else "",
        [row["device"], *beside],
        [_quantisation(told["quantisation"])],
        told["context"],
        ngl=WHOLE,
        build=told["build"],
    )
    return found.options[0]


def _quantisation(given: str | Mapping[str, Any]) -> str | Storage:
    if isinstance(given, str):
        return given
    found, _ = storage({"quantization_config": dict(given)})
    assert found is not None
    return found


def figures(row: Row) -> tuple[list[dict[str, int]], dict[str, float], str]:
    """Bytes of every device by counter, figures of time, and what an estimate needs where one is missing."""
    own = option(row)
    used = [share for share in own.parts[:-1] if share.layers or share.head]
    stages = [{"max_allocated": share.allocated, "fits": share.needed} for share in used]
    past = row["local"].get("past")
    if row["counter"] in ("max_allocated", "fits") or past is None:
        return stages, {}, ""
    if not own.runs:
        return stages, {}, "a split that fits: by this count the run does not"
    times = {"decode_tokens_per_second": own.tokens_per_second(past)}
    if row["counter"] == "prompt_tokens_per_second":
        tokens = row["local"]["context"]
        seconds = own.prompt_seconds(tokens)
        times = {"prompt_tokens_per_second": None if seconds is None else tokens / seconds}
    return stages, {name: figure for name, figure in times.items() if figure is not None}, ""
