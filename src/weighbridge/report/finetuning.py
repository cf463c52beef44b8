"""What the report of a training step says of fine-tuning."""

from __future__ import annotations

from weighbridge.estimate.finetuning import MOST, FineTuning
from weighbridge.estimate.training import Training
from weighbridge.estimate.training_cost import SECONDS_PER_HOUR
from weighbridge.traced import plain
from weighbridge.units import percent


def tuned(training: Training) -> FineTuning | None:
    """The step as one of a fine-tuning; ``None`` where everything is trained and no data set is given."""
    asked = training.model.tuning or training.reference or training.epoch
    return FineTuning(training) if asked else None


def facts(training: Training) -> tuple[tuple[str, ...], ...]:
    """What is trained, the longest sequence that fits, how long an epoch is; nothing where it is no fine-tuning."""
    found = tuned(training)
    if found is None:
        return ()
    share = percent(found.trained, found.parameters)
    told = f"trained  {found.trained:,} of {found.parameters:,} parameters ({share})"
    longest = found.longest
    fits = ""
    if longest is not None:
        micro = training.plan.micro_batch
        words = f"longest sequence that fits: {'at least ' if longest >= MOST else ''}{longest:,} tokens"
        fits = f"{words} (micro-batch of {micro:,})" if longest else "no sequence fits"
    return ((told, fits), *_epoch(found))


def _epoch(found: FineTuning) -> tuple[tuple[str, ...], ...]:
    """How long one pass over the data set is."""
    epoch = found.epoch
    if epoch is None or found.steps is None:
        return ()
    padding = epoch.padding(int(plain(found.training.plan.micro_batch)))
    held = f"{epoch.sequences:,} sequences, {epoch.laid.value}: {100 * padding:.1f} % padding"
    words = f"epoch  {epoch.samples:,} samples, {epoch.tokens:,} tokens in {held}"
    spent = f"{found.steps:,} steps"
    if found.seconds is not None:
        spent += f", {found.seconds / SECONDS_PER_HOUR:,.2f} hours"
    if found.dollars is not None:
        spent += f", {found.dollars:,.2f} dollars"
    cut = f"       {epoch.cut:,} samples are cut off at {epoch.sequence:,} tokens"
    return ((words,), (f"       {spent}",), *(((cut,),) if epoch.cut else ()))
