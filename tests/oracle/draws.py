"""Random small configurations of every covered type, as the raw fields of a ``config.json``."""

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


def drawn(model_type: str, seed: str) -> dict[str, Any]:
    """The raw fields of one random configuration."""
    draw = Draw(model_type, random.Random(seed))
    draw.field("vocab_size", (64, 100, 32003))
    draw.flag("tie_word_embeddings")
    if draw.rng.random() < 0.5:
        draw.raw["torch_dtype"] = draw.rng.choice(("bfloat16", "float32"))
    if "num_hidden_layers" in draw.declared:
        draw.field("num_hidden_layers", (1, 2, 3, 5, 8))
    TYPES[model_type](draw)
    return draw.raw


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


def gpt2(draw: Draw) -> None:
    draw.field("n_layer", (1, 2, 5), aliases=("num_hidden_layers",))
    draw.field("n_positions", (16, 77), aliases=("max_position_embeddings",))
    heads = draw.field("n_head", (1, 2, 3, 4, 6, 12), aliases=("num_attention_heads",))
    hidden = [heads * k for k in (2, 8, 10)]
    draw.field("n_embd", hidden, fits=lambda size: size % heads == 0, aliases=("hidden_size",))
    draw.field("n_inner", (1, 100, None))
    draw.field("add_cross_attention", (False,))


def llama(draw: Draw) -> None:
    attention(draw, divisible=True)
    dense(draw)
    draw.flag("attention_bias", "mlp_bias")


def mistral(draw: Draw) -> None:
    attention(draw)
    dense(draw)
    draw.field("sliding_window", (1, 16, None))


def mixtral(draw: Draw) -> None:
    mistral(draw)
    experts(draw, "num_local_experts", (1, 2, 5), aliases=("num_experts",))


def qwen2(draw: Draw) -> None:
    attention(draw)
    dense(draw)
    switched_windows(draw)


def qwen2_moe(draw: Draw) -> None:
    qwen2(draw)
    if draw.raw.get("num_key_value_heads", 0) is None:
        draw.raw["num_key_value_heads"] = 1  # transformers declares that it may be null, but then builds no model
    draw.flag("qkv_bias")
    sparse(draw)
    draw.field("shared_expert_intermediate_size", (1, 24, 40))


def qwen3(draw: Draw) -> None:
    qwen2(draw)
    draw.flag("attention_bias")


def qwen3_moe(draw: Draw) -> None:
    attention(draw)
    dense(draw)
    draw.flag("attention_bias")
    draw.field("use_sliding_window", (False, True))
    draw.field("sliding_window", (1, 16, None))
    sparse(draw, aliases=("num_local_experts",))


def qwen3_next(draw: Draw) -> None:
    attention(draw)
    dense(draw)
    draw.flag("attention_bias")
    sparse(draw)
    draw.field("shared_expert_intermediate_size", (1, 24, 40))
    keys = draw.field("linear_num_key_heads", (1, 2, 4))
    draw.field("linear_num_value_heads", (keys, 3 * keys), fits=lambda values: values % keys == 0)
    draw.field("linear_key_head_dim", (4, 12))
    draw.field("linear_value_head_dim", (4, 10))
    draw.field("linear_conv_kernel_dim", (1, 3, 4))
    draw.field("full_attention_interval", (1, 2, 3), default=4)
    draw.listed("layer_types", (FULL, LINEAR))


def gemma2(draw: Draw) -> None:
    attention(draw, divisible=True)
    dense(draw)
    draw.flag("attention_bias")
    windows(draw, slides=True)


def gemma3_text(draw: Draw) -> None:
    gemma2(draw)
    draw.field("sliding_window_pattern", (1, 2, 5), default=6)


def phi3(draw: Draw) -> None:
    mistral(draw)
    draw.raw["pad_token_id"] = 0  # the default, 32000, is outside of a small vocabulary


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


def deepseek_v2(draw: Draw) -> None:
    latent(draw, divisible=True)
    draw.flag("mlp_bias")
    experts(draw, "n_routed_experts", (1, 2, 6), aliases=("num_experts",))


