"""A deployment as the command that starts it: ``vllm serve``, ``sglang.launch_server``, ``trtllm-serve``.

Sources: vLLM, vllm/engine/arg_utils.py; SGLang, python/sglang/srt/server_args.py; TensorRT-LLM, commands/serve.py and
llmapi/llm_args.py. What is chosen is written, defaults of the engine too, so that what runs is what was weighed.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from weighbridge.parallel.serving import Serving

LAUNCHED = ("vllm", "sglang", "trtllm")
"""Engines that a command is written for."""

LOADED = {"nf4": "bitsandbytes", "fp8": "fp8"}
"""Formats into which engines bring a checkpoint in 16 bits while they load it."""

OPTIONS_FILE = "options.yaml"
"""What TensorRT-LLM has no argument for stands in a file of this name, which is written first."""

NEWLINE, ESCAPED = "\n", "\\n"

Words = Iterator[tuple[str, ...]]
"""Arguments with their values."""


@dataclass(frozen=True)
class Launch:
    """What is started.

    Attributes:
        model: the repository or folder of the checkpoint.
        serving: how it is served.
        gpus_per_node: GPUs of one server.
        sparse: the model has experts.
        quantisation: a format that the checkpoint must have, or that the engine makes; ``None`` where it is as
            published.
    """

    model: str
    serving: Serving
    gpus_per_node: int
    sparse: bool
    quantisation: str | None = None

    @property
    def nodes(self) -> int:
        """Servers."""
        return int(-(-self.serving.gpus // self.gpus_per_node))

    @property
    def length(self) -> int:
        """Tokens of a sequence at its longest."""
        return int(self.serving.prompt + self.serving.output)

    @property
    def chunk(self) -> int | None:
        """Tokens of a pass."""
        return self.serving.chunk_tokens


def launch(what: Launch) -> tuple[str, tuple[str, ...]]:
    """The command of a deployment's engine, and what it does not say, a line each."""
    command, words = _WRITERS[what.serving.engine.name]
    lines = [command, *(shlex.join(word) for word in words(what))]
    file = options(what) if what.serving.engine.name == "trtllm" else ""
    before = f"printf {shlex.quote(file.replace(NEWLINE, ESCAPED))} > {OPTIONS_FILE}\n" if file else ""
    return before + " \\\n  ".join(lines) + "\n", tuple(_warnings(what))


def _vllm(what: Launch) -> Words:
    serving = what.serving
    yield (what.model,)
    yield from _sizes(
        ("--tensor-parallel-size", serving.tensor),
        ("--pipeline-parallel-size", serving.pipeline),
        ("--data-parallel-size", serving.data),
    )
    if serving.expert > 1:
        yield ("--enable-expert-parallel",)
    yield "--dtype", _long(serving.compute.name)
    yield "--kv-cache-dtype", serving.cache_type.argument or "auto"
    if what.quantisation in LOADED:
        yield "--quantization", LOADED[what.quantisation]
    yield "--max-model-len", str(what.length)
    yield "--max-num-seqs", str(int(serving.sequences))
    if what.chunk is not None:
        yield "--max-num-batched-tokens", str(what.chunk)
    yield "--gpu-memory-utilization", _share(serving)


def _sglang(what: Launch) -> Words:
    """Where replicas share experts, its tensor parallel size counts the ranks of all of them."""
    serving = what.serving
    shared = what.sparse and serving.data > 1
    yield "--model-path", what.model
    ranks = serving.tensor * serving.data if shared else serving.tensor
    yield from _sizes(("--tp-size", ranks), ("--pp-size", serving.pipeline), ("--dp-size", serving.data))
    if shared:
        yield ("--enable-dp-attention",)
    yield from _sizes(("--ep-size", serving.expert))
    if what.nodes > 1:
        yield "--nnodes", str(what.nodes)
    yield "--dtype", _long(serving.compute.name)
    yield "--kv-cache-dtype", serving.cache_type.argument or "auto"
    if what.quantisation in LOADED:
        yield "--quantization", LOADED[what.quantisation]
    yield "--context-length", str(what.length)
    yield "--max-running-requests", str(int(serving.batch))
    if what.chunk is not None:
        yield "--chunked-prefill-size", str(what.chunk)
    yield "--mem-fraction-static", _share(serving)


def _trtllm(what: Launch) -> Words:
    """What it has no argument for stands in its file of options: see :func:`options`."""
    serving = what.serving
    shared = what.sparse and serving.data > 1
    yield (what.model,)
    yield from _sizes(
        ("--tp_size", serving.tensor * serving.data if shared else serving.tensor),
        ("--pp_size", serving.pipeline),
        ("--ep_size", serving.expert),
    )
    if what.nodes > 1:
        yield "--gpus_per_node", str(what.gpus_per_node)
    yield "--max_seq_len", str(what.length)
    yield "--max_batch_size", str(int(serving.sequences))
    if what.chunk is not None:
        yield "--max_num_tokens", str(what.chunk)
        yield ("--enable_chunked_prefill",)
    yield "--free_gpu_memory_fraction", _share(serving)
    if options(what):
        yield "--config", OPTIONS_FILE


def options(what: Launch) -> str:
    """TensorRT-LLM's file of options; empty where none is needed."""
    lines = []
    if what.serving.cache_type.argument:
        lines += ["kv_cache_config:", f"  dtype: {what.serving.cache_type.argument}"]
    if what.sparse and what.serving.data > 1:
        lines += ["enable_attention_dp: true"]
    return "".join(f"{line}\n" for line in lines)


_WRITERS: dict[str, tuple[str, Callable[[Launch], Words]]] = {
    "vllm": ("vllm serve", _vllm),
    "sglang": ("python -m sglang.launch_server", _sglang),
    "trtllm": ("trtllm-serve", _trtllm),
}


def _sizes(*named: tuple[str, int]) -> Words:
    """Parallel sizes that are not 1."""
    yield from ((name, str(int(size))) for name, size in named if size > 1)


def _long(name: str) -> str:
    return {"bf16": "bfloat16", "fp16": "float16", "fp32": "float32"}.get(name, "auto")


def _share(serving: Serving) -> str:
    share = serving.engine.memory_share if serving.memory_share is None else serving.memory_share
    return f"{share:g}"


def _warnings(what: Launch) -> Iterator[str]:
    """What the command does not say, or what must stand beside it."""
    serving, name = what.serving, what.serving.engine.name
    if what.quantisation is not None and (name == "trtllm" or what.quantisation not in LOADED):
        yield f"weights: {what.model} must be a checkpoint in {what.quantisation}"
    ranks = serving.tensor * serving.data
    if name == "vllm" and 1 < serving.expert < ranks:
        yield f"expert: vLLM spreads experts over all {ranks:,} ranks; what was weighed, over {serving.expert:,}"
    if name == "trtllm":
        yield "memory_share: TensorRT-LLM counts it from what weights and activations leave, here it is of all memory"
        if serving.data > 1 and not what.sparse:
            yield f"data: start {serving.data:,} of them, of {serving.tensor * serving.pipeline:,} GPUs each"
    if what.nodes > 1:
        yield f"nodes: {what.nodes:,} servers: how they find each other (address, rank) is the launcher's business"
    if not serving.cache_type.argument and serving.cache.name != serving.compute.name:
        yield f"cache: {serving.cache.name} has no place in its arguments; what is written keeps {serving.compute.name}"
