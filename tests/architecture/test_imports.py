"""The floors of the house: imports go down only, and importing the package stays light."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src" / "weighbridge"

FLOORS = [
    {"errors", "arithmetic", "ggml", "records", "sums"},
    {"traced", "units"},
    {"axes", "tree", "kernels", "passes", "tape"},
    {"gradients", "halves", "pieces"},
    {"replay"},
    {"nn"},
    {"models"},
    {"hardware", "laws", "parallel"},
    {"formats"},
    {"estimate"},
    {"report"},
    {"cli"},
    {"answer"},
    {"server"},
]
"""Lowest first. A file may import from its own floor and from those below it."""


def floor(package: str) -> int:
    return next(level for level, names in enumerate(FLOORS) if package in names)


def imported(path: Path) -> set[str]:
    """Packages of this project that a file imports, those imported inside functions too."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        names: list[str] = []
        if isinstance(node, ast.ImportFrom) and node.module:
            prefix = node.module
            names = [f"{prefix}.{alias.name}" for alias in node.names] if prefix == "weighbridge" else [prefix]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        found |= {name.split(".")[1] for name in names if name.startswith("weighbridge.")}
    return found - {"__version__"}


FILES = [
    path
    for path in SOURCE.rglob("*.py")
    if path != SOURCE / "__init__.py" and "node_modules" not in path.parts  # of the page: not ours
]


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(SOURCE)))
def test_imports_go_down_only(path: Path) -> None:
    own = path.relative_to(SOURCE).parts[0].removesuffix(".py")
    above = {name for name in imported(path) if floor(name) > floor(own)}
    assert not above, f"{path.relative_to(SOURCE)} imports from above: {above}"


def test_every_package_has_its_floor() -> None:
    assert {path.relative_to(SOURCE).parts[0].removesuffix(".py") for path in FILES} == set().union(*FLOORS)


@pytest.mark.parametrize(
    "statement",
    [
        "import weighbridge",
        "import weighbridge as wb; wb.params('llama-3.1-8b').total",
        "import weighbridge as wb; wb.scaling(5.76e23).answers[0].model",
    ],
)
def test_the_package_loads_without_heavy_libraries(statement: str) -> None:
    heavy = ["numpy", "scipy", "matplotlib", "pydantic", "rich", "click", "torch", "huggingface_hub", "fastapi"]
    code = f"{statement}; import sys; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
