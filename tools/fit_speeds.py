"""Fits the curves of ``weighbridge.hardware.speeds`` to measured kernel latencies and writes one TOML file per device.

``python -m tools.fit_speeds [DEVICE...]``, with the dependency group ``fit`` installed. Two runs write the same.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from tools import published_attention, tables
from tools.fitting import LONG
from tools.problems import matmul, problems, stream, trained
from tools.tables import SYSTEMS, System
from weighbridge.hardware.catalogue import device as find
from weighbridge.hardware.speeds.reading import FOLDER

Table = dict[str, Any]


def streaming(system: System) -> Table:
    """Bandwidth and launch of streaming kernels; those of matrix multiplications where casts were not measured."""
    device = find(system.device)
    table = stream(tables.cast(system, "vllm"), device)
    if table is not None:
        return table
    problem = matmul(system, device, "bf16")
    values = problem.solve()
    note = "bandwidth and launch of matrix multiplications, for want of a table of casts"
    return {
        "bandwidth": values["bandwidth"],
        "launch": values["launch"],
        "fit": {**problem.fit(values), "note": note},
    }


def curves(system: System) -> dict[str, Table]:
    """Everything that a device's file holds, by the name of its part."""
    device, streams = find(system.device), streaming(system)
    parts: dict[str, Table] = {}
    for name, problem in problems(system, streams):
        values: Table = dict(problem.solve())
        fit = problem.fit(values)
        if name == "attention":
            values |= trained(system, device, values)
            fit["published"] = published_attention.source(system.device)
        parts[name] = {**values, "fit": fit}
    return {**parts, "stream": streams}


def written(system: System, parts: dict[str, Table]) -> str:
    """The file of a device."""
    lines = [
        "# Written by tools/fit_speeds.py; do not edit.",
        f'package = "{tables.release()}"',
        f"processors = {system.processors} # {system.processors_source}",
    ]
    for name, values in parts.items():
        lines += ["", f"[{name}]", *(f"{key} = {value}" for key, value in values.items() if key != "fit")]
        lines += ["", f"[{name}.fit]"]
        lines += [f"{key} = {json.dumps(value)}" for key, value in values["fit"].items()]
    return "\n".join(lines) + "\n"


def shown(fit: Table) -> str:
    """How well a curve fits, in words."""
    every = f"median {fit['median']:.1%}, p90 {fit['p90']:.1%} of {fit['rows']:,}"
    long = f"median {fit['long_median']:.1%}, p90 {fit['long_p90']:.1%} of {fit['long_rows']:,}"
    return f"{every}; over {LONG * 1e6:.0f} us {long}"


def main(names: list[str]) -> None:
    """Fit and write the devices of these names; all without names."""
    for system in SYSTEMS:
        if names and system.device not in names:
            continue
        parts = curves(system)
        (FOLDER / f"{system.device}.toml").write_text(written(system, parts), "utf-8")
        for name, values in parts.items():
            print(f"{system.device} {name}: {shown(values['fit'])}")


if __name__ == "__main__":
    main(sys.argv[1:])
