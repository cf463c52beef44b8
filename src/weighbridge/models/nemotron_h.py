"""Nemotron-H and Nemotron 3: single-branch layers of Mamba 2, attention, MLP or experts, in a free pattern."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from weighbridge.models.config import (
    FULL,
    LINEAR,
    AttentionConfig,
    Layers,
    Letters,
    Names,
    Size,
    Size0,
    check_pattern,
    current_names,
)
from weighbridge.nn import (
    MLP,
    CausalLM,
    DecoderLayer,
    Mamba2,
    MixtureOfExperts,
    Module,
    MultiTokenPrediction,
    Repeat,
    stack,
)
from weighbridge.nn.problems import Problem, at_most, must_divide
from weighbridge.tape import Tensor
from weighbridge.traced import plain, same_kind

LETTERS = {"M": LINEAR, "*": FULL, "-": "mlp", "E": "moe"}


@dataclass(frozen=True, kw_only=True)
class Config(AttentionConfig):
    """Defaults as ``transformers`` has them.

    Attributes:
        layers_block_type: the kind of each layer; the number of layers is its length.
        hybrid_override_pattern: the same as letters, as published files have it: M Mamba 2, * attention, - MLP, E MoE.
        moe_latent_size: width on which routed experts work; the hidden size if ``None``.
    """

    family: ClassVar[str] = "Nemotron-H"
    aliases: ClassVar[dict[str, str]] = {
        "layer_types": "layers_block_type",
        "num_local_experts": "n_routed_experts",
        "mamba_n_groups": "n_groups",
        "mamba_d_conv": "conv_kernel",
        "mamba_conv_bias": "use_conv_bias",
        "mamba_chunk_size": "chunk_size",
    }
    derived: ClassVar[dict[str, str]] = {"num_hidden_layers": "hybrid_override_pattern"}
    choices: ClassVar[tuple[str, ...]] = (LINEAR, FULL, "mlp", "moe")

    vocab_size: Size = 131072
    hidden_size: Size = 4096
    intermediate_size: Size = 21504
    num_hidden_layers: Layers | None = None  # type: ignore[assignment]
    layers_block_type: Names | None = None
    hybrid_override_pattern: Letters | None = None
    num_attention_heads: Size = 32
    num_key_value_heads: Size | None = 8
    head_dim: Size | None = 128
    mlp_bias: bool = False
    use_bias: bool = False
    ssm_state_size: Size = 128
    mamba_num_heads: Size = 128
    mamba_head_dim: Size = 64
    n_groups: Size = 8
    conv_kernel: Size = 4
    use_conv_bias: bool = True
    chunk_size: Size = 128
    n_routed_experts: Size = 8
    num_experts_per_tok: Size = 2
    moe_intermediate_size: Size = 7688
    moe_shared_expert_intermediate_size: Size = 7688
    moe_latent_size: Size | None = None
    num_nextn_predict_layers: Size0 = 0
    mtp_layers_block_type: Names | None = None
    mtp_hybrid_override_pattern: Letters | None = None

    def problems(self) -> Iterator[Problem]:
        yield from super().problems()
        yield from must_divide(self, "mamba_num_heads", "n_groups")
        yield from at_most(self, "num_experts_per_tok", "n_routed_experts")
        yield from check_pattern("layers_block_type", self.layers_block_type or (), self.choices, None)
        yield from check_pattern("hybrid_override_pattern", self.hybrid_override_pattern or "", tuple(LETTERS), None)
        yield from check_pattern("mtp_layers_block_type", self.mtp_layers_block_type or (), self.choices, None)
        yield from check_pattern(
            "mtp_hybrid_override_pattern", self.mtp_hybrid_override_pattern or "", tuple(LETTERS), None
        )

    def pattern(self) -> list[str]:
        """The kind of each layer."""
        return spelled(self.layers_block_type, self.hybrid_override_pattern, [LINEAR, "moe", FULL, "mlp"])

    def prediction_pattern(self) -> list[str]:
        """The kind of each branch of a multi-token prediction module."""
        return spelled(self.mtp_layers_block_type, self.mtp_hybrid_override_pattern, [FULL, "moe"])

    def branch(self, kind: str) -> Module:
        """What a layer of that kind holds."""
        if kind == LINEAR:
            return Mamba2(
                self.hidden_size,
                self.mamba_num_heads,
                self.mamba_head_dim,
                self.ssm_state_size,
                self.n_groups,
                self.conv_kernel,
                self.use_bias,
                self.use_conv_bias,
                self.chunk_size,
            )
        if kind == FULL:
            return self.attention()
        if kind == "mlp":
            return MLP(self.hidden_size, self.intermediate_size, self.mlp_bias, "relu2")
        return MixtureOfExperts(
            self.hidden_size,
            self.moe_intermediate_size,
            self.n_routed_experts,
            self.num_experts_per_tok,
            self.moe_shared_expert_intermediate_size,
            gated=False,
            correction_bias=True,
            latent_size=self.moe_latent_size,
            shared_bias=self.mlp_bias,
            activation="relu2",
        )


def spelled(names: list[str] | None, letters: str | None, default: list[str]) -> list[str]:
    """The kinds of layers from a list of names, else from letters, else the default."""
    if names is not None:
        return current_names(names)
    return [LETTERS[letter] for letter in letters] if letters is not None else default


class Branches(Module):
    """Single-branch layers one after another, as one multi-token prediction module holds them.

    Attributes:
        layers: runs of equal layers.
    """

    layers: tuple[Repeat, ...]

    def build(self) -> None:
        for run in self.layers:
            self.register(run.name, run)

    def forward(self, x: Tensor) -> Tensor:
        for run in self.layers:
            x = run(x)
        return x


def build(config: Config) -> CausalLM:
    """One residual branch per layer, of the kind that the pattern says."""
    pattern = config.pattern()
    layers = same_kind(len(pattern), "num_hidden_layers", config.hidden_size)

    def layer(kind: str) -> DecoderLayer:
        return DecoderLayer(config.hidden_size, config.branch(kind))

    runs = stack(pattern, layer, layers)
    prediction = None
    if plain(config.num_nextn_predict_layers):
        ahead = config.prediction_pattern()
        branches = stack(ahead, layer, same_kind(len(ahead), "num_prediction_branches", config.hidden_size))
        one = MultiTokenPrediction(config.hidden_size, config.vocab_size, Branches(branches))
        prediction = Repeat(one, config.num_nextn_predict_layers)
    return config.causal_lm(runs, prediction=prediction, tied=False)  # transformers never ties this family
