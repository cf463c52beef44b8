"""Doors: what people have (names, files, repositories) becomes a checked configuration. Nothing is ever executed."""

from weighbridge.formats.loading import load

__all__ = ["load"]
