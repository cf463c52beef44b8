"""Quantisations of a model on one's own devices, as one table."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from weighbridge.estimate.bands import Band, narrowest
from weighbridge.estimate.bands import percent as within
from weighbridge.report.document import Column, Document, Row, Table
from weighbridge.units import gibibytes, gigabytes

if TYPE_CHECKING:
    from weighbridge.estimate.inference.local import Local, Option
    from weighbridge.estimate.inference.local.split import Share

NOTES = (
    "tokens/s: of one user, after an empty context and at the end of a full one; prompt: tokens/s of a prompt that "
    "fills the context, 32,768 at most",
    "layers: on the devices, what stands after them counted as one more (llama.cpp's -ngl); the cache has {kept} and "
    "its whole context at once",
)

HOST = "some layers run on the host: --cpu says how fast, --ram how many it holds"

PROMPT = "a prompt's speed is left out where layers run on the processor, or nobody published the device's rate"


NONE = "it does not run on these devices: a device, or the host, does not hold its part"


def document(found: Local) -> Document:
    """The whole report."""
    title = f"{found.model.name} on {devices(found)}"
    tables = [_options(found)]
    best = chosen(found)
    if best is not None:
        tables.append(_shares(best))
    context = f"llama.cpp, context {found.context:,}"
    return Document(title, context, tuple(_facts(found, best)), tuple(tables), (*notes(found), *said()))


def notes(found: Local) -> list[str]:
    """What the columns mean, and why some cells are empty."""
    lines = [note.format(kept=found.options[0].layers.serving.cache.name) for note in NOTES]
    if any(option.runs and option.tokens_per_second(0) is None for option in found.options):
        lines.append(HOST)
    if any(option.runs and option.prompt_seconds(1) is None for option in found.options):
        lines.append(PROMPT)
    return lines


MEASURED = {
    "decode_tokens_per_second": "tokens/s with all layers on devices",
    "prompt_tokens_per_second": "those of a prompt",
}
"""Figures of which runs were published, and what they are called."""


def bands() -> list[Band]:
    """How far estimates were from published runs."""
    return [band for figure in MEASURED if (band := narrowest(figure, ((),))) is not None]


def said() -> list[str]:
    """The bands in words."""
    return [
        f"{MEASURED[band.kind]}: half of {band.n:,} published ones fell {within(band.median_percent)} of the estimate, "
        f"nine in ten {within(band.p90_percent)} (docs/accuracy.md)"
        for band in bands()
    ]


def devices(found: Local) -> str:
    """The devices by their titles, equal ones together."""
    counts = Counter(device.title for device in found.devices)
    return " + ".join(title if times == 1 else f"{times:,} x {title}" for title, times in counts.items())


def chosen(found: Local) -> Option | None:
    """The largest that all devices hold; else the fastest that runs; ``None`` where none does."""
    whole = [option for option in found.options if option.fits and option.ngl == option.layers.count + 1]
    if whole:
        return max(whole, key=lambda option: option.bytes)
    running = [option for option in found.options if option.runs]
    return max(running, key=lambda option: option.tokens_per_second(0) or 0.0, default=None)


def _facts(found: Local, best: Option | None) -> list[tuple[str, ...]]:
    if best is None:
        return [("none of them fits", "smaller quantisations or contexts, --ram and --cpu, or --disk may help")]
    if best.fits and best.ngl == best.layers.count + 1:
        facts = [(f"the largest that fits is {best.name}:", f"{_rate(best, 0)} tokens/s")]
        quick = max((one for one in found.options if one.runs), key=lambda one: one.tokens_per_second(0) or 0.0)
        if quick is not best:
            facts.append((f"the fastest is {quick.name}:", f"{_rate(quick, 0)} tokens/s"))
        return list(facts)
    held = f"{best.ngl:,} of {best.layers.count + 1:,} layers on devices"
    speed = "" if best.tokens_per_second(0) is None else f", {_rate(best, 0)} tokens/s"
    return [(f"none is on devices alone; {best.name}:", held + speed)]


def _options(found: Local) -> Table:
    columns = (
        Column("quantisation", number=False, whole=True),
        Column("weights"),
        Column("cache"),
        Column("buffers", optional=True),
        Column("layers", number=True),
        Column("fits", number=False),
        Column("tokens/s"),
        Column("full"),
        Column("prompt", optional=True),
    )
    best = chosen(found)
    return Table(columns, tuple(Row(_cells(option), strong=option is best) for option in found.options))


def _cells(option: Option) -> tuple[str, ...]:
    return (
        option.name,
        gigabytes(option.bytes),
        gibibytes(option.cache),
        gibibytes(option.buffer),
        f"{option.ngl:,}/{option.layers.count + 1:,}",
        verdict(option),
        _rate(option, 0),
        _rate(option, option.context - 1),
        _prompt(option),
    )


def verdict(option: Option) -> str:
    """Whether a quantisation fits."""
    if option.fits:
        return "yes" if option.ngl == option.layers.count + 1 else "with the host"
    return "from disk" if option.runs else "no"


def _rate(option: Option, past: int) -> str:
    value = option.tokens_per_second(past)
    return "-" if value is None else _figure(value)


def _prompt(option: Option) -> str:
    return "-" if option.prompt_rate is None else f"{option.prompt_rate:,.0f}"


def _figure(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 1 else f"{value:.2g}"


def _shares(option: Option) -> Table:
    columns = (
        Column("device", number=False, whole=True),
        Column("layers"),
        Column("weights"),
        Column("cache"),
        Column("buffers", optional=True),
        Column("context", optional=True),
        Column("in all"),
        Column("of"),
    )
    rows = tuple(Row(_share(share)) for share in option.parts if share.needed)
    return Table(columns, rows, f"{option.name} by device")


def _share(share: Share) -> tuple[str, ...]:
    number = len(share.layers) + share.head
    sizes = (share.weights, share.cache, share.buffers, share.outside, share.needed)
    return (
        "host" if share.device is None else share.device.title,
        f"{number:,}" if number else "-",
        *(gibibytes(size) if size else "-" for size in sizes),
        "-" if share.capacity is None else gibibytes(share.capacity),
    )
