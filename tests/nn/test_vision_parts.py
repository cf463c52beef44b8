"""Parts of towers: weights by hand."""

from __future__ import annotations

from weighbridge.estimate.parameters import parameters_of
from weighbridge.nn import Embedding, MultimodalEmbedding
from weighbridge.nn.vision_layers import TowerOfParts, vision_layer
from weighbridge.nn.vision_parts import Convolution, PatchMerger, Projector, ScaledLayer
from weighbridge.tree import Kind, met, stored


def count(module: object, copies: object = stored) -> int:
    found: int = module.node().sum(parameters_of, copies)  # type: ignore[attr-defined]
    return found


def test_a_convolution_sees_a_square_of_all_channels() -> None:
    assert count(Convolution(4, 8, 3)) == 8 * 4 * 3 * 3 + 8
    assert count(Convolution(4, 8, 3, bias=False)) == 8 * 4 * 3 * 3


def test_a_scaled_layer_has_a_factor_per_channel_and_branch() -> None:
    layer = vision_layer(8, 2, 4, 16, bias=True)
    assert count(ScaledLayer(8, vision_layer(8, 2, 4, 16, bias=True))) == count(layer) + 2 * 8


def test_a_merger_projects_a_square_of_patches() -> None:
    projector = 32 * 32 + 32 + 5 * 32 + 5
    assert count(Projector(32, 32, 5)) == projector
    assert count(PatchMerger(8, 4, 5)) == projector + 2 * 8
    assert count(PatchMerger(8, 4, 5, norm_joined=True)) == projector + 2 * 32


def test_all_of_a_tower_is_for_vision_and_text_meets_none_of_it() -> None:
    seeing = MultimodalEmbedding(Embedding(10, 8), TowerOfParts({"merger": PatchMerger(8, 4, 8)}))
    assert count(seeing, met) == 80
    tower = next(child for child in seeing.node().children if child.name == "tower")
    assert {node.kind for node in tower.walk()} == {Kind.VISION}
