"""A price of a GPU hour has the same bounds wherever it is given."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

Cli = Callable[..., tuple[int, str, str]]

PRICED = [
    ["scaling", "--compute", "1e22", "--cluster", "8xH100", "--mfu", "0.4"],
    ["infer", "gpt2", "--cluster", "1xH100"],
    ["train", "gpt2", "--cluster", "1xH100", "--tokens", "1B"],
    ["train", "gpt2", "--cluster", "1xH100", "--samples", "10", "--mean-length", "20"],
    ["compare", "gpt2", "--cluster", "1xH100"],
]


@pytest.mark.parametrize("words", PRICED, ids=lambda words: " ".join(words[:1] + words[-2:]))
def test_an_option(words: list[str], cli: Cli) -> None:
    for refused in ("0.0009", "100001"):
        status, out, err = cli(*words, "--price", refused)
        assert (status, out) == (2, "")
        assert f"got {refused}; allowed is 0.001 to 1e+05 dollars per GPU and hour" in err
    for taken in ("0.001", "100000"):
        assert cli(*words, "--price", taken)[0] == 0


def test_a_cluster_of_a_file(tmp_path: Path, cli: Cli) -> None:
    file = tmp_path / "own.toml"
    for price, status in ((100_000, 0), (100_001, 2)):
        file.write_text(f'device = "H100"\ngpus = 1\n[device_overrides]\nprice_per_hour = {price}\n')
        assert cli("infer", "gpt2", "--cluster", str(file))[0] == status
