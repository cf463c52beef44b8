"""The cross-entropy between logits and the tokens that came next, as frameworks compute it."""

from __future__ import annotations

from collections.abc import Iterator

from weighbridge.arithmetic import ceil_div, floor_div, where
from weighbridge.kernels import Loss
from weighbridge.nn.ops import MASK
from weighbridge.tape import Axis, Dimension, Tensor, Use, Weight, Work
from weighbridge.units import FP32, INT64


def cross_entropy(logits: Tensor) -> Tensor:
    """The loss of every position by the pass's kernel; what is given where the pass ends with the logits, or
    the head has computed the loss.
    """
    loss = logits.tape.run.kernels.loss
    return logits if loss in (Loss.NONE, *IN_HEAD) else VARIANTS[loss](logits)


def vocabulary_parallel(logits: Tensor) -> Tensor:
    """Every rank holds a share of the vocabulary. Probabilities in fp32 are kept and become the gradient in their own
    memory (Megatron-Core, tensor_parallel/cross_entropy.py, _VocabParallelCrossEntropy).
    """
    tape, rows = logits.tape, logits.axes[:-1]
    probabilities = tape.tensor("probabilities", *logits.axes, dtype=FP32, use=Use.LOGITS)
    outside = tape.tensor("tokens of other ranks", *rows, dtype=MASK, use=Use.LOGITS)
    targets = tape.tensor("targets", *rows, dtype=INT64, use=Use.LOGITS)
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
        yield tape.tensor(name, *rows, dtype=INT64, use=Use.LOGITS)
    if tape.run.kernels.loads_mask:
        yield tape.tensor("attention mask", *rows, Axis("keys", tape.run.positions), dtype=MASK, use=Use.LOGITS)


def in_place(logits: Tensor) -> Tensor:
    """The gradient takes the place of the logits: by one kernel (Transformer Engine, pytorch/cross_entropy.py), or part
    by part.
    """
    tape, rows = logits.tape, logits.axes[:-1]
    loss = tape.tensor("loss", *rows, dtype=FP32, use=Use.LOGITS)
    tape.record("cross-entropy", (logits,), (loss,), (logits,), shares_gradient=(logits,))
    return loss


def eager(logits: Tensor) -> Tensor:
    """PyTorch on a copy in fp32: the logarithms of the probabilities are kept (torch.nn.functional.cross_entropy). On
    shares of the vocabulary its kernels are written out, each step with a result of its own
    (torch/distributed/tensor/parallel/loss.py, _log_softmax_handler, _nll_loss_and_log_softmax_backward). Whoever calls
    the loss refers to the logits until it returns (transformers, loss/loss_utils.py, ForCausalLMLoss). Models of remote
    code may leave logits in 16 bits; those shifted by a position are a copy all the same.
    """
    tape, rows = logits.tape, logits.axes[:-1]
    dtype = logits.dtype if tape.run.kernels.loss is Loss.NARROW else FP32
    steps = ("less the largest", "exponentials") if tape.run.kernels.loss is Loss.SHARED else ()
    beside = tuple(tape.tensor(name, *logits.axes, dtype=FP32, use=Use.LOGITS) for name in steps)
    wide = tape.tensor("logits in fp32", *logits.axes, dtype=dtype, use=Use.LOGITS)
    tape.record("to fp32", (logits,), (wide,))
    logs = tape.tensor("log-probabilities", *logits.axes, dtype=dtype, use=Use.LOGITS)
    given = tape.tensor("logits of the caller", *logits.axes, dtype=logits.dtype, use=Use.LOGITS)
    tape.record("log softmax", (wide,), (logs,), (logs,), scratch=(given, *beside), scratch_backward=beside[:1])
    targets = tape.tensor("targets", *rows, dtype=INT64, use=Use.LOGITS)
    loss = tape.tensor("loss", *rows, dtype=FP32, use=Use.LOGITS)
    weight = tape.tensor("total weight", dtype=FP32, use=Use.LOGITS)
    tape.record("negative log-likelihood", (logs,), (loss, targets, weight), (logs, targets, weight))
    return loss


def compiled(logits: Tensor) -> Tensor:
    """One fused kernel that reads the logits, and one that writes their gradient in their own type (torch/_inductor;
    torchtitan, components/loss.py). Logits are kept, and two numbers per row.
    """
    tape, rows = logits.tape, logits.axes[:-1]
    sums = [tape.tensor(name, *rows, dtype=FP32, use=Use.LOGITS) for name in ("largest", "log-sum-exp")]
    targets = tape.tensor("targets", *rows, dtype=INT64, use=Use.LOGITS)
    loss = tape.tensor("loss", *rows, dtype=FP32, use=Use.LOGITS)
    tape.record("cross-entropy", (logits,), (loss, targets, *sums), (logits, targets, *sums))
    return loss


CHUNKS = 8
"""Parts of the positions whose logits stand at once (torchtitan, components/loss.py, ChunkedLossWrapper)."""


