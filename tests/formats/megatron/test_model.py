from __future__ import annotations

import pytest

from tests.formats.megatron.samples import GPT, MLA, MOE, request
from weighbridge.errors import InputError
from weighbridge.estimate.parameters import params
from weighbridge.formats.megatron import Request
from weighbridge.nn import MixtureOfExperts


def count(found: Request) -> int:
    return int(params(found.model).total)


def by_hand(vocab: int = 50257, layers: int = 8, hidden: int = 512, ffn: int = 2048, positions: int = 1024) -> int:
    """GPT-2's layout: biases everywhere, LayerNorm, tied embeddings."""
    attention = hidden * 3 * hidden + 3 * hidden + hidden * hidden + hidden
    mlp = 2 * hidden * ffn + ffn + hidden
    return (vocab + positions) * hidden + layers * (attention + mlp + 4 * hidden) + 2 * hidden


def test_the_default_model_is_gpt_2s() -> None:
    assert count(request(GPT)) == by_hand()


def test_untied_embeddings_add_a_head() -> None:
    assert count(request(f"{GPT} --untie-embeddings-and-output-weights")) == by_hand() + 50257 * 512


def test_a_llama() -> None:
    text = f"{GPT} --swiglu --disable-bias-linear --normalization RMSNorm --position-embedding-type rope"
    found = request(f"{text} --group-query-attention --num-query-groups 2 --untie-embeddings-and-output-weights")
    ffn = int((4 * 512 * 2 / 3) / 64) * 64
    layer = 512 * 512 * 2 + 2 * 512 * 128 + 3 * 512 * ffn + 2 * 512
    assert ffn == 1344
    assert count(found) == 2 * 50257 * 512 + 8 * layer + 512


def test_groups_need_their_flag() -> None:
    assert count(request(f"{GPT} --num-query-groups 2")) == by_hand()


def test_add_qkv_bias() -> None:
    bare = f"{GPT} --disable-bias-linear"
    assert count(request(f"{bare} --add-qkv-bias")) - count(request(bare)) == 8 * 3 * 512


def test_qk_layernorm_is_per_head() -> None:
    text = f"{GPT} --normalization RMSNorm"
    assert count(request(f"{text} --qk-layernorm")) - count(request(text)) == 8 * 2 * 64
    assert count(request(f"{GPT} --qk-layernorm")) - by_hand() == 8 * 2 * 2 * 64


def test_experts() -> None:
    layer = 4 * 512 * 512 + 4 * 512 + 8 * 512 + 8 * 3 * 512 * 256
    assert count(request(MOE)) == (50257 + 1024) * 512 + 8 * layer + 2 * 512


def test_experts_are_as_wide_as_the_network_unless_they_say() -> None:
    text = MOE.replace("--moe-ffn-hidden-size 256", "--ffn-hidden-size 256")
    assert count(request(text)) == count(request(MOE))


@pytest.mark.parametrize(("freq", "sparse"), [("1", 8), ("2", 4), ("3", 3), ("([0]*1+[1]*7)", 7)])
def test_moe_layer_freq(freq: str, sparse: int) -> None:
    found = request(f"{MOE} --ffn-hidden-size 1024 --moe-layer-freq {freq}")
    layers = {type(run.module.feed_forward): run.count for run in found.model.network.layers}  # type: ignore[attr-defined]
    assert layers[MixtureOfExperts] == sparse


def test_shared_experts_and_their_gate() -> None:
    text = f"{MOE} --moe-shared-expert-intermediate-size 512"
    assert count(request(text)) - count(request(MOE)) == 8 * 3 * 512 * 512
    assert count(request(f"{text} --moe-shared-expert-gate")) - count(request(text)) == 8 * 512


def test_latent_attention() -> None:
    queries = 512 * 192 + 192 * 8 * (16 + 8)
    keys = 512 * (64 + 8) + 64 * 8 * (16 + 16)
    layer = queries + keys + 8 * 16 * 512 + 2 * 512 * 2048 + 4 * 512
    bare = (50257 + 1024) * 512 + 8 * layer + 2 * 512
    assert count(request(MLA.replace("--qk-layernorm ", ""))) == bare
    assert count(request(MLA)) == bare + 8 * 2 * (192 + 64)
    assert count(request(f"{MLA} --normalization RMSNorm")) == bare + 8 * (192 + 64) - 8 * 2 * 512 - 512
    biased = MLA.replace("--disable-bias-linear", "")
    assert count(request(biased)) - count(request(MLA)) == 8 * (512 + 2048 + 512)


def test_multi_token_prediction_is_counted_apart() -> None:
    text = f"{GPT} --position-embedding-type rope"
    assert count(request(f"{text} --mtp-num-layers 1")) == count(request(text))
    assert request(f"{text} --mtp-num-layers 2").model.network.prediction is not None


def test_hybrid_models() -> None:
    text = GPT.replace("--num-layers 8", "--hybrid-layer-pattern M-M*-") + " --position-embedding-type none"
    found = request(text)
    assert [run.name for run in found.model.network.layers] == ["mamba_layers", "mlp_layers", "attention_layers"]
    assert "hybrid: 5 layers" in found.model.name


def test_vocabularies() -> None:
    bare = GPT.replace("--vocab-size 50257 ", "")
    assert count(request(f"{bare} --tokenizer-type GPT2BPETokenizer")) == by_hand()
    assert count(request(bare, vocab_size=1000)) == by_hand(1000)
    assert count(request(f"{bare} --padded-vocab-size 2000")) == by_hand(2000)
    found = request(bare)
    assert count(found) == by_hand()
    assert "--vocab-size: not given" in found.warnings[0]


def test_a_tokenizer_of_unknown_size() -> None:
    bare = GPT.replace("--vocab-size 50257 ", "")
    with pytest.raises(InputError, match="--vocab-size: missing; HuggingFaceTokenizer does not say"):
        request(f"{bare} --tokenizer-type HuggingFaceTokenizer")
    assert count(request(f"{bare} --tokenizer-type HuggingFaceTokenizer", vocab_size=7)) == by_hand(7)
