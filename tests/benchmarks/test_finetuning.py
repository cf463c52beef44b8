"""Rows of fine-tunings: what the package is asked for each."""

from __future__ import annotations

import pytest

from benchmarks import finetuning, requests
from benchmarks.rows import TIME, Row, read
from weighbridge.models.tuning import trained

ROWS = {row["id"]: row for source in ("litgpt", "torchtune", "qwen1") for row in read()[source]}
ASKED = [row for row in ROWS.values() if finetuning.known(row) and not requests.left_open(row)]


def test_runs_are_asked_where_the_recipe_is_known() -> None:
    assert sum(row["counter"] in TIME for row in ASKED) == 81 + 9
    assert len(ASKED) == 178 + 81 + 9
    assert not any(row["tuning"]["method"] == "adapter" for row in ASKED)


def counted(row: Row) -> int:
    return int(sum(trained(requests.request(row).model.tree)))


SAID = [row for row in ASKED if "trainable" in row["tuning"] and row["model"] != "falcon-40b"]
"""All but those of a model of whose fused projection litgpt has a part as a target."""


@pytest.mark.parametrize("row", SAID, ids=lambda row: row["id"])
def test_as_much_is_trained_as_the_source_says(row: Row) -> None:
    assert counted(row) == row["tuning"]["trainable"]


def test_recipes() -> None:
    one = requests.request(ROWS["litgpt/88/max_allocated"]).plan
    assert (one.zero.stage, one.zero.accumulates_whole, one.micro_batches) == (3, True, 64)
    qlora = requests.request(ROWS["qwen1/12/device"])
    assert (qlora.plan.zero.stage, qlora.plan.precision.compute.name) == (2, "fp16")
    assert qlora.model.tuning is not None
    assert qlora.model.tuning.storage is not None
    full = requests.request(ROWS["torchtune/11/max_active"])
    assert full.model.tuning is None
    assert full.plan.framework.name == "torchtune-compiled"
    assert requests.request(ROWS["torchtune/9/max_active"]).plan.kernels.loss == "eager"
