"""How a framework carries out each operation: one choice per kind. Modules state their variants side by side.

A choice says how an operation is carried out, and with it what stays for the backward pass. Nothing else in the package
asks which framework runs.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from weighbridge.units import DataType


class Norm(StrEnum):
    """How a normalisation runs."""

    FUSED = "fused"
    """One kernel that keeps its input and the statistics of each row in fp32 (Transformer Engine, Apex, PyTorch)."""
    EAGER = "eager"
    """Written out operation by operation in fp32 (transformers, LlamaRMSNorm)."""


class Attention(StrEnum):
    """How scores become outputs."""

    AUTO = "auto"
    """What Transformer Engine chooses: cuDNN from compute capability 9 on, the flash-attention library before
    (transformer_engine/pytorch/attention/dot_product_attention/utils.py, get_attention_backend)."""
    FLASH = "flash"
    """One kernel that keeps queries, keys, values, its output and one fp32 number per row of scores."""
    FLASH_1 = "flash-1"
    """The first FlashAttention (Dao et al. 2022; flash-attention before 2.0, 2023-07): keeps the same."""
    TRITON = "triton"
    """That, written in Triton: keeps the same."""
    CUDNN = "cudnn"
    """The same from cuDNN, which takes and gives any layout."""
    UNFUSED = "unfused"
    """Matrix multiplies around a fused softmax that keeps its output (Transformer Engine, Megatron-Core local)."""
    EAGER = "eager"
    """Matrix multiplies around a softmax in fp32, keys and values repeated for every query head (transformers)."""
    SDPA = "sdpa"
    """PyTorch's scaled_dot_product_attention, by its flash or memory-efficient kernel."""
    PLAIN = "plain"
    """Scores and output, nothing copied: what the operation needs by itself."""


class Rope(StrEnum):
    """How rotary positions turn queries and keys."""

    FUSED = "fused"
    """One kernel, and one table of angles in fp32 for all layers (Transformer Engine)."""
    EAGER = "eager"
    """Copies with the halves turned round, and tables of cosines and sines for all layers (transformers)."""
    COMPLEX = "complex"
    """Multiplication of complex numbers in fp32 by a table that the model stores (torchtitan)."""


class Experts(StrEnum):
    """How tokens reach their experts."""

    PLAIN = "plain"
    """Copies of tokens in the experts' order, nothing else kept: what the operation needs by itself."""
    GROUPED = "grouped"
    """Sorted copies and one grouped multiply per projection on one device (transformers)."""
    MEGATRON = "megatron"
    """Permutation, exchange between ranks, grouped multiplies, probabilities applied inside the experts."""


class Pointwise(StrEnum):
    """How chains of pointwise operations run."""

    FUSED = "fused"
    """Activation, gate and bias in one kernel that keeps its inputs."""
    EAGER = "eager"
    """One operation at a time, each keeping what it needs."""


class Loss(StrEnum):
    """How the cross-entropy runs."""

    NONE = "none"
    """The pass ends with the logits."""
    VOCABULARY_PARALLEL = "vocabulary parallel"
    """Megatron-Core: fp32 probabilities of each rank's share of the vocabulary are kept."""
    NATIVE = "native"
    """The same, compiled: the gradient is made in fp32 beside the probabilities (--cross-entropy-loss-fusion)."""
    IN_PLACE = "in place"
    """Transformer Engine: the gradient replaces the logits in their own memory."""
    EAGER = "eager"
    """PyTorch's cross_entropy on fp32 logits: keeps the logarithms of the probabilities."""
    NARROW = "narrow"
    """The same on logits as they are: keeps the logarithms in their type."""
    SHARED = "shared"
    """The same where tensor parallel ranks share the vocabulary (PyTorch, loss_parallel)."""
    COMPILED = "compiled"
    """torch.compile: nothing of the logits' size is made in fp32."""
    CHUNKED = "chunked"
    """torchtitan: head and loss run for an eighth of the positions at a time, backward too."""
    PARTS = "parts"
    """litgpt: some positions at a time, in the type of the logits, which all stand until the backward pass ends."""
    WIDE_PARTS = "wide parts"
    """torchtune: for an eighth of the positions at a time, in fp32."""
    COMPILED_PARTS = "compiled parts"
    """The same through torch.compile: logits alone are kept, and their gradient takes their place."""
    FUSED_PARTS = "fused parts"
    """Unsloth: head and loss for some positions at a time, compiled, backward too."""


