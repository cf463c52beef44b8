"""What every family keeps for the backward pass under transformers, beside PyTorch's saved-tensor hooks: the same
bytes, in tensors of the same sizes.
"""

from __future__ import annotations

import os
import random
from typing import Any

import pytest

pytest.importorskip("torch", reason="the oracle needs torch and transformers: install both")
pytest.importorskip("transformers", reason="the oracle needs torch and transformers: install both")

from tests.oracle.kept import kept_by_transformers, kept_by_weighbridge, total, unlike
from tests.oracle.small import small

pytestmark = pytest.mark.oracle

DRAWS = int(os.environ.get("WEIGHBRIDGE_KEPT_DRAWS", "2"))

EAGER = ("bloom", "deepseek_v4", "gemma2", "gemma4", "gpt_oss", "gptj", "mimo_v2_flash", "mpt")
"""Types that are exact under eager attention; transformers refuses any other."""

BOTH = (
    "apertus",
    "arcee",
    "cohere",
    "cohere2",
    "dbrx",
    "deepseek_v2",
    "deepseek_v3",
    "deepseek_v32",
    "dots1",
    "ernie4_5",
    "ernie4_5_moe",
    "exaone4",
    "falcon",
    "gemma",
    "gemma3",
    "gemma3_text",
    "gemma3n_text",
    "gemma4_text",
    "glm",
    "glm4",
    "glm4_moe",
    "glm_moe_dsa",
    "gpt2",
    "gpt_bigcode",
    "gpt_neox",
    "granite",
    "granitemoe",
    "hunyuan_v1_dense",
    "hunyuan_v1_moe",
    "kimi_k2",
    "lfm2",
    "lfm2_moe",
    "llama",
    "llama4",
    "llama4_text",
    "longcat_flash",
    "mimo",
    "minimax_m2",
    "minimax_m3_vl",
    "minimax_m3_vl_text",
    "ministral3",
    "mistral",
    "mixtral",
    "nemotron",
    "nemotron-nas",
    "olmo",
    "olmo2",
    "olmo3",
    "olmoe",
    "opt",
    "phi",
    "phi3",
    "phimoe",
    "qwen2",
    "qwen2_moe",
    "qwen3",
    "qwen3_moe",
    "qwen3_vl",
    "qwen3_vl_moe",
    "qwen3_vl_moe_text",
    "qwen3_vl_text",
    "seed_oss",
    "smollm3",
    "stablelm",
    "starcoder2",
    "step3p5",
    "step3p7",
)
"""Types that are exact under eager attention and under SDPA."""

ATTENDING = ("qwen3_5", "qwen3_5_moe", "qwen3_5_moe_text", "qwen3_5_text", "qwen3_next")
"""Types that are exact under both where all layers attend. What transformers runs for delta nets on CPUs keeps every
step of a chunk; those who train them have kernels that do not.
"""

BY_BLOCKS = ("minimax",)
"""Types whose code has a loop over blocks of positions: exact under both in all. What each block keeps is a tensor of
its own there and one for all blocks here, so that sizes are compared where there is one block, and sums where not.
"""

CASES = [(kind, "eager") for kind in (*EAGER, *BOTH, *ATTENDING, *BY_BLOCKS)]
CASES += [(kind, "sdpa") for kind in (*BOTH, *ATTENDING, *BY_BLOCKS)]


def fitted(fields: dict[str, Any]) -> dict[str, Any]:
    """Fields with widths of experts in rows of 16 bytes, which grouped multiplies want, and with values as wide as keys
    under latent attention, without which PyTorch has a fused kernel for GPUs but none for CPUs.
    """
    found: dict[str, Any] = {
        name: fitted(value) if isinstance(value, dict) else value for name, value in fields.items()
    }
    for name in found:
        if name.endswith("intermediate_size") and isinstance(found[name], int):
            found[name] = -(-found[name] // 8) * 8
    if "v_head_dim" in found and "qk_nope_head_dim" in found:
        found["v_head_dim"] = found["qk_nope_head_dim"] + found["qk_rope_head_dim"]
    return found


@pytest.mark.parametrize("number", range(DRAWS))
@pytest.mark.parametrize(("kind", "attention"), CASES)
def test_kept(kind: str, attention: str, number: int) -> None:
    draw = random.Random(f"{kind} {number}")
    fields, batch, sequence = fitted(small(kind, draw)), draw.choice((2, 3)), draw.choice((7, 16, 24))
    if kind in ATTENDING:
        text = fields.get("text_config", fields)
        text["layer_types"] = ["full_attention"] * text["num_hidden_layers"]
    mine = kept_by_weighbridge(kind, fields, attention, batch, sequence)
    theirs = kept_by_transformers(kind, fields, attention, batch, sequence)
    if kind in BY_BLOCKS and sequence > fields["block_size"]:
        assert total(mine) == total(theirs), f"bytes for {fields}, {batch} x {sequence}"
        return
    found = unlike(mine, theirs)
    assert not found, f"bytes: (weighbridge, transformers) {found} for {fields}, {batch} x {sequence}"
