"""The panels of serving many users and of one's own devices: typed by hand, changed by one click, explained."""

from __future__ import annotations

from typing import Any

import pytest

from tests.browser.taking import axe
from tests.browser.test_exports import quiet
from tests.browser.test_said import SHOW
from tests.browser.writing import dollars, seconds, three
from weighbridge.answer import answer
from weighbridge.units import gibibytes

SERVED = "#infer?model=llama-3.1-70b&cluster=8xh100"

OWN = "#local?model=llama-3.1-8b"


def served(model: str, cluster: str, **options: Any) -> dict[str, Any]:
    """What the command line says of a deployment."""
    return answer({"ask": "infer", "model": model, "options": {"cluster": cluster, "advice": False, **options}})


def local(model: str, *devices: str, **options: Any) -> dict[str, Any]:
    """What the command line says of one's own devices."""
    return answer({"ask": "local", "model": model, "options": {"on": list(devices), **options}})


def test_a_deployment_typed_by_hand(visit: Any) -> None:
    page = visit("#infer?model=llama-3.1-70b").ready()
    page.open("Cluster")
    page.choose("cluster-device", "h200")
    page.type("cluster-count", "4")
    page.type("price", "3.5")
    page.open("What users ask")
    page.type("infer.prompt", "4000")
    page.type("infer.output", "500")
    page.type("infer.batch", "64")
    page.open("Formats")
    page.type("infer.quant", "fp8-block")
    page.type("infer.kv", "fp8")
    page.open("Engine and parallelism")
    page.until("[...document.getElementById('infer.tp').options].some(one => one.value === '2')")
    page.choose("infer.tp", "2")
    page.until("[...document.getElementById('infer.dp').options].some(one => one.value === '2')")
    page.choose("infer.dp", "2")
    options = {"prompt": 4000, "output": 500, "batch": 64, "quant": "fp8-block", "kv": "fp8", "tp": 2, "dp": 2}
    expected = served("llama-3.1-70b", "4xH200", price="3.5", **options)
    page.shows(f"{expected['max_batch']:,}")
    page.shows(f"It fits: {gibibytes(expected['memory']['total_per_gpu'])} needed")
    page.shows("64 at once, each with 4,000 tokens in and 500 out")
    page.shows(seconds(expected["ttft_seconds"]))
    page.shows(seconds(expected["tpot_seconds"]))
    page.shows(seconds(expected["inter_token_seconds"]))
    page.shows(f"{round(expected['tokens_per_second_per_gpu']):,}")
    cost = expected["cost_per_million_tokens"]
    page.shows(dollars(cost["output"]))
    page.shows(dollars(cost["input"]))
    page.shows(f"{three(expected['joules_per_million_tokens']['output'] / 3600)} Wh")
    page.shows(f"half of {expected['error_bands'][0]['n']:,} measured")
    page.shot("inference-by-hand", whole=True)


@pytest.mark.parametrize(
    ("group", "field", "text", "said"),
    [
        ("Formats", "infer.quant", "fp7", "allowed: auto"),
        ("Formats", "infer.kv", "fp7", "is unknown"),
        ("Engine and parallelism", "infer.engine", "vlm", "allowed: vllm"),
        ("Engine and parallelism", "infer.memory_share", "2", "allowed is 0.01 to 1"),
        ("What users ask", "infer.prompt", "0", "allowed is 1"),
        ("Cluster", "price", "cheap", "dollars per GPU and hour"),
        ("How the model is read", "infer.set", "num_layers", "field=value"),
    ],
)
def test_what_is_wrong_stands_beside_its_field(visit: Any, group: str, field: str, text: str, said: str) -> None:
    visit(SERVED, engine="service").ready().settled().refuses(group, field, text, said)


def test_what_does_not_fit_is_said_and_mended_by_one_click(visit: Any) -> None:
    page = visit("#infer?model=llama-3.1-70b&cluster=1xh100&infer.quant=bf16", engine="service").ready().settled()
    expected = served("llama-3.1-70b", "1xH100", quant="bf16")["memory"]
    page.shows(gibibytes(expected["total_per_gpu"]))
    page.shows(f"It does not fit: {gibibytes(expected['total_per_gpu'] - expected['engine_takes'])} too many")
    page.press("Apply: weights in fp8-block")
    page.shows("It fits")
    assert "infer.quant=fp8-block" in page.fragment()
    page.page.go_back()
    page.shows("It does not fit")
    page.press("Apply: 2 GPUs")
    page.shows("It fits")
    page.shows("2 x NVIDIA H100")


