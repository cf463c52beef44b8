"""The panel of scaling laws: what people type, slide and paste, with the figures of papers and of the command line."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.browser.driving import Driver
from tests.browser.taking import axe, table
from weighbridge import scaling
from weighbridge.laws import LAWS

OWN: dict[str, Any] = {
    "law": {
        "name": "of-my-runs",
        "title": "ours",
        "data": "runs",
        "fitted": {"parameters": {"low": 1e7, "high": 1e10}},
    },
    "constants": {"e": {"value": 1.8}, "a": {"value": 480.0}, "b": {"value": 2000.0}, "alpha": 0.35, "beta": 0.37},
    "covariance": None,
}
"""A law as ``weighbridge scaling fit --json`` prints it, of made-up constants."""


def open_scaling(visit: Any, query: str = "", engine: str = "service", **how: Any) -> Driver:
    page: Driver = visit(f"#scaling{query}", engine, **how).ready()
    page.page.wait_for_selector("main .sentence")
    return page


def test_a_budget_typed_gives_the_optimum_under_each_law(visit: Any) -> None:
    page = open_scaling(visit, "?scaling.compute=1e21", "browser")
    page.type("scaling.compute", "5.76e23")
    page.shows("68.9B")
    page.settled()
    page.shows("67.8B")  # approach 1 of the paper: 67B (table 3)
    page.shows("40.4B")  # approach 3: 40.3B (section D.3)
    page.shows("55.4B – 94.2B")  # 80 % interval of Besiroglu et al.
    _, *lines = table(page, "Law by law")
    said = scaling(compute="5.76e23")
    assert [line[0] for line in lines] == [answer.law.name for answer in said.answers]
    for line, answer in zip(lines, said.answers, strict=True):
        assert [float(line[1]), float(line[2])] == pytest.approx([answer.model.parameters, answer.model.tokens])
        assert (float(line[4]) if line[4] else None) == (None if answer.loss is None else pytest.approx(answer.loss))
    page.shows("far: × 1,920")
    page.shot("scaling", whole=True)


def test_every_figure_of_a_law_with_a_formula_opens_it(visit: Any) -> None:
    page = open_scaling(visit)
    page.page.get_by_role("button", name="besiroglu, loss: 1.974").click()
    page.explains("2085.43")
    page.explains("Hoffmann et al. 2022, eq. 2")
    page.page.get_by_role("button", name="hoffmann-1, parameters: 67.8B").click()
    page.explains("table 3")
    page.page.get_by_role("button", name="krajewski, parameters:").click()
    page.explains("found by a search: there is no formula")
    page.shot("scaling-explained")


def test_days_dollars_and_the_middle_of_the_laws_open_theirs(visit: Any) -> None:
    of_a_budget = {
        "68.9B, parameters, middle of the laws": "median of the laws",
        "tokens, least of the laws": "least of the laws",
        "16.5": "86,400",
        "besiroglu, tokens per parameter": "tokens_per_parameter",
        "hoffmann-2, compute ×: 192": "largest_run",
        "deepseek, batch size": "batch_exponent",
    }
    of_a_model = {
        "times the optimum, middle of the laws": "times_optimal_middle",
        "besiroglu, Optimal parameters": "compute-optimal",
        "besiroglu, Of its FLOPs": "equal_loss_share",
        "besiroglu, Saved": "of the FLOPs of training and of serving",
        "krajewski, loss": "Krajewski et al. 2024, eq. 9",
    }
    model = "?scaling.parameters=13B&scaling.tokens=1T&scaling.inference_tokens=2T"
    for query, opened in (("", of_a_budget), (model, of_a_model)):
        page = open_scaling(visit, query)
        for name, formula in opened.items():
            page.page.get_by_role("button", name=name).first.click()
            page.explains(formula)


def test_cost_of_reference_system_d_by_hand(visit: Any) -> None:
    """LLaMA-7B on 1T tokens: 6 N D FLOPs, at an efficiency of 50 % on 1,000 A100s of 2 dollars."""
    page = open_scaling(visit, "?scaling.law=hoffmann-3", "browser")
    page.page.get_by_role("button", name="Size and tokens").click()
    page.type("scaling.parameters", "6738415616")
    page.type("scaling.tokens", "1T")
    page.open("Cluster")
    page.choose("cluster-device", "a100")
    page.type("cluster-count", "1000")
    page.type("scaling.mfu", "0.5")
    page.type("price", "2")
    days = 6 * 6_738_415_616 * 1e12 / (1000 * 312e12 * 0.5) / 86_400
    page.shows(f"{days:.3g}")  # 3
    page.shows(f"{24 * days * 1000 / 1e3:.3g}K")
    page.page.wait_for_selector(f"text=${24 * days * 1000 * 2 / 1e3:.3g},000")
    page.shot("scaling-cost")


def test_days_and_dollars_say_the_budget(visit: Any) -> None:
    page = open_scaling(visit, "?cluster=512xh100&scaling.mfu=0.4&price=2.5")
    page.type("scaling.days", "30")
    page.until("location.hash.includes('scaling.days=30')")
    page.until("document.getElementById('scaling.compute').placeholder === '5.25e23'")
    said = scaling(days=30, law="hoffmann-1", cluster="512xh100", mfu=0.4, price=2.5)
    assert f"{said.question.compute:.3g}" == "5.25e+23"
    page.shows("369K")  # GPU hours: 30 x 24 x 512
    page.type("scaling.dollars", "1,000,000")
    page.until("location.hash.includes('scaling.dollars=1%2C000%2C000') && !location.hash.includes('scaling.days')")
    page.until("document.getElementById('scaling.compute').placeholder === '5.7e23'")
    assert page.field("scaling.days").input_value() == ""
    page.until("document.getElementById('scaling.days').placeholder === '32.6'")
    page.type("scaling.dollars", "much")
    page.shows("got much; expected dollars such as 1M")
    page.type("scaling.compute", "1e22")
    page.until("!location.hash.includes('scaling.dollars')")
    page.shows("1e22 FLOPs")


def test_an_address_keeps_the_days_that_were_typed(visit: Any) -> None:
    page = open_scaling(visit, "?cluster=512xh100&scaling.mfu=0.4&price=2.5&scaling.days=30")
    page.shows("5.25e23 FLOPs")
    assert page.field("scaling.days").input_value() == "30"
    assert page.field("scaling.compute").input_value() == ""


def test_the_slider_moves_the_budget_with_the_keyboard(visit: Any) -> None:
    page = open_scaling(visit, "?scaling.compute=1e22")
    slider = page.page.get_by_label("Compute budget, on a logarithmic scale")
    slider.focus()
    for _ in range(5):
        slider.press("ArrowRight")
    page.until("location.hash.includes('scaling.compute=1.26e22')")
    assert page.field("scaling.compute").input_value() == "1.26e22"


def test_serving_and_repetition(visit: Any) -> None:
    page = open_scaling(visit, "?scaling.parameters=13B")
    page.open("Serving, repeated data")
    page.type("scaling.inference_tokens", "2T")
    page.shows("6.97B")  # figure 1 of Sardana et al. 2023: 7B in place of 13B
    page.shows("17.4%")
    page = open_scaling(visit, "?scaling.compute=9.3e21")
    page.open("Serving, repeated data")
    page.type("scaling.unique_tokens", "25B")
    page.shows("muennighoff: 9.1 passes over 25B unique tokens.")
    page.shot("scaling-repeated")


def test_gopher_is_far_from_optimal(visit: Any) -> None:
    page = open_scaling(visit)
    page.page.get_by_role("button", name="Size and tokens").click()
    page.shows("times the parameters of its compute's optimum")
    header, *lines = table(page, "How far from the optimum of the same compute")
    besiroglu = dict(zip(header, next(line for line in lines if line[0] == "besiroglu"), strict=True))
    assert float(besiroglu["Of its FLOPs"]) == pytest.approx(0.497, abs=5e-4)
    page.page.go_back()
    page.shows("68.9B")


def test_laws_are_chosen_and_the_last_one_stays(visit: Any) -> None:
    page = open_scaling(visit)
    page.open("Laws")
    for name in LAWS:
        if name not in ("besiroglu", "sardana"):
            page.page.get_by_role("checkbox", name=name, exact=False).first.uncheck()
    page.shows("by besiroglu")
    assert page.page.locator(".checks input:checked").is_disabled()


def test_what_is_wrong_is_said_beside_its_field(visit: Any) -> None:
    page = open_scaling(visit)
    page.type("scaling.compute", "much")
    page.page.wait_for_selector("[id='scaling.compute-problem']")
    assert page.field("scaling.compute").get_attribute("aria-invalid") == "true"
    page.shot("scaling-wrong")
    page.type("scaling.compute", "5.76e23")
    page.page.wait_for_selector(".told.wrong", state="detached")
    page.open("Laws")
    page.choose("scaling.strict", "true")
    page.page.wait_for_selector(".told.wrong")
    assert "times outside the runs of" in page.text()


def test_a_law_of_ones_own(visit: Any, engine: str) -> None:
    page = open_scaling(visit, engine=engine)
    page.open("A law of your own")
    page.page.locator("#scaling-own").fill("parameters,tokens,loss\n1e8,1e10,3.1\n")
    page.page.get_by_text("fit them on the command line").wait_for()
    page.page.locator("#scaling-own").fill(json.dumps(OWN))
    page.shows("of-my-runs")
    _, *lines = table(page, "Law by law")
    ours = next(line for line in lines if line[0] == "of-my-runs")
    growth = 0.37 / (0.35 + 0.37)
    factor = (0.35 * 480 / (0.37 * 2000)) ** (1 / (0.35 + 0.37))
    assert float(ours[1]) == pytest.approx(factor * (5.76e23 / 6) ** growth)
    page.page.get_by_role("button", name="of-my-runs, loss").click()
    page.explains("480")
    page.page.get_by_role("button", name="Take it away").click()
    page.until("!document.querySelector('main').innerText.includes('of-my-runs')")


def test_a_law_without_a_name_is_called_as_python_calls_it(visit: Any) -> None:
    page = open_scaling(visit, engine="service")
    page.open("A law of your own")
    law = {key: value for key, value in OWN["law"].items() if key != "name"}
    page.page.locator("#scaling-own").fill(json.dumps({**OWN, "law": law}))
    page.page.get_by_role("button", name="own, loss").wait_for()
    page.page.get_by_text("own is asked beside the others").wait_for()


@pytest.mark.parametrize(("language", "said"), [("zh-CN", "10 个定律的中位"), ("zh-TW", "10 個定律的中位")])
def test_in_chinese_with_chinese_numbers(visit: Any, language: str, said: str) -> None:
    page = open_scaling(visit, language=language, look="dark")
    page.shows(said)
    page.shows("689" + {"zh-CN": "亿", "zh-TW": "億"}[language])
    page.shot(f"scaling-{language}")


def test_on_a_phone_and_for_axe(visit: Any) -> None:
    page = open_scaling(visit, size="phone")
    page.page.wait_for_selector(".chart canvas")
    assert page.narrow() == 0
    page.shot("scaling-phone", whole=True)
    for look in ("light", "dark"):
        query = "?scaling.parameters=280B&scaling.tokens=300B&x=besiroglu:loss:loss"
        wide = open_scaling(visit, query, look=look)
        for group in ("Cluster", "Laws", "A law of your own", "Serving, repeated data"):
            wide.open(group)
        wide.explains("loss")
        assert axe(wide) == []
