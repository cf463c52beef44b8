"""The report of a deployment: one order, sums that hold, words that say which way it went."""

from __future__ import annotations

import itertools

import pytest

from weighbridge.estimate.inference.deployment import deploy
from weighbridge.parallel.engine import ENGINES
from weighbridge.report.chart import LOOKS
from weighbridge.report.inference import document, headline, ledger, parts
from weighbridge.report.inference_schema import deployment as as_data
from weighbridge.report.inference_speed import money, rate, watt_hours
from weighbridge.report.inference_tables import by_format, of_pass, passes
from weighbridge.report.serving_curves import SEQUENCES, contexts_as_data
from weighbridge.report.text import rendered

ORDER = ("weights", "activations", "kv_cache", "logits_and_loss", "allocator", "context")


def test_memory_has_one_order_and_one_look() -> None:
    keys = [key for key in LOOKS if key in ORDER]
    assert tuple(keys) == ORDER
    assert tuple(parts(deploy("gpt2", "H100", batch=1).inference)) == ORDER
    marks = [look.mark for look in LOOKS.values()]
    colours = [look.colour for look in LOOKS.values()]
    assert len(set(marks)) == len(marks)
    assert len(set(colours)) == len(colours)


@pytest.mark.parametrize("engine", ["vllm", "transformers"])
def test_the_bar_is_what_the_device_shows(engine: str) -> None:
    inference = deploy("llama-3.1-8b", "H100", batch=8, engine=ENGINES[engine]).inference
    shown = sum(parts(inference).values())
    memory = inference.memory
    assert shown == (memory.capacity if engine == "vllm" else memory.needed)


def test_what_fits_and_what_does_not() -> None:
    assert headline(deploy("llama-3.1-8b", "H100", batch=8).inference).startswith("Fits: ")
    text = headline(deploy("llama-3.1-70b", "H100", quantisation="bf16").inference)
    assert text.startswith("Does not fit: ")
    assert text.endswith("too many")


def test_the_ledger_names_every_part_once() -> None:
    rows = [row.cells for row in ledger(deploy("llama-3.1-8b", "H100", batch=8).inference).rows]
    names = [cells[0].lstrip("#*o~-@. ") for cells in rows]
    held = ["weights", "activations", "KV cache", "context, libraries"]
    assert names == [*held, "needed", "reserved, unused", "in use", "free"]
    assert sum(int(cells[3].replace(",", "")) for cells in rows[:4]) == int(rows[4][3].replace(",", ""))


def test_formats_and_parts_add_up() -> None:
    inference = deploy("gpt-oss-20b", "H100", batch=8, quantisation="mxfp4").inference
    assert sum(by_format(inference).values()) == inference.weights.bytes
    assert any(name.startswith("mxfp4") for _, name in by_format(inference))
    for run in (inference.prefill, inference.decode):
        assert sum(itertools.chain(*(part.values() for part in of_pass(run).values()))) == pytest.approx(run.seconds)
    assert passes(inference).rows[-1].cells[0] == "a pass"


def test_a_model_without_a_growing_cache_is_said_to_be_one() -> None:
    text = rendered(document(deploy("mamba-130m", "H100", batch=4)))
    assert "KV cache  of one size, however long" in text
    assert "one alone may be of any length" in text


@pytest.mark.parametrize(
    ("value", "text"), [(0.00001, "0.000010"), (0.0244, "0.0244"), (0.5, "0.5"), (1.234, "1.23"), (1234.5, "1,234")]
)
def test_money(value: float, text: str) -> None:
    assert money(value) == text


def test_rates_and_energy() -> None:
    assert (rate(5.153), rate(1234.6)) == ("5.15", "1,235")
    assert (watt_hours(3600 * 4.15), watt_hours(3600 * 1710)) == ("4.15 Wh", "1.71 kWh")


@pytest.mark.parametrize("engine", ["vllm", "transformers"])
def test_the_json_has_what_the_bar_shows(engine: str) -> None:
    found = deploy("llama-3.1-8b", "H100", batch=8, engine=ENGINES[engine])
    data, shown = as_data(found, advised=False), parts(found.inference)
    memory = data["memory"]
    assert memory["activations_without_logits"] == shown["activations"]
    assert memory["reserved"] == shown["allocator"]
    assert (memory["reserved"] > 0) == (engine == "vllm")
    assert memory["engine_takes"] is not None
    assert memory["free"] == memory["engine_takes"] - memory["total_per_gpu"]
    assert memory["pool"] == memory["free"] + memory["kv_cache"]
    assert sum(data["weights_by_format"].values()) == memory["weights"]


def test_what_does_not_fit_lacks_room_and_takes_no_more() -> None:
    memory = as_data(deploy("llama-3.1-70b", "H100", quantisation="bf16", batch=1), advised=False)["memory"]
    assert memory["free"] is not None
    assert memory["free"] < 0
    assert memory["reserved"] == 0


def test_caches_of_several_sequences_are_weighed() -> None:
    inference = deploy("llama-3.1-8b", "H100", batch=8).inference
    for one in contexts_as_data(inference):
        assert [held["sequences"] for held in one["kv_cache"]] == list(SEQUENCES)
        for held in one["kv_cache"]:
            assert held["bytes"] == inference.memory.cache_of(held["sequences"], one["tokens"])
        assert one["kv_cache"][0]["bytes"] == one["kv_cache_bytes_per_sequence"]
