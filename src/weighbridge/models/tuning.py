"""Fine-tuning: which weights of a model are trained, where adapters stand, and how frozen weights are stored."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from weighbridge.arithmetic import Count, total
from weighbridge.errors import InputError, given
from weighbridge.models.dividing import divided
from weighbridge.models.sites import OF_WEIGHTS, Placed, placed
from weighbridge.models.storage import Packing, Part, Storage
from weighbridge.models.targets import LINEAR_ROUTERS, OF_EXPERTS, ONE_BY_ONE, Targets
from weighbridge.nn import CausalLM, Head, Linear, Module
from weighbridge.nn.embedding import Embedding
from weighbridge.nn.grafting import grafted
from weighbridge.nn.lora import LoraGate, LoraHead, LoraLinear, LoraRouter
from weighbridge.nn.lora_embedding import LoraEmbedding
from weighbridge.nn.moe import Router, SharedExpertGate
from weighbridge.tape import Weight
from weighbridge.tree import Kind, Node
from weighbridge.units import FP32, DataType

BIASES = ("none", "all", "lora_only")
"""Which biases are trained beside adapters (PEFT, tuners/lora/config.py, bias)."""


@dataclass(frozen=True)
class Lora:
    """Low-rank adapters.

    Attributes:
        rank: of each.
        targets: names of the projections that have one, as checkpoints have them; "all-linear" for all but the head,
            with those of experts and routers where PEFT has them (:data:`~weighbridge.models.targets.ONE_BY_ONE`); or a
            regular expression.
        dora: with a trained length per output (DoRA).
        dropout: probability of dropout before each.
        bias: biases that are trained too: a name of :data:`BIASES`.
        saved: names of modules that are trained whole, in a copy beside the frozen one (PEFT, modules_to_save).
        dtype: data type of adapters; the plan's of weights if ``None``. PEFT makes them fp32 where the model is of 16
            bits (tuners/tuners_utils.py, cast_adapter_dtype).
        prepared: frozen weights that are not quantised stand in fp32 (PEFT, utils/other.py,
            prepare_model_for_kbit_training).
    """

    rank: int
    targets: tuple[str, ...] = ("all-linear",)
    dora: bool = False
    dropout: float = 0.0
    bias: str = "none"
    saved: tuple[str, ...] = ()
    dtype: DataType | None = None
    prepared: bool = False

    def __post_init__(self) -> None:
        if type(self.rank) is not int or self.rank < 1:
            raise InputError(f"lora: r: got {given(self.rank)}; allowed: a whole number from 1")
        if self.bias not in BIASES:
            raise InputError(f"lora: bias: got {given(self.bias)}; allowed: {', '.join(BIASES)}")
        if not 0 <= self.dropout < 1:
            raise InputError(f"lora: dropout: got {given(self.dropout)}; allowed: from 0 to less than 1")


@dataclass(frozen=True)
class Tuning:
    """What of a model is trained.

    Attributes:
        lora: adapters; all else is frozen then. ``None`` trains the weights themselves.
        frozen: kinds of modules (embedding, head, attention, mlp, norm ...) or names of modules that are not trained.
        storage: how frozen weights are stored; ``None`` for the plan's type of weights.
    """

    lora: Lora | None = None
    frozen: tuple[str, ...] = ()
    storage: Storage | None = None

    def __post_init__(self) -> None:
        if self.storage is not None and self.lora is None:
            raise InputError("quant: quantised weights are not trained themselves; add --lora")

    def applied(self, network: CausalLM, projection: str = "Linear", model_type: str = "") -> CausalLM:
        """A network with adapters, frozen and stored weights as this says.

        Args:
            network: the modules.
            projection: the class of projections in ``transformers``.
            model_type: the model's type, which says how PEFT reads names of experts.

        Raises:
            InputError: for a name that is none of the model's, with the nearest.
        """
        choice = _Choice(self, network.node(), projection, model_type)
        choice.check()
        network = divided(network, choice.sort, self._wakes(choice))
        if network is not choice.network:
            choice = _Choice(self, network.node(), projection, model_type)
        return grafted(network, choice.graft, choice.weight)

    def unmet(self, network: CausalLM) -> tuple[str, ...]:
        """Targets of adapters that no module of a network has, of several."""
        targets = _Choice(self, network.node(), "Linear").targets
        return targets.unmet if targets is not None else ()

    def _wakes(self, choice: _Choice) -> bool:
        """Whether a gradient comes to the first layer's input."""
        before = (one for one in choice.each if not one.site.names[0].startswith("layers."))
        return any(choice.trains(one) or choice.adapts(one) for one in before if one.node.kind is Kind.EMBEDDING)


