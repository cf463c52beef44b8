from __future__ import annotations

from pathlib import Path

import pytest

from tests.formats.plans.samples import load_toml
from weighbridge.errors import InputError
from weighbridge.formats.plans import emit
from weighbridge.formats.plans.torchtitan_keys import MODELS
from weighbridge.kernels import Loss
from weighbridge.models import catalogue
from weighbridge.parallel.precision import Recipe
from weighbridge.parallel.recompute import PER_OPERATION, Method, Recompute
from weighbridge.parallel.schedule import Schedule
from weighbridge.parallel.zero import Engine
from weighbridge.units import DATA_TYPES

USUAL = """
[model]
name = "llama3"
flavor = "8B"
converters = ["float8"]

[training]
local_batch_size = 4
seq_len = 8192

[parallelism]
data_parallel_replicate_degree = 2
tensor_parallel_degree = 2
expert_tensor_parallel_degree = 1

[activation_checkpoint]
mode = "selective"
selective_ac_option = "op"

[compile]
enable = true

[quantize.linear.float8]
enable_fsdp_float8_all_gather = true
filter_fqns = ["output"]
"""


def test_the_whole_of_a_usual_configuration(tmp_path: Path) -> None:
    found = load_toml(tmp_path, USUAL, 16)
    plan = found.plan
    assert (found.kind, found.model, found.warnings) == ("torchtitan", "llama-3.1-8b", ())
    assert (plan.tensor, plan.data, plan.micro_batch, plan.global_batch, plan.sequence) == (2, 8, 4, 32, 8192)
    assert plan.sequence_parallel
    assert (plan.zero.stage, plan.zero.engine, plan.zero.instances, plan.zero.reshard) == (3, Engine.FSDP2, 2, True)
    assert plan.framework.name == "torchtitan-compiled"
    assert plan.kernels.loss is Loss.COMPILED
    assert plan.recompute == Recompute(Method.UNIFORM, saves=PER_OPERATION)
    assert (plan.precision.compute.name, plan.precision.weights.name) == ("bf16", "fp32")
    assert (plan.precision.recipe, plan.precision.parameters_in_fp8) == (Recipe.TENSORWISE, True)
    assert not list(plan.problems())


def test_every_flavor_is_in_the_catalogue() -> None:
    assert all(catalogue.find(name) for name in MODELS.values())


def pipeline(**keys: object) -> str:
    lines = [f"pipeline_parallel_{key} = {value}" for key, value in keys.items()]
    head = '[model]\nname = "llama3"\nflavor = "8B"\n[training]\nlocal_batch_size = 8\n[parallelism]\n'
    return head + "\n".join(lines)


@pytest.mark.parametrize(
    ("keys", "virtual", "schedule"),
    [
        ({"degree": 2}, 1, Schedule.ONE_F_ONE_B),
        ({"degree": 2, "schedule": '"GPipe"'}, 1, Schedule.GPIPE),
        ({"degree": 2, "schedule": '"Interleaved1F1B"'}, 2, Schedule.INTERLEAVED),
        ({"degree": 2, "schedule": '"ZBVZeroBubble"'}, 2, Schedule.ZB_V),
        ({"degree": 2, "schedule": '"Interleaved1F1B"', "layers_per_stage": 6}, 3, Schedule.INTERLEAVED),
    ],
)
def test_pipelines(tmp_path: Path, keys: dict[str, object], virtual: int, schedule: Schedule) -> None:
    plan = load_toml(tmp_path, pipeline(**keys)).plan
    assert (plan.pipeline, plan.virtual, plan.order, plan.layout) == (2, virtual, schedule, None)
    assert (plan.micro_batch, plan.micro_batches) == (1, 8)
    assert not plan.zero.reshard


def test_layers_spelled_out(tmp_path: Path) -> None:
    uneven = load_toml(tmp_path, pipeline(degree=2, first_stage_less_layers=2)).plan.layout
    assert uneven is not None
    assert [(chunk.layers, chunk.embedding, chunk.loss) for chunk in uneven] == [(16, True, False), (16, False, True)]
    names = '[["tok_embeddings", "layers.0"], ["layers.1", "layers.2", "norm", "output"]]'
    text = pipeline(degree=2) + f"\nmodule_fqns_per_model_part = {names}"
    spelled = load_toml(tmp_path, text).plan.layout
    assert spelled is not None
    assert [(chunk.layers, chunk.embedding, chunk.loss) for chunk in spelled] == [(1, True, False), (2, False, True)]
    split = load_toml(tmp_path, pipeline(degree=2, split_points='["layers.10"]')).plan.layout
    assert split is not None
    assert [chunk.layers for chunk in split] == [10, 22]


