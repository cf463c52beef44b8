"""What a model runs on: devices (memory, rates, links, each figure with its source) and clusters of them."""

from weighbridge.hardware.cluster import Cluster, cluster
from weighbridge.hardware.device import Device
from weighbridge.hardware.fabric import Fabric
from weighbridge.hardware.figures import Figure, figures
from weighbridge.hardware.network import Joint, Level, Span, joints, span
from weighbridge.hardware.table import from_table

__all__ = [
    "Cluster",
    "Device",
    "Fabric",
    "Figure",
    "Joint",
    "Level",
    "Span",
    "cluster",
    "figures",
    "from_table",
    "joints",
    "span",
]
