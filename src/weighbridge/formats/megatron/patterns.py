"""The small languages that stand in Megatron-LM's arguments: lists of layers, hybrid patterns, pipeline layouts."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from weighbridge.errors import InputError, given
from weighbridge.models.config import MOST_LAYERS
from weighbridge.parallel.layout import Chunk, Layout

LONGEST = 2_000
"""Characters of a pattern that is written in full."""

DEEPEST = 20
"""Parentheses inside each other."""

TOKEN = re.compile(r"\d+|[\[\](),+*]")

LAYERS = {"M": "mamba", "G": "gdn", "*": "attention", "D": "dsa", "+": "mla", "-": "mlp", "E": "moe"}
"""Letters of hybrid patterns (megatron/core/models/hybrid/hybrid_layer_allocation.py, Symbols)."""

STAGES = {"E": "embedding", "L": "loss", "t": "decoder", "m": "mtp"}
"""Letters of pipeline layouts (megatron/core/transformer/pipeline_parallel_layer_layout.py, parse_str_to_list)."""


def frequency(name: str, text: str) -> int | tuple[int, ...]:
    """``"2"``, or a list written as Python: ``([0]*3+[1]*12)`` (arguments.py, moe_freq_type).

    Args:
        name: the argument, for the error.
        text: its value.

    Raises:
        InputError: if it is neither.
    """
    if "[" in text:
        return _Lists(name, text).read()
    try:
        value = int(text)
    except ValueError:
        value = 0
    if not 1 <= value <= MOST_LAYERS:
        raise InputError(f"{name}: got {given(text)}; expected a whole number, or a list such as ([0]*3+[1]*12)")
    return value


class _Lists:
    """A parser of sums and multiples of lists of whole numbers; nothing else is evaluated."""

    def __init__(self, name: str, text: str) -> None:
        self.name, self.text = name, text
        words = TOKEN.findall(text[: LONGEST + 1])
        if len(text) > LONGEST or sum(map(len, words)) != len("".join(text.split())):
            raise self.wrong()
        self.words, self.at, self.depth = words, 0, 0

    def wrong(self) -> InputError:
        """What is said of anything that is no list."""
        return InputError(f"{self.name}: got {given(self.text)}; expected a list such as ([0]*3+[1]*12)")

    def read(self) -> tuple[int, ...]:
        """The whole text as a list."""
        value = self.sum()
        if self.at != len(self.words) or not isinstance(value, tuple):
            raise self.wrong()
        return value

    def next(self) -> str:
        """The word that stands here, and on to the next."""
        self.at += 1
        return self.words[self.at - 1] if self.at <= len(self.words) else ""

    def takes(self, word: str) -> bool:
        """Whether that word stands here; if so, it is read."""
        here = self.at < len(self.words) and self.words[self.at] == word
        self.at += here
        return here

    def sum(self) -> int | tuple[int, ...]:
        """Terms joined by plus."""
        value = self.multiple()
        while self.takes("+"):
            other = self.multiple()
            if isinstance(value, tuple) and isinstance(other, tuple):
                value = self.short(value + other)
            elif isinstance(value, int) and isinstance(other, int):
                value = value + other
            else:
                raise self.wrong()
        return value

    def multiple(self) -> int | tuple[int, ...]:
        """Factors joined by an asterisk."""
        value = self.item()
        while self.takes("*"):
            other = self.item()
            if isinstance(value, tuple) and isinstance(other, tuple):
                raise self.wrong()
            if isinstance(value, int) and isinstance(other, int):
                value = min(value * other, MOST_LAYERS + 1)
            else:
                many, times = (value, other) if isinstance(value, tuple) else (other, value)
                assert isinstance(many, tuple)
                assert isinstance(times, int)
                value = self.repeated(many, times)
        return value

    def repeated(self, items: tuple[int, ...], times: int) -> tuple[int, ...]:
        """A list so many times."""
        if len(items) * times > MOST_LAYERS:
            raise self.wrong()
        return items * times

    def short(self, items: tuple[int, ...]) -> tuple[int, ...]:
        """A list, if it is not longer than any model."""
        if len(items) > MOST_LAYERS:
            raise self.wrong()
        return items

    def item(self) -> int | tuple[int, ...]:
        """A number, a list, or something in parentheses."""
        word = self.next()
        if word.isdigit():
            return min(int(word[:9]), MOST_LAYERS + 1)
        if word == "[":
            return self.listed()
        self.depth += 1
        if word != "(" or self.depth > DEEPEST:
            raise self.wrong()
        value = self.sum()
        if not self.takes(")"):
            raise self.wrong()
        self.depth -= 1
        return value

    def listed(self) -> tuple[int, ...]:
        """The numbers up to the closing bracket."""
        items: list[int] = []
        while not self.takes("]"):
            word = self.next()
            if not word.isdigit():
                raise self.wrong()
            items.append(min(int(word[:9]), MOST_LAYERS + 1))
            if not self.takes(",") and self.words[self.at : self.at + 1] != ["]"]:
                raise self.wrong()
        return tuple(items)


@dataclass(frozen=True, slots=True)
class Hybrid:
    """A hybrid model's pattern.

    Attributes:
        stages: the kinds of layers of each segment between pipes.
        prediction: the kinds of layers of one multi-token prediction module.
        depths: how many such modules there are.
    """

    stages: tuple[tuple[str, ...], ...]
    prediction: tuple[str, ...] = ()
    depths: int = 0

    @property
    def layers(self) -> tuple[str, ...]:
        """The kind of each layer."""
        return tuple(kind for stage in self.stages for kind in stage)


def hybrid(text: str) -> Hybrid:
    """``M-M*|M-M*/MM``: layers by their letters, stages between pipes, prediction modules after slashes.

    Raises:
        InputError: for a letter that is none, or prediction modules that differ.
    """
    name = "--hybrid-layer-pattern"
    if len(text) > MOST_LAYERS:
        raise InputError(f"{name}: has {len(text):,} letters; allowed is at most {MOST_LAYERS:,}")
    main, *ahead = text.split("/")
    wrong = next((c for c in main.replace("|", "") + "".join(ahead) if c not in LAYERS), None)
    if wrong is not None or not main.replace("|", ""):
        raise InputError(f"{name}: got {given(text)}; allowed are the letters {' '.join(LAYERS)}, | and /")
    if len(set(ahead)) > 1:
        raise InputError(f"{name}: got {given(text)}; prediction modules after / must be equal")
    stages = tuple(tuple(LAYERS[c] for c in stage) for stage in main.split("|"))
    ahead = [pattern for pattern in ahead if pattern]
    return Hybrid(stages, tuple(LAYERS[c] for c in ahead[0]) if ahead else (), len(ahead))


def layout(text: str) -> Layout:
    """``Et*3|(tt|)*6tmL``: the layers of every virtual stage, in model order.

    Raises:
        InputError: for letters that are none, or a layout that does not end.
    """
    name = "--pipeline-model-parallel-layout"
    words = text.strip().replace(",", "")
    for pattern in (r"\(([^)]+)\)\*(\d+)", r"(.)\*(\d+)"):
        words = _unrolled(name, text, words, pattern)
    wrong = next((c for c in words if c not in STAGES and c != "|"), None)
    if wrong is not None or len(words) > MOST_LAYERS:
        raise InputError(f"{name}: got {given(text)}; allowed are the letters {' '.join(STAGES)}, | ( ) and *count")
    return tuple(_chunk(stage) for stage in words.split("|"))


def _unrolled(name: str, text: str, words: str, pattern: str) -> str:
    """A layout with its repetitions written out, if that is not longer than any model."""
    length = len(words)
    for found in re.finditer(pattern, words[:LONGEST]):
        length += len(found[1]) * min(int(found[2][:6]), MOST_LAYERS + 1)
    if len(words) > LONGEST or length > MOST_LAYERS:
        raise InputError(f"{name}: got {given(text)}; that is more layers than any model has")
    return re.sub(pattern, lambda found: found[1] * int(found[2]), words)


def _chunk(stage: Sequence[str]) -> Chunk:
    return Chunk(stage.count("t"), "E" in stage, stage.count("m"), "L" in stage)


def largest_batch(text: str) -> int:
    """The largest global batch of a schedule such as ``0:384 200B:768``.

    Raises:
        InputError: if it is none.
    """
    name = "--step-batch-size-schedule"
    sizes = [part.rpartition(":")[2] for part in re.split(r"[\s,]+", text.strip()[:LONGEST]) if part]
    if not sizes or not all(re.fullmatch(r"[1-9]\d{0,8}", size) for size in sizes):
        raise InputError(f'{name}: got {given(text)}; expected thresholds and sizes such as "0:384 200B:768"')
    return max(map(int, sizes))
