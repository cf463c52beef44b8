"""Both engines give the same bytes: Python in the browser, and the HTTP service."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections import Counter
from typing import Any

from tests.browser.questions import questions
from tests.browser.serving import Service

SEED, COUNT = 20_261_127, 200

ASK = """async ({ address, questions }) => {
  const worker = new Worker(address, { type: 'module' });
  const answers = [];
  await new Promise((done, failed) => {
    worker.onmessage = ({ data }) => {
      if (data.failed) failed(new Error(data.failed));
      if (data.id !== undefined) answers.push([data.status, data.text]);
      if (answers.length === questions.length) done();
    };
    questions.forEach((question, id) => worker.postMessage({ id, question }));
  });
  worker.terminate();
  return answers;
}"""


def served(address: str, question: dict[str, Any]) -> tuple[int, str]:
    """What the service answers."""
    request = urllib.request.Request(
        f"{address}api/v1/answer", json.dumps(question).encode(), {"Content-Type": "application/json"}
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as reply:
            return reply.status, reply.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_200_random_questions(visit: Any, service: Service) -> None:
    asked = list(questions(SEED, COUNT))
    page = visit().ready()
    address = page.page.workers[0].url
    here = page.page.evaluate(ASK, {"address": address, "questions": asked})
    there = [served(service.address, question) for question in asked]
    differ = [
        (question, first_difference(mine[1], other[1]), mine[0], other[0])
        for question, mine, other in zip(asked, here, there, strict=True)
        if tuple(mine) != other
    ]
    assert not differ, f"{len(differ)} of {COUNT}: {differ[:5]}"
    came = Counter((question["ask"], status) for question, (status, _) in zip(asked, there, strict=True))
    for ask in ("params", "flops", "train", "infer", "scaling", "compare"):
        assert came[ask, 200] >= 3, came  # of every kind some are answered and some refused
        assert came[ask, 422] >= 3, came


def test_a_worker_that_is_missing_is_said(visit: Any) -> None:
    """At once, and whatever is asked afterwards, on every panel: never "Working it out" without an end."""
    page = visit(missing="**/worker-*.js")
    page.page.wait_for_selector(".told.failed")
    page.shows("The page could not work this out")
    page.open("Weights")
    page.choose("params.dtype", "fp8")
    page.settled()
    page.page.locator("nav a", has_text="Scaling").click()
    page.settled()
    page.page.wait_for_selector(".told.failed")
    assert page.page.evaluate("document.documentElement.hasAttribute('data-asking')") is False
    assert all("404" in complaint for complaint in page.complaints), page.complaints
    page.complaints.clear()  # of the script that is missing


def test_a_worker_that_fails_before_the_page_listens_is_said(visit: Any) -> None:
    page = visit(missing="**/worker-*.js")
    late: list[Any] = []
    page.context.route("**/main-*.js", lambda route: late.append(route))
    page.page.reload(wait_until="commit")
    page.page.wait_for_timeout(500)
    assert late
    page.context.unroute("**/main-*.js")
    late[0].continue_()
    page.page.wait_for_selector(".told.failed")
    page.complaints.clear()  # of the script that is missing


def test_what_is_asked_beside_the_answer_says_what_is_wrong(visit: Any) -> None:
    page = visit("#train?model=gpt2&cluster=1xh100", "service").ready().settled()
    page.refusing('"tree"')
    page.page.locator("summary", has_text="Modules of a rank").click()
    page.shows("refused by the test")


def first_difference(one: str, other: str) -> tuple[str, str]:
    """Where two texts part."""
    at = next(
        (place for place, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other))
    )
    return one[max(0, at - 60) : at + 40], other[max(0, at - 60) : at + 40]
