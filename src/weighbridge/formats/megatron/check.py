"""What Megatron-LM itself rejects, all of it at once: sizes and degrees here, combinations of choices in ``rules``.

Sources: megatron/training/arguments.py (validate_args), megatron/core/transformer/transformer_config.py
(__post_init__), megatron/core/parallel_state.py (initialize_model_parallel).
"""

from __future__ import annotations

from collections.abc import Iterator

from weighbridge.errors import InputError
from weighbridge.formats.megatron import patterns, rules
from weighbridge.formats.megatron.arguments import Arguments
from weighbridge.formats.megatron.model import Shape, vocabulary
from weighbridge.formats.megatron.plan import global_batch, virtual_stages
from weighbridge.formats.megatron.table import INTEGERS, by_dest
from weighbridge.models.config import MOST_LAYERS
from weighbridge.nn.problems import Problem, multiples
from weighbridge.parallel import layout as layouts

MAY_BE_ZERO = (
    "cpu_offloading_num_layers",
    "num_experts",
    "mtp_num_layers",
    "vocab_extra_ids",
    "num_layers_at_start_in_bf16",
    "num_layers_at_end_in_bf16",
)
"""Sizes of which 0 means none."""

NEEDED = ("hidden_size", "num_attention_heads", "max_position_embeddings", "micro_batch_size")
"""What Megatron-LM does not start without."""


REMOVED = {
    "batch_size": "--micro-batch-size",
    "warmup": "--lr-warmup-fraction",
    "model_parallel_size": "--tensor-model-parallel-size",
    "checkpoint_activations": "--recompute-activations, or --recompute-granularity and --recompute-method",
}
"""Arguments that Megatron-LM's parser still takes and that it ends at, and what took their place (validate_args)."""

CHECKPOINT = ("use_checkpoint_args", "use_mp_args_from_checkpoint_args")
"""Arguments that take others from a checkpoint (megatron/training/checkpointing.py, load_args_from_checkpoint)."""

TWICE = {"encoder_num_layers": "num_layers", "encoder_seq_length": "seq_length"}
"""Older names, and the newer ones that they cannot stand beside (validate_args)."""


def check(read: Arguments, world_size: int, vocab_size: int | None = None) -> None:
    """See that Megatron-LM would start.

    Args:
        read: the arguments.
        world_size: ranks in all.
        vocab_size: entries of the vocabulary, for callers that know.

    Raises:
        InputError: one line with everything that is wrong.
    """
    found = list(problems(read, world_size, vocab_size))
    if found:
        raise InputError("; ".join(dict.fromkeys(f"{name}: {text}" for name, text in found)))


def problems(read: Arguments, world_size: int, vocab_size: int | None = None) -> Iterator[Problem]:
    """Everything that is wrong: an argument, and why."""
    first = [*_removed(read), *_missing(read), *_sizes(read), *_vocabulary(read, vocab_size)]
    yield from first
    if first:
        return  # what follows computes with these
    shape = Shape(read, 1)
    try:
        layers = shape.layers
        if shape.hybrid is None:
            shape.kinds()
        virtual = virtual_stages(shape)
        global_batch(read, 1)
    except InputError as error:
        name, _, text = str(error).partition(": ")
        yield name, text
        return
    yield from _degrees(read, world_size)
    yield from _batches(read, world_size)
    yield from _sequence(read)
    yield from _heads(shape)
    yield from _experts(read, world_size)
    yield from _stages(shape, layers, virtual)
    yield from rules.rules(shape, virtual)


def spelled(dest: str) -> str:
    """An argument's name on the command line."""
    return by_dest()[dest].name


def _removed(read: Arguments) -> Iterator[Problem]:
    for dest, now in REMOVED.items():
        if dest in read.given:
            yield spelled(dest), f"no longer valid in Megatron-LM; use {now}"
    for before, now in TWICE.items():
        if before in read.given and now in read.given:
            yield spelled(before), f"cannot be given along with {spelled(now)}"


def _missing(read: Arguments) -> Iterator[Problem]:
    names = {dest: (dest,) for dest in NEEDED} | {"seq_length": ("seq_length", "encoder_seq_length")}
    pattern = read.text("hybrid_layer_pattern") or read.text("hybrid_override_pattern")
    if pattern is None:
        names["num_layers"] = ("num_layers", "encoder_num_layers")
    inside = any(read.flag(dest) for dest in CHECKPOINT)
    why = "; it stands in the checkpoint, which is not read: give it" if inside else ""
    for dest, known in names.items():
        if all(read.size(name) is None for name in known):
            yield spelled(dest), f"missing{why or ', and Megatron-LM does not start without it'}"


