"""How far estimates are from published measurements: ``python -m benchmarks.accuracy`` (``make accuracy``).

Reads ``benchmarks/measurements/``, estimates every row that the package can estimate, and writes ``docs/accuracy.md``,
``benchmarks/results/accuracy.json`` and ``src/weighbridge/estimate/bands.toml``. The same constants serve every row.
``--rows PATTERN`` prints rows instead, with the ledger of each.
"""

from __future__ import annotations

import argparse
import json
import sys
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from benchmarks import tables
from benchmarks.bands import bands
from benchmarks.estimating import answer, estimate, ledger, score
from benchmarks.requests import key
from benchmarks.rows import HERE, MEASURED, MEASUREMENTS, TIME, Row, figure_of, read
from benchmarks.score import GIB, Scored, summary
from benchmarks.targets import TARGETS

ROOT = HERE.parent
PAGE = ROOT / "docs" / "accuracy.md"
RESULTS = HERE / "results" / "accuracy.json"
BANDS = ROOT / "src" / "weighbridge" / "estimate" / "bands.toml"


def why(path: Path = MEASUREMENTS / "why.toml") -> list[tuple[str, str]]:
    """Patterns of row identifiers with the mechanism that is missing."""
    entries = tomllib.loads(path.read_text("utf-8")).get("why", [])
    several = [(entry["rows"], entry["missing"]) for entry in entries]
    return [(rows, missing) for own, missing in several for rows in ([own] if isinstance(own, str) else own)]


def results(scored: Sequence[Scored]) -> dict[str, Any]:
    """The scores as JSON."""
    groups = []
    for title, own in tables.groups(scored):
        found = summary(own)
        groups.append({"group": title, "rows": len(own)} | (_rounded(asdict(found)) if found else {"n": 0}))
    targets = [
        {"target": target.title, "median": target.median, "p90": target.p90, "verdict": target.verdict(scored)}
        for target in TARGETS
    ]
    rows = [
        {"id": each.row["id"], "measured": each.measured, "estimated": _whole(each.estimated)}
        | ({"error_percent": round(each.error, 3)} if each.estimated is not None else {"needs": each.needs})
        for each in scored
    ]
    return {"targets": targets, "groups": groups, "rows": rows}


def _rounded(fields: Mapping[str, float]) -> dict[str, float]:
    return {name: round(value, 3) for name, value in fields.items()}


def _whole(value: float | None) -> float | None:
    return None if value is None else round(value) if value > 1000 else round(value, 2 if value >= 10 else 4)


def written(found: Mapping[str, Any]) -> str:
    """JSON with one row, group or target per line."""
    parts = []
    for name, entries in found.items():
        lines = ",\n".join("  " + json.dumps(entry, ensure_ascii=False) for entry in entries)
        parts.append(f' "{name}": [\n{lines}\n ]')
    return "{\n" + ",\n".join(parts) + "\n}\n"


def print_rows(rows: Sequence[Row], full: bool) -> None:
    """Measured, estimated and error of some rows, and where the bytes stand."""
    cache = {key(row): row for row in rows}
    found = {name: answer(row) for name, row in cache.items()}
    for row in rows:
        value, needs = estimate(row, found[key(row)])
        print(_shown(row, value, needs))
        if value is not None and row["counter"] not in TIME:
            lines = ledger(row, found[key(row)]).items()
            print("  " + ", ".join(f"{name} {bytes / 2**20:,.1f}" for name, bytes in lines if bytes) + " MiB")
        if full:
            print("  " + json.dumps({k: v for k, v in row.items() if k not in ("id", "source")}, ensure_ascii=False))


def _shown(row: Row, value: float | None, needs: str) -> str:
    measured, unit = figure_of(row), tables.UNITS.get(row["counter"], "%")
    if "bytes" in row:
        measured, value, unit = measured / GIB, None if value is None else value / GIB, "GiB"
    text = f"{row['id']}\n  {measured:10.3f} {unit} measured"
    if value is None:
        return f"{text}; not estimated yet: needs {needs}"
    off = value - measured
    text += f", {value:.3f} estimated, "
    return (
        f"{text}{1024 * off:+.1f} MiB, {100 * off / measured:+.2f} %"
        if unit == "GiB"
        else (f"{text}{100 * off / measured:+.2f} %")
    )


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Score estimates of training memory against published measurements.")
    parser.add_argument("--rows", metavar="PATTERN", help="print the rows that match (as in a shell), write nothing")
    parser.add_argument("--full", action="store_true", help="with --rows: each row's configuration too")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="processes")
    parser.add_argument("--measurements", type=Path, default=MEASUREMENTS, help="folder of rows")
    parser.add_argument("--dry-run", action="store_true", help="print the scores, write nothing")
    given = parser.parse_args(argv)
    own = {f"measured on {name}": rows for name, rows in read(MEASURED).items()}
    sources = read(given.measurements) | own
    if given.rows:
        chosen = [row for own in sources.values() for row in own if fnmatchcase(row["id"], given.rows)]
        print_rows(chosen, given.full)
        return 0 if chosen else 1
    scored = score(sources, given.jobs)
    print(tables.plain(scored))
    if not given.dry_run:
        PAGE.write_text(tables.page(scored, why()), encoding="utf-8")
        RESULTS.write_text(written(results(scored)), encoding="utf-8")
        BANDS.write_text(bands(scored), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