def test_figures_open_their_formulas(visit: Any) -> None:
    page = visit(SERVED, engine="service").ready().settled()
    expected = served("llama-3.1-70b", "8xH100")
    page.page.locator(".sentence .large .figure").click()
    page.explains(f"{expected['memory']['engine_takes']:,}")
    page.figure(seconds(expected["ttft_seconds"]))
    page.explains("own_pass")
    page.explains("The pass of a prompt, operation by operation")
    page.figure("320 KiB")
    page.explains("kv_cache_bytes_per_token")
    page.figure(seconds(expected["inter_token_seconds"]))
    page.explains("tokens_per_pass")
    page.figure(f"{three(expected['joules_per_million_tokens']['output'] / 3600)} Wh")
    page.explains("decode_seconds_at_the_limit")
    page.figure(f"{expected['longest_context']:,}")
    page.explains("with one more token")
    page.figure(dollars(expected["cost_per_million_tokens"]["output"]))
    page.explains("dollars_per_second")
    page.figure("16.4 GiB")
    page.explains("num_hidden_layers")


FIGURES = "[...new Set([...document.querySelectorAll('main .figure')].map((one) => one.dataset.of))]"

PLAIN = r"""() => {
  const places = 'main .facts dd:not(.also), main .view td.number';
  const numbers = [...document.querySelectorAll(places)].filter((one) => /\d/.test(one.innerText));
  const opens = (one) => one.querySelector('.figure') || one.closest('tr')?.querySelector('.figure');
  const plain = numbers.filter((one) => !opens(one)).map((one) => (one.closest('tr') ?? one.parentElement).innerText);
  return numbers.length > 20 ? plain : ['no numbers are there'];
}"""
"""Facts, and rows of tables, with numbers none of which opens anything."""

DRAWN = """(x) => {
  const drawer = document.getElementById('drawer');
  const open = [...document.querySelectorAll('main .figure[aria-expanded="true"]')].some((one) => one.dataset.of === x);
  return open && drawer?.getAttribute('aria-busy') === 'false' && drawer.children.length > 1;
}"""

OPENED = "document.querySelectorAll('#drawer > .step > .equation .katex, #drawer .beside tbody tr').length"


@pytest.mark.parametrize(
    "fragment",
    [
        "#infer?model=deepseek-v3&cluster=8xh200",
        "#infer?model=llama-3.1-70b&cluster=1xh100&infer.quant=bf16",
    ],
)
def test_every_figure_opens_an_equation_or_a_table(visit: Any, fragment: str) -> None:
    page = quiet(visit(fragment, "service").ready().settled())
    page.unfold()
    assert page.page.evaluate(PLAIN) == []
    found = page.page.evaluate(FIGURES)
    assert len(found) > 20
    for figure in found:
        page.page.evaluate(SHOW, figure)
        page.page.wait_for_function(DRAWN, arg=figure)
        assert page.page.locator("#drawer .problem").count() == 0, figure
        assert page.page.evaluate(OPENED) > 0, figure


def test_d_the_effect_of_precision_on_memory_and_speed(visit: Any) -> None:
    """System D's second task, for its LLaMA-7B: the same deployment by formats of weights and of the cache."""
    page = visit("#infer?model=llama-7b&cluster=1xa100").ready().settled()
    table = page.page.get_by_role("region", name="By quantisation")
    page.until("!document.querySelector('main').innerText.includes('…')")
    for row in ("bf16", "int8", "nf4"):
        line = table.locator("tr", has=page.page.locator("th[scope='row']", has_text=row)).first
        said = line.inner_text()
        for cache in ("bf16", "fp8"):
            expected = served("llama-7b", "1xA100", quant=row, kv=cache)
            assert gibibytes(expected["memory"]["weights"]) in said
            assert f"{expected['max_batch']:,}" in said
            assert seconds(expected["tpot_seconds"]) in said
            assert dollars(expected["cost_per_million_tokens"]["output"]) in said
    table.get_by_role("button", name="nf4, KV cache in fp8").first.click()
    page.explains("with one more sequence")
    table.get_by_role("button", name="weights in nf4").first.click()
    expected = served("llama-7b", "1xA100", quant="nf4", kv="bf16")
    page.shows(f"{expected['max_batch']:,}")
    assert "infer.quant=nf4" in page.fragment()


def test_d_a_deployment_for_a_scenario(visit: Any) -> None:
    """System D's third task: how many users of long prompts there are, and what they get."""
    page = visit("#infer?model=llama-13b&cluster=1xa100").ready().settled()
    page.open("What users ask")
    page.type("infer.prompt", "1800")
    page.type("infer.output", "200")
    expected = served("llama-13b", "1xA100", prompt=1800, output=200)
    page.shows("sequences of 2,000 tokens at once")
    page.shows(f"{expected['max_batch']:,}")
    for title in ("KV cache against context and users", "What more users cost each of them"):
        page.shows(title)
    users = answer(
        {
            "ask": "infer",
            "model": "llama-13b",
            "with": ["users"],
            "options": {"cluster": "1xA100", "prompt": 1800, "output": 200, "advice": False},
        }
    )["users"]
    page.page.locator("section", has_text="What more users cost").locator("details.data summary").first.click()
    for one in users:
        page.shows(seconds(one["tpot_seconds"]))


def test_the_command_that_starts_it(visit: Any) -> None:
    page = visit(f"{SERVED}&infer.engine=sglang", "service").ready().settled()
    page.page.locator("summary", has_text="The command that starts it").click()
    page.shows("sglang.launch_server")
    page.shows("--tp-size 8")


