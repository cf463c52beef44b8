"""A plan as Megatron-LM's arguments; what formats/megatron reads the other way round (its files name the sources).

The arguments of the model come first, where Megatron-LM has them; else they stay those of its own script.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import product

from weighbridge.formats.megatron import choices
from weighbridge.formats.megatron import plan as plans
from weighbridge.formats.megatron.arguments import parse
from weighbridge.formats.megatron.model import Shape
from weighbridge.formats.megatron.model import model as built
from weighbridge.formats.megatron.rules import OFFLOADED, RECOMPUTED
from weighbridge.formats.plans.emit_model import NoWordsError, model_words, parameters
from weighbridge.formats.plans.options import layers_said
from weighbridge.kernels import Attention, Loss, Pointwise, Rope, Routing, Scores
from weighbridge.models import Model
from weighbridge.parallel.layout import Layout
from weighbridge.parallel.plan import Plan
from weighbridge.parallel.precision import Recipe
from weighbridge.parallel.recompute import Method
from weighbridge.parallel.schedule import Schedule
from weighbridge.parallel.zero import Engine

BACKENDS = {Attention.FLASH: "flash", Attention.CUDNN: "fused", Attention.UNFUSED: "unfused"}
SHARDING = {stage: name for name, stage in plans.STAGES.items()}
STOOD_IN = "--hidden-size 64 --num-attention-heads 1 --max-position-embeddings 1 --position-embedding-type rope"
"""Sizes with which arguments are read again where the model's own are not at hand."""


def write(plan: Plan, model: Model | None) -> tuple[list[str], Plan, tuple[str, ...]]:
    """The arguments, the plan that they are read as, and what the script must bring."""
    plan = _spread(plan, layers_said(model))
    sparse = model is not None and any(node.together for node in model.tree.walk())
    spread = list(_zero(plan))
    words = [*_sizes(plan, sparse), *spread, *_precision(plan, spread), *_optimizer(plan), *_recompute(plan)]
    words += [*_offload(plan, spread), *_execution(plan, spread)]
    if plan.framework.family == "megatron":
        words += [*_kernels(plan), *_routing(plan.kernels.routing)]
    if plan.overlaps_tensor and "--sequence-parallel" in words:
        words.append("--tp-comm-overlap")
    if not plan.accumulation_fusion:
        words.append("--no-gradient-accumulation-fusion")
    if plan.imbalance != 1:
        words += ["--moe-expert-capacity-factor", f"{plan.imbalance:g}"]
        words += ["--moe-pad-expert-input-to-capacity"] if plan.imbalance > 1 else []
    own, notes = _model(plan, model, words)
    parts = plan.pipeline * plan.virtual
    depth = sum(chunk.layers for chunk in plan.layout) if plan.layout else layers_said(model) or parts
    read = parse([*own, *words] if own else [*words, *STOOD_IN.split(), "--num-layers", str(depth)])
    again = plans.plan(Shape(read, 128), plan.gpus, {}).plan
    if own and "rope" not in own:  # nothing is turned, however it would be
        again = replace(again, kernels=replace(again.kernels, rope=plan.kernels.rope))
    return [*own, *words], again, notes


def _model(plan: Plan, model: Model | None, words: list[str]) -> tuple[list[str], tuple[str, ...]]:
    """The model's own arguments, and what is left out or comes back as another model."""
    if model is None:
        return [], ()
    brought = "its script must bring the model's arguments"
    try:
        own = model_words(model, plan.sequence)
    except NoWordsError as reason:
        return [], (f"model: Megatron-LM has no arguments for {reason}; {brought}",)
    read = parse([*own, *words])
    found, wanted = parameters(built(read)[0]), parameters(model)
    if found == wanted:
        return own, ()
    return own, (f"model: {wanted:,} parameters; what is written means {found:,}",)


def _execution(plan: Plan, spread: list[str]) -> Iterator[str]:
    """What runs beside what."""
    execution = plan.execution
    if execution.overlaps_gradients:
        yield "--overlap-grad-reduce"
        yield from ("--overlap-param-gather",) if execution.overlaps_parameters and spread else ()
    yield from ("--no-overlap-p2p-communication",) if not execution.overlaps_pipeline else ()
    yield from ("--moe-shared-expert-overlap",) if execution.overlaps_shared_experts else ()
    yield from ("--delay-wgrad-compute",) if execution.delays_weight_gradients else ()
    if execution.graphs:
        named = [name for name in execution.graphs if name != "full"]
        yield from ("--cuda-graph-impl", "transformer_engine" if named else "local")
        yield from ("--cuda-graph-modules", *named) if named else ()


