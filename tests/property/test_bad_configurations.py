"""Configurations with one wrong value anywhere: an answer, or one line that says what is wrong; never anything else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from weighbridge.errors import WeighbridgeError
from weighbridge.estimate.parameters import params
from weighbridge.formats.loading import from_raw

RECORDED = json.loads((Path(__file__).parents[1] / "golden" / "counts.json").read_text("utf-8"))
CONFIGURATIONS = {row["raw"]["model_type"]: row["raw"] for row in RECORDED["parameters"]}

WRONG: list[Any] = [None, "many", float("nan"), -1, 1.5, [], {"a": 1}]


def places(raw: dict[str, Any], above: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every field, those of sections too."""
    for name, value in raw.items():
        yield (*above, name)
        if isinstance(value, dict):
            yield from places(value, (*above, name))


def changed(raw: dict[str, Any], place: tuple[str, ...], value: Any) -> dict[str, Any]:
    """The same with another value in one place."""
    first, *rest = place
    return {**raw, first: changed(raw[first], tuple(rest), value) if rest else value}


@pytest.mark.parametrize("kind", CONFIGURATIONS)
def test_a_wrong_value_is_answered_or_said_in_one_line(kind: str) -> None:
    raw, said = CONFIGURATIONS[kind], []
    for place in places(raw):
        for value in WRONG:
            try:
                assert params(from_raw("wrong", changed(raw, place, value), {}, "")).total > 0
            except WeighbridgeError as error:
                said.append(str(error))
    assert said
    assert not [message for message in said if "\n" in message]


@pytest.mark.parametrize("kind", [kind for kind, raw in CONFIGURATIONS.items() if "text_config" in raw])
def test_a_multimodal_configuration_needs_its_language_model(kind: str) -> None:
    raw = {name: value for name, value in CONFIGURATIONS[kind].items() if name != "text_config"}
    with pytest.raises(WeighbridgeError, match="text_config: missing"):
        from_raw("wrong", raw, {}, "")
