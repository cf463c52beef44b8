"""Data types of the cache: bytes with their scales, by hand and as libraries allocate them; and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from weighbridge.errors import InputError
from weighbridge.estimate.inference.inference import infer
from weighbridge.estimate.inference.local import local
from weighbridge.formats.loading import from_raw
from weighbridge.parallel.engine import ENGINES
from weighbridge.parallel.serving import Serving
from weighbridge.report.inference_explained import figures
from weighbridge.units import BLOCK_TYPES, DATA_TYPES


def serving(cache: str, engine: str = "vllm", **fields: Any) -> Serving:
    return Serving(engine=ENGINES[engine], cache=DATA_TYPES.get(cache) or BLOCK_TYPES[cache], **fields)


@pytest.mark.parametrize(("cache", "bits"), [("int8", 8), ("int4", 4)])
def test_vllm_keeps_an_fp32_scale_for_every_head_and_position(cache: str, bits: int) -> None:
    memory = infer("llama-3.1-8b", serving(cache)).memory
    assert memory.cache_per_token == 32 * 2 * 8 * (128 * bits // 8 + 4)


def test_ranks_share_the_scales_as_they_share_heads() -> None:
    one, four, sixteen = (infer("llama-3.1-8b", serving("int4", tensor=n)).memory.cache_bytes for n in (1, 4, 16))
    assert (one, sixteen) == (4 * four, four // 2)  # 16 ranks hold copies of 8 heads


def test_windows_keep_scales_of_what_they_see() -> None:
    memory = infer("gemma-3-1b", serving("int8", prompt=8192, output=8)).memory
    vectors = 4 * 8200 + 22 * 511  # one key/value head of 256 in 26 layers, of which each sixth sees all
    assert memory.cache_of(1, 8200, pages=False) == 2 * vectors * (256 + 4)


def test_states_keep_their_own_type() -> None:
    def held(cache: str) -> int:
        return infer("lfm2-1.2b", serving(cache)).memory.cache_of(1, 100, pages=False)

    keys = 6 * 2 * 8 * 100  # vectors of 64 in six layers of attention
    assert held("bf16") - held("int4") == keys * (64 * 2 - 64 // 2 - 4)


@pytest.mark.parametrize(("bits", "theirs"), [(2, 23_040), (4, 33_280), (8, 53_760)])
def test_transformers_holds_groups_of_64_and_what_waits(bits: int, theirs: int) -> None:
    """``QuantizedCache`` of a Llama of two layers, two key/value heads of 64 and two sequences, in bf16 after 40 and 5
    positions: bytes of its tensors under optimum-quanto 0.2.7 (2 and 4 bits) and hqq 0.2.8 (2, 4 and 8).
    """
    sizes = {"num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 64}
    fields = {"model_type": "llama", "hidden_size": 256, "intermediate_size": 64, "vocab_size": 64, **sizes}
    small = from_raw("small", fields, {}, "")
    memory = infer(small, serving(f"int{bits}", "transformers", prompt=40, output=5)).memory
    assert memory.cache_of(2, 45) == theirs


def test_at_most_127_positions_wait() -> None:
    long, longer = (infer("llama-3.1-8b", serving("int4", "transformers", output=n)) for n in (127, 500))
    assert long.memory.cache_of(1, 2000) == longer.memory.cache_of(1, 2000)
    packed = 32 * 2 * 8 * 128 // 2 + 32 * 2 * 8 * 128 // 64 * 4
    assert long.memory.cache_of(1, 2000) == 1873 * packed + 127 * 131_072


@pytest.mark.parametrize(("cache", "bytes_of_32"), [("fp16", 64), ("q8_0", 34), ("q5_1", 24), ("q4_0", 18)])
def test_llama_cpp_keeps_blocks_of_32(cache: str, bytes_of_32: int) -> None:
    option = local("llama-3.1-8b", "rtx-3060", context=4096, cache=cache).options[0]
    assert option.cache == 4096 * 32 * 2 * 8 * 128 // 32 * bytes_of_32


def test_llama_cpp_keeps_recurrent_states_in_fp32() -> None:
    half, quarter = (
        local("lfm2-1.2b", "rtx-3060", ["F16"], context=1024, cache=c).options[0] for c in ("fp16", "q8_0")
    )
    keys = 6 * 2 * 8 * 64 * 1024
    states = half.cache - 2 * keys
    assert states == quarter.cache - keys * 34 // 32
    assert states == 10 * 2048 * 3 * 4  # the last three positions of 2,048 channels in ten layers


@pytest.mark.parametrize(
    ("model", "kept"),
    [
        ("llama-3.1-8b", serving("int4")),
        ("llama-3.1-8b", serving("int4", "transformers")),
        ("qwen3-4b", serving("nvfp4")),
    ],
)
def test_the_explanation_adds_up(model: str, kept: Serving) -> None:
    found = infer(model, kept)
    explained = figures(found, "kv_cache")[0].value
    assert explained == found.memory.cache_of(found.serving.sequences, kept.prompt + kept.output, pages=False)


@pytest.mark.parametrize(
    ("model", "kept", "words"),
    [
        ("llama-3.1-8b", serving("int2"), "vLLM keeps no int2 cache; allowed: bf16"),
        ("llama-3.1-8b", serving("int4", "sglang"), "SGLang keeps no int4 cache; allowed"),
        ("llama-3.1-8b", serving("int4", "trtllm"), "TensorRT-LLM keeps no int4 cache; allowed"),
        ("llama-3.1-8b", serving("nvfp4", "transformers"), "transformers keeps no nvfp4 cache"),
        ("deepseek-v3", serving("int8"), "vLLM keeps no int8 cache of latents; allowed: bf16, fp16, fp32, fp8, nvfp4"),
        ("gemma-2-9b", serving("int8", "transformers"), "transformers keeps no int8 cache beside states or windows"),
        ("mamba-2.8b", serving("int8", "transformers"), "transformers keeps no int8 cache beside states or windows"),
        ("phi-2", serving("q8_0", "llamacpp"), "q8_0 has blocks of 32, which do not divide heads of 80"),
    ],
)
def test_what_is_refused(model: str, kept: Serving, words: str) -> None:
    with pytest.raises(InputError, match=r"^cache: ") as found:
        infer(model, kept)
    assert words in str(found.value)
    assert "\n" not in str(found.value)
