"""llama.cpp's recipes: the types of single tensors by hand, and sizes that others published."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable

import pytest

import weighbridge as wb
from tests.truth import TRUTH
from weighbridge.errors import InputError
from weighbridge.estimate.parameters import made, params
from weighbridge.formats.gguf.making import make
from weighbridge.formats.gguf.recipes import RECIPES
from weighbridge.ggml import TYPES
from weighbridge.models import catalogue
from weighbridge.tree import Kind
from weighbridge.units import data_type

SIZES = TRUTH / "gguf_quant_sizes.csv"

MODELS = {
    "Llama-3.1-8B": "llama-3.1-8b",
    "Llama-3.1-70B": "llama-3.1-70b",
    "Llama-3.1-405B": "llama-3.1-405b",
    "LLaMA 3 70B": "llama-3.1-70b",  # the same sizes
}

UNMET = {
    # The table of disk requirements (README of llama.cpp's quantize) gives 70B and 405B as many bits per parameter in
    # Q4_K_M as 8B, 8 x 4.91 / 32.1 = 1.23 per byte of fp32: 43.1 / 280.9 = 249.1 / 1,625.1 = 0.153. The recipe gives
    # larger models fewer, because embedding and head, which have more bits than the rest, are less of them; a file that
    # was made (the next table's 70B, 39.6 GiB = 42.5 GB) has them. Its sizes in fp32 are no multiple of 4 bytes of the
    # parameters either (70,553,706,496 and 405,853,388,800).
    ("Llama-3.1-70B", "F32"),
    ("Llama-3.1-70B", "Q4_K_M"),
    ("Llama-3.1-405B", "F32"),
    ("Llama-3.1-405B", "Q4_K_M"),
}
"""Rows that no file has the size of, and why."""

GUIDED = {("LLaMA 3 70B", "IQ4_XS"), ("LLaMA 3 70B", "IQ4_NL")}
"""Rows of files that were made with an importance matrix where the recipe asks whether there is one: without it the
first layers' ``ffn_down`` has q5_k, 0.3 GiB more. The table of 8B was made without."""

HEADER = (7.8e6, 8.0e6)
"""Bytes of the header of a Llama 3 file, with its vocabulary: 7.84 MB (PUBLISHED)."""


def rows() -> list[tuple[str, str, float | None, float | None, float | None]]:
    """Model, recipe, bits per parameter, GiB and GB of the rows; none where the table is missing."""
    if not SIZES.exists():
        return []
    with SIZES.open(encoding="utf-8") as file:
        found = list(csv.DictReader(file))

    def number(row: dict[str, str], field: str) -> float | None:
        return float(row[field]) if row[field] else None

    return [
        (
            row["model"],
            row["precision"].split()[0],
            number(row, "bits_per_weight"),
            number(row, "file_size_gib"),
            number(row, "file_size_gb"),
        )
        for row in found
    ]


@pytest.mark.skipif(not SIZES.exists(), reason="the table of published sizes is not here")
def test_published_sizes_come_out() -> None:
    missed = []
    for model, recipe, bits, gib, gb in rows():
        file = make(wb.load(MODELS[model]), recipe, (model, recipe) in GUIDED)
        low, high = (file.bytes + header for header in (HEADER if model == "LLaMA 3 70B" else (0, 256)))
        fits = [
            bits is None or abs(8 * file.bytes / file.elements - bits) <= 0.5e-4,
            gib is None or low / 2**30 - 0.005 <= gib <= high / 2**30 + 0.005,
            gb is None or abs(file.bytes / 1e9 - gb) <= 0.05,
        ]
        if not all(fits):
            missed.append((model, recipe))
    assert set(missed) == UNMET


PUBLISHED = [
    ("llama-3.1-8b", "Q4_K_M", 4_920_739_232, 256),
    ("llama-3.2-3b", "Q4_K_M", 2_019_377_696, 256),
    ("llama-3.2-1b", "Q4_K_M", 807_694_464, 128),
    ("qwen2.5-7b", "Q4_K_M", 4_683_073_632, 0),
    ("qwen2.5-7b", "Q2_K", 3_015_940_000, 0),
    ("gemma-2-9b", "Q4_K_M", 5_761_057_728, 0),
    ("gemma-2-9b", "Q2_K", 3_805_397_952, 0),
    ("gemma-3-4b", "Q4_K_M", 2_489_757_856, 0),
    ("qwen3-8b", "Q4_K_M", 5_027_783_488, 0),
    ("gpt-oss-20b", "MXFP4_MOE", 12_109_566_560, 0),
]
"""Sizes of published files (repositories of ggml-org, Qwen and bartowski on Hugging Face), and bytes of ``rope_freqs``,
a table that is no weight."""

