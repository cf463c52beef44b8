"""From a step to the cost of a run: defaults with their sources, and what people may write."""

from __future__ import annotations

from typing import Any

import pytest

from tests.estimate.time.steps import DATA
from weighbridge.errors import InputError
from weighbridge.estimate.costing import cost_of


def test_defaults_have_sources() -> None:
    found = DATA.cost("15T")
    run = found.run
    assert (run.tokens, run.tokens_per_step, run.gpus) == (15 * 10**12, 32 * 4096, 8)
    assert run.parameters == 8_030_261_248
    assert run.price_per_gpu_hour == 3.99
    assert "Lambda" in found.sources["price_per_gpu_hour"]
    assert run.mtbf_gpu_hours == pytest.approx(54 * 24 * 16_384 / 419)
    assert "table 5" in found.sources["mtbf_gpu_hours"]
    assert run.storage_bytes_per_second == pytest.approx(8 * 2e12 / 16_384)
    assert (run.pue, run.grid_kg_per_kwh, run.restart_seconds) == (1.0, 0.385, 600.0)
    assert set(found.sources) == {
        *("price_per_gpu_hour", "mean_watts", "pue", "grid_kg_per_kwh", "mtbf_gpu_hours"),
        *("storage_bytes_per_second", "restart_seconds"),
    }
    assert all(found.sources.values())


def test_what_is_given_goes_before_defaults() -> None:
    found = cost_of(DATA, 2e12, 2.0, pue="1.1", grid=0, mtbf="6000/node", storage="2TB/s", restart=5)
    run = found.run
    assert (run.price_per_gpu_hour, run.pue, run.grid_kg_per_kwh) == (2.0, 1.1, 0)
    assert (run.mtbf_gpu_hours, run.storage_bytes_per_second, run.restart_seconds) == (48_000, 2e12, 300)
    assert run.co2_kg == 0
    given = {name for name, source in found.sources.items() if source == "given"}
    assert given == set(found.sources) - {"mean_watts"}
    assert cost_of(DATA, "2T", mtbf="50000/gpu").run.mtbf_gpu_hours == 50_000
    assert cost_of(DATA, "2T", storage=5e9).run.storage_bytes_per_second == 5e9
    assert cost_of(DATA, "2T", storage="500 GB/s").run.storage_bytes_per_second == 5e11


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("tokens", "many", "tokens: got many; expected tokens such as 15T"),
        ("tokens", 0, "tokens: got 0; allowed is 1 to 1e\\+18 tokens"),
        ("tokens", -1, "tokens: got -1"),
        ("tokens", float("nan"), "tokens: got nan"),
        ("price", "0", "price: got 0; allowed is 0.001 to"),
        ("price", -2.5, "price: got -2.5"),
        ("price", "nan", "price: got nan"),
        ("price", float("inf"), "price: got inf; allowed"),
        ("pue", 0.9, "pue: got 0.9; allowed is 1 to 10 times the power of the GPUs"),
        ("grid", "-1", "grid: got -1; allowed is 0 to 10 kilograms"),
        ("mtbf", "0", "mtbf: got 0"),
        ("mtbf", "6000/rack", 'mtbf: got "6000/rack"; expected hours of a GPU'),
        ("storage", "2/3", 'storage: got "2/3"; expected bytes per second such as 2TB/s'),
        ("storage", "fast", "storage: got fast; expected bytes per second"),
        ("restart", [], "restart: got"),
    ],
)
def test_numbers_that_cannot_be(field: str, value: Any, message: str) -> None:
    asked: dict[str, Any] = {"tokens": "1T"} | {field: value}
    with pytest.raises(InputError, match=f"^{message}"):
        cost_of(DATA, **asked)
