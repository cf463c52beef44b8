"""Estimates read off a model's tree and tape: parameters, floating-point operations, memory, comparisons."""
