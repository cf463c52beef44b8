"""What llama.cpp and ExLlama take beside weights and the cache."""

from __future__ import annotations

from weighbridge.estimate.inference.local.builds import Build
from weighbridge.estimate.inference.local.layers import Layers
from weighbridge.estimate.inference.passes import forward, prompts

FP32 = 4
"""Bytes: both compute between multiplies in fp32 (ggml), or keep scores and logits in it."""


def compute(layers: Layers, build: Build, context: int, chunk: int) -> int:
    """Bytes of the largest buffer that a pass needs: logits of a whole chunk, scores of a chunk over the whole context
    with their mask where attention is not one kernel, or what stands between a layer's operations.

    Source: ggml-org/llama.cpp, src/llama-context.cpp: graphs are reserved for a full chunk, every token of which has
    logits; ggml-alloc.c reuses what is read no more.
    """
    tokens = min(chunk, context)
    if build.copies_scores:
        return _exllama(layers, build, context)
    vocabulary, width = layers.words
    hidden = tokens * width * FP32
    logits = tokens * vocabulary * FP32 + hidden
    between = int(forward(layers.model, layers.serving, prompts(layers.serving, 1, tokens)).peak)
    between = between * FP32 * 8 // layers.serving.compute.bits
    if not build.scores:
        return max(logits, between)
    heads, _ = layers.heads
    scores = (heads + 1) * tokens * context * FP32 + 4 * hidden  # queries, keys, values and the residual beside them
    return max(logits, between, scores)


def _exllama(layers: Layers, build: Build, context: int) -> int:
    """Bytes of ExLlama's buffers: a whole prompt's scores before and after the softmax, the largest matrix in fp16, to
    which prompts are unpacked, and a prompt's activations between the matrices of a feed-forward network.

    Source: turboderp/exllama, model.py (ExLlamaAttention.forward; ExLlama.__init__: temp_state, temp_dq).
    """
    heads, _ = layers.heads
    scores = build.copies_scores * heads * context * context * 2
    elements, side = layers.widest
    return scores + 2 * elements + 2 * context * side
