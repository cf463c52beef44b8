"""A deployment as plain data: what ``weighbridge infer --json`` prints."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, cast

from typing_extensions import TypedDict  # pydantic reads typing's own only from Python 3.12 on

from weighbridge.arithmetic import Count
from weighbridge.estimate.inference.advice import better
from weighbridge.estimate.inference.beside import caches_beside, weights_beside
from weighbridge.estimate.inference.deployment import Deployment
from weighbridge.estimate.inference.energy import energy_per_million
from weighbridge.estimate.inference.inference import Inference
from weighbridge.estimate.inference.supported import untimed
from weighbridge.estimate.sizes import of_serving
from weighbridge.estimate.time.work import Bound
from weighbridge.parallel.degrees import SERVING
from weighbridge.report.change_options import serving_options
from weighbridge.report.document import Table
from weighbridge.report.inference import notes, stored
from weighbridge.report.inference_speed import bands
from weighbridge.report.inference_tables import by_format, of_pass
from weighbridge.report.schema import ErrorBand, Identity, identity
from weighbridge.report.training_schema import band
from weighbridge.sums import summed


class ServingMemoryBytes(TypedDict):
    """Bytes of the fullest GPU; weights, kv_cache, activations and overhead add up to total_per_gpu. ``pool`` is left
    for the cache; ``free`` is what the engine may take beyond the total, negative where it does not fit; ``reserved``
    what it takes of that."""

    weights: int
    kv_cache: int
    activations: int
    overhead: int
    total_per_gpu: int
    logits: int
    kv_cache_without_pages: int
    activations_without_logits: int
    engine_takes: int | None
    capacity: int | None
    pool: int | None
    free: int | None
    reserved: int


class ServingPlan(TypedDict):
    """How the model is served, with defaults."""

    gpus: int
    tensor: int
    pipeline: int
    data: int
    expert: int
    engine: str
    quantisation: str
    weights_dtype: str
    compute_dtype: str
    kv_cache_dtype: str
    kv_cache_block: int
    memory_share: float | None
    chunk: int | None


class ServingFormats(TypedDict):
    """Formats to set side by side, as ``--quant`` and ``--kv`` take them; of weights the deployment's own first."""

    weights: list[str]
    caches: list[str]


class ServingLoad(TypedDict):
    """What users ask."""

    prompt: int
    output: int
    batch: int
    cached_prompt: float
    shortest: float
    drafted: int
    accepted: float


class StoredWeights(TypedDict):
    """A GPU's weights of one kind of module in one format, of all pipeline stages together."""

    kind: str
    format: str
    bytes: int


class PassSeconds(TypedDict):
    """One pass of a rank."""

    seconds: float
    by_part: dict[str, float]
    by_bound: dict[str, float]


class TokenCost(TypedDict):
    """Per million tokens of prompts and of answers."""

    input: float
    output: float


class ServingChange(TypedDict):
    """One change of the deployment, weighed."""

    change: str
    options: dict[str, Any]
    fits: bool | None
    total_per_gpu: int
    max_batch: int | None
    ttft_seconds: float | None
    tpot_seconds: float | None
    tokens_per_second_per_gpu: float | None


class ExplainedTable(TypedDict):
    """A table beside formulas, as people read it."""

    line: str
    title: str
    columns: list[str]
    rows: list[list[str]]
    remark: str


class Served(TypedDict):
    """``weighbridge infer --json``. Times are null where they are not estimated, and ``untimed`` says why."""

    model: Identity
    cluster: str | None
    plan: ServingPlan
    sizes: dict[str, list[int]]
    formats: ServingFormats
    load: ServingLoad
    fits: bool | None
    max_batch: int | None
    longest_context: int | None
    memory: ServingMemoryBytes
    weights: list[StoredWeights]
    weights_by_format: dict[str, int]
    kv_cache_bytes_per_token: int
    kv_cache_bytes_per_sequence: int
    ttft_seconds: float | None
    ttft_alone_seconds: float | None
    tpot_seconds: float | None
    inter_token_seconds: float | None
    end_to_end_seconds: float | None
    tokens_per_second: float | None
    tokens_per_second_per_gpu: float | None
    tokens_per_second_per_user: float | None
    price_per_gpu_hour: float | None
    cost_per_million_tokens: TokenCost | None
    joules_per_million_tokens: TokenCost | None
    prefill: PassSeconds | None
    decode: PassSeconds | None
    untimed: str
    error_bands: list[ErrorBand]
    changes: list[ServingChange]
    notes: list[str]


def deployment(found: Deployment, advised: bool = True, said: Collection[str] = tuple(SERVING)) -> Served:
    """A weighed deployment, with what would help; ``said``: parallel sizes that were asked for."""
    inference = found.inference
    memory, serving, reason = inference.memory, inference.serving, untimed(inference)
    timed = _times(inference) if not reason else dict.fromkeys(TIMES)
    data: dict[str, Any] = {
        "model": identity(inference.model),
        "cluster": str(inference.cluster) if inference.cluster else None,
        "plan": _plan(found),
        "sizes": of_serving(inference, said),
        "formats": {"weights": weights_beside(found), "caches": caches_beside(found)},
        "load": {
            "prompt": int(serving.prompt),
            "output": int(serving.output),
            "batch": int(serving.batch),
            "cached_prompt": float(serving.cached_prompt),
            "shortest": float(serving.shortest),
            "drafted": int(serving.drafted),
            "accepted": float(serving.accepted),
        },
        "fits": memory.fits,
        "max_batch": memory.max_batch,
        "longest_context": memory.longest_context,
        "memory": _memory(inference),
        "weights": [
            {"kind": kind.value, "format": name, "bytes": size} for (kind, name), size in by_format(inference).items()
        ],
        "weights_by_format": _formats(inference),
        "kv_cache_bytes_per_token": int(memory.cache_per_token),
        "kv_cache_bytes_per_sequence": int(memory.cache_of(1, serving.prompt + serving.output)),
        **timed,
        "price_per_gpu_hour": inference.hourly if inference.cluster else inference.price,
        "untimed": reason,
        "error_bands": [band(one) for one in bands(inference)],
        "changes": [_change(inference, one) for one in (better(inference) if advised else ())],
        "notes": list(notes(found)),
    }
    return cast(Served, data)


