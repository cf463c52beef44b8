"""What the service answers is what the command line prints with --json, place by place."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest

from tests.server.conftest import Running
from weighbridge.answer import fields
from weighbridge.server.settings import OFFERED

Cli = Callable[..., tuple[int, str, str]]

ARGS = (
    "--num-layers 2 --hidden-size 64 --num-attention-heads 4 --seq-length 128 --max-position-embeddings 128 "
    "--micro-batch-size 1 --vocab-size 1000"
)

SAME: list[tuple[str, dict[str, Any], list[str]]] = [
    ("params", {"model": "deepseek-v3", "with": ["explain"]}, ["deepseek-v3", "--explain"]),
    (
        "flops",
        {"model": "gpt2", "options": {"seq": 512, "convention": "torch"}},
        ["gpt2", "--seq", "512", "--convention", "torch"],
    ),
    (
        "train",
        {"model": "llama-3.1-8b", "options": {"cluster": "8xH100", "tp": 2}, "with": ["timeline", "trace", "tree"]},
        ["llama-3.1-8b", "--cluster", "8xH100", "--tp", "2", "--chart", "--traced", "--tree"],
    ),
    ("megatron", {"words": ARGS, "options": {"world_size": 2}}, ["--world-size=2", "--", *ARGS.split()]),
    (
        "infer",
        {"model": "gpt2", "options": {"cluster": "T4"}, "with": ["users"]},
        ["gpt2", "--cluster", "T4", "--chart"],
    ),
    (
        "local",
        {"model": "gpt2", "options": {"on": ["T4"], "gguf": "Q4_K_M"}},
        ["gpt2", "--on", "T4", "--gguf", "Q4_K_M"],
    ),
    ("scaling", {"options": {"compute": 1e23}, "with": ["curves"]}, ["--compute=1e23", "--curves"]),
    ("laws", {}, ["laws"]),
    ("compare", {"models": ["gpt2", "llama-7b"]}, ["gpt2", "llama-7b"]),
    ("compare", {"models": ["gpt2"], "options": {"cluster": "T4"}}, ["gpt2", "--cluster=T4"]),
    ("models", {"words": ["gpt"]}, ["gpt"]),
    ("clusters", {"words": ["64xH200"]}, ["64xH200"]),
]


def printed(cli: Cli, ask: str, words: list[str]) -> bytes:
    """What the command line prints with --json, without the blanks that are for people."""
    command = ["scaling", *words] if ask == "laws" else [ask, *words]
    at = command.index("--") if "--" in command else len(command)
    status, out, err = cli(*command[:at], "--json", *command[at:])
    assert status == 0, err
    return json.dumps(json.loads(out), ensure_ascii=False, separators=(",", ":")).encode()


@pytest.mark.parametrize(("ask", "question", "words"), SAME, ids=lambda one: str(one)[:50])
def test_bytes_are_those_of_the_command_line(
    ask: str, question: dict[str, Any], words: list[str], service: Running, cli: Cli
) -> None:
    expected = printed(cli, ask, words)
    assert service.ask(ask, question).body == expected
    whole = {"ask": ask, **question}
    assert service.ask("answer", whole).body == expected
    assert service.get(f"/api/v1/answer?q={quote(json.dumps(whole))}").body == expected


def test_every_ask_is_compared() -> None:
    assert {ask for ask, _, _ in SAME} == set(OFFERED)


def test_the_catalogue_is_that_of_the_commands(service: Running, cli: Cli) -> None:
    found = service.get("/api/v1/catalogue").data
    assert found["models"] == json.loads(cli("models", "--json")[1])["models"]
    assert found["families"] == json.loads(cli("models", "--families", "--json")[1])["families"]
    assert found["devices"] == json.loads(cli("clusters", "--json")[1])["devices"]


@pytest.mark.parametrize("ask", OFFERED)
def test_fields_are_those_of_the_commands(ask: str, service: Running) -> None:
    assert service.get(f"/api/v1/fields/{ask}").data == json.loads(json.dumps(fields(ask)))


def test_files_come_with_a_question(service: Running) -> None:
    config = {
        "model_type": "llama",
        "hidden_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "vocab_size": 9,
    }
    files = {"mine/config.json": {"text": json.dumps(config)}}
    found = service.ask("params", {"model": "mine/config.json", "files": files}).data
    assert found["model"]["name"] == "mine"
    assert found["parameters"] == service.ask("params", {"model": config}).data["parameters"]


def test_a_fit_is_not_answered_here(service: Running) -> None:
    found = service.ask("answer", {"ask": "fit"})
    assert (found.status, found.data["errors"][0]["field"]) == (422, "ask")
    assert service.ask("fit", {}).status == 404
