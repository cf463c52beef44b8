"""How a GGUF file stores a model's weights, as the rules that estimates read."""

from __future__ import annotations

from weighbridge.formats.gguf.architectures import of_model
from weighbridge.formats.gguf.names import Held, held
from weighbridge.formats.weights.file import StoredTensor, WeightsFile
from weighbridge.models import Model
from weighbridge.models.storage import Packing, Piece, Rule, Storage
from weighbridge.models.storage import Part as Holds
from weighbridge.units import DATA_TYPES, FP32, DataType


def storage_of(file: WeightsFile, model: Model, title: str) -> Storage:
    """The storage of every weight of a model whose tensors a file has.

    Raises:
        InputError: for a model whose tensors' names in GGUF files are not known.
    """
    tensors = {tensor.name: tensor for tensor in file.tensors}
    packings: dict[str, Packing] = {}
    vectors = [FP32]
    for one in held(model, of_model(model)):
        found = next((way for way in one.ways if all(part.name in tensors for part in way)), None)
        if found is None:
            continue
        stored = [tensors[part.name] for part in found]
        if len(one.placed.weight.axes) > 1 and one.placed.name == "weight":
            packings[one.placed.site.names[0]] = _packing(one, stored)
        else:
            vectors.append(stored[0].dtype)

    def takes(packing: Packing) -> Rule:
        return Rule(lambda site: packings.get(site.names[0]) == packing, packing)

    rules = tuple(takes(packing) for packing in dict.fromkeys(packings.values()))
    rules += (Rule(lambda site: ".tower." in site.names[0], of_type(DATA_TYPES["fp16"])),)  # a file of its own
    rest = max(vectors, key=vectors.count)
    return Storage("gguf", title, rules, by_layer=True, rest=rest)


def _packing(one: Held, stored: list[StoredTensor]) -> Packing:
    """The pieces of a weight: by its type, or by the bytes of the tensors that it was split into."""
    if len(stored) == 1:
        return of_type(stored[0].dtype)
    name = " and ".join(dict.fromkeys(tensor.dtype.name for tensor in stored))
    pieces = tuple(piece for tensor in stored for piece in _whole(tensor))
    return Packing(name, pieces, any(tensor.dtype.block for tensor in stored))


def of_type(dtype: DataType) -> Packing:
    """A matrix in a type of ggml, whose blocks run along rows."""
    values = Piece("values", Holds.VALUES, dtype.bits)
    if not dtype.block:
        return Packing(dtype.name, (values,), False)
    return Packing(dtype.name, (values, Piece("scales", Holds.SCALES, 8 * dtype.scale, 1, dtype.block)))


def _whole(tensor: StoredTensor) -> tuple[Piece, ...]:
    """A tensor as one piece of its values and one of its scales, whatever the shape of the weight."""
    values = tensor.elements * tensor.dtype.bits
    more = 8 * tensor.bytes - values
    pieces = (Piece(f"{tensor.dtype.name} values", Holds.VALUES, values, 0, 0),)
    return pieces + ((Piece(f"{tensor.dtype.name} scales", Holds.SCALES, more, 0, 0),) if more else ())
