"""Frameworks: the kernels, data types and buffers that each brings, one row per framework."""

from __future__ import annotations

from dataclasses import dataclass, replace

from weighbridge.errors import InputError, did_you_mean, given
from weighbridge.kernels import Attention, Experts, Kernels, Loss, Norm, Pointwise, Rope
from weighbridge.parallel.execution import OVERLAPPED, Execution
from weighbridge.parallel.precision import Precision, Recipe, mixed, pure, sharded, stored_in_fp32
from weighbridge.parallel.zero import Engine, Zero


@dataclass(frozen=True)
class Framework:
    """What a framework runs by default.

    Attributes:
        name: what plans call it.
        kernels: how operations are carried out.
        precision: data types.
        zero: how states are spread over data-parallel ranks.
        engines: whose buffers gather and reduce at ZeRO stages 0 to 3.
        accumulation_fusion: matrix multiplies add weight gradients to their buffer by themselves.
        transformer_engine: its projections are Transformer Engine's, which has a workspace of its own.
        autocasts: weights in another type than activations are cast by every projection (torch.autocast).
        counts_ends: embedding and head count as a layer each where layers are spread over pipeline stages.
        execution: what runs beside what in its recipes.
        keeps_graph: between the halves of a split backward pass the graph of all below the last weight stays, not
            only what its weights' gradients are made of.
        splits_sequence: sequence parallelism comes with tensor parallelism.
        expandable_segments: its launch script lets the allocator's segments grow.
        recipes: how it multiplies in fewer than 16 bits.
        source: where the choices were read.
    """

    name: str
    kernels: Kernels
    precision: Precision
    zero: Zero
    engines: tuple[Engine, Engine, Engine, Engine]
    accumulation_fusion: bool = False
    transformer_engine: bool = False
    autocasts: bool = False
    counts_ends: bool = False
    execution: Execution = OVERLAPPED
    keeps_graph: bool = False
    splits_sequence: bool = False
    expandable_segments: bool = False
    recipes: tuple[Recipe, ...] = ()
    source: str = ""

    @property
    def family(self) -> str:
        """The family that it belongs to."""
        return family(self.name)

    def mixes(self, name: str, stage: int) -> Precision:
        """Its data types where multiplies run in a type of 16 bits and states are spread at a ZeRO stage."""
        if self.precision.main is not None:
            return mixed(name)
        return sharded(name) if self.engines[stage] is Engine.DEEPSPEED else stored_in_fp32(name)

    def at(self, stage: int) -> Precision:
        """Its own data types, where states are spread at a ZeRO stage: DeepSpeed has main parameters."""
        return sharded() if self.engines[stage] is Engine.DEEPSPEED else self.precision

    def spread(self, stage: int, zero: Zero | None = None) -> Zero:
        """How it spreads states at a ZeRO stage; everything else as given, its own if ``None``."""
        return replace(zero or self.zero, stage=stage, engine=self.engines[stage])


_MEGATRON = Framework(
    "megatron",
    Kernels(
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
    ),
    mixed(),
    Zero(1),
    (Engine.MEGATRON, Engine.MEGATRON, Engine.MEGATRON_FSDP, Engine.MEGATRON_FSDP),
    accumulation_fusion=True,
    transformer_engine=True,
    recipes=tuple(recipe for recipe in Recipe if recipe is not Recipe.ROWWISE),
    source="NVIDIA/Megatron-LM, megatron/core; NVIDIA/TransformerEngine, transformer_engine/pytorch",
)

_TORCHTITAN = Framework(
    "torchtitan",
    Kernels(
        "torchtitan, eager",
        gathers_keys=True,
        repeats_keys=True,
        attention=Attention.SDPA,
        loss=Loss.EAGER,
        rope=Rope.COMPLEX,
    ),
    stored_in_fp32(),
    Zero(3, Engine.FSDP2),
    (Engine.DDP, Engine.FSDP2, Engine.FSDP2, Engine.FSDP2),
    counts_ends=True,
    keeps_graph=True,
    splits_sequence=True,
    expandable_segments=True,
    recipes=(Recipe.TENSORWISE, Recipe.ROWWISE, Recipe.MXFP8, Recipe.NVFP4),
    source="pytorch/torchtitan, run_train.sh, torchtitan/models/llama3, components/quantization",
)

