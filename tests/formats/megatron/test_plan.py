from __future__ import annotations

import pytest

from tests.formats.megatron.samples import GPT, MOE, request
from weighbridge.errors import InputError
from weighbridge.estimate.training import train
from weighbridge.formats.megatron import load
from weighbridge.kernels import Attention, Backend, Exchange, Loss, Pointwise, Rope, Scores
from weighbridge.parallel.layout import Chunk
from weighbridge.parallel.plan import Plan
from weighbridge.parallel.precision import Precision, Recipe, mixed, single
from weighbridge.parallel.recompute import Method, Recompute
from weighbridge.parallel.zero import Engine, Zero
from weighbridge.units import DATA_TYPES

BARE = GPT.replace(" --bf16", "")


def plan(text: str = "", ranks: int = 8, **environment: str) -> Plan:
    return request(f"{GPT} {text}", ranks, environment=environment).plan


def test_degrees() -> None:
    found = request(
        f"{MOE} --tensor-model-parallel-size 2 --pipeline-model-parallel-size 2 --context-parallel-size 2 "
        "--expert-model-parallel-size 4 --expert-tensor-parallel-size 1 --sequence-parallel",
        32,
    ).plan
    assert (found.gpus, found.tensor, found.pipeline, found.context) == (32, 2, 2, 2)
    assert (found.expert, found.expert_tensor, found.inside_experts) == (4, 1, 1)
    assert found.data == 4
    assert found.sequence_parallel
    assert not plan("--sequence-parallel").sequence_parallel


def test_batches() -> None:
    assert plan().global_batch == 16
    assert plan("--global-batch-size 64").micro_batches == 4
    assert plan("--rampup-batch-size 16 16 1000 --global-batch-size 64").global_batch == 64
    schedule = [*GPT.split(), "--step-batch-size-schedule", "0:16 200B:48"]
    assert load(schedule, 8, environment={}).plan.global_batch == 48


@pytest.mark.parametrize(
    ("text", "virtual"),
    [
        ("", 1),
        ("--num-layers-per-virtual-pipeline-stage 1", 4),
        ("--num-layers-per-virtual-pipeline-stage 2", 2),
        ("--num-virtual-stages-per-pipeline-rank 4", 4),
        ("--pipeline-model-parallel-layout Ett|tt|tt|ttL", 2),
    ],
)
def test_virtual_stages(text: str, virtual: int) -> None:
    assert plan(f"--pipeline-model-parallel-size 2 {text} --global-batch-size 32").virtual == virtual


def test_layouts() -> None:
    pipeline = "--pipeline-model-parallel-size 4"
    assert plan(pipeline).layout is None
    uneven = f"{pipeline} --decoder-first-pipeline-num-layers 1 --decoder-last-pipeline-num-layers 1"
    assert [chunk.layers for chunk in plan(uneven).layout or ()] == [1, 3, 3, 1]
    counted = GPT.replace("--num-layers 8", "--num-layers 6") + f" {pipeline} --account-for-embedding-in-pipeline-split"
    found = request(f"{counted} --account-for-loss-in-pipeline-split", 8).plan.layout
    assert found == (Chunk(1, True), Chunk(2), Chunk(2), Chunk(1, loss=True))


def test_uneven_virtual_stages() -> None:
    text = "--pipeline-model-parallel-size 2 --num-virtual-stages-per-pipeline-rank 2"
    found = plan(f"{text} --decoder-first-pipeline-num-layers 2 --global-batch-size 32").layout
    assert [chunk.layers for chunk in found or ()] == [1, 3, 1, 3]


def test_states_over_ranks() -> None:
    assert plan().zero == Zero(0)
    assert plan("--use-distributed-optimizer").zero == Zero(1)
    assert plan("--use-distributed-optimizer --num-distributed-optimizer-instances 2").zero == Zero(1, instances=2)
    assert plan("--use-megatron-fsdp").zero == Zero(3, Engine.MEGATRON_FSDP)
    assert plan("--use-megatron-fsdp --data-parallel-sharding-strategy optim").zero.stage == 1
    torch = "--use-torch-fsdp2 --untie-embeddings-and-output-weights --no-gradient-accumulation-fusion"
    assert plan(torch).zero == Zero(3, Engine.FSDP2)
    assert not plan(f"{torch} --torch-fsdp2-no-reshard-after-forward").zero.reshard