class _Choice:
    """What becomes of each weight of a tree."""

    def __init__(self, tuning: Tuning, tree: Node, projection: str, model_type: str = "") -> None:
        self.tuning, self.network = tuning, tree.module
        self.each = list(placed(tree, by_layer=True, projection=projection))
        names = [one.site for one in self.each]
        lora = tuning.lora
        self.targets = Targets("lora: targets", lora.targets, names) if lora else None
        self.saved = Targets("lora: modules_to_save", lora.saved, names) if lora else None
        kinds = {kind.value for kind in Kind}
        self.kinds = {name for name in tuning.frozen if name in kinds}
        self.frozen = Targets("freeze", [name for name in tuning.frozen if name not in kinds], names, kinds)
        self.split = model_type in ONE_BY_ONE
        self.routers = self.split or model_type in LINEAR_ROUTERS
        self.by_weight = {id(one.weight): one for one in reversed(self.each)}
        self.by_module = {id(one.node.module): one for one in reversed(self.each)}

    def check(self) -> None:
        """Refuse names that no module has."""
        for targets in (self.targets, self.saved, self.frozen):
            if targets is not None:
                targets.check(every=targets is not self.targets)
        lora = self.tuning.lora
        if lora and lora.dora and any(self.adapts(one) and self._without_lengths(one) for one in self.each):
            kinds = "experts, routers and embeddings"
            raise InputError(f"lora: dora: not of {kinds}; name other targets, or leave dora out")
        self._check_joined()
        present = {one.node.kind.value for one in self.each}
        for kind in self.kinds - present:
            raise InputError(f"freeze: {kind}: the model has none; it has {', '.join(sorted(present))}")

    def _check_joined(self) -> None:
        """Gate and up of experts are one tensor, which has one adapter (PEFT, _convert_peft_config_moe)."""
        halves = [one for one in self.each if one.site.routed and one.node.name in ("gate_proj", "up_proj")]
        found = {one.node.name for one in halves if self.adapts(one)}
        if self.split and len(found) == 1:
            both = dict.fromkeys(one.site.names[-1].rpartition(".")[2] for one in halves)
            raise InputError(f"lora: targets: {' and '.join(both)} of experts are one tensor; name both, or neither")

    @staticmethod
    def _without_lengths(one: Placed) -> bool:
        """Whether it has no trained lengths: of experts and routers PEFT refuses them; of embeddings they are left out
        here.
        """
        return one.site.routed or one.site.sort in ("router", "embedding")

    def adapts(self, one: Placed) -> bool:
        """Whether a weight's module has an adapter."""
        module = one.node.module
        fits = isinstance(module, Linear | Head | SharedExpertGate | Embedding) or (
            self.routers and type(module) is Router
        )
        named = one.node.name in OF_EXPERTS
        if not fits or self.targets is None or self.saves(one) or (self.split and named) is not one.site.routed:
            return False
        return self.targets.takes(one.site)

    def saves(self, one: Placed) -> bool:
        """Whether a weight's module is trained whole, in a copy."""
        return self.saved is not None and self.saved.takes(one.site, inside=True)

    def trains(self, one: Placed) -> bool:
        """Whether a weight itself is trained."""
        lora = self.tuning.lora
        if one.node.kind.value in self.kinds or self.frozen.takes(one.site, inside=True):
            return False
        if lora is None or self.saves(one):
            return True
        bias = OF_WEIGHTS.get(one.name) == "bias"
        return bias and (lora.bias == "all" or (lora.bias == "lora_only" and self.adapts(one)))

    def sort(self, one: Placed) -> tuple[bool, bool]:
        """What tells equal layers apart: whether a weight is trained, and whether it has an adapter."""
        return self.trains(one), self.adapts(one)

    def weight(self, weight: Weight) -> Weight:
        """A weight as it is trained or stored."""
        one = self.by_weight.get(id(weight))
        if one is None or weight.buffer or self.trains(one):
            return weight
        packed, lora = self.packed(one), self.tuning.lora
        dtype = FP32 if lora and lora.prepared and packed is None else weight.dtype
        return Weight(weight.axes, weight.role, frozen=True, dtype=dtype, packed=packed)

    def packed(self, one: Placed) -> Stored | None:
        """How a frozen weight is stored."""
        storage = self.tuning.storage
        if storage is None or one.name != "weight" or len(one.weight.axes) < 2:
            return None
        packing = storage.packing(one.site)
        return None if packing is None else Stored(packing)

    def graft(self, module: Module, copy: Module) -> Module:
        """A module's copy, with an adapter where it is a target, with a frozen copy of its own where it is saved."""
        lora, one = self.tuning.lora, self.by_module.get(id(module))
        if lora is None or one is None:
            return copy
        if self.saves(one):
            for name, weight in module.weights.items():
                copy._weights[f"original_{name}"] = Weight(weight.axes, weight.role, frozen=True)
        if not self.adapts(one):
            return copy
        options: dict[str, Any] = {
            "rank": lora.rank,
            "dora": lora.dora,
            "dropout": lora.dropout > 0,
            "dtype": lora.dtype,
        }
        if isinstance(copy, Embedding):
            return LoraEmbedding(copy.rows, copy.hidden_size, copy.axis, rank=lora.rank, dtype=lora.dtype, base=copy)
        if isinstance(copy, Head):
            return LoraHead(copy.hidden_size, copy.vocab_size, copy.tied, copy.bias, copy.capped, base=copy, **options)
        if isinstance(copy, SharedExpertGate):
            return LoraGate(copy.hidden_size, base=copy, **options)
        if isinstance(copy, Router):
            return LoraRouter(copy.hidden_size, copy.num_experts, copy.bias, copy.correction_bias, base=copy, **options)
        assert isinstance(copy, Linear)
        joined = 2 if one.site.routed and one.node.name in ("gate_proj", "up_proj") else 1
        return LoraLinear(copy.columns, copy.out, copy.bias, joined=joined, base=copy, **options)


@dataclass(frozen=True)
class Stored:
    """Bytes of a packed matrix.

    Attributes:
        packing: how it is packed.
    """

    packing: Packing

    def __call__(self, rows: Count, columns: Count) -> Count:
        """Bytes of so many rows and columns, scales included."""
        return total(self.packing.bytes(part, rows, columns) for part in Part)


def trained(node: Node, times: Count = 1) -> Iterator[Count]:
    """Parameters of every trained weight of a tree, of all its copies."""
    for weight in node.weights.values():
        if weight.trained:
            yield times * weight.count
    for child in node.children:
        if not child.apart:
            yield from trained(child, times * child.times)