def test_older_names(tmp_path: Path) -> None:
    text = """
[training]
batch_size = 4
seq_len = 2048
data_parallel_shard_degree = 2
tensor_parallel_degree = 2
compile = true
[experimental]
context_parallel_degree = 1
pipeline_parallel_degree = 2
pipeline_parallel_microbatches = 2
[float8]
enable_float8_linear = true
[activation_checkpoint]
mode = "none"
"""
    plan = load_toml(tmp_path, text, 8).plan
    assert (plan.tensor, plan.pipeline, plan.data, plan.micro_batch, plan.global_batch) == (2, 2, 2, 2, 8)
    assert plan.framework.name == "torchtitan-compiled"
    assert plan.precision.recipe is Recipe.TENSORWISE
    assert not plan.zero.splits_root


@pytest.mark.parametrize(
    ("option", "expected"),
    [
        ('mode = "none"', Recompute()),
        ('mode = "full"', Recompute(Method.UNIFORM)),
        ('mode = "selective"', Recompute(Method.EVERY, 2)),
        ('mode = "selective"\nselective_ac_option = "3"', Recompute(Method.EVERY, 3)),
        ('mode = "selective"\nselective_ac_option = 1', Recompute(Method.UNIFORM)),
    ],
)
def test_checkpointing(tmp_path: Path, option: str, expected: Recompute) -> None:
    assert load_toml(tmp_path, f"[activation_checkpoint]\n{option}").plan.recompute == expected


def test_data_types_without_sharding(tmp_path: Path) -> None:
    alone = load_toml(tmp_path, "[training]\nseq_len = 64\n[parallelism]\ndata_parallel_shard_degree = 1", 1).plan
    assert (alone.zero.stage, alone.zero.engine, alone.kernels.autocast) == (0, Engine.DDP, True)
    text = "[parallelism]\ndata_parallel_shard_degree = 1\ntensor_parallel_degree = 2"
    divided = load_toml(tmp_path, text, 2)
    assert divided.plan.precision.compute is DATA_TYPES["fp32"]
    assert any(line.startswith("training.mixed_precision_param: takes no effect") for line in divided.warnings)


def test_ranks_follow_from_shards(tmp_path: Path) -> None:
    text = "[parallelism]\ndata_parallel_shard_degree = 4\ntensor_parallel_degree = 2"
    assert load_toml(tmp_path, text, None).plan.gpus == 8
    left = load_toml(tmp_path, "[parallelism]\ntensor_parallel_degree = 2", None)
    assert left.plan.gpus == 2
    assert "gpus: not given; taken as the 2 ranks of one replica of the model" in left.warnings


def test_what_is_unknown_or_not_modelled_is_named(tmp_path: Path) -> None:
    text = """
[model]
name = "llama9"
flavor = "1T"
[training]
sequence_len = 4
[optimizer]
early_step_in_backward = true
[parralelism]
tensor_parallel_degree = 2
"""
    assert load_toml(tmp_path, text).warnings == (
        "training.sequence_len: torchtitan has no such key; it is left out; did you mean seq_len?",
        "not modelled: optimizer.early_step_in_backward = true bears on memory",
        "parralelism: torchtitan has no such key; it is left out; did you mean parallelism?",
        'model: name "llama9", flavor "1T": the catalogue has none; give MODEL',
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[training]\nseq_len = 0", "training.seq_len: got 0; allowed is 1 to 2,147,483,648"),
        ('[training]\nseq_len = "long"', 'training.seq_len: got "long"; expected a whole number'),
        ("[training]\nseq_len = nan", "training.seq_len: got nan; expected a whole number"),
        ('[training]\ndtype = "float16"', 'training.dtype: got "float16"; allowed: bfloat16, float32'),
        ('[optimizer]\nname = "Sophia"', 'optimizer.name: got "Sophia"; allowed: Adam, AdamW'),
        ("[parallelism]\ntensor_parallel_degree = 3", "gpus: 8 do not divide by tensor x pipeline x context = 3"),
        (
            "[parallelism]\ndata_parallel_shard_degree = 3",
            "1 replicas x 3 shards x 1 ranks of the model = 3; gpus are 8",
        ),
        ("[parallelism]\ndata_parallel_replicate_degree = 3", "3 does not divide the 8 data parallel ranks"),
        ('[activation_checkpoint]\nmode = "selective"\nselective_ac_option = "x"', 'got "x"; expected "op" or a whole'),
        ("[training]\nlocal_batch_size = 2\nglobal_batch_size = 17", "global_batch_size: 17 does not divide by"),
        (pipeline(degree=2, schedule='"Interleved1F1B"'), "did you mean Interleaved1F1B?"),
        (pipeline(degree=2, microbatch_size=3), "microbatch_size: 3 does not divide training.local_batch_size = 8"),
        (
            pipeline(degree=2, layers_per_stage=40),
            "makes 1 stages, which do not divide by pipeline_parallel_degree = 2",
        ),
        ("[training]\n[training]", "is no TOML"),
    ],
)
def test_values_that_cannot_be_used(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(InputError) as caught:
        load_toml(tmp_path, text)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_a_toml_cannot_say_is_named(tmp_path: Path) -> None:
    plan = load_toml(tmp_path, USUAL, 16, optimizer="lion", imbalance=2.0).plan
    warnings = emit(plan, kind="torchtitan").warnings
    assert [line.partition(":")[0] for line in warnings] == ["model", "optimizer", "imbalance"]
