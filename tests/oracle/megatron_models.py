"""Real ranks of megatron-core, without a GPU and in one process, from Megatron-LM's own arguments.

Process groups are PyTorch's fake ones, which gather as if every rank held the same. What only CUDA can run is stood in
for, each by one rule that says so:

- streams, ``.cuda()`` and random states of CUDA do nothing;
- normalisations are functions that keep their input and fp32 statistics of every row, as Apex's, Transformer Engine's
  and PyTorch's kernels for CUDA do: PyTorch's for other devices keep statistics in 16 bits (LayerNorm) or are no kernel
  at all (RMSNorm), and megatron-core refuses PyTorch's along with sequence parallelism;
- collectives exchange nothing, and routers send as many tokens to every expert;
- dropout is PyTorch's ``native_dropout``, the operator that CUDA runs: it keeps a mask of one byte per element, where
  PyTorch's fallback on other devices keeps noise of two;
- the fused softmax of unfused attention is a function that keeps its result only, as Megatron's CUDA kernel does;
- flash attention, where it is asked for, is a function that keeps q, k, v, its result and the log-sum-exp, in the
  kernel's own layout, which puts the batch first; q, k and v are copied unless all are parts of one projection, as
  Transformer Engine copies them (pytorch/attention/dot_product_attention/utils.py, get_qkv_layout);
- torch.compile is off: what fused pointwise kernels keep is said by their own autograd functions.
"""

from __future__ import annotations

import importlib
import logging
import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest

from weighbridge.estimate.training import Training, train
from weighbridge.formats.megatron import load
from weighbridge.models import Model
from weighbridge.nn import (
    CausalLM,
    GroupedQueryAttention,
    MixtureOfExperts,
    Module,
    MultiHeadLatentAttention,
    MultiTokenPrediction,
)

WHY = "the oracle needs torch and megatron-core: install both (constraints/torch.txt, constraints/oracle.txt)"

torch = pytest.importorskip("torch", reason=WHY)
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)  # megatron-core tells what it lacks (Apex, Transformer Engine) as it is imported
    pytest.importorskip("megatron.core", reason=WHY)
    from megatron.core import parallel_state
    from megatron.core.activations import squared_relu
    from megatron.core.models.common.embeddings import rotary_pos_embedding
    from megatron.core.models.gpt import gpt_layer_specs
    from megatron.core.models.gpt.gpt_model import GPTModel
    from megatron.core.tensor_parallel.random import CudaRNGStatesTracker
    from megatron.core.transformer import dot_product_attention, multi_latent_attention, torch_norm
    from megatron.core.transformer.module import MegatronModule
    from megatron.core.transformer.moe import moe_utils
    from megatron.core.transformer.moe import router as routers
    from megatron.core.transformer.transformer_config import MLATransformerConfig, TransformerConfig
    from torch import distributed as dist
    from torch.autograd import Function
    from torch.nn import Linear
    from torch.nn import Module as TorchModule
    from torch.testing._internal.distributed.fake_pg import FakeStore

    logging.disable(logging.NOTSET)

if TYPE_CHECKING:
    from torch import Tensor

Arguments = Mapping[str, Any]
"""Megatron-LM's arguments by name, without dashes before and with underscores inside; ``True`` for a flag."""

BASE: dict[str, Any] = {
    "transformer_impl": "local",
    "bf16": True,
    "seq_length": 32,
    "max_position_embeddings": 64,
    "micro_batch_size": 2,
    "make_vocab_size_divisible_by": 4,
    "no_gradient_accumulation_fusion": True,
    "no_masked_softmax_fusion": False,
    "no_rope_fusion": True,
    "hidden_dropout": 0.0,
    "attention_dropout": 0.0,
}
"""What every drawn model has unless it says otherwise. Fused rotary positions are Transformer Engine's."""


