"""What more users and longer contexts cost a deployment, as plain data and for tables."""

from __future__ import annotations

from dataclasses import replace

from typing_extensions import TypedDict  # pydantic reads typing's own only from Python 3.12 on

from weighbridge.estimate.compute import longest
from weighbridge.estimate.inference.deployment import MOST_USERS
from weighbridge.estimate.inference.inference import Inference
from weighbridge.estimate.inference.supported import untimed

SHORTEST, LONGEST = 256, 2**20
"""Positions of the shortest and the longest context whose cache is weighed, where nothing bounds it before."""

SEQUENCES = (1, 4, 16, 64, 256)
"""Numbers of sequences whose cache is weighed at each length."""


class ServingUsers(TypedDict):
    """So many sequences at once. Times are null where they are not estimated."""

    batch: int
    fits: bool | None
    total_per_gpu: int
    kv_cache: int
    ttft_seconds: float | None
    tpot_seconds: float | None
    tokens_per_second_per_user: float | None
    tokens_per_second_per_gpu: float | None


class ServingCache(TypedDict):
    """The cache of so many sequences, of a GPU."""

    sequences: int
    bytes: int


class ServingContext(TypedDict):
    """Sequences of so many tokens."""

    tokens: int
    kv_cache_bytes_per_sequence: int
    sequences: int | None
    kv_cache: list[ServingCache]


def users(inference: Inference) -> tuple[Inference, ...]:
    """The deployment with more and more users: doubling, up to the most that fit; the number asked about among them."""
    asked = inference.serving.batch
    most = max(min(inference.memory.max_batch or 1, MOST_USERS), asked)
    sizes = sorted({*doubling(inference.serving.data, most), asked, most})
    return tuple(replace(inference, serving=replace(inference.serving, batch=size)) for size in sizes)


def doubling(least: int, most: int) -> list[int]:
    """Numbers from one on, each twice the one before, below another."""
    found = [least]
    while 2 * found[-1] < most:
        found.append(2 * found[-1])
    return found


def users_as_data(inference: Inference) -> list[ServingUsers]:
    """What more users at once cost and give."""
    return [_users(one) for one in users(inference)]


def _users(one: Inference) -> ServingUsers:
    timed = not untimed(one)
    return {
        "batch": int(one.serving.batch),
        "fits": one.memory.fits,
        "total_per_gpu": int(one.memory.needed),
        "kv_cache": int(one.memory.cache_bytes),
        "ttft_seconds": one.ttft if timed else None,
        "tpot_seconds": one.tpot if timed else None,
        "tokens_per_second_per_user": one.per_user if timed else None,
        "tokens_per_second_per_gpu": one.per_gpu if timed else None,
    }


def contexts_as_data(inference: Inference) -> list[ServingContext]:
    """The cache of one sequence by its length, and how many of that length the engine has room for beside what passes
    of the load make.
    """
    memory, serving = inference.memory, inference.serving
    asked = int(serving.prompt + serving.output)
    most = min(longest(inference.model) or LONGEST, max(memory.longest_context or LONGEST, asked), LONGEST)
    found: list[ServingContext] = []
    for tokens in sorted({*doubling(min(SHORTEST, most), most), asked, most}):
        each = int(memory.cache_of(1, tokens))
        room = int(memory.room.sequences(each, serving.data)) if memory.room is not None and each else None
        several: list[ServingCache] = [
            {"sequences": count, "bytes": int(memory.cache_of(count, tokens))} for count in SEQUENCES
        ]
        found.append({"tokens": tokens, "kv_cache_bytes_per_sequence": each, "sequences": room, "kv_cache": several})
    return found
