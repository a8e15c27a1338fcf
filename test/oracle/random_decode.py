"""Random models of TFLM_DECODE: constants as upstream's tools compress them, and an operator behind that shows them."""

from __future__ import annotations

import numpy as np
from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

from draw import Draw
from graph import Graph, Model, Node, Tensor
from random_arithmetic import Family

LUT, HUFFMAN, PRUNE = 0, 1, 2
PER_TENSOR = 15


def _bytes(values: bytes) -> Tensor:
    data = np.frombuffer(values, np.uint8)
    return Tensor("uint8", data.shape, data=data)


def _pack_bits(texts: list[str]) -> bytes:
    bits = "".join(texts)
    bits += "0" * (-len(bits) % 8)
    return bytes(int(bits[at : at + 8], 2) for at in range(0, len(bits), 8))


def _lut(draw: Draw, output: Tensor) -> tuple[bytes, bytes]:
    width = draw.int(1, 7)
    axis = PER_TENSOR
    channels = 1
    if len(output.scales) > 1:
        axis, channels = output.axis, output.shape[output.axis]
    stride = 2**width
    table = draw.values(Tensor(output.type, (channels * stride,)), "wide")
    count = int(np.prod(output.shape))
    codes = _pack_bits([f"{draw.int(0, stride - 1):0{width}b}" for _ in range(count)])
    header = bytes([LUT, 1, 0, 0, 1, axis << 4 | width, stride]) + bytes(9)
    return codes, header + table.tobytes()


def _prune(draw: Draw, output: Tensor) -> tuple[bytes, bytes]:
    count = int(np.prod(output.shape))
    kept = [draw.int(0, 1) for _ in range(count)]
    kept[0] = 1
    values = draw.values(Tensor(output.type, (sum(kept),)), "wide")
    header = bytes([PRUNE, 1, 0, 0, 1]) + bytes(11)
    return _pack_bits([str(bit) for bit in kept]), header + values.tobytes()


def decode(draw: Draw) -> Model:
    prunes = draw.chance(0.4)
    type_ = draw.pick(("float32", "int8", "int8", "int16", "int32", "int64", "bool"))
    shape = draw.shape(1, 4, size=6)
    decoded = draw.tensor(type_, shape)
    if type_ == "int8" and len(shape) > 1 and draw.chance(0.5):
        decoded.axis = draw.pick((0, len(shape) - 1))
        decoded.scales = tuple(draw.scale() for _ in range(shape[decoded.axis]))
        decoded.zero_point = draw.int(-9, 9) if prunes else 0
    codes, ancillary = (_prune if prunes else _lut)(draw, decoded)
    source, result = Tensor(type_, shape), Tensor(type_, shape)
    if type_ in ("int8", "int16"):
        source.scales = result.scales = (0.5,)
    nodes = [
        Node("TFLM_DECODE", None, [_bytes(codes), _bytes(ancillary)], [decoded], custom=True),
        Node("LOGICAL_OR", None, [source, decoded], [result])
        if type_ == "bool"
        else Node("MAXIMUM", schema.MaximumMinimumOptionsT(), [source, decoded], [result]),
    ]
    return Model([Graph(nodes, [source], [result])])


FAMILIES: dict[str, Family] = {"TFLM_DECODE": decode}