@dataclass(frozen=True)
class Degrees:
    """A layout of ranks."""

    tensor: int = 1
    pipeline: int = 1
    virtual: int = 1
    expert: int = 1
    inside: int = 1
    context: int = 1
    data: int = 1

    @property
    def ranks(self) -> int:
        return self.tensor * self.pipeline * self.context * self.data

    def arguments(self) -> dict[str, Any]:
        """As Megatron-LM is told."""
        found: dict[str, Any] = {
            "tensor_model_parallel_size": self.tensor,
            "pipeline_model_parallel_size": self.pipeline,
            "context_parallel_size": self.context,
            "expert_model_parallel_size": self.expert,
            "expert_tensor_parallel_size": self.inside,
            "global_batch_size": 2 * self.data * self.pipeline,
        }
        if self.virtual > 1:
            found["num_virtual_stages_per_pipeline_rank"] = self.virtual
        return found


def words(given: Arguments) -> list[str]:
    """A command line."""
    found: list[str] = []
    for name, value in given.items():
        flag = f"--{name.replace('_', '-')}"
        if value is True:
            found.append(flag)
        elif value is not False and value is not None:
            found += [flag, str(value)]
    return found


def weighed(given: Arguments, degrees: Degrees) -> Training:
    """What weighbridge makes of the arguments."""
    request = load(words(given), world_size=degrees.ranks, environment={})
    plan = request.plan
    if given.get("use_flash_attn") and degrees.context > 1:
        plan = replace(plan, kernels=replace(plan.kernels, exchanges_heads=False))
    network = as_built(request.model.network, given)
    return train(Model.of(network, request.model.name), plan)


def as_built(network: Module, given: Arguments) -> CausalLM:
    """What the arguments say of modules and weighbridge's reading of them may leave out."""

    def change(module: Module) -> Module:
        bias = not given.get("disable_bias_linear", False)
        layer_norm = given.get("normalization", "LayerNorm") == "LayerNorm"
        if isinstance(module, MixtureOfExperts):
            return replace(module, router_bias=bias)
        if isinstance(module, MultiTokenPrediction):
            return replace(module, layer_norm=layer_norm)
        if isinstance(module, GroupedQueryAttention):
            return replace(module, norm="LayerNorm" if layer_norm else "RMSNorm")
        if isinstance(module, MultiHeadLatentAttention):
            norms = bool(given.get("qk_layernorm"))
            return replace(module, bias=False, out_bias=bias, norms=norms, layer_norm=layer_norm)
        return module

    made = rebuilt(network, change)
    assert isinstance(made, CausalLM)
    return made


def rebuilt(module: Any, change: Any) -> Any:
    """A module and all that its fields hold, each changed."""
    if isinstance(module, tuple):
        return tuple(rebuilt(one, change) for one in module)
    if not isinstance(module, Module):
        return module
    made = {field.name: rebuilt(getattr(module, field.name), change) for field in fields(module)}
    return change(type(module)(**made))


