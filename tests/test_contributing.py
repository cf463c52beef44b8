"""The worked example of CONTRIBUTING.md works as it stands there."""

from __future__ import annotations

import re
import sys
import textwrap
import tomllib
from pathlib import Path
from types import ModuleType

import pytest

from weighbridge import nn
from weighbridge.estimate.compute import flops
from weighbridge.estimate.parameters import params
from weighbridge.formats.loading import from_raw

TEXT = (Path(__file__).parents[1] / "CONTRIBUTING.md").read_text("utf-8")


def block(language: str, number: int = 0) -> str:
    """A fenced block of the page."""
    found: list[str] = re.findall(rf"^ *```{language}\n(.*?)^ *```", TEXT, re.S | re.M)
    return textwrap.dedent(found[number])


def test_a_new_module_takes_one_file_and_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("weighbridge.nn.retention")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    exec(compile(block("python"), "retention.py", "exec", dont_inherit=True), vars(module))
    assert block("python", 1).strip() == "from weighbridge.nn.retention import Retention as Retention"
    monkeypatch.setattr(nn, "Retention", vars(module)["Retention"], raising=False)
    model = from_raw("retnet", tomllib.loads(block("toml")), {}, "")
    width, heads = 2048, 8 * 256
    assert params(model).by_kind["linear attention"] == 24 * 5 * width * heads  # type: ignore[index]
    per_token = 2 * 5 * width * heads + 2 * 2 * 8 * 256 * 256 + 2 * 3 * width * 5632
    head = 2 * width * 32000
    assert flops(model, 10).forward == 10 * (24 * per_token + head)
    assert "retention" in str(params(model))
    assert params(model).explained().value == params(model).total