def precision(text: str) -> Precision:
    return request(f"{BARE} {text}", 8).plan.precision


def test_data_types() -> None:
    bf16, fp32 = DATA_TYPES["bf16"], DATA_TYPES["fp32"]
    assert precision("") == single()
    assert precision("--bf16") == mixed()
    assert precision("--fp16") == mixed("fp16")
    reduced = precision("--bf16 --grad-reduce-in-bf16")
    assert (reduced.gradients, reduced.main_gradients) == (bf16, True)
    aware = "--bf16 --use-distributed-optimizer --use-precision-aware-optimizer"
    assert (precision(aware).gradients, precision(aware).main) == (fp32, bf16)
    half = precision(f"{aware} --main-grads-dtype bf16")
    assert (half.gradients, half.main_gradients) == (bf16, False)


def test_fp8() -> None:
    assert precision("--bf16 --fp8-format hybrid").recipe is Recipe.DELAYED
    found = precision("--bf16 --fp8-format e4m3 --fp8-recipe mxfp8 --fp8-param-gather --use-distributed-optimizer")
    assert found.recipe is Recipe.MXFP8
    assert found.parameters_in_fp8
    assert precision("--bf16 --fp4-format e2m1").recipe is Recipe.NVFP4


def test_optimizers() -> None:
    assert plan().optimizer.name == "adam"
    assert plan("--optimizer sgd").optimizer.name == "momentum"
    assert plan("--optimizer sgd --sgd-momentum 0").optimizer.name == "sgd"
    assert plan("--optimizer muon").optimizer.name == "muon"
    assert plan("--optimizer dist_muon").zero.stage == 1
    aware = "--use-distributed-optimizer --use-precision-aware-optimizer --exp-avg-dtype bf16 --exp-avg-sq-dtype fp8"
    found = plan(aware)
    kept = [(state.dtype or found.precision.updated).name for state in found.optimizer.states]
    assert kept == ["bf16", "fp8"]


def test_recomputation() -> None:
    assert plan().recompute == Recompute()
    assert plan("--recompute-activations").recompute == Recompute(modules=("core_attn",))
    full = "--recompute-granularity full --recompute-num-layers 2 --recompute-method"
    assert plan(f"{full} uniform").recompute == Recompute(Method.UNIFORM, 2)
    assert plan(f"{full} block").recompute == Recompute(Method.BLOCK, 2)
    some = "--recompute-granularity selective --recompute-modules layernorm mlp"
    assert request(f"{MOE} --moe-layer-freq 2 {some}").plan.recompute.modules == ("layernorm", "mlp")


def test_kernels() -> None:
    default = plan().kernels
    assert default.attention is Attention.AUTO
    assert default.loss is Loss.VOCABULARY_PARALLEL
    assert default.pointwise is Pointwise.FUSED
    assert default.hidden_dropout
    assert default.attention_dropout
    assert default.padded_vocabulary == 128
    rope = "--position-embedding-type rope"
    assert plan(rope).kernels.rope is Rope.FUSED
    assert plan("--use-rotary-position-embeddings").kernels.rope is Rope.FUSED
    assert plan(f"{rope} --no-rope-fusion").kernels.rope is Rope.EAGER
    assert plan("--position-embedding-type yarn").kernels.rope is Rope.EAGER
    off = plan("--hidden-dropout 0 --attention-dropout 0.0 --make-vocab-size-divisible-by 64").kernels
    assert not off.hidden_dropout
    assert not off.attention_dropout
    assert off.padded_vocabulary == 64


