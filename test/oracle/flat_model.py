"""Writes `.tflite` files of one operator, through the schema in upstream's own Python package."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import flatbuffers
import numpy as np
from numpy.typing import NDArray
from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

SCHEMA_VERSION = 3
OPERATOR_VERSION = 3
"""From this version on all of our operators take int8 and float32. Upstream does not look at it."""

FILE_IDENTIFIER = b"TFL3"

TENSOR_TYPES = {
    np.dtype(np.int8): schema.TensorType.INT8,
    np.dtype(np.int32): schema.TensorType.INT32,
    np.dtype(np.float32): schema.TensorType.FLOAT32,
}


@dataclass(frozen=True)
class Tensor:
    """Constant where it has `data`, which then has its own type. Several scales are one per channel of
    `channel_axis`."""

    name: str
    shape: tuple[int, ...]
    scales: tuple[float, ...] = ()
    zero_point: int = 0
    channel_axis: int = 0
    data: NDArray[Any] | None = None
    dtype: type[np.generic] = np.int8


@dataclass(frozen=True)
class Operator:
    """`code` is a name and `options` an object of the schema or None; an absent optional input is None."""

    code: str
    options: Any
    inputs: Sequence[Tensor | None]
    output: Tensor


def write_model(operator: Operator) -> bytes:
    """A model whose only operator takes the tensors without data as inputs of the graph."""
    present = [tensor for tensor in operator.inputs if tensor is not None]
    tensors = [*present, operator.output]
    model = schema.ModelT()
    model.version = SCHEMA_VERSION
    model.description = "tinylamp conformance"
    model.operatorCodes = [_operator_code(operator)]
    # Buffer 0 is empty by convention, and stands for "no data".
    model.buffers = [_buffer(None), *(_buffer(tensor) for tensor in tensors)]
    model.subgraphs = [_subgraph(operator, tensors)]
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), file_identifier=FILE_IDENTIFIER)
    return bytes(builder.Output())


def _operator_code(operator: Operator) -> Any:
    code = schema.OperatorCodeT()
    code.builtinCode = getattr(schema.BuiltinOperator, operator.code)
    code.deprecatedBuiltinCode = min(code.builtinCode, 127)
    code.version = OPERATOR_VERSION
    return code


def _buffer(tensor: Tensor | None) -> Any:
    buffer = schema.BufferT()
    if tensor is not None and tensor.data is not None:
        little_endian = tensor.data.astype(tensor.data.dtype.newbyteorder("<"))
        buffer.data = np.frombuffer(little_endian.tobytes(), np.uint8)
    return buffer


def _subgraph(operator: Operator, tensors: list[Tensor]) -> Any:
    index = {id(tensor): position for position, tensor in enumerate(tensors)}
    node = schema.OperatorT()
    node.opcodeIndex = 0
    node.inputs = [-1 if tensor is None else index[id(tensor)] for tensor in operator.inputs]
    node.outputs = [index[id(operator.output)]]
    if operator.options is not None:
        node.builtinOptions = operator.options
        node.builtinOptionsType = getattr(
            schema.BuiltinOptions, type(operator.options).__name__.removesuffix("T")
        )
    subgraph = schema.SubGraphT()
    subgraph.name = "main"
    subgraph.tensors = [_tensor(tensor, position + 1) for position, tensor in enumerate(tensors)]
    subgraph.inputs = [index[id(tensor)] for tensor in tensors[:-1] if tensor.data is None]
    subgraph.outputs = node.outputs
    subgraph.operators = [node]
    return subgraph


def _tensor(tensor: Tensor, buffer: int) -> Any:
    written = schema.TensorT()
    written.name = tensor.name
    written.shape = list(tensor.shape)
    dtype = np.dtype(tensor.dtype) if tensor.data is None else tensor.data.dtype
    written.type = TENSOR_TYPES[dtype]
    written.buffer = buffer
    if tensor.scales:
        quantization = schema.QuantizationParametersT()
        quantization.scale = list(tensor.scales)
        quantization.zeroPoint = [tensor.zero_point] * len(tensor.scales)
        quantization.quantizedDimension = tensor.channel_axis
        written.quantization = quantization
    return written
