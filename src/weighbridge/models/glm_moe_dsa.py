"""GLM-5: DeepSeek-V3.2's block; layers may see what the indexer of an earlier one chose."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from weighbridge.models.config import Layers, Letters, Names, Size, Size0, check_pattern
from weighbridge.models.deepseek_v32 import CHOOSES, SHARES, SparseAttentionConfig
from weighbridge.models.deepseek_v32 import build as build
from weighbridge.nn.problems import Problem
from weighbridge.traced import plain

LETTERS = {"F": CHOOSES, "S": SHARES}


@dataclass(frozen=True, kw_only=True)
class Config(SparseAttentionConfig):
    """Defaults of GLM-5.

    Attributes:
        indexer_types: "full" for layers with an indexer, "shared" for those that see what the one before saw.
        index_topk_pattern: the same as letters, F and S, or as names.
        index_topk_freq: where neither is given, every so many layers one has an indexer ...
        index_skip_topk_offset: ... from this layer on; those before it all have one.
    """

    family: ClassVar[str] = "GLM-5"

    vocab_size: Size = 154880
    hidden_size: Size = 6144
    intermediate_size: Size = 12288
    num_hidden_layers: Layers = 78
    num_attention_heads: Size = 64
    q_lora_rank: Size = 2048
    v_head_dim: Size = 256
    qk_nope_head_dim: Size = 192
    index_n_heads: Size = 32
    indexer_types: Names | None = None
    index_topk_pattern: Letters | Names | None = None
    index_topk_freq: Size0 = 1
    index_skip_topk_offset: Size0 = 2

    def problems(self) -> Iterator[Problem]:
        yield from super().problems()
        for field, allowed in (
            ("indexer_types", (CHOOSES, SHARES)),
            ("index_topk_pattern", (*LETTERS, CHOOSES, SHARES)),
        ):
            given = getattr(self, field)
            if given is not None:
                yield from check_pattern(field, given, allowed, self.num_hidden_layers)
                if LETTERS.get(given[0], given[0]) == SHARES:
                    yield field, f"the first layer is {SHARES}, but there is no indexer before it"

    def choices(self) -> list[str]:
        given = self.index_topk_pattern if self.indexer_types is None else self.indexer_types
        if given is not None:
            return [LETTERS.get(name, name) for name in given]
        step, first = max(plain(self.index_topk_freq), 1), plain(self.index_skip_topk_offset)
        return [SHARES if max(i - first + 1, 0) % step else CHOOSES for i in range(plain(self.num_hidden_layers))]
