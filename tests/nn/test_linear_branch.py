"""Branches replaced by one projection: weights and FLOPs by hand."""

from __future__ import annotations

from weighbridge.estimate.compute import FlopReport, forward_pass
from weighbridge.estimate.parameters import params
from weighbridge.models import Model
from weighbridge.nn import CausalLM, DecoderLayer, Embedding, Head, LinearFeedForward, LinearMixer, Repeat, RMSNorm
from weighbridge.tree import Kind


def test_a_projection_stands_in_the_place_of_each_branch() -> None:
    hidden, vocabulary, layers, tokens = 24, 100, 3, 7
    layer = DecoderLayer(hidden, LinearMixer(hidden), LinearFeedForward(hidden))
    network = CausalLM(
        Embedding(vocabulary, hidden), (Repeat(layer, layers),), RMSNorm(hidden), Head(hidden, vocabulary)
    )
    kinds = params(network).by_kind
    assert (kinds[Kind.ATTENTION], kinds[Kind.MLP]) == (layers * hidden**2, layers * hidden**2)
    assert list(layer.children) == ["attention_norm", "attention", "mlp_norm", "mlp"]
    report = FlopReport(Model.of(network), forward_pass(tokens))
    assert report.forward == 2 * tokens * (2 * layers * hidden**2 + hidden * vocabulary)
    assert report.backward == 2 * report.forward
