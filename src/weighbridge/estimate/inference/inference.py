"""Serving a model: what a rank holds, how long tokens take, how many users there may be, what it costs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from weighbridge.arithmetic import Count
from weighbridge.errors import InputError, given
from weighbridge.estimate.inference.memory import ServingMemory
from weighbridge.estimate.inference.passes import forward, prompts, token
from weighbridge.estimate.inference.queueing import Waits
from weighbridge.estimate.inference.rates import Rates
from weighbridge.estimate.inference.timing import PassTime
from weighbridge.estimate.inference.users import waits
from weighbridge.estimate.inference.weights import RankWeights
from weighbridge.estimate.parameters import as_model
from weighbridge.formats.cluster import load_cluster
from weighbridge.formats.quantization import named_storage
from weighbridge.hardware.cluster import Cluster
from weighbridge.models import Model
from weighbridge.models.storage import Storage
from weighbridge.nn import Module
from weighbridge.parallel.serving import Serving
from weighbridge.tape import Pass
from weighbridge.units import DataType, data_type


@dataclass(frozen=True, eq=False)
class Inference:
    """A deployment under its load.

    Attributes:
        model: what is served.
        serving: how, and what users ask.
        cluster: on what; ``None`` leaves out what the device decides.
        storage: how weights are packed; ``None`` for all in one data type.
        dtype: data type of weights that are not packed.
        price: dollars per GPU and hour; ``None`` for the catalogue's.
    """

    model: Model
    serving: Serving
    cluster: Cluster | None
    storage: Storage | None
    dtype: DataType
    price: float | None = None

    @cached_property
    def weights(self) -> RankWeights:
        """A rank's weights as they are stored."""
        return RankWeights(self.model, self.serving, self.storage, self.dtype)

    @cached_property
    def memory(self) -> ServingMemory:
        """What the fullest rank holds."""
        return ServingMemory(self.model, self.serving, self.weights, self.cluster)

    def decoding(self, sequences: Count | None = None, past: Count | None = None) -> PassTime:
        """One token of every sequence of a rank, halfway through the output unless said."""
        sequences = self.serving.sequences if sequences is None else sequences
        past = self.serving.mean_prompt + self.serving.mean_output // 2 if past is None else past
        return self._timing(token(sequences, past, 1 + self.serving.drafted))

    def prefilling(self, sequences: Count = 1, tokens: Count | None = None) -> PassTime:
        """Prompts of so many sequences, less what the prefix cache has of them; or ``tokens`` of each."""
        serving = self.serving
        found = int(serving.mean_prompt * serving.cached_prompt)
        length = serving.mean_prompt - found if tokens is None else tokens
        return self._timing(prompts(serving, sequences, length, past=found))

    def _timing(self, run: Pass) -> PassTime:
        """A pass, timed once however often it is asked for."""
        cluster = self._timed
        if run not in self._passes:
            on_ranks = forward(self.model, self.serving, run, cluster)
            self._passes[run] = PassTime(on_ranks, self.serving, self.weights, cluster)
        return self._passes[run]

    @cached_property
    def _passes(self) -> dict[Pass, PassTime]:
        return {}

    @property
    def _timed(self) -> Cluster:
        if self.cluster is None:
            raise InputError("cluster: missing; time needs one, such as --cluster 8xH100")
        return self.cluster

    @cached_property
    def decode(self) -> PassTime:
        """One token of every sequence."""
        return self.decoding()

    @cached_property
    def prefill(self) -> PassTime:
        """One prompt alone."""
        return self.prefilling()

    @cached_property
    def waits(self) -> Waits:
        """What users see while ``batch`` of them are served."""
        return waits(self)

    @cached_property
    def tpot(self) -> float:
        """Seconds between tokens of a user while ``batch`` users are served: passes of one token each, and the prompts
        of others that come in between.
        """
        return self.waits.tpot

    @cached_property
    def ttft_alone(self) -> float:
        """Seconds until the first token of a prompt that nothing waits beside."""
        return self.prefill.seconds

    @cached_property
    def ttft(self) -> float:
        """Seconds until the first token while ``batch`` users are served: the pass that runs must end, prompts that
        came before are run, then the prompt itself.
        """
        return self.waits.ttft

    @cached_property
    def rates(self) -> Rates:
        """What these seconds come to."""
        serving = self.serving
        return Rates(
            ttft=self.ttft,
            tpot=self.tpot,
            prompt=int(serving.prompt),
            output=int(serving.mean_output),
            answered=self.waits.made,
            seconds=self.waits.seconds,
            gpus=int(serving.gpus),
            replicas=int(serving.data),
            sequences=int(serving.sequences),
            tokens_per_pass=serving.tokens_per_pass,
            prefill_seconds=self.prefill.seconds,
            decode_seconds=self.decode.seconds,
            price_per_gpu_hour=self.hourly,
        )

    @property
    def end_to_end(self) -> float:
        """Seconds from a request to its last token."""
        return self.rates.end_to_end_seconds

    @property
    def inter_token(self) -> float:
        """Seconds from one token of a user to the next where no prompt of others comes in between."""
        return self.rates.inter_token_seconds

    @property
    def output_per_second(self) -> float:
        """Tokens that all users are given in a second."""
        return self.rates.tokens_per_second

    @property
    def per_gpu(self) -> float:
        """Tokens per second and GPU."""
        return self.rates.tokens_per_second_per_gpu

    @property
    def per_user(self) -> float:
        """Tokens per second of one user, once the first has come."""
        return self.rates.tokens_per_second_per_user

    @property
    def per_user_in_all(self) -> float:
        """Tokens per second of one user from a request to its end, the first token's wait included."""
        return self.serving.mean_output / self.end_to_end

    @property
    def hourly(self) -> float | None:
        """Dollars for an hour of one GPU; ``None`` where nobody says."""
        return self.price if self.price is not None else self._timed.device.price_per_hour

    @property
    def cost_per_million(self) -> dict[str, float] | None:
        """Dollars per million tokens, "input" and "output": GPU time that prompts and tokens take, each by itself."""
        asked, made = self.rates.dollars_per_million_input, self.rates.dollars_per_million_output
        return None if asked is None or made is None else {"input": asked, "output": made}


