"""What towers are put together from: weights by hand."""

from __future__ import annotations

from tests.nn.test_attention import count
from weighbridge.nn import Repeat
from weighbridge.nn.conformer import ConformerLayer
from weighbridge.nn.vision_layers import PatchEmbedding, TowerOfParts, projection, vision_layer
from weighbridge.tree import Kind, met


def test_patches_are_projected_as_a_convolution_would() -> None:
    assert count(PatchEmbedding(hidden_size=10, patch_size=4, bias=True)) == 3 * 4 * 4 * 10 + 10
    assert count(PatchEmbedding(hidden_size=10, patch_size=4, channels=1, frames=2)) == 2 * 4 * 4 * 10


def test_layers_of_an_encoder() -> None:
    plain = vision_layer(16, 4, 4, 20, bias=True)
    assert count(plain) == 4 * (16 * 16 + 16) + 2 * 16 * 20 + 16 + 20 + 2 * 2 * 16
    gated = vision_layer(16, 4, 6, 20, kv_heads=2, gated=True, qk_norm=True, norm="RMSNorm", sandwich=True)
    assert count(gated) == 2 * 16 * 24 + 2 * 16 * 12 + 2 * 6 + 3 * 16 * 20 + 4 * 16
    fused = vision_layer(16, 4, 4, 20, attention_bias=True, fused=True)
    assert count(fused) == 4 * (16 * 16 + 16) + 2 * 16 * 20 + 2 * 2 * 16


def test_a_tower_is_all_vision_and_no_token_of_text_meets_it() -> None:
    layer = vision_layer(16, 4, 4, 20)
    tower = TowerOfParts({"layers": Repeat(layer, 3), "projector": projection(16, 8)})
    assert count(tower) == 3 * count(layer) + 16 * 8
    node = tower.node()
    assert {child.kind for child in node.walk()} == {Kind.VISION}
    assert met(node) == 0


def test_a_conformer_layer() -> None:
    half = 2 * 16 * 64 + 2 * 16
    attention, convolution = 4 * 16 * 16 + 4 + 16 * 16, 3 * 16 * 16 + 5 * 16 + 2 * 16
    assert count(ConformerLayer(16, 4, 4, 5)) == 2 * half + attention + convolution + 3 * 16
