"""Random models of operators that TensorFlow Lite has and TensorFlow Lite Micro has not: LiteRT computes them."""

from __future__ import annotations

from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

from draw import Draw, indices
from graph import Model, Tensor, single
from random_arithmetic import Family


def gelu(draw: Draw) -> Model:
    source = draw.tensor(draw.pick(("float32", "int8")), draw.shape())
    if not source.scales:
        source.within = (-6, 6)
    result = source.like()
    options = schema.GeluOptionsT()
    options.approximate = draw.chance(0.5)
    return single("GELU", options, [source], [result])


def power(draw: Draw) -> Model:
    type_ = draw.pick(("float32", "int32"))
    shape = draw.shape(1, 4)
    first_shape, second_shape = draw.broadcast(shape)
    within = ((0.1, 3), (-2, 2)) if type_ == "float32" else ((-5, 5), (0, 5))
    first = Tensor(type_, first_shape, within=within[0])
    second = Tensor(type_, second_shape, within=within[1])
    return single("POW", schema.PowOptionsT(), [first, second], [Tensor(type_, shape)])


def top_k(draw: Draw) -> Model:
    type_ = draw.pick(("float32", "int8", "int16", "int32", "int64", "uint8"))
    shape = draw.shape(1, 3)
    source = draw.tensor(type_, shape)
    count = draw.int(1, shape[-1])
    output = (*shape[:-1], count)
    inputs = [source, indices([count], shape=())]
    outputs = [source.like(output), Tensor("int32", output)]
    return single("TOPK_V2", schema.TopKV2OptionsT(), inputs, outputs)


def one_hot(draw: Draw) -> Model:
    shape = draw.shape(1, 3, size=4)
    depth = draw.int(1, 5)
    where = Tensor(draw.pick(("int32", "int64")), shape, within=(-1, depth))
    type_ = draw.pick(("float32", "int32", "int64", "int8", "uint8", "bool"))
    options = schema.OneHotOptionsT()
    options.axis = draw.int(-1, len(shape))
    at = len(shape) if options.axis == -1 else options.axis
    output = (*shape[:at], depth, *shape[at:])
    values = [draw.constant(type_, (), scales=()) for _ in range(2)]
    inputs = [where, indices([depth], shape=()), *values]
    return single("ONE_HOT", options, inputs, [Tensor(type_, output)])


FAMILIES: dict[str, Family] = {
    "GELU": gelu,
    "POW": power,
    "TOPK_V2": top_k,
    "ONE_HOT": one_hot,
}
