"""How a framework carries out each operation: one choice per kind. Modules state their variants side by side.

A choice says how an operation is carried out, and with it what stays for the backward pass. Nothing else in the package
asks which framework runs.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Norm(StrEnum):
    """How a normalisation runs."""

    FUSED = "fused"
    """One kernel that keeps its input and the statistics of each row in fp32 (Transformer Engine, Apex, PyTorch)."""
    EAGER = "eager"
    """Written out operation by operation in fp32 (transformers, LlamaRMSNorm)."""


class Attention(StrEnum):
    """How scores become outputs."""

    FLASH = "flash"
    """One kernel that keeps queries, keys, values, its output and one fp32 number per row of scores."""
    UNFUSED = "unfused"
    """Matrix multiplies around a fused softmax that keeps its output (Transformer Engine, Megatron-Core local)."""
    EAGER = "eager"
    """Matrix multiplies around a softmax in fp32, keys and values repeated for every query head (transformers)."""
    SDPA = "sdpa"
    """PyTorch's scaled_dot_product_attention, by its flash or memory-efficient kernel."""
    PLAIN = "plain"
    """Scores and output, nothing copied: what the operation needs by itself."""


class Pointwise(StrEnum):
    """How chains of pointwise operations run."""

    FUSED = "fused"
    """Activation, gate and bias in one kernel that keeps its inputs."""
    EAGER = "eager"
    """One operation at a time, each keeping what it needs."""


class Loss(StrEnum):
    """How the cross-entropy runs."""

    NONE = "none"
    """The pass ends with the logits."""
    VOCABULARY_PARALLEL = "vocabulary parallel"
    """Megatron-Core: fp32 probabilities of each rank's share of the vocabulary are kept."""
    IN_PLACE = "in place"
    """Transformer Engine: the gradient replaces the logits in their own memory."""
    EAGER = "eager"
    """PyTorch's cross_entropy on fp32 logits: keeps the logarithms of the probabilities."""


@dataclass(frozen=True, slots=True)
class Kernels:
    """One choice per operation.

    Attributes:
        title: the framework, for people.
        norm: normalisations.
        attention: softmax attention.
        pointwise: activations, gates, biases and dropout.
        loss: the cross-entropy.
        fused_rope: rotary positions in one kernel that keeps nothing of its input; else cosines and sines multiply.
        gathers_again: what tensor parallelism gathers before a projection is gathered again in the backward pass
            instead of kept (Megatron-Core, megatron/core/tensor_parallel/layers.py).
        fuses_projections: q, k and v are one projection, gate and up are one (Megatron-Core).
        hidden_dropout: dropout on residual branches and embeddings.
        attention_dropout: dropout on attention probabilities.
        padded_vocabulary: tables of the vocabulary are padded to a multiple of this, times the tensor parallel size.
    """

    title: str = "PyTorch"
    norm: Norm = Norm.FUSED
    attention: Attention = Attention.PLAIN
    pointwise: Pointwise = Pointwise.EAGER
    loss: Loss = Loss.NONE
    fused_rope: bool = True
    gathers_again: bool = False
    fuses_projections: bool = False
    hidden_dropout: bool = False
    attention_dropout: bool = False
    padded_vocabulary: int = 1

    @property
    def scores_again(self) -> bool:
        """Whether attention computes its scores again in the backward pass instead of keeping them."""
        return self.attention in (Attention.FLASH, Attention.SDPA)
