from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weighbridge.errors import InputError
from weighbridge.formats.megatron.arguments import Arguments, parse
from weighbridge.formats.megatron.table import Bears, Kind, Row, Value, by_dest, rows


def read(text: str) -> Arguments:
    return parse(text.split())


def test_values_and_defaults() -> None:
    found = read("--num-layers 12 --hidden-dropout=0.0 --swiglu --disable-bias-linear --recompute-modules moe_act mlp")
    assert found.integer("num_layers") == 12
    assert found.number("hidden_dropout") == 0.0
    assert found.number("attention_dropout") == 0.1
    assert found.flag("swiglu")
    assert not found.flag("add_bias_linear")
    assert found.flag("gradient_accumulation_fusion")
    assert found.words("recompute_modules") == ("moe_act", "mlp")
    assert found.size("ffn_hidden_size") is None
    assert found.warnings == ()
    assert found.given == {"num_layers", "hidden_dropout", "swiglu", "add_bias_linear", "recompute_modules"}


def test_the_last_wins() -> None:
    assert read("--num-layers 12 --num-layers=24").integer("num_layers") == 24


def test_negative_numbers_are_values() -> None:
    found = read("--moe-expert-capacity-factor -1.5 --inference-batch-times-seqlen-threshold -1 --swiglu")
    assert found.number("moe_expert_capacity_factor") == -1.5
    assert found.flag("swiglu")


@pytest.mark.parametrize("text", ["[moe_act mlp]", "moe_act mlp", "[moe_act, mlp]", "'moe_act','mlp'"])
def test_lists_in_one_word(text: str) -> None:
    assert parse(["--recompute-modules", text]).words("recompute_modules") == ("moe_act", "mlp")


def test_unknown_arguments_are_named_once_with_the_nearest() -> None:
    found = read("--num-layer 12 --num-layer 13 --zzqq --no-such-thing 1 2")
    assert len(found.warnings) == 3
    assert "--num-layer: Megatron-LM has no such argument" in found.warnings[0]
    assert "did you mean --num-layers?" in found.warnings[0]
    assert "did you mean" not in found.warnings[1]


def test_abbreviations_are_unknown() -> None:
    assert "no such argument" in read("--num-lay 12").warnings[0]


def test_words_that_belong_to_nothing() -> None:
    assert read("stray --swiglu too --num-layers 1 2").warnings == (
        '"stray": belongs to no argument; it is left out',
        '"too": belongs to no argument; it is left out',
        '"2": belongs to no argument; it is left out',
    )


def test_what_is_not_modelled_is_said_unless_it_is_the_default() -> None:
    found = read("--megatron-fsdp-version 1 --cpu-offloading-num-layers 0 --activation-offload-fraction 1")
    assert found.warnings == ()
    found = read("--megatron-fsdp-version 2 --freeze-all-layers --use-sharp")
    assert found.warnings == (
        "--megatron-fsdp-version 2: bears on memory and is not modelled",
        "--freeze-all-layers: bears on memory and is not modelled",
        "--use-sharp: bears on time and is not modelled",
    )


def test_harmless_arguments_take_anything() -> None:
    assert read("--lr nonsense --save /a/b --log-interval x --tensorboard-dir=q").warnings == ()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("--num-layers twelve", '--num-layers: got "twelve"; expected a whole number'),
        ("--num-layers 1.5", '--num-layers: got "1.5"; expected a whole number'),
        ("--num-layers", "--num-layers: no value is given; expected a whole number"),
        ("--num-layers --swiglu", "--num-layers: no value is given; expected a whole number"),
        ("--num-layers 99999999999", "--num-layers: got 99,999,999,999; allowed is at most 2,147,483,648"),
        ("--hidden-dropout nan", '--hidden-dropout: got "nan"; expected a number'),
        ("--optimizer adm", '--optimizer: got "adm"; allowed: adam, sgd'),
        ("--optimizer", "--optimizer: no value is given; expected one of adam, sgd"),
        ("--swiglu=true", '--swiglu: got "true"; expected nothing; it sets true'),
        ("--num-layers x --hidden-size y", '"x"; expected a whole number; --hidden-size: got "y"'),
    ],
)
def test_bad_values_are_one_line(text: str, said: str) -> None:
    with pytest.raises(InputError) as caught:
        read(text)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_too_many_words() -> None:
    with pytest.raises(InputError, match="allowed is at most"):
        parse(["--swiglu"] * 30_000)


def test_no_name_stands_twice() -> None:
    for row in rows().values():
        assert row.name.startswith("--")
        assert row.dest in by_dest()


WORDS = st.text(st.characters(codec="ascii", categories=("L", "N")), min_size=1, max_size=12)


def value_of(row: Row) -> st.SearchStrategy[Value]:
    word: st.SearchStrategy[str] = st.sampled_from(row.choices) if row.choices else WORDS
    whole = st.integers(-(2**31), 2**31)
    number = st.floats(-1e6, 1e6).map(lambda x: round(x, 6))
    kinds: dict[Kind, st.SearchStrategy[Value]] = {
        Kind.ON: st.just(True),
        Kind.OFF: st.just(False),
        Kind.INTEGER: whole,
        Kind.NUMBER: number,
        Kind.TEXT: word,
        Kind.INTEGERS: st.lists(st.integers(0, 2**31), min_size=1, max_size=4).map(tuple),
        Kind.NUMBERS: st.lists(st.floats(0, 1e6).map(lambda x: round(x, 6)), min_size=1, max_size=4).map(tuple),
        Kind.TEXTS: st.lists(word, min_size=1, max_size=4).map(tuple),
    }
    return kinds[row.kind]


@st.composite
def arguments(draw: st.DrawFn) -> dict[str, Value]:
    chosen = draw(st.lists(st.sampled_from(sorted(by_dest())), unique=True, max_size=12))
    honoured = [dest for dest in chosen if by_dest()[dest].bears is Bears.HONOURED]
    return {dest: draw(value_of(by_dest()[dest])) for dest in honoured}


def render(arguments: Arguments) -> list[str]:
    """The words that read as these arguments."""
    words: list[str] = []
    for dest, value in arguments.values.items():
        row = by_dest()[dest]
        if row.kind.flag:
            words.append(row.name)
        elif isinstance(value, tuple):
            words += [row.name, *map(str, value)]
        else:
            words.append(f"{row.name}={value}")
    return words


@settings(max_examples=200)
@given(arguments())
def test_arguments_survive_a_round_trip(values: dict[str, Value]) -> None:
    once = parse(render(Arguments(values)))
    assert once.values == values
    assert once.given == set(values)
    assert once.warnings == ()


@settings(max_examples=200)
@given(st.lists(st.text(max_size=12) | st.sampled_from(sorted(rows())), max_size=12))
def test_anything_is_read_or_one_line(tokens: list[str]) -> None:
    try:
        lines = list(parse(tokens).warnings)
    except InputError as error:
        lines = [str(error)]
    assert all("\n" not in line for line in lines)
