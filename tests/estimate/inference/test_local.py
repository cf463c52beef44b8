"""Models on one's own devices: what stands where, what one token reads, and how long it takes."""

from __future__ import annotations

from itertools import pairwise

import pytest

from weighbridge.errors import InputError
from weighbridge.estimate.inference.local import Host, Option, local
from weighbridge.estimate.inference.local.builds import BUILDS
from weighbridge.estimate.inference.local.rates import ECC, SHARE, rates
from weighbridge.estimate.inference.local.split import dealt
from weighbridge.formats.gguf.making import make
from weighbridge.formats.loading import load
from weighbridge.hardware import catalogue
from weighbridge.hardware.device import Device

MIB, GIB = 2**20, 2**30


def device(name: str) -> Device:
    found = catalogue.find(name)
    assert found is not None
    return found


def one(model: str, on: str | list[str], name: str = "Q4_K_M", context: int = 4096, **more: object) -> Option:
    return local(model, on, [name], context, **more).options[0]  # type: ignore[arg-type]


# Where layers go ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("layers", "ngl", "shares", "places"),
    [
        (4, 5, [1], [0, 0, 0, 0, 0]),
        (4, 2, [1], [None, None, 0, 0, None]),  # what stands after the layers goes last
        (4, 0, [1], [None] * 5),
        (3, 4, [1, 1], [0, 0, 1, 1]),
        (3, 99, [3, 1], [0, 0, 0, 1]),
        (3, 4, [0, 1], [1, 1, 1, 1]),
    ],
)
def test_layers_are_dealt_as_llama_cpp_deals_them(
    layers: int, ngl: int, shares: list[float], places: list[int | None]
) -> None:
    found = list(dealt(layers, ngl, shares)) if ngl else [None] * (layers + 1)
    assert found == places


def test_as_many_layers_as_fit_go_to_the_device() -> None:
    found = one("llama-3.1-70b", "rtx-4090")
    assert 0 < found.ngl < 81
    assert found.parts[0].fits
    assert not found._dealt(found.ngl + 1)[0].fits
    assert found.parts[-1].layers == tuple(range(80 - found.ngl))


def test_devices_of_different_sizes_get_layers_by_their_memory() -> None:
    large, small, _ = one("llama-3.1-8b", ["rtx-4090", "rtx-3060"]).parts
    assert len(large.layers) == 22
    assert len(small.layers) + small.head == 11
    split = one("llama-3.1-8b", ["rtx-4090", "rtx-3060"], tensor_split=(1, 1)).parts
    assert len(split[0].layers) == 17


@pytest.mark.parametrize("model", ["llama-3.1-8b", "llama-3.2-1b", "qwen3-30b-a3b", "gemma-2-9b"])
@pytest.mark.parametrize("ngl", [None, 0, 7, 99])
def test_what_devices_hold_adds_up(model: str, ngl: int | None) -> None:
    found = one(model, ["rtx-4090", "rtx-3090"], ngl=ngl)
    file = make(load(model), "Q4_K_M")
    tied = found.layers.embedding.bytes if model in ("llama-3.2-1b", "gemma-2-9b") else 0
    assert abs(found.bytes - file.bytes) < 1e-3 * file.bytes  # but for vectors
    assert sum(share.weights for share in found.parts) == found.bytes + tied
    assert found.cache <= sum(share.cache for share in found.parts) <= found.cache + 3
    assert sum(len(share.layers) for share in found.parts) == found.layers.count


def test_one_memory_holds_the_embedding_too() -> None:
    chip, host = one("llama-3.1-8b", "m2-ultra").parts
    assert chip.weights == one("llama-3.1-8b", "m2-ultra").bytes
    assert host.needed == 0
    card, host = one("llama-3.1-8b", "rtx-4090").parts
    assert host.weights == one("llama-3.1-8b", "rtx-4090").layers.embedding.bytes
    assert card.outside == device("rtx-4090").context_bytes


