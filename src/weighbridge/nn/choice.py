"""How a router's scores become weights of the chosen experts, where modules run as transformers writes them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from weighbridge.nn import ops
from weighbridge.nn.ops import MASK
from weighbridge.tape import Axis, Tensor
from weighbridge.units import FP32, INT32, INT64


@dataclass(frozen=True)
class Choice:
    """What a family's router does.

    Attributes:
        scores: what turns logits into scores: "softmax" or "sigmoid" of all experts, "softmax of chosen", "sparse
            mixer", or "root of softplus", which keeps them too.
        wide: scores are fp32; else of the logits' type.
        in_fp32: its input and its weight are cast to fp32.
        normalised: chosen scores are divided by their sum.
        narrow: weights are computed in fp32 and cast to the type of activations.
        bounded: that sum is held above a bound.
        limited: scores of experts outside the chosen groups are masked with a gradient (DeepSeek-V2).
    """

    scores: str = "softmax"
    wide: bool = True
    in_fp32: bool = False
    normalised: bool = True
    narrow: bool = False
    bounded: bool = False
    limited: bool = False

    def weights(self, logits: Tensor, places: Axis, grouped: bool = True) -> Tensor:
        """One weight per token and chosen expert; of experts that run in groups the ends of each are kept too."""
        tape = logits.tape
        chosen = tape.tensor("chosen experts", places, dtype=INT64)
        ends = [tape.tensor("ends of experts", logits.axes[-1], dtype=INT32)] if grouped else []
        if self.scores == "sparse mixer":
            return sparse_mixer(logits, places, ends)
        if self.scores == "softmax of chosen":
            weights = tape.tensor("weights", places, dtype=FP32 if self.narrow else logits.dtype)
            tape.record("top k", (logits,), (weights, chosen, *ends), (chosen, *ends, weights))
            return self.narrowed(weights)
        dtype = FP32 if self.wide else logits.dtype
        scores = tape.tensor("router probabilities", *logits.axes, dtype=dtype)
        kept = (logits, scores) if self.scores == "root of softplus" else (scores,)
        tape.record(self.scores, (logits,), (scores,), kept)
        if self.limited:
            mask, left = (
                tape.tensor("mask of groups", *logits.axes, dtype=MASK),
                tape.tensor("left", *logits.axes, dtype=FP32),
            )
            tape.record("mask", (scores,), (left, mask), (mask,))
            scores = left
        weights = tape.tensor("top probabilities", places, dtype=dtype)
        tape.record("top k", (scores,), (weights, chosen, *ends), (chosen, *ends))
        if self.normalised:
            weights = normalised(weights, logits, self.bounded)
        return self.narrowed(weights)

    def narrowed(self, weights: Tensor) -> Tensor:
        """Weights in the type that experts are given them in."""
        dtype = weights.tape.dtype
        return ops.cast(weights, "weights", dtype) if self.narrow and weights.dtype is not dtype else weights


def normalised(values: Tensor, logits: Tensor, bounded: bool) -> Tensor:
    """Values of each token divided by their sum: they, or a copy of them, are kept, and the sums; held above a bound,
    these are kept before and after.
    """
    tape = values.tape
    sums = tape.tensor("sums", *logits.axes[:-1], dtype=values.dtype)
    tape.record("sum", (values,), (sums,))
    if bounded:
        sums = ops.elementwise("bound", sums, keeps=(sums,))
    weights = tape.tensor("weights", *values.axes, dtype=values.dtype)
    tape.record("normalise", (values, sums), (weights,), (values, sums))
    return weights


def sparse_mixer(logits: Tensor, places: Axis, ends: Sequence[Tensor]) -> Tensor:
    """Two experts, one after the other, each with a softmax over those that come near to the best (transformers,
    models/phimoe/modeling_phimoe.py, sparsemixer).
    """
    tape, one = logits.tape, logits.axes[:-1]
    kept = [*ends]
    for name in ("first", "second"):
        kept.append(tape.tensor(f"mask of the {name}", *logits.axes, dtype=MASK))
        kept.append(tape.tensor(f"probabilities of the {name}", *logits.axes, dtype=logits.dtype))
        kept.append(tape.tensor(f"the {name} expert", *one, dtype=INT64))
        kept.append(tape.tensor(f"weight of the {name}", *one, dtype=logits.dtype))
    weights = tape.tensor("weights", places, dtype=logits.dtype)
    tape.record("sparse mixer", (logits,), (weights, *kept), tuple(kept))
    return weights
