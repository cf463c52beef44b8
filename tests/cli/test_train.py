"""``weighbridge train`` and ``weighbridge megatron``: options, forms of output, exit statuses, mistakes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from weighbridge.cli.plan_making import layout_of
from weighbridge.errors import InputError
from weighbridge.parallel.names import recompute_of
from weighbridge.parallel.recompute import Method

Cli = Callable[..., tuple[int, str, str]]

LLAMA = ("train", "llama-3.1-8b", "--cluster", "8xH100")

GPT = """
--num-layers 2 --hidden-size 64 --num-attention-heads 4 --seq-length 128 --max-position-embeddings 128
--micro-batch-size 1 --vocab-size 1000
"""
MEGATRON = GPT.split()

MISTAKES = [
    (["train", "llama-3.1-8b"], "--cluster"),
    (["train", "llama-3.1-8b", "--cluster", "8xH101"], 'device "H101" is unknown'),
    ([*LLAMA, "--tp", "3"], "--tp: 32 heads do not divide by tensor = 3; nearest that do: 2 or 4"),
    ([*LLAMA, "--gpus", "16"], "--gpus: 16 are more than the cluster's 8"),
    ([*LLAMA, "--vp", "2"], "--pp: 1 is too few for Interleaved 1F1B"),
    ([*LLAMA, "--ep", "2"], "--ep: got 2; the model has no experts to spread"),
    (
        [*LLAMA, "--recompute", "ful"],
        'got "ful"; allowed: none, full, selective, selective:NAMES, per-op; did you mean full',
    ),
    ([*LLAMA, "--recompute", "selective:mpl"], 'no module "mpl"'),
    ([*LLAMA, "--recompute", "selective:moe"], "llama-3.1-8b has no moe to recompute"),
    ([*LLAMA, "--recompute", "full:mlp"], 'got "full:mlp"'),
    ([*LLAMA, "--recompute-layers", "2"], "belong to --recompute full"),
    ([*LLAMA, "--recompute", "full", "--recompute-method", "block"], "add --recompute-layers"),
    ([*LLAMA, "--optimizer", "adm"], "did you mean adam"),
    ([*LLAMA, "--recompute", "selective:"], 'got "selective:"; name what is recomputed, of core_attn'),
    ([*LLAMA, "--offload-optimizer", "nan"], '--offload-optimizer\': got "nan"; expected a number'),
    ([*LLAMA, "--imbalance", "nan"], '--imbalance\': got "nan"; expected a number'),
    ([*LLAMA, "--imbalance", "0.5"], "--imbalance"),
    ([*LLAMA, "--replicas", "3"], "--replicas: 8 data-parallel ranks do not divide by 3"),
    ([*LLAMA, "--pp", "4", "--vp", "2", "--global-batch", "6"], "--global-batch (micro-batches of a rank): 3 is less"),
    ([*LLAMA, "--schedule", "1f1b", "--pp", "2", "--vp", "2"], "--vp: 2 per rank is too many for 1F1B"),
    ([*LLAMA, "--layout", "3,x"], 'got "3,x"; expected layers of every virtual stage'),
    ([*LLAMA, "--layout", "1*999999"], "expected layers of every virtual stage"),
    ([*LLAMA, "--layout", "31"], "--layout: places 31 layers; the model has 32"),
    ([*LLAMA, "--stage", "1"], "--stage: got 1; allowed is 0 to 0"),
    ([*LLAMA, "--line", "weights"], "add --explain"),
    ([*LLAMA, "--explain", "--tree"], "--tree and --explain"),
    ([*LLAMA, "--explain", "--chart"], "--chart and --explain"),
    ([*LLAMA, "--format", "latex"], "add --explain"),
    ([*LLAMA, "--emit", "megatron", "--chart"], "--emit prints the plan and nothing else"),
    ([*LLAMA, "--framework", "hf-sdpa", "--precision", "mxfp8"], "no Transformer Engine"),
    ([*LLAMA, "--from", "/nowhere.toml"], "cannot be read"),
    (["train", "--cluster", "8xH100"], "Missing argument 'MODEL'"),
    ([*LLAMA, "--timeline", "/nowhere/at/all.json"], "--trace: /nowhere/at/all.json cannot be written"),
    (["train", "gpt2", "--cluster", "8xH100", "--seq", "2000"], "learned positions for at most 1,024"),
    ([*LLAMA, "--cluster", "8xB200"], "--cluster: given twice; allowed is once"),
    ([*LLAMA, "--tp", "2", "--tp", "4"], "--tp: given twice"),
    ([*LLAMA, "--offload-activations", "expert_fc1"], "llama-3.1-8b has no expert_fc1 to offload; it has attn_norm"),
    ([*LLAMA, "--precision", "mxfp8"], "--precision: mxfp8: NVIDIA H100 SXM 80 GB does not scale blocks of 32"),
    ([*LLAMA, "--precision", "fp8-delayed", "--framework", "torchtitan"], "torchtitan has no recipe delayed"),
    ([*LLAMA, "--fp8-parameters"], "--precision: parameters in 8 bits take a recipe"),
    ([*LLAMA, "--overlap", "gradient"], '--overlap: no overlap "gradient"; allowed: gradients, parameters, pipeline'),
    ([*LLAMA, "--cuda-graphs", "atn"], '--cuda-graphs: no module "atn"; allowed: full, attn'),
    ([*LLAMA, "--states", "fp33"], 'data type "fp33" is unknown'),
    ([*LLAMA, "--states", "bf16,bf16,bf16"], '--states: got "bf16,bf16,bf16"; Adam has 2 states'),
    ([*LLAMA, "--imbalance", "2", "--capacity-factor", "2"], "choose one"),
    ([*LLAMA, "--seq", "99999999999999999999999"], "got 99,999,999,999,999,999,999,999; allowed is 1 to 2,147,483,648"),
    (["megatron", "--", "bash", "pretrain.sh"], "ARGS: bash pretrain.sh has none of Megatron-LM's arguments; what a"),
    (["megatron", "--", "torchrun"], "write weighbridge megatron -- before torchrun there, or give the arguments"),
    (["megatron", "--", *MEGATRON, "--rotary-percent", "nan"], '--rotary-percent: got "nan"; expected a number'),
    ([*LLAMA, "--offload-layers", "32"], "--offload-layers: 32 of 32 layers; allowed: 0 to 31"),
    (["megatron"], "ARGS: none given"),
    (["megatron", "--cluster", "2xH100", "--world-size", "4", "--", *MEGATRON], "--world-size: 4 are more than"),
    (["megatron", "--num-layers", "32"], "Megatron-LM's own arguments go after --, as in weighbridge"),
    (["megatron", "--chekc", "--", *MEGATRON], "Did you mean"),
    (
        ["megatron", "--", "torchrun", "--nproc_per_node=eight", "x.py", *MEGATRON],
        '--nproc-per-node: got "eight"; expec',
    ),
    (["megatron", "--", "hello world"], '"hello world" is one word with none of Megatron-LM'),
    (["megatron", "--", 'torchrun x.py --num-layers "2'], "cannot be split into words: no closing quotation"),
    (
        ["megatron", "--world-size", "2", "--", *MEGATRON, "--pipeline-model-parallel-size", "3"],
        "--pipeline-model-parallel-size",
    ),
]


@pytest.mark.parametrize(("arguments", "message"), MISTAKES, ids=lambda v: " ".join(v) if isinstance(v, list) else "")
def test_a_mistake_is_answered_in_one_line(arguments: list[str], message: str, cli: Cli) -> None:
    code, out, err = cli(*arguments)
    lines = [line for line in err.splitlines() if "warning" not in line]
    assert (code, out, len(lines)) == (2, "", 1)
    assert lines[0].startswith("weighbridge: ")
    assert message in lines[0]


def test_check_ends_with_3_where_it_does_not_fit(cli: Cli) -> None:
    assert cli(*LLAMA, "--tp", "2", "--check")[0] == 0
    code, out, _ = cli(*LLAMA, "--micro-batch", "16", "--check")
    assert code == 3
    assert out.startswith("Does not fit: ")
    assert cli(*LLAMA, "--micro-batch", "16")[0] == 0


def test_the_plan_that_was_weighed_is_the_plan_that_was_asked_for(cli: Cli) -> None:
    options = "--tp 2 --pp 2 --vp 2 --sp --micro-batch 2 --global-batch 16 --seq 2048 --zero 0 --precision fp16"
    more = "--optimizer sgd --recompute full --recompute-method block --recompute-layers 3 --gpus 4"
    plan = json.loads(cli(*LLAMA, *options.split(), *more.split(), "--json")[1])["plan"]
    wanted = {
        "gpus": 4,
        "tensor": 2,
        "pipeline": 2,
        "virtual": 2,
        "data": 1,
        "sequence_parallel": True,
        "micro_batch": 2,
        "micro_batches": 8,
        "global_batch": 16,
        "sequence": 2048,
        "schedule": "interleaved",
        "layers_by_virtual_stage": [8, 8, 8, 8],
        "zero_stage": 0,
        "optimizer": "sgd",
        "recompute": {"method": "block", "layers": 3, "modules": [], "saves": None, "others": None},
        "replicas": 1,
        "reshard": True,
        "offload": {"optimizer": 0.0, "weights": False, "activations": [], "layers": 0},
        "attention": "cudnn",
        "loss": "vocabulary parallel",
        "dropout": {"hidden": False, "attention": False},
        "imbalance": 1.0,
        "group": 2,
    }
    assert {key: plan[key] for key in wanted} == wanted
    assert plan["precision"]["compute"] == "fp16"


@pytest.mark.parametrize("framework", ["megatron-local", "torchtitan", "torchtitan-compiled", "hf-eager", "hf-flash"])
@pytest.mark.parametrize("zero", ["0", "3"])
def test_every_framework_answers(framework: str, zero: str, cli: Cli) -> None:
    code, out, _ = cli("train", "llama-3.2-1b", "--cluster", "4xA100", "--framework", framework, "--zero", zero)
    assert code == 0
    assert framework in out


def test_a_megatron_list_is_the_same_with_and_without_its_launcher(cli: Cli) -> None:
    launcher = ["torchrun", "--nproc_per_node", "4", "--nnodes", "1", "pretrain_gpt.py"]
    without = cli("megatron", "--json", "--world-size", "4", "--", *MEGATRON)
    with_it = cli("megatron", "--json", "--", *launcher, *MEGATRON)
    assert without[0] == with_it[0] == 0
    assert json.loads(without[1])["ranks"] == json.loads(with_it[1])["ranks"]


def test_what_megatron_does_not_know_is_a_warning(cli: Cli) -> None:
    code, out, err = cli("megatron", "--json", "--world-size", "1", "--", *MEGATRON, "--no-such-thing", "5")
    assert code == 0
    assert [line for line in err.splitlines() if "no-such-thing" in line and line.startswith("weighbridge: warning: ")]
    assert any("no-such-thing" in warning for warning in json.loads(out)["warnings"])


def test_a_device_alone_stands_for_as_many_as_there_are_ranks(cli: Cli) -> None:
    out = cli("megatron", "--json", "--world-size", "16", "--cluster", "H100", "--", *MEGATRON)[1]
    assert json.loads(out)["cluster"].startswith("16 x ")


def test_a_timeline_is_written_beside_the_answer(tmp_path: Path, cli: Cli) -> None:
    path = tmp_path / "step.json"
    code, out, _ = cli("train", "gpt2", "--cluster", "2xH100", "--pp", "2", "--timeline", str(path))
    assert code == 0
    assert out.startswith("Fits: ")
    assert {event["pid"] for event in json.loads(path.read_text("utf-8"))["traceEvents"]} == {0, 1}


def test_a_timeline_is_written_whole_or_not_at_all(tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "step.json"
    path.write_text("before", "utf-8")

    def full(self: Path, data: bytes) -> None:
        with self.open("wb") as half:
            half.write(data[:10])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    code, out, err = cli("train", "gpt2", "--cluster", "2xH100", "--timeline", str(path))
    assert (code, out) == (2, "")
    assert "cannot be written: No space left on device" in err
    assert [(file.name, file.read_bytes()) for file in tmp_path.iterdir()] == [("step.json", b"before")]


def test_a_timeline_may_go_to_a_device(cli: Cli) -> None:
    assert cli("train", "gpt2", "--cluster", "2xH100", "--timeline", "/dev/null")[0] == 0
    assert Path("/dev/null").is_char_device()


@pytest.mark.parametrize("held", ["[]", "[1, 2]", "7"])
def test_a_json_that_is_no_table_is_told_what_a_plan_file_is(held: str, tmp_path: Path, cli: Cli) -> None:
    file = tmp_path / "plan.json"
    file.write_text(held, "utf-8")
    code, _, err = cli(*LLAMA, "--from", str(file))
    assert code == 2
    assert "a plan file is a DeepSpeed JSON, a torchtitan TOML or a JSON of TrainingArguments" in err
    assert len(err.splitlines()) == 1


def test_what_is_saved_of_recomputed_layers_is_said(cli: Cli) -> None:
    asked = (*LLAMA, "--framework", "torchtitan", "--recompute", "per-op")
    assert "recomputes layers but for saved operations" in " ".join(cli(*asked)[1].split())
    saves = json.loads(cli(*asked, "--json")[1])["plan"]["recompute"]["saves"]
    assert saves == {"operations": ["attention"], "every_multiply": 2}


LINES = [
    [f"torchrun --nproc_per_node 4 pretrain_gpt.py {' '.join(MEGATRON)}"],
    ["bash", "-c", f"cd /x && A=1 torchrun --nproc_per_node 4 pretrain_gpt.py {' '.join(MEGATRON)} 2>&1 | tee log"],
    ["bash", "-lc", f"torchrun --nproc_per_node 4 pretrain_gpt.py \\\n {' '.join(MEGATRON)}; echo done"],
]


@pytest.mark.parametrize("words", LINES, ids=["one word", "bash -c", "several lines"])
def test_a_launch_line_in_one_word_is_split(words: list[str], cli: Cli) -> None:
    split = cli("megatron", "--json", "--", "torchrun", "--nproc_per_node", "4", "pretrain_gpt.py", *MEGATRON)
    assert cli("megatron", "--json", "--", *words) == split
    assert split[0] == 0


@pytest.mark.parametrize("width", ["20", "30", "40"])
@pytest.mark.parametrize("form", [[], ["--explain"], ["--chart", "--tree"]], ids=["answer", "explain", "drawn"])
def test_no_line_is_longer_than_a_narrow_window(
    width: str, form: list[str], cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", width)
    out = cli(*LLAMA, "--pp", "2", *form)[1]
    assert max(map(len, out.splitlines())) <= int(width)


@pytest.mark.parametrize("kind", ["megatron", "deepspeed", "torchtitan"])
def test_a_plan_is_written_and_read_again(kind: str, tmp_path: Path, cli: Cli) -> None:
    framework = {"megatron": "megatron", "deepspeed": "hf-sdpa", "torchtitan": "torchtitan"}[kind]
    asked = ("--framework", framework, "--micro-batch", "2", "--global-batch", "32")
    code, out, _ = cli(*LLAMA, *asked, "--emit", kind)
    assert code == 0
    if kind == "megatron":
        assert "--micro-batch-size 2" in out
        return
    file = tmp_path / ("plan.toml" if kind == "torchtitan" else "plan.json")
    file.write_text(out, "utf-8")
    code, again, _ = cli(*LLAMA, "--from", str(file), "--json")
    plan = json.loads(again)["plan"]
    assert (code, plan["micro_batch"], plan["global_batch"]) == (0, 2, 32)
    changed = json.loads(cli(*LLAMA, "--from", str(file), "--micro-batch", "4", "--zero", "3", "--json")[1])["plan"]
    assert (changed["micro_batch"], changed["global_batch"], changed["zero_stage"]) == (4, 32, 3)


def test_a_file_may_name_the_model(tmp_path: Path, cli: Cli) -> None:
    file = tmp_path / "train.toml"
    file.write_text(cli(*LLAMA, "--framework", "torchtitan", "--emit", "torchtitan")[1], "utf-8")
    code, out, _ = cli("train", "--cluster", "8xH100", "--from", str(file), "--json")
    assert (code, json.loads(out)["model"]["model_type"]) == (0, "llama")
    assert "names no model; add MODEL" in _nameless(tmp_path, cli)


def _nameless(folder: Path, cli: Cli) -> str:
    file = folder / "ds.json"
    file.write_text(cli(*LLAMA, "--framework", "hf-sdpa", "--emit", "deepspeed")[1], "utf-8")
    return cli("train", "--cluster", "8xH100", "--from", str(file))[2]


@pytest.mark.parametrize("form", ["text", "markdown", "latex"])
def test_explanations_come_in_every_form(form: str, cli: Cli) -> None:
    code, out, err = cli("train", "gpt2", "--cluster", "2xH100", "--explain", "--line", "activations", "--format", form)
    assert (code, err) == (0, "")
    assert "activations" in out
    assert ("Tensors of activations" in out) == (form != "latex")


BEYOND = {
    *("peak_reserved", "context", "device_total"),
    *("step_seconds", "tokens_per_second", "tokens_per_second_per_gpu", "mfu", "hfu"),
}
"""What is explained besides the ledger."""


def test_explanations_join_the_json(cli: Cli) -> None:
    data = json.loads(cli("train", "gpt2", "--cluster", "2xH100", "--explain", "--json", "--depth", "1")[1])
    lines = {line for line, value in data["ranks"][0]["memory"].items() if value}
    assert {step["symbol"] for step in data["explanation"]} == lines | BEYOND
    found = sum(tensor["bytes"] * tensor["count"] for tensor in data["tensors"] if tensor["line"] == "activations")
    assert found == data["ranks"][0]["memory"]["activations"]


def test_layouts_and_recomputation_are_read() -> None:
    layout = layout_of("3,4*2,1", 2)
    assert [chunk.layers for chunk in layout] == [3, 4, 4, 1]
    assert [chunk.prediction for chunk in layout] == [0, 0, 0, 2]
    assert (layout[0].embedding, layout[-1].loss) == (True, True)
    assert recompute_of("selective", None, None).modules == ("core_attn",)
    assert recompute_of("selective:mlp, mlp", None, None).modules == ("mlp",)
    assert recompute_of("full", None, 4).method is Method.UNIFORM
    with pytest.raises(InputError):
        recompute_of("none:mlp", None, None)


def test_without_a_cluster_megatron_is_taken_to_run_on_an_h100(cli: Cli) -> None:
    code, out, err = cli("megatron", "--world-size", "1", "--", *MEGATRON)
    assert (code, out.startswith("Fits: ")) == (0, True)
    assert "no --cluster: H100 is assumed" in err
    said = cli("megatron", "--world-size", "1", "--cluster", "A100", "--", *MEGATRON)
    assert "is assumed" not in said[2]
    assert said[1] != out


def test_all_problems_of_a_plan_stand_in_one_line(cli: Cli) -> None:
    words = "--tp 3 --pp 5 --cp 2 --vp 2 --schedule 1f1b --seq 4095 --layout 31 --ep 2 --precision mxfp8"
    err = cli(*LLAMA, *words.split())[2]
    for said in (
        "--gpus: 8 do not divide",
        "--vp: 2 per rank is too many",
        "--seq: 4,095 tokens",
        "--layout: places 31",
    ):
        assert said in err
    assert "--ep: got 2; the model has no experts" in err
    assert "--precision: mxfp8" in err
    assert len(err.splitlines()) == 1


def test_what_only_megatron_had_is_an_option_of_train(cli: Cli) -> None:
    words = (
        "--tp 2 --ep 2 --cp 2 --sp --cp-comm a2a --dispatcher allgather --capacity-factor 1.5 --precision fp8-delayed"
    )
    more = "--fp8-parameters --gradients bf16 --main-parameters fp16 --states bf16,fp8 --cuda-graphs attn,moe_router"
    overlap = "--overlap gradients,shared-experts,tensor,experts"
    options = [*words.split(), *more.split(), *overlap.split()]
    code, out, _ = cli("train", "mixtral-8x7b", "--cluster", "8xH100", *options, "--json")
    assert code == 0
    plan = json.loads(out)["plan"]
    assert plan["context_communication"] == "a2a"
    assert plan["dispatcher"] == "allgather"
    assert plan["imbalance"] == 1.5
    assert plan["precision"] == {
        "compute": "bf16",
        "weights": "bf16",
        "gradients": "bf16",
        "main_parameters": "fp16",
        "recipe": "delayed",
        "parameters_in_recipe": True,
    }
    assert plan["optimizer_states"] == ["bf16", "fp8"]
    assert plan["overlaps"] == ["gradients", "shared-experts", "tensor", "experts"]
    assert plan["cuda_graphs"] == ["attn", "moe_router"]


def test_options_that_change_nothing_are_named(cli: Cli) -> None:
    err = cli(*LLAMA, *["--no-reshard", "--sp", "--cp-comm", "a2a", "--dispatcher", "flex", "--imbalance", "2"])[2]
    for said in (
        "--no-reshard: changes nothing below ZeRO 3; this is ZeRO 1",
        "--sp: changes nothing without tensor parallelism",
        "--cp-comm: changes nothing without context",
        "--dispatcher: changes nothing; llama-3.1-8b has no experts",
        "--imbalance: changes nothing",
    ):
        assert f"weighbridge: warning: {said}" in err


def test_a_problem_of_a_file_is_named_by_the_file_s_own_field(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "run.toml"
    file.write_text("[parallelism]\ntensor_parallel_degree = 3\n[training]\nseq_len = 4095\nlocal_batch_size = 1\n")
    err = cli("train", "llama-3.1-8b", "--cluster", "9xH100", "--from", str(file))[2]
    assert "parallelism.tensor_parallel_degree: 32 heads do not divide by tensor = 3" in err
    err = cli("train", "llama-3.1-8b", "--cluster", "9xH100", "--from", str(file), "--tp", "9")[2]
    assert "--tp: 32 heads do not divide by tensor = 9" in err
    assert "parallelism.tensor_parallel_degree" not in err
    file.write_text("[training]\ntensor_parallel_degree = 3\nseq_len = 4095\nbatch_size = 1\n")
    err = cli("train", "llama-3.1-8b", "--cluster", "9xH100", "--from", str(file))[2]
    assert "training.tensor_parallel_degree: 32 heads do not divide by tensor = 3" in err
    deepspeed = tmp_path / "ds.json"
    deepspeed.write_text('{"train_micro_batch_size_per_gpu": 1, "tensor_parallel": {"autotp_size": 3}}')
    err = cli("train", "llama-3.1-8b", "--cluster", "9xH100", "--from", str(deepspeed))[2]
    assert "tensor_parallel.autotp_size: 32 heads do not divide" in err


def test_options_of_choices_go_before_those_of_a_file(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "run.toml"
    file.write_text("[training]\nseq_len = 4096\nlocal_batch_size = 1\nenable_cpu_offload = true\n")
    asked = ("train", "llama-3.1-8b", "--cluster", "8xH100", "--from", str(file), "--json")
    plain = json.loads(cli(*asked)[1])["plan"]
    assert (plain["attention"], plain["offload"]["weights"]) == ("sdpa", True)
    plan = json.loads(cli(*asked, "--attention", "flash", "--dropout", "--offload-optimizer", "0.5")[1])["plan"]
    assert plan["attention"] == "flash"
    assert plan["dropout"] == {"hidden": True, "attention": True}
    assert plan["offload"] == {"optimizer": 0.5, "weights": True, "activations": [], "layers": 0}


def test_a_cluster_that_states_its_gpus_is_the_world(cli: Cli) -> None:
    code, out, err = cli("megatron", "--cluster", "64xH100", "--", *MEGATRON)
    assert code == 0
    assert "--world-size: not given; taken as the cluster's 64 GPUs" in err
    assert "on 64 x NVIDIA H100" in out
    assert "data 64" in out
    assert "1 ranks of one replica" in cli("megatron", "--cluster", "H100", "--", *MEGATRON)[2]
    one = cli("megatron", "--cluster", "1xH100", "--", *MEGATRON, "--tensor-model-parallel-size", "2")
    assert one[0] == 2
    assert "--world-size: 1 does not divide by tensor x pipeline x context parallel size = 2" in one[2]
    launched = ("torchrun", "--nnodes", "1:4", "--nproc-per-node", "8", "pretrain_gpt.py", *MEGATRON)
    err = cli("megatron", "--cluster", "64xH100", "--", *launched)[2]
    assert "--nnodes 1:4: taken as its most, 4 nodes" in err
    assert "cluster's" not in err


@pytest.mark.parametrize(
    ("options", "precision"), [((), "fp16 (weights fp32"), (("--lora", "r=8"), "fp16 (weights fp16")]
)
def test_a_device_without_bf16_trains_in_fp16(cli: Cli, options: tuple[str, ...], precision: str) -> None:
    found = cli("train", "qwen3-0.6b", "--cluster", "t4", "--seq", "512", "--framework", "hf-sdpa", *options)
    assert found[0] == 0
    assert precision in found[1]
    assert "time  " in found[1]
    assert "fp16 (--precision): NVIDIA T4 does not multiply in bf16" in found[2]


def test_the_speed_of_a_step_is_explained(cli: Cli) -> None:
    asked = ("train", "llama-3.1-8b", "--cluster", "8xH100", "--tp", "2", "--pp", "2", "--json", "--explain")
    data = json.loads(cli(*asked, "--line", "speed")[1])
    time, values = data["time"], {step["symbol"]: step["value"] for step in data["explanation"]}
    for name in ("step_seconds", "tokens_per_second", "tokens_per_second_per_gpu", "mfu", "hfu"):
        assert values[name] == pytest.approx(time[name], rel=1e-9)
    code, out, err = cli("train", "llama-3.1-8b", "--cluster", "8xH100", "--explain", "--line", "speed")
    assert (code, err) == (0, "")
    assert "mfu = model_tflops_per_gpu * 1e+12 / peak_flops" in out


def test_what_a_device_shows_is_the_sum_of_its_lines(cli: Cli) -> None:
    asked = ("train", "mixtral-8x7b", "--cluster", "64xH100", "--ep", "8", "--json", "--explain")
    data = json.loads(cli(*asked, "--line", "device_total")[1])
    assert data["explanation"][0]["value"] == data["ranks"][data["worst_stage"]]["device_total_bytes"]


def test_sizes_are_those_without_problems(cli: Cli) -> None:
    asked = ("train", "mixtral-8x7b", "--cluster", "48xH100", "--tp", "4", "--json", "--no-advice")
    sizes = json.loads(cli(*asked)[1])["sizes"]
    assert sizes["ep"] == [1, 2, 4]
    for size in range(1, 49):
        code, _, _ = cli(*asked, "--pp", str(size))
        assert (code == 0) == (size in sizes["pp"])