class Scores(StrEnum):
    """How a router turns logits into weights."""

    SOFTMAX = "softmax"
    SIGMOID = "sigmoid"
    SINKHORN = "sinkhorn"


class Exchange(StrEnum):
    """How Megatron-Core brings tokens to the ranks of their experts."""

    ALL_GATHER = "allgather"
    ALL_TO_ALL = "alltoall"
    FLEX = "flex"


class Backend(StrEnum):
    """The library that Megatron-Core's flex dispatcher sends tokens with (--moe-flex-dispatcher-backend)."""

    DEEPEP = "deepep"
    HYBRIDEP = "hybridep"
    NCCLEP = "ncclep"


@dataclass(frozen=True, slots=True)
class Routing:
    """How Megatron-Core routes tokens.

    Attributes:
        exchange: how tokens reach the ranks of their experts.
        backend: whose kernels the flex dispatcher runs.
        scores: how logits become weights.
        auxiliary_loss: the scores of all experts are kept for a balancing loss.
        fp32: logits and weights are fp32.
        fused_permutation: rows are sorted by one kernel that keeps a map instead of indices.
        deterministic: results are summed by an operation that keeps them (index_add).
        grouped: experts multiply in groups, on streams with workspaces of their own (TEGroupedMLP).
        overlapped: the exchange of one micro-batch runs beside the multiplies of another; every layer refers to its
            last input and its gradient (models/common/model_chunk_schedule_plan.py).
        weighs_results: weights multiply the experts' results, not their activations (Megatron-Core before 2025-04).
    """

    exchange: Exchange = Exchange.ALL_TO_ALL
    backend: Backend = Backend.DEEPEP
    scores: Scores = Scores.SOFTMAX
    auxiliary_loss: bool = True
    fp32: bool = False
    fused_permutation: bool = False
    deterministic: bool = False
    grouped: bool = True
    overlapped: bool = False
    weighs_results: bool = False