HEADERS = {
    "llama": (7.83e6, 7.85e6),
    "qwen2": (5.94e6, 5.97e6),
    "qwen3": (5.94e6, 5.97e6),
    "gemma2": (6.05e6, 6.07e6),
    "gemma3": (6.2e6, 6.5e6),
    "gpt_oss": (12.9e6, 13.1e6),
}
"""Bytes that are left for headers, vocabularies among them: the same for every recipe and size of a family."""


@pytest.mark.parametrize(("name", "recipe", "size", "table"), PUBLISHED)
def test_published_files_leave_the_same_room_for_headers(name: str, recipe: str, size: int, table: int) -> None:
    model = wb.load(name)
    low, high = HEADERS[model.model_type]
    assert low < size - table - make(model, recipe).bytes < high


def types(name: str, recipe: str, imatrix: bool = False) -> dict[str, str]:
    return {tensor.name: tensor.dtype.name for tensor in make(wb.load(name), recipe, imatrix).tensors}


def test_more_bits_where_the_recipe_wants_them() -> None:
    found = types("llama-3.1-8b", "Q4_K_M")
    more = [i for i in range(32) if found[f"blk.{i}.ffn_down.weight"] == "q6_k"]
    assert more == [0, 1, 2, 3, 6, 9, 12, 15, 18, 21, 24, 27, 28, 29, 30, 31]
    assert more == [i for i in range(32) if found[f"blk.{i}.attn_v.weight"] == "q6_k"]
    assert found["output.weight"] == "q6_k"
    assert found["token_embd.weight"] == found["blk.9.attn_k.weight"] == "q4_k"
    assert found["blk.0.attn_norm.weight"] == "fp32"


def test_a_tied_embedding_has_the_type_of_a_head() -> None:
    assert types("gemma-2-2b", "Q4_K_M")["token_embd.weight"] == "q6_k"
    assert types("qwen2.5-0.5b", "Q4_K_M")["token_embd.weight"] == "q8_0"  # rows of 896 are no whole blocks of 256


def test_rows_that_no_block_divides_fall_back() -> None:
    found = types("qwen2.5-0.5b", "Q4_K_M")
    assert found["blk.0.attn_q.weight"] == "q5_0"
    assert found["blk.0.attn_v.weight"] == "q8_0"
    assert found["blk.0.ffn_down.weight"] == "q6_k"  # 4,864 = 19 x 256


def test_eight_experts_and_seventy_billions_are_special() -> None:
    mixtral = types("mixtral-8x7b", "Q4_K_M")
    assert mixtral["blk.5.attn_v.weight"] == mixtral["blk.5.attn_k.weight"] == "q8_0"
    assert mixtral["blk.5.attn_output.weight"] == "q5_k"
    assert mixtral["blk.5.ffn_gate_inp.weight"] == "fp32"
    assert types("llama-3.1-70b", "Q4_K_M")["blk.11.attn_v.weight"] == "q5_k"
    assert types("llama-65b", "Q4_K_M")["blk.11.attn_v.weight"] == "q4_k"


def test_an_importance_matrix_changes_some_recipes() -> None:
    for recipe, without, given in (("IQ4_XS", "q5_k", "iq4_xs"), ("Q4_0", "q4_0", "q4_1"), ("Q5_0", "q5_0", "q5_1")):
        assert types("llama-3.1-8b", recipe)["blk.0.ffn_down.weight"] == without
        assert types("llama-3.1-8b", recipe, True)["blk.0.ffn_down.weight"] == given
    assert types("llama-3.1-8b", "IQ2_M") == types("llama-3.1-8b", "IQ2_M", True)


def test_experts_alone_are_mxfp4() -> None:
    found = types("gpt-oss-20b", "MXFP4_MOE")
    assert {kind for name, kind in found.items() if "_exps.weight" in name} == {"mxfp4"}
    assert found["blk.0.attn_q.weight"] == found["output.weight"] == found["token_embd.weight"] == "q8_0"
    assert found["blk.0.ffn_up_exps.bias"] == found["blk.0.attn_sinks.weight"] == "fp32"


