"""Write ``benchmarks/measurements/`` anew from the published figures in ``../shared/truth``.

``python -m benchmarks.normalise [--truth FOLDER]``. Where that folder is absent, nothing is written; the rows are part
of the repository. Figures and configurations only.
"""

from __future__ import annotations

import argparse
import csv
import json
import re
import sys
import tomllib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from benchmarks.normalise_bridge import bridge
from benchmarks.normalise_finetuning import consumer, litgpt, qwen
from benchmarks.normalise_inference import litgpt_generates, one_sequence, serving
from benchmarks.normalise_local import consumer_decoding
from benchmarks.normalise_nemo import nemo
from benchmarks.normalise_older import bigscience, internevo, papers
from benchmarks.normalise_plans import foundry, system_c, torchao, torchtitan
from benchmarks.normalise_scaling import fsdp, llama3, scaling
from benchmarks.rows import MEASUREMENTS, Row, problems, write_file
from benchmarks.speeds import clocked, value

_PLACES = (folder / "shared" / "truth" for folder in Path(__file__).resolve().parents)
TRUTH = next((place for place in _PLACES if place.is_dir()), Path(__file__).parents[2] / "shared" / "truth")
MIB = 2**20

KEPT_VARIABLES = re.compile(r"CUBLAS_.*|PYTORCH_CUDA_ALLOC_CONF|NVTE_.*|CUDA_DEVICE_MAX_CONNECTIONS|NCCL_NVLS_ENABLE")
"""Variables of the environment that bear on memory, or that choose kernels."""

GPT2_TOKENS, SENTENCEPIECE_TOKENS = 50_257, 256_000
"""Vocabularies of the functional tests' tokenizers. The second is judged: of the sizes in use it is the one that
reproduces ``allocated`` of the 15B runs (15.6 billion parameters; 128,256 and 131,072 miss by over 10 %)."""

JUDGED_GPUS = {"gpt3_15b_8t_release_sm": 256, "gpt3_15b_8t_release_sm_gb200": 256}
"""Where a row does not say: release tests, by the optimizer's share in ``allocated``; all others run on one server."""

JUDGED_H100 = {"gpt3_mcore_te_tp2_pp1_te_a2a_ovlp_8experts_etp1_ep4"}
"""Where a row does not say: the platform on which the same test allocates as much."""


def table(name: str) -> Callable[[Path], list[dict[str, str]]]:
    """A reader of one CSV file."""

    def read(truth: Path) -> list[dict[str, str]]:
        with (truth / f"{name}.csv").open(newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))

    return read


def tokens(arguments: dict[str, Any]) -> Iterator[str]:
    """A Megatron-LM argument list; lists are written in brackets in the source."""
    for name, given in arguments.items():
        if given is False:
            continue
        yield name
        text = str(given)
        if text.startswith("[") and text.endswith("]"):
            yield from text[1:-1].split()
        elif name == "--hierarchical-context-parallel-sizes":
            yield from text.split()
        elif given is not True:
            yield text


def committed(path: Path = MEASUREMENTS / "committed.toml") -> dict[str, str]:
    """When each test's figures were first committed, by suite, case and file of golden values."""
    return {name: day for day, names in tomllib.loads(path.read_text("utf-8")).items() for name in names}


def megatron(truth: Path) -> Iterator[Row]:
    """Functional tests of Megatron-LM: what stood on the last rank after an iteration, and the most that stood."""
    days = committed()
    with (truth / "megatron_golden_memory.jsonl").open(encoding="utf-8") as lines:
        for line in lines:
            yield from _megatron_run(json.loads(line), days)


def _megatron_run(run: dict[str, Any], days: Mapping[str, str]) -> Iterator[Row]:
    arguments, judged = run["arguments"], ["software", *(["device"] if run["platform"] is None else [])]
    gpus, platform = run["gpus"], run["platform"] or ("h100" if run["case"] in JUDGED_H100 else "")
    if gpus is None:
        gpus = JUDGED_GPUS.get(run["case"], 8)
        judged.append("gpus")
    vocabulary = arguments.get("--vocab-size")
    if vocabulary is None:
        sentencepiece = arguments.get("--tokenizer-type") == "GPTSentencePieceTokenizer"
        vocabulary = SENTENCEPIECE_TOKENS if sentencepiece else GPT2_TOKENS
        judged.append("vocab_size")
    elif arguments.get("--tokenizer-type") == "NullTokenizer":
        vocabulary += 1  # the tokenizer's end of document
    golden = run["source"].rpartition("/")[2].removeprefix("golden_values_").removesuffix(".json")
    case = f"{run['suite']}/{run['case']}/{golden}"
    variables = {k: str(v) for k, v in run["env_vars"].items() if KEPT_VARIABLES.fullmatch(k)}
    for counter in ("allocated", "max_allocated"):
        row: Row = {
            "id": f"megatron/{case}/{counter}",
            "source": run["source"],
            "kind": "megatron",
            "counter": counter,
            "bytes": run[f"{counter}_bytes"],
            "rank": "last",
            "device": "H100" if "h100" in platform else "A100",
            "gpus": gpus,
            "current": run["in_current_recipe"] == "yes",
            "arguments": list(tokens(arguments)),
            "environment": {"image": run["environment"], "platform": run["platform"], "variables": variables},
            "software": days[case],
            "vocab_size": vocabulary,
            "judged": judged,
        }
        yield row
    step = clocked(row, "step_seconds", {"value": float(run["iteration_time_s"])})
    yield {**step, "id": f"megatron/{case}/step_seconds"}


