"""Seconds of kernels that make tokens: what holds for every curve, and what was measured."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weighbridge.errors import InputError
from weighbridge.hardware.catalogue import device, entries
from weighbridge.hardware.speeds import Speeds, speeds
from weighbridge.hardware.speeds.experts import WEIGHTS, experts_hit
from weighbridge.hardware.speeds.reading import measured, names, rate
from weighbridge.traced import Traced, symbol

chosen = st.sampled_from([entry.device.name for entry in entries()])
batches = st.integers(1, 512)
lengths = st.integers(1, 60_000)


def of(name: str) -> Speeds:
    return speeds(device(name))


def value(number: Any) -> float:
    return float(number.value if isinstance(number, Traced) else number)


# Attention of one new token


@settings(max_examples=200, deadline=None)
@given(chosen, batches, st.sampled_from([1, 2, 8]), lengths, st.sampled_from([64, 128]), st.sampled_from([1, 2]))
def test_no_decode_attention_beats_the_bandwidth_or_gets_faster_with_more(
    name: str, batch: int, kv_heads: int, keys: int, dim: int, kv_bytes: int
) -> None:
    found = of(name)

    def run(batch: int, keys: int, window: int | None = None) -> float:
        return found.decode_attention(batch, 8 * kv_heads, kv_heads, keys, dim, dim, kv_bytes=kv_bytes, window=window)

    seconds = run(batch, keys)
    assert seconds > batch * kv_heads * keys * 2 * dim * kv_bytes / found.device.memory_bandwidth
    assert run(batch + 1, keys) >= seconds
    assert run(batch, keys + 1) >= seconds
    assert run(batch, keys, window=keys) == seconds
    assert run(batch, 4 * keys, window=keys) == run(batch, 8 * keys, window=keys)


@settings(max_examples=100, deadline=None)
@given(chosen, batches, lengths)
def test_numbers_traced_numbers_and_arrays_agree_on_decode_attention(name: str, batch: int, keys: int) -> None:
    found = of(name)
    runs: tuple[Callable[[Any, Any], Any], ...] = (
        lambda b, k: found.decode_attention(b, 32, 8, k, 128, 128),
        lambda b, k: found.decode_attention(b, 32, 8, k, 128, 128, kv_bytes=1, window=1024),
        lambda b, k: found.latent_decode_attention(b, 128, k, 512, 64),
        lambda b, k: found.latent_attention(b, 16, k, k, 192, 128),
    )
    for run in runs:
        plain = run(batch, keys)
        assert value(run(symbol("b", batch), symbol("k", keys))) == pytest.approx(plain, rel=1e-12)
        array: Any = run(np.array([float(batch), 3.0]), float(keys))
        assert array[0] == pytest.approx(plain, rel=1e-12)
        assert array[1] == pytest.approx(run(3, keys), rel=1e-12)


def test_narrow_keys_are_read_faster_and_one_latent_vector_serves_all_heads() -> None:
    h200 = of("h200")
    wide, narrow = (h200.decode_attention(64, 32, 8, 8192, 128, 128, kv_bytes=size) for size in (2, 1))
    assert narrow < 0.8 * wide
    latent = h200.latent_decode_attention(64, 16, 8192, 512, 64)
    assert latent < 0.1 * h200.decode_attention(64, 16, 16, 8192, 192, 128) * 2


MEASURED_DECODE = [
    ("h200", (64, 32, 8, 4096), 2, 270.9e-6),
    ("h200", (8, 32, 8, 8192), 2, 83.3e-6),
    ("h200", (64, 32, 8, 4096), 1, 193.0e-6),
    ("b200", (64, 32, 8, 4096), 2, 158.7e-6),
    ("b200", (1, 32, 8, 65536), 2, 56.4e-6),
]
"""Device; sequences, heads, key heads of 128, keys; bytes of an element; seconds. Source: aiconfigurator-core 0.12.0,
attention/vllm/0.24.0/generation_attention_perf.parquet."""


@pytest.mark.parametrize(("name", "sizes", "kv_bytes", "seconds"), MEASURED_DECODE)
def test_measured_decode_attention(name: str, sizes: tuple[int, int, int, int], kv_bytes: int, seconds: float) -> None:
    assert of(name).decode_attention(*sizes, 128, 128, kv_bytes=kv_bytes) == pytest.approx(seconds, rel=0.15)


MEASURED_LATENT = [
    ("h200", 64, 128, 4096, 134.4e-6),
    ("h200", 256, 128, 8192, 937.5e-6),
    ("b200", 128, 16, 8192, 232.6e-6),
]
"""Device, sequences, heads, keys, seconds; rank 512 and 64 more in 16 bits. Source: the same package,
mla/trtllm/1.3.0rc20/generation_mla_perf.parquet."""


@pytest.mark.parametrize(("name", "batch", "heads", "keys", "seconds"), MEASURED_LATENT)
def test_measured_latent_attention(name: str, batch: int, heads: int, keys: int, seconds: float) -> None:
    assert of(name).latent_decode_attention(batch, heads, keys, 512, 64) == pytest.approx(seconds, rel=0.25)


# Experts


@settings(max_examples=200, deadline=None)
@given(chosen, st.integers(1, 4096), st.sampled_from([1, 2, 8]), st.sampled_from(sorted(WEIGHTS)))
def test_no_experts_beat_the_bandwidth_and_all_kinds_of_numbers_agree(
    name: str, tokens: int, top_k: int, weights: str
) -> None:
    found = of(name)

    def run(tokens: Any) -> Any:
        return found.experts(tokens, top_k, 64, 2048, 1024, weights)

    plain, hit = run(tokens), experts_hit(64, tokens, tokens * top_k)
    assert plain > hit * 3 * 2048 * 1024 * WEIGHTS[weights].bytes / found.device.memory_bandwidth
    assert value(run(symbol("t", tokens))) == pytest.approx(plain, rel=1e-9)
    assert run(np.array([float(tokens), 5.0]))[0] == pytest.approx(plain, rel=1e-9)


def test_random_routing_hits_what_it_can() -> None:
    assert experts_hit(64, 1, 8) == pytest.approx(8)
    assert experts_hit(64, 2, 16) == pytest.approx(64 * (1 - (1 - 1 / 8) ** 2))
    assert experts_hit(64, 4096, 8 * 4096) == pytest.approx(64)
    h200 = of("h200")
    assert h200.experts(1, 8, 256, 7168, 2048) < h200.experts(16, 8, 256, 7168, 2048) / 5
    assert h200.experts(16, 8, 256, 7168, 2048, gpus=8) < h200.experts(16, 8, 256, 7168, 2048) / 3
    assert h200.experts(64, 8, 256, 7168, 2048, hit=128) < 0.6 * h200.experts(64, 8, 256, 7168, 2048)


MEASURED_EXPERTS = [
    ("h200", "bf16", (16, 8, 128, 4096, 1536), 1097e-6),
    ("h200", "fp8_block", (32, 8, 256, 6144, 2048), 2279e-6),
    ("h200", "int4", (48, 8, 384, 7168, 2048), 2783e-6),
    ("b200", "bf16", (16, 8, 128, 4096, 1536), 668e-6),
    ("b200", "nvfp4", (64, 8, 256, 6144, 2048), 772e-6),
]
"""Device, weights; tokens, experts of each, experts, hidden, width; seconds; every expert is hit. Source: the same
package, moe/vllm/0.24.0/moe_perf.parquet, balanced."""


@pytest.mark.parametrize(("name", "weights", "sizes", "seconds"), MEASURED_EXPERTS)
def test_measured_experts(name: str, weights: str, sizes: tuple[int, int, int, int, int], seconds: float) -> None:
    assert of(name).experts(*sizes, weights, hit=sizes[2]) == pytest.approx(seconds, rel=0.15)


def test_weights_without_a_curve_are_one_line() -> None:
    message = (
        r'^weights: no curve is of experts in "int3"; allowed: bf16, fp8, fp8_block, nvfp4, mxfp4, mxfp4_mxfp8, int4$'
    )
    with pytest.raises(InputError, match=message):
        of("h100").experts(1, 2, 8, 4096, 14336, "int3")


@given(chosen, st.integers(1, 512), st.sampled_from([4, 8]))
def test_weights_of_few_bits_are_read_faster_and_multiplied_no_faster(name: str, rows: int, bits: int) -> None:
    found = of(name)
    seconds = found.weight_only(rows, 8192, 8192, bits)
    assert seconds > 8192 * 8192 * bits / 8 / found.device.memory_bandwidth
    assert seconds > 2 * rows * 8192 * 8192 / rate(found.device)
    assert value(found.weight_only(symbol("m", rows), 8192, 8192, bits)) == pytest.approx(seconds, rel=1e-12)


def test_one_row_of_integers_of_four_bits_takes_half_of_sixteen() -> None:
    for name in ("a100", "h100"):
        assert of(name).weight_only(1, 16384, 16384) < 0.6 * of(name).matmul(1, 16384, 16384)


# How well the curves fit


@pytest.mark.parametrize("name", names())
def test_usual_sizes_are_met_within_twenty_percent_on_the_median(name: str) -> None:
    """Of kernels of every size down to launches alone; decode attention on Hopper and Blackwell within 8 %."""
    fits = measured(name).fits
    kinds = [
        kind for kind in fits if kind.split(".")[0] in ("decode", "latent", "latent_attention", "experts", "direct")
    ]
    assert len(kinds) >= 4
    assert all(fits[kind].usual_median < 0.2 for kind in kinds)
    if name[:2] in ("h1", "h2", "b2", "b3", "gb"):
        assert all(fits[kind].usual_median < 0.08 for kind in ("decode.bf16", "decode.fp8"))
