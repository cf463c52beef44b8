"""How weights, gradients and optimizer states are spread over data-parallel ranks."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from weighbridge.arithmetic import Count, ceil_div


class Engine(StrEnum):
    """Whose buffers gather and reduce."""

    MEGATRON = "Megatron-Core"
    DEEPSPEED = "DeepSpeed"
    FSDP2 = "FSDP2"
    MEGATRON_FSDP = "Megatron-FSDP"
    DDP = "DistributedDataParallel"


@dataclass(frozen=True)
class Zero:
    """Stages as in Rajbhandari et al. 2020 (ZeRO, section 5): 0 nothing is spread; 1 the optimizer's states (Megatron's
    distributed optimizer); 2 gradients too; 3 weights too (FSDP).

    Attributes:
        stage: 0 to 3.
        engine: whose buffers gather and reduce.
        instances: groups that each hold the whole (HSDP's replicas; Megatron's distributed-optimizer instances).
        reshard: weights gathered for the forward pass are freed before the backward pass gathers them again.
        prefetch: layers that are gathered ahead of the one that runs.
        bucket: elements of DeepSpeed's reduce and gather buckets (its default: deepspeed/runtime/zero/config.py).
        average_in_fp32: gradients are reduced in fp32 whatever they are made in.
        splits_root: FSDP2 gathers the embedding by itself, and the final norm with the head; otherwise all three belong
            to the root, which stays gathered (torchtitan until 2025-08).
        flat: what is gathered together is one tensor, of which weights and gradients are views (FSDP of PyTorch 1.11 to
            2.3, torch/distributed/fsdp/_flat_param.py); FSDP2 copies weights out of it and gradients into it.
        accumulates_whole: ranks reduce when all micro-batches are done, and hold whole gradients until then; of flat
            tensors those of frozen weights too (torch/distributed/fsdp/fully_sharded_data_parallel.py, no_sync).
        spreads_replicas: the optimizer's states and main parameters are spread over all instances
            (Megatron-FSDP, --outer-dp-sharding-strategy optim).
        fixed_buffers: two buffers for gathered layers, and two for their gradients, stand all the time (Megatron-FSDP,
            --fsdp-double-buffer).
        keeps_transposes: copies of 8-bit weights by columns stay from the backward pass that makes them on
            (Megatron-FSDP, --keep-fp8-transpose-cache).
    """

    stage: int = 0
    engine: Engine = Engine.MEGATRON
    instances: Count = 1
    reshard: bool = True
    prefetch: int = 1
    bucket: int = 500_000_000
    average_in_fp32: bool = True
    splits_root: bool = True
    flat: bool = False
    accumulates_whole: bool = False
    spreads_replicas: bool = False
    fixed_buffers: bool = False
    keeps_transposes: bool = False

    @property
    def reduces_layers(self) -> bool:
        """Whether all gradients of a layer stand whole until they are reduced at once."""
        return self.stage == 3 and self.engine is Engine.FSDP2

    @property
    def copies_layers(self) -> bool:
        """Whether weights are copied out of what was gathered, and gradients into what is reduced."""
        return self.reduces_layers and not self.flat

    def share(self, elements: Count, from_stage: int, ranks: Count) -> Count:
        """A rank's elements of a list of ``elements``, where stages from ``from_stage`` on spread it over ``ranks``."""
        if self.stage < from_stage:
            return elements
        if from_stage == 1 and self.spreads_replicas:
            return ceil_div(elements, ranks)
        return ceil_div(elements * self.instances, ranks)
