"""The cache as a formula: over the sizes of the configuration and the number of tokens, evaluated it is the figure."""

from __future__ import annotations

import pytest

from weighbridge import arithmetic
from weighbridge.estimate.cache import cache
from weighbridge.report.formula import expression, symbols


@pytest.mark.parametrize(
    "name", ["llama-3.1-8b", "gemma-2-2b", "deepseek-v3", "qwen3-next-80b-a3b", "mamba-codestral-7b"]
)
@pytest.mark.parametrize("tokens", [7, 8192])
def test_the_formula_evaluates_to_the_bytes(name: str, tokens: int) -> None:
    kept = cache(name, tokens)
    formula = kept.explained()
    found = symbols(formula)
    assert eval(expression(formula), vars(arithmetic) | found) == formula.value == kept.bytes
    assert found.get("tokens", tokens) == tokens