def chunked(x: Tensor, vocabulary: Dimension, weights: tuple[Weight, ...], work: Work) -> Tensor:
    """Head and loss for some of the positions at a time, forward and at once backward: logits, their copy in fp32, the
    logarithms of the probabilities and two gradients stand for one part. Gradients of the head and, in fp32, of the
    hidden states gather until the backward pass (torchtitan, components/loss.py, ChunkedLossWrapper).
    """
    tape, rows = x.tape, x.axes[:-1]
    part = (*rows[:-1], Axis(rows[-1].name, ceil_div(rows[-1].size, CHUNKS)), vocabulary)
    logits = tape.tensor("logits", *part, use=Use.LOGITS)
    wide = [tape.tensor(name, *part, dtype=FP32, use=Use.LOGITS) for name in ("log-probabilities", "a", "b")]
    gradients = [tape.tensor("gradient of the head", *w.axes, use=Use.LOGITS) for w in weights]
    again = [tape.tensor("gradient of the head by one part", *w.axes, use=Use.LOGITS) for w in weights]
    hidden = tape.tensor("gradient of hidden states", *x.axes, dtype=FP32, use=Use.LOGITS)
    loss = tape.tensor("loss", *rows, dtype=FP32, use=Use.LOGITS)
    kept = (hidden, *gradients)
    tape.record("head and loss", (x, *weights), (loss, *kept), kept, work, scratch=(logits, *wide, *again))
    return loss


AT_ONCE = 1 << 32
"""Bytes of fp32 logits that one of Unsloth's parts may have, where half of what is free is more (unsloth_zoo,
fused_losses/cross_entropy_loss.py, _get_chunk_multiplier)."""


def fused_parts(x: Tensor, vocabulary: Dimension, weights: tuple[Weight, ...], work: Work) -> Tensor:
    """Head and loss for some of the positions at a time, forward and at once backward, compiled: the logits of one part
    and their gradient, both in 16 bits. The gradient of the hidden states stands from then on, and that of the head
    where it is trained. One part, or a multiple of four (unsloth_zoo, fused_losses/cross_entropy_loss.py,
    UnslothFusedLoss, get_chunk_size).
    """
    tape, rows = x.tape, x.axes[:-1]
    wide = 4 * x.rows * vocabulary.size
    count = where(floor_div(wide - 1, AT_ONCE), 4 * ceil_div(wide, 4 * AT_ONCE), 1)
    part = (Axis(rows[-1].name, ceil_div(x.rows, count)), vocabulary)
    scratch = [tape.tensor(name, *part, use=Use.LOGITS) for name in ("logits", "gradient of logits")]
    trained = [w for w in weights if w.trained]
    gradients = [tape.tensor("gradient of the head", *w.axes, use=Use.LOGITS) for w in trained]
    scratch += [tape.tensor("gradient of the head by one part", *w.axes, use=Use.LOGITS) for w in trained]
    hidden = tape.tensor("gradient of hidden states", *x.axes, use=Use.LOGITS)
    loss = tape.tensor("loss", *rows, dtype=FP32, use=Use.LOGITS)
    kept = (hidden, *gradients)
    tape.record("head and loss", (x, *weights), (loss, *kept), kept, work, scratch=tuple(scratch))
    return loss


IN_HEAD = {Loss.CHUNKED: chunked, Loss.FUSED_PARTS: fused_parts}
"""What runs together with the head."""


def parts(logits: Tensor) -> Tensor:
    """Some of the positions at a time: the logarithms of the probabilities are kept for all of them, and what is made
    beside them, of one part alone. Gradients take the place of logits part by part. litgpt has 128 positions a part and
    no copy in fp32 (litgpt/utils.py, chunked_cross_entropy), torchtune an eighth of them in fp32
    (modules/loss/cross_entropy_loss.py).
    """
    tape, rows = logits.tape, logits.axes[:-1]
    dtype = FP32 if tape.run.kernels.loss is Loss.WIDE_PARTS else logits.dtype
    part = (*rows[:-1], Axis(rows[-1].name, ceil_div(rows[-1].size, CHUNKS)), logits.axes[-1])
    beside = tuple(tape.tensor(name, *part, dtype=dtype, use=Use.LOGITS) for name in ("of a part", "its gradient"))
    logs = tape.tensor("log-probabilities", *logits.axes, dtype=dtype, use=Use.LOGITS)
    loss = tape.tensor("loss", *rows, dtype=FP32, use=Use.LOGITS)
    kept = (logs,) if dtype is FP32 else (logits, logs)
    shares = () if dtype is FP32 else (logits,)
    made = (loss, logs)
    tape.record(
        "cross-entropy", (logits,), made, kept, scratch=beside[:1], scratch_backward=beside, shares_gradient=shares
    )
    return loss


VARIANTS = {
    Loss.VOCABULARY_PARALLEL: vocabulary_parallel,
    Loss.NATIVE: vocabulary_parallel,
    Loss.IN_PLACE: in_place,
    Loss.EAGER: eager,
    Loss.SHARED: eager,
    Loss.NARROW: eager,
    Loss.COMPILED: compiled,
    Loss.PARTS: parts,
    Loss.WIDE_PARTS: parts,
    Loss.COMPILED_PARTS: in_place,
}
"""By kernel; others are in :data:`IN_HEAD`."""