@pytest.mark.parametrize(
    ("text", "attention"),
    [
        ("--attention-backend flash", Attention.FLASH),
        ("--attention-backend fused", Attention.CUDNN),
        ("--attention-backend unfused", Attention.UNFUSED),
        ("--transformer-impl local", Attention.UNFUSED),
        ("--transformer-impl local --use-flash-attn", Attention.FLASH),
    ],
)
def test_attention(text: str, attention: Attention) -> None:
    assert plan(text).kernels.attention is attention


def test_attention_by_environment() -> None:
    assert plan(NVTE_FUSED_ATTN="0").kernels.attention is Attention.FLASH
    assert plan(NVTE_FLASH_ATTN="0").kernels.attention is Attention.CUDNN
    assert plan(NVTE_FLASH_ATTN="0", NVTE_FUSED_ATTN="0").kernels.attention is Attention.UNFUSED


def test_loss() -> None:
    assert plan("--cross-entropy-loss-fusion").kernels.loss is Loss.NATIVE
    assert plan("--cross-entropy-loss-fusion --cross-entropy-fusion-impl te").kernels.loss is Loss.IN_PLACE


def test_activation_fusion() -> None:
    assert plan("--disable-bias-linear").kernels.pointwise is Pointwise.EAGER
    assert plan("--no-bias-gelu-fusion").kernels.pointwise is Pointwise.EAGER
    assert plan("--swiglu --disable-bias-linear").kernels.pointwise is Pointwise.FUSED
    assert plan("--swiglu --no-bias-swiglu-fusion").kernels.pointwise is Pointwise.EAGER


def test_routing() -> None:
    found = request(
        f"{MOE} --moe-router-score-function sigmoid --moe-router-dtype fp32 --moe-aux-loss-coeff 1e-3 "
        "--moe-permute-fusion --deterministic-mode"
    ).plan.kernels.routing
    assert found.exchange is Exchange.ALL_TO_ALL
    assert found.scores is Scores.SIGMOID
    assert found.fp32
    assert found.auxiliary_loss
    assert found.fused_permutation
    assert found.deterministic
    assert not request(MOE).plan.kernels.routing.auxiliary_loss
    sinkhorn = request(f"{MOE} --moe-router-load-balancing-type sinkhorn").plan.kernels.routing
    assert sinkhorn.scores is Scores.SINKHORN


def test_megatron_fsdp() -> None:
    text = "--use-megatron-fsdp --data-parallel-sharding-strategy optim_grads_params --no-gradient-accumulation-fusion"
    assert plan(text).zero == Zero(3, Engine.MEGATRON_FSDP)
    assert plan(f"{text} --fsdp-double-buffer").zero.fixed_buffers
    assert plan(f"{text} --keep-fp8-transpose-cache").zero.keeps_transposes
    replicas = f"{text} --num-distributed-optimizer-instances 2 --outer-dp-sharding-strategy"
    assert plan(f"{replicas} optim").zero.spreads_replicas
    assert not plan(f"{replicas} no_shard").zero.spreads_replicas


def test_layers_on_the_host() -> None:
    found = request(f"{GPT} --cpu-offloading-num-layers 3")
    assert found.plan.offload.layers == 3
    assert found.warnings == ()


def test_the_flex_dispatcher() -> None:
    flex = f"{MOE} --moe-token-dispatcher-type flex"
    assert request(flex).plan.kernels.routing.backend is Backend.DEEPEP
    hybrid = request(f"{flex} --moe-flex-dispatcher-backend hybridep").plan.kernels.routing
    assert (hybrid.exchange, hybrid.backend) == (Exchange.FLEX, Backend.HYBRIDEP)
    found = request(f"{flex} --moe-enable-deepep")
    assert found.plan.kernels.routing.backend is Backend.DEEPEP
    assert found.warnings == ()
    with pytest.raises(InputError, match="--moe-enable-deepep: needs --moe-token-dispatcher-type flex"):
        request(f"{MOE} --moe-enable-deepep")


