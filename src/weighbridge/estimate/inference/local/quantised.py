"""A model in one of the quantisations that files of one's own have."""

from __future__ import annotations

from functools import lru_cache

from weighbridge.estimate.inference.local.layers import Layers
from weighbridge.formats.gguf.making import make
from weighbridge.formats.gguf.storage import storage_of
from weighbridge.formats.quantization import NAMED, named_storage
from weighbridge.models import Model
from weighbridge.models.storage import Storage
from weighbridge.parallel.serving import Serving
from weighbridge.units import DATA_TYPES, FP32, data_type


def title(one: str | Storage) -> str:
    """What a quantisation is called."""
    return one if isinstance(one, str) else one.title


def quantised(model: Model, one: str | Storage, serving: Serving) -> Layers:
    """What a model's layers hold in a quantisation: by its name, or as it stands in a checkpoint.

    Raises:
        InputError: for a name that is none.
    """
    if isinstance(one, Storage):
        return Layers(model, one, serving, data_type("fp16"))
    return _named(model, one, serving)


@lru_cache(maxsize=64)
def _named(model: Model, name: str, serving: Serving) -> Layers:
    """Sums of these stay from one question to the next. Vectors of GGUF files are fp32."""
    if name in NAMED or name in DATA_TYPES:
        storage, dtype = named_storage(name, data_type("fp16"))
        return Layers(model, storage, serving, dtype)
    return Layers(model, storage_of(make(model, name), model, name.upper()), serving, FP32)