def _sizes(read: Arguments) -> Iterator[Problem]:
    for dest in INTEGERS:
        size, least = read.size(dest), 0 if dest in MAY_BE_ZERO else 1
        if size is not None and size < least:
            yield spelled(dest), f"{size:,} is not allowed; allowed is at least {least}"
    for dest in ("num_layers", "encoder_num_layers", "num_virtual_stages_per_pipeline_rank", "mtp_num_layers"):
        size = read.size(dest)
        if size is not None and size > MOST_LAYERS:
            yield spelled(dest), f"{size:,} is not allowed; allowed is at most {MOST_LAYERS:,}"
    for dest in ("hidden_dropout", "attention_dropout"):
        share = read.number(dest)
        if share is not None and not 0 <= share < 1:
            yield spelled(dest), f"{share:g} is not allowed; allowed is 0 to below 1"
    share = read.number("optimizer_offload_fraction")
    if share is not None and not 0 <= share <= 1:
        yield spelled("optimizer_offload_fraction"), f"{share:g} is not allowed; allowed is 0 to 1"


def _vocabulary(read: Arguments, vocab_size: int | None) -> Iterator[Problem]:
    try:
        vocabulary(read, vocab_size)
    except InputError as error:
        name, _, text = str(error).partition(": ")
        yield name, text


def _divides(dest: str, number: int, words: str, divisor: int) -> Iterator[Problem]:
    """A problem where a number does not divide, with the nearest that do."""
    if number % divisor:
        name, near = spelled(dest) if dest in by_dest() else dest, multiples(number, divisor)
        yield name, f"{number:,} does not divide by {words} = {divisor:,}; nearest that do: {near}"