def test_how_ranks_share_a_sequence() -> None:
    shared = "--context-parallel-size 4 --cp-comm-type"
    found = {way: plan(f"{shared} {way}").kernels for way in ("p2p", "all_gather", "a2a")}
    assert [way for way, kernels in found.items() if kernels.gathers_keys] == ["all_gather"]
    assert [way for way, kernels in found.items() if kernels.exchanges_heads] == ["a2a"]
    both = plan(f"{shared} a2a+p2p --hierarchical-context-parallel-sizes 2 2").kernels
    assert both.exchanges_heads
    assert both.exchanging_ranks == 2
    assert found["a2a"].exchanging_ranks is None
    assert not plan("--cp-comm-type all_gather").kernels.gathers_keys


def test_capacity() -> None:
    text = f"{MOE} --moe-expert-capacity-factor 1.5"
    assert request(text).plan.imbalance == 1.0
    assert request(f"{text} --moe-pad-expert-input-to-capacity").plan.imbalance == 1.5


def test_workspaces() -> None:
    assert plan().cublas_workspace is None
    assert plan("--deterministic-mode").cublas_workspace == 8 * 4096 * 1024
    assert plan(CUBLAS_WORKSPACE_CONFIG=":16:8").cublas_workspace == 8 * 16 * 1024


def test_what_no_field_holds_is_handed_on() -> None:
    found = request(f"{GPT} --ddp-bucket-size 1000000", 8)
    assert found.extras == {"ddp_bucket_size": 1_000_000}
    assert found.warnings == ()


def test_what_runs_beside_what() -> None:
    nothing = plan().execution
    assert not nothing.overlaps_gradients
    assert nothing.overlaps_pipeline
    found = plan("--overlap-grad-reduce --use-distributed-optimizer --overlap-param-gather --delay-wgrad-compute")
    assert found.execution.overlaps_gradients
    assert found.execution.overlaps_parameters
    assert found.execution.delays_weight_gradients
    assert plan("--cuda-graph-impl transformer_engine --cuda-graph-scope attn").execution.graphs == ("attn",)


def test_world_size() -> None:
    words = f"torchrun --nproc_per_node 8 --nnodes 2 pretrain_gpt.py {GPT}".split()
    assert load(words, environment={}).world_size == 16
    both = load(words, 32, environment={})
    assert both.world_size == 32
    assert both.warnings == ("--world-size 32: goes before the launcher's 16 ranks",)
    assert load(GPT.split(), environment={"WORLD_SIZE": "4"}).world_size == 4
    guessed = load(f"{GPT} --tensor-model-parallel-size 4".split(), environment={})
    assert guessed.world_size == 4
    assert guessed.warnings == ("--world-size: not given; taken as the 4 ranks of one replica of the model",)


def test_modules_that_a_model_lacks_are_passed_over_and_named() -> None:
    dense = request(f"{GPT} --recompute-granularity selective --recompute-modules core_attn moe layernorm")
    assert dense.plan.recompute.modules == ("core_attn",)
    assert "--recompute-modules moe: the model has none; nothing is recomputed for it" in dense.warnings
    assert "--recompute-modules layernorm: the model has none; nothing is recomputed for it" in dense.warnings
    sparse = request(f"{MOE} --recompute-granularity selective --recompute-modules core_attn moe layernorm")
    assert sparse.plan.recompute.modules == ("core_attn", "moe", "layernorm")
    away = "--fine-grained-activation-offloading --offload-modules moe_act core_attn"
    assert request(f"{GPT} {away}").plan.offload.activations == ("core_attn",)
    assert (
        "--offload-modules moe_act: the model has none; nothing is offloaded for it"
        in request(f"{GPT} {away}").warnings
    )
    assert request(f"{MOE} {away}").plan.offload.activations == ("moe_act", "core_attn")
    none = request(f"{MOE} --moe-layer-freq ([0]*8) --expert-model-parallel-size 2 --expert-tensor-parallel-size 1", 2)
    assert (none.plan.expert, none.plan.expert_tensor) == (1, None)
    for found in (none, dense, sparse, request(f"{MOE} {away}"), request(f"{GPT} --expert-tensor-parallel-size 1")):
        train(found.model, found.plan)