def deepseek_v3(draw: Draw) -> None:
    latent(draw, divisible=False)
    experts(draw, "n_routed_experts", (1, 2, 16), aliases=("num_local_experts",))
    draw.field("num_mtp_layers", (0, 1, 2), aliases=("num_nextn_predict_layers",))


def gpt_oss(draw: Draw) -> None:
    attention(draw)
    dense(draw)
    draw.flag("attention_bias")
    experts(draw, "num_local_experts", (1, 3, 6))
    windows(draw, slides=True)


def mamba2(draw: Draw) -> None:
    heads = draw.field("num_heads", (2, 4, 6, 12))
    head_dim = draw.field("head_dim", (4, 8, 12))
    expand = draw.field("expand", (1, 2, 4), fits=lambda factor: heads * head_dim % factor == 0)
    inner = heads * head_dim
    draw.field("hidden_size", (inner // expand,), fits=lambda size: size * expand == inner)
    draw.field("state_size", (1, 8, 20))
    draw.field("n_groups", divisors(heads), fits=lambda groups: heads % groups == 0)
    draw.field("conv_kernel", (1, 2, 4))
    draw.field("chunk_size", (8, 64))
    draw.flag("use_bias", "use_conv_bias")


def nemotron_h(draw: Draw) -> None:
    attention(draw)
    dense(draw)
    pattern(draw)
    heads = draw.field("mamba_num_heads", (2, 4, 6))
    draw.field("n_groups", divisors(heads), fits=lambda n: heads % n == 0, aliases=("mamba_n_groups",))
    draw.field("mamba_head_dim", (4, 6))
    draw.field("ssm_state_size", (1, 8, 20))
    draw.field("conv_kernel", (1, 2, 4), aliases=("mamba_d_conv",))
    draw.field("use_conv_bias", (False, True), aliases=("mamba_conv_bias",))
    draw.field("chunk_size", (8, 64), aliases=("mamba_chunk_size",))
    draw.field("expand", (1, 2), aliases=("mamba_expand",))  # bears on nothing
    draw.flag("attention_bias", "mlp_bias", "use_bias", "mamba_proj_bias")
    experts(draw, "n_routed_experts", (1, 3, 6), aliases=("num_local_experts",))
    draw.field("n_shared_experts", (1, 2))  # bears on nothing
    draw.field("moe_intermediate_size", (1, 20))
    draw.field("moe_shared_expert_intermediate_size", (1, 30))
    draw.field("moe_latent_size", (1, 14, None))
    draw.field("num_nextn_predict_layers", (0, 1, 2))


def pattern(draw: Draw) -> None:
    """Nemotron's layers: names old or new, letters, both (names win), or neither."""
    length = draw.rng.choice((1, 2, 4, 7))
    old, new = ("mamba", "attention", "mlp", "moe"), (LINEAR, FULL, "mlp", "moe")
    names = draw.rng.choices(draw.rng.choice((old, new)), k=length)
    form = draw.rng.choice(("names", "alias", "letters", "both", "neither"))
    if form in ("names", "both"):
        draw.raw["layers_block_type"] = names
    if form == "alias":
        draw.raw["layer_types"] = names
    if form in ("letters", "both"):
        draw.raw["hybrid_override_pattern"] = "".join(draw.rng.choices("M*-E", k=length + 1))
    if draw.rng.random() < 0.5:
        draw.raw["num_hidden_layers"] = draw.rng.choice((length, 52))  # the pattern's length counts


TYPES: dict[str, Callable[[Draw], None]] = {
    family.__name__: family
    for family in (
        gpt2,
        llama,
        mistral,
        mixtral,
        qwen2,
        qwen2_moe,
        qwen3,
        qwen3_moe,
        qwen3_next,
        gemma2,
        gemma3_text,
        phi3,
        deepseek_v2,
        deepseek_v3,
        gpt_oss,
        mamba2,
        nemotron_h,
    )
}
