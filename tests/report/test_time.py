"""What a report says of time and cost, at every width of the window."""

from __future__ import annotations

import pytest

import weighbridge as wb
from tests.estimate.time.steps import DATA, EXPERTS, LONG, ONE, STEPS
from weighbridge.report import cost, time
from weighbridge.report.document import Document
from weighbridge.report.text import rendered
from weighbridge.report.training import View, document


def report(training: wb.Training, width: int = 100, tokens: str | None = None) -> str:
    view = View(width=width, cost=training.cost(tokens) if tokens else None)
    return rendered(document(training, view), width)


@pytest.mark.parametrize("width", [40, 80, 100])
@pytest.mark.parametrize("name", STEPS)
def test_no_line_is_longer_than_the_window(name: str, width: int) -> None:
    assert max(map(len, report(STEPS[name], width, "15T").splitlines())) <= width


@pytest.mark.parametrize("name", STEPS)
def test_every_rate_says_whether_it_is_the_models_or_the_hardwares(name: str) -> None:
    for line in report(STEPS[name], 120).splitlines():
        rates = line.count("TFLOP/s per GPU")
        assert rates == line.count("model ") * ("speed" in line) + line.count("hardware ") * ("HFU" in line)


def test_the_answer_has_time_rates_and_the_band() -> None:
    found = DATA.time
    assert found is not None
    text = report(DATA)
    assert f"time  {time.seconds(found.step_seconds)} a step " in text
    assert f"{found.tokens_per_second_per_gpu:,.0f} tokens/s per GPU" in text
    assert f"model {found.model_tflops_per_gpu:,.0f} TFLOP/s per GPU (MFU {100 * found.mfu:.1f} %)" in text
    assert "measured step times of this kind fell within" in " ".join(text.split())
    assert "kernels: measured on NVIDIA H100" in text
    assert "messages: measured on NVIDIA H100" in " ".join(text.split())


def test_rows_of_the_breakdown_add_up() -> None:
    for training in STEPS.values():
        assert training.time is not None
        rows = time.breakdown(training.time).rows
        above = [row for row in rows if not row.cells[0].startswith("  ")]
        assert above[-1].cells[0] == "a step"
        shares = [float(row.cells[2].split()[0]) for row in above[:-1]]
        assert sum(shares) == pytest.approx(100, abs=0.06 * len(shares))


def test_equal_stages_share_a_row_and_many_kinds_are_cut() -> None:
    assert LONG.time is not None
    assert [row.cells[0] for row in time.stages(LONG.time).rows] == ["0", "1-2", "3"]
    assert "A micro-batch on each stage" not in report(ONE)


def test_a_step_that_does_not_fit_has_a_time_that_says_so() -> None:
    unfit = wb.train("llama-3.1-8b", wb.Plan.under(gpus=8, global_batch=64), "8xH100")
    text = report(unfit)
    assert " a step, if it fitted" in text
    assert "The quickest that fits, each by itself" in text
    assert "saves" not in text.partition("The quickest that fits")[2]


def test_without_a_cluster_nothing_is_said_of_time() -> None:
    text = report(wb.train("gpt2", wb.Plan.under(gpus=2, sequence=1024)))
    assert "tokens/s" not in text
    assert "a step" not in text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (5.6, "5.60 s"),
        (0.9996, "1.00 s"),
        (0.0861, "86.1 ms"),
        (3e-6, "3.00 us"),
        (1234.0, "1,234 s"),
        (0.9994, "999 ms"),
    ],
)
def test_durations_have_three_digits(value: float, text: str) -> None:
    assert time.seconds(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (86_400 * 112.6, "113 days"),
        (86_400 * 1200.0, "1,200 days"),
        (11_135.0, "3.09 h"),
        (750.0, "12.5 min"),
        (60, "60.0 s"),
    ],
)
def test_long_durations(value: float, text: str) -> None:
    assert cost.long(value) == text


def test_the_cost_says_what_it_rests_on() -> None:
    table = cost.table(EXPERTS.cost("2T", price=2.0, pue=1.1))
    rows = {row.cells[0].strip(): row.cells[1:] for row in table.rows}
    assert table.title == "What training on 2.00 T tokens takes"
    assert rows["price"][1] == "at $2.00 per GPU and hour: given"
    assert rows["energy"][1].endswith("PUE 1.1: given")
    assert "Llama 3 (2024), table 5" in rows["interruptions"][1]
    assert "MegaScale" in rows["to go on"][1]
    assert rows["checkpoint"][0] == "654 GB"
    assert rows["goodput"][0].endswith(" %")


def test_a_price_and_a_power_that_nobody_knows() -> None:
    dark = wb.train("gpt2", wb.Plan.under(gpus=8, sequence=1024), "8xA10G")
    text = rendered(Document("", "", (), (cost.table(dark.cost("1B")),)), 100)
    assert "no price of NVIDIA A10G" in text
    assert "no power of NVIDIA A10G" in text
    assert "$" not in text
