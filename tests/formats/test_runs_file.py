"""CSV files of runs, and what is said of bad ones: the line and the column."""

from __future__ import annotations

from pathlib import Path

import pytest

from weighbridge.errors import InputError
from weighbridge.formats.runs_file import load_runs


def written(folder: Path, text: str) -> Path:
    path = folder / "runs.csv"
    path.write_text(text, "utf-8")
    return path


@pytest.mark.parametrize(
    "text",
    [
        "parameters,tokens,loss\n1e9,2e10,2.5\n2e9,4e10,2.3\n",
        "N,D,L\n1B,20B,2.5\n2B,40B,2.3\n",
        "loss;note;tokens;params\n2.5;a;20B;1B\n\n2.3;b;40B;2B\n",
        "\ufeffParameters\tTraining tokens\tFinal loss\n1B\t20B\t2.5\n2B\t40B\t2.3\n",
        "Model Size,Training FLOP,loss\n1B,1.2e20,2.5\n2B,4.8e20,2.3\n",
        '"parameters","tokens","loss"\n"1,000,000,000","20,000,000,000","2.5"\n2B,40B,2.3\n',
    ],
)
def test_runs_in_every_form(text: str, tmp_path: Path) -> None:
    found = load_runs(written(tmp_path, text))
    assert found.parameters == (1e9, 2e9)
    assert found.tokens == pytest.approx((2e10, 4e10))
    assert found.losses == (2.5, 2.3)
    assert len(found) == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty; expected a header such as parameters,tokens,loss"),
        ("parameters,tokens,loss\n", "has a header and no runs"),
        ("parameters,tokens\n1,2\n", "line 1: no column loss; expected parameters, tokens (or compute) and loss"),
        ("parameter,tokens,loss\n1,2,3\n", "no column parameters;"),
        ("parameters,loss\n1,2\n", "line 1: no column tokens"),
        ("n,params,tokens,loss\n1,2,3,4\n", "line 1: column parameters is there 2 times"),
        ("n,d,loss\n1B,1B,2.5\n1B,x,2.4\n", "line 3, column tokens: got x; expected tokens such as 1.4B"),
        ("n,d,loss\n1B,1B\n", "line 2, column loss: is empty"),
        ("n,d,loss\n1B,1B,-2\n", "line 2, column loss: got -2; allowed is 1e-06 to 1e+03 nats per token"),
        ("n,d,loss\n1B,1B,nan\n", "line 2, column loss: got nan"),
        ("n,d,loss\n0,1B,2\n", "line 2, column parameters: got 0; allowed"),
        ("n,c,loss\n1B,5,2\n", 'line 2, column compute: got "5"; that is less than a token'),
        ('n,d,loss\n"1B,1B,2\n', "is no CSV"),
    ],
)
def test_bad_files_are_said_by_line_and_column(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError) as error:
        load_runs(written(tmp_path, text))
    assert message in str(error.value)
    assert "runs.csv" in str(error.value)


def test_files_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        load_runs(tmp_path / "nothing.csv")
    (tmp_path / "binary.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="not UTF-8"):
        load_runs(tmp_path / "binary.csv")
