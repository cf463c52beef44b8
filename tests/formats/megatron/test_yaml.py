from __future__ import annotations

from pathlib import Path

import pytest

from tests.formats.megatron.samples import GPT, request
from weighbridge.errors import InputError
from weighbridge.formats.megatron import load

RECIPE = """
ENV_VARS:
  CUBLAS_WORKSPACE_CONFIG: ":4096:8"
TEST_TYPE: regular
MODEL_ARGS:
  --num-layers: 8
  --hidden-size: 512
  --num-attention-heads: 8
  --seq-length: 1024
  --max-position-embeddings: 1024
  --micro-batch-size: 2
  --vocab-size: 50257
  --bf16: true
  --swiglu: false
  --recompute-granularity: selective
  --recompute-modules: [core_attn mlp]
  --data-path: ${DATA}/corpus
"""

PLAIN = """
language_model:
  num_layers: 8
  hidden_size: 512
  num_attention_heads: 8
  num_query_groups: 4
  add_bias_linear: False
  activation_func: swiglu
  bias_dropout_fusion: True
  ffn_hidden_size: null
model_parallel:
  tensor_model_parallel_size: 2
  bf16: True
seq_length: 1024
max_position_embeddings: 1024
micro_batch_size: 2
vocab_size: 50257
data_path: [0.5, a, 0.5, b]
some_thing: 3
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "arguments.yaml"
    path.write_text(text, "utf-8")
    return path


def test_a_recipe(tmp_path: Path) -> None:
    found = load(write(tmp_path, RECIPE), 8, environment={})
    assert found.plan.recompute.modules == ("core_attn", "mlp")
    assert found.plan.cublas_workspace == 8 * 4096 * 1024
    assert not found.arguments.flag("swiglu")
    assert found.warnings == ()


def test_names_of_values_in_sections(tmp_path: Path) -> None:
    found = load([str(write(tmp_path, PLAIN))], 8, environment={})
    assert found.plan.tensor == 2
    assert found.arguments.flag("group_query_attention")
    assert not found.arguments.flag("add_bias_linear")
    assert found.arguments.flag("bias_dropout_fusion")
    assert found.arguments.flag("swiglu")
    assert found.warnings == ("--some-thing: Megatron-LM has no such argument; it is left out",)


def test_yaml_cfg_takes_the_place_of_arguments(tmp_path: Path) -> None:
    found = request(f"torchrun --nproc_per_node 4 pretrain_gpt.py --yaml-cfg {write(tmp_path, PLAIN)}", None)
    assert found.world_size == 4
    assert found.plan.tensor == 2


def test_a_file_says_what_the_command_line_says(tmp_path: Path) -> None:
    words = "".join(f"{name}: {value}\n" for name, value in zip(GPT.split()[:-1:2], GPT.split()[1::2], strict=True))
    assert load(write(tmp_path, f"{words}--bf16: true\n"), 8, environment={}).plan == request(GPT, 8).plan


HOSTILE = {
    "nothing": "",
    "a list": "[1, 2]",
    "a word": "hello",
    "no YAML": "a: b: c",
    "an unknown tag": "a: !!python/object/apply:os.system [ls]",
    "brackets": "[" * 5000,
    "a control character": "a: \0",
    "lists in lists": "--num-layers: [[1]]",
    "a doubling list": "a: &a [1, 2]\nb: &b [*a, *a]\nc: [*b, *b]",
    "doubling tables": "a: &a {x: 1}\n"
    + "".join(f"{chr(98 + i)}: &{chr(98 + i)} {{<<: [*{chr(97 + i)}, *{chr(97 + i)}]}}\n" for i in range(24)),
    "itself": "a: &a [*a]",
    "a long number": "--num-layers: 0x" + "f" * 9000,
    "a longer number": "--num-layers: " + "9" * 9000,
    "sixties": "--num-layers: 1" + ":1" * 9000,
    "a word for a number": "--num-layers: twelve",
    "a number for a flag": "--swiglu: 3",
    "an activation": "activation_func: nothing",
    "a date": "--num-layers: 2020-01-01",
    "an empty table": "{}",
    "bytes": "--num-layers: !!binary aGVsbG8=",
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_files_are_one_line(tmp_path: Path, kind: str) -> None:
    with pytest.raises(InputError) as caught:
        load(write(tmp_path, HOSTILE[kind]), 1, environment={})
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 900


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        load(tmp_path / "none.yaml", 1)
    with pytest.raises(InputError, match="at most 131,072"):
        load(write(tmp_path, "#" * 200_000), 1)
    with pytest.raises(InputError, match="not a regular file"):
        load(tmp_path, 1)
