"""Training steps that tests of their time share."""

from __future__ import annotations

import weighbridge as wb
from weighbridge.parallel.recompute import Method, Recompute
from weighbridge.parallel.schedule import Schedule

ONE = wb.train("gpt2", wb.Plan.under(gpus=1, sequence=1024, global_batch=4), "1xA100")
DATA = wb.train("llama-3.1-8b", wb.Plan.under(gpus=8, tensor=2, sequence_parallel=True, global_batch=32), "8xH100")
PIPED = wb.train("gpt2", wb.Plan.under(gpus=4, pipeline=4, sequence=1024, global_batch=12), "4xA100")
LONG = wb.train(
    "llama-3.1-70b",
    wb.Plan.under(gpus=64, tensor=8, sequence_parallel=True, pipeline=4, virtual=2, global_batch=128),
    "64xH100",
)
EXPERTS = wb.train(
    "mixtral-8x7b",
    wb.Plan.under(gpus=64, tensor=2, sequence_parallel=True, pipeline=4, expert=8, global_batch=64),
    "64xH100",
)
SHARDED = wb.train(
    "llama-3.1-8b",
    wb.Plan.under("torchtitan", gpus=16, sequence=8192, recompute=Recompute(Method.UNIFORM)),
    "16xH100",
)
ZERO_BUBBLE = wb.train(
    "llama-3.1-8b", wb.Plan.under(gpus=8, pipeline=4, virtual=2, schedule=Schedule.ZB_V, global_batch=24), "8xH100"
)
BOTH_WAYS = wb.train(
    "llama-3.1-8b", wb.Plan.under(gpus=8, pipeline=4, virtual=2, schedule=Schedule.DUALPIPE, global_batch=32), "8xH100"
)
GPIPE = wb.train("llama-3.1-8b", wb.Plan.under(gpus=8, pipeline=4, schedule=Schedule.GPIPE, global_batch=64), "8xH100")

STEPS = {
    "one": ONE,
    "data": DATA,
    "piped": PIPED,
    "long": LONG,
    "experts": EXPERTS,
    "sharded": SHARDED,
    "zero bubble": ZERO_BUBBLE,
    "both ways": BOTH_WAYS,
    "gpipe": GPIPE,
}
