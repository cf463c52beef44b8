"""Parameters of random configurations, beside those of the models that transformers builds from the same fields."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import pytest

from weighbridge.formats.loading import from_raw
from weighbridge.models import families
from weighbridge.tree import Node

torch = pytest.importorskip("torch", reason="the oracle needs torch and transformers: install both")
transformers = pytest.importorskip("transformers", reason="the oracle needs torch and transformers: install both")

if TYPE_CHECKING:
    from torch.nn import Module

from tests.oracle.draws import KINDS as DRAWN_KINDS  # noqa: E402 (needs transformers)
from tests.oracle.draws import NAMES, TYPES, drawn  # noqa: E402
from tests.oracle.small import from_config  # noqa: E402

pytestmark = pytest.mark.oracle

DRAWS = int(os.environ.get("WEIGHBRIDGE_DRAWS", "12"))

KINDS = (
    (r"(embed_tokens|embeddings|wte|wpe)\.weight$", "embedding"),
    (r"^lm_head\.", "head"),
    (r"norm|\.ln_(1|2|f)\.", "norm"),
    (r"\.(mlp|mixer)\.gate\.|\.router\.|\.shared_expert_gate\.", "router"),
    (r"\.(experts|shared_experts?|fc[12]_latent_proj)\.", "experts"),
    (r"\.linear_attn\.", "linear attention"),
    (r"\.mixer\.(in_proj|out_proj|conv1d|dt_bias|A_log|D)\b", "state space"),
    (r"\.(self_attn|attn)\.|\.mixer\.[qkvo]_proj\.", "attention"),
    (r"\.mlp\.|\.mixer\.(up|down)_proj\.", "mlp"),
    (r"\.eh_proj\.", "other"),
)
"""The kind of a parameter: that of the first pattern found in its name."""


def kind_of(name: str, model_type: str = "") -> str:
    """What transformers' parameter of that name is for."""
    patterns = (*DRAWN_KINDS.get(model_type, ()), *KINDS)
    kinds = [kind for pattern, kind in patterns if re.search(pattern, name)]
    assert kinds, f"no pattern knows the parameter {name}"
    return kinds[0]


def of_modules(named: Iterable[tuple[str, Any]], model_type: str = "") -> Counter[str]:
    """Parameters of a PyTorch model by kind."""
    counts: Counter[str] = Counter()
    parameters = dict(named)
    names = NAMES.get(model_type, list)(list(parameters))
    for name, parameter in zip(names, parameters.values(), strict=True):
        counts[kind_of(name, model_type)] += parameter.numel()
    return +counts


def of_node(node: Node, copies: int = 1) -> Counter[str]:
    """Parameters of a tree by kind, without what is counted apart from it."""
    counts = Counter(
        {node.kind.value: copies * sum(weight.count for weight in node.weights.values() if not weight.buffer)}
    )
    for child in node.children:
        if not child.apart:
            counts += of_node(child, copies * child.times)
    return +counts


def weighed(raw: Mapping[str, Any]) -> Node:
    """The tree that weighbridge makes of the fields of a ``config.json``."""
    return from_raw("draw", raw, {}, "draw").network.node()


def built(raw: Mapping[str, Any]) -> Module:
    """The model that transformers builds from the fields of a ``config.json``, without memory for its parameters."""
    config = transformers.CONFIG_MAPPING[raw["model_type"]].from_dict(dict(raw))
    with torch.device("meta"):
        model: Module = from_config(raw["model_type"], config)
    return model


FOUND: dict[str, dict[str, Any]] = {
    "nemotron_h-tied": {"model_type": "nemotron_h", "vocab_size": 64, "hidden_size": 32, "tie_word_embeddings": True},
    "gpt2-intermediate_size": {"model_type": "gpt2", "n_layer": 1, "intermediate_size": 100},
    "gpt2-head_dim": {"model_type": "gpt2", "n_layer": 1, "head_dim": 6},
    "gpt2-num_key_value_heads": {"model_type": "gpt2", "n_layer": 1, "num_key_value_heads": 6},
    "mixtral-both-names": {"model_type": "mixtral", "num_experts": 3, "num_local_experts": 5},
    "gpt_oss-both-names": {"model_type": "gpt_oss", "num_experts": 9, "num_local_experts": 12},
    "qwen3_moe-both-names": {"model_type": "qwen3_moe", "num_experts": 9, "num_local_experts": 12},
    "deepseek_v2-both-names": {
        "model_type": "deepseek_v2",
        "num_experts_per_tok": 2,
        "num_experts": 9,
        "n_routed_experts": 12,
    },
    "deepseek_v3-both-names": {"model_type": "deepseek_v3", "num_local_experts": 9, "n_routed_experts": 12},
    "nemotron_h-both-names": {"model_type": "nemotron_h", "n_groups": 1, "mamba_n_groups": 2},
    "nemotron_h-both-lists": {"model_type": "nemotron_h", "layers_block_type": ["mlp"], "layer_types": ["moe", "mlp"]},
    "nemotron_h-both-experts": {"model_type": "nemotron_h", "n_routed_experts": 4, "num_local_experts": 6},
}
"""Configurations that came out differently when these tests were written: transformers reads them so.

Nemotron-H never ties its head to its embedding; GPT-2 has no such fields; of two names for one field, the one that the
configuration class does not declare is set last.
"""

DRAWN = [(model_type, f"{model_type} {number}") for model_type in TYPES for number in range(DRAWS)]


def test_every_type_is_drawn() -> None:
    assert sorted(TYPES) == families()


@pytest.mark.parametrize(("model_type", "seed"), DRAWN, ids=[seed.replace(" ", "-") for _, seed in DRAWN])
def test_parameters(model_type: str, seed: str) -> None:
    compare(drawn(model_type, seed))


@pytest.mark.parametrize("name", FOUND)
def test_found(name: str) -> None:
    compare(FOUND[name])


def compare(raw: Mapping[str, Any]) -> None:
    """Check the total and the subtotals of one configuration."""
    ours, theirs = of_node(weighed(raw)), of_modules(built(raw).named_parameters(), raw["model_type"])
    same = (ours.total(), ours) == (theirs.total(), theirs)
    assert same, f"weighbridge {ours.total()} {ours}, transformers {theirs.total()} {theirs} for {raw}"


@pytest.mark.parametrize("number", range(DRAWS))
@pytest.mark.parametrize("model_type", ["deepseek_v3", "glm4_moe", "kimi_k2"])
def test_multi_token_prediction(model_type: str, number: int) -> None:
    raw = drawn(model_type, f"multi-token prediction {number}")
    main = built(raw)
    with torch.device("meta"):
        modules = transformers.modeling_layers.MtpModel(main, main.config.num_mtp_layers)
    # embedding and head are the main model's
    theirs = of_modules((name, p) for name, p in modules.named_parameters() if name.startswith("layers."))
    ours: Counter[str] = sum((of_node(c, c.times) for c in weighed(raw).children if c.apart), Counter())
    assert ours == theirs, f"weighbridge {ours}, transformers {theirs} for {raw}"
