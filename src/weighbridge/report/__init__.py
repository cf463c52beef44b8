"""Rendering. Nothing here computes a quantity: it puts into words, tables and formulas what was estimated."""
