"""mxfp4 as gpt-oss has it, and the published size of its checkpoints."""

from __future__ import annotations

import pytest

from tests.formats.quantization.small import LEFT, SPARSE, stored
from weighbridge.models import catalogue

LISTED = ["model.layers.*.self_attn", "model.layers.*.mlp.router", "model.embed_tokens", "lm_head"]


def test_experts_alone_are_quantised() -> None:
    expert = 2 * (48 * 16 + 48) + 32 * 24 + 32 * 2  # blocks of two elements to a byte, scales of a byte per 32
    attention = 2 * (32 * 32 + 32 * 32 + 16 * 32 + 16 * 32)
    checkpoint = stored({"quant_method": "mxfp4", "modules_to_not_convert": LISTED}, SPARSE)
    assert checkpoint.bytes == LEFT + 2 * (attention + 4 * expert + 2 * 4 * 32)
    assert checkpoint.notes == ()


@pytest.mark.parametrize(("name", "published"), [("gpt-oss-20b", 13_761_264_768), ("gpt-oss-120b", 65_248_815_744)])
def test_published_sizes(name: str, published: int) -> None:
    """``total_size`` of model.safetensors.index.json of openai/gpt-oss-20b and openai/gpt-oss-120b."""
    entry = catalogue.find(name)
    assert entry is not None
    raw = {**entry.config, "dtype": "bfloat16"}
    assert stored({"quant_method": "mxfp4", "modules_to_not_convert": LISTED}, raw).bytes == published
