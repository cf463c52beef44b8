"""What operators look at: health, readiness, figures, logs; and how the service begins and ends."""

from __future__ import annotations

import json
import re
import signal
import socket
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.server.conftest import Running, figure, long, served, start
from tests.server.test_problems import check


def test_health_and_readiness(service: Running) -> None:
    for place, status in (("/health", "ok"), ("/ready", "ready")):
        answer = service.get(place)
        assert (answer.data["status"], answer.headers["cache-control"]) == (status, "no-store")


def wait_for(running: Running, seconds: float = 30.0) -> None:
    """Until a service takes connections."""
    end = time.monotonic() + seconds
    while True:
        try:
            socket.create_connection(("127.0.0.1", running.port), timeout=5).close()
        except ConnectionRefusedError:
            assert time.monotonic() < end
            time.sleep(0.02)
        else:
            return


LATE = """
import asyncio, weighbridge.server.lanes as lanes
opened = lanes.Lane.open
async def late(lane):
    await asyncio.sleep(1)
    await opened(lane)
lanes.Lane.open = late
"""


def test_while_workers_start_it_is_healthy_not_ready_and_questions_wait() -> None:
    with served(ready=False, before=LATE) as running:
        wait_for(running)
        assert running.get("/health").status == 200
        answer = running.get("/ready")
        check(answer, 503, "not-ready")
        assert (answer.data["detail"], answer.headers["retry-after"]) == ("workers are starting", "1")
        assert running.ask("params", {"model": "gpt2"}).status == 200
        running.logged("ready")
        assert running.get("/ready").status == 200


def test_a_service_whose_workers_cannot_start_ends_and_says_why(capfd: pytest.CaptureFixture[str]) -> None:
    running = start(ready=False, before="import weighbridge.server.process as process; process.STARTING = 0.001")
    assert running.logged("not ready")["error"] == "a worker did not become ready"
    assert running.process.wait(60) == 1
    assert capfd.readouterr().err == "weighbridge: serve: a worker did not become ready\n"


def test_a_signal_lets_what_is_under_way_finish() -> None:
    running = start("--workers", "1", "--slow-workers", "1")
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(running.ask, "train", long())
        time.sleep(0.6)
        assert not asked.done()
        running.process.send_signal(signal.SIGTERM)
        answer = asked.result(60)
    assert answer.status == 200
    assert answer.data["fits"] in (True, False)
    assert running.process.wait(30) == 0
    with pytest.raises(ConnectionRefusedError):
        running.get("/health")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_idle_service_ends_at_once(number: signal.Signals) -> None:
    running = start("--workers", "1", "--slow-workers", "1")
    began = time.monotonic()
    running.process.send_signal(number)
    assert running.process.wait(30) == 0
    assert time.monotonic() - began < 5


def test_before_it_ends_it_answers_for_a_while_but_denies_its_readiness() -> None:
    running = start("--workers", "1", "--slow-workers", "1", "--drain", "1.5")
    running.process.send_signal(signal.SIGTERM)
    time.sleep(0.3)
    answer = running.get("/ready")
    check(answer, 503, "not-ready")
    assert answer.data["detail"] == "the service is ending"
    assert running.ask("params", {"model": "gpt2"}).status == 200
    assert running.process.wait(30) == 0


def test_a_second_signal_ends_that_while() -> None:
    running = start("--workers", "1", "--slow-workers", "1", "--drain", "60")
    for _ in range(2):
        running.process.send_signal(signal.SIGTERM)
        time.sleep(0.3)
    assert running.process.wait(10) == 0


LINE = re.compile(r'(?P<name>[a-z_]+)(?P<labels>\{(?:[a-z_]+="[^"]*",?)+\})? (?P<value>[0-9.e+-]+|NaN|[+-]Inf)')


def test_figures_are_in_the_text_form_of_prometheus(service: Running) -> None:
    service.ask("params", {"model": "nothing"})
    page = service.get("/metrics")
    assert page.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    typed: set[str] = set()
    for line in page.body.decode().splitlines():
        if line.startswith("# TYPE "):
            typed.add(line.split()[2])
        elif not line.startswith("#"):
            found = LINE.fullmatch(line)
            assert found, line
            assert re.sub(r"_(total|bucket|sum|count|created)$", "", found["name"]) in {
                re.sub("_total$", "", name) for name in typed
            } | {re.sub("_created$", "", name) for name in typed}
    assert {"weighbridge_requests_total", "weighbridge_answer_seconds", "weighbridge_workers_alive"} <= typed


def test_figures_count_what_happens() -> None:
    with served() as running:
        for _ in range(3):
            running.ask("params", {"model": "gpt2"})
        running.ask("params", {"model": "nothing"})
        running.get("/made/up/1")
        running.get("/made/up/2")
        assert figure(running, 'weighbridge_requests_total{place="/api/v1/params",status="200"}') == 3
        assert figure(running, 'weighbridge_requests_total{place="/api/v1/params",status="422"}') == 1
        assert figure(running, 'weighbridge_requests_total{place="page",status="404"}') == 2
        assert figure(running, 'weighbridge_answer_seconds_count{lane="cache"}') == 2
        assert figure(running, 'weighbridge_answer_seconds_count{lane="quick"}') == 2
        assert figure(running, 'weighbridge_questions_refused_total{reason="question"}') == 1
        assert figure(running, 'weighbridge_workers_alive{lane="quick"}') == 1
        assert figure(running, "weighbridge_cache_answers") == 1


def test_logs_are_lines_of_json_without_questions() -> None:
    secret = "a-model-of-ours"
    with served() as running:
        answer = running.ask("params", {"model": secret})
        record = running.logged("request")
        assert record["request"] == answer.headers["x-request-id"]
        assert (record["method"], record["place"], record["status"]) == ("POST", "/api/v1/params", 422)
        assert (record["lane"], record["bytes"]) == ("quick", len(answer.body))
        assert record["ms"] > 0
        assert record["level"] == "info"
        assert secret not in json.dumps(record)
        running.get(f"/api/v1/answer?q={secret}")
        assert secret not in json.dumps(running.logged("request"))


def test_logs_can_be_quiet() -> None:
    with served("--log-level", "warning", ready=False, before=PRINTS_PORT) as running:
        wait_for(running)
        assert running.get("/health").status == 200
        assert running.log.empty()


PRINTS_PORT = """
import json, weighbridge.server.running as r
listen = r.listen
def listened(host, port):
    found = listen(host, port)
    print(json.dumps({"message": "listening", "port": found.getsockname()[1]}), flush=True)
    return found
r.listen = listened
"""
