"""What users of a deployment see: the passes it runs, timed, in the order that its engine runs them."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from weighbridge.arithmetic import ceil_div
from weighbridge.estimate.inference.memory import MOST_SEQUENCES
from weighbridge.estimate.inference.queueing import Load, Queue, Waits
from weighbridge.traced import plain

if TYPE_CHECKING:
    from weighbridge.estimate.inference.inference import Inference

POINTS = (0.0, 0.25, 0.5, 1.0)
"""Shares of the most sequences, or tokens, at which passes are timed; between them time is taken to grow evenly."""


TOKENISING = 2.5e-6
"""Seconds that a server takes to split text into each token of a prompt (huggingface/tokenizers 0.22, byte-level BPE of
24,000 words, prompts of 1,024 and 8,192 random tokens, one core of a server)."""


SERVER = 10e-3
"""Seconds that a request's way to the engine and its first token's way back take. Source: the example of GenAI-Perf
(triton-inference-server/perf_analyzer, genai-perf/README.md): GPT-2 answers prompts of 550 tokens in 16.26 ms at 1.85
ms for each next token, less splitting the text, a prompt's pass of two such steps, and half a step's wait."""


def load_of(inference: Inference) -> Load:
    """What a deployment's users ask of all its attention ranks together."""
    serving = inference.serving
    engine, users = serving.engine, int(plain(serving.batch))
    ranks = int(plain(serving.data))
    most = None if serving.chunk_tokens is None else int(plain(serving.chunk_tokens))
    prompt = int(plain(serving.prompt))
    prompt = max(1, prompt - int(prompt * serving.cached_prompt))
    return Load(
        users,
        prompt,
        int(plain(serving.output)),
        serving.shortest,
        serving.rounds,
        ranks * (users * prompt if most is None else most),
        engine.splits,
        engine.mixes,
        serving.poll,
        slots(inference),
        serving.tokens_per_pass,
        engine.ahead,
        TOKENISING,
        SERVER,
    )


def slots(inference: Inference) -> int | None:
    """Sequences that run at a time at most: as many as the engine is told to, and as its cache has room for. A
    deployment that has no room for one is timed as if it had for all: whether it fits is said elsewhere.
    """
    serving, memory = inference.serving, inference.memory
    told = serving.slots
    if memory.pool is None:
        return told
    stands = serving.mean_output if serving.engine.reserves else serving.mean_output // 2
    one = int(plain(memory.cache_of(1, serving.mean_prompt + stands)))
    room = max(int(plain(memory.pool)), 0) // one if one else MOST_SEQUENCES
    if not room:
        return told
    room *= int(plain(serving.data))
    return room if told is None else min(told, room)


def waits(inference: Inference) -> Waits:
    """What they see."""
    load, ranks = load_of(inference), int(plain(inference.serving.data))

    @cache
    def decode_at(sequences: int) -> float:
        return inference.decoding(sequences).seconds

    @cache
    def attention_at(sequences: int) -> float:
        return inference.decoding(sequences).attention

    @cache
    def prefill_at(tokens: int) -> float:
        longest = int(plain(inference.serving.mean_prompt))
        if tokens <= longest:
            return inference.prefilling(1, tokens).seconds
        return (
            inference.prefilling(ceil_div(tokens, longest), longest).seconds
            * tokens
            / (ceil_div(tokens, longest) * longest)
        )

    sequences = _points(ceil_div(load.users, ranks))
    tokens = _points(ceil_div(min(load.budget, load.users * load.prompt), ranks))

    @cache
    def decode(running: int) -> float:
        return _between(running / ranks, sequences, decode_at)

    @cache
    def mixed(read: int, beside: int) -> float:
        alone = _between((read + beside) / ranks, tokens, prefill_at)
        return alone + (_between(beside / ranks, sequences, attention_at) if beside else 0.0)

    return Queue(load, decode, mixed).run()


def _points(most: int) -> list[int]:
    return sorted({max(1, round(share * most)) for share in POINTS})


def _between(value: float, points: list[int], at: object) -> float:
    """A function of whole numbers between points where it is known; below the first it is what it is there, above the
    last it grows as before.
    """
    assert callable(at)
    if value <= points[0] or len(points) == 1:
        return float(at(points[0]))
    upper = next((i for i, point in enumerate(points) if i and point >= value), len(points) - 1)
    low, high = points[upper - 1], points[upper]
    first, last = float(at(low)), float(at(high))
    return first + (last - first) * (value - low) / (high - low)
