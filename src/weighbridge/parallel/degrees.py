"""Parallel sizes by what the command line and questions call them, and the fields of a plan that hold them."""

from __future__ import annotations

TRAINING = {"tp": "tensor", "pp": "pipeline", "vp": "virtual", "cp": "context", "ep": "expert"}
"""Of a training plan."""

SERVING = {"tp": "tensor", "pp": "pipeline", "dp": "data", "ep": "expert"}
"""Of a deployment."""
