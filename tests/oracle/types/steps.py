"""Step-3.5, which transformers has as Step-3.7's language model, and Step-3.7."""

from __future__ import annotations

import random

from tests.oracle import sizes
from tests.oracle.alone import Alone
from tests.oracle.draw import FULL, SLIDING, Draw, divisors, experts
from tests.oracle.types.gemma import section, text
from tests.oracle.types.qwenvl import SEES, whole

NETWORKS = ("sparse", "dense")


def step3p5(draw: Draw) -> None:
    heads = draw.field("num_attention_heads", (1, 2, 4, 6))
    aliases = ("num_attention_groups",)
    groups = draw.field("num_key_value_heads", divisors(heads), fits=lambda kv: heads % kv == 0, aliases=aliases)
    draw.field("head_dim", (8, 10))
    draw.field("hidden_size", (50, 64))
    draw.field("intermediate_size", (1, 40))
    draw.field("moe_intermediate_size", (1, 20))
    draw.field("share_expert_dim", (1, 30), aliases=("share_expert_dims",))
    experts(draw, "n_routed_experts", (1, 2, 5), aliases=("moe_num_experts",))
    draw.field("sliding_window", (1, 16))
    draw.flag("attention_bias", "mlp_bias")
    draw.field("num_sliding_attention_heads", (groups, 3 * groups, None))
    if draw.rng.random() < 0.4:
        other = {"attention_type": SLIDING, "num_attention_heads": 2 * groups, "num_attention_groups": groups}
        draw.raw["attention_other_setting"] = other
    listed(draw)


def listed(draw: Draw) -> None:
    """Lists of layers, which may go on with those of prediction."""
    ahead = draw.rng.choice((0, 1, 2))
    if ahead:
        draw.raw[draw.rng.choice(("num_nextn_predict_layers", "num_mtp_layers"))] = ahead
    for name, words in (("layer_types", (FULL, SLIDING)), ("mlp_layer_types", NETWORKS)):
        draw.listed(name, words)
        longer = "num_nextn_predict_layers" in draw.raw  # under the other name transformers does not shorten lists
        if draw.raw.get(name) and longer and draw.rng.random() < 0.5:
            draw.raw[name] = draw.raw[name] + [words[0]] * ahead
    if draw.rng.random() < 0.5:
        places = sorted(draw.rng.sample(range(draw.layers), draw.rng.randint(0, draw.layers)))
        draw.raw["moe_layers_enum"] = draw.rng.choice((places, ",".join(map(str, places)) or [0]))


def step_tower(draw: Draw) -> None:
    heads = draw.field("num_attention_heads", (1, 2, 4), aliases=("heads",))
    sizes_ = [heads * k for k in (4, 8)]
    draw.field("hidden_size", sizes_, fits=lambda size: size % heads == 0, aliases=("width",))
    draw.field("mlp_ratio", (1.0, 2.7, 4.0))
    draw.field("num_hidden_layers", (1, 2, 5), aliases=("layers",))
    draw.field("num_channels", (1, 3))
    draw.field("image_size", (28, 61))
    draw.field("patch_size", (4, 7))
    draw.field("intermediate_size", (1, 40))  # bears on nothing


def step3p7(draw: Draw) -> None:
    whole(draw)
    section(draw, "text_config", "step3p5", text(step3p5))
    section(draw, "vision_config", "step3p5_vision", step_tower, optional=True)
    draw.flag("projector_bias")


DRAWS = {"step3p5": step3p5, "step3p7": step3p7}

PARTS = ("vision_model", "multi_modal_projector")
CLASSES = {
    "step3p5": Alone("step3p7", "Step3p7ForConditionalGeneration", *PARTS),
    "step3p7": "Step3p7ForConditionalGeneration",
}

KINDS = {"step3p7": (SEES,)}


def gated(rng: random.Random) -> sizes.Fields:
    return {
        "head_dim": 2 * rng.randint(4, 10),
        "num_sliding_attention_heads": rng.choice([4, 8]),
        "num_hidden_layers": 3,
        "layer_types": [FULL, SLIDING, SLIDING],
        "mlp_layer_types": ["dense", "sparse", "dense"],
        "partial_rotary_factors": rng.choice([[0.5, 1.0, 1.0], None]),
        "share_expert_dim": rng.randint(8, 24),
        **sizes.experts(rng, "n_routed_experts"),
    }


small_step = sizes.beside(sizes.window, gated)


def small_whole(rng: random.Random) -> sizes.Fields:
    vision = {"hidden_size": 24, "num_hidden_layers": 1, "num_attention_heads": 2, "image_size": 16, "patch_size": 4}
    return {"text_config": small_step(rng), "vision_config": vision}


SMALL = {"step3p5": small_step, "step3p7": small_whole}
