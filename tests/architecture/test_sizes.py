"""Rooms stay livable: files under 400 lines, functions never over 60 and mostly under 25."""

from __future__ import annotations

import ast
import statistics
from pathlib import Path

from weighbridge.models import families

SOURCE = Path(__file__).parents[2] / "src"
MODELS = SOURCE / "weighbridge" / "models"
FILES = sorted(path for path in SOURCE.rglob("*.py") if "node_modules" not in path.parts)


def functions() -> list[tuple[str, int]]:
    """Every function with its lines."""
    found = []
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                found.append((f"{path.name}:{node.name}", (node.end_lineno or 0) - node.lineno + 1))
    return found


def test_files_stay_under_400_lines() -> None:
    assert not [path.name for path in FILES if path.read_text("utf-8").count("\n") >= 400]


def test_functions_stay_small() -> None:
    sizes = functions()
    assert not [name for name, lines in sizes if lines > 60]
    assert sum(lines < 25 for _, lines in sizes) > 0.9 * len(sizes)
    assert statistics.median(lines for _, lines in sizes) <= 12


def test_families_stay_cheap() -> None:
    """Adding one more takes a file of so many lines (CONTRIBUTING, "Add a family")."""
    lines = [len((MODELS / f"{kind.replace('-', '_')}.py").read_text("utf-8").splitlines()) for kind in families()]
    assert statistics.median(lines) < 60
