"""Which layers stand on which pipeline stage."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from weighbridge.nn.problems import Problem


@dataclass(frozen=True, slots=True)
class Chunk:
    """A stretch of the model that one virtual stage runs.

    Attributes:
        layers: decoder layers.
        embedding: it begins with the embedding.
        prediction: multi-token prediction layers after its decoder layers.
        loss: it ends with the final norm, the head and the loss.
    """

    layers: int
    embedding: bool = False
    prediction: int = 0
    loss: bool = False


Layout = tuple[Chunk, ...]
"""Every virtual stage, in model order."""


def even(layers: int, parts: int, prediction: int = 0, counts_embedding: int = 0, counts_loss: int = 0) -> Layout:
    """Layers spread evenly over virtual stages; where they do not divide, earlier stages have one more.

    Args:
        layers: decoder layers.
        parts: virtual stages.
        prediction: multi-token prediction layers, which stand on the last.
        counts_embedding: layers of which the embedding takes the place.
        counts_loss: layers of which the head takes the place.
    """
    base, more = divmod(layers + counts_embedding + counts_loss, parts)
    shares = [base + (place < more) for place in range(parts)]
    shares[0] -= counts_embedding
    shares[-1] -= counts_loss
    return placed(shares, prediction)


def placed(shares: Sequence[int], prediction: int = 0) -> Layout:
    """Virtual stages of so many layers: the embedding on the first, prediction layers and the loss on the last."""
    end = len(shares) - 1
    return tuple(
        Chunk(share, place == 0, prediction if place == end else 0, place == end) for place, share in enumerate(shares)
    )


def problems(layout: Layout, layers: int, prediction: int, parts: int) -> Iterator[Problem]:
    """What a layout leaves out or has twice."""
    if len(layout) != parts:
        yield "layout", f"has {len(layout):,} virtual stages; pipeline x virtual stages are {parts:,}"
    placed = sum(chunk.layers for chunk in layout)
    if placed != layers:
        yield "layout", f"places {placed:,} layers; the model has {layers:,}"
    if any(chunk.layers < 0 for chunk in layout):
        yield "layout", "leaves a stage with fewer than no layers"
    predicted = sum(chunk.prediction for chunk in layout)
    if predicted != prediction:
        yield "layout", f"places {predicted:,} multi-token prediction layers; the model has {prediction:,}"
    if not layout or not layout[0].embedding or sum(chunk.embedding for chunk in layout) != 1:
        yield "layout", "must have the embedding on the first stage, and only there"
    if not layout or not layout[-1].loss or sum(chunk.loss for chunk in layout) != 1:
        yield "layout", "must have the loss on the last stage, and only there"


def stretches(runs: Sequence[tuple[int, int]], start: int, end: int) -> dict[int, int]:
    """How many layers of each kind stand between two positions.

    Args:
        runs: kinds of layers in model order with their lengths.
        start: the first position.
        end: the position after the last.
    """
    found: dict[int, int] = {}
    at = 0
    for kind, length in runs:
        inside = min(end, at + length) - max(start, at)
        if inside > 0:
            found[kind] = found.get(kind, 0) + inside
        at += length
    return found
