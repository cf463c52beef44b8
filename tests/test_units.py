"""Units say which they are, and round to three digits."""

from __future__ import annotations

import pytest

from weighbridge import units
from weighbridge.errors import InputError


def test_sub_byte_types_round_up_once_per_tensor() -> None:
    assert units.data_type("int4").bytes(3) == 2
    assert units.data_type("fp6").bytes(4) == 3
    assert units.data_type("bf16").bytes(3) == 6


@pytest.mark.parametrize(("name", "bits"), [("torch.bfloat16", 16), ("FLOAT32", 32), ("float8_e4m3fn", 8), ("nf4", 4)])
def test_names_as_people_write_them(name: str, bits: int) -> None:
    assert units.data_type(name).bits == bits


def test_an_unknown_type_names_the_nearest() -> None:
    with pytest.raises(InputError, match=r'"bf61" is unknown; allowed: .*did you mean bf16'):
        units.data_type("bf61")


@pytest.mark.parametrize(
    ("value", "decimal", "binary"),
    [
        (0, "0 B", "0 B"),
        (999, "999 B", "999 B"),
        (16_060_522_496, "16.1 GB", "15.0 GiB"),
        (1_342_052_808_704, "1.34 TB", "1.22 TiB"),
        (999_999_999, "1.00 GB", "954 MiB"),
    ],
)
def test_bytes_in_both_units(value: int, decimal: str, binary: str) -> None:
    assert (units.gigabytes(value), units.gibibytes(value)) == (decimal, binary)


def test_counts_flops_and_shares() -> None:
    assert units.short_count(8_030_261_248) == "8.03 B"
    assert units.short_count(671_026_404_352) == "671 B"
    assert units.flops(65_877_282_127_872) == "65.9 TFLOP"
    assert units.percent(1, 4) == "25.0 %"
    assert units.percent(0, 0) == "-"
    assert units.thousands(1234567) == "1,234,567"


def test_a_thousand_of_a_unit_is_k() -> None:
    assert units.three_digits(5600, "W") == "5.60 kW"
    assert units.three_digits(332e6, "Wh") == "332 MWh"
    assert units.short_count(72_600) == "72.6 K"