def _sizes(plan: Plan, sparse: bool) -> Iterator[str]:
    """Parallel groups, batches and the pipeline."""
    sizes = {
        "tensor-model-parallel-size": plan.tensor,
        "pipeline-model-parallel-size": plan.pipeline,
        "context-parallel-size": plan.context,
        "expert-model-parallel-size": plan.expert,
        "micro-batch-size": plan.micro_batch,
        "global-batch-size": plan.sequences,
        "seq-length": plan.sequence,
    }
    if plan.expert_tensor is not None:
        sizes["expert-tensor-parallel-size"] = plan.expert_tensor
    several = plan.virtual > 1 and plan.order is Schedule.INTERLEAVED
    if several and plan.layout is None:
        sizes["num-virtual-stages-per-pipeline-rank"] = plan.virtual
    if several and plan.group is not None:
        sizes["microbatch-group-size-per-virtual-pipeline-stage"] = plan.group
    for name, size in sizes.items():
        yield from (f"--{name}", str(size))
    if (plan.sequence_parallel or sparse or plan.expert > 1) and plan.tensor > 1:  # experts need it in training
        yield "--sequence-parallel"
    if plan.layout is not None and (several or plan.virtual == 1):
        yield from ("--pipeline-model-parallel-layout", spelled(plan.layout))


def _spread(plan: Plan, known: int | None) -> Plan:
    """The plan with its layers spelled out, where embedding and head count as layers and Megatron-LM's do not."""
    if plan.layout is not None or known is None or plan.pipeline == 1 or not plan.framework.counts_ends:
        return plan
    return replace(plan, layout=plan.even_layout(known))


def spelled(layout: Layout) -> str:
    """A layout in letters: ``Ettt|tttt|tttL``."""
    return "|".join(
        "E" * chunk.embedding
        + (f"t*{chunk.layers}" if chunk.layers > 4 else "t" * chunk.layers)
        + "m" * chunk.prediction
        + "L" * chunk.loss
        for chunk in layout
    )


def _zero(plan: Plan) -> Iterator[str]:
    """How states are spread. What Megatron-LM has no engine for, its own FSDP comes nearest to from stage 2 on."""
    zero = plan.zero
    if not zero.stage and zero.engine is not Engine.MEGATRON_FSDP:
        return
    adam_or_sgd = plan.optimizer.name in ("adam", "sgd", "momentum")
    if zero.engine is Engine.FSDP2 and adam_or_sgd and _torch_fsdp(plan):
        yield "--use-torch-fsdp2"
        if not zero.reshard:
            yield "--torch-fsdp2-no-reshard-after-forward"
        return
    if adam_or_sgd and (zero.stage > 1 or zero.engine is Engine.MEGATRON_FSDP):
        yield from ("--use-megatron-fsdp", "--data-parallel-sharding-strategy", SHARDING[zero.stage])
    else:
        yield "--use-distributed-optimizer"
    if zero.instances > 1:
        yield from ("--num-distributed-optimizer-instances", str(zero.instances))


def _torch_fsdp(plan: Plan) -> bool:
    """Whether Megatron-LM runs PyTorch's FSDP2 under such a plan (megatron/training/arguments.py, validate_args)."""
    alone = plan.pipeline == 1 and plan.expert == 1 and plan.zero.stage == 3
    return alone and plan.precision.compute.name != "fp16" and not plan.accumulation_fusion


def _precision(plan: Plan, spread: list[str]) -> list[str]:
    """The switches whose data types are those of the plan, or the nearest."""
    shared = bool({"--use-distributed-optimizer", "--use-megatron-fsdp"} & set(spread))
    low = [f"--{plan.precision.compute.name}"] if plan.precision.compute.name in ("bf16", "fp16") else []
    recipe = _recipe(plan, bool(spread))
    states = _states(plan) if shared else []
    reduces: tuple[list[str], ...] = ([], ["--grad-reduce-in-bf16"], ["--accumulate-allreduce-grads-in-fp32"])
    mains: tuple[list[str], ...] = ([], ["--main-params-dtype", "fp16"])
    grads: tuple[list[str], ...] = ([], ["--main-grads-dtype", "bf16"])
    awares: list[list[str]] = [] if states or _aware(plan, spread) else [[]]
    if shared and plan.optimizer.name == "adam":
        awares += [["--use-precision-aware-optimizer", *main, *grad] for main, grad in product(mains, grads)]
    best: list[str] = []
    least: int | None = None
    for aware, reduce in product(awares, reduces):
        words = [*low, *recipe, *reduce, *aware, *(states if aware else [])]
        found = choices.precision(parse(words))
        off = sum(
            getattr(found, name) != getattr(plan.precision, name)
            for name in ("gradients", "main", "main_gradients", "parameters_in_fp8", "recipe", "weights", "compute")
        )
        if least is None or off < least:
            best, least = words, off
    return best


def _aware(plan: Plan, spread: list[str]) -> bool:
    """Whether only the precision-aware optimizer does what the plan asks."""
    shared = bool({"--use-distributed-optimizer", "--use-megatron-fsdp"} & set(spread))
    return shared and plan.offload.optimizer > 0 and plan.optimizer.name == "adam"