def config(given: Arguments, degrees: Degrees) -> Any:
    """megatron-core's configuration of the arguments (megatron/training/argument_utils.py)."""
    latent = bool(given.get("multi_latent_attention"))
    swiglu, squared = given.get("swiglu", False), given.get("squared_relu", False)
    fused = not given.get("no_bias_swiglu_fusion" if swiglu else "no_bias_gelu_fusion", False)
    bias = not given.get("disable_bias_linear", False)
    kind = MLATransformerConfig if latent else TransformerConfig
    named = {name: given[name] for name in kind.__dataclass_fields__ if name in given}
    balancing = str(given.get("moe_router_load_balancing_type", "aux_loss"))
    made: dict[str, Any] = {
        "num_query_groups": given.get("num_query_groups"),
        "num_moe_experts": given.get("num_experts"),
        "num_layers_in_first_pipeline_stage": given.get("decoder_first_pipeline_num_layers"),
        "num_layers_in_last_pipeline_stage": given.get("decoder_last_pipeline_num_layers"),
        "add_bias_linear": bias,
        "gated_linear_unit": swiglu,
        "activation_func": torch.nn.functional.silu
        if swiglu
        else squared_relu
        if squared
        else torch.nn.functional.gelu,
        "bias_activation_fusion": fused and (swiglu or (bias and not squared)),
        "bias_dropout_fusion": not given.get("no_bias_dropout_fusion", False),
        "apply_rope_fusion": False,
        "masked_softmax_fusion": True,
        "attention_softmax_in_fp32": False,
        "gradient_accumulation_fusion": False,
        "moe_router_load_balancing_type": balancing,
        "moe_layer_freq": frequency(given),
        "tensor_model_parallel_size": degrees.tensor,
        "pipeline_model_parallel_size": degrees.pipeline,
        "virtual_pipeline_model_parallel_size": degrees.virtual if degrees.virtual > 1 else None,
        "context_parallel_size": degrees.context,
        "expert_model_parallel_size": degrees.expert,
        "expert_tensor_parallel_size": degrees.inside,
        "params_dtype": torch.bfloat16,
        "pipeline_dtype": torch.bfloat16,
        "use_cpu_initialization": True,
        "perform_initialization": False,
        "persist_layer_norm": False,
    }
    made |= {"rope_type": "rope", "q_lora_rank": given.get("q_lora_rank")} if latent else {}
    return kind(**{**named, **made})


def frequency(given: Arguments) -> int | list[int]:
    """Which layers are sparse: a step, or a yes or no for every layer."""
    text = str(given.get("moe_layer_freq", "1"))
    return [int(word) for word in text.strip("[]").split(",")] if text.startswith("[") else int(text)


