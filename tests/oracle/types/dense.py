"""Dense families of 2024 and 2025: Ministral 3, Arcee, Apertus, SmolLM3, Seed-OSS, EXAONE 4, GLM, ERNIE 4.5, Hunyuan,
MiMo, Llama-Nemotron. The last two are not in transformers: they are put together of its modules here, as their
published code does, and registered.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from copy import copy
from typing import Any

import torch
import transformers
from transformers.models.llama.modeling_llama import LlamaAttention, LlamaDecoderLayer, LlamaMLP, LlamaRMSNorm

from tests.oracle import sizes
from tests.oracle.draw import FULL, SLIDING, Draw, attention, dense, divisors, switched_windows, windows


class MiMoConfig(transformers.Qwen2Config):  # type: ignore[misc]
    model_type = "mimo"
    num_nextn_predict_layers: int | None = 0


class MiMoForCausalLM(transformers.Qwen2ForCausalLM):  # type: ignore[misc]
    config_class = MiMoConfig
    config: MiMoConfig


class DeciLMConfig(transformers.LlamaConfig):  # type: ignore[misc]
    model_type = "nemotron-nas"
    block_configs: list[dict[str, Any]] | None = None


class Linear(torch.nn.Linear):  # type: ignore[misc]
    """A projection in the place of a branch."""

    def forward(self, x: Any = None, hidden_states: Any = None, **others: Any) -> Any:
        return super().forward(x) if hidden_states is None else (super().forward(hidden_states), None)


class DeciLMBlock(LlamaDecoderLayer):  # type: ignore[misc]
    """Llama's layer in the sizes of a block, with branches left out or replaced."""

    def __init__(self, config: Any, place: int) -> None:
        torch.nn.Module.__init__(self)
        block, hidden, own = config.block_configs[place], config.hidden_size, copy(config)
        self.mixes, self.feeds = (not block[part].get("no_op") for part in ("attention", "ffn"))
        if self.mixes:
            self.input_layernorm = LlamaRMSNorm(hidden)
            if block["attention"].get("replace_with_linear"):
                self.self_attn = Linear(hidden, hidden, bias=False)
            else:
                own.num_key_value_heads = config.num_attention_heads // block["attention"]["n_heads_in_group"]
                self.self_attn = LlamaAttention(own, place)
        if self.feeds:
            self.post_attention_layernorm = LlamaRMSNorm(hidden)
            if block["ffn"].get("replace_with_linear"):
                self.mlp = Linear(hidden, hidden, bias=False)
            else:
                own.intermediate_size = (int(2 * block["ffn"]["ffn_mult"] * hidden / 3) + 255) // 256 * 256
                self.mlp = LlamaMLP(own)

    def forward(self, hidden_states: Any, **others: Any) -> Any:
        if self.mixes:
            hidden_states = (
                hidden_states + self.self_attn(hidden_states=self.input_layernorm(hidden_states), **others)[0]
            )
        return hidden_states + self.mlp(self.post_attention_layernorm(hidden_states)) if self.feeds else hidden_states


class DeciLMForCausalLM(transformers.LlamaForCausalLM):  # type: ignore[misc]
    config_class = DeciLMConfig
    config: DeciLMConfig

    def __init__(self, config: DeciLMConfig) -> None:
        inner = copy(config)
        inner.intermediate_size = 1
        super().__init__(inner)
        self.model.layers = torch.nn.ModuleList(DeciLMBlock(config, place) for place in range(config.num_hidden_layers))


for model in (MiMoForCausalLM, DeciLMForCausalLM):
    transformers.AutoConfig.register(model.config_class.model_type, model.config_class)
    transformers.AutoModelForCausalLM.register(model.config_class, model)


def no_padding(draw: Draw) -> None:
    """The defaults of padding tokens are outside of a small vocabulary."""
    draw.raw["pad_token_id"] = 0


def ministral3(draw: Draw) -> None:
    attention(draw)
    dense(draw)
    draw.field("sliding_window", (1, 16, None))


def arcee(draw: Draw) -> None:
    attention(draw, divisible=True)
    dense(draw)
    draw.flag("attention_bias", "mlp_bias")


def apertus(draw: Draw) -> None:
    attention(draw)
    dense(draw)
    draw.flag("attention_bias")
    draw.field("hidden_act", ("xielu", "xielu", "silu", "relu2"))


def smollm3(draw: Draw) -> None:
    attention(draw)
    dense(draw)
    draw.flag("attention_bias", "mlp_bias")
    draw.field("no_rope_layer_interval", (1, 2, 3))
    draw.field("no_rope_layers", ([draw.rng.randint(0, 1) for _ in range(draw.layers + 2)], [1] * draw.layers, None))
    windows(draw, slides=draw.field("use_sliding_window", (False, True)))
    no_padding(draw)


