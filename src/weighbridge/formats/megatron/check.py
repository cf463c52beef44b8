"""What Megatron-LM itself rejects."""

from __future__ import annotations

from weighbridge.formats.megatron.arguments import Arguments


def check(read: Arguments, world_size: int, vocab_size: int | None = None) -> None:
    """Everything that contradicts itself."""
