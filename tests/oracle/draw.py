"""What random configurations are drawn with: one field at a time, and the groups of fields that families share."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import fields
from typing import Any, get_args

from transformers import CONFIG_MAPPING

LEFT_OUT = 0.25  # how often a field is left to its default
FULL, SLIDING, LINEAR = "full_attention", "sliding_attention", "linear_attention"


class Draw:
    """The fields drawn so far.

    Attributes:
        raw: what a ``config.json`` would hold.
    """

    def __init__(self, model_type: str, rng: random.Random) -> None:
        self.raw: dict[str, Any] = {"model_type": model_type}
        self.rng = rng
        self.declared = {field.name: field for field in fields(CONFIG_MAPPING[model_type])}

    def field(
        self,
        name: str,
        values: Sequence[Any],
        fits: Callable[[Any], bool] = lambda value: True,
        aliases: Sequence[str] = (),
        default: Any = None,
    ) -> Any:
        """Set a field to one of the values, or leave it out if its default fits what was drawn before.

        Args:
            name: the field, as transformers declares it.
            values: what it may be set to; ``None`` is taken only where transformers lets the field be null.
            fits: whether a value goes with the fields drawn before.
            aliases: other names that transformers knows the field by.
            default: what transformers takes where it does not declare the field.

        Returns:
            What the field comes to: the value set, or the default.
        """
        declared = self.declared.get(name)
        silent = declared.default if declared is not None else default
        if self.rng.random() < LEFT_OUT and fits(silent):
            return silent
        nullable = declared is not None and type(None) in get_args(declared.type)
        value = self.rng.choice([v for v in values if (v is not None or nullable) and fits(v)])
        self.raw[self.rng.choice((name, *aliases))] = value
        return value

    def flag(self, *names: str) -> None:
        """Set switches to on or off, or leave them out."""
        for name in names:
            self.field(name, (False, True))

    def listed(self, name: str, choices: Sequence[str]) -> Any:
        """Set a list of one choice per layer, or of one choice alone, or null, or leave it out."""
        mixed = [self.rng.choice(choices) for _ in range(self.layers)]
        return self.field(name, (mixed, [self.rng.choice(choices)] * self.layers, None))

    @property
    def layers(self) -> int:
        """The number of layers that was drawn."""
        layers: int = self.raw.get("num_hidden_layers", self.declared["num_hidden_layers"].default)
        return layers


def divisors(number: int) -> list[int]:
    """Whole divisors, 1 and the number itself included."""
    return [d for d in range(1, number + 1) if number % d == 0]


def attention(draw: Draw, divisible: bool = False) -> None:
    """Grouped-query attention.

    Args:
        draw: the fields.
        divisible: transformers wants a hidden size that the heads divide even where a head dimension is given.
    """
    heads = draw.field("num_attention_heads", (1, 2, 3, 4, 6, 8))
    groups = [*divisors(heads), None]
    draw.field("num_key_value_heads", groups, fits=lambda kv: kv is None or heads % kv == 0)
    head_dim = draw.field("head_dim", (8, 10, 16, 24, None))  # rotary positions want an even number
    free = head_dim is not None and not divisible
    hidden = [heads * k for k in (4, 8, 10, 16)] + [50, 74]
    draw.field("hidden_size", hidden, fits=lambda size: free or size % (2 * heads) == 0)


def dense(draw: Draw) -> None:
    """Width of a dense feed-forward network."""
    draw.field("intermediate_size", (1, 48, 100, 172))


def experts(draw: Draw, name: str, counts: Sequence[int], aliases: Sequence[str] = ()) -> None:
    """A number of experts, and no more of them for each token."""
    number = draw.field(name, counts, aliases=aliases)
    draw.field("num_experts_per_tok", (1, 2, 3), fits=lambda k: k is not None and k <= max(number, 1))


def sparse(draw: Draw, aliases: Sequence[str] = ()) -> None:
    """The Qwen mixture of experts: which layers are sparse, and how."""
    experts(draw, "num_experts", (0, 1, 3, 4, 6), aliases)
    draw.field("moe_intermediate_size", (1, 20, 32))
    draw.field("decoder_sparse_step", (1, 2, 3))
    some = draw.rng.sample(range(draw.layers), draw.rng.randint(0, draw.layers))
    draw.field("mlp_only_layers", ([], [0], some, None))


def windows(draw: Draw, slides: bool) -> None:
    """Which layers slide, and how far; no window (null) only where none of them slides.

    Args:
        draw: the fields.
        slides: some layers may slide where ``layer_types`` is not given.
    """
    types = draw.listed("layer_types", (FULL, SLIDING))
    needed = slides if types is None else SLIDING in types
    draw.field("sliding_window", (1, 16, None), fits=lambda window: not needed or window is not None)


def switched_windows(draw: Draw) -> None:
    """The Qwen windows: a switch, and from (or up to) which layer they slide."""
    slides = draw.field("use_sliding_window", (False, True))
    draw.field("max_window_layers", range(draw.layers + 2))
    windows(draw, slides)


def latent(draw: Draw, divisible: bool) -> None:
    """Multi-head latent attention and DeepSeek's mixture of experts."""
    heads = draw.field("num_attention_heads", (1, 2, 3, 4))
    hidden = [heads * k for k in (8, 10)] + [50, 74]
    draw.field("hidden_size", hidden, fits=lambda size: not divisible or size % heads == 0)
    draw.field("q_lora_rank", (1, 12, None))
    draw.field("kv_lora_rank", (1, 10, 16))
    draw.field("qk_nope_head_dim", (4, 6))
    draw.field("qk_rope_head_dim", (2, 8))
    draw.field("v_head_dim", (4, 10))
    draw.flag("attention_bias")
    dense(draw)
    draw.field("first_k_dense_replace", (0, 1, 2, 9))
    draw.field("n_shared_experts", (1, 2, 3))
    draw.field("moe_intermediate_size", (1, 20, 32))
