"""Engines that serve models: how each batches, pages its cache and takes memory, one row per engine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from weighbridge.errors import InputError, did_you_mean, given
from weighbridge.kernels import Attention, Experts, Kernels, Norm, Pointwise, Rope
from weighbridge.parallel import cache_types
from weighbridge.parallel.cache_types import CacheType
from weighbridge.parallel.framework import Framework
from weighbridge.parallel.precision import pure
from weighbridge.parallel.zero import Engine as States
from weighbridge.parallel.zero import Zero
from weighbridge.units import FP32, DataType


@dataclass(frozen=True)
class Engine:
    """What a serving engine does by default.

    Attributes:
        name: what the command line calls it.
        title: its name in print.
        kernels: how operations are carried out.
        block: positions of one page of the cache; 1 where the cache is no pages.
        memory_share: of the device's memory, what it takes in all; ``None`` where it takes what it needs.
        chunk: tokens that one pass runs at most; ``None`` for no limit.
        splits: a prompt that does not fit into what is left of a pass is split; otherwise it waits for the next.
        mixes: passes of prompts make a token of each running sequence, too; otherwise those wait meanwhile.
        graphs: passes of single tokens are replayed from CUDA graphs, so that the host launches one.
        step: seconds of the host in every pass: choosing what runs, sampling, taking results back.
        reserves: a sequence starts when the cache has room for all of its output; otherwise when it has for its
            prompt, and on the mean half of the outputs stand.
        compiled: passes that are not replayed run compiled code, whose host only launches kernels; otherwise modules in
            Python, one after the other.
        ahead: passes that are put together before the one that runs has ended, so that the host is never waited for.
        linear: how weights are kept whose linear layers run as the tables of vLLM and SGLang have them, by the names of
            :data:`weighbridge.hardware.speeds.experts.WEIGHTS`; others as in TensorRT-LLM's, by one cast and cuBLASLt.
        caches: data types that it keeps keys and values in, by what the command line calls them.
        state: data type of states in that of activations elsewhere; ``None`` for that.
        source: where the choices were read.
    """

    name: str
    title: str
    kernels: Kernels
    block: int
    memory_share: float | None
    chunk: int | None
    graphs: bool
    step: float
    source: str
    splits: bool = True
    mixes: bool = True
    reserves: bool = False
    compiled: bool = False
    ahead: int = 0
    linear: frozenset[str] = frozenset({"fp8", "fp8_block", "nvfp4"})
    caches: Mapping[str, CacheType] = field(default_factory=lambda: cache_types.VLLM, hash=False)
    state: DataType | None = None

    @property
    def framework(self) -> Framework:
        """It as the framework of a plan, whose forward passes it runs."""
        return Framework(self.name, self.kernels, pure(), Zero(0, States.DDP), (States.DDP,) * 4, source=self.source)


_SERVING = Kernels(
    "serving engine",
    norm=Norm.FUSED,
    attention=Attention.FLASH,
    pointwise=Pointwise.FUSED,
    rope=Rope.FUSED,
    experts=Experts.PLAIN,
    fuses_projections=True,
    fuses_norms=True,
)

_GGML = Kernels(
    "a kernel for each projection",
    norm=Norm.FUSED,
    attention=Attention.FLASH,
    pointwise=Pointwise.FUSED,
    rope=Rope.FUSED,
    experts=Experts.PLAIN,
)

ENGINES: dict[str, Engine] = {
    row.name: row
    for row in (
        Engine(
            "vllm",
            "vLLM",
            _SERVING,
            block=16,
            memory_share=0.92,
            chunk=8192,
            graphs=True,
            step=0.0,
            compiled=True,
            ahead=1,
            source="vllm-project/vllm, vllm/config/cache.py (block_size, gpu_memory_utilization), engine/arg_utils.py",
        ),
        Engine(
            "sglang",
            "SGLang",
            _SERVING,
            block=1,
            memory_share=0.88,
            chunk=8192,
            graphs=True,
            step=0.0,
            ahead=1,
            source="sgl-project/sglang, python/sglang/srt/server_args.py (page_size, mem_fraction_static, "
            "chunked_prefill_size, enable_mixed_chunk)",
            mixes=False,
            caches=cache_types.SGLANG,
        ),
        Engine(
            "trtllm",
            "TensorRT-LLM",
            _SERVING,
            block=32,
            memory_share=0.9,
            chunk=8192,
            graphs=True,
            step=0.0,
            compiled=True,
            ahead=1,
            source="NVIDIA/TensorRT-LLM, tensorrt_llm/llmapi/llm_args.py (tokens_per_block, free_gpu_memory_fraction, "
            "max_num_tokens, enable_chunked_prefill, capacity_scheduler_policy)",
            splits=False,
            reserves=True,
            linear=frozenset({"fp8_block", "nvfp4"}),
            caches=cache_types.TRTLLM,
        ),
        Engine(
            "transformers",
            "transformers",
            Kernels(
                "transformers, SDPA",
                norm=Norm.EAGER,
                attention=Attention.SDPA,
                rope=Rope.EAGER,
                experts=Experts.GROUPED,
                prefers_cudnn=True,
            ),
            block=1,
            memory_share=None,
            chunk=None,
            graphs=False,
            step=0.0,
            source="huggingface/transformers, generation/utils.py, cache_utils.py",
            splits=False,
            mixes=False,
            caches=cache_types.TRANSFORMERS,
        ),
        Engine(
            "llamacpp",
            "llama.cpp",
            _GGML,
            block=1,
            memory_share=None,
            chunk=512,
            graphs=True,
            step=0.0,
            source="ggml-org/llama.cpp, common/common.h (n_batch, n_ubatch), src/llama-context.cpp, "
            "src/llama-model.cpp (create_memory: recurrent states in fp32)",
            caches=cache_types.LLAMACPP,
            state=FP32,
        ),
        Engine(
            "exllama",
            "ExLlama",
            _GGML,
            block=1,
            memory_share=None,
            chunk=2048,
            graphs=False,
            step=0.0,
            source="turboderp/exllama, model.py (ExLlamaConfig: max_input_len, max_seq_len; ExLlamaCache)",
            caches=cache_types.plainly("fp16"),
        ),
    )
}


SERVERS = ("vllm", "sglang", "trtllm", "transformers")
"""Names of those that serve many users; the others run models for one."""

CACHES = tuple(dict.fromkeys(name for server in SERVERS for name in ENGINES[server].caches))
"""Data types of the cache that one of them has."""


def engine(name: str) -> Engine:
    """The engine of a name.

    Raises:
        InputError: for another name, with the nearest.
    """
    if name not in ENGINES:
        near = did_you_mean(name, ENGINES)
        raise InputError(f"engine: got {given(name)}; allowed: {', '.join(ENGINES)}{near}")
    return ENGINES[name]
