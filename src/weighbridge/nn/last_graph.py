"""What of one micro-batch stands until the forward pass of the next has ended."""

from __future__ import annotations

from dataclasses import replace

from weighbridge.arithmetic import Count
from weighbridge.tape import Axis, Operation, Tape, Tensor, Use, Weight


def last_graph(logits: Tensor) -> None:
    """A program whose name for the logits is bound anew only when the model returns refers to those of the micro-batch
    before until then, and with them to its graph (litgpt/finetune/lora.py, fit: ``logits = model(...)``). Of a graph
    whose backward pass is done PyTorch has freed what was saved; what functions hold as attributes it has not, as
    bitsandbytes' do their inputs (before 0.44, autograd/_functions.py, MatMul4Bit: ``ctx.tensors``).
    """
    tape = logits.tape
    before = [tape.tensor("logits of the micro-batch before", *logits.axes, dtype=logits.dtype, use=Use.LOGITS)]
    held: dict[int, Tensor] = {}
    for place, operation in enumerate(tape.operations):
        if _packed(operation):
            given = operation.reads[0]
            assert isinstance(given, Tensor)
            axes = (Axis("layers", _times(tape, place)), *given.axes)
            held.setdefault(id(given.storage), tape.tensor("input of the micro-batch before", *axes, dtype=given.dtype))
    head = tape.operations[-1]  # whose multiply is the last that runs before the name is bound anew
    tape.operations[-1] = replace(head, scratch=(*head.scratch, *before, *held.values()))


def _packed(operation: Operation) -> bool:
    """Whether it multiplies by packed weights what a gradient goes to."""
    weights = (read for read in operation.reads if isinstance(read, Weight))
    return operation.name == "matmul" and not operation.frozen and any(w.packed is not None for w in weights)


def _times(tape: Tape, place: int) -> Count:
    times: Count = 1
    for span in tape.spans:
        times = times * span.count if span.start <= place < span.end else times
    return times
