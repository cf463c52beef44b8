"""How a step runs beside what it computes: what communication waits for nothing, and what the host launches."""

from __future__ import annotations

from dataclasses import dataclass

GRAPHS = ("full", "attn", "mlp", "moe", "moe_router", "moe_preprocess", "mamba")
"""What can be launched as CUDA graphs: whole passes, or modules (Megatron-Core, CudaGraphModule)."""


OVERLAPS = {
    "gradients": "overlaps_gradients",
    "parameters": "overlaps_parameters",
    "pipeline": "overlaps_pipeline",
    "shared-experts": "overlaps_shared_experts",
    "weight-gradients": "delays_weight_gradients",
}
"""Names of what runs beside what, and the switches of :class:`Execution`."""

BESIDE = (*OVERLAPS, "tensor", "experts")
"""Those, and what stands elsewhere in a plan."""


@dataclass(frozen=True)
class Execution:
    """What bears on the time of a step, and on little of what it holds.

    Attributes:
        overlaps_gradients: gradients are reduced while the backward pass makes others.
        overlaps_parameters: weights are gathered while the forward pass uses others.
        overlaps_pipeline: messages between pipeline stages travel while the stages compute.
        overlaps_shared_experts: shared experts compute while routed tokens travel.
        delays_weight_gradients: weight gradients are computed while routed tokens travel.
        sums_beside: without sequence parallelism, gradients of inputs are summed over tensor parallel ranks while those
            of weights are computed (Megatron-LM since 2021-09).
        graphs: what is launched as CUDA graphs: modules by Megatron-Core's names, or "full" for whole passes.
        copies_inputs: graphs read copies of their inputs, one for every layer in flight (Transformer Engine's graphs).
    """

    overlaps_gradients: bool = False
    overlaps_parameters: bool = False
    overlaps_pipeline: bool = False
    overlaps_shared_experts: bool = False
    delays_weight_gradients: bool = False
    sums_beside: bool = True
    graphs: tuple[str, ...] = ()
    copies_inputs: bool = False


OVERLAPPED = Execution(overlaps_gradients=True, overlaps_parameters=True, overlaps_pipeline=True)
"""What recipes for large runs switch on, and what FSDP does by itself."""