# Buffers --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("context", "build", "mebibytes"),
    [
        (512, "llamacpp-2024", 258.5),  # "CUDA0 compute buffer size" of Llama 3 8B in llama.cpp's logs
        (8192, "llamacpp-2024", 560.0),
        (8192, "llamacpp", 258.5),  # logits of a chunk, where scores are not kept
    ],
)
def test_compute_buffers_are_those_that_llama_cpp_logs(context: int, build: str, mebibytes: float) -> None:
    assert one("llama-3.1-8b", "rtx-4090", context=context, build=build).buffer == mebibytes * MIB


def test_the_cache_is_of_the_whole_context_in_fp16() -> None:
    assert one("llama-3.1-8b", "rtx-4090", context=8192).cache == GIB


# What one token takes -------------------------------------------------------------------------------------------------


def test_kernels_of_a_layer() -> None:
    found = one("llama-2-7b", "rtx-4090", "Q4_0", build="llamacpp-2024")
    run = found.layers.step(64)
    assert BUILDS["llamacpp-2024"].count(run, quantised=True) == 32 * 30 + 5
    assert BUILDS["llamacpp-2024"].count(run, quantised=False) == 32 * 23 + 4
    assert BUILDS["llamacpp"].count(run, quantised=True) < 32 * 30


@pytest.mark.parametrize(
    ("model", "on", "name", "measured", "within"),
    [
        ("llama-2-7b", "rtx-4090", "Q4_0", 146.81, 5),  # ggml-org/llama.cpp pull request 6766
        ("llama-2-7b", "rtx-3090", "Q4_0", 128.27, 7),
        ("llama-2-7b", "h100-pcie", "Q4_K_M", 163.83, 2),  # issue 6763
        ("llama-2-7b", "m2-ultra", "Q8_0", 62.05, 2),  # pull request 2917
        ("llama-2-7b", "m2-ultra", "Q4_0", 88.54, 2),
    ],
)
def test_runs_that_constants_were_read_from(model: str, on: str, name: str, measured: float, within: float) -> None:
    found = one(model, on, name, context=512, build="llamacpp-2024").tokens_per_second(64)
    assert found == pytest.approx(measured, rel=within / 100)


def test_a_published_run_that_nothing_was_read_from() -> None:
    """Llama 3.1 8B Q4_K_M on an M1 Max, 46.2 tokens/s (brand-o/normiebench issue 40, 2026)."""
    assert one("llama-3.1-8b", "m1-max").tokens_per_second(64) == pytest.approx(46.2, rel=0.12)


def test_fewer_bits_are_faster_and_longer_contexts_slower() -> None:
    found = local("llama-3.1-8b", "rtx-3060", ["F16", "Q8_0", "Q6_K", "Q4_K_M"], 2048, ngl=33).options[1:]
    speeds = [option.tokens_per_second(0) or 0.0 for option in found]
    assert speeds == sorted(speeds)
    after = [found[0].tokens_per_second(past) or 0.0 for past in (0, 500, 2000)]
    assert all(before > then for before, then in pairwise(after))


def test_experts_are_read_as_far_as_a_token_meets_them() -> None:
    layers = one("qwen3-30b-a3b", "rtx-4090").layers
    read = sum(sum(layer.read.values()) for layer in layers.layers)
    assert 0.08 < read / sum(layer.bytes for layer in layers.layers) < 0.15


def test_experts_on_the_host() -> None:
    host = Host(device("core-i9-13900k"), 64 * GIB)
    whole = one("qwen3-30b-a3b", "rtx-3090", host=host)
    some = one("qwen3-30b-a3b", "rtx-3090", host=host, host_experts=10)
    all_of_them = one("qwen3-30b-a3b", "rtx-3070", host=host, host_experts=48)
    layers = some.layers.layers
    moved = sum(layer.experts for layer in layers[:10])
    assert moved > 0
    assert some.parts[0].weights == whole.parts[0].weights - moved
    assert some.parts[-1].weights == whole.parts[-1].weights + moved
    assert all_of_them.ngl == 49
    assert all_of_them.parts[0].needed < 3 * GIB
    speeds = [option.tokens_per_second(0) or 0.0 for option in (whole, some, all_of_them)]
    assert speeds == sorted(speeds, reverse=True)
    assert some.prompt_seconds(512) is None