def _degrees(read: Arguments, world_size: int) -> Iterator[Problem]:
    tensor, pipeline, context, expert = (
        read.integer(f"{name}_parallel_size") for name in ("tensor_model", "pipeline_model", "context", "expert_model")
    )
    model = tensor * pipeline * context
    yield from _divides("--world-size", world_size, "tensor x pipeline x context parallel size", model)
    inside = read.size("expert_tensor_parallel_size") or tensor
    experts = inside * expert * pipeline
    if experts != model and expert > 1:
        words = "expert-tensor x expert x pipeline parallel size"
        yield from _divides("--world-size", world_size, words, experts)
    instances = read.integer("num_distributed_optimizer_instances")
    if instances > 1 and world_size % model == 0:
        words = "--num-distributed-optimizer-instances"
        yield from _divides("data parallel size", world_size // (tensor * pipeline), words, instances)


def _batches(read: Arguments, world_size: int) -> Iterator[Problem]:
    model = read.integer("tensor_model_parallel_size") * read.integer("pipeline_model_parallel_size")
    data, rest = divmod(world_size, model * read.integer("context_parallel_size"))
    if rest or data == 0:
        return  # said already
    dest = "global_batch_size" if read.text("step_batch_size_schedule") is None else "step_batch_size_schedule"
    total, each = global_batch(read, data), read.integer("micro_batch_size") * data
    yield from _divides(dest, total, "micro-batch x data parallel size", each)
    if read.text("step_batch_size_schedule") is not None and "global_batch_size" in read.given:
        yield "--step-batch-size-schedule", "cannot be given along with --global-batch-size"
    rampup = read.value("rampup_batch_size")
    if isinstance(rampup, tuple) and len(rampup) != 3:
        yield "--rampup-batch-size", f"has {len(rampup)} values; expected three: start, increment, samples"


def _sequence(read: Arguments) -> Iterator[Problem]:
    sequence = read.size("seq_length") or read.integer("encoder_seq_length")
    context, positions = read.integer("context_parallel_size"), read.integer("max_position_embeddings")
    if positions < sequence:
        yield "--max-position-embeddings", f"{positions:,} is less than --seq-length = {sequence:,}"
    if context > 1:
        yield from _divides("seq_length", sequence, "2 x --context-parallel-size", 2 * context)
    tensor = read.integer("tensor_model_parallel_size")
    if read.flag("sequence_parallel") and tensor > 1 and sequence % context == 0:
        yield from _divides("seq_length", sequence // context, "--tensor-model-parallel-size", tensor)
    sizes = read.value("hierarchical_context_parallel_sizes")
    if isinstance(sizes, tuple) and sizes:
        product = 1
        for size in sizes:
            product *= int(size) if isinstance(size, int) else 1
        if product != context:
            name = "--hierarchical-context-parallel-sizes"
            yield name, f"multiply to {product:,}; --context-parallel-size is {context:,}"


def _heads(shape: Shape) -> Iterator[Problem]:
    read, tensor = shape.arguments, shape.arguments.integer("tensor_model_parallel_size")
    if read.size("kv_channels") is None:
        yield from _divides("hidden_size", shape.hidden, "--num-attention-heads (no --kv-channels)", shape.heads)
    yield from _divides("num_attention_heads", shape.heads, "--tensor-model-parallel-size", tensor)
    if shape.groups % tensor and tensor % shape.groups:
        why = f"is neither a multiple nor a divisor of --tensor-model-parallel-size = {tensor:,}"
        yield "--num-query-groups", f"{shape.groups:,} {why}"
    if not read.flag("multi_latent_attention"):
        yield from _divides("num_attention_heads", shape.heads, "--num-query-groups", shape.groups)
    if not shape.experts or "dense" in (shape.networks() if shape.hybrid is None else ()):
        yield from _divides("ffn_hidden_size", shape.ffn, "--tensor-model-parallel-size", tensor)


def _experts(read: Arguments, world_size: int) -> Iterator[Problem]:
    experts, ranks = read.size("num_experts") or 0, read.integer("expert_model_parallel_size")
    if ranks > 1 and not experts:
        yield "--expert-model-parallel-size", f"{ranks:,} needs experts; give --num-experts"
    elif experts:
        yield from _divides("num_experts", experts, "--expert-model-parallel-size", ranks)
        top = read.integer("moe_router_topk")
        if top > experts:
            yield "--moe-router-topk", f"{top:,} is more than --num-experts = {experts:,}"


def _stages(shape: Shape, layers: int, virtual: int) -> Iterator[Problem]:
    read = shape.arguments
    pipeline = read.integer("pipeline_model_parallel_size")
    text = read.text("pipeline_model_parallel_layout")
    ends = [read.size(f"decoder_{end}_pipeline_num_layers") for end in ("first", "last")]
    if text is not None:
        chunks = patterns.layout(text)
        for _, why in layouts.problems(chunks, layers, shape.prediction, virtual * pipeline):
            yield "--pipeline-model-parallel-layout", why
    elif shape.hybrid is not None and len(shape.hybrid.stages) > 1:
        segments = len(shape.hybrid.stages)
        yield from _divides("hybrid_layer_pattern", segments, "--pipeline-model-parallel-size", pipeline)
    elif any(ends):
        yield from _uneven(read, layers, pipeline, virtual)
    else:
        yield from _even(read, layers, pipeline, virtual)


def _even(read: Arguments, layers: int, pipeline: int, virtual: int) -> Iterator[Problem]:
    extra = [part for part in ("embedding", "loss") if read.flag(f"account_for_{part}_in_pipeline_split")]
    counted = layers + len(extra)
    words = f"--pipeline-model-parallel-size{' (counting ' + ' and '.join(extra) + ')' if extra else ''}"
    yield from _divides("num_layers", counted, words, pipeline)
    if counted % pipeline == 0:
        each = read.size("num_layers_per_virtual_pipeline_stage")
        if each:
            name = "layers of a pipeline stage"
            yield from _divides(name, counted // pipeline, "--num-layers-per-virtual-pipeline-stage", each)
        elif virtual > 1:
            name = "--num-virtual-stages-per-pipeline-rank"
            if counted // pipeline % virtual:
                yield name, f"{virtual:,} does not divide the {counted // pipeline:,} layers of a pipeline stage"


def _uneven(read: Arguments, layers: int, pipeline: int, virtual: int) -> Iterator[Problem]:
    """What __post_init__ rejects of first and last stages with numbers of layers of their own."""
    left, stages = layers, pipeline
    for end in ("first", "last"):
        own = read.size(f"decoder_{end}_pipeline_num_layers")
        if own is not None:
            left, stages = left - own, stages - 1
            if own % virtual:
                yield f"--decoder-{end}-pipeline-num-layers", f"{own:,} does not divide by {virtual:,} virtual stages"
    name = "--decoder-first-pipeline-num-layers"
    if left < 0 or stages < 0 or bool(left) != bool(stages):
        yield name, f"leaves {left:,} layers for {stages:,} stages between first and last"
    elif stages and left % stages:
        near = multiples(left, stages)
        yield name, f"leaves {left:,} layers, which do not divide over {stages:,} stages; nearest: {near}"
    elif stages and left // stages % virtual:
        yield name, f"leaves {left // stages:,} layers a stage, which do not divide by {virtual:,} virtual stages"
