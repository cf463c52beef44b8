"""Every comparison with the real libraries, with many draws of each type; writes what was compared.

    python -m benchmarks.oracle [--draws 50]

in the oracle's environment (make oracle-full). The report, benchmarks/results/oracle.md, has a row per type and a
column per kind of comparison: how many were made, and how many did not agree.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from importlib.metadata import version
from pathlib import Path
from xml.etree import ElementTree

RESULTS = Path(__file__).parent / "results" / "oracle.md"
FOLDER = "tests/oracle"

COLUMNS = {
    "parameters": ("test_parameters.test_parameters",),
    "training FLOPs": ("test_flops.test_a_training_step",),
    "prompt and token FLOPs": ("test_flops.test_a_prompt",),
    "cache": ("test_cache.",),
    "kept tensors": ("test_kept_transformers.",),
}
"""Comparisons of a type, by the tests that make them."""

ENVIRONMENT = {
    "WEIGHBRIDGE_DRAWS": 1,
    "WEIGHBRIDGE_FLOP_DRAWS": 25,
    "WEIGHBRIDGE_CACHE_DRAWS": 25,
    "WEIGHBRIDGE_KEPT_DRAWS": 25,
}
"""Draws of each test: the given number divided by this; models that run take longer than those that are counted."""

Outcome = tuple[int, int]
"""Comparisons made, and those that did not agree."""


def run(draws: int, report: Path) -> int:
    """Run every oracle test; the exit status of pytest."""
    environment = os.environ | {name: str(max(1, draws // part)) for name, part in ENVIRONMENT.items()}
    command = [sys.executable, "-m", "pytest", FOLDER, "-q", "-p", "no:cacheprovider", f"--junitxml={report}"]
    return subprocess.run(command, env=environment, check=False).returncode


def outcomes(report: Path) -> dict[tuple[str, str], Outcome]:
    """Comparisons by type (or file) and column."""
    made: Counter[tuple[str, str]] = Counter()
    failed: Counter[tuple[str, str]] = Counter()
    for case in ElementTree.parse(report).iter("testcase"):
        place = f"{case.get('classname', '').rpartition('.')[2]}.{case.get('name', '')}"
        column = next((name for name, starts in COLUMNS.items() if place.startswith(starts)), "")
        kind = re.search(r"\[(?:of )?([a-z0-9_-]+?)(?:-(?:eager|sdpa|fp32|bf16))?(?:-\d+)?\]", place)
        key = (kind[1], column) if column and kind else (place.partition(".")[0], "")
        made[key] += 1
        failed[key] += any(child.tag in ("failure", "error") for child in case)
    return {key: (made[key], failed[key]) for key in made}


def cell(outcome: Outcome | None) -> str:
    """How many agreed, or how many of them did not."""
    if outcome is None:
        return ""
    made, failed = outcome
    return f"**{failed:,} of {made:,} differ**" if failed else f"{made:,}"


def document(found: dict[tuple[str, str], Outcome], draws: int) -> str:
    """The report."""
    rows: dict[str, dict[str, Outcome]] = defaultdict(dict)
    for (kind, column), outcome in found.items():
        rows[kind][column] = outcome
    typed = sorted(kind for kind, columns in rows.items() if "parameters" in columns)
    made, failed = (sum(outcome[i] for outcome in found.values()) for i in (0, 1))
    libraries = ", ".join(f"{name} {version(name)}" for name in ("torch", "transformers", "megatron-core"))
    lines = [
        "# Comparison with the real libraries",
        "",
        f"`make oracle-full` wrote this page: {made:,} comparisons, {failed:,} of which differ, with {libraries}.",
        f"Of each type {draws:,} random configurations, keys left out at random, are built on the meta device and",
        "counted by kind of module; small ones run on the CPU. Nothing has a tolerance.",
        "",
        f"| type | {' | '.join(COLUMNS)} |",
        f"| --- |{' ---: |' * len(COLUMNS)}",
        *(f"| `{kind}` | {' | '.join(cell(rows[kind].get(column)) for column in COLUMNS)} |" for kind in typed),
        "",
        "| other comparisons | |",
        "| --- | ---: |",
        *(f"| {kind} | {cell(rows[kind].get(''))} |" for kind in sorted(rows) if "" in rows[kind]),
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Run, write the report, end as pytest ended."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--draws", type=int, default=50, help="random configurations of each type")
    draws = parser.parse_args().draws
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "oracle.xml"
        status = run(draws, report)
        RESULTS.write_text(document(outcomes(report), draws), "utf-8")
    print(f"written: {RESULTS.relative_to(Path.cwd())}")
    raise SystemExit(status)


if __name__ == "__main__":
    main()
