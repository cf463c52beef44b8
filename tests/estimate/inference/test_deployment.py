"""Deployments of which little is said: what is chosen, and that it is said."""

from __future__ import annotations

import pytest

import weighbridge as wb
from weighbridge.errors import InputError
from weighbridge.estimate.inference.deployment import MOST_USERS, Deployment, deploy, layouts
from weighbridge.estimate.inference.supported import LEAST, lacking
from weighbridge.hardware.catalogue import find
from weighbridge.report.inference_tables import by_format


def said(found: Deployment) -> str:
    return "\n".join(found.chosen)


def test_weights_stay_as_published_where_they_fit() -> None:
    found = deploy("llama-3.1-8b", "H100")
    assert found.stored == "published"
    assert "weights" not in said(found)


def test_the_widest_format_that_fits_is_taken() -> None:
    assert deploy("llama-3.1-70b", "H200").stored == "fp8-block"
    assert deploy("llama-3.1-70b", "2xRTX-4090").stored == "w4a16"
    found = deploy("llama-3.1-8b", "A10")
    assert found.stored == "published"
    assert deploy("qwen3-14b", "A10").stored == "w4a16", "an A10 has no unit for fp8"


def test_a_quantised_checkpoint_is_not_quantised_again() -> None:
    assert deploy("docs/files/qwen3-0.6b-fp8", "H100").inference.storage is not None


def test_what_is_published_in_32_bits_is_served_in_16() -> None:
    found = deploy("gpt2", "H100")
    assert found.inference.dtype.name == "bf16"
    assert "published in fp32, served in bf16" in said(found)
    assert deploy("gpt2", "H100", quantisation="fp32").inference.dtype.name == "fp32"


def test_users_are_as_many_as_fit_and_no_more_than_engines_take() -> None:
    found = deploy("deepseek-v3", "8xH200").inference
    assert found.serving.batch == found.memory.max_batch
    assert found.memory.fits
    assert deploy("gpt2", "H100", prompt=64, output=64).inference.serving.batch == MOST_USERS


def test_lengths_keep_to_learned_positions() -> None:
    serving = deploy("gpt2", "H100").inference.serving
    assert (serving.prompt, serving.output) == (768, 256)
    with pytest.raises(InputError, match="learned positions for at most 1,024"):
        deploy("gpt2", "H100", prompt=1000, output=100)


def test_heads_bound_the_tensor_parallel_size() -> None:
    serving = deploy("smollm2-135m", "8xH100").inference.serving
    assert 9 % serving.tensor == 0, "it has nine heads"
    assert serving.gpus == 8


def test_sizes_that_are_said_stay() -> None:
    machines, model = wb.cluster("8xH100"), wb.load("llama-3.1-8b")
    assert list(layouts(model, machines, {"tensor": 2})) == [{"tensor": 2, "pipeline": 1, "data": 1, "expert": 1}]
    found = deploy(model, machines, tensor=2, batch=1)
    assert "2 of the cluster's 8 GPUs are used" in said(found)


@pytest.mark.parametrize("name", LEAST)
def test_every_format_has_a_device(name: str) -> None:
    device = find("b200")
    assert device is not None
    assert not lacking(device, name)


def test_it_prints_itself() -> None:
    assert str(deploy("llama-3.1-8b", "H100", batch=1)).startswith("Fits: ")


@pytest.mark.parametrize(("name", "formats"), [("bf16", {"bf16"}), ("nvfp4", {"bf16", "nvfp4, blocks of 16"})])
def test_names_of_engines_go_before_those_of_llama_cpp(name: str, formats: set[str]) -> None:
    """llama.cpp has types of the same names, and puts norms into fp32 and heads into types of their own."""
    found = deploy("llama-3.1-8b", "B200", quantisation=name, batch=1)
    assert {stored for _, stored in by_format(found.inference)} == formats