def test_ones_own_devices(visit: Any) -> None:
    page = visit(OWN).ready().settled()
    first = local("llama-3.1-8b", "rtx-3060")
    assert first["chosen"] == "Q8_0"
    page.shows("Q8_0")
    page.shows("the largest that fits, at 38 tokens per second")
    page.page.locator(".sentence .large .figure").click()
    page.explains("tokens_per_second")
    page.open("Devices")
    page.choose("local.on", "rtx-4090")
    page.press("Add a device")
    page.choose("local.on.1", "rtx-3060")
    page.open("Processor and memory")
    page.type("local.cpu", "core-i9-13900k")
    page.type("local.ram", "64GiB")
    page.open("Files and context")
    page.type("local.gguf", "Q3_K_M,Q4_K_M,Q5_K_M")
    page.open("Model")
    page.page.locator("#model-search").fill("llama-3.1-70b")
    page.page.locator(".models").get_by_role("button", name="llama-3.1-70b").first.click()
    options = {"cpu": "core-i9-13900k", "ram": "64GiB", "gguf": "Q3_K_M,Q4_K_M,Q5_K_M"}
    expected = local("llama-3.1-70b", "rtx-4090", "rtx-3060", **options)
    best = expected["options"][0]
    page.shows(f"{best['ngl']} of {best['layers']} layers are there")
    page.shows(three(best["tokens_per_second"]))
    for share in best["by_device"]:
        page.shows(gibibytes(share["needed"]))
    page.page.get_by_role("button", name="Q5_K_M", exact=True).click()
    page.shows("Q5_K_M by device")
    page.shot("own-devices", whole=True)
    page.press("Remove NVIDIA GeForce RTX 4090")
    page.until("!location.hash.includes('4090')")
    page.page.go_back()
    page.until("location.hash.includes('4090')")


def test_figures_of_ones_own_devices_open(visit: Any) -> None:
    """Those of the sentence, of every quantisation in the table, and of every device."""
    page = visit(f"{OWN}&local.cpu=core-i9-13900k&local.ram=64GiB", engine="service").ready().settled()
    found = local("llama-3.1-8b", "rtx-3060", cpu="core-i9-13900k", ram="64GiB")
    options = {one["quantisation"]: one for one in found["options"]}
    assert (found["chosen"], options["F16"]["verdict"]) == ("Q8_0", "with the host")
    opens(page, ".sentence [data-of='tokens_per_second:Q8_0']", "tokens_per_second", options["Q8_0"])
    page.unfold()
    page.explains("attained_bandwidth")
    opens(page, ".sentence [data-of='prompt_tokens_per_second:Q8_0']", "prompt_tokens_per_second", options["Q8_0"])
    opens(page, "table [data-of='tokens_per_second_full:F16']", "tokens_per_second_full", options["F16"])
    page.unfold()
    page.explains("host_seconds")
    for figure in ("weights", "cache", "buffers"):
        opens(page, f"table [data-of='{figure}:Q4_K_M']", figure, options["Q4_K_M"])
    page.page.get_by_role("button", name="F16", exact=True).click()
    for place, name in enumerate(("rtx_3060", "host")):
        needed = options["F16"]["by_device"][place]["needed"]
        opens(page, f"[data-of='needed:F16:{place}']", f"{name}_needed", {f"{name}_needed": needed})
    page.shot("own-devices-explained")


def opens(page: Any, figure: str, symbol: str, option: dict[str, Any]) -> None:
    """Click a figure: the drawer holds its formula, whose value is the answer's."""
    page.page.locator(figure).first.click()
    page.until("document.querySelector('#drawer .equation')?.ariaLabel.startsWith(arg)", f"{symbol} = ")
    label = page.page.locator("#drawer .equation").first.get_attribute("aria-label")
    assert float(label.rsplit(" = ", 1)[1]) == pytest.approx(option[symbol], rel=1e-12)


def test_what_no_device_holds_is_said(visit: Any) -> None:
    page = visit("#local?model=deepseek-v3&local.ram=8GiB", engine="service").ready().settled()
    page.shows("None of them fits")
    page.open("Processor and memory")
    page.type("local.ram", "much")
    page.page.wait_for_selector("[id='local.ram-problem']")


@pytest.mark.parametrize("fragment", [SERVED, "#infer?model=llama-3.1-70b&cluster=1xh100&infer.quant=bf16", OWN])
@pytest.mark.parametrize(
    ("language", "look", "size"), [("en-GB", "light", "wide"), ("zh-CN", "dark", "phone"), ("zh-TW", "dark", "desktop")]
)
def test_axe_finds_nothing(visit: Any, fragment: str, language: str, look: str, size: str) -> None:
    page = visit(fragment, "service", language=language, look=look, size=size).ready().settled()
    page.page.wait_for_selector("main .chart canvas")
    page.unfold()
    assert axe(page) == []
    assert page.narrow() <= 0
    name = fragment[1:].partition("?")[0] + ("-not" if "quant" in fragment else "")
    page.shot(f"{name}-{language}-{look}-{size}", whole=True)
