"""What a deployment's seconds come to: how fast users and GPUs get tokens, and what a million of them cost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from weighbridge.arithmetic import ratio
from weighbridge.estimate.explainable import Explainable
from weighbridge.estimate.training_cost import SECONDS_PER_HOUR
from weighbridge.traced import Label, named

MILLION = 1e6


@dataclass(frozen=True)
class Rates(Explainable):
    """What users get while so many of them are served.

    Attributes:
        ttft: seconds from a request to its first token.
        tpot: seconds between tokens of a user.
        prompt: tokens of a prompt.
        output: tokens of an answer, on the mean.
        answered: tokens that all users were given in a while.
        seconds: of that while.
        gpus: that serve.
        replicas: of attention, each of which serves sequences of its own.
        sequences: of one replica at once.
        tokens_per_pass: that a sequence is given by one pass.
        prefill_seconds: of the pass of one prompt.
        decode_seconds: of the pass of one token of every sequence.
        price_per_gpu_hour: dollars; ``None`` leaves dollars out.
    """

    figures: ClassVar[tuple[str, ...]] = (
        "end_to_end_seconds",
        "inter_token_seconds",
        "tokens_per_second",
        "tokens_per_second_per_gpu",
        "tokens_per_second_per_user",
        "dollars_per_million_input",
        "dollars_per_million_output",
    )

    ttft: float
    tpot: float
    prompt: int
    output: int
    answered: float
    seconds: float
    gpus: int
    replicas: int
    sequences: int
    tokens_per_pass: float
    prefill_seconds: float
    decode_seconds: float
    price_per_gpu_hour: float | None

    @property
    def end_to_end_seconds(self) -> float:
        """Seconds from a request to its last token."""
        return named(self.ttft + (self.output - 1) * self.tpot, Label("end_to_end_seconds", "seconds"))

    @property
    def inter_token_seconds(self) -> float:
        """Seconds from one token of a user to the next where no prompt of others comes in between; a pass is timed over
        all layers, through which it goes stage after stage.
        """
        label = Label("inter_token_seconds", "seconds", "where no prompt of others comes between")
        return named(ratio(self.decode_seconds, self.tokens_per_pass), label)

    @property
    def tokens_per_second(self) -> float:
        """Tokens that all users are given in a second."""
        label = Label("tokens_per_second", "tokens/s", "of answers, to all users together")
        return named(ratio(self.answered, self.seconds), label)

    @property
    def tokens_per_second_per_gpu(self) -> float:
        """Tokens per second and GPU."""
        return named(ratio(self.tokens_per_second, self.gpus), Label("tokens_per_second_per_gpu", "tokens/s"))

    @property
    def tokens_per_second_per_user(self) -> float:
        """Tokens per second of one user, once the first has come."""
        label = Label("tokens_per_second_per_user", "tokens/s", "once the first has come")
        return named(ratio(1, self.tpot), label)

    @property
    def dollars_per_second(self) -> float | None:
        """Of all GPUs; ``None`` where nobody says a price."""
        if self.price_per_gpu_hour is None:
            return None
        label = Label("dollars_per_second", "dollars/s")
        return named(ratio(self.price_per_gpu_hour * self.gpus, SECONDS_PER_HOUR), label)

    @property
    def dollars_per_million_input(self) -> float | None:
        """Dollars of the GPU time that a million tokens of prompts take by themselves."""
        each = self.dollars_per_second
        if each is None:
            return None
        label = Label("dollars_per_million_input", "dollars", "of the GPU time that prompts take by themselves")
        return named(ratio(MILLION * each * self.prefill_seconds, self.prompt * self.replicas), label)

    @property
    def dollars_per_million_output(self) -> float | None:
        """Dollars of the GPU time that a million tokens of answers take by themselves."""
        each = self.dollars_per_second
        if each is None:
            return None
        made = self.sequences * self.replicas * self.tokens_per_pass
        label = Label("dollars_per_million_output", "dollars", "of the GPU time that answers take by themselves")
        return named(ratio(MILLION * each * self.decode_seconds, made), label)