def seed_oss(draw: Draw) -> None:
    attention(draw)
    dense(draw)
    draw.flag("attention_bias", "attention_out_bias", "mlp_bias")


def exaone4(draw: Draw) -> None:
    attention(draw)
    dense(draw)
    types = draw.listed("layer_types", (FULL, SLIDING))
    draw.field("sliding_window", (1, 16, None), fits=lambda window: types is not None or window is not None)
    draw.field("sliding_window_pattern", (1, 2, 3, "LLG", None), fits=lambda p: types is not None or isinstance(p, int))


def glm(draw: Draw) -> None:
    heads = draw.field("num_attention_heads", (1, 2, 3, 4, 6, 8))
    draw.field("num_key_value_heads", divisors(heads), fits=lambda kv: heads % kv == 0)
    draw.field("head_dim", (8, 16, 24))
    draw.field("hidden_size", (32, 50, 74))
    dense(draw)
    draw.flag("attention_bias")
    no_padding(draw)


def glm4(draw: Draw) -> None:
    glm(draw)


def ernie4_5(draw: Draw) -> None:
    attention(draw)
    dense(draw)
    draw.flag("use_bias")


def hunyuan_v1_dense(draw: Draw) -> None:
    heads = draw.field("num_attention_heads", (1, 2, 3, 4, 6, 8))
    draw.field("num_key_value_heads", (*divisors(heads), None), fits=lambda kv: kv is None or heads % kv == 0)
    draw.raw["head_dim"] = draw.rng.choice((8, 10, 16))
    draw.field("hidden_size", (32, 50, 74))
    dense(draw)
    draw.flag("attention_bias")


def mimo(draw: Draw) -> None:
    attention(draw)
    dense(draw)
    switched_windows(draw)
    draw.field("num_nextn_predict_layers", (0, 1, 2, None))


def block(rng: random.Random, groups: list[int], here: bool = False) -> dict[str, Any]:
    """A random block of Llama-Nemotron; with attention, if it has to be there."""
    forms: tuple[dict[str, Any], ...] = ({}, {}, {"no_op": True}, {"replace_with_linear": True})
    mixer, network = dict(forms[0] if here else rng.choice(forms)), dict(rng.choice(forms))
    mixer["n_heads_in_group"] = None if mixer else rng.choice(groups)
    network["ffn_mult"] = None if network else rng.choice((0.5, 1.3125, 2.625, 7.7))
    return {"attention": mixer, "ffn": network}


def nemotron_nas(draw: Draw) -> None:
    attention(draw, divisible=True)
    draw.flag("attention_bias", "mlp_bias")
    groups = divisors(draw.raw.get("num_attention_heads", 32))
    shapes = [block(draw.rng, groups) for _ in range(3)]
    draw.raw["block_configs"] = [draw.rng.choice(shapes) for _ in range(draw.layers)]


DRAWS: dict[str, Callable[[Draw], None]] = {
    "nemotron-nas": nemotron_nas,
    **{
        family.__name__: family
        for family in (
            ministral3,
            arcee,
            apertus,
            smollm3,
            seed_oss,
            exaone4,
            glm,
            glm4,
            ernie4_5,
            hunyuan_v1_dense,
            mimo,
        )
    },
}


def sliding_exaone4(rng: random.Random) -> sizes.Fields:
    return {"sliding_window_pattern": 2, "num_hidden_layers": 3}


def nope(rng: random.Random) -> sizes.Fields:
    return {"use_sliding_window": True, "no_rope_layer_interval": 2, "num_hidden_layers": 3}


def blocks(rng: random.Random) -> sizes.Fields:
    return {
        "num_hidden_layers": 6,
        "block_configs": [block(rng, [1, 2, 4], here=place == 0) for place in range(6)],
    }


SMALL: dict[str, Callable[[random.Random], sizes.Fields]] = {
    "ministral3": sizes.beside(sizes.width, sizes.window),
    "arcee": sizes.beside(),
    "apertus": sizes.beside(),
    "smollm3": sizes.beside(sizes.window, nope),
    "seed_oss": sizes.beside(sizes.width),
    "exaone4": sizes.beside(sizes.width, sizes.window, sliding_exaone4),
    "glm": sizes.beside(head_dim=16),
    "glm4": sizes.beside(head_dim=24),
    "ernie4_5": sizes.beside(sizes.width),
    "hunyuan_v1_dense": sizes.beside(sizes.width),
    "mimo": sizes.beside(),
    "nemotron-nas": sizes.beside(blocks),
}
