"""The cross-entropy between logits and the tokens that came next, as frameworks compute it."""

from __future__ import annotations

from collections.abc import Iterator

from weighbridge.kernels import Loss
from weighbridge.tape import Axis, Tensor, Use
from weighbridge.units import DATA_TYPES

FP32, FLAGS, TOKENS = DATA_TYPES["fp32"], DATA_TYPES["int8"], DATA_TYPES["int64"]


def cross_entropy(logits: Tensor) -> Tensor:
    """The loss of every position by the pass's kernel; the logits themselves where the pass ends with them."""
    loss = logits.tape.run.kernels.loss
    return logits if loss is Loss.NONE else VARIANTS[loss](logits)


def vocabulary_parallel(logits: Tensor) -> Tensor:
    """Every rank holds a share of the vocabulary. Probabilities in fp32 are kept and become the gradient in their own
    memory (Megatron-Core, tensor_parallel/cross_entropy.py, _VocabParallelCrossEntropy).
    """
    tape, rows = logits.tape, logits.axes[:-1]
    probabilities = tape.tensor("probabilities", *logits.axes, dtype=FP32, use=Use.LOGITS)
    outside = tape.tensor("tokens of other ranks", *rows, dtype=FLAGS, use=Use.LOGITS)
    targets = tape.tensor("targets", *rows, dtype=TOKENS, use=Use.LOGITS)
    loss = tape.tensor("loss", *rows, dtype=FP32, use=Use.LOGITS)
    kept = (probabilities, outside, targets)
    beside = (tape.tensor("gradient in fp32", *logits.axes, dtype=FP32, use=Use.LOGITS),)
    native = tape.run.kernels.loss is Loss.NATIVE
    scratch = tuple(batch(logits))
    tape.record(
        "cross-entropy", (logits,), (loss, *kept), kept, scratch=scratch, scratch_backward=beside if native else ()
    )
    return loss


def batch(logits: Tensor) -> Iterator[Tensor]:
    """What Megatron-LM's data loader brings besides the targets (megatron/core/datasets/gpt_dataset.py, __getitem__):
    tokens, labels, positions and the loss mask, and a byte per query and key for the attention mask.
    """
    tape, rows = logits.tape, logits.axes[:-1]
    for name in ("tokens", "labels", "positions", "loss mask"):
        yield tape.tensor(name, *rows, dtype=TOKENS, use=Use.LOGITS)
    if tape.run.kernels.loads_mask:
        yield tape.tensor("attention mask", *rows, Axis("keys", tape.run.positions), dtype=FLAGS, use=Use.LOGITS)


def in_place(logits: Tensor) -> Tensor:
    """One kernel that writes the gradient over the logits (Transformer Engine, pytorch/cross_entropy.py)."""
    tape, rows = logits.tape, logits.axes[:-1]
    loss = tape.tensor("loss", *rows, dtype=FP32, use=Use.LOGITS)
    tape.record("cross-entropy", (logits,), (loss,), (logits,), shares_gradient=(logits,))
    return loss


def eager(logits: Tensor) -> Tensor:
    """PyTorch on a copy in fp32: the logarithms of the probabilities are kept (torch.nn.functional.cross_entropy)."""
    tape, rows = logits.tape, logits.axes[:-1]
    wide = tape.tensor("logits in fp32", *logits.axes, dtype=FP32, use=Use.LOGITS)
    tape.record("to fp32", (logits,), (wide,))
    logs = tape.tensor("log-probabilities", *logits.axes, dtype=FP32, use=Use.LOGITS)
    tape.record("log softmax", (wide,), (logs,), (logs,))
    targets = tape.tensor("targets", *rows, dtype=TOKENS, use=Use.LOGITS)
    loss = tape.tensor("loss", *rows, dtype=FP32, use=Use.LOGITS)
    weight = tape.tensor("total weight", dtype=FP32, use=Use.LOGITS)
    tape.record("negative log-likelihood", (logs,), (loss, targets, weight), (logs, targets, weight))
    return loss


VARIANTS = {
    Loss.VOCABULARY_PARALLEL: vocabulary_parallel,
    Loss.NATIVE: vocabulary_parallel,
    Loss.IN_PLACE: in_place,
    Loss.EAGER: eager,
}
