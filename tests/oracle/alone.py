"""Language models of which transformers has no class of their own: the whole model's, without its tower."""

from __future__ import annotations

from typing import Any

import transformers

SMALL_TOWER = {"hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1, "num_attention_heads": 1}
"""What is built to be taken away."""


class Alone:
    """Builds what is left of a multimodal model when its tower is taken away.

    Attributes:
        model_type: the whole model's.
        name: its class.
        tower: what is taken away from its inner model.
    """

    def __init__(self, model_type: str, name: str, *tower: str) -> None:
        self.model_type, self.name, self.tower = model_type, name, tower

    def _from_config(self, text: Any, **options: Any) -> Any:
        tied = getattr(text, "tie_word_embeddings", False)
        sections = {"text_config": text, "vision_config": SMALL_TOWER}
        whole = transformers.AutoConfig.for_model(self.model_type, **sections, tie_word_embeddings=tied)
        model = getattr(transformers, self.name)._from_config(whole, **options)
        for part in self.tower:
            delattr(model.model, part)
        return model
