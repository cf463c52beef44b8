"""What transformers' models keep for the backward pass, as PyTorch's saved-tensor hooks see it, and what weighbridge
says: how many storages of so many bytes, weights' own left out.
"""

from __future__ import annotations

import gc
import inspect
import weakref
from collections import Counter
from typing import Any

from tests.oracle.small import from_config, torch, transformers
from weighbridge.estimate.memory.activations import in_common
from weighbridge.estimate.training import train
from weighbridge.formats.loading import from_raw
from weighbridge.nn.norm import LayerNorm
from weighbridge.parallel.plan import Plan
from weighbridge.parallel.recompute import Method, Recompute
from weighbridge.traced import plain


class Held:
    """A tensor that a node of the graph holds, for as long as the node is there.

    Attributes:
        tensor: the tensor.
        run: which of the experts' modules ran, and for how many tokens and choices, where they run one by one.
    """

    def __init__(self, tensor: Any, run: tuple[int, int] | None = None) -> None:
        self.tensor, self.run = tensor.detach(), run

    @property
    def bytes(self) -> int:
        """Bytes of its storage."""
        return int(self.tensor.untyped_storage().nbytes())


class Loops:
    """Which experts of a model run just now, where its code has a loop over them.

    Attributes:
        running: the place of their module, and how many tokens times choices it was given.
    """

    def __init__(self, model: Any) -> None:
        self.running: tuple[int, int] | None = None
        if model._can_set_experts_implementation():
            return
        for place, module in enumerate(filter(chosen_experts, model.modules())):
            module.register_forward_pre_hook(lambda _, given, place=place: self.enter(place, given[1].numel()))
            module.register_forward_hook(lambda *_: self.leave())

    def enter(self, place: int, choices: int) -> None:
        self.running = (place, choices)

    def leave(self) -> None:
        self.running = None


def chosen_experts(module: Any) -> bool:
    """Whether it is given the choices of tokens besides them: not where all experts multiply at once (Llama 4)."""
    return type(module).__name__.endswith("Experts") and len(inspect.signature(module.forward).parameters) > 1


def sizes(storages: list[Held]) -> Counter[int]:
    """How many storages of so many bytes. How many rows each expert is given is up to the router, but every token's
    choice is one: what the experts of a loop keep with so many bytes a row is one tensor, or several, with all rows.
    """
    found: Counter[int] = Counter(held.bytes for held in storages if held.run is None)
    rows: Counter[tuple[int, int, int]] = Counter()
    for held in storages:
        if held.run is not None and held.bytes:
            own = held.tensor.shape[0]
            rows[*held.run, held.bytes // own] += own
    for (_, choices, bytes_each), number in rows.items():
        whole, left = divmod(number, choices)
        found[bytes_each * choices] += whole
        found[bytes_each * left] += 1 if left else 0
    return +found


def kept_by_transformers(
    kind: str, fields: dict[str, Any], attention: str, batch: int, sequence: int, again: bool = False
) -> Counter[int]:
    """How many tensors of so many bytes transformers keeps in bf16, every storage once."""
    torch.manual_seed(0)
    config = transformers.AutoConfig.for_model(kind, **fields)
    for section in (config, config.get_text_config()):
        for name, value in vars(section).items():
            if "drop" in name and isinstance(value, float):
                setattr(section, name, 0.0)
    model = from_config(kind, config, attn_implementation=attention, dtype=torch.bfloat16).to(torch.bfloat16)
    model.train()
    if again:
        model.gradient_checkpointing_enable({"use_reentrant": False})
    held: weakref.WeakSet[Held] = weakref.WeakSet()
    loops = Loops(model)

    def pack(tensor: Any) -> Held:
        made = Held(tensor, loops.running)
        held.add(made)
        return made

    tokens = torch.randint(0, config.get_text_config().vocab_size, (batch, sequence))
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda made: made.tensor):
        loss = model(input_ids=tokens, labels=tokens, use_cache=False).loss
    assert loss.requires_grad
    gc.collect()
    own = {weight.untyped_storage().data_ptr() for weight in (*model.parameters(), *model.buffers())}
    storages = {made.tensor.untyped_storage().data_ptr(): made for made in held}
    return sizes([made for place, made in storages.items() if place not in own])


def kept_by_weighbridge(
    kind: str, fields: dict[str, Any], attention: str, batch: int, sequence: int, again: bool = False
) -> Counter[int]:
    """The same as weighbridge has it. PyTorch's layer normalisation keeps statistics in the type of its input on CPUs,
    in fp32 on GPUs (aten/src/ATen/native/layer_norm.cpp, cuda/layer_norm_kernel.cu). Prediction layers are none of
    transformers' models.
    """
    recompute = Recompute(method=Method.UNIFORM) if again else Recompute()
    sizes = {"micro_batch": batch, "sequence": sequence}
    plan = Plan.under(f"hf-{attention}", **sizes, recompute=recompute, prediction=False)
    training = train(from_raw(kind, {"model_type": kind, **fields}, {}, "draw"), plan)
    found: Counter[int] = Counter()
    for run in training.stages[0].runs[0]:
        for tensor, times in run.weighed.replay.kept:
            halved = 2 if tensor.name in LayerNorm.statistics else 1
            found[int(plain(training.size(tensor))) // halved] += int(plain(times)) * run.count
    for tensor in in_common(training.stages[0].runs[0]):
        found[int(plain(training.size(tensor)))] += 1
    del found[0]  # of what a size makes empty
    return found


def unlike(mine: Counter[int], theirs: Counter[int]) -> dict[int, tuple[int, int]]:
    """Sizes of which there are not as many: in weighbridge, in transformers."""
    return {size: (mine[size], theirs[size]) for size in sorted(mine | theirs) if mine[size] != theirs[size]}


def total(found: Counter[int]) -> int:
    """Bytes of all storages."""
    return sum(size * number for size, number in found.items())
