"""One method, three bindings: integers, traced numbers (and their rendered text, evaluated), arrays. All agree."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from weighbridge.arithmetic import ceil_div, exact_div, floor_div, maximum, minimum, ratio, scale
from weighbridge.estimate.compute import FlopReport, forward_pass
from weighbridge.estimate.parameters import parameters_of, params
from weighbridge.formats.loading import from_raw
from weighbridge.models import Model, family
from weighbridge.report.formula import expression, symbols
from weighbridge.tree import met, stored

HELPERS = {f.__name__: f for f in (ceil_div, exact_div, floor_div, maximum, minimum, ratio, scale)}


@st.composite
def models(draw: st.DrawFn) -> Model:
    """A random small model of a random family."""
    heads = draw(st.sampled_from([2, 4, 8]))
    kv = draw(st.sampled_from([k for k in (1, 2, 4, 8) if heads % k == 0]))
    sizes = {
        "vocab_size": draw(st.integers(1, 5000)),
        "hidden_size": heads * draw(st.integers(1, 60)),
        "intermediate_size": draw(st.integers(1, 900)),
        "num_hidden_layers": draw(st.integers(1, 12)),
        "num_attention_heads": heads,
    }
    grouped = {**sizes, "num_key_value_heads": kv}
    window = {"sliding_window": draw(st.integers(1, 40))}
    experts = draw(st.integers(1, 9))
    moe = {"num_experts_per_tok": draw(st.integers(1, experts)), "moe_intermediate_size": draw(st.integers(1, 90))}
    shared = {"shared_expert_intermediate_size": draw(st.integers(0, 90))}
    ranks = {"q_lora_rank": draw(st.none() | st.integers(1, 30)), "kv_lora_rank": draw(st.integers(1, 30))}
    latent = {"first_k_dense_replace": draw(st.integers(0, 3)), "n_routed_experts": experts, **ranks, **moe}
    delta = {"linear_num_key_heads": 2, "linear_num_value_heads": draw(st.sampled_from([2, 4]))}
    pattern = {"hybrid_override_pattern": draw(st.text("M*-E", min_size=1, max_size=9))}
    beside = {"enable_moe_block": True, "num_experts": experts, "top_k_experts": 1, "moe_intermediate_size": 9}
    mamba_heads = draw(st.sampled_from([8, 16]))
    kinds: dict[str, dict[str, Any]] = {
        "gpt2": {k: v for k, v in sizes.items() if k != "intermediate_size"},
        "llama": grouped,
        "mistral": {**grouped, **window},
        "mixtral": {**grouped, "num_local_experts": experts, "num_experts_per_tok": moe["num_experts_per_tok"]},
        "qwen2_moe": {**grouped, **moe, **shared, "num_experts": experts},
        "qwen3": grouped,
        "qwen3_next": {**grouped, **moe, **shared, **delta, "num_experts": experts},
        "gemma3_text": {**grouped, **window},
        "gemma3n_text": {**grouped, **window, "num_kv_shared_layers": 0, "altup_num_inputs": draw(st.integers(1, 5))},
        "gemma4_text": {**grouped, **window, "hidden_size_per_layer_input": draw(st.integers(0, 20)), **beside},
        "llama4_text": {**grouped, "attention_chunk_size": draw(st.integers(1, 40)), "num_experts_per_tok": 2},
        "phi3": grouped,
        "deepseek_v3": {**sizes, **latent},
        "gpt_oss": {**grouped, **window, "num_local_experts": experts, "num_experts_per_tok": 1},
        "nemotron_h": {**grouped, **pattern, "mamba_num_heads": mamba_heads, "n_routed_experts": 9},
    }
    kind = draw(st.sampled_from(sorted(kinds)))
    return from_raw(kind, {"model_type": kind, **kinds[kind]}, {}, "")


@settings(max_examples=150, deadline=None)
@given(models())
def test_parameters_as_integers_traced_numbers_and_text(model: Model) -> None:
    report = params(model)
    for quantity in ("total", "active"):
        traced = report.explained(quantity)
        number = getattr(report, quantity)
        assert traced.value == number
        assert eval(expression(traced), HELPERS, symbols(traced)) == number


@settings(max_examples=60, deadline=None)
@given(models(), st.integers(1, 90), st.integers(1, 3), st.sampled_from(["exact", "torch", "megatron"]))
def test_flops_as_integers_traced_numbers_and_text(model: Model, tokens: int, batch: int, convention: str) -> None:
    report = FlopReport(model, forward_pass(tokens, batch), convention)
    traced = report.explained("training")
    assert traced.value == report.training
    assert eval(expression(traced), HELPERS, symbols(traced)) == report.training


SWEPT = ("hidden_size", "intermediate_size", "vocab_size", "num_experts", "n_routed_experts", "moe_intermediate_size")


def bound(config: Any, factor: Any) -> Any:
    """A configuration with some sizes several times as large: for an integer factor, or an array of factors."""
    sizes = {
        n: getattr(config, n) for n in SWEPT if isinstance(getattr(config, n, None), int) and getattr(config, n) > 0
    }
    return replace(config, **{name: size * factor for name, size in sizes.items()})


@settings(max_examples=60, deadline=None)
@given(models(), st.integers(1, 50))
def test_arrays_give_what_integers_give(model: Model, tokens: int) -> None:
    factors = [1, 2, 5]
    build = family(model.model_type).build
    many = build(bound(model.config, np.array(factors, dtype=np.float64)))
    each = [build(bound(model.config, factor)) for factor in factors]
    for copies in (stored, met):
        found: Any = many.node().sum(parameters_of, copies)
        assert np.broadcast_to(found, 3).tolist() == [one.node().sum(parameters_of, copies) for one in each]
    work = forward_pass(tokens)
    swept: Any = FlopReport(Model.of(many), work).training
    assert np.broadcast_to(swept, 3).tolist() == [FlopReport(Model.of(one), work).training for one in each]


@settings(max_examples=60, deadline=None)
@given(models(), st.integers(1, 60), st.integers(0, 60))
def test_sequences_as_arrays(model: Model, tokens: int, past: int) -> None:
    work = forward_pass(np.array([tokens, tokens + 7], dtype=np.float64), past=past)  # type: ignore[arg-type]
    swept: Any = FlopReport(model, work).forward
    single = [FlopReport(model, forward_pass(n, past=past)).forward for n in (tokens, tokens + 7)]
    assert swept.tolist() == single
