"""The JSON contract of quantisations on one's own devices."""

from __future__ import annotations

from typing import TYPE_CHECKING

from typing_extensions import TypedDict  # pydantic reads typing's own only from Python 3.12 on

from weighbridge.report.local import bands, chosen, notes, verdict
from weighbridge.report.schema import ErrorBand
from weighbridge.report.training_schema import band

if TYPE_CHECKING:
    from weighbridge.estimate.inference.local import Local, Option
    from weighbridge.estimate.inference.local.split import Share


class LocalShare(TypedDict):
    """What one device holds; the host where ``device`` is null. Sizes are bytes."""

    device: str | None
    layers: int
    weights: int
    cache: int
    buffers: int
    outside: int
    needed: int
    capacity: int | None
    fits: bool


class LocalOption(TypedDict):
    """A model in one quantisation. Speeds are null where it does not run, or nobody says how fast a part of it is."""

    quantisation: str
    weights: int
    cache: int
    buffers: int
    ngl: int
    layers: int
    fits: bool
    runs: bool
    verdict: str
    tokens_per_second: float | None
    tokens_per_second_full: float | None
    prompt_tokens_per_second: float | None
    by_device: list[LocalShare]


class LocalModel(TypedDict):
    """Quantisations of a model on one's own devices."""

    model: str
    devices: list[str]
    titles: list[str]
    context: int
    engine: str
    cache_dtype: str
    chosen: str | None
    options: list[LocalOption]
    error_bands: list[ErrorBand]
    notes: list[str]


def local(found: Local) -> LocalModel:
    """The answer as plain data."""
    best = chosen(found)
    return {
        "model": found.model.name,
        "devices": [device.name for device in found.devices],
        "titles": [device.title for device in found.devices],
        "context": found.context,
        "engine": found.options[0].build.name,
        "cache_dtype": found.options[0].layers.serving.cache.name,
        "chosen": best.name if best else None,
        "options": [_option(option) for option in found.options],
        "error_bands": [band(one) for one in bands()],
        "notes": notes(found),
    }


def _option(option: Option) -> LocalOption:
    return {
        "quantisation": option.name,
        "weights": option.bytes,
        "cache": option.cache,
        "buffers": option.buffer,
        "ngl": option.ngl,
        "layers": option.layers.count + 1,
        "fits": option.fits,
        "runs": option.runs,
        "verdict": verdict(option),
        "tokens_per_second": option.tokens_per_second(0),
        "tokens_per_second_full": option.tokens_per_second(option.context - 1),
        "prompt_tokens_per_second": option.prompt_rate,
        "by_device": [_share(share) for share in option.parts],
    }


def _share(share: Share) -> LocalShare:
    return {
        "device": None if share.device is None else share.device.name,
        "layers": len(share.layers) + share.head,
        "weights": share.weights,
        "cache": share.cache,
        "buffers": share.buffers,
        "outside": share.outside,
        "needed": share.needed,
        "capacity": share.capacity,
        "fits": share.fits,
    }
