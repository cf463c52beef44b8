"""Several residual streams, low-rank branches, layers' own inputs, and sparse networks: weights and work by hand."""

from __future__ import annotations

from tests.nn.test_attention import count, forward
from weighbridge.nn import GatedMLP
from weighbridge.nn.altup import AltUp, Laurel, MergedStreams
from weighbridge.nn.per_layer import PerLayerInput
from weighbridge.nn.sparse_mlp import SparseGatedMLP
from weighbridge.tape import Axis, Pass, Tape


def test_altup() -> None:
    module = AltUp(hidden_size=8, streams=3)
    assert count(module) == 2 * 8 + 8 * 3 + 3 * 9 + 3 * 3
    tape = Tape(Pass(batch=2, sequence=5))
    streams = tape.tensor("x", Axis("streams", 3), Axis("batch", 2), Axis("sequence", 5), Axis("hidden", 8))
    predictions = module(streams)
    predicting = sum(o.work.forward for o in tape.operations)
    assert predicting == 10 * 2 * (8 * 3 + 3 * 9 + 8 * 3 * 3)
    corrected = module(predictions, tape.tensor("made", *streams.axes[1:]))
    assert sum(o.work.forward for o in tape.operations) - predicting == 10 * 2 * (8 * 3 + 3 * 3)
    assert corrected.count == predictions.count == streams.count


def test_a_low_rank_branch() -> None:
    module = Laurel(hidden_size=8, rank=2)
    assert count(module) == 2 * 8 * 2 + 8
    assert forward(module, Pass(sequence=7)) == 7 * 2 * 2 * 8 * 2


def test_streams_become_one() -> None:
    module = MergedStreams(hidden_size=8, streams=3)
    assert count(module) == 2 * 8 * 8 + 8
    tape = Tape(Pass(sequence=5))
    made = module(tape.tensor("x", Axis("streams", 3), Axis("batch", 1), Axis("sequence", 5), Axis("hidden", 8)))
    assert sum(o.work.forward for o in tape.operations) == 2 * 5 * 2 * 8 * 8
    assert made.count == 5 * 8


def test_a_layers_own_input() -> None:
    module = PerLayerInput(hidden_size=8, layers=4, size=3)
    assert count(module) == 2 * 8 * 3 + 8
    assert forward(module, Pass(batch=2, sequence=5)) == 10 * 2 * 2 * 8 * 3


def test_a_sparse_network_multiplies_as_a_dense_one() -> None:
    dense, sparse = (kind(8, 20) for kind in (GatedMLP, SparseGatedMLP))
    assert count(dense) == count(sparse)
    assert forward(dense, Pass(sequence=5)) == forward(sparse, Pass(sequence=5))
