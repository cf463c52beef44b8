"""Low-rank adapters of embeddings: a frozen table beside two small ones that are trained."""

from __future__ import annotations

from typing import ClassVar

from weighbridge.arithmetic import Count
from weighbridge.nn import ops
from weighbridge.nn.embedding import Embedding
from weighbridge.nn.lora import converted, scaled
from weighbridge.tape import STREAM, Axis, Tensor, Weight, renamed
from weighbridge.units import DataType


class LoraEmbedding(Embedding):
    """Rows of a frozen table, and ``s B`` times those of a trained one of ``rank`` columns (PEFT, tuners/lora/layer.py,
    Embedding: ``lora_embedding_A`` (rank, rows), ``lora_embedding_B`` (hidden, rank)).

    Attributes:
        rank: columns of both.
        dtype: data type of the adapter; that of the other weights if ``None``.
        base: the frozen embedding.
    """

    source: ClassVar[str] = "Hu et al. 2021, section 4.1"

    rank: Count = 8
    dtype: DataType | None = None
    base: Embedding | None = None

    def build(self) -> None:
        assert self.base is not None
        self.weight = self.base.weight
        rank, hidden = Axis("rank", self.rank), Axis("hidden", self.hidden_size)
        self.lora_a = Weight((rank, Axis(self.axis, self.rows)), role="adapter", dtype=self.dtype)
        self.lora_b = Weight((hidden, rank), role="adapter", dtype=self.dtype)

    def _adopt(self, name: str, value: object, again: bool) -> None:
        """The frozen embedding is no child: its table stands here."""

    def forward(self, tokens: Tensor) -> Tensor:
        assert self.base is not None
        tape, base = tokens.tape, self.base.forward(tokens)
        rank, hidden = Axis("rank", self.rank), Axis("hidden", self.hidden_size)
        middle = tape.tensor("adapter's rows", *renamed(tokens.axes, STREAM), rank, dtype=self.dtype)
        tape.record("lookup", (tokens, self.lora_a), (middle,), (tokens,))
        low = scaled(ops.matmul(middle, rank, hidden, (self.lora_b,)))
        made = tape.tensor("adapted", *base.axes, dtype=low.dtype)
        tape.record("add", (base, low), (made,), shares_gradient=(base, low))
        return converted(made, base.dtype)
