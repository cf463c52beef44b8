"""What a device's libraries take."""

from __future__ import annotations

import pytest

from weighbridge.errors import InputError
from weighbridge.hardware.catalogue import device

MIB = 2**20


@pytest.mark.parametrize(
    ("name", "workspace"),
    [
        ("v100", 8_519_680),
        ("a100", 8_519_680),
        ("rtx-4090", 8_519_680),
        ("h100", 32 * MIB),
        ("b200", 32 * MIB),
        ("b300", 32 * MIB),
        ("rtx-5090", 32 * MIB),
        ("mi250x", 32 * MIB),
        ("mi300x", 128 * MIB),
        ("mi355x", 128 * MIB),
    ],
)
def test_cublas_workspace(name: str, workspace: int) -> None:
    assert device(name).cublas_workspace_bytes == workspace


@pytest.mark.parametrize(
    ("name", "workspace"), [("a100", 4_194_304), ("l40s", 4_194_304), ("h100", 33_555_456), ("gb200", 33_555_456)]
)
def test_transformer_engine_workspace(name: str, workspace: int) -> None:
    assert device(name).transformer_engine_workspace_bytes == workspace


def test_transformer_engine_does_not_run_on_amd() -> None:
    assert device("mi300x").transformer_engine_workspace_bytes == 0


def test_published_rates() -> None:
    assert device("h100").peak("bf16") == 989_400_000_000_000
    assert device("a100").peak("bf16") == 312_000_000_000_000
    assert device("b200").peak("fp8") == 4_500_000_000_000_000


def test_a_type_without_unit_is_one_line() -> None:
    with pytest.raises(
        InputError, match=r'^precision: NVIDIA A100 SXM 80 GB has no rate for "fp8"; allowed: fp32, tf32'
    ):
        device("a100").peak("fp8")


def test_a_device_can_be_a_key() -> None:
    assert {device("h100"): 1}[device("H100-SXM")] == 1