def simumax(truth: Path) -> Iterator[Row]:
    """Llama-3-70B cut to 12 layers on eight B200, every rank. Runs that differ in micro-batches only share figures.

    Judged from the source's launch script and docs/strategy.md: NullTokenizer adds one token, and the loss is
    Transformer Engine's.
    """
    for run in table("simumax_b200_real")(truth):
        for counter in ("max_allocated", "max_reserved"):
            measured = json.loads(run[f"per_rank_{counter}_mb"])
            yield from (_simumax_rank(run, counter, int(rank), mib) for rank, mib in measured.items())
        yield _simumax_step(run)


def _simumax_step(run: dict[str, str]) -> Row:
    """The time of a step, with nothing overlapped."""
    row = clocked(_simumax_rank(run, "max_allocated", 0, 1.0), "step_seconds", value(run["measured_step_s"]))
    row["id"] = f"simumax/{run['case']}/step_seconds"
    overlaps = ("overlap_gradient_reduce", "overlap_parameter_gather", "overlap_pipeline")
    row["execution"] = dict.fromkeys(overlaps, False)
    own = re.search(r"own prediction was ([0-9.]+) ms", run["notes"])
    if own:
        row["own_estimate"] = float(own[1]) / 1000
    return row


def _simumax_rank(run: dict[str, str], counter: str, rank: int, mib: float) -> Row:
    case, measured_in = run["case"], run["memory_source_case"]
    tensor, context = int(run["tp"]), int(run["cp"])
    row: Row = {
        "id": f"simumax/{case}/{counter}/{rank}",
        "source": run["source"].rpartition(" ")[0],
        "kind": "plan",
        "counter": counter,  # type: ignore[typeddict-item]
        "bytes": round(mib * MIB),
        "rank": rank,
        "device": "B200",
        "gpus": int(run["gpus"]),
        "current": True,
        "model": "llama-3.1-70b",
        "changes": {"num_hidden_layers": int(run["layers"]), "vocab_size": int(run["vocab"]) + 1},
        "plan": {
            "tensor": tensor,
            "pipeline": int(run["pp"]),
            "context": context,
            "sequence_parallel": tensor > 1,
            "micro_batch": int(run["mbs"]),
            "global_batch": int(run["gbs"]),
            "sequence": int(run["seq"]),
            "framework": "megatron",
            "precision": {"base": "mixed-bf16"},
            "zero": {"stage": 1},
            "optimizer": "adam",
            "kernels": {"loss": "in place", "exchanges_heads": context > 1},
        },
        "judged": ["changes.vocab_size", "plan.kernels"],
    }
    own = re.search(r"own prediction was [0-9.]+ ms / ([0-9.]+) GiB", run["notes"])
    if own and counter == "max_allocated":
        row["own_estimate"] = round(float(own[1]) * 2**30)
    if measured_in and case != measured_in:
        row["repeat_of"] = f"simumax/{measured_in}/{counter}/{rank}"
    return row


SOURCES: dict[str, Callable[[Path], Iterator[Row]]] = {
    "megatron": megatron,
    "simumax": simumax,
    "system-c": lambda truth: system_c(),
    "torchtitan": lambda truth: torchtitan(table("torchtitan_benchmarks")(truth)),
    "torchao": lambda truth: torchao(table("misc_training_inference_memory")(truth)),
    "bigscience": lambda truth: bigscience(table("bigscience_megatron_deepspeed")(truth)),
    "internevo": lambda truth: internevo(table("internevo_training")(truth)),
    "papers": lambda truth: papers(table("papers_and_readme_tables")(truth)),
    "megatron-scaling": lambda truth: scaling(table("papers_and_readme_tables")(truth)),
    "llama-3": lambda truth: llama3(table("papers_and_readme_tables")(truth)),
    "fms-fsdp": lambda truth: fsdp(table("papers_and_readme_tables")(truth)),
    "bridge": lambda truth: bridge(table("megatron_bridge_perf_summary")(truth)),
    "nemo": lambda truth: nemo(table("nemo_legacy_perf")(truth)),
    "llm-foundry": lambda truth: foundry(table("llm_foundry_mpt_training")(truth)),
    "qwen1": lambda truth: qwen(table("qwen1_finetune_memory")(truth)),
    "litgpt": lambda truth: litgpt(table("litgpt_finetune_inference")(truth)),
    "silicon": lambda truth: serving(table("aiconfigurator_silicon_inference")(truth)),
    "qwen-inference": lambda truth: one_sequence(table("qwen_inference_speed_memory")(truth)),
    "litgpt-inference": lambda truth: litgpt_generates(table("litgpt_finetune_inference")(truth)),
    "torchtune": lambda truth: consumer(table("consumer_finetune_memory")(truth)),
    "local": lambda truth: consumer_decoding(table("inference_decode_benchmarks")(truth)),
}
"""Rows by the name of their file."""


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Write benchmarks/measurements/ anew from published figures.")
    parser.add_argument("--truth", type=Path, default=TRUTH, help="folder of published figures")
    parser.add_argument("--out", type=Path, default=MEASUREMENTS)
    given = parser.parse_args(argv)
    if not given.truth.is_dir():
        print(f"{given.truth} is not here: the rows in {given.out} stay as they are")
        return 0
    for name, source in SOURCES.items():
        rows = list(source(given.truth))
        wrong = [f"{row['id']}: {problem}" for row in rows for problem in problems(row)]
        if wrong:
            print("\n".join(wrong[:20]), file=sys.stderr)
            return 1
        write_file(given.out / f"{name}.jsonl", rows)
        print(f"{name}: {len(rows)} rows")
    return 0


if __name__ == "__main__":
    sys.exit(main())
