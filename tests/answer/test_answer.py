"""Questions of plain data: the answer is what --json prints, and every wrong field is named."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from weighbridge.answer import Access, QuestionError, answer
from weighbridge.answer.asks import ASKS, PRINTED, command_of, field_of

ROOT = Path(__file__).parents[2]
FILES = ROOT / "docs" / "files"

SMALL = {"model_type": "llama", "hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4}
ARGS = (
    "--num-layers 2 --hidden-size 64 --num-attention-heads 4 --seq-length 128 --max-position-embeddings 128 "
    "--micro-batch-size 1 --vocab-size 1000"
)

Cli = Callable[..., tuple[int, str, str]]

SAME: list[tuple[dict[str, Any], list[str]]] = [
    ({"ask": "params", "model": "deepseek-v3", "options": {"router_dtype": "fp32"}}, ["--router-dtype", "fp32"]),
    ({"ask": "params", "model": "gpt2", "with": ["explain"], "options": {"depth": 2}}, ["--explain", "--depth=2"]),
    ({"ask": "params", "model": "gpt2", "options": {"set": {"n_layer": 3, "n_embd": 768}}}, ["--set", "n_layer=3"]),
    ({"ask": "flops", "model": "gpt2", "options": {"decode": 5, "causal": False}}, ["--decode=5", "--no-causal"]),
    ({"ask": "train", "model": "gpt2", "options": {"cluster": "8xA100", "pp": 2}}, ["--cluster=8xA100", "--pp=2"]),
    (
        {"ask": "train", "model": "gpt2", "options": {"cluster": "8xA100"}, "with": ["timeline", "explain"]},
        ["--cluster=8xA100", "--chart", "--explain"],
    ),
    ({"ask": "infer", "model": "gpt2", "options": {"cluster": "T4"}, "with": ["users"]}, ["--cluster=T4", "--chart"]),
    ({"ask": "local", "model": "gpt2", "options": {"on": ["T4", "T4"]}}, ["--on=T4", "--on=T4"]),
    ({"ask": "scaling", "options": {"compute": 1e23}, "with": ["curves"]}, ["--compute=1e23", "--curves"]),
    ({"ask": "compare", "models": ["gpt2", "llama-7b"]}, ["gpt2", "llama-7b"]),
    ({"ask": "models", "words": ["gpt"]}, ["gpt"]),
    ({"ask": "clusters", "words": "64xH200"}, ["64xH200"]),
    ({"ask": "megatron", "words": ARGS, "options": {"world_size": 2}}, ["--world-size=2", "--", *ARGS.split()]),
]


@pytest.mark.parametrize(("question", "words"), SAME, ids=lambda one: json.dumps(one)[:60] if one else "")
def test_an_answer_is_what_the_command_line_prints(question: dict[str, Any], words: list[str], cli: Cli) -> None:
    name = [question["model"]] if "model" in question else []
    status, out, _ = cli(question["ask"], "--json", *name, *words)
    assert status == 0
    assert json.dumps(answer(question), indent=2, ensure_ascii=False) + "\n" == out


TUNED: dict[str, Any] = {
    "ask": "train",
    "model": SMALL,
    "options": {"cluster": "T4", "seq": 64, "lora": "r=2", "lengths": "own.txt"},
}


def test_lengths_come_with_the_question_or_not_at_all(tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("root:x:0", "utf-8")
    options = {**TUNED["options"], "lengths": str(secret)}
    found = problems_of({**TUNED, "options": options})
    assert set(found) == {"options.lengths"}
    assert "root:x:0" not in found["options.lengths"]
    told = answer({**TUNED, "files": {"own.txt": {"text": "32\n48\n64\n"}}})
    assert told["tuning"]["epoch"]["samples"] == 3


def test_quotes_that_do_not_close_are_said() -> None:
    open_quote = f"{ARGS} --data-path 'abc"
    assert "no closing quotation" in problems_of({"ask": "megatron", "words": open_quote})["words"]
    assert "no closing quotation" in problems_of({"ask": "params", "model": {"megatron": open_quote}})[""]


def test_laws_are_asked_for_by_a_name_of_their_own(cli: Cli) -> None:
    assert answer({"ask": "laws"}) == json.loads(cli("scaling", "laws", "--json")[1])


def problems_of(question: Any, access: Access = Access.QUESTION) -> dict[str, str]:
    with pytest.raises(QuestionError) as caught:
        answer(question, access)
    assert all(one.message == " ".join(one.message.split()) for one in caught.value.problems)
    return {one.field: one.message for one in caught.value.problems}


def test_every_wrong_field_is_named_at_once() -> None:
    options = {"tp": 0, "seq": 2.5, "schedule": "1f2b", "sp": 1, "imbalance": "nan", "tpp": 4, "zero": True}
    found = problems_of({"ask": "train", "model": "gpt2", "options": options, "with": ["users"], "extra": 1})
    assert set(found) == {"extra", "with", "options.cluster", *(f"options.{name}" for name in options)}
    assert found["options.tp"] == "got 0; allowed is 1 to 2,147,483,648"
    assert found["options.schedule"].endswith("did you mean 1f1b?")
    assert found["options.tpp"] == "train has no such option; did you mean tp, pp or etp?"
    assert found["options.cluster"].startswith("missing; ")


def test_problems_of_the_plan_stand_at_their_options() -> None:
    found = problems_of({"ask": "train", "model": "llama-3.1-8b", "options": {"cluster": "8xH100", "tp": 3, "pp": 7}})
    assert set(found) == {"options.gpus", "options.tp"}
    found = problems_of({"ask": "infer", "model": "llama-3.1-8b", "options": {"cluster": "8xH100", "tp": 3}})
    assert list(found) == ["options.tp"]
    found = problems_of({"ask": "infer", "model": "gpt2", "options": {"cluster": "T4", "price": "-1"}})
    assert list(found) == ["options.price"]


def test_problems_of_a_configuration_stand_at_its_fields() -> None:
    found = problems_of({"ask": "params", "model": {**SMALL, "hidden_size": "x", "num_hidden_layers": 10**20}})
    assert set(found) == {"model.hidden_size", "model.num_hidden_layers"}
    found = problems_of({"ask": "params", "model": {**SMALL, "num_attention_heads": 5}})
    assert set(found) == {"model.hidden_size"} or "model.num_attention_heads" in found


@pytest.mark.parametrize(
    ("question", "field", "said"),
    [
        (None, "", "expected a table"),
        ({}, "ask", "missing; allowed: params, flops"),
        ({"ask": "trian"}, "ask", "did you mean train?"),
        ({"ask": ["params"]}, "ask", "got a list of 1"),
        ({"ask": "params"}, "model", "missing; a name of the catalogue"),
        ({"ask": "params", "model": 7}, "model", "expected a name or a table"),
        ({"ask": "params", "model": ""}, "model", "expected a name"),
        ({"ask": "params", "model": "--help"}, "model", "no catalogue name"),
        ({"ask": "params", "model": "gpt2", "tp": 1}, "tp", "no such key"),
        ({"ask": "train", "model": "gpt2", "tp": 1}, "tp", "put it into options"),
        ({"ask": "params", "model": "gpt2", "options": []}, "options", "expected a table of options"),
        ({"ask": "params", "model": "gpt2", "options": {"json": True}}, "options.json", "leave it out"),
        ({"ask": "params", "model": "gpt2", "options": {"explain": True}}, "options.explain", '"with" takes explain'),
        ({"ask": "params", "model": "gpt2", "options": {"draw": "x.svg"}}, "options.draw", "not done here"),
        ({"ask": "params", "model": "gpt2", "options": {"dtype": float("nan")}}, "options.dtype", "finite"),
        ({"ask": "params", "model": {"a": 10**400}}, "model.a", "some 400 digits"),
        ({"ask": "params", "model": "\ud800"}, "model", "half surrogate pairs"),
        ({"ask": "params", "model": "a" * 300_000}, "model", "300,000 characters"),
        ({"ask": "params", "model": {"x": object()}}, "model.x", "what JSON has"),
        ({"ask": "params", "model": {3: 4}}, "model.3", "a name of a field is text"),
        ({"ask": "params", "model": {"x": [0] * 400_000}}, "", "more than 300,000 values"),
        ({"ask": "params", "model": "gpt2", "options": {"set": ["x"] * 65}}, "options.set", "allowed are 64"),
        ({"ask": "params", "model": "gpt2", "options": {"set": {"n_layr": 3}}}, "options.set", "did you mean n_layer"),
        ({"ask": "params", "model": "gpt2", "with": 3}, "with", "expected a list"),
        ({"ask": "models", "words": ["gpt", 3.5, True]}, "words.2", "expected text"),
    ],
)
def test_what_is_no_question_is_refused_in_one_line(question: Any, field: str, said: str) -> None:
    found = problems_of(question)
    assert said in found[field]
    assert all(len(message) <= 1200 for message in found.values())


def test_a_question_that_is_too_deep_is_refused() -> None:
    deep: Any = {}
    for _ in range(5000):
        deep = {"a": deep}
    assert any("nested deeper" in said for said in problems_of({"ask": "params", "model": deep}).values())


# What a question may reach


@pytest.mark.parametrize(
    "question",
    [
        {"ask": "params", "model": str(FILES / "tiny-llama")},
        {"ask": "params", "model": "~/config.json"},
        {"ask": "params", "model": "docs/files/tiny-Q4_0.gguf"},
        {"ask": "params", "model": "pyproject.toml"},
        {"ask": "params", "model": "."},
        {"ask": "infer", "model": "gpt2", "options": {"cluster": str(ROOT / "examples" / "cluster.toml")}},
        {"ask": "train", "model": "gpt2", "options": {"cluster": "T4", "from": str(FILES / "zero3.json")}},
        {"ask": "train", "model": "gpt2", "options": {"cluster": "T4", "lora": "r=2", "lengths": "/etc/hostname"}},
        {"ask": "scaling", "options": {"compute": "1e22", "law": ["/etc/hostname.json"]}},
        {"ask": "fit", "file": "/etc/passwd"},
        {"ask": "megatron", "words": ["/etc/x.yaml"]},
        {"ask": "megatron", "words": "--yaml-cfg /etc/x.yaml"},
        {"ask": "clusters", "words": ["/etc/x.toml"]},
        {"ask": "params", "model": "meta-llama/Llama-9"},
        {"ask": "params", "model": "org/name:Q4_K_M"},
        {"ask": "params", "model": "llama-3.1-8b", "options": {"headers": True}},
    ],
    ids=lambda one: json.dumps(one)[:70],
)
def test_nothing_of_the_machine_is_read(question: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    own = (ROOT / "src", Path(json.__file__).parents[1])
    opened: list[str] = []
    for name in ("open", "stat", "lstat", "iterdir", "expanduser"):
        before = getattr(Path, name)

        def watched(path: Path, *rest: Any, before: Any = before, **named: Any) -> Any:
            if not any(path.is_relative_to(folder) for folder in own):
                opened.append(str(path))
            return before(path, *rest, **named)

        monkeypatch.setattr(Path, name, watched)
    monkeypatch.setattr("socket.socket.connect", lambda *_: pytest.fail("a connection was opened"))
    assert problems_of(question)
    assert not opened


def test_the_environment_of_the_process_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    question = {"ask": "megatron", "words": ARGS, "options": {}}
    monkeypatch.setenv("WORLD_SIZE", "4")
    assert answer(question)["plan"]["gpus"] == 1
    assert answer(question, Access.MACHINE)["plan"]["gpus"] == 4


def test_files_come_with_the_question_as_text_base64_or_bytes(cli: Cli) -> None:
    whole = (FILES / "tiny-Q4_0.gguf").read_bytes()
    asked = {"ask": "params", "model": "tiny-Q4_0.gguf"}
    expected = json.loads(cli("params", "--json", str(FILES / "tiny-Q4_0.gguf"))[1])
    coded = base64.b64encode(whole).decode()
    for content in (whole, memoryview(whole), {"base64": coded}, {"base64": whole, "size": len(whole)}):
        assert answer({**asked, "files": {"tiny-Q4_0.gguf": content}}) == expected
    config = (FILES / "tiny-llama" / "config.json").read_text("utf-8")
    found = answer({"ask": "params", "model": "tiny/config.json", "files": {"tiny/config.json": {"text": config}}})
    assert found["model"]["name"] == "tiny"
    assert found == answer({"ask": "params", "model": "tiny", "files": {"tiny/config.json": {"text": config}}})


def test_headers_alone_need_be_sent_of_a_file() -> None:
    whole = (FILES / "tiny-Q4_0.gguf").read_bytes()
    asked = {"ask": "params", "model": "m.gguf"}
    size = {"size": len(whole)}
    begun = answer({**asked, "files": {"m.gguf": {"base64": whole[:-64], **size}}})
    assert begun["weights"] == answer({**asked, "files": {"m.gguf": whole}})["weights"]
    short = problems_of({**asked, "files": {"m.gguf": {"base64": whole[:100], **size}}})
    assert "100 of 16,960 bytes were handed over" in short["files.m.gguf"]


def test_options_name_files_that_came_along() -> None:
    zero = (FILES / "zero3.json").read_text("utf-8")
    options = {"cluster": "8xH100", "from": "zero3.json", "seq": 4096}
    found = answer(
        {"ask": "train", "model": "gpt2", "options": {**options, "seq": 512}, "files": {"zero3.json": {"text": zero}}}
    )
    assert found["plan"]["zero_stage"] == 3
    cluster = (ROOT / "examples" / "cluster.toml").read_text("utf-8")
    found = answer({"ask": "clusters", "words": ["own.toml"], "files": {"own.toml": {"text": cluster}}})
    assert found["cluster"]


@pytest.mark.parametrize(
    ("files", "field", "said"),
    [
        ([], "files", "expected a table"),
        ({"../x": b""}, "files.../x", "no name of a file"),
        ({"/x": b""}, "files./x", "no name of a file"),
        ({"x": 3}, "files.x", "expected"),
        ({"x": {}}, "files.x", "neither"),
        ({"x": {"text": "a", "base64": "aa"}}, "files.x", "text and base64"),
        ({"x": {"base64": "&"}}, "files.x", "base64: is none"),
        ({"x": {"text": 3}}, "files.x", "expected text"),
        ({"x": {"text": "abc", "size": 2}}, "files.x", "allowed is 3"),
        ({"x": {"txt": "abc"}}, "files.x", "did you mean text?"),
        ({f"x{i}": b"" for i in range(65)}, "files", "allowed are 64"),
    ],
    ids=str,
)
def test_what_is_no_file_is_refused(files: Any, field: str, said: str) -> None:
    assert said in problems_of({"ask": "params", "model": "gpt2", "files": files})[field]


def test_files_of_the_machine_are_read_where_the_caller_may() -> None:
    found = answer({"ask": "params", "model": str(FILES / "tiny-llama")}, Access.MACHINE)
    assert found["model"]["name"] == "tiny-llama"


def test_an_answer_leaves_nothing_behind(cli: Cli) -> None:
    problems_of({"ask": "fit", "file": "/etc/passwd"})
    assert "--bootstrap" in cli("scaling", "fit", "-h")[1]
    problems_of({"ask": "params", "model": str(FILES / "tiny-llama")})
    assert answer({"ask": "params", "model": str(FILES / "tiny-llama")}, Access.MACHINE)


@pytest.mark.parametrize("ask", ASKS)
def test_every_option_is_a_field_or_a_matter_of_printing(ask: str) -> None:
    from weighbridge.answer import fields

    offered = {one["name"] for one in fields(ask)["options"]}
    files = {"trace", "gantt", "draw", "plot"}
    for parameter in command_of(ask).params:
        name = field_of(parameter)
        if parameter.param_type_name == "option":
            assert (name in offered) != (name in PRINTED or name in files)
