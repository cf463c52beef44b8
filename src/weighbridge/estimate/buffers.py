"""What libraries and the framework itself hold on the device besides a model's own tensors."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from weighbridge.arithmetic import Count

if TYPE_CHECKING:
    from weighbridge.estimate.stage import Stage

HANDLES = 2
"""cuBLAS handles of a training process: that of the thread which runs forward, and that of autograd's thread."""


@dataclass(frozen=True, eq=False)
class Buffers:
    """Long-lived buffers of one rank.

    Attributes:
        stage: the rank's pipeline stage.
    """

    stage: Stage

    @cached_property
    def workspaces(self) -> Count:
        """Bytes of matrix-multiply workspaces: PyTorch's per handle, and Transformer Engine's own."""
        cluster, plan = self.stage.training.cluster, self.stage.training.plan
        if cluster is None:
            return 0
        own = plan.cublas_workspace if plan.cublas_workspace is not None else cluster.device.cublas_workspace_bytes
        engine = cluster.device.transformer_engine_workspace_bytes if plan.framework.transformer_engine else 0
        return HANDLES * own + engine

    @cached_property
    def outside(self) -> Count:
        """Bytes outside PyTorch's allocator: CUDA context and loaded kernels."""
        cluster = self.stage.training.cluster
        return 0 if cluster is None else cluster.device.context_bytes
