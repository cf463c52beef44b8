"""What is wrong is said as problem details (RFC 9457), every wrong field at once; hostile bodies are refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.server.conftest import Answer, Running
from weighbridge.server.problems import MEDIA_TYPE, TYPES


def check(answer: Answer, status: int, kind: str) -> list[dict[str, str]]:
    """The errors of a problem, which must have the standard's shape."""
    assert (answer.status, answer.headers["content-type"]) == (status, MEDIA_TYPE), answer.body[:300]
    data = answer.data
    assert list(data) == ["type", "title", "status", "detail", "errors"]
    assert (data["type"], data["title"], data["status"]) == (f"urn:weighbridge:problem:{kind}", TYPES[kind], status)
    assert answer.headers["cache-control"] == "no-store"
    for error in data["errors"]:
        assert set(error) == {"pointer", "field", "detail"}
        assert error["pointer"].startswith("#")
        assert error["detail"] == " ".join(error["detail"].split())
    errors: list[dict[str, str]] = data["errors"]
    return errors


def test_every_wrong_field_is_listed_with_its_place(service: Running) -> None:
    options = {"tp": 0, "seq": 2.5, "schedule": "1f2b", "tpp": 4, "a/b~": 1}
    errors = check(service.ask("train", {"model": "gpt2", "options": options, "extra": 1}), 422, "question")
    assert {error["pointer"] for error in errors} == {
        *("#/extra", "#/options/cluster", "#/options/tp", "#/options/seq", "#/options/schedule", "#/options/tpp"),
        "#/options/a~1b~0",
    }
    assert "did you mean 1f1b?" in next(e["detail"] for e in errors if e["field"] == "options.schedule")


def test_fields_of_a_configuration_are_named(service: Running) -> None:
    model = {"model_type": "llama", "hidden_size": "x", "num_hidden_layers": -1}
    errors = check(service.ask("params", {"model": model}), 422, "question")
    assert {error["pointer"] for error in errors} == {"#/model/hidden_size", "#/model/num_hidden_layers"}


NO_JSON = {
    "nothing": b"",
    "a word": b"hello",
    "half": b'{"model":',
    "two": b"{}{}",
    "NaN": b'{"model":"gpt2","options":{"depth":NaN}}',
    "infinity": b'{"options":{"compute":Infinity}}',
    "minus infinity": b'{"options":{"compute":-Infinity}}',
    "no UTF-8": b'{"model":"\xff\xfe"}',
    "deep lists": b"[" * 100_000,
    "deep tables": b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
    "digits": b'{"model":' + b"9" * 5000 + b"}",
    "NUL": b"\0\0\0\0",
    "control characters": b'{"model":"a\x01b"}',
}


@pytest.mark.parametrize("name", NO_JSON)
def test_what_is_no_json_is_refused(name: str, service: Running) -> None:
    check(service.ask("params", NO_JSON[name]), 400, "question")


HOSTILE: dict[str, Any] = {
    "a list": b"[]",
    "null": b"null",
    "a number": b"3",
    "a text": b'"params"',
    "half a surrogate pair": b'{"model":"\\ud800"}',
    "half a pair in a name": b'{"model":{"\\udfff":1}}',
    "NUL in a text": b'{"model":"a\\u0000b"}',
    "a huge number": b'{"model":{"hidden_size":1' + b"0" * 400 + b"}}",
    "a large float": b'{"model":{"hidden_size":1e308}}',
    "more than a float": b'{"options":{"compute":1e999}}',
    "minus nothing": b'{"model":{"model_type":"llama","hidden_size":-0}}',
    "levels that a parser takes": b'{"model":' + b'{"a":' * 500 + b"1" + b"}" * 501,
    "a name with a path": b'{"model":"../../etc/passwd"}',
    "an address": b'{"model":"http://169.254.169.254/latest"}',
    "an option of the terminal": b'{"model":"--help"}',
    "a format": b'{"model":"%s%n{0.__class__}"}',
    "a very long name": b'{"' + b"x" * 5000 + b'":1}',
    "an empty name": b'{"":1}',
    "lines": b'{"model":"a\\r\\nSet-Cookie: x=1"}',
    "escapes of a terminal": b'{"model":"\\u001b[31mred"}',
    "many options": json.dumps({"model": "gpt2", "options": {f"x{i}": i for i in range(3000)}}).encode(),
    "two kinds of model": b'{"model":["gpt2"]}',
    "another ask": b'{"ask":"train","model":"gpt2"}',
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_hostile_is_refused_and_quoted_safely(name: str, service: Running) -> None:
    answer = service.ask("params", HOSTILE[name])
    assert answer.status in (400, 422), answer.body[:300]
    check(answer, answer.status, "question")
    assert "\x1b" not in answer.body.decode() + json.dumps(answer.data, ensure_ascii=False)
    assert "set-cookie" not in answer.headers


def test_a_problem_is_bounded_however_long_the_question(service: Running) -> None:
    question = json.dumps({"model": "x" * 150_000}).encode()
    assert len(service.ask("params", question).body) < 4000


def test_one_wrong_question_spoils_no_other(service: Running) -> None:
    before = service.ask("params", {"model": "gpt2", "options": {"depth": 2}, "with": ["explain"]}).body
    for body in (*NO_JSON.values(), *HOSTILE.values()):
        service.ask("params", body)
    text = json.dumps({"with": ["explain"], "model": "gpt2", "options": {"depth": 2}})  # not the question that was held
    assert service.ask("params", text.encode()).body == before


def test_names_of_python_are_fields_that_nobody_reads(service: Running) -> None:
    model = {"model_type": "llama", "__class__": "x", "__init__": 1, "build": 2}
    found = service.ask("params", {"model": model}).data
    assert found["parameters"] == service.ask("params", {"model": {"model_type": "llama"}}).data["parameters"]
