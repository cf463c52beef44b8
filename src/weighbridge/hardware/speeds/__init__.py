"""How fast kernels of a device really run: curves fitted to measured latencies, one TOML file per measured device."""

from weighbridge.hardware.speeds.matmul import Heat
from weighbridge.hardware.speeds.speeds import Speeds, speeds

__all__ = ["Heat", "Speeds", "speeds"]
