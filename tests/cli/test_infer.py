"""``weighbridge infer``: the answer, its defaults, its options, and every mistake in one line."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

Cli = Callable[..., tuple[int, str, str]]

LLAMA = ("infer", "llama-3.1-8b", "--cluster", "H100")
ALONE = {"shortest": 1.0, "drafted": 0, "accepted": 0.0}
LOAD = ("--prompt", "4096", "--output", "512", "--batch", "32")
DEEPSEEK = ("infer", "deepseek-v3", "--cluster", "8xH200")


def data(cli: Cli, *arguments: str) -> dict[str, object]:
    status, out, err = cli(*arguments, "--json")
    assert (status, err) == (0, "")
    found: dict[str, object] = json.loads(out)
    return found


def test_deepseek_on_one_server_needs_no_options(cli: Cli) -> None:
    found = data(cli, *DEEPSEEK)
    plan, memory = found["plan"], found["memory"]
    assert isinstance(plan, dict)
    assert isinstance(memory, dict)
    assert found["kv_cache_bytes_per_token"] == 70_272
    assert found["fits"] is True
    assert (plan["tensor"], plan["quantisation"]) == (8, "fp8-block")
    assert found["load"] == {"prompt": 1024, "output": 256, "batch": found["max_batch"], "cached_prompt": 0.0, **ALONE}
    assert any("1.23 TiB on 8) as published, in bf16, do not fit" in str(note) for note in found["notes"])  # type: ignore[attr-defined]


def test_as_published_it_does_not_fit_and_the_answer_says_what_would(cli: Cli) -> None:
    status, out, err = cli(*DEEPSEEK, "--quant", "published", "--check")
    assert (status, err) == (3, "")
    assert out.startswith("Does not fit: 159 of 129 GiB that vLLM may take of a GPU, 30.1 GiB too many")
    assert "What would make it fit" in out
    assert "weights in fp8-block" in out


@pytest.mark.parametrize(
    "arguments",
    [(*LLAMA, *LOAD), DEEPSEEK, ("infer", "mamba-130m", "--cluster", "A100"), ("infer", "gpt2", "--cluster", "T4")],
)
def test_parts_of_memory_add_up(arguments: tuple[str, ...], cli: Cli) -> None:
    found = data(cli, *arguments)
    memory, stored = found["memory"], found["weights"]
    assert isinstance(memory, dict)
    assert isinstance(stored, list)
    assert sum(memory[name] for name in ("weights", "kv_cache", "activations", "overhead")) == memory["total_per_gpu"]
    assert sum(entry["bytes"] for entry in stored) == memory["weights"]
    assert found["fits"] is (memory["total_per_gpu"] <= memory["engine_takes"])


def test_one_more_than_the_largest_batch_does_not_fit(cli: Cli) -> None:
    most = data(cli, *LLAMA, *LOAD)["max_batch"]
    assert isinstance(most, int)
    for batch, fits in ((most, True), (most + 1, False)):
        assert data(cli, *LLAMA, "--prompt", "4096", "--output", "512", "--batch", str(batch))["fits"] is fits


def test_recipes_and_files_of_llama_cpp(cli: Cli) -> None:
    found = data(cli, "infer", "qwen3-8b", "--cluster", "RTX-4090", "--quant", "Q4_K_M")
    file = json.loads(cli("params", "qwen3-8b", "--gguf", "Q4_K_M", "--json")[1])["weights"]
    memory = found["memory"]
    assert isinstance(memory, dict)
    assert memory["weights"] == file["total"]
    assert data(cli, "infer", "docs/files/tiny-Q4_0.gguf", "--cluster", "RTX-4090", "--prompt", "8", "--output", "8")


def test_an_fp8_cache_is_half_as_large(cli: Cli) -> None:
    wide, narrow = (data(cli, *LLAMA, *LOAD, "--kv", kind)["kv_cache_bytes_per_token"] for kind in ("bf16", "fp8"))
    assert (wide, narrow) == (131_072, 65_536)


def test_the_parts_of_a_pass_add_up_to_it(cli: Cli) -> None:
    found = data(cli, *LLAMA, *LOAD)
    for name in ("prefill", "decode"):
        run = found[name]
        assert isinstance(run, dict)
        assert sum(run["by_part"].values()) == pytest.approx(run["seconds"])
        assert sum(run["by_bound"].values()) == pytest.approx(run["seconds"])


def test_the_price_of_tokens_is_that_of_gpu_time(cli: Cli) -> None:
    cheap, dear = (data(cli, *LLAMA, *LOAD, "--price", price)["cost_per_million_tokens"] for price in ("2.50", "5"))
    assert isinstance(cheap, dict)
    assert isinstance(dear, dict)
    assert dear["output"] == pytest.approx(2 * cheap["output"])


def test_a_cached_prompt_comes_sooner(cli: Cli) -> None:
    whole, half = (data(cli, *LLAMA, *LOAD, "--cached-prompt", share)["ttft_alone_seconds"] for share in ("0", "0.5"))
    assert isinstance(whole, float)
    assert isinstance(half, float)
    assert half < whole


def test_drafted_tokens_that_are_accepted_come_sooner(cli: Cli) -> None:
    one, more = (data(cli, *LLAMA, *LOAD, *extra) for extra in ((), ("--draft", "2", "--accept", "1.2")))
    assert isinstance(one["tpot_seconds"], float)
    assert isinstance(more["tpot_seconds"], float)
    assert one["tpot_seconds"] / 2.2 < more["tpot_seconds"] < one["tpot_seconds"]
    assert "2 drafted per token and 1.2 accepted" in cli(*LLAMA, *LOAD, "--draft", "2", "--accept", "1.2")[1]


def test_two_servers_share_a_mixture_and_its_experts(cli: Cli) -> None:
    plan = data(cli, "infer", "deepseek-v3", "--cluster", "2x8xH200")["plan"]
    assert isinstance(plan, dict)
    assert (plan["tensor"], plan["data"], plan["expert"]) == (8, 2, 16)


def test_two_servers_share_the_layers_of_a_dense_model_that_one_does_not_hold(cli: Cli) -> None:
    plan = data(cli, "infer", "llama-3.1-405b", "--cluster", "2x8xH100", "--quant", "published")["plan"]
    assert isinstance(plan, dict)
    assert (plan["tensor"], plan["pipeline"], plan["data"]) == (8, 2, 1)


def test_what_a_device_has_no_rate_for_is_said(cli: Cli) -> None:
    found = data(cli, "infer", "gpt2", "--cluster", "13900k")
    assert (found["ttft_seconds"], found["decode"]) == (None, None)
    assert "Intel Core i9-13900K" in str(found["untimed"])
    assert "time  not estimated: no rate of Intel Core" in cli("infer", "gpt2", "--cluster", "13900k")[1]


@pytest.mark.parametrize("device", ["t4", "v100-32gb", "p100", "m2-ultra"])
def test_a_device_without_bf16_serves_in_fp16_and_is_timed(cli: Cli, device: str) -> None:
    found = data(cli, "infer", "qwen3-4b", "--cluster", device, "--batch", "4")
    assert found["untimed"] == ""
    assert found["tpot_seconds"] is not None
    said = cli("infer", "qwen3-4b", "--cluster", device, "--batch", "4")[1]
    assert "fp16 (--dtype): " in said
    assert "weights: published in bf16, served in fp16" in said
    assert "KV cache  147,456 bytes per token in fp16" in said


def test_fp16_can_be_chosen(cli: Cli) -> None:
    wide, half = (data(cli, *LLAMA, *LOAD, "--dtype", name) for name in ("bf16", "fp16"))
    assert wide["memory"] == half["memory"]
    assert "--dtype float16" in cli(*LLAMA, *LOAD, "--dtype", "fp16", "--emit", "vllm")[1]


@pytest.mark.parametrize("load", [("--batch", "2147483648"), ("--prompt", "16000000", "--batch", "9000")])
def test_more_than_can_be_followed_is_said(load: tuple[str, ...], cli: Cli) -> None:
    found = data(cli, *LLAMA, *load)
    assert found["tpot_seconds"] is None
    assert "more than are followed one by one" in str(found["untimed"])


def test_a_chart_shows_more_users(cli: Cli) -> None:
    out = cli(*LLAMA, *LOAD, "--chart")[1]
    assert "What more users at once cost and give" in out
    assert "\n    100 " in out


@pytest.mark.parametrize("width", ["40", "80", "120"])
def test_no_line_is_longer_than_the_window(width: str, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", width)
    for more in ((), ("--chart",), ("--explain",)):
        out = cli(*DEEPSEEK, *more)[1]
        assert max(map(len, out.splitlines())) <= int(width)


def test_lines_are_explained_one_by_one(cli: Cli) -> None:
    assert "cache_bytes = num_hidden_layers * layer" in cli(*LLAMA, "--explain", "--line", "kv_cache")[1]
    assert "mlp" in cli(*LLAMA, "--explain", "--line", "weights")[1]
    assert "TTFT: time to the first token" in cli(*LLAMA, "--explain", "--line", "ttft")[1]
    assert "TPOT: time per token" in cli(*LLAMA, "--explain", "--line", "tpot", "--format", "markdown")[1]
    steps = json.loads(cli(*LLAMA, *LOAD, "--explain", "--line", "kv_cache", "--json")[1])["explanation"]
    assert steps[0]["value"] == 131_072 * (4096 + 512) * 32


def test_the_command_that_starts_it(cli: Cli) -> None:
    status, out, err = cli(*LLAMA, *LOAD, "--kv", "fp8", "--emit", "sglang")
    assert (status, err) == (0, "")
    assert out.startswith("python -m sglang.launch_server")
    assert "--model-path meta-llama/Llama-3.1-8B" in out
    assert "--kv-cache-dtype fp8_e4m3" in out
    assert "--mem-fraction-static 0.88" in out


def test_a_command_for_other_weights_says_so(cli: Cli) -> None:
    status, out, err = cli(*LLAMA, "--quant", "awq", "--emit", "vllm")
    assert status == 0
    assert out.startswith("vllm serve")
    assert err == "weighbridge: warning: weights: meta-llama/Llama-3.1-8B must be a checkpoint in awq\n"


MISTAKES = [
    ([*LLAMA, "--emit", "vllm", "--engine", "sglang"], "--emit vllm: the command of vllm, but --engine is sglang"),
    ([*LLAMA, "--emit", "vllm", "--explain"], "--emit prints the command and nothing else"),
    ([*LLAMA, "--emit", "tgi"], "'tgi' is not one of 'vllm', 'sglang', 'trtllm'"),
    (
        [*LLAMA, "--engine", "vlm"],
        '--engine: got "vlm"; allowed: vllm, sglang, trtllm, transformers',
    ),
    ([*LLAMA, "--engine", "llamacpp"], "llama.cpp runs models for one user: weighbridge local"),
    ([*LLAMA, "--batch", "0"], "'--batch': got 0; allowed is 1 to"),
    ([*LLAMA, "--prompt", "0"], "'--prompt': got 0"),
    ([*LLAMA, "--tp", "2"], "tensor x pipeline x data = 2 GPUs are more than the cluster's 1"),
    (["infer", "llama-3.1-8b", "--cluster", "8xH100", "--tp", "3"], "--tp: 3 does not divide 32 attention heads"),
    (
        ["infer", "llama-3.1-8b", "--cluster", "8xH100", "--tp", "8", "--ep", "2"],
        "--ep: 2, but the model has no experts",
    ),
    ([*DEEPSEEK, "--tp", "8", "--ep", "3"], "--ep: 3 does not divide the 8 ranks"),
    ([*LLAMA, "--quant", "fp9"], '--quant: got "fp9"; allowed: auto, published'),
    (["infer", "gpt2", "--cluster", "V100-32gb", "--quant", "fp8-block"], "--quant: fp8-block: its kernels need CUDA"),
    (
        ["infer", "gpt2", "--cluster", "MI300X", "--quant", "nvfp4"],
        "--quant: nvfp4: AMD Instinct MI300X has no kernels",
    ),
    (["infer", "gpt2", "--cluster", "V100-32gb", "--kv", "fp8"], "--kv: fp8: its kernels need CUDA capability 8.0"),
    ([*LLAMA, "--kv", "int2"], "--kv: vLLM keeps no int2 cache; allowed: bf16"),
    ([*LLAMA, "--kv", "nvfp4"], "--kv: nvfp4: NVIDIA H100 SXM 80 GB has no unit for fp4; allowed: bf16"),
    ([*LLAMA, "--dtype", "fp8"], '--dtype: got "fp8"; NVIDIA H100 SXM 80 GB can serve bf16 and fp16'),
    (["infer", "gpt2", "--cluster", "T4", "--dtype", "bf16"], '--dtype: got "bf16"; NVIDIA T4 can serve fp16'),
    ([*LLAMA, "--kv", "b16"], '--kv: data type "b16" is unknown'),
    (["infer", "gpt2", "--cluster", "H100", "--prompt", "2000"], "gpt2 has learned positions for at most 1,024"),
    ([*LLAMA, "--price", "0"], "--price: got 0; allowed is 0.001 to"),
    ([*LLAMA, "--memory-share", "1.5"], "'--memory-share': got 1.5; allowed is 0.01 to 1"),
    ([*LLAMA, "--memory-share", "nan"], 'got "nan"; expected a number, 0.01 to 1'),
    ([*LLAMA, "--batch", "many"], 'got "many"; expected a whole number, 1 to 2,147,483,648'),
    ([*LLAMA, "--batch", "2.5"], 'got "2.5"; expected a whole number'),
    ([*LLAMA, "--cached-prompt", "nan"], '--cached-prompt\': got "nan"; expected a number'),
    ([*LLAMA, "--draft", "1", "--accept", "2"], "--accept: "),
    ([*LLAMA, "--chunk", "0"], "'--chunk': got 0"),
    ([*LLAMA, "--line", "tpot"], "--line names the line that --explain explains; add --explain"),
    ([*LLAMA, "--depth", "2"], "--depth opens levels of --explain"),
    ([*LLAMA, "--chart", "--explain"], "--chart and --explain are two forms"),
    ([*LLAMA, "--format", "latex"], "--format latex: formulas only; add --explain"),
    ([*LLAMA, "--tp", "1", "--tp", "1"], "--tp: given twice"),
    (["infer", "llama-3.1-8b"], "Missing option '--cluster'"),
    (["infer", "llama-3.1-8b", "--cluster", "8xFoo"], "weighbridge clusters lists"),
]


@pytest.mark.parametrize(
    ("arguments", "message"), MISTAKES, ids=lambda a: " ".join(a)[-40:] if isinstance(a, list) else ""
)
def test_a_mistake_is_answered_in_one_line(arguments: list[str], message: str, cli: Cli) -> None:
    status, out, err = cli(*arguments)
    assert (status, out) == (2, "")
    assert message in err
    assert err.count("\n") == 1


def test_rates_and_sums_are_explained(cli: Cli) -> None:
    asked = ("infer", "llama-3.1-8b", "--cluster", "2xH100", "--json", "--explain", "--line")
    found = {line: json.loads(cli(*asked, line)[1]) for line in ("total", "users", "ttft", "tpot", "speed", "price")}
    served = found["total"]
    value = {step["symbol"]: step["value"] for data in found.values() for step in data["explanation"]}
    assert value["needed"] == served["memory"]["total_per_gpu"]
    full = value[f"needed_with_{served['max_batch']}_sequences"]
    assert full <= served["memory"]["engine_takes"] < full + served["kv_cache_bytes_per_sequence"]
    for name in ("end_to_end_seconds", "tokens_per_second_per_gpu", "tokens_per_second_per_user"):
        assert value[name] == pytest.approx(served[name])
    assert value["ttft"] == pytest.approx(served["ttft_seconds"])
    assert value["tpot"] == pytest.approx(served["tpot_seconds"])
    assert value["dollars_per_million_output"] == pytest.approx(served["cost_per_million_tokens"]["output"])


def test_sizes_are_those_that_go_with_what_is_said(cli: Cli) -> None:
    sizes = json.loads(cli("infer", "mixtral-8x7b", "--cluster", "8xH100", "--tp", "2", "--json")[1])["sizes"]
    assert sizes == {"tp": [1, 2, 4, 8], "pp": [1, 2, 4], "dp": [1, 2, 4], "ep": [1, 2]}
