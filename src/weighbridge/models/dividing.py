"""Equal layers told apart: where fine-tuning treats some of them differently, each sort is a run of its own."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable
from dataclasses import replace

from weighbridge.errors import InputError
from weighbridge.models.sites import Placed, placed
from weighbridge.nn import CausalLM, Repeat
from weighbridge.nn.grafting import grafted
from weighbridge.traced import plain, same_kind

LAYER = re.compile(r"layers\.([0-9]+)\.")


def divided(network: CausalLM, sort: Callable[[Placed], Hashable], awake: bool) -> CausalLM:
    """A network whose runs of layers are of one sort each.

    Where no gradient comes to the first layer's input, the first layer in which anything is trained stands by itself:
    what it keeps is less than what equal layers after it keep. Layers before it keep nothing.

    Args:
        network: the modules.
        sort: what of a weight tells layers apart.
        awake: a gradient comes to the first layer's input.

    Raises:
        InputError: where layers share modules in a way of their own and are to be treated differently.
    """
    sorts = _sorts(network, sort)
    first = min((place for place, found in sorts.items() if _trains(found)), default=0)

    def group(place: int) -> tuple[int, Hashable]:
        return (0 if awake else (place > first) - (place < first)), sorts.get(place, ())

    if type(network) is not CausalLM:
        if len({found for found in sorts.values() if len(found) == len(sorts[first])}) > 1:
            raise InputError("fine-tuning: layers of this model share modules; treat all of them in the same way")
        return network
    runs: list[tuple[int, Repeat]] = []
    for run in network.layers:
        places = run.places if run.places is not None else tuple(range(int(plain(run.count))))
        groups: dict[Hashable, list[int]] = {}
        for place in places:
            groups.setdefault(group(place), []).append(place)
        for number, own in enumerate(groups.values()):
            order = 0 if awake else (own[0] > first) - (own[0] < first)
            runs.append((order, run if len(groups) == 1 else _part(run, own, number)))
    if len(runs) == len(network.layers) and [order for order, _ in runs] == sorted(order for order, _ in runs):
        return network
    ordered = tuple(run for _, run in sorted(runs, key=lambda found: found[0]))
    return replace(network, layers=ordered)


def _part(run: Repeat, places: list[int], number: int) -> Repeat:
    """Some layers of a run, with modules of their own."""
    name = run.name if not number else f"further_{run.name}" if number == 1 else f"further_{run.name}_{number}"
    module = grafted(run.module, lambda _, copy: copy, lambda weight: replace(weight)) if number else run.module
    count = same_kind(len(places), f"num_{name}", run.count)
    return Repeat(module, count, run.active, run.together, tuple(places), name)


def _sorts(network: CausalLM, sort: Callable[[Placed], Hashable]) -> dict[int, tuple[Hashable, ...]]:
    """The sort of every layer, by its place."""
    found: dict[int, list[Hashable]] = {}
    for one in placed(network.node(), by_layer=True):
        match = LAYER.match(one.site.names[0])
        if match and not one.apart:
            found.setdefault(int(match[1]), []).append(sort(one))
    return {place: tuple(own) for place, own in found.items()}


def _trains(found: tuple[Hashable, ...]) -> bool:
    """Whether anything in a layer is trained: weights or adapters."""
    return any(any(one) for one in found if isinstance(one, tuple))
