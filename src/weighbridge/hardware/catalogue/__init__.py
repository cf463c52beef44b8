"""The catalogue of devices: one TOML file each, every figure with its source."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from weighbridge.errors import InputError, did_you_mean, given
from weighbridge.hardware.device import Capability, Device

FOLDER = Path(__file__).parent

LONGEST = 100
"""Characters of a name; what is longer is none."""

NEEDED = ("memory_bytes", "memory_bandwidth", "gpus_per_node", "network_bandwidth")
"""Fields that every file gives as ``{ value, source }``; the link has a table, the peak rates one such entry each."""

FIGURES = (
    *NEEDED,
    "usable_bytes",
    "context_bytes",
    "pcie_generation",
    "network_kind",
    "link_latency",
    "network_latency",
    "tdp_watts",
    "price_per_hour",
)
"""Those, and fields that a file leaves out where no source says them or the device has no such thing."""

_MAKERS = ("nvidia", "amd", "geforce", "instinct", "tesla", "intel", "habana", "google", "cloudtpu", "aws", "apple")


@dataclass(frozen=True)
class Entry:
    """One device of the catalogue, with the other names that people use."""

    device: Device
    aliases: tuple[str, ...]


def key(name: str) -> str:
    """A name without case, separators and makers: ``NVIDIA H100-SXM`` and ``h100 sxm`` are one."""
    plain = re.sub(r"[\s_.-]+", "", name.lower())
    while any(plain.startswith(maker) for maker in _MAKERS):
        plain = plain.removeprefix(next(maker for maker in _MAKERS if plain.startswith(maker)))
    return plain


@cache
def _files() -> dict[str, Path]:
    """The files, by the key of their names; none is read."""
    return {key(path.stem): path for path in sorted(FOLDER.glob("*.toml"))}


def _capability(data: Mapping[str, Any]) -> Capability | None:
    text = data.get("capability")
    if text is None:
        return None
    major, minor = text.split(".")
    return int(major), int(minor)


@cache
def _read(path: Path) -> Entry:
    data = tomllib.loads(path.read_text("utf-8"))
    link, peaks = data["link"], data["peak_flops"]
    given = [name for name in FIGURES if name in data]
    values: dict[str, Any] = dict.fromkeys(FIGURES)
    values |= {"usable_bytes": data["memory_bytes"]["value"], "context_bytes": 0}
    values |= {name: data[name]["value"] for name in given}
    sources = {name: data[name]["source"] for name in given}
    sources |= dict.fromkeys(("link", "link_bandwidth", "link_gpus"), link["source"])
    sources |= {f"peak_flops.{name}": peak["source"] for name, peak in peaks.items()}
    device = Device(
        name=path.stem,
        title=data["title"],
        vendor=data["vendor"],
        architecture=data["architecture"],
        capability=_capability(data),
        peak_flops={name: peak["value"] for name, peak in peaks.items()},
        link=link["name"],
        link_bandwidth=link["bandwidth"],
        link_gpus=link["gpus"],
        sources=sources,
        estimates=frozenset(name for name in given if data[name].get("estimate")),
        kind=data.get("kind", "GPU"),
        **values,
    )
    return Entry(device, tuple(data["aliases"]))


@cache
def entries() -> tuple[Entry, ...]:
    """Every entry, by name."""
    return tuple(sorted((_read(path) for path in _files().values()), key=lambda entry: entry.device.name))


def search(words: str) -> tuple[Entry, ...]:
    """Entries in whose names, vendor, kind or architecture every word occurs."""
    wanted = [key(word) or word.lower() for word in words[:LONGEST].split()]
    return tuple(entry for entry in entries() if all(any(w in told for told in _told(entry)) for w in wanted))


def _told(entry: Entry) -> tuple[str, ...]:
    """What a search looks at."""
    device = entry.device
    named = (device.name, device.title, *entry.aliases)
    return (*(key(name) for name in named), device.vendor.lower(), device.kind.lower(), device.architecture)


def names() -> list[str]:
    """Every name, without aliases; no file is read."""
    return sorted(path.stem for path in _files().values())


def find(name: str) -> Device | None:
    """The device of a name, title or alias, whatever its case and separators; ``None`` if there is none.

    A name that is a file's is found without reading the other files.
    """
    if len(name) > LONGEST:
        return None
    wanted = key(name)
    if wanted in _files():
        return _read(_files()[wanted]).device
    for entry in entries():
        if wanted in {key(known) for known in (entry.device.title, *entry.aliases)}:
            return entry.device
    return None


def device(name: str, field: str = "device") -> Device:
    """The device of a name, title or alias.

    Raises:
        InputError: for a name that is none, with the nearest ones.
    """
    found = find(name)
    if found is None:
        known = [*names(), *(alias for entry in entries() for alias in entry.aliases)]
        near = did_you_mean(key(name[:LONGEST]), known)
        listed = f"weighbridge clusters lists the {len(names())} that are known"
        raise InputError(f"{field}: device {given(name)} is unknown; {listed}{near}")
    return found
