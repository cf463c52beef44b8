"""Floating-point operations of text generation: a prompt at once, then token by token with a cache."""

from __future__ import annotations

from dataclasses import dataclass

from weighbridge.arithmetic import Count
from weighbridge.estimate.compute import EXACT, FlopReport, check_convention, check_count, check_length, forward_pass
from weighbridge.estimate.parameters import as_model
from weighbridge.estimate.shown import Shown
from weighbridge.models import Model
from weighbridge.nn import Module
from weighbridge.tape import Phase


@dataclass(frozen=True)
class Generation(Shown):
    """A prompt and the tokens generated after it.

    Attributes:
        prefill: the pass over the prompt.
        decode: all passes of one token each; their work is summed in closed form.
        prompt: tokens of the prompt.
        tokens: tokens generated.
    """

    prefill: FlopReport
    decode: FlopReport
    prompt: Count
    tokens: Count


def generate(
    model: Model | Module | str,
    prompt: Count,
    tokens: Count,
    batch: Count = 1,
    causal: bool = True,
    convention: str = EXACT,
) -> Generation:
    """Count a prompt and the generation of ``tokens`` after it.

    Args:
        model: a loaded model, a network of modules, or any name or path that :func:`weighbridge.load` takes.
        prompt: tokens of each prompt.
        tokens: tokens generated after each.
        batch: prompts side by side.
        causal: leave out the query-key pairs of the prompt that the mask hides.
        convention: "exact", "torch" or "megatron".

    Raises:
        InputError: for more tokens than learned positions, counts below 1, or another convention.
    """
    loaded = as_model(model)
    for name, value in (("prompt", prompt), ("tokens", tokens), ("batch", batch)):
        check_count(name, value)
    check_convention(convention)
    check_length(loaded, prompt + tokens)
    before = forward_pass(prompt, batch, causal, Phase.PREFILL)
    after = forward_pass(tokens, batch, causal, Phase.DECODE, past=prompt)
    return Generation(FlopReport(loaded, before, convention), FlopReport(loaded, after, convention), prompt, tokens)
