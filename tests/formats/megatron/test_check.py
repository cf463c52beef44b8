from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.formats.megatron.samples import GPT, MLA, MOE, request
from weighbridge.errors import InputError
from weighbridge.formats.megatron import load
from weighbridge.formats.megatron.table import Bears, rows

TENSOR, PIPELINE = "--tensor-model-parallel-size", "--pipeline-model-parallel-size"


def said(text: str, ranks: int = 8) -> str:
    with pytest.raises(InputError) as caught:
        request(text, ranks)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "ranks", "problem"),
    [
        (f"{TENSOR} 3", 8, "--world-size: 8 does not divide by tensor x pipeline x context parallel size = 3"),
        (f"{TENSOR} 16", 16, "--num-attention-heads: 8 does not divide by --tensor-model-parallel-size = 16"),
        (
            f"{PIPELINE} 3",
            3,
            "--num-layers: 8 does not divide by --pipeline-model-parallel-size = 3; nearest",
        ),
        ("--num-attention-heads 7", 1, "--hidden-size: 512 does not divide by --num-attention-heads"),
        (
            "--group-query-attention --num-query-groups 3",
            1,
            "--num-attention-heads: 8 does not divide by --num",
        ),
        ("--expert-model-parallel-size 2", 8, "--expert-model-parallel-size: 2 needs experts; give --num-experts"),
        (
            "--global-batch-size 17",
            8,
            "--global-batch-size: 17 does not divide by micro-batch x data",
        ),
        ("--seq-length 2048", 8, "--max-position-embeddings: 1,024 is less than --seq-length = 2,048"),
        ("--context-parallel-size 8 --seq-length 1000", 8, "--seq-length: 1,000 does not divide by 2 x --context"),
        ("--fp16", 8, "--bf16: cannot be used along with --fp16"),
        ("--fp8-param-gather", 8, "--fp8-param-gather: needs --fp8-format"),
        ("--fp8-format e4m3 --fp4-format e2m1", 8, "--fp8-format: cannot be used along with --fp4-format"),
        ("--swiglu --squared-relu", 8, "--swiglu: cannot be used along with --squared-relu"),
        ("--overlap-param-gather", 8, "--overlap-param-gather: needs --overlap-grad-reduce"),
        ("--num-virtual-stages-per-pipeline-rank 2", 8, f"{PIPELINE}: 1 is too few for 2 virtual stages"),
        ("--recompute-granularity full", 8, "--recompute-method: missing"),
        (
            "--recompute-activations --recompute-num-layers 1",
            8,
            "--recompute-num-layers: cannot be used along",
        ),
        (
            "--recompute-granularity selective --recompute-modules x",
            8,
            "--recompute-modules: 'x' is none; allowed",
        ),
        ("--recompute-granularity selective --recompute-modules mla_up_proj", 8, "mla_up_proj needs --multi-latent"),
        ("--distribute-saved-activations", 8, "--distribute-saved-activations: needs --tensor-model-parallel-size"),
        ("--use-torch-fsdp2", 8, "along with what --no-gradient-accumulation-fusion turns off"),
        (
            "--exp-avg-dtype bf16",
            8,
            "--exp-avg-dtype: can only be fp32 without --use-precision-aware",
        ),
        ("--use-precision-aware-optimizer", 8, "--use-precision-aware-optimizer: needs --use-distributed-optimizer"),
        ("--optimizer-cpu-offload", 8, "--optimizer-cpu-offload: needs --use-precision-aware-optimizer"),
        ("--tp-comm-overlap", 8, "--tp-comm-overlap: needs --sequence-parallel"),
        ("--mtp-num-layers 1", 8, "--position-embedding-type: learned_absolute cannot be used along with --mtp"),
        ("--moe-ffn-hidden-size 8", 8, "--moe-ffn-hidden-size: needs --num-experts"),
        ("--micro-batch-size 0", 8, "--micro-batch-size: 0 is not allowed; allowed is at least 1"),
        ("--hidden-dropout 1.5", 8, "--hidden-dropout: 1.5 is not allowed; allowed is 0 to below 1"),
        (f"{TENSOR} -2", 8, f"{TENSOR}: -2 is not allowed"),
        ("--rampup-batch-size 1 2", 8, "--rampup-batch-size: has 2 values"),
        ("--num-distributed-optimizer-instances 3", 8, "data parallel size: 8 does not divide by --num-distributed"),
        ("--hierarchical-context-parallel-sizes 2 2", 8, "multiply to 4; --context-parallel-size is 1"),
        (f"{PIPELINE} 2 --pipeline-model-parallel-layout Ett|ttL", 8, "places 4 layers; the model has 8"),
        (
            f"{PIPELINE} 4 --decoder-first-pipeline-num-layers 1",
            8,
            "leaves 7 layers, which do not divide over 3",
        ),
        (f"{PIPELINE} 2 --decoder-first-pipeline-num-layers 9", 8, "leaves -1 layers"),
        ("--hybrid-layer-pattern ME*", 1, "--hybrid-layer-pattern: has E layers; give --num-experts"),
        ("--hybrid-layer-pattern MM --mamba-num-groups 3", 1, "--mamba-num-groups: 3 does not divide the 16 heads"),
        ("--window-size x", 8, "--window-size: got"),
        ("--step-batch-size-schedule x", 8, "--step-batch-size-schedule: got"),
    ],
)
def test_what_megatron_rejects_of_a_dense_model(text: str, ranks: int, problem: str) -> None:
    assert problem in said(f"{GPT} {text}", ranks)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("--expert-model-parallel-size 3", "--num-experts: 8 does not divide by --expert-model-parallel-size = 3"),
        ("--moe-router-topk 9", "--moe-router-topk: 9 is more than --num-experts = 8"),
        ("--moe-router-topk 1", "--moe-router-pre-softmax: missing; --moe-router-topk 1 needs it"),
        (f"{TENSOR} 2", "--sequence-parallel: missing; experts along with tensor parallelism"),
        ("--moe-router-enable-expert-bias", "needs --moe-router-score-function sigmoid"),
        ("--moe-pad-expert-input-to-capacity", "needs --moe-expert-capacity-factor"),
        ("--moe-layer-freq [1,0]", "--moe-layer-freq: has 2 entries; the model has 8 layers"),
        ("--overlap-moe-expert-parallel-comm", "needs --expert-model-parallel-size above 1"),
        ("--moe-layer-freq x", "--moe-layer-freq: got"),
        ("--moe-shared-expert-gate", "--moe-shared-expert-gate: needs --moe-shared-expert-intermediate-size"),
    ],
)
def test_what_megatron_rejects_of_experts(text: str, problem: str) -> None:
    assert problem in said(f"{MOE} {text}")


