"""MiMo 7B: Qwen2's block, and multi-token prediction layers of the same kind. Its code came with its weights
(modeling_mimo.py), not with ``transformers``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from weighbridge.models import qwen2
from weighbridge.models.config import Size0
from weighbridge.nn import CausalLM


@dataclass(frozen=True, kw_only=True)
class Config(qwen2.Config):
    """Defaults of Qwen2, which MiMo's configuration extends."""

    family: ClassVar[str] = "MiMo"

    num_nextn_predict_layers: Size0 | None = 0


def build(config: Config) -> CausalLM:
    """Qwen2's layers, then the prediction layers, which take themselves for the first."""
    layer = qwen2.layer(config, config.pattern()[0])
    return replace(qwen2.build(config), prediction=config.prediction(config.num_nextn_predict_layers, layer))
