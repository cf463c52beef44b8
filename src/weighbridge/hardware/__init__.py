"""What a model runs on: devices (memory, rates, links, each figure with its source) and clusters of them."""

from weighbridge.hardware.cluster import Cluster, cluster
from weighbridge.hardware.device import Device
from weighbridge.hardware.fabric import Fabric
from weighbridge.hardware.figures import Figure, figures
from weighbridge.hardware.network import Level, Span, span
from weighbridge.hardware.table import from_table

__all__ = ["Cluster", "Device", "Fabric", "Figure", "Level", "Span", "cluster", "figures", "from_table", "span"]
