"""Keys and values of other layers, and dense networks beside experts: weights and work by hand."""

from __future__ import annotations

from typing import Any

from tests.nn.test_attention import count, forward, run
from weighbridge.nn import GatedMLP, RMSNorm
from weighbridge.nn.beside import DenseBesideExperts, LayerInputLayer
from weighbridge.nn.cross_layer import CrossLayerAttention
from weighbridge.tape import Pass, Phase

SIZES: dict[str, Any] = {"hidden_size": 64, "num_heads": 4, "num_kv_heads": 2, "head_dim": 16}


def test_weights_follow_what_a_layer_makes_itself() -> None:
    queries, keys = 2 * 64 * 64 + 16, 64 * 32
    assert count(CrossLayerAttention(**SIZES)) == queries + 2 * keys + 16
    assert count(CrossLayerAttention(**SIZES, keys_are_values=True)) == queries + keys + 16
    assert count(CrossLayerAttention(**SIZES, reads=True)) == queries


def test_what_reads_another_layers_keys_stores_none() -> None:
    work = Pass(sequence=9, phase=Phase.PREFILL)
    stored = [[o.stores for o in run(CrossLayerAttention(**SIZES, reads=r), work).operations] for r in (False, True)]
    assert sum(t.count for stores in stored[0] for t in stores) == 2 * 32 * 9
    assert not any(stored[1])


def test_pairs_are_the_same_whoever_made_the_keys() -> None:
    pairs = 45 * 4 * 2 * 16
    assert forward(CrossLayerAttention(**SIZES), Pass(sequence=9)) == 2 * (9 * 64 * (2 * 64 + 2 * 32) + pairs)
    assert forward(CrossLayerAttention(**SIZES, reads=True), Pass(sequence=9)) == 2 * (9 * 64 * 2 * 64 + pairs)


def test_the_last_position_alone_sees_everything_before_it() -> None:
    attention = CrossLayerAttention(**SIZES, reads=True, window=5)
    layer = LayerInputLayer(64, attention, GatedMLP(64, 10), sandwich=True, last_only=True)
    work = Pass(batch=2, sequence=9, past=3, phase=Phase.PREFILL, last_logits=True)
    assert forward(layer, work) == 2 * 2 * (2 * 64 * 64 + 3 * 64 * 10 + 5 * 4 * 2 * 16)
    every = 2 * 2 * (9 * 64 * (2 * 64 + 3 * 10) + 9 * 5 * 4 * 2 * 16 - 4 * 2 * 16)  # the first sees 4 positions only
    assert forward(layer, Pass(batch=2, sequence=9, past=3)) == every
    # transformers multiplies with what the window's cache held (4, here 3) and with all that is new
    counted = 2 * 2 * (2 * 64 * 64 + 3 * 64 * 10 + (3 + 9) * 4 * 2 * 16)
    assert forward(layer, work, "torch") == counted


def test_a_dense_network_beside_experts() -> None:
    module = DenseBesideExperts(hidden_size=8, intermediate_size=20, expert_size=6, num_experts=5, top_k=2)
    experts, router = 3 * 8 * 6, 5 * 8 + 8 + 5
    assert count(module) == 3 * 8 * 20 + 5 * experts + router + 4 * 8
    assert forward(module, Pass(batch=2, sequence=3)) == 6 * 2 * (3 * 8 * 20 + 2 * experts + 5 * 8)


def test_a_layer_gives_the_stream_to_what_normalises_it_itself() -> None:
    branch = DenseBesideExperts(hidden_size=64, intermediate_size=20, expert_size=6, num_experts=5, top_k=2)
    layer = LayerInputLayer(64, CrossLayerAttention(**SIZES), branch, sandwich=True)
    norms = [name for name, child in layer.children.items() if isinstance(child, RMSNorm)]
    assert norms == ["attention_norm", "post_attention_norm", "post_mlp_norm"]
