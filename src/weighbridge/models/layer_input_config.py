"""Configurations of Gemma 3n and Gemma 4: layers with inputs of their own, the last of which share keys and values."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from weighbridge.models.config import PatternConfig, Size, Size0
from weighbridge.nn import CausalLM, Head, Module, Repeat
from weighbridge.nn.per_layer import PerLayerEmbedding, PerLayerInput
from weighbridge.nn.problems import Problem
from weighbridge.traced import plain


@dataclass(frozen=True, kw_only=True)
class LayerInputConfig(PatternConfig):
    """What both have.

    Attributes:
        num_kv_shared_layers: layers at the end that read the keys and values of the last layer before them that attends
            as they do.
        vocab_size_per_layer_input: rows of the table of layers' inputs.
        hidden_size_per_layer_input: elements of one layer's input of a token.
        final_logit_softcapping: the largest score of the vocabulary; ``None`` for no bound.
    """

    num_kv_shared_layers: Size0
    vocab_size_per_layer_input: Size = 262144
    hidden_size_per_layer_input: Size0 = 256
    final_logit_softcapping: float | None = None

    def problems(self) -> Iterator[Problem]:
        yield from super().problems()
        shared, layers = self.num_kv_shared_layers, self.num_hidden_layers
        pattern = self.pattern()
        missing = sorted(set(pattern) - set(pattern[: max(layers - shared, 0)]))
        if missing and len(pattern) == layers:
            text = (
                f"the last {shared:,} of num_hidden_layers = {layers:,} layers read the keys and values of earlier ones"
            )
            yield "num_kv_shared_layers", f"{text}, of which none is {' or '.join(missing)}"

    def shared(self) -> list[bool]:
        """Whether each layer reads another's keys and values."""
        layers = plain(self.num_hidden_layers)
        return [i >= layers - plain(self.num_kv_shared_layers) for i in range(layers)]

    def layer_embedding(self, replaces: bool = False) -> PerLayerEmbedding:
        """The tables of tokens, of which the second may be given others in place of those that it does not have."""
        return PerLayerEmbedding(
            self.vocab_size,
            self.hidden_size,
            self.num_hidden_layers,
            self.vocab_size_per_layer_input,
            self.hidden_size_per_layer_input,
            replaces,
        )

    def language_model(self, layers: tuple[Repeat, ...], embedding: Module, norm: Module) -> CausalLM:
        """The language model around the layers."""
        capped = self.final_logit_softcapping is not None
        head = Head(self.hidden_size, self.vocab_size, self.tie_word_embeddings, capped=capped)
        return replace(self.causal_lm(layers, embedding, norm), head=head)

    def layer_input(self) -> Module:
        """What a layer makes of its own input."""
        return PerLayerInput(self.hidden_size, self.num_hidden_layers, self.hidden_size_per_layer_input)
