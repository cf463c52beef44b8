"""How a plan divides a model and its training step over ranks."""
