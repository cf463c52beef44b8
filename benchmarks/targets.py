"""The targets of the project: what it promises of the rows of each source, and whether it holds."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from benchmarks.requests import left_open
from benchmarks.rows import TIME
from benchmarks.score import LARGE, Scored, counted, summary


@dataclass(frozen=True)
class Target:
    """What the project promises of some rows.

    Attributes:
        title: of which.
        choose: whether a row is one of them.
        median: percent that the median absolute error may be.
        p90: percent that nine in ten may be; ``None`` for no promise.
        own: every row is as close as its source's own estimate, instead.
    """

    title: str
    choose: Callable[[Scored], bool]
    median: float | None = None
    p90: float | None = None
    own: bool = False

    def rows(self, scored: Iterable[Scored]) -> list[Scored]:
        """The rows it is about."""
        return [each for each in counted(scored) if self.choose(each)]

    def verdict(self, scored: Iterable[Scored]) -> str:
        """Whether it is met."""
        chosen = self.rows(scored)
        found = summary(chosen)
        if found is None:
            return "no estimates yet"
        if self.own:
            met = all(self._as_close(each) for each in chosen if each.estimated is not None)
        else:
            assert self.median is not None
            met = found.median <= self.median and (self.p90 is None or found.p90 <= self.p90)
        missing = found.rows - found.n
        if met and missing:
            return f"met by those estimated; {missing} are not"
        return "met" if met else "not met"

    @staticmethod
    def _as_close(each: Scored) -> bool:
        """Whether an estimate is as close to the printed figure as the source's own: both rounded as it is printed."""
        step = each.row.get("rounded_to", 1)

        def off(value: float) -> int:
            return abs(round(value / step) - round(each.measured / step))

        assert each.estimated is not None
        return off(each.estimated) <= off(each.row["own_estimate"])


def _of(source: str, counter: str, above: int = 0) -> Callable[[Scored], bool]:
    def choose(each: Scored) -> bool:
        row = each.row
        return each.source == source and row["counter"] == counter and row["current"] and each.measured > above

    return choose


def _clocked(source: str) -> Callable[[Scored], bool]:
    def choose(each: Scored) -> bool:
        row = each.row
        timed = row["counter"] in TIME and row["counter"] != "layer_seconds"
        return each.source == source and timed and row["current"] and not left_open(row)

    return choose


def _waited(counter: str) -> Callable[[Scored], bool]:
    return lambda each: each.row["counter"] == counter and not left_open(each.row)


def _finetuned(each: Scored) -> bool:
    row = each.row
    return row["kind"] == "fine-tuning" and row["counter"] not in TIME and row["counter"] != "fits" and row["current"]


TARGETS = (
    Target("Megatron-LM, current: allocated", _of("megatron", "allocated"), 1, 4),
    Target("Megatron-LM, current: maximum allocated", _of("megatron", "max_allocated"), 3, 8),
    Target("the same above 8 GiB: allocated", _of("megatron", "allocated", LARGE), 0.5, 2),
    Target("the same above 8 GiB: maximum allocated", _of("megatron", "max_allocated", LARGE), 0.5, 2),
    Target("SimuMax: maximum allocated", _of("simumax", "max_allocated"), 1),
    Target("torchtitan: maximum reserved", _of("torchtitan", "max_reserved"), 5),
    Target("reference system C: maximum allocated", _of("system-c", "max_allocated"), own=True),
    Target("llama.cpp and ExLlama: tokens/s made", _of("local", "decode_tokens_per_second"), 12),
    Target("fine-tuning: memory", _finetuned, 8, 20),
    Target("SimuMax: step time", _clocked("simumax"), 6),
    Target("Korthikanti et al. 2022: step time", _clocked("papers"), 5),
    Target("engines that serve: each next token", _waited("tpot_seconds"), 10),
    Target("engines that serve: first token", _waited("ttft_seconds"), 30),
    *(
        Target(f"{title}: throughput", _clocked(source), 10, 25)
        for source, title in (
            ("bridge", "Megatron-Bridge, newest release"),
            ("nemo", "NeMo, newest release"),
            ("megatron-scaling", "Megatron-LM weak scaling"),
            ("torchtitan", "torchtitan"),
            ("torchao", "torchao in torchtitan"),
            ("llm-foundry", "LLM Foundry"),
            ("internevo", "InternEvo"),
            ("bigscience", "BigScience"),
            ("fms-fsdp", "IBM FSDP"),
        )
    ),
)
"""Of time, only rows with complete configurations count, each run once."""
