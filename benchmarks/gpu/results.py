"""How scripts that measure on a GPU write what they find: JSON lines, one file per device."""

from __future__ import annotations

import argparse
import datetime
import json
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from benchmarks.gpu.train_steps import MEASURED, name_of_device

Rows = Iterable[dict[str, Any]]


def written(script: str, folder: str, parser: argparse.ArgumentParser, measure: Callable[[Any], Rows]) -> int:
    """Writes every row as soon as it is measured, after one that says on what, by which script, with what and when.

    Args:
        script: its path in the repository.
        folder: of the figures, below those of this project, where ``--out`` names no other.
        parser: its options; ``--out`` is added.
        measure: takes the options and gives the rows.

    Returns:
        The exit status: 2 where there is no GPU.
    """
    parser.add_argument("--out", type=Path, default=MEASURED / folder, help="folder of the figures")
    given = parser.parse_args()
    device = name_of_device()
    if device is None:
        print("there is no GPU here that PyTorch can use", file=sys.stderr)
        return 2
    import torch

    given.out.mkdir(parents=True, exist_ok=True)
    stamp = {"software": f"torch {torch.__version__}", "date": datetime.datetime.now(datetime.UTC).date().isoformat()}
    with (given.out / f"{device.lower().replace(' ', '-')}.jsonl").open("w", encoding="utf-8") as out:
        out.write(json.dumps({"device": device, "source": script, **stamp}) + "\n")
        for row in measure(given):
            out.write(json.dumps(row) + "\n")
            out.flush()
    return 0