def padded_vocabulary(given: Arguments, degrees: Degrees) -> int:
    """Entries of the tables (megatron/training/tokenizer, vocab_size_with_padding)."""
    multiple = given["make_vocab_size_divisible_by"] * degrees.tensor
    return int(-(-given["vocab_size"] // multiple) * multiple)


@contextmanager
def rank(degrees: Degrees, number: int, device: str = "meta") -> Iterator[None]:
    """Be one rank of a layout."""
    with ExitStack() as stack:
        for target, name, stand_in in stand_ins(device):
            stack.enter_context(mock.patch.object(target, name, stand_in))
        stack.enter_context(torch.device(device))
        stack.callback(setattr, sys, "excepthook", sys.excepthook)  # which torch.distributed replaces
        dist.init_process_group("fake", store=FakeStore(), rank=number, world_size=degrees.ranks)
        stack.callback(dist.destroy_process_group)
        parallel_state.initialize_model_parallel(
            degrees.tensor,
            degrees.pipeline,
            virtual_pipeline_model_parallel_size=degrees.virtual if degrees.virtual > 1 else None,
            context_parallel_size=degrees.context,
            expert_model_parallel_size=degrees.expert,
            expert_tensor_parallel_size=degrees.inside,
            create_gloo_process_groups=False,
        )
        stack.callback(parallel_state.destroy_model_parallel)
        yield


def chunks(given: Arguments, degrees: Degrees) -> list[Any]:
    """The model's chunks on this rank, one per virtual stage (megatron/training, get_model and model_provider)."""
    return [chunk(given, degrees, stage) for stage in range(degrees.virtual)]


def chunk(given: Arguments, degrees: Degrees, virtual: int = 0) -> Any:
    """One chunk on this rank."""
    stage = virtual if degrees.virtual > 1 else None
    first = parallel_state.is_pipeline_first_stage(ignore_virtual=False, vp_stage=stage)
    last = parallel_state.is_pipeline_last_stage(ignore_virtual=False, vp_stage=stage)
    made = config(given, degrees)
    norm = str(given.get("normalization", "LayerNorm"))
    spec = gpt_layer_specs.get_gpt_decoder_block_spec(made, False, normalization=norm, vp_stage=stage)
    ahead = None
    if given.get("mtp_num_layers"):
        layers = gpt_layer_specs.get_gpt_decoder_layer_specs(made, False, normalization=norm)
        ahead = gpt_layer_specs.get_gpt_mtp_block_spec(made, layers[-1], False, vp_stage=stage)
    for layer in [
        *spec.layer_specs,
        *([one.submodules.transformer_layer for one in ahead.layer_specs] if ahead else []),
    ]:
        attend = layer.submodules.self_attention.submodules
        if given.get("use_flash_attn"):
            attend.core_attention = Flash
        if given.get("multi_latent_attention"):
            attend.linear_q_down_proj = attend.linear_kv_down_proj = Duplicated
    model = GPTModel(
        made,
        spec,
        vocab_size=padded_vocabulary(given, degrees),
        max_sequence_length=given["max_position_embeddings"],
        pre_process=first,
        post_process=last,
        position_embedding_type=given.get("position_embedding_type", "learned_absolute"),
        share_embeddings_and_output_weights=not given.get("untie_embeddings_and_output_weights", False),
        parallel_output=True,
        mtp_block_spec=ahead,
        vp_stage=stage,
    )
    for parameter in model.parameters():
        parameter.data.zero_()  # where there is memory, it holds anything
    return model.bfloat16().train()


class Stream:
    """Stands in for CUDA's streams and events."""

    def __init__(self, *args: Any, **kwargs: Any) -> None: ...
    def wait_stream(self, *args: Any) -> None: ...
    def wait_event(self, *args: Any) -> None: ...
    def synchronize(self) -> None: ...
    def record_event(self, *args: Any) -> Stream:
        return self


class SoftmaxFunction(Function):  # type: ignore[misc]
    """Keeps its result (megatron/core/fusions/fused_softmax.py, ScaledUpperTriangMaskedSoftmax)."""

    @staticmethod
    def forward(ctx: Any, scores: Tensor) -> Tensor:
        made = torch.empty_like(scores)
        ctx.save_for_backward(made)
        return made

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return gradient


class Softmax(TorchModule):  # type: ignore[misc]
    """The fused scale, mask and softmax."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__()

    def forward(self, scores: Tensor, mask: Any, offset: Any = None) -> Tensor:
        made: Tensor = SoftmaxFunction.apply(scores)
        return made


class FlashFunction(Function):  # type: ignore[misc]
    """Keeps its inputs, its result with the batch first, and the log-sum-exp (flash_attn_func of flash-attention 2)."""

    @staticmethod
    def forward(ctx: Any, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        sequence, batch, heads = q.shape[:3]
        out = torch.empty(batch, sequence, heads, v.shape[-1], dtype=q.dtype)
        sums = torch.empty(batch, heads, sequence, dtype=torch.float32)
        ctx.save_for_backward(q, k, v, out, sums)
        return out

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, ...]:
        q, k, v, _, _ = ctx.saved_tensors
        return torch.empty_like(q), torch.empty_like(k), torch.empty_like(v)


class Flash(MegatronModule):  # type: ignore[misc]
    """Core attention by flash attention, given and giving the sequence first."""

    def __init__(self, config: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(config=config)

    def forward(self, q: Tensor, k: Tensor, v: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        if len({one.untyped_storage()._cdata for one in (q, k, v)}) > 1:
            q, k, v = q.contiguous(), k.contiguous(), v.contiguous()
        out: Tensor = FlashFunction.apply(q, k, v)
        return out.transpose(0, 1).contiguous().reshape(q.shape[0], q.shape[1], -1)


class Duplicated(Linear):  # type: ignore[misc]
    """A projection that every tensor parallel rank has whole, as Transformer Engine's down projections of latent
    attention; megatron-core's own local ones are split.
    """

    def __init__(self, columns: int, out: int, config: Any = None, **kwargs: Any) -> None:
        super().__init__(columns, out, bias=False)

    def forward(self, x: Tensor) -> tuple[Tensor, None]:
        return super().forward(x), None


class NormFunction(Function):  # type: ignore[misc]
    """Keeps its input and statistics of every row in fp32: one for RMSNorm, two for LayerNorm."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, *offset: Tensor) -> Tensor:
        rows = [torch.zeros(x.shape[:-1], dtype=torch.float32) for _ in range(1 + len(offset))]
        ctx.save_for_backward(x, weight, *rows)
        return torch.zeros_like(x, memory_format=torch.contiguous_format)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, ...]:
        return gradient, *(torch.zeros_like(one) for one in ctx.saved_tensors[1:2])


class Norm(TorchModule):  # type: ignore[misc]
    """A normalisation in one kernel."""

    def __init__(self, config: Any, hidden_size: int, eps: float = 1e-5, **kwargs: Any) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(hidden_size))
        self.bias = torch.nn.Parameter(torch.zeros(hidden_size)) if config.normalization == "LayerNorm" else None

    def forward(self, x: Tensor) -> Tensor:
        made: Tensor = NormFunction.apply(x, *self.parameters())
        return made


