"""What a multimodal model has beside its language model: a tower that makes hidden states of images or sound."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from weighbridge.nn.module import Module
from weighbridge.tape import Tensor
from weighbridge.tree import Kind, Node


class Tower(Module):
    """Base of vision (and audio) towers together with the projector that ends in the language model's width. Whatever a
    tower is made of counts as "vision"; a text token meets none of it, so that text alone runs none of it.
    """

    kind = Kind.VISION
    note: ClassVar[str] = "images become tokens; a text token meets none of it"

    def node(self, name: str = "model", inherited: Kind = Kind.OTHER, seen: set[int] | None = None) -> Node:
        return replace(_as_vision(super().node(name, inherited, seen)), active=0)


def _as_vision(node: Node) -> Node:
    """A tree of which every part is for vision."""
    return replace(node, kind=Kind.VISION, children=tuple(_as_vision(child) for child in node.children))


class MultimodalEmbedding(Module):
    """Where tokens of text and of images become hidden states: the table of tokens, and a tower.

    Attributes:
        token: the table of text tokens.
        tower: what makes hidden states of images.
    """

    token: Module
    tower: Tower

    def forward(self, tokens: Tensor) -> Tensor:
        return self.token(tokens)
