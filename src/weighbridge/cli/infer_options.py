"""Options that say how a model is served."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from weighbridge.cli.options import F, Share, Whole, count_option, price_option, suggesting
from weighbridge.errors import InputError, did_you_mean, given
from weighbridge.estimate.inference.deployment import WAYS
from weighbridge.estimate.inference.supported import HALVES
from weighbridge.formats.amounts import PRICE, amount
from weighbridge.formats.gguf.recipes import RECIPES
from weighbridge.parallel.degrees import SERVING
from weighbridge.parallel.engine import CACHES, ENGINES, SERVERS, Engine
from weighbridge.units import data_type

CALLED = {
    **{field: f"--{name}" for name, field in SERVING.items()},
    "gpus": "--tp, --pp, --dp",
    "engine": "--engine",
    "compute": "--dtype",
    "cache": "--kv",
    "prompt": "--prompt",
    "output": "--output",
    "prompt + output": "--prompt + --output",
    "batch": "--batch",
    "memory_share": "--memory-share",
    "chunk": "--chunk",
    "cached_prompt": "--cached-prompt",
    "shortest": "--shortest",
    "drafted": "--draft",
    "accepted": "--accept",
    "quantisation": "--quant",
    "price": "--price",
}
"""What problems of a deployment call its fields on the command line."""


def cache_option(function: F) -> F:
    """``--kv``."""
    return suggesting("--kv", CACHES, metavar="TYPE", help="Of keys and values: bf16, fp8, int8, int4 ...; bf16.")(
        function
    )


def engine_option(function: F) -> F:
    """``--engine``."""
    first, *_, last = SERVERS
    names = f"{', '.join(SERVERS[:-1])} or {last}; {first}."
    return suggesting("--engine", SERVERS, metavar="ENGINE", help=names)(function)


def serving_options(function: F) -> F:
    """Every option of a deployment, in the order in which help lists them."""
    options: list[Any] = [
        count_option("--tp", None, "Tensor parallel size; by default all GPUs of a server, as heads divide."),
        count_option("--pp", None, "Pipeline parallel size."),
        count_option("--dp", None, "Replicas of attention, which share the experts; of dense models, whole replicas."),
        count_option("--ep", None, "Expert parallel size, of the tp x dp ranks."),
        count_option("--prompt", None, "Tokens of a prompt; 1024."),
        count_option("--output", None, "Tokens of an answer; 256."),
        count_option("--batch", None, "Sequences at once, on all GPUs together; as many as fit by default."),
        suggesting(
            "--quant",
            (*WAYS, *(name for name in RECIPES if name.lower() not in WAYS)),
            metavar="FORMAT",
            help="Of weights: auto, published, bf16, fp8-block, awq, nvfp4 ...",
        ),
        suggesting(
            "--dtype", HALVES, metavar="TYPE", help="Of activations: bf16, fp16; fp16 where a device has that alone."
        ),
        cache_option,
        engine_option,
        click.option("--memory-share", type=Share(0.01, 1), metavar="SHARE", help="Of a GPU, for the engine."),
        click.option("--chunk", type=Whole(1, 1 << 24), help="Tokens of prompts in a pass; the engine's own."),
        click.option("--cached-prompt", type=Share(0, 0.999), metavar="SHARE", help="Of prompts, in the prefix cache."),
        click.option(
            "--shortest", type=Share(0.01, 1), metavar="SHARE", help="Lengths lie evenly from that share on; 1."
        ),
        click.option("--draft", type=Whole(1, 64), help="Tokens drafted for each that is made (MTP, a draft model)."),
        click.option("--accept", type=Share(0, 64), metavar="TOKENS", help="Drafted ones that are right on the mean."),
        price_option,
    ]
    for option in reversed(options):
        function = option(function)
    return function


FIELDS = {
    **SERVING,
    "memory_share": "memory_share",
    "chunk": "chunk",
    "cached_prompt": "cached_prompt",
    "shortest": "shortest",
    "draft": "drafted",
    "accept": "accepted",
}
"""The field of a deployment that each option sets."""


def asked(options: dict[str, Any]) -> dict[str, Any]:
    """The fields of a deployment that options say, taken out of all of them.

    Raises:
        InputError: for an engine, a data type or a price that cannot be.
    """
    found = {field: value for name, field in FIELDS.items() if (value := options.pop(name)) is not None}
    for name in ("prompt", "output", "batch"):
        found[name] = options.pop(name)
    found["quantisation"] = options.pop("quant") or "auto"
    if (runs_in := options.pop("dtype", None)) is not None:
        found["compute"] = data_type(runs_in, "compute")
    kept, runs, price = options.pop("kv"), options.pop("engine"), options.pop("price")
    if kept is not None:
        found["cache"] = data_type(kept, "cache")
    if runs is not None:
        found["engine"] = _serving(runs)
    if price is not None:
        found["price"] = amount(price, "price", *PRICE)
    return found


def _serving(name: str) -> Engine:
    """The engine of a name, of those that serve many users.

    Raises:
        InputError: for another, with the nearest.
    """
    found = ENGINES.get(name)
    if found is not None and name in SERVERS:
        return found
    own = f"; {found.title} runs models for one user: weighbridge local" if found else did_you_mean(name, SERVERS)
    raise InputError(f"engine: got {given(name)}; allowed: {', '.join(SERVERS)}{own}")


def in_options(error: InputError) -> InputError:
    """An error about fields of a deployment, by the names of the options that set them."""
    return renamed(error, CALLED)


def renamed(error: InputError, called: Mapping[str, str]) -> InputError:
    """An error about fields, by what the command line calls them."""
    if error.parts:
        return InputError.of((called.get(field, field), what) for field, what in error.parts)
    field, colon, rest = str(error).partition(": ")
    return InputError(f"{called[field]}{colon}{rest}") if colon and field in called else error
