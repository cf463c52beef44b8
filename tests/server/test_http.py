"""HTTP as it should be: places and methods, caching, packing, and what a browser may do with an answer."""

from __future__ import annotations

import gzip
import json
from urllib.parse import quote

import pytest

from tests.server.conftest import Answer, Running, figure, served
from tests.server.test_problems import check
from weighbridge.server.headers import ALWAYS, NOTHING
from weighbridge.server.packing import LEAST, reads_gzip

GPT2 = "/api/v1/answer?q=" + quote('{"ask":"params","model":"gpt2"}')


@pytest.mark.parametrize(
    "path", ["/api/v1/nothing", "/api/v2/params", "/api/v1/", "/nothing", "/api/v1/fields/nothing", "/%00"]
)
def test_there_is_nothing_elsewhere(path: str, service: Running) -> None:
    check(service.get(path), 404, "not-found")


def test_fields_of_what_is_misspelt_name_the_nearest(service: Running) -> None:
    assert "did you mean train?" in service.get("/api/v1/fields/trian").data["detail"]


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/api/v1/params", {"POST"}),
        ("PUT", "/api/v1/params", {"POST"}),
        ("DELETE", "/api/v1/answer", {"GET", "HEAD", "POST"}),
        ("POST", "/health", {"GET", "HEAD"}),
        ("POST", "/api/v1/catalogue", {"GET", "HEAD"}),
        ("OPTIONS", "/api/v1/params", {"POST"}),
    ],
)
def test_other_methods_are_refused_with_those_allowed(
    method: str, path: str, allowed: set[str], service: Running
) -> None:
    answer = service.send(method, path)
    check(answer, 405, "method")
    assert {one.strip() for one in answer.headers["allow"].split(",")} == allowed


@pytest.mark.parametrize("path", ["/health", "/ready", "/metrics", "/api/v1/catalogue", "/api/v1/openapi.json", GPT2])
def test_what_is_read_has_a_head(path: str, service: Running) -> None:
    whole, head = service.get(path), service.send("HEAD", path)
    assert (head.status, head.body) == (200, b"")
    assert head.headers["content-type"] == whole.headers["content-type"]
    if path != "/metrics":
        assert head.headers["content-length"] == str(len(whole.body))


def every_kind(service: Running) -> list[Answer]:
    """An answer of every kind."""
    return [
        service.ask("params", {"model": "gpt2"}),
        service.ask("params", {"model": "nothing"}),
        service.ask("params", b"{"),
        service.send("POST", "/api/v1/params", b"{}"),
        service.get("/nothing"),
        service.send("PUT", "/health"),
        *(service.get(path) for path in ("/", "/health", "/ready", "/metrics", "/api/v1/catalogue", GPT2)),
        service.get(GPT2, if_none_match=service.get(GPT2).headers["etag"]),
    ]


def test_every_answer_says_what_a_browser_may_do_with_it(service: Running) -> None:
    ids = set()
    for answer in every_kind(service):
        for name, value in ALWAYS.items():
            assert answer.headers[name.lower()] == value or name == "Content-Security-Policy"
        page = answer.headers.get("content-type", "").startswith("text/html")
        policy = answer.headers["content-security-policy"]
        assert (policy == NOTHING) != page
        assert "unsafe-inline" not in policy.partition("script-src")[2].partition(";")[0]
        assert "access-control-allow-origin" not in answer.headers
        assert "server" not in answer.headers
        ids.add(answer.headers["x-request-id"])
    assert len(ids) == len(every_kind(service))


def test_an_answer_is_kept_by_its_tag(service: Running) -> None:
    first = service.get(GPT2)
    assert first.headers["cache-control"] == "public, max-age=60, must-revalidate"
    tag = first.headers["etag"]
    for known in (tag, tag.removeprefix("W/"), f'"other", {tag}'):
        again = service.get(GPT2, if_none_match=known)
        assert (again.status, again.body, again.headers["etag"]) == (304, b"", tag)
    assert service.get(GPT2, if_none_match='"other"').status == 200
    assert service.get(GPT2 + quote(" ")).headers["etag"] != tag


def test_a_tag_that_is_known_spares_the_answer_though_it_is_not_held() -> None:
    with served("--cache", "0") as running:
        tag = running.get(GPT2).headers["etag"]
        assert running.get(GPT2, if_none_match=tag).status == 304
        assert figure(running, "weighbridge_cache_answers") == 0


def test_answers_that_were_given_are_held(service: Running) -> None:
    question = {"model": "gpt2", "options": {"set": {"n_layer": 77}}}
    first = service.ask("params", question)
    before = figure(service, 'weighbridge_answer_seconds_count{lane="cache"}')
    second = service.ask("params", question)
    assert second.body == first.body
    assert figure(service, 'weighbridge_answer_seconds_count{lane="cache"}') == before + 1


def test_problems_are_not_held(service: Running) -> None:
    for _ in range(2):
        answer = service.get("/api/v1/answer?q=" + quote('{"ask":"params","model":"nothing"}'))
        assert (answer.status, answer.headers["cache-control"]) == (422, "no-store")
        assert "etag" not in answer.headers


@pytest.mark.parametrize("query", ["", "?q=", "?q={}&q={}", "?q=%ff", "?q=[[", "?p={}"])
def test_an_address_has_one_question(query: str, service: Running) -> None:
    assert service.get(f"/api/v1/answer{query}").status in (400, 422)


def test_documents_are_kept_by_their_tags(service: Running) -> None:
    for path in ("/api/v1/catalogue", "/api/v1/openapi.json", "/api/v1/fields/train"):
        first = service.get(path)
        assert "max-age" in first.headers["cache-control"]
        assert service.get(path, if_none_match=first.headers["etag"]).status == 304


def test_what_is_large_is_packed_for_those_who_read_it(service: Running) -> None:
    question = {"model": "llama-3.1-8b", "with": ["explain"]}
    plain = service.ask("params", question)
    assert len(plain.body) > LEAST
    assert "content-encoding" not in plain.headers
    for _ in range(2):
        packed = service.ask("params", question, accept_encoding="br, gzip;q=0.5")
        assert packed.headers["content-encoding"] == "gzip"
        assert (gzip.decompress(packed.body), len(packed.body) < len(plain.body) / 3) == (plain.body, True)
    assert packed.headers["vary"] == plain.headers["vary"] == "Accept-Encoding"
    small = service.get("/api/v1/fields/laws", accept_encoding="gzip")
    assert json.loads(small.body)["ask"] == "laws"


@pytest.mark.parametrize(
    ("said", "reads"),
    [
        ("gzip", True),
        ("GZIP", True),
        ("br, gzip", True),
        ("*", True),
        ("gzip;q=0.1", True),
        ("gzip; q=1.0", True),
        ("gzip;q=0", False),
        ("gzip; q=0.000", False),
        ("br", False),
        ("", False),
        ("xgzip", False),
    ],
)
def test_who_reads_gzip(said: str, reads: bool) -> None:
    from starlette.datastructures import Headers

    assert reads_gzip(Headers({"accept-encoding": said})) is reads


def test_a_connection_is_kept_and_its_requests_are_answered_in_turn(service: Running) -> None:
    from http.client import HTTPConnection

    connection = HTTPConnection("127.0.0.1", service.port, timeout=30)
    for number in range(5):
        body = json.dumps({"model": "gpt2", "options": {"set": {"n_layer": 20 + number}}})
        connection.request("POST", "/api/v1/params", body, {"Content-Type": "application/json"})
        found = json.loads(connection.getresponse().read())
        assert f"{20 + number} " in json.dumps(found["tree"]) or found["parameters"]["total"]
    connection.close()
