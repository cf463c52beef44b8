"""What a rank that serves holds, by hand and by what must hold."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from weighbridge.errors import InputError
from weighbridge.estimate.inference.inference import Inference, infer
from weighbridge.estimate.parameters import params
from weighbridge.formats import load

GIB = 2**30


def served(model: str = "llama-3.1-8b", cluster: str | None = "8xH100", **fields: Any) -> Inference:
    return infer(model, cluster=cluster, **fields)


def test_deepseek_v3_keeps_70272_bytes_per_token() -> None:
    assert served("deepseek-v3", "8xH200", tensor=8).memory.cache_per_token == 61 * (512 + 64) * 2 == 70_272


def test_keys_and_values_by_hand() -> None:
    memory = served(batch=4, prompt=1000, output=24).memory
    assert memory.cache_per_token == 2 * 32 * 8 * 128 * 2
    assert memory.cache_bytes == 4 * 1024 * memory.cache_per_token  # 1,024 positions fill 64 pages of 16


def test_a_sequence_takes_whole_pages() -> None:
    one, two = (served(batch=1, prompt=1, output=n).memory.cache_bytes for n in (15, 16))
    assert (one, two) == (16 * 131_072, 32 * 131_072)


def test_ranks_share_heads_until_there_is_one_each() -> None:
    alone, eight = served(batch=2).memory.cache_bytes, served(batch=2, tensor=8).memory.cache_bytes
    assert alone == 8 * eight
    latent = [served("deepseek-v3", tensor=n).memory.cache_bytes for n in (1, 8)]
    assert latent[0] == latent[1]  # every rank holds the latents of all heads


def test_an_eight_bit_cache_takes_half() -> None:
    from weighbridge.units import DATA_TYPES

    assert served(cache=DATA_TYPES["fp8"]).memory.cache_bytes * 2 == served().memory.cache_bytes


@pytest.mark.parametrize("name", ["llama-3.1-8b", "deepseek-v3", "gpt-oss-20b", "qwen3-next-80b-a3b", "gemma-3-27b"])
def test_one_rank_holds_the_whole_model_and_more_hold_no_more(name: str) -> None:
    whole = served(name, quantisation="bf16").memory.weight_bytes
    buffers = params(name).buffers
    assert whole == params(name, "bf16").bytes() + 4 * buffers
    shares = [served(name, quantisation="bf16", tensor=n).memory.weight_bytes for n in (2, 4)]
    assert whole > shares[0] > shares[1]


def test_quantised_weights_are_those_of_the_checkpoint() -> None:
    section = {"quant_method": "awq", "bits": 4, "group_size": 128}
    model = load({**load_raw("llama-3.1-8b"), "quantization_config": section})
    checkpoint = params(model).checkpoint
    assert checkpoint is not None
    assert infer(model).memory.weight_bytes == checkpoint.bytes


def load_raw(name: str) -> dict[str, Any]:
    from weighbridge.models import catalogue

    entry = catalogue.find(name)
    assert entry is not None
    return dict(entry.config)


def test_experts_are_spread() -> None:
    all_of_them, quarter = (served("mixtral-8x7b", expert=n, tensor=4).memory.weight_bytes for n in (1, 4))
    assert all_of_them == quarter  # each expert cut in four, or two whole experts of eight


@pytest.mark.parametrize("name", ["llama-3.1-8b", "gpt-oss-20b"])
def test_the_largest_batch_is_the_largest_that_fits(name: str) -> None:
    memory = served(name, "1xH100", prompt=2000, output=48).memory
    most, pool = memory.max_batch, memory.pool
    assert most
    assert [served(name, "1xH100", prompt=2000, output=48, batch=n).memory.fits for n in (most, most + 1)] == [
        True,
        False,
    ]
    longest = memory.longest_context
    assert longest
    assert pool
    assert memory.cache_of(1, longest) <= pool < memory.cache_of(1, longest + 1)


def test_what_does_not_fit_is_said() -> None:
    memory = served("llama-3.1-405b", "8xH100", tensor=8).memory
    assert memory.fits is False
    assert memory.max_batch == 0
    assert served("llama-3.1-8b", None).memory.fits is None


def test_passes_take_what_their_widest_moment_takes() -> None:
    serving = served(prompt=4096, batch=8).serving
    short = served(prompt=4096, batch=8, chunk=2048).memory.activations
    assert serving.pass_tokens == 8192
    assert short < served(prompt=4096, batch=8).memory.activations < GIB


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"tensor": 3}, "tensor: 3 does not divide 32 attention heads"),
        ({"tensor": 16}, "gpus: tensor x pipeline x data = 16 GPUs are more than the cluster's 8"),
        ({"expert": 2, "tensor": 2}, "expert: 2, but the model has no experts"),
        ({"batch": 0}, "batch: 0; allowed is a whole number from 1"),
        ({"memory_share": 1.5}, "memory_share: 1.5; allowed is above 0 up to 1"),
        ({"quantisation": "awk"}, 'quantisation: got "awk"; allowed: .*did you mean awq'),
        ({"price": -1.0}, "price: got -1.0; allowed is more than 0"),
    ],
)
def test_what_cannot_be_is_said_in_one_line(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        served(**fields)


def test_time_needs_a_cluster() -> None:
    with pytest.raises(InputError, match="cluster: missing"):
        _ = served(cluster=None).tpot


def test_more_users_take_longer_each_and_give_more_together() -> None:
    few, many = served(batch=1), served(batch=64)
    assert few.tpot < many.tpot
    assert few.output_per_second < many.output_per_second
    assert few.ttft_alone == many.ttft_alone < many.ttft


def test_a_found_prefix_is_not_run_again() -> None:
    whole, half = served(prompt=8192), served(prompt=8192, cached_prompt=0.5)
    assert half.ttft_alone < whole.ttft_alone
    assert half.memory.cache_bytes == whole.memory.cache_bytes


def test_narrow_weights_make_tokens_faster() -> None:
    times = [served("llama-3.1-70b", quantisation=q, tensor=4).decode.seconds for q in ("bf16", "fp8-block", "awq")]
    assert times == sorted(times, reverse=True)


def test_a_pipeline_spreads_layers() -> None:
    one, two = served(), served(pipeline=2)
    assert two.memory.weight_bytes == -(-one.memory.weight_bytes // 2)
    assert replace(two.serving, pipeline=1) == one.serving