_TRANSFORMERS = Framework(
    "hf-sdpa",
    Kernels(
        "transformers, SDPA",
        norm=Norm.EAGER,
        attention=Attention.SDPA,
        loss=Loss.EAGER,
        rope=Rope.EAGER,
        experts=Experts.GROUPED,
        prefers_cudnn=True,
        written_out=True,
    ),
    pure(),
    Zero(0, Engine.DDP),
    (Engine.DDP, Engine.DEEPSPEED, Engine.DEEPSPEED, Engine.DEEPSPEED),
    autocasts=True,
    source="huggingface/transformers, integrations/sdpa_attention.py",
)

_TORCHTUNE = Framework(
    "torchtune",
    Kernels(
        "torchtune, eager",
        norm=Norm.EAGER,
        attention=Attention.SDPA,
        loss=Loss.WIDE_PARTS,
        rope=Rope.COMPLEX,
        copies_keys=True,
    ),
    pure(),
    Zero(0, Engine.DDP),
    (Engine.DDP, Engine.FSDP2, Engine.FSDP2, Engine.FSDP2),
    source="pytorch/torchtune, torchtune/modules, recipes/lora_finetune_single_device.py",
)

FRAMEWORKS: dict[str, Framework] = {
    row.name: row
    for row in (
        _MEGATRON,
        replace(
            _MEGATRON,
            name="megatron-local",
            kernels=replace(
                _MEGATRON.kernels,
                title="Megatron-Core, local layers",
                attention=Attention.UNFUSED,
                fuses_norms=False,
                buffers_scores=True,
            ),
            transformer_engine=False,
            recipes=(),
            source="NVIDIA/Megatron-LM, megatron/core/models/gpt/gpt_layer_specs.py, get_gpt_layer_local_spec",
        ),
        _TORCHTITAN,
        replace(
            _TORCHTITAN,
            name="torchtitan-compiled",
            kernels=replace(
                _TORCHTITAN.kernels,
                title="torchtitan, torch.compile",
                pointwise=Pointwise.FUSED,
                loss=Loss.COMPILED,
                compiled=True,
            ),
            source="pytorch/torchtitan, run_train.sh, torchtitan/models/llama3, components/loss.py; torch/_inductor",
        ),
        replace(
            _TRANSFORMERS,
            name="hf-eager",
            kernels=replace(_TRANSFORMERS.kernels, title="transformers, eager attention", attention=Attention.EAGER),
            source="huggingface/transformers, models/llama/modeling_llama.py, eager_attention_forward",
        ),
        _TRANSFORMERS,
        replace(
            _TRANSFORMERS,
            name="hf-flash",
            kernels=replace(_TRANSFORMERS.kernels, title="transformers, flash attention", attention=Attention.FLASH),
            source="huggingface/transformers, integrations/flash_attention.py",
        ),
        _TORCHTUNE,
        replace(
            _TORCHTUNE,
            name="torchtune-compiled",
            kernels=replace(
                _TORCHTUNE.kernels,
                title="torchtune, torch.compile",
                norm=Norm.FUSED,
                pointwise=Pointwise.FUSED,
                loss=Loss.COMPILED_PARTS,
                compiled=True,
            ),
            source="pytorch/torchtune, torchtune/training/_compile.py; torch/_inductor",
        ),
        replace(
            _TRANSFORMERS,
            name="unsloth",
            kernels=Kernels(
                "Unsloth",
                norm=Norm.FUSED,
                attention=Attention.FLASH,
                loss=Loss.FUSED_PARTS,
                rope=Rope.FUSED,
                experts=Experts.GROUPED,
                joins_adapters=True,
            ),
            source="unslothai/unsloth, unsloth/kernels (fast_lora.py, rms_layernorm.py, rope_embedding.py, swiglu.py), "
            "models/llama.py; unslothai/unsloth-zoo, unsloth_zoo/fused_losses, gradient_checkpointing.py",
        ),
        replace(
            _TORCHTUNE,
            name="litgpt",
            kernels=Kernels(
                "litgpt",
                norm=Norm.EAGER,
                attention=Attention.SDPA,
                loss=Loss.PARTS,
                rope=Rope.EAGER,
                copies_keys=True,
            ),
            source="Lightning-AI/litgpt, litgpt/model.py, litgpt/lora.py, litgpt/finetune/lora.py",
        ),
    )
}


def family(name: str) -> str:
    """What names of frameworks begin with that differ in kernels, not in engines or data types: hf of hf-flash."""
    return name.partition("-")[0]


def framework(name: str) -> Framework:
    """The framework of a name.

    Raises:
        InputError: for a name that is none.
    """
    if name not in FRAMEWORKS:
        allowed = f"allowed: {', '.join(FRAMEWORKS)}"
        raise InputError(f"framework: {given(name)} is unknown; {allowed}{did_you_mean(name, FRAMEWORKS)}")
    return FRAMEWORKS[name]
