"""Blocks that layers share: weights once, adapters and work by use."""

from __future__ import annotations

from tests.nn.test_attention import count
from weighbridge.estimate.cache import cache
from weighbridge.estimate.compute import FlopReport, forward_pass
from weighbridge.estimate.parameters import params
from weighbridge.models import Model
from weighbridge.nn import Embedding, Head, Mamba2, Repeat, RMSNorm, SharedBlock, SharedBlockLayer, SharedBlocksLM
from weighbridge.nn.linear import Linear
from weighbridge.nn.shared_block import AdaptedLinear
from weighbridge.tape import Axis

HIDDEN, RANK = 32, 3


def model(uses: int, adapts_attention: bool = True) -> SharedBlocksLM:
    block = SharedBlock(HIDDEN, 4, 4, 16, 48)
    layer = SharedBlockLayer.of(block, Mamba2(HIDDEN, 8, 8, 10, 2, 4), RANK, adapts_attention)
    parts = (Embedding(64, HIDDEN), (Repeat(layer, uses),), RMSNorm(HIDDEN), Head(HIDDEN, 64, tied=True))
    return SharedBlocksLM(*parts, shared=(block,))


def test_weights_of_a_block_by_hand() -> None:
    attention = 64 * 64 * 3 + 64 * 32
    assert count(SharedBlock(HIDDEN, 4, 4, 16, 48)) == attention + 3 * 32 * 48 + 64 + 32


def test_an_adapter_beside_a_projection() -> None:
    one = AdaptedLinear(Linear(Axis("hidden", 20), Axis("ffn", 50)), 4)
    assert count(one) == 20 * 50 + 20 * 4 + 4 * 50


def test_every_use_adds_its_own_weights_only() -> None:
    one, three = (params(Model.of(model(uses))).total for uses in (1, 3))
    adapters = 3 * (64 * RANK + RANK * 64) + HIDDEN * RANK + RANK * 96
    own = HIDDEN * HIDDEN + HIDDEN + count(Mamba2(HIDDEN, 8, 8, 10, 2, 4))
    assert three - one == 2 * (adapters + own)
    block = count(SharedBlock(HIDDEN, 4, 4, 16, 48))
    assert one == block + adapters + own + 64 * HIDDEN + HIDDEN


def test_without_adapters_attention_itself_is_shared() -> None:
    with_them, without = (params(Model.of(model(2, adapts))).total for adapts in (True, False))
    assert with_them - without == 2 * 3 * (64 * RANK + RANK * 64)


def test_every_use_works_and_caches() -> None:
    found = [FlopReport(Model.of(model(uses)), forward_pass(7)).forward for uses in (1, 2, 3)]
    assert found[2] - found[1] == found[1] - found[0] > 7 * 2 * count(SharedBlock(HIDDEN, 4, 4, 16, 48)) - 7 * 2 * 96
    held = [cache(model(uses), 9).bytes for uses in (1, 2)]
    assert held[1] == 2 * held[0]
