"""Numbers as people write them."""

from __future__ import annotations

import pytest

from weighbridge.errors import InputError
from weighbridge.formats.amounts import amount


def read(value: object) -> float:
    return amount(value, "tokens", 1e3, 1e20, "tokens", "1.4T")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("value", "number"),
    [
        ("70B", 70e9),
        ("70b", 70e9),
        ("70 B", 70e9),
        ("1.4T", 1.4e12),
        ("1,400,000", 1.4e6),
        ("1_000_000", 1e6),
        ("5.76e18", 5.76e18),
        ("5.76E+18", 5.76e18),
        (".5M", 5e5),
        ("2.K", 2000.0),
        ("3G", 3e9),
        (12_000, 12_000.0),
        (1.5e4, 1.5e4),
        (" 70B ", 70e9),
        ("+70B", 70e9),
    ],
)
def test_numbers(value: object, number: float) -> None:
    assert read(value) == pytest.approx(number)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("-70B", "tokens: got -70B; allowed is 1e+03 to 1e+20 tokens"),
        ("0", "got 0; allowed"),
        ("1e400", "got 1e400; allowed"),
        ("1e99999", "got 1e99999; expected tokens such as 1.4T"),
        (10**400, "got a number of 401 digits; allowed"),
        ("nan", "got nan; expected tokens such as 1.4T"),
        ("inf", "got inf; expected"),
        (float("nan"), "got nan; expected"),
        (float("inf"), "got inf; allowed"),
        ("", 'got ""; expected'),
        ("B", "got B; expected"),
        ("70 billion", 'got "70 billion"; expected'),
        ("70X", "got 70X; expected"),
        ("7" * 100, "expected tokens"),
        (None, "got null; expected"),
        (True, "got true; expected"),
        ("70B\n", None),
        ("\x1b[31m7", "expected tokens"),
    ],
)
def test_what_is_no_number_or_out_of_bounds(value: object, message: str | None) -> None:
    if message is None:
        assert read(value) == 70e9
        return
    with pytest.raises(InputError) as error:
        read(value)
    assert message in str(error.value)
    assert "\x1b" not in str(error.value)
    assert len(str(error.value)) < 200
