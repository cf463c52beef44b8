"""Frameworks: the kernels, data types and buffers that each brings, one row per framework."""

from __future__ import annotations

from dataclasses import dataclass, replace

from weighbridge.errors import InputError, did_you_mean, given
from weighbridge.kernels import Attention, Experts, Kernels, Loss, Norm, Pointwise, Rope
from weighbridge.parallel.precision import Precision, mixed, pure, stored_in_fp32
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
        autocasts: weights in another type than activations are cast by every projection (torch.autocast).
        counts_ends: embedding and head count as a layer each where layers are spread over pipeline stages.
        expandable_segments: its launch script lets the allocator's segments grow.
        source: where the choices were read.
    """

    name: str
    kernels: Kernels
    precision: Precision
    zero: Zero
    accumulation_fusion: bool = False
    transformer_engine: bool = False
    autocasts: bool = False
    counts_ends: bool = False
    expandable_segments: bool = False
    source: str = ""


_MEGATRON = Kernels(
    "Megatron-Core with Transformer Engine",
    attention=Attention.AUTO,
    pointwise=Pointwise.FUSED,
    loss=Loss.VOCABULARY_PARALLEL,
    experts=Experts.MEGATRON,
    gathers_again=True,
    sequence_first=True,
    fuses_projections=True,
    fuses_norms=True,
    loads_mask=True,
    padded_vocabulary=128,
)

_HF = Kernels(
    "transformers",
    norm=Norm.EAGER,
    attention=Attention.SDPA,
    loss=Loss.EAGER,
    rope=Rope.EAGER,
    experts=Experts.GROUPED,
)

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
                experts=Experts.MEGATRON,
                gathers_again=True,
                sequence_first=True,
                fuses_projections=True,
                buffers_scores=True,
                loads_mask=True,
                padded_vocabulary=128,
            ),
            mixed(),
            Zero(1),
            accumulation_fusion=True,
            source="NVIDIA/Megatron-LM, megatron/core/models/gpt/gpt_layer_specs.py, get_gpt_layer_local_spec",
        ),
        Framework(
            "torchtitan",
            Kernels(
                "torchtitan, eager", gathers_keys=True, attention=Attention.SDPA, loss=Loss.EAGER, rope=Rope.COMPLEX
            ),
            stored_in_fp32(),
            Zero(3, Engine.FSDP2),
            counts_ends=True,
            expandable_segments=True,
            source="pytorch/torchtitan, run_train.sh, torchtitan/models/llama3",
        ),
        Framework(
            "torchtitan-compiled",
            Kernels(
                "torchtitan, torch.compile",
                gathers_keys=True,
                attention=Attention.SDPA,
                pointwise=Pointwise.FUSED,
                loss=Loss.COMPILED,
                rope=Rope.COMPLEX,
                compiled=True,
            ),
            stored_in_fp32(),
            Zero(3, Engine.FSDP2),
            counts_ends=True,
            expandable_segments=True,
            source="pytorch/torchtitan, run_train.sh, torchtitan/models/llama3, components/loss.py; torch/_inductor",
        ),
        Framework(
            "hf-eager",
            replace(_HF, title="transformers, eager attention", attention=Attention.EAGER),
            pure(),
            Zero(0, Engine.DDP),
            autocasts=True,
            source="huggingface/transformers, models/llama/modeling_llama.py, eager_attention_forward",
        ),
        Framework(
            "hf-sdpa",
            replace(_HF, title="transformers, SDPA"),
            pure(),
            Zero(0, Engine.DDP),
            autocasts=True,
            source="huggingface/transformers, integrations/sdpa_attention.py",
        ),
        Framework(
            "hf-flash",
            replace(_HF, title="transformers, flash attention", attention=Attention.FLASH),
            pure(),
            Zero(0, Engine.DDP),
            autocasts=True,
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
