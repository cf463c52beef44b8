"""How engines keep keys and values: data types of the cache, with the scales that stand beside them."""

from __future__ import annotations

from dataclasses import dataclass, replace

from weighbridge.arithmetic import Count, minimum
from weighbridge.parallel.sharding import Sharding
from weighbridge.tape import Axis, Tensor
from weighbridge.traced import same_kind
from weighbridge.units import BLOCK_TYPES, DATA_TYPES, DataType

GROWS = frozenset({"keys", "groups"})
"""Axes of what a cache holds of positions; anything else is a state, which keeps its own data type."""


@dataclass(frozen=True)
class CacheType:
    """A data type of the cache as an engine has it.

    Attributes:
        dtype: of elements; its own blocks and scales go along all elements of a tensor.
        scale: bytes beside each head's vector at a position: what brings its integers back, and where zero is.
        residual: of the last positions, as many as wait at most in the data type of activations until they are packed.
        latents: latent caches (one vector for all heads) can be kept so.
        windows: caches of windows and states beside them can be kept so.
        joins: blocks go on from one head into the next.
        argument: what the engine's own option calls it.
        source: where it was read.
    """

    dtype: DataType
    scale: int = 0
    residual: int = 0
    latents: bool = True
    windows: bool = True
    joins: bool = False
    argument: str = ""
    source: str = ""

    def bytes(self, tensor: Tensor, sharding: Sharding, output: Count = 0) -> Count:
        """A rank's bytes of what is cached.

        Args:
            tensor: in the data type of activations.
            sharding: what a rank holds of an axis.
            output: tokens that follow the prompt, of which the last wait to be packed.
        """
        if not self.residual:
            return self._packed(tensor, sharding)
        waiting = minimum(self.residual, output)
        done, rest = _split(tensor, waiting)
        return self._packed(done, sharding) + sharding.bytes(rest)

    def _packed(self, tensor: Tensor, sharding: Sharding) -> Count:
        size = sharding.bytes(replace(tensor, dtype=self.dtype))
        if not self.scale:
            return size
        count = sharding.count(vectors(tensor))
        return size + same_kind(self.scale, "scale_bytes", count) * count

    def element(self, width: Count) -> float:
        """Bytes of an element in vectors of a width, scales included."""
        beside = 8 * self.dtype.scale / self.dtype.block if self.dtype.block else 0.0
        return float((self.dtype.bits + beside) / 8 + self.scale / width)


def grows(tensor: Tensor) -> bool:
    """Whether what is cached is of positions, and not a state."""
    return any(axis.name in GROWS for axis in tensor.axes)


def vectors(tensor: Tensor) -> Tensor:
    """One element for each head's vector at a position."""
    *rows, last = tensor.axes
    units = last.units if isinstance(last, Axis) and last.name == "kv_heads" else 1
    return replace(tensor, axes=(*rows, Axis(last.name, units)))


def _split(tensor: Tensor, last: Count) -> tuple[Tensor, Tensor]:
    """What is cached of all but the last positions, and of those."""
    held = next(axis.units for axis in tensor.axes if isinstance(axis, Axis) and axis.name == "keys")
    rest = minimum(last, held)

    def of(count: Count) -> Tensor:
        axes = tuple(Axis("keys", count) if axis.name == "keys" else axis for axis in tensor.axes)
        return replace(tensor, axes=axes)

    return of(held - rest), of(rest)


def plainly(*names: str) -> dict[str, CacheType]:
    """Data types that need nothing beside them."""
    return {name: CacheType(DATA_TYPES[name]) for name in names}


_FP8 = CacheType(DATA_TYPES["fp8"], argument="fp8", source="one scale for all of a layer")
_NVFP4 = CacheType(DATA_TYPES["nvfp4"], argument="nvfp4", source="blocks of 16 elements with an fp8 scale")

VLLM = {
    **plainly("bf16", "fp16", "fp32"),
    "fp8": _FP8,
    **{
        name: CacheType(
            DATA_TYPES[name],
            scale=4,
            latents=False,
            argument=f"{name}_per_token_head",
            source="vllm-project/vllm, v1/kv_cache_interface.py (page_size_bytes: an fp32 scale for every head and "
            "position, of keys and of values; the zero point of int4 stands in its last bits)",
        )
        for name in ("int8", "int4")
    },
    "nvfp4": _NVFP4,
}

SGLANG = {
    **plainly("bf16", "fp16", "fp32"),
    "fp8": replace(_FP8, argument="fp8_e4m3"),
    "nvfp4": replace(
        _NVFP4,
        joins=True,
        argument="fp4_e2m1",
        source="sgl-project/sglang, srt/mem_cache/memory_pool.py (MHATokenToKVPoolFP4: scale_block_size 16, one byte)",
    ),
}

TRTLLM = {
    **plainly("bf16", "fp16", "fp32"),
    "fp8": _FP8,
    "int8": CacheType(DATA_TYPES["int8"], source="NVIDIA/TensorRT-LLM, quantization/mode.py: one scale for a layer"),
    "nvfp4": _NVFP4,
}

TRANSFORMERS = {
    **plainly("bf16", "fp16", "fp32"),
    "fp8": replace(_FP8, windows=False),
    **{
        f"int{bits}": CacheType(
            DataType(f"int{bits}", bits, 64, 4),
            residual=127,
            joins=True,
            latents=False,
            windows=False,
            source="huggingface/transformers, cache_utils.py (QuantizedLayer: groups of 64 elements with a scale and "
            "a zero point in the type of activations; the last up to 127 positions wait unpacked)",
        )
        for bits in (8, 4, 2)
    },
}

LLAMACPP = {
    **plainly("fp32", "fp16", "bf16"),
    **{
        name: CacheType(BLOCK_TYPES[name], argument=name, source="ggml-org/llama.cpp, common/arg.cpp (kv_cache_types)")
        for name in ("q8_0", "q4_0", "q4_1", "iq4_nl", "q5_0", "q5_1")
    },
}
