"""The language model of Qwen3.5-MoE: Qwen3.5's mixers, and experts with a gated shared one in every layer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from weighbridge.models.config import Layers, Size, Size0
from weighbridge.models.qwen3_5_text import PredictingConfig
from weighbridge.nn import CausalLM, MixtureOfExperts
from weighbridge.nn.choice import Choice
from weighbridge.nn.problems import Problem, at_most


@dataclass(frozen=True, kw_only=True)
class Config(PredictingConfig):
    """Defaults as ``transformers`` has them.

    Attributes:
        intermediate_size: not read, as no layer is dense.
        num_experts: routed experts.
        num_experts_per_tok: routed experts that a token goes to.
        moe_intermediate_size: width inside a routed expert.
        shared_expert_intermediate_size: width inside the shared expert.
    """

    family: ClassVar[str] = "Qwen3.5-MoE text"

    hidden_size: Size = 2048
    intermediate_size: Size0 | None = None  # type: ignore[assignment]
    num_hidden_layers: Layers = 40
    num_key_value_heads: Size = 2
    num_experts: Size = 256
    num_experts_per_tok: Size = 8
    moe_intermediate_size: Size = 512
    shared_expert_intermediate_size: Size = 512

    def problems(self) -> Iterator[Problem]:
        yield from super().problems()
        yield from at_most(self, "num_experts_per_tok", "num_experts")

    def experts(self) -> MixtureOfExperts:
        """The mixture of a layer."""
        return MixtureOfExperts(
            self.hidden_size,
            self.moe_intermediate_size,
            self.num_experts,
            self.num_experts_per_tok,
            self.shared_expert_intermediate_size,
            shared_gate=True,
            scoring=Choice(narrow=True),
        )


def build(config: Config) -> CausalLM:
    """Every layer has the same mixture of experts."""
    return config.model(config.experts)
