"""Bounds: of bodies, heads, connections and computing; what is beyond them is refused, and the service goes on."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from starlette.requests import Request

from tests.server.conftest import Running, figure, long, served
from tests.server.test_problems import check
from weighbridge.server.bodies import Bodies
from weighbridge.server.problems import RefusedError
from weighbridge.server.settings import Settings

HEAD = b"POST /api/v1/params HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"


def raw(port: int, *parts: bytes, seconds: float = 30.0) -> bytes:
    """What a connection says to these bytes until it closes."""
    with socket.create_connection(("127.0.0.1", port), timeout=seconds) as connection:
        found = b""
        try:
            for part in parts:
                connection.sendall(part)
            while piece := connection.recv(65536):
                found += piece
        except (ConnectionResetError, BrokenPipeError):
            pass
        return found


def test_a_body_that_is_too_large_is_refused_to_whoever_sends_all_of_it(service: Running) -> None:
    answer = service.ask("params", b" " * 30_000_000)
    check(answer, 413, "size")
    assert "2,000,000 bytes" in answer.data["detail"]
    assert answer.headers["connection"] == "close"


def test_a_body_that_would_be_too_large_is_not_asked_for(service: Running) -> None:
    said = raw(service.port, HEAD + b"Content-Length: 2000001\r\nExpect: 100-continue\r\n\r\n")
    assert said.startswith(b"HTTP/1.1 413 ")


def test_a_body_that_turns_out_too_large_is_cut(service: Running) -> None:
    chunk = b"%x\r\n" % 2**16 + b" " * 2**16 + b"\r\n"
    said = raw(service.port, HEAD + b"Transfer-Encoding: chunked\r\n\r\n", *([chunk] * 40))
    assert said.startswith(b"HTTP/1.1 413 ")


def test_a_body_of_the_largest_size_is_read(service: Running) -> None:
    text = json.dumps({"model": "gpt2"}).encode()
    assert service.ask("params", text + b" " * (2_000_000 - len(text))).status == 200


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
def test_only_json_is_taken(kind: str, service: Running) -> None:
    answer = service.send("POST", "/api/v1/params", b"{}", content_type=kind)
    check(answer, 415, "media-type")
    assert answer.headers["accept-post"] == "application/json"


def test_json_of_any_name_is_taken(service: Running) -> None:
    for kind in ("application/json; charset=utf-8", "application/problem+json", "APPLICATION/JSON"):
        assert service.ask("params", {"model": "gpt2"}, content_type=kind).status == 200


def test_a_packed_body_is_refused(service: Running) -> None:
    check(service.ask("params", b"\x1f\x8b", content_encoding="gzip"), 415, "media-type")


def test_a_head_without_end_is_cut(service: Running) -> None:
    endless = b"GET /health HTTP/1.1\r\nX: " + b"a" * 400_000
    assert raw(service.port, endless, b"a" * 100_000).startswith(b"HTTP/1.1 431 ")
    many = b"GET /health HTTP/1.1\r\n" + b"".join(b"x%d: 1\r\n" % i for i in range(40_000))
    assert raw(service.port, many, many).startswith((b"HTTP/1.1 431 ", b"HTTP/1.1 400 "))


def test_what_is_no_http_is_told_so(service: Running) -> None:
    said = raw(service.port, b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n")
    assert said.startswith(b"HTTP/1.1 400 ")
    assert b"application/problem+json" in said
    assert b"content-security-policy" in said.lower()


def test_what_comes_in_halves_is_waited_for_so_long_only(service: Running) -> None:
    began = time.monotonic()
    halves: list[tuple[bytes, ...]] = [(HEAD + b'Content-Length: 30\r\n\r\n{"model"',), (b"GET /hea",), ()]
    with ThreadPoolExecutor(3) as pool:
        body, head, nothing = pool.map(lambda parts: raw(service.port, *parts, seconds=60), halves)
    assert time.monotonic() - began < 30
    assert body.startswith(b"HTTP/1.1 408 ")
    assert head.startswith(b"HTTP/1.1 408 ")
    assert nothing == b""


def test_a_question_that_computes_too_long_is_given_up_and_its_worker_goes_on() -> None:
    with served("--seconds", "0.1") as running:
        answer = running.ask("train", long())
        check(answer, 422, "too-much")
        assert "0.1 s of computing" in answer.data["detail"]
        assert running.ask("params", {"model": "gpt2"}).status == 200
        assert figure(running, 'weighbridge_questions_refused_total{reason="slow"}') == 1
        assert figure(running, 'weighbridge_workers_restarts{lane="slow"}') == 0


def test_a_full_queue_says_when_to_come_again() -> None:
    with served("--queue", "1", "--cache", "0") as running, ThreadPoolExecutor(8) as pool:
        running.ask("train", long())  # its shape is known to be slow from now on
        questions = [long(30_000 + i) for i in range(6)]
        found = list(pool.map(lambda question: running.ask("train", question), questions))
        refused = [answer for answer in found if answer.status != 200]
        assert refused
        assert len(refused) < 6
        for answer in refused:
            check(answer, 429, "busy")
            assert 1 <= int(answer.headers["retry-after"]) <= 60


def test_slow_questions_leave_quick_ones_their_turn(service: Running) -> None:
    service.ask("train", long())
    with ThreadPoolExecutor(4) as pool:
        slow = [long(31_000 + i) for i in range(4)]
        waiting = [pool.submit(service.ask, "train", question) for question in slow]
        time.sleep(0.2)
        took = []
        for number in range(20):
            began = time.monotonic()
            assert service.ask("params", {"model": "gpt2", "options": {"set": {"n_layer": 3 + number}}}).status == 200
            took.append(time.monotonic() - began)
        still = sum(not one.done() for one in waiting)
        assert {one.result().status for one in waiting} == {200}
    assert still, "the slow questions were over before the quick ones"
    assert sorted(took)[10] < 0.5  # beside questions of seconds


def test_many_large_bodies_at_once_are_bounded() -> None:
    def request(*sizes: int) -> Request:
        messages = [{"type": "http.request", "body": b" " * size, "more_body": True} for size in sizes]
        messages.append({"type": "http.request", "body": b"", "more_body": False})
        taken = iter(messages)

        async def receive() -> dict[str, object]:
            return next(taken)

        return Request({"type": "http", "headers": [(b"content-type", b"application/json")]}, receive)

    async def tried() -> None:
        bodies = Bodies(Settings(body=100, bodies=150))
        async with bodies.read(request(60, 40)) as first:
            assert (len(first), bodies.bytes) == (100, 100)
            with pytest.raises(RefusedError) as caught:
                async with bodies.read(request(30, 30)):
                    pytest.fail("the second fits beside the first")
            assert (caught.value.status, caught.value.headers["Retry-After"]) == (429, "1")  # type: ignore[index]
            assert bodies.bytes == 100
            async with bodies.read(request(50)):
                assert bodies.bytes == 150
        assert bodies.bytes == 0

    asyncio.run(tried())
