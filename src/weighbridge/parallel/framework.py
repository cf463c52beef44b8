"""Frameworks: the kernels, data types and buffers that each brings, one row per framework."""

from __future__ import annotations

from dataclasses import dataclass

from weighbridge.errors import InputError, did_you_mean, given
from weighbridge.kernels import Attention, Kernels, Loss, Norm, Pointwise
from weighbridge.parallel.precision import Precision, mixed, stored_in_fp32
from weighbridge.parallel.zero import Engine, Zero


@dataclass(frozen=True)
class Framework:
    """What a framework runs by default.

    Attributes:
        name: what plans call it.
        kernels: how operations are carried out.
        precision: data types.
        zero: how states are spread over data-parallel ranks.
        accumulation_fusion: matrix multiplies add weight gradients to their buffer by themselves.
        transformer_engine: its projections are Transformer Engine's, which has a workspace of its own.
        source: where the choices were read.
    """

    name: str
    kernels: Kernels
    precision: Precision
    zero: Zero
    accumulation_fusion: bool = False
    transformer_engine: bool = False
    source: str = ""


_MEGATRON = Kernels(
    "Megatron-Core with Transformer Engine",
    attention=Attention.FLASH,
    pointwise=Pointwise.FUSED,
    loss=Loss.VOCABULARY_PARALLEL,
    gathers_again=True,
    fuses_projections=True,
    padded_vocabulary=128,
)

_HF = Kernels("transformers, eager", norm=Norm.EAGER, attention=Attention.EAGER, loss=Loss.EAGER, fused_rope=False)

FRAMEWORKS: dict[str, Framework] = {
    row.name: row
    for row in (
        Framework(
            "megatron",
            _MEGATRON,
            mixed(),
            Zero(1),
            accumulation_fusion=True,
            transformer_engine=True,
            source="NVIDIA/Megatron-LM, megatron/core; NVIDIA/TransformerEngine, transformer_engine/pytorch",
        ),
        Framework(
            "megatron-local",
            Kernels(
                "Megatron-Core, local layers",
                attention=Attention.UNFUSED,
                pointwise=Pointwise.FUSED,
                loss=Loss.VOCABULARY_PARALLEL,
                gathers_again=True,
                fuses_projections=True,
                padded_vocabulary=128,
            ),
            mixed(),
            Zero(1),
            accumulation_fusion=True,
            source="NVIDIA/Megatron-LM, megatron/core/models/gpt/gpt_layer_specs.py, get_gpt_layer_local_spec",
        ),
        Framework(
            "torchtitan",
            Kernels("torchtitan, eager", attention=Attention.SDPA, loss=Loss.EAGER, fused_rope=False),
            stored_in_fp32(),
            Zero(3, Engine.FSDP2),
            source="pytorch/torchtitan, torchtitan/models/llama3",
        ),
        Framework(
            "torchtitan-compiled",
            Kernels(
                "torchtitan, torch.compile",
                attention=Attention.SDPA,
                pointwise=Pointwise.FUSED,
                loss=Loss.EAGER,
            ),
            stored_in_fp32(),
            Zero(3, Engine.FSDP2),
            source="pytorch/torchtitan, torchtitan/models/llama3; torch/_inductor",
        ),
        Framework("hf-eager", _HF, stored_in_fp32(), Zero(0, Engine.DDP), source="huggingface/transformers, models"),
        Framework(
            "hf-sdpa",
            Kernels("transformers, SDPA", norm=Norm.EAGER, attention=Attention.SDPA, loss=Loss.EAGER, fused_rope=False),
            stored_in_fp32(),
            Zero(0, Engine.DDP),
            source="huggingface/transformers, integrations/sdpa_attention.py",
        ),
        Framework(
            "hf-flash",
            Kernels(
                "transformers, flash attention",
                norm=Norm.EAGER,
                attention=Attention.FLASH,
                loss=Loss.EAGER,
                fused_rope=False,
            ),
            stored_in_fp32(),
            Zero(0, Engine.DDP),
            source="huggingface/transformers, integrations/flash_attention.py",
        ),
    )
}


def framework(name: str) -> Framework:
    """The framework of a name.

    Raises:
        InputError: for a name that is none.
    """
    if name not in FRAMEWORKS:
        allowed = f"allowed: {', '.join(FRAMEWORKS)}"
        raise InputError(f"framework: {given(name)} is unknown; {allowed}{did_you_mean(name, FRAMEWORKS)}")
    return FRAMEWORKS[name]