def test_biases_of_experts() -> None:
    text = MOE.replace("--disable-bias-linear", f"--sequence-parallel {TENSOR} 2")
    assert "--disable-bias-linear: missing; biases of experts" in said(text)


def test_latent_attention_has_no_groups() -> None:
    assert "cannot be used along with --group-query" in said(f"{MLA} --group-query-attention --num-query-groups 2")


def test_everything_at_once() -> None:
    line = said(f"{GPT} {TENSOR} 3 --fp16 --seq-length 2048 --expert-model-parallel-size 2")
    for name in ("--world-size", "--bf16", "--max-position-embeddings", "--expert-model-parallel-size"):
        assert f"{name}: " in line


def test_everything_that_is_missing() -> None:
    line = said("--bf16")
    for name in ("num-layers", "hidden-size", "num-attention-heads", "seq-length", "micro-batch-size"):
        assert f"--{name}: missing" in line


SIZES = st.sampled_from([-1, 0, 1, 2, 3, 4, 8, 16, 1000, 2**31])


@st.composite
def lists(draw: st.DrawFn) -> list[str]:
    """The small model with some other honoured arguments, sensible or not."""
    honoured = sorted(name for name, row in rows().items() if row.bears is Bears.HONOURED and row.dest != "yaml_cfg")
    found = f"{GPT} --num-experts {draw(st.sampled_from([0, 8]))}".split()
    for name in draw(st.lists(st.sampled_from(honoured), max_size=6)):
        row = rows()[name]
        values = st.sampled_from(row.choices) if row.choices else st.just("([0]*4+[1]*4)") | SIZES.map(str)
        found += [name] if row.kind.flag else [name, draw(values)]
    return found


@settings(max_examples=300, deadline=None)
@given(lists(), SIZES.filter(lambda size: size > 0) | st.none())
def test_every_list_is_loaded_or_refused_in_one_line(arguments: list[str], ranks: int | None) -> None:
    try:
        lines = list(load(arguments, ranks, environment={}).warnings)
    except InputError as error:
        lines = [str(error)]
    assert all(line.isprintable() for line in lines)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("--checkpoint-activations", "--checkpoint-activations: no longer valid in Megatron-LM; use --recompute-acti"),
        ("--batch-size 4", "--batch-size: no longer valid in Megatron-LM; use --micro-batch-size"),
        ("--model-parallel-size 2", "use --tensor-model-parallel-size"),
        ("--warmup 10", "--warmup: no longer valid in Megatron-LM; use --lr-warmup-fraction"),
        ("--encoder-num-layers 8", "--encoder-num-layers: cannot be given along with --num-layers"),
        ("--encoder-seq-length 8", "--encoder-seq-length: cannot be given along with --seq-length"),
    ],
)
def test_arguments_that_are_no_longer_valid_name_what_took_their_place(text: str, words: str) -> None:
    assert words in said(f"{GPT} {text}")


def test_nothing_is_both_missing_and_not_allowed() -> None:
    found = said(GPT.replace("--num-layers 8", "--num-layers 0"))
    assert found == "--num-layers: 0 is not allowed; allowed is at least 1"


def test_arguments_of_a_checkpoint_are_not_read() -> None:
    warnings = request(f"{GPT} --use-checkpoint-args --load x").warnings
    assert any("--use-checkpoint-args: the checkpoint's arguments go before those given" in line for line in warnings)
    found = said("--use-checkpoint-args --load x --micro-batch-size 1")
    assert "--num-layers: missing; it stands in the checkpoint, which is not read: give it" in found
