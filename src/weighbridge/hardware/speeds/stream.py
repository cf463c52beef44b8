"""How long a kernel takes that only moves bytes: element-wise functions, norms, casts, optimizers."""

from __future__ import annotations

from dataclasses import dataclass

from weighbridge.arithmetic import ratio


@dataclass(frozen=True)
class StreamCurve:
    """How a device's kernels move bytes.

    Attributes:
        bandwidth: share of the memory bandwidth that is attained.
        launch: seconds before the first and after the last byte.
    """

    bandwidth: float
    launch: float

    def seconds(self, moved: float, memory: float) -> float:
        """Of a kernel that reads and writes ``moved`` bytes in all, at ``memory`` bytes per second."""
        return self.launch + ratio(moved, self.bandwidth * memory)
