"""Fields of a question, read off the commands."""

from __future__ import annotations

import json

import pytest

from weighbridge.answer import fields
from weighbridge.answer.asks import ASKS
from weighbridge.errors import InputError


@pytest.mark.parametrize("ask", ASKS)
def test_fields_are_plain_data_with_help(ask: str) -> None:
    found = json.loads(json.dumps(fields(ask), allow_nan=False))
    assert found["about"].endswith(".")
    for option in found["options"]:
        assert option["help"], option
        assert option["type"] in ("boolean", "integer", "number", "choice", "file", "text")
        assert (option["choices"] is not None) == (option["type"] == "choice")


def test_bounds_choices_and_defaults_are_the_commands_own() -> None:
    options = {one["name"]: one for one in fields("train")["options"]}
    assert (options["tp"]["min"], options["tp"]["max"], options["tp"]["default"]) == (1, 2**31, 1)
    assert "dualpipe" in options["schedule"]["choices"]
    assert options["sp"]["default"] is None
    assert options["from"]["type"] == "file"
    assert options["cluster"]["required"]
    assert fields("train")["with"] == ["explain", "timeline"]


def test_an_unknown_ask_is_refused_with_the_nearest() -> None:
    with pytest.raises(InputError, match=r"did you mean train\?"):
        fields("trian")
