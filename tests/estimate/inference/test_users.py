"""What users of a deployment see: bounds, the inputs of a load, what ranks add and what the host does."""

from __future__ import annotations

from typing import Any

import pytest

from weighbridge.errors import InputError
from weighbridge.estimate.inference.inference import Inference, infer
from weighbridge.estimate.inference.users import SERVER, TOKENISING
from weighbridge.parallel.engine import ENGINES


def served(model: str = "llama-3.1-8b", cluster: str = "1xH100", **fields: Any) -> Inference:
    return infer(model, cluster=cluster, **{"prompt": 1024, "output": 256, "batch": 1, **fields})


@pytest.mark.parametrize("engine", ["vllm", "sglang", "trtllm"])
def test_one_user_waits_for_nobody(engine: str) -> None:
    one = served(engine=ENGINES[engine], rounds=1)
    assert one.tpot == pytest.approx(one.decode.seconds, rel=0.02)
    assert one.ttft == pytest.approx(one.prefill.seconds + SERVER + TOKENISING * 1024, rel=0.02)
    assert one.end_to_end == pytest.approx(one.ttft + 255 * one.tpot)


def test_more_users_wait_longer_and_get_more_together() -> None:
    few, many = served(batch=4), served(batch=64)
    assert few.ttft < many.ttft
    assert few.tpot < many.tpot
    assert few.output_per_second < many.output_per_second


def test_found_prompts_and_right_guesses_save_time() -> None:
    plain = served(batch=32)
    assert served(batch=32, cached_prompt=0.9).ttft < plain.ttft
    assert served(batch=32, drafted=1, accepted=0.9).tpot < plain.tpot
    assert served(batch=32, drafted=1, accepted=0.0).tpot >= plain.tpot


def test_norms_over_all_heads_are_summed_over_ranks() -> None:
    names = [span.name for span in served("minimax-m2", "8xH200", tensor=8).decode.spans]
    alone = [span.name for span in served("minimax-m2", "8xH200").decode.spans]
    assert "all-reduce" not in alone
    assert names.count("all-reduce") >= 4


def test_passes_of_prompts_wait_for_the_host_where_they_are_short() -> None:
    run = served("qwen3-0.6b", prompt=32).prefill
    assert run.seconds == pytest.approx(run.host_seconds)
    assert served("qwen3-0.6b", prompt=32).decode.host_seconds == 0


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"shortest": 0.0}, "shortest"),
        ({"shortest": 1.5}, "shortest"),
        ({"rounds": 0}, "rounds"),
        ({"poll": 0}, "poll"),
        ({"slots": 0}, "slots"),
        ({"drafted": -1}, "drafted"),
        ({"drafted": 1, "accepted": 2.0}, "accepted"),
    ],
)
def test_loads_that_cannot_be(fields: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        served(**fields)


def test_chosen_keys_cost_more_than_a_window_of_as_many() -> None:
    """Queries that choose their own keys share none, so that their tiles are filled by heads alone."""
    short, long = (served("glm-5", "8xB200", tensor=8, prompt=prompt).prefill for prompt in (2048, 8192))
    share = [run.attention / run.device_seconds for run in (short, long)]
    assert share[0] < 0.1 < share[1]
