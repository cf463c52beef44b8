"""Workers that are lost: only whoever asked notices, if anybody, and others take their place."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.server.conftest import Running, children, figure, long, served
from tests.server.test_problems import check
from weighbridge.server import worker
from weighbridge.server.wire import Came


def until(running: Running, name: str, value: float, seconds: float = 30.0) -> None:
    """Until a figure is that."""
    end = time.monotonic() + seconds
    while figure(running, name) != value:
        assert time.monotonic() < end, f"{name} is {figure(running, name)}"
        time.sleep(0.1)


def busy(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "R"


def kill_when_busy(running: Running, times: int) -> None:
    """End the slow lane's worker in the midst of a question, and the next, so many times."""
    gone: set[int] = set()
    end = time.monotonic() + 60
    while len(gone) < times:
        assert time.monotonic() < end
        slow = children(running)[-1]
        if slow not in gone and figure(running, 'weighbridge_workers_busy{lane="slow"}') == 1 and busy(slow):
            os.kill(slow, signal.SIGKILL)
            gone.add(slow)
        time.sleep(0.05)


def test_a_worker_that_is_killed_in_the_midst_of_a_question_is_replaced_and_the_question_asked_again() -> None:
    with served() as running, ThreadPoolExecutor(1) as pool:
        asked = pool.submit(running.ask, "train", long())
        kill_when_busy(running, 1)
        beside = [running.ask("params", {"model": "gpt2", "options": {"set": {"n_layer": n}}}) for n in range(2, 12)]
        assert {answer.status for answer in beside} == {200}
        assert asked.result(60).status == 200
        assert running.logged("a question lost its worker")["tries_left"] == 1
        until(running, 'weighbridge_workers_alive{lane="slow"}', 1)
        assert figure(running, 'weighbridge_workers_restarts{lane="slow"}') == 1
        assert figure(running, 'weighbridge_workers_restarts{lane="quick"}') == 0


def test_a_question_that_loses_two_workers_is_given_up() -> None:
    with served() as running, ThreadPoolExecutor(1) as pool:
        asked = pool.submit(running.ask, "train", long())
        kill_when_busy(running, 2)
        check(asked.result(60), 500, "lost")
        until(running, 'weighbridge_workers_alive{lane="slow"}', 1)
        assert running.get("/ready").status == 200
        assert running.ask("train", long()).status == 200
        assert figure(running, 'weighbridge_questions_refused_total{reason="lost"}') == 1


def test_an_idle_worker_that_is_killed_is_replaced_before_anybody_asks() -> None:
    with served() as running:
        quick = children(running)[0]
        os.kill(quick, signal.SIGKILL)
        until(running, 'weighbridge_workers_restarts{lane="quick"}', 1)
        until(running, 'weighbridge_workers_alive{lane="quick"}', 1)
        assert running.get("/ready").status == 200
        assert children(running)[0] != quick
        assert running.ask("params", {"model": "gpt2"}).status == 200


def test_workers_end_with_their_service() -> None:
    with served() as running:
        workers = children(running)
        running.process.kill()
        running.process.wait(10)
        end = time.monotonic() + 20
        while any(Path(f"/proc/{pid}").exists() for pid in workers):
            assert time.monotonic() < end
            time.sleep(0.05)
        running.process.returncode = 0  # it was meant


@pytest.mark.parametrize(
    ("raised", "came"),
    [
        (MemoryError, Came.LARGE),
        (OverflowError, Came.LARGE),
        (RecursionError, Came.LARGE),
        (worker.TooSlow, Came.SLOW),
        (ZeroDivisionError, Came.DEFECT),
    ],
)
def test_a_worker_says_what_came_of_a_question(
    raised: type[BaseException], came: Came, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_: object, **named: object) -> None:
        raise raised

    monkeypatch.setattr(worker, "exchange", failing)
    reply = worker.reply_to(1.0, "params", b"{}")
    assert reply.came is came
    assert (b"ZeroDivisionError" in reply.body) == (came is Came.DEFECT)
    assert signal.getitimer(signal.ITIMER_PROF) == signal.getitimer(signal.ITIMER_REAL) == (0, 0)


def test_a_worker_interrupts_what_computes_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    def endless(*_: object, **named: object) -> None:
        while True:
            pass

    monkeypatch.setattr(worker, "exchange", endless)
    before = signal.signal(signal.SIGPROF, worker._ring)
    try:
        assert worker.reply_to(0.05, "params", b"{}").came is Came.SLOW
    finally:
        signal.signal(signal.SIGPROF, before)


def test_a_worker_has_so_much_memory_and_no_more() -> None:
    code = "from weighbridge.server.worker import _bound_memory; _bound_memory(2**30); bytearray(2**31)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stderr.rstrip().endswith("MemoryError")


def test_a_defect_is_answered_as_one_and_its_place_logged() -> None:
    before = (
        "import weighbridge.server.process as process\n"
        "spawn = process.asyncio.create_subprocess_exec\n"
        "code = 'import weighbridge.server.worker as w, weighbridge.answer.exchange as e; ' \\\n"
        "    'before = w.exchange; '\\\n"
        "    'w.exchange = lambda text, *a, **k: 1 / 0 if b\"gpt2-xl\" in text else before(text, *a, **k); w.main()'\n"
        "def broken(python, flag, module, *words, **how):\n"
        "    return spawn(python, '-c', code, *words, **how)\n"
        "process.asyncio.create_subprocess_exec = broken\n"
    )
    with served(before=before) as running:
        answer = running.ask("params", {"model": "gpt2-xl"})
        check(answer, 500, "defect")
        assert "ZeroDivisionError" not in answer.body.decode()
        assert "ZeroDivisionError" in running.logged("defect")["traceback"]
        assert running.ask("params", {"model": "gpt2"}).status == 200


def test_slow_workers_have_the_lower_priority(service: Running) -> None:
    quick, slow = children(service)
    assert os.getpriority(os.PRIO_PROCESS, slow) > os.getpriority(os.PRIO_PROCESS, quick)


def test_questions_of_those_who_left_are_not_answered() -> None:
    with served("--cache", "0") as running, ThreadPoolExecutor(1) as pool:
        running.ask("train", long())  # its shape is known to be slow
        asked = pool.submit(running.ask, "train", long(40_000))
        time.sleep(0.2)
        for batch in range(30_000, 30_008):
            text = json.dumps(long(batch)).encode()
            head = "POST /api/v1/train HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: "
            with socket.create_connection(("127.0.0.1", running.port)) as connection:
                connection.sendall(f"{head}{len(text)}\r\n\r\n".encode() + text)
                time.sleep(0.02)
        assert asked.result(60).status == 200
        until(running, 'weighbridge_questions_refused_total{reason="gone"}', 8)
        assert figure(running, 'weighbridge_answer_seconds_count{lane="slow"}') == 2
