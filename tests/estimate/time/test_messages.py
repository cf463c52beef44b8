"""Messages between the ranks of a replica."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from weighbridge.estimate.time.step import StepTime
from weighbridge.estimate.time.work import Channel, Message
from weighbridge.estimate.training import train
from weighbridge.kernels import Exchange
from weighbridge.parallel.plan import Plan
from weighbridge.parallel.precision import Recipe


def messages(model: str, cluster: str, **plan: Any) -> list[tuple[Message, int]]:
    """All of a micro-batch, with how often they are sent."""
    framework = plan.pop("framework", "megatron")
    chosen = {"gpus": int(cluster.split("x")[0]), "sequence": 4096} | plan
    training = train(model, Plan.under(framework, **chosen), cluster)
    time = StepTime(training, training.cluster)  # type: ignore[arg-type]
    runs = [run for own in time.stages[0].passes for run in own.runs]
    return [(message, count) for doing, count in runs for message in doing.messages]


def sent(model: str, cluster: str, channel: Channel, **plan: Any) -> float:
    found = messages(model, cluster, **plan)
    return sum(message.seconds * count for message, count in found if message.channel is channel)


def test_one_rank_sends_nothing() -> None:
    assert not messages("llama-3.1-8b", "1xH100")


def test_split_sequences_are_gathered_and_scattered_around_each_half_of_a_layer() -> None:
    found = messages("llama-3.1-8b", "8xH100", tensor=8, sequence_parallel=True)
    layers = [count for message, count in found if message.channel is Channel.TENSOR and count == 32]
    assert len(layers) == 4 + 6  # backward, inputs are gathered again beside their gradients' multiplies
    summed = messages("llama-3.1-8b", "8xH100", tensor=8)
    assert len([count for message, count in summed if message.channel is Channel.TENSOR and count == 32]) == 4


def test_overlap_hides_messages() -> None:
    plain, hidden = (
        sum(
            message.exposed * count
            for message, count in messages(
                "llama-3.1-70b", "8xH100", tensor=8, sequence_parallel=True, overlaps_tensor=overlaps
            )
        )
        for overlaps in (False, True)
    )
    assert hidden < 0.6 * plain


def test_context_parallel_ranks_pass_keys_and_values_on() -> None:
    ring = sent("llama-3.1-8b", "8xH100", Channel.CONTEXT, context=8)
    assert ring > 0
    assert sent("llama-3.1-8b", "8xH100", Channel.CONTEXT, context=2) < ring


def test_a_flexible_dispatcher_sends_a_token_once_to_every_server() -> None:
    kernels = Plan.under().kernels
    seconds = {
        exchange: sent(
            "deepseek-v3",
            "64xH100",
            Channel.EXPERT,
            expert=64,
            kernels=replace(kernels, routing=replace(kernels.routing, exchange=exchange)),
        )
        for exchange in (Exchange.ALL_TO_ALL, Exchange.FLEX)
    }
    reached = 8 * (1 - (7 / 8) ** 8) / 8
    assert seconds[Exchange.FLEX] / seconds[Exchange.ALL_TO_ALL] == pytest.approx(reached, rel=0.1)


def test_sums_wait_where_nothing_runs_beside_them() -> None:
    """Megatron-LM before 2021-09 summed gradients of inputs before it computed those of weights."""

    def exposed(beside: bool) -> float:
        execution = replace(Plan.under().execution, sums_beside=beside)
        found = messages("llama-3.1-8b", "8xH100", tensor=8, execution=execution)
        return sum(message.exposed * count for message, count in found if message.channel is Channel.TENSOR)

    assert exposed(False) > 1.2 * exposed(True)


def test_what_one_scale_serves_is_cast_before_it_is_gathered() -> None:
    def seconds(recipe: Recipe | None) -> float:
        precision = replace(Plan.under("torchtitan").precision, recipe=recipe)
        split = {"tensor": 8, "sequence_parallel": True, "framework": "torchtitan"}
        return sent("llama-3.1-8b", "8xH100", Channel.TENSOR, precision=precision, **split)

    assert seconds(Recipe.TENSORWISE) < 0.85 * seconds(None)
    assert seconds(Recipe.ROWWISE) == seconds(None)


def test_pytorch_gathers_repeated_keys_and_returns_gradients_in_fp32() -> None:
    """Four query heads for each key head: four times the bytes, and twice that back around the ring."""

    def seconds(repeats: bool) -> float:
        chosen = replace(Plan.under("torchtitan").kernels, repeats_keys=repeats)
        return sent("llama-3.1-8b", "8xH100", Channel.CONTEXT, context=8, framework="torchtitan", kernels=chosen)

    assert seconds(True) > 3 * seconds(False)