def _formats(inference: Inference) -> dict[str, int]:
    """Bytes of a GPU's weights by format."""
    found: dict[str, int] = {}
    for (_, name), size in by_format(inference).items():
        found[name] = found.get(name, 0) + size
    return found


TIMES = (
    "ttft_seconds",
    "ttft_alone_seconds",
    "tpot_seconds",
    "inter_token_seconds",
    "end_to_end_seconds",
    "tokens_per_second",
    "tokens_per_second_per_gpu",
    "tokens_per_second_per_user",
    "cost_per_million_tokens",
    "joules_per_million_tokens",
    "prefill",
    "decode",
)


def _times(inference: Inference) -> Mapping[str, Any]:
    """Everything that depends on how long passes take."""
    figures = (
        inference.ttft,
        inference.ttft_alone,
        inference.tpot,
        inference.inter_token,
        inference.end_to_end,
        inference.output_per_second,
        inference.per_gpu,
        inference.per_user,
        inference.cost_per_million,
        energy_per_million(inference),
        _pass(inference.prefill),
        _pass(inference.decode),
    )
    return dict(zip(TIMES, figures, strict=True))


def _pass(run: Any) -> PassSeconds:
    """A pass, by module and by what it waits for."""
    parts = of_pass(run)
    bounds = {bound.value: summed(part.get(bound, 0.0) for part in parts.values()) for bound in Bound}
    return {
        "seconds": run.seconds,
        "by_part": {name: summed(part.values()) for name, part in parts.items()},
        "by_bound": {name: spent for name, spent in bounds.items() if spent},
    }


def _memory(inference: Inference) -> ServingMemoryBytes:
    """The ledger of the fullest GPU."""
    memory, serving, cluster = inference.memory, inference.serving, inference.cluster
    bare = memory.cache_of(serving.sequences, serving.prompt + serving.output, pages=False)
    return {
        "weights": int(memory.weight_bytes),
        "kv_cache": int(memory.cache_bytes),
        "activations": int(memory.activations),
        "overhead": int(memory.outside),
        "total_per_gpu": int(memory.needed),
        "logits": int(memory.logits),
        "activations_without_logits": int(memory.hidden),
        "kv_cache_without_pages": int(bare),
        "engine_takes": _bytes(memory.capacity),
        "capacity": None if cluster is None else cluster.device.usable_bytes,
        "pool": _bytes(memory.pool),
        "free": _bytes(memory.free),
        "reserved": int(memory.beyond),
    }


def _bytes(size: Count | None) -> int | None:
    return None if size is None else int(size)


def _plan(found: Deployment) -> ServingPlan:
    """The deployment."""
    inference = found.inference
    serving = inference.serving
    return {
        "gpus": int(serving.gpus),
        "tensor": int(serving.tensor),
        "pipeline": int(serving.pipeline),
        "data": int(serving.data),
        "expert": int(serving.expert),
        "engine": serving.engine.name,
        "quantisation": stored(found),
        "weights_dtype": inference.dtype.name,
        "compute_dtype": serving.compute.name,
        "kv_cache_dtype": serving.cache.name,
        "kv_cache_block": serving.engine.block,
        "memory_share": serving.engine.memory_share if serving.memory_share is None else serving.memory_share,
        "chunk": serving.chunk_tokens,
    }


def _change(before: Inference, one: Any) -> ServingChange:
    """One change."""
    inference = one.inference
    timed = not untimed(inference)
    return {
        "change": one.title,
        "options": serving_options(before, inference),
        "fits": inference.memory.fits,
        "total_per_gpu": int(inference.memory.needed),
        "max_batch": inference.memory.max_batch,
        "ttft_seconds": inference.ttft if timed else None,
        "tpot_seconds": inference.tpot if timed else None,
        "tokens_per_second_per_gpu": inference.per_gpu if timed else None,
    }


def explanation_of(found: Deployment, lines: tuple[str, ...], depth: int | None) -> dict[str, Any]:
    """Lines with their derivations, and the tables that say the rest."""
    from weighbridge.report import explanation
    from weighbridge.report.inference_explained import figures, shown

    traced = (figure for line in lines for figure in figures(found.inference, line))
    beside = ((line, document) for line in lines if (document := shown(found.inference, line)) is not None)
    return {
        "explanation": [step for figure in traced for step in explanation.as_dict(figure, depth)],
        "tables": [_table(line, table) for line, document in beside for table in document.tables],
    }


def _table(line: str, table: Table) -> ExplainedTable:
    return {
        "line": line,
        "title": table.title,
        "columns": [column.name for column in table.columns],
        "rows": [list(row.cells) for row in table.rows],
        "remark": table.remark,
    }
