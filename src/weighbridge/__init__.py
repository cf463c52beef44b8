"""Weighbridge weighs a transformer language model before it takes the cluster."""

__version__ = "0.1.0"
