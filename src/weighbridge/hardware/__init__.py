"""What a model runs on: devices (memory, rates, links, each figure with its source) and clusters of them."""

from weighbridge.hardware.cluster import Cluster, cluster, from_table
from weighbridge.hardware.device import Device

__all__ = ["Cluster", "Device", "cluster", "from_table"]
