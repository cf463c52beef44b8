"""What stands outside the ledger, explained: the same numbers as the estimate's."""

from __future__ import annotations

from typing import Any

import pytest

import weighbridge as wb
from weighbridge.estimate.memory.ledger import Line
from weighbridge.estimate.memory.reasons import context, reserved
from weighbridge.parallel.plan import Plan
from weighbridge.report.explanation import as_text
from weighbridge.traced import Traced, plain

PLANS: list[tuple[str, Plan, str | None]] = [
    ("gpt2", Plan.under(gpus=8, tensor=2, sequence=1024), "8xH100"),
    ("gpt2", Plan.under("hf-sdpa", gpus=1, sequence=1024), "1xA100"),
    ("llama-3.1-8b", Plan.under("torchtitan", gpus=16, sequence=8192), "2x8xH100"),
    ("mixtral-8x7b", Plan.under(gpus=16, pipeline=2, expert=8, precision="fp8-delayed"), "16xH100"),
    ("gpt2", Plan.under("hf-sdpa", gpus=8, zero=3, sequence=512), "8xH100"),
    ("gpt2", Plan.under(gpus=2, sequence=512), None),
]


@pytest.mark.parametrize(("model", "plan", "cluster"), PLANS)
def test_reserved_and_context_explain_what_is_estimated(model: str, plan: Plan, cluster: str | None) -> None:
    for stage in wb.train(model, plan, cluster).stages:
        assert plain(reserved(stage)) == plain(stage.peak_reserved)
        assert plain(context(stage)) == plain(stage.outside)
        for figure in (reserved(stage), context(stage)):
            assert figure.label is not None
            assert as_text(figure)


def explained(line: Line, *asked: Any) -> str:
    figure = wb.train(*asked).worst.explained(line)
    assert isinstance(figure, Traced)
    return as_text(figure)


def test_every_part_of_workspaces_has_its_name() -> None:
    text = explained(Line.WORKSPACE, "mixtral-8x7b", PLANS[3][1], "16xH100")
    for part in (
        "library_workspaces = 2 * cublas_workspace + 5 * transformer_engine_workspace",
        "= 2 * 33,554,432 + 5 * 33,555,456",
        "dummy_gradients = dummy_gradient_1 + dummy_gradient_2",
        "28,672 x 4,096",
        "low_precision_weights = ",
        "in fp8, by rows and by columns",
    ):
        assert part in text
    plain_one = explained(Line.WORKSPACE, "gpt2", Plan.under("hf-sdpa", sequence=128), "1xH100")
    assert "2 * cublas_workspace" in plain_one


def test_parts_of_communication_have_their_names() -> None:
    plan = Plan.under(gpus=8, tensor=2, pipeline=2, sequence_parallel=True, sequence=1024)
    text = explained(Line.COMMUNICATION, "gpt2", plan, "8xH100")
    assert "global_memory_buffer" in text
    assert "last_input" in text


def test_the_context_names_its_communicators() -> None:
    text = as_text(context(wb.train("mixtral-8x7b", PLANS[3][1], "16xH100").worst))
    for name in ("cuda_context", "nccl_data", "nccl_pipeline", "nccl_all_ranks", "nccl_experts"):
        assert name in text
    assert "24 * (10,485,760 + 2,097,152)" in text


def test_later_steps_that_reserve_more_are_said() -> None:
    stage = wb.train("gpt2", PLANS[1][1], "1xA100").worst
    text = as_text(reserved(stage))
    assert f"{plain(stage.peak_reserved):,} bytes" in text
