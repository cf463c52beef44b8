"""Serving a model: the memory of every rank, how long prompts and tokens take, and what they cost."""
