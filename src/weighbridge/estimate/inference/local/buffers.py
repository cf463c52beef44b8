"""What llama.cpp and ExLlama take beside weights and the cache."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from weighbridge.arithmetic import maximum
from weighbridge.estimate.explainable import Explainable
from weighbridge.estimate.inference.local.builds import Build
from weighbridge.estimate.inference.local.layers import Layers
from weighbridge.estimate.inference.passes import forward, prompts
from weighbridge.traced import Label, named

FP32 = 4
"""Bytes: both compute between multiplies in fp32 (ggml), or keep scores and logits in it."""


@dataclass(frozen=True)
class Buffers(Explainable):
    """The largest of what a pass of llama.cpp needs at once.

    Source: ggml-org/llama.cpp, src/llama-context.cpp: graphs are reserved for a full chunk, every token of which has
    logits; ggml-alloc.c reuses what is read no more.

    Attributes:
        tokens: of a chunk.
        vocabulary: entries.
        width: elements of a token's activations between layers.
        between: bytes of what stands between a layer's operations.
        context: positions of the cache.
        heads: of queries, whose scores are kept; ``None`` where attention is one kernel.
    """

    figures: ClassVar[tuple[str, ...]] = ("bytes",)

    tokens: int
    vocabulary: int
    width: int
    between: int
    context: int
    heads: int | None = None

    @property
    def bytes(self) -> int:
        """Of the largest."""
        most = maximum(self.logits, self.between)
        scores = self.scores
        return named(most if scores is None else maximum(most, scores), Label("buffers", "bytes", "of a chunk"))

    @property
    def logits(self) -> int:
        """Bytes of logits of a whole chunk, beside what they are made from."""
        whole = self.tokens * self.vocabulary * FP32 + self.tokens * self.width * FP32
        return named(whole, Label("logits", "bytes", "of every token of a chunk, in fp32"))

    @property
    def scores(self) -> int | None:
        """Bytes of scores of a chunk over the whole context with their mask; ``None`` where they are not kept."""
        if self.heads is None:
            return None
        hidden = self.tokens * self.width * FP32  # queries, keys, values and the residual beside them
        return named((self.heads + 1) * self.tokens * self.context * FP32 + 4 * hidden, Label("scores", "bytes"))

    def symbol_of(self, field: str) -> str:
        """What formulas call a field."""
        known = {"tokens": "chunk", "vocabulary": "vocab_size", "width": "hidden_size", "heads": "num_attention_heads"}
        return {**known, "between": "between_operations"}.get(field, field)


@dataclass(frozen=True)
class Copies(Explainable):
    """ExLlama's buffers: a whole prompt's scores before and after the softmax, the largest matrix in fp16, to which
    prompts are unpacked, and a prompt's activations between the matrices of a feed-forward network.

    Source: turboderp/exllama, model.py (ExLlamaAttention.forward; ExLlama.__init__: temp_state, temp_dq).

    Attributes:
        copies: of scores that stand at once.
        heads: of queries.
        context: positions of the cache.
        elements: of the largest matrix.
        side: its longer one.
    """

    figures: ClassVar[tuple[str, ...]] = ("bytes",)

    copies: int
    heads: int
    context: int
    elements: int
    side: int

    @property
    def bytes(self) -> int:
        """Of all."""
        scores = self.copies * self.heads * self.context * self.context * 2
        return named(scores + 2 * self.elements + 2 * self.context * self.side, Label("buffers", "bytes"))


def compute(layers: Layers, build: Build, context: int, chunk: int) -> Buffers | Copies:
    """The buffers that a pass needs, in what they are made of."""
    tokens = min(chunk, context)
    heads, _ = layers.heads
    if build.copies_scores:
        return Copies(build.copies_scores, heads, context, *layers.widest)
    between = int(forward(layers.model, layers.serving, prompts(layers.serving, 1, tokens)).peak)
    between = between * FP32 * 8 // layers.serving.compute.bits
    return Buffers(tokens, *layers.words, between, context, heads if build.scores else None)
