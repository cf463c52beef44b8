"""Which language model a laptop runs, and how fast: an Apple M3 Max, and a card of 12 GB beside a processor."""

from __future__ import annotations

import weighbridge as wb
from weighbridge.estimate.inference.local import Host

GIB = 2**30

for name in ("llama-3.1-8b", "qwen3-30b-a3b", "llama-3.1-70b"):
    for option in wb.local(name, "m3-max", ["Q4_K_M", "Q8_0"], context=8192).options:
        speed = option.tokens_per_second(past=0)
        print(f"{name} {option.name}: {'fits' if option.fits else 'does not fit'}, {speed:.0f} tokens/s")

host = Host(processor=wb.cluster("core-i9-13900k").device, memory=32 * GIB)
split = wb.local("qwen3-30b-a3b", "rtx-3060", ["Q4_K_M"], context=8192, host=host).options[0]
print(f"{split.ngl} of {split.layers.count + 1} layers on the card: {split.tokens_per_second(past=0):.0f} tokens/s")