def test_layers_on_the_host_are_slower_and_disk_slower_still() -> None:
    cpu = device("core-i9-13900k")
    whole = one("llama-3.1-8b", "rtx-4090", ngl=33).tokens_per_second(0)
    half = one("llama-3.1-8b", "rtx-4090", ngl=16, host=Host(cpu, 32 * GIB)).tokens_per_second(0)
    tight = one("llama-3.1-8b", "rtx-4090", ngl=16, host=Host(cpu, 2 * GIB, 3e9)).tokens_per_second(0)
    assert whole is not None
    assert half is not None
    assert tight is not None
    assert whole > 2 * half > 2 * tight


def test_what_cannot_run_has_no_speed() -> None:
    cpu = device("core-i9-13900k")
    assert one("llama-3.1-8b", "rtx-4090", ngl=16).tokens_per_second(0) is None  # no processor said
    small = one("llama-3.1-8b", "rtx-4090", ngl=16, host=Host(cpu, GIB))
    assert not small.runs
    assert small.tokens_per_second(0) is None
    assert one("llama-3.1-8b", "gb10").prompt_seconds(512) is None  # nobody published its rate in 16 bits


def test_a_number_of_equal_devices() -> None:
    assert len(local("llama-3.1-8b", "2xH100").devices) == 2
    assert len(local("llama-3.1-8b", ["rtx-4090", "2xH100"]).devices) == 3
    assert len(local("llama-3.1-8b", "h100").devices) == 1


def test_rates_of_devices() -> None:
    checked, plain = device("l40s"), device("rtx-6000-ada")
    assert rates(checked).memory == pytest.approx(SHARE * ECC * checked.memory_bandwidth)
    assert rates(plain).memory == pytest.approx(SHARE * plain.memory_bandwidth)
    a100 = rates(device("a100-pcie"))
    assert a100.units is not None
    assert a100.units < a100.memory  # its multiprocessors, not its memory, limit products with a vector
    apple = rates(device("m1-max"))
    assert apple.rate("q4_k") < apple.rate("q4_0") == apple.rate("fp16")
    assert rates(device("rx-7900-xtx")).units is None


# Errors ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"devices": []}, "devices: none"),
        ({"host_experts": -1}, "host_experts: got -1"),
        ({"host_experts": 3}, "has no experts"),
        ({"context": 0}, "context: got 0; allowed is 1 to 16,777,216"),
        ({"ngl": -1}, "ngl: got -1"),
        ({"ngl": 5, "devices": "epyc-9654"}, "a processor runs all layers"),
        ({"devices": "64xH100"}, "devices: got .64xH100.; allowed is 1 to 16"),
        ({"devices": ["h100"] * 17}, "devices: 17; allowed is 1 to 16"),
        ({"tensor_split": (1, 2)}, "got 2 shares"),
        ({"build": "llamacp"}, "did you mean llamacpp"),
        ({"quantisations": ["Q4_K_X"]}, "Q4_K_S"),
        ({"devices": "rtx-9090"}, "rtx-5090"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(more: dict[str, object], words: str) -> None:
    with pytest.raises(InputError, match=words):
        local("llama-3.1-8b", **{"devices": "rtx-4090", **more})  # type: ignore[arg-type]


def test_one_memory_is_not_counted_twice() -> None:
    """What a chip's driver does not give its GPU is all that its processor has: 16 GiB hold 42 GB nowhere."""
    large = one("llama-3.1-70b", "m1", "Q4_K_M")
    on, host = large.parts
    assert (large.fits, large.runs) == (False, False)
    assert host.capacity == 16 * GIB - on.needed
    mapped = one("llama-3.1-70b", "m1", "Q4_K_M", host=Host(disk=2.5e9))
    assert (mapped.fits, mapped.runs) == (False, True)


def test_a_processor_holds_as_much_as_there_is() -> None:
    whole, half = (
        one("llama-3.1-70b", "core-i9-13900k", "Q4_K_M", host=Host(memory=m, disk=3e9)) for m in (None, 32 * GIB)
    )
    assert whole.fits
    assert not half.fits
    assert half.parts[0].needed <= 32 * GIB
    beyond, seconds = half.parts[1].beyond, half.seconds(0)
    assert seconds is not None
    assert seconds > beyond / 3e9 > 1