def _states(plan: Plan) -> list[str]:
    """Data types of Adam's states, where they are not fp32."""
    if plan.optimizer.name != "adam":
        return []
    names = {"exp_avg": "--exp-avg-dtype", "exp_avg_sq": "--exp-avg-sq-dtype"}
    kept = [(state.name, (state.dtype or plan.precision.updated).name) for state in plan.optimizer.states]
    return [word for name, dtype in kept if dtype in ("bf16", "fp16", "fp8") for word in (names[name], dtype)]


def _recipe(plan: Plan, spread: bool) -> list[str]:
    """Matrix multiplies in 8 or 4 bits."""
    recipe, stored = plan.precision.recipe, plan.precision.parameters_in_fp8 and spread
    if recipe is None:
        return []
    if recipe is Recipe.NVFP4:
        return ["--fp4-format", "e2m1", *(["--fp4-param-gather"] if stored else [])]
    return ["--fp8-format", "hybrid", "--fp8-recipe", str(recipe), *(["--fp8-param-gather"] if stored else [])]


def _optimizer(plan: Plan) -> list[str]:
    """Whose states are held."""
    name = plan.optimizer.name
    if name == "sgd":
        return ["--optimizer", "sgd", "--sgd-momentum", "0"]
    known = {"momentum": "sgd", "muon": "muon", "lion": "lion"}
    return ["--optimizer", known[name]] if name in known else []


def _recompute(plan: Plan) -> list[str]:
    """What runs again."""
    recompute = plan.recompute
    if recompute.method in (Method.UNIFORM, Method.BLOCK) and recompute.saves is None:
        words = ["--recompute-granularity", "full", "--recompute-method", str(recompute.method)]
        return [*words, "--recompute-num-layers", str(recompute.layers)]
    named = [name for name in recompute.modules if name in RECOMPUTED]
    if not named or recompute.method is not Method.NONE:
        return []
    return ["--recompute-granularity", "selective", "--recompute-modules", *named]


def _offload(plan: Plan, spread: list[str]) -> list[str]:
    """What stands on the host."""
    words: list[str] = []
    if _aware(plan, spread):
        words += ["--optimizer-cpu-offload", "--optimizer-offload-fraction", repr(float(plan.offload.optimizer))]
    named = [name for name in plan.offload.activations if name in OFFLOADED]
    return [*words, "--fine-grained-activation-offloading", "--offload-modules", *named] if named else words


def _kernels(plan: Plan) -> Iterator[str]:
    """How operations are carried out."""
    kernels, local = plan.kernels, plan.framework.name == "megatron-local"
    if local:
        yield from ("--transformer-impl", "local")
        yield from ("--use-flash-attn",) if kernels.attention is Attention.FLASH else ()
    elif kernels.attention in BACKENDS:
        yield from ("--attention-backend", BACKENDS[kernels.attention])
    if kernels.pointwise is Pointwise.EAGER:
        yield from ("--no-bias-swiglu-fusion", "--no-bias-gelu-fusion")
    if kernels.rope is not Rope.FUSED:
        yield "--no-rope-fusion"
    if kernels.loss in (Loss.NATIVE, Loss.IN_PLACE):
        how = "te" if kernels.loss is Loss.IN_PLACE else "native"
        yield from ("--cross-entropy-loss-fusion", "--cross-entropy-fusion-impl", how)
    if kernels.exchanges_heads and plan.context > 1:
        yield from ("--cp-comm-type", "a2a")
    if kernels.wide_softmax:
        yield from ("--attention-softmax-in-fp32", "--no-masked-softmax-fusion")
    if not kernels.loads_mask:
        yield "--no-create-attention-mask-in-dataloader"
    for name, on in (("hidden", kernels.hidden_dropout), ("attention", kernels.attention_dropout)):
        yield from (f"--{name}-dropout", "0.1" if on else "0.0")
    yield from ("--make-vocab-size-divisible-by", str(kernels.padded_vocabulary))


def _routing(routing: Routing) -> Iterator[str]:
    """How tokens reach their experts."""
    yield from ("--moe-token-dispatcher-type", str(routing.exchange))
    if routing.scores is Scores.SIGMOID:
        yield from ("--moe-router-score-function", "sigmoid")
    balancing = ["sinkhorn"] if routing.scores is Scores.SINKHORN else []
    if routing.auxiliary_loss:
        weights = ["0.0"] * len(balancing) + ["0.01"]
        yield from ("--moe-router-load-balancing-type", *balancing, "aux_loss", "--moe-aux-loss-coeff", *weights)
    elif balancing:
        yield from ("--moe-router-load-balancing-type", *balancing)
    flags = {
        "--moe-permute-fusion": routing.fused_permutation,
        "--deterministic-mode": routing.deterministic,
        "--moe-grouped-gemm": routing.grouped,
        "--overlap-moe-expert-parallel-comm": routing.overlapped,
    }
    yield from ("--moe-router-dtype", "fp32") if routing.fp32 else ()
    yield from (name for name, on in flags.items() if on)