def test_every_recipe_weighs_every_model_that_has_an_architecture() -> None:
    """The tensors are the architecture's, and the storage that estimates read has the file's bytes."""
    weighed = 0
    for entry in catalogue.entries():
        model = wb.load(entry.name)
        try:
            stored, report = made(model, "Q4_K_M")
        except InputError as error:
            assert "not known here" in str(error)  # noqa: PT017 - some have no architecture in GGUF
            continue
        weighed += 1
        assert report.matched is not None
        assert report.matched.exact, entry.name
        found = params(stored)
        assert report.parameters == found.total - found.by_kind.get(Kind.VISION, 0)
        assert found.checkpoint is not None
        seen = sum(row.bytes for row in found.checkpoint.tensors if row.kind is Kind.VISION)  # a file of its own
        assert found.checkpoint.bytes - seen == report.file.bytes, entry.name
    assert weighed >= 90


@pytest.mark.parametrize("recipe", RECIPES)
def test_every_recipe_is_possible(recipe: str) -> None:
    file = make(wb.load("llama-3.1-8b"), recipe)
    assert {tensor.dtype.name for tensor in file.tensors} <= set(TYPES)
    smallest = TYPES[RECIPES[recipe].base]
    assert file.bytes >= file.elements * smallest.bytes // smallest.block


def test_blocks_have_the_bytes_of_their_parts() -> None:
    """Bits per element as llama.cpp's own comments have them (ggml-common.h)."""
    stated = {
        "q2_k": 2.625,
        "q3_k": 3.4375,
        "q4_k": 4.5,
        "q5_k": 5.5,
        "q6_k": 6.5625,
        "iq1_s": 1.5625,
        "iq1_m": 1.75,
        "iq2_xxs": 2.0625,
        "iq2_xs": 2.3125,
        "iq2_s": 2.5625,
        "iq3_xxs": 3.0625,
        "iq3_s": 3.4375,
        "tq1_0": 1.6875,
        "tq2_0": 2.0625,
        "q8_0": 8.5,
        "mxfp4": 4.25,
        "nvfp4": 4.5,
    }
    assert {name: 8 * TYPES[name].bytes / TYPES[name].block for name in stated} == stated
    assert all(kind.rest >= 0 for kind in TYPES.values())


def test_types_of_gguf_are_data_types() -> None:
    assert params("llama-3.1-8b", "q4_k").bytes() == 8_030_261_248 // 256 * 144
    assert data_type("Q8_0").bytes(64) == 68
    with pytest.raises(InputError, match=r"and the types of GGUF files .*did you mean q4_k"):
        data_type("q4_km")


def test_the_command_line_prints_the_file(cli: Callable[..., tuple[int, str, str]]) -> None:
    status, out, err = cli("params", "llama-3.1-8b", "--gguf", "q4_k_m", "--json")
    assert (status, err) == (0, "")
    data = json.loads(out)
    assert data["weights"]["estimated"]
    assert data["weights"]["total"] == data["checkpoint"]["total"] == 4_912_898_048
    assert data["weights"]["file_bytes"] == data["weights"]["total"] + data["weights"]["header_bytes"]


REFUSED = [
    (["gpt2", "--gguf", "Q4_K_X"], '--gguf: got "Q4_K_X"; allowed: F32, F16'),
    (["gpt2", "--gguf", "Q4_K_M", "--dtype", "bf16"], "--gguf and --dtype both say how weights are stored"),
    (["gpt2", "--imatrix"], "--imatrix is about the file that --gguf makes; add --gguf"),
    (["examples/dense.toml", "--gguf", "Q4_K_M"], "whose GGUF tensors are not known here"),
    (["examples/dense.toml", "--headers"], "--headers: of weights in files"),
]


@pytest.mark.parametrize(("arguments", "said"), REFUSED)
def test_what_makes_no_sense_is_refused(
    arguments: list[str], said: str, cli: Callable[..., tuple[int, str, str]]
) -> None:
    status, out, err = cli("params", *arguments)
    assert (status, out) == (2, "")
    assert said in err
    assert err.count("\n") == 1