@dataclass(frozen=True, slots=True)
class Kernels:
    """One choice per operation.

    Attributes:
        title: the framework, for people.
        norm: normalisations.
        attention: softmax attention.
        pointwise: activations, gates, biases and dropout.
        loss: the cross-entropy.
        rope: rotary positions.
        experts: dispatch to experts and back.
        routing: how tokens are routed, where ``experts`` is Megatron-Core's.
        inputs: what projections keep their inputs in, where they multiply in fewer than 16 bits (Transformer Engine);
            ``None`` for as they are.
        transposes: matrices in 8 bits that are scaled as a whole are kept by rows and by columns too, as devices need
            whose 8-bit multiplies take one layout only (Transformer Engine, common/transformer_engine.cpp,
            nvte_is_non_tn_fp8_gemm_supported). An estimate sets it by the device.
        autocast: weights and the residual stream are fp32; every projection keeps 16-bit copies of its input and its
            weight (torch.autocast).
        sequence_first: tensors hold the sequence before the batch, so that kernels which want the batch first copy
            (Megatron-Core).
        gathers_again: what tensor parallelism gathers before a projection is gathered again in the backward pass
            instead of kept (Megatron-Core, megatron/core/tensor_parallel/layers.py).
        exchanges_heads: context parallel ranks exchange sequences for heads around attention, which keeps its result
            in both forms (Transformer Engine, pytorch/attention/dot_product_attention/context_parallel.py).
        exchanging_ranks: how many of them exchange heads, where those that exchange form a ring with others; ``None``
            for all.
        repeats_keys: keys and values are repeated for every query head before context parallel ranks gather them
            (torchtitan until 2025, models/llama3/model.py, repeat_kv).
        copies_keys: keys and values are copied for every query head before attention (torchtune, modules/attention.py;
            litgpt/model.py, CausalSelfAttention).
        keeps_packed_inputs: a frozen multiply by packed weights keeps its input though nothing reads it (bitsandbytes
            before 0.44, autograd/_functions.py, MatMul4Bit).
        keeps_last_graph: the graph of the micro-batch before stands until the forward pass has ended, with its logits
            and the inputs that functions of packed multiplies hold (litgpt; bitsandbytes before 0.44).
        joins_adapters: a frozen projection and its adapter are one function that keeps its input alone, and adds the
            adapter's result in place; a gated network whose projections all have one keeps its gate and its up
            projection, into whose memory their gradients go, and makes what the last projection is given again
            (Unsloth, kernels/fast_lora.py, LoRA_MLP, LoRA_QKV, LoRA_W).
        gathers_keys: context parallel ranks gather all keys and values for attention, and again backward
            (torch/distributed/tensor/experimental/_attention.py, all-gather rotation; Transformer Engine, the same).
        passes_keys: context parallel ranks pass keys and values round (Transformer Engine, the same). An estimate sets
            it where ranks do neither of the two.
        fuses_norms: a normalisation and the projections that follow are one module (Transformer Engine,
            LayerNormLinear), which cannot be recomputed apart.
        buffers_scores: unfused attention hands its matrix multiply a buffer of scores that stays (Megatron-Core,
            transformer/dot_product_attention.py).
        loads_mask: every batch comes with an attention mask of a byte per query and key (Megatron-LM's data loader).
        compiled: layers run through torch.compile.
        joins_qkv: q, k and v come from one multiply (torchtitan, FusedQKVLinear).
        prefers_cudnn: PyTorch's attention runs by cuDNN on Hopper, not by FlashAttention-2, which it asks first
            (transformers since 2026-08, pull request 48163).
        fuses_projections: q, k and v are one projection, gate and up are one (Megatron-Core).
        wide_softmax: unfused attention computes probabilities in fp32, in a chain of operations (Megatron-Core,
            fusions/fused_softmax.py, forward_torch_softmax).
        written_out: modules run as transformers writes them: activations that PyTorch has no kernel for step by step,
            caps on scores and logits as operations of their own, windows as masks that attention is given.
        hidden_dropout: dropout on residual branches and embeddings.
        attention_dropout: dropout on attention probabilities.
        padded_vocabulary: tables of the vocabulary are padded to a multiple of this, times the tensor parallel size.
    """

    title: str = "PyTorch"
    norm: Norm = Norm.FUSED
    attention: Attention = Attention.PLAIN
    pointwise: Pointwise = Pointwise.EAGER
    loss: Loss = Loss.NONE
    rope: Rope = Rope.FUSED
    experts: Experts = Experts.PLAIN
    routing: Routing = Routing()
    inputs: DataType | None = None
    transposes: bool = True
    autocast: bool = False
    sequence_first: bool = False
    gathers_again: bool = False
    exchanges_heads: bool = False
    exchanging_ranks: int | None = None
    gathers_keys: bool = False
    repeats_keys: bool = False
    copies_keys: bool = False
    keeps_packed_inputs: bool = False
    keeps_last_graph: bool = False
    joins_adapters: bool = False
    passes_keys: bool = False
    fuses_norms: bool = False
    buffers_scores: bool = False
    loads_mask: bool = False
    compiled: bool = False
    joins_qkv: bool = False
    prefers_cudnn: bool = False
    fuses_projections: bool = False
    wide_softmax: bool = False
    written_out: bool = False
    hidden_dropout: bool = False
    attention_dropout: bool = False
    padded_vocabulary: int = 1

    @property
    def scores_again(self) -> bool:
        """Whether attention computes its scores again in the backward pass instead of keeping them."""
        return self.attention in (Attention.FLASH, Attention.FLASH_1, Attention.TRITON, Attention.CUDNN, Attention.SDPA)
