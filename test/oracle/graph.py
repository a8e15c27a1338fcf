"""Writes `.tflite` files of any operators and subgraphs, through the schema in upstream's own Python package."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import flatbuffers
import numpy as np
from flatbuffers import flexbuffers
from numpy.typing import NDArray
from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

from flat_model import FILE_IDENTIFIER, OPERATOR_VERSION, SCHEMA_VERSION

NUMPY_TYPES: dict[str, Any] = {
    "float32": np.float32,
    "float16": np.float16,
    "int8": np.int8,
    "uint8": np.uint8,
    "int16": np.int16,
    "int32": np.int32,
    "uint32": np.uint32,
    "int64": np.int64,
    "uint64": np.uint64,
    "uint16": np.uint16,
    "bool": np.bool_,
    "resource": np.int32,
}


@dataclass(eq=False)
class Tensor:
    """Constant where it has `data`. `within` bounds what a vector puts into an input of the model."""

    type: str
    shape: tuple[int, ...]
    scales: tuple[float, ...] = ()
    zero_point: int = 0
    axis: int = 0
    data: NDArray[Any] | None = None
    variable: bool = False
    within: tuple[float, float] | None = None

    def like(self, shape: tuple[int, ...] | None = None) -> Tensor:
        """Another tensor of the same type and quantisation."""
        return Tensor(
            self.type, self.shape if shape is None else shape, self.scales, self.zero_point
        )


@dataclass
class Node:
    """`code` is a builtin name, or a custom one where `options` is a dictionary or bytes."""

    code: str
    options: Any
    inputs: Sequence[Tensor | None]
    outputs: Sequence[Tensor]
    custom: bool = False


@dataclass
class Graph:
    nodes: list[Node]
    inputs: list[Tensor]
    outputs: list[Tensor]


@dataclass
class Model:
    graphs: list[Graph]
    invokes: int = 1
    """Consecutive inferences of a vector; more than one where the model has state."""


def single(
    code: str,
    options: Any,
    inputs: Sequence[Tensor | None],
    outputs: Sequence[Tensor],
    *,
    custom: bool = False,
    invokes: int = 1,
) -> Model:
    """A model of one operator: its tensors without data are the model's inputs."""
    given = [
        tensor
        for tensor in inputs
        if tensor is not None and tensor.data is None and not tensor.variable
    ]
    node = Node(code, options, inputs, outputs, custom)
    return Model([Graph([node], list(dict.fromkeys(given)), list(outputs))], invokes)


def pack_int4(values: NDArray[Any]) -> NDArray[np.uint8]:
    """Two in a byte, the first in the low half."""
    flat = values.reshape(-1).astype(np.int64) & 15
    if flat.size % 2:
        flat = np.append(flat, 0)
    return (flat[0::2] | flat[1::2] << 4).astype(np.uint8)


def write_graph(model: Model, operator_version: int = OPERATOR_VERSION) -> bytes:
    """Upstream looks at no version of an operator; LiteRT does."""
    written = schema.ModelT()
    written.version = SCHEMA_VERSION
    written.description = "tinylamp conformance"
    written.buffers = [schema.BufferT()]
    written.operatorCodes = []
    written.subgraphs = []
    codes: dict[str, int] = {}
    for graph in model.graphs:
        written.subgraphs.append(_subgraph(graph, codes, written))
    for code in written.operatorCodes:
        code.version = operator_version
    builder = flatbuffers.Builder(1024)
    builder.Finish(written.Pack(builder), file_identifier=FILE_IDENTIFIER)
    return bytes(builder.Output())


def _subgraph(graph: Graph, codes: dict[str, int], model: Any) -> Any:
    named = [*graph.inputs, *graph.outputs]
    for node in graph.nodes:
        named += [tensor for tensor in (*node.inputs, *node.outputs) if tensor is not None]
    index = {tensor: position for position, tensor in enumerate(dict.fromkeys(named))}
    subgraph = schema.SubGraphT()
    subgraph.name = "main"
    subgraph.tensors = [
        _tensor(tensor, position, model.buffers) for tensor, position in index.items()
    ]
    subgraph.inputs = [index[tensor] for tensor in graph.inputs]
    subgraph.outputs = [index[tensor] for tensor in graph.outputs]
    subgraph.operators = [_operator(node, index, codes, model) for node in graph.nodes]
    return subgraph


def _operator(node: Node, index: dict[Tensor, int], codes: dict[str, int], model: Any) -> Any:
    if node.code not in codes:
        codes[node.code] = len(model.operatorCodes)
        model.operatorCodes.append(_operator_code(node))
    operator = schema.OperatorT()
    operator.opcodeIndex = codes[node.code]
    operator.inputs = [-1 if tensor is None else index[tensor] for tensor in node.inputs]
    operator.outputs = [index[tensor] for tensor in node.outputs]
    if isinstance(node.options, dict):
        operator.customOptions = _flexbuffer(node.options)
    elif node.options is not None:
        operator.builtinOptions = node.options
        operator.builtinOptionsType = getattr(
            schema.BuiltinOptions, type(node.options).__name__.removesuffix("T")
        )
    return operator


def _flexbuffer(options: dict[str, Any]) -> list[int]:
    builder = flexbuffers.Builder()
    with builder.Map():
        for key in sorted(options):
            value = options[key]
            builder.Key(key)
            if isinstance(value, bool):
                builder.Bool(value)
            elif isinstance(value, float):
                builder.Float(value)
            else:
                builder.Int(value)
    return list(builder.Finish())


def _operator_code(node: Node) -> Any:
    code = schema.OperatorCodeT()
    name = "CUSTOM" if node.custom else node.code
    code.builtinCode = getattr(schema.BuiltinOperator, name)
    code.deprecatedBuiltinCode = min(code.builtinCode, 127)
    if node.custom:
        code.customCode = node.code
    return code


def _tensor(tensor: Tensor, position: int, buffers: list[Any]) -> Any:
    written = schema.TensorT()
    written.name = f"t{position}"
    written.shape = list(tensor.shape)
    written.type = getattr(schema.TensorType, tensor.type.upper())
    written.isVariable = tensor.variable
    written.buffer = 0
    if tensor.data is not None:
        buffer = schema.BufferT()
        buffer.data = np.frombuffer(_bytes(tensor), np.uint8)
        written.buffer = len(buffers)
        buffers.append(buffer)
    elif not tensor.variable and prod(tensor.shape) >= 0:
        written.buffer = len(buffers)
        buffers.append(schema.BufferT())
    if tensor.scales:
        quantization = schema.QuantizationParametersT()
        quantization.scale = list(tensor.scales)
        quantization.zeroPoint = [tensor.zero_point] * len(tensor.scales)
        quantization.quantizedDimension = tensor.axis
        written.quantization = quantization
    return written


def _bytes(tensor: Tensor) -> bytes:
    assert tensor.data is not None
    if tensor.type == "int4":
        return pack_int4(tensor.data).tobytes()
    assert tuple(tensor.data.shape) == tuple(tensor.shape), (tensor.data.shape, tensor.shape)
    return tensor.data.astype(NUMPY_TYPES[tensor.type]).tobytes()
