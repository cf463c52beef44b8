"""Which kernels engines for one's own machine run for each operation of a model, as their sources build the graph."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from weighbridge.estimate.inference.passes import Forward
from weighbridge.tape import Operation, Tape, Weight
from weighbridge.traced import plain


@dataclass(frozen=True)
class Build:
    """A state of an engine's source.

    Attributes:
        name: the engine and when.
        attention: kernels of one attention.
        reads_per_head: each query head reads keys and values for itself; else those that share a key/value head do.
        repeats_keys: keys and values are first copied for every query head, where several share them.
        quantises: a multiply by quantised weights first quantises its input, in a kernel of its own (on CUDA).
        kernels: of other operations by name, where that is not one.
        scores: scores of a whole chunk of a prompt are kept in fp32.
        unpacks: prompts are multiplied with weights that a kernel has brought to fp16 (on CUDA).
        copies_scores: of scores, how many in fp16 stand at once; 0 for those of ggml, one in fp32.
        source: where it was read.
    """

    name: str
    attention: int
    reads_per_head: bool
    repeats_keys: bool
    quantises: bool
    kernels: Mapping[str, int] = field(hash=False)
    scores: bool
    unpacks: bool
    copies_scores: int
    source: str

    def of(self, operation: Operation, quantises: bool) -> int:
        """Kernels of an operation, on CUDA where multiplies quantise their inputs."""
        if operation.name == "attention":
            return self.attention
        if operation.name == "matmul" and quantises:
            return 1 + any(isinstance(read, Weight) for read in operation.reads)
        if operation.name.startswith("gated"):
            return self.kernels.get("gated", 1)
        return self.kernels.get(operation.name, 1)

    def count(self, run: Forward, quantised: bool) -> int:
        """Kernels of a pass.

        Args:
            run: the pass.
            quantised: weights are, and the device is programmed in CUDA.
        """
        times = repeats(run.tape)
        return sum(
            times[id(operation)] * self.of(operation, self.quantises and quantised) for operation in run.tape.operations
        )


def repeats(tape: Tape) -> dict[int, int]:
    """How often each operation runs, by its id."""
    times = {id(operation): 1 for operation in tape.operations}
    for span in tape.spans:
        for operation in tape.operations[span.start : span.end]:
            times[id(operation)] *= int(plain(span.count))
    return times


_ROUTING = {"top k": 3, "dispatch": 0, "combine": 2}
"""Softmax, sort and the weights of those chosen; experts multiply rows where they are; weights and sum."""

BUILDS: dict[str, Build] = {
    row.name: row
    for row in (
        Build(
            "llamacpp",
            attention=1,
            reads_per_head=False,
            repeats_keys=False,
            quantises=True,
            kernels={"norm": 1, "store": 2, **_ROUTING},
            scores=False,
            unpacks=False,
            copies_scores=0,
            source="ggml-org/llama.cpp, 2026: src/llama-graph.cpp (build_attn, build_ffn), ggml/src/ggml-cuda.cu "
            "(norms with their weights, gates with their activations in one kernel); flash attention by default",
        ),
        Build(
            "llamacpp-2024",
            attention=4,
            reads_per_head=True,
            repeats_keys=False,
            quantises=True,
            kernels={"norm": 2, "store": 2, "gated": 2, **_ROUTING},
            scores=True,
            unpacks=True,
            copies_scores=0,
            source="ggml-org/llama.cpp, May 2024: llama.cpp (build_llama, llm_build_kv: two products, a softmax and a "
            "copy), ggml-cuda/mmvq.cu, ggml-cuda.cu (ggml_cuda_mul_mat_vec_p021, _nc: a block for each query head)",
        ),
        Build(
            "exllama",
            attention=4,
            reads_per_head=True,
            repeats_keys=True,
            quantises=False,
            kernels={"norm": 1, "store": 2, "add": 0},
            scores=False,
            unpacks=True,
            copies_scores=2,
            source="turboderp/exllama, model.py, exllama_ext/q4_matmul.cu (ExLlamaAttention.fused, repeat_kv; sums "
            "with the residual in the multiply; prompts by torch's scaled_dot_product_attention)",
        ),
    )
}