def infer(
    model: Model | Module | str,
    serving: Serving | None = None,
    cluster: Cluster | str | None = None,
    quantisation: str | None = None,
    price: float | None = None,
    **fields: Any,
) -> Inference:
    """Weigh a deployment.

    Args:
        model: a loaded model, a network of modules, or any name or path that :func:`weighbridge.load` takes.
        serving: how it is served; of its defaults with ``fields`` if ``None``.
        cluster: what it runs on: ``8xH200``, a TOML file, or a cluster; ``None`` leaves out what the device decides.
        quantisation: how weights are stored: a data type, or a format of
            :data:`weighbridge.formats.quantization.NAMED`; as the checkpoint says if ``None``.
        price: dollars per GPU and hour; the catalogue's if ``None``.
        fields: fields of :class:`weighbridge.parallel.serving.Serving`.

    Raises:
        InputError: with everything that is wrong in one line.
    """
    machines = load_cluster(cluster) if isinstance(cluster, str) else cluster
    loaded = as_model(model)
    chosen = replace(serving or Serving(), **fields)
    found = list(dict.fromkeys(chosen.problems(loaded.tree, machines.gpus if machines else None)))
    if price is not None and not price > 0:
        found.append(("price", f"got {given(price)}; allowed is more than 0"))
    if found:
        raise InputError.of(found)
    configured = getattr(loaded.config, "dtype", None) or "bf16"
    storage, dtype = loaded.storage, data_type(configured)
    if quantisation is not None:
        storage, dtype = named_storage(quantisation, dtype)
    return Inference(loaded, chosen, machines, storage, dtype, price)