def norm(cls: type, *args: Any, **kwargs: Any) -> Norm:
    """What is built in place of megatron-core's wrapper."""
    return Norm(*args, **kwargs)


def evenly(gating: Any) -> Any:
    """A router's logits with a pattern added that sends as many tokens to every expert."""

    def patterned(router: Any, x: Tensor) -> Tensor:
        logits: Tensor = gating(router, x)
        tokens, number, top = logits.shape[0] * logits.shape[1], logits.shape[-1], router.topk
        pattern = torch.zeros(tokens, number)
        chosen = (torch.arange(tokens)[:, None] * top + torch.arange(top)) % number
        pattern.scatter_(1, chosen, 30.0)
        return logits + pattern.view_as(logits).to(logits.dtype)

    return patterned


def all_to_all(out: Tensor, given: Tensor, to: Any = None, by: Any = None, **kwargs: Any) -> None:
    """Brings nothing: where every rank has the same, sizes are right already."""


def on_this_context_rank(positions: Tensor, dim: int, group: Any) -> Tensor:
    """This rank's share of the positions, without the pinned memory that needs CUDA."""
    return positions.narrow(dim, 0, positions.shape[dim] // group.size())


def dropout(x: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """As CUDA runs it."""
    return torch.native_dropout(x, p, True)[0] if training and p > 0 else x


def stand_ins(device: str) -> Sequence[tuple[Any, str, Any]]:
    """What stands in for what: an object, a name in it, and what it is meanwhile."""
    grouped = importlib.import_module("megatron.core.transformer.moe.grouped_gemm_util")
    return (
        (torch.cuda, "Stream", Stream),
        (torch.cuda, "stream", lambda *args: nullcontext()),
        (torch.cuda, "current_stream", lambda *args: Stream()),
        (torch.cuda, "current_device", lambda: device),
        (torch.Tensor, "cuda", lambda tensor, *args, **kwargs: tensor),
        (torch.Tensor, "record_stream", lambda *args: None),
        (torch.nn.functional, "dropout", dropout),
        (rotary_pos_embedding, "get_pos_emb_on_this_cp_rank", on_this_context_rank),
        (CudaRNGStatesTracker, "fork", lambda *args, **kwargs: nullcontext()),
        (torch_norm.WrappedTorchNorm, "__new__", norm),
        (dot_product_attention, "FusedScaleMaskSoftmax", Softmax),
        (multi_latent_attention, "TELinear", Duplicated),
        (grouped, "assert_grouped_gemm_is_available", lambda: None),
        (routers.TopKRouter, "gating", evenly(routers.TopKRouter.gating)),
        (dist, "all_to_all_single", all_to_all),
        (torch._dynamo.config, "disable", True),
    )


moe_utils.te_general_gemm = None  # a name that megatron-core 0.16.1 lacks without Transformer Engine
