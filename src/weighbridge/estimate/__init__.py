"""Estimates read off a model's tree and tape: parameters and bytes, floating-point operations, comparisons."""
