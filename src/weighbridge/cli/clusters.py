"""``weighbridge clusters [WORDS]``."""

from __future__ import annotations

import click

from weighbridge.cli.options import json_option, print_document, print_json
from weighbridge.errors import InputError, did_you_mean, given
from weighbridge.formats.cluster import is_path, load_cluster
from weighbridge.hardware import catalogue
from weighbridge.hardware.cluster import SPELLING, Cluster


@click.command("clusters")
@click.argument("words", nargs=-1)
@json_option
def command(words: tuple[str, ...], as_json: bool) -> None:
    """The catalogue of devices; with the name of one, every figure with its source.

    WORDS may be a device (h100), a cluster (64xH200, 2x8xH100, a TOML file), or words that must all occur in names,
    vendor, kind or architecture (amd, blackwell, tpu).
    """
    text = " ".join(words).strip()
    named = None if catalogue.find(text) else _cluster(text)
    found = catalogue.search(text) if named is None else (_entry(named),)
    exact = catalogue.find(text)
    if exact is not None:
        found = tuple(entry for entry in catalogue.entries() if entry.device == exact)
    if not found:
        known = [*catalogue.names(), *(alias for entry in catalogue.entries() for alias in entry.aliases)]
        near = did_you_mean(catalogue.key(text[: catalogue.LONGEST]), known)
        raise InputError(f"WORDS: no device or cluster matches {given(text)}{near}")
    from weighbridge.report import hardware, schema

    if as_json:
        print_json(schema.clusters(found, named))
    elif named is not None:
        print_document(hardware.cluster(named), "text")
    elif exact is not None:
        print_document(hardware.device(exact, found[0].aliases), "text")
    else:
        print_document(hardware.catalogue(found, text), "text")


def _cluster(text: str) -> Cluster | None:
    """The cluster of a file or of a spelling with a count; ``None`` for anything else."""
    if is_path(text):
        return load_cluster(text)
    match = SPELLING.fullmatch(text) if len(text) <= catalogue.LONGEST else None
    return load_cluster(text) if match and match[1] else None


def _entry(named: Cluster) -> catalogue.Entry:
    """A cluster's device, with what a file gave anew, as an entry."""
    aliases = next(entry.aliases for entry in catalogue.entries() if entry.device.name == named.device.name)
    return catalogue.Entry(named.device, aliases)
