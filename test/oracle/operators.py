"""Builders of small models, one operator each: weights by xorshift32, scales that suit them. All are int8;
`as_float` makes float32 models of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import ceil, prod
from typing import Any

import numpy as np
from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

from flat_model import Operator, Tensor
from xorshift import XorShift32

INPUT_SCALE = 0.05
INPUT_ZERO_POINT = -7
WEIGHT_SCALE = 0.003
INT8_DEVIATION = 74
"""Of uniformly distributed int8 values."""

Shape = tuple[int, ...]
Pair = tuple[int, int]


@dataclass(frozen=True)
class Case:
    name: str
    operator: Operator


def conv(
    name: str,
    shape: Shape,
    filters: int,
    kernel: Pair,
    *,
    stride: Pair = (1, 1),
    dilation: Pair = (1, 1),
    padding: str = "VALID",
    activation: str = "NONE",
    per_channel: bool = False,
    bias: bool = True,
) -> Case:
    options = _windowed(schema.Conv2DOptionsT(), stride, dilation, padding, activation)
    batch, height, width, depth = shape
    spatial = _spatial((height, width), kernel, stride, dilation, padding)
    weights = _weights((filters, *kernel, depth), 0, per_channel)
    return _weighted(
        "CONV_2D",
        name,
        options,
        shape,
        weights,
        (batch, *spatial, filters),
        prod(kernel) * depth,
        bias,
    )


def depthwise(
    name: str,
    shape: Shape,
    multiplier: int,
    kernel: Pair,
    *,
    stride: Pair = (1, 1),
    dilation: Pair = (1, 1),
    padding: str = "VALID",
    activation: str = "NONE",
    per_channel: bool = False,
) -> Case:
    """Always with a bias: upstream crashes without one, though the format allows it."""
    options = _windowed(schema.DepthwiseConv2DOptionsT(), stride, dilation, padding, activation)
    options.depthMultiplier = multiplier
    batch, height, width, depth = shape
    spatial = _spatial((height, width), kernel, stride, dilation, padding)
    weights = _weights((1, *kernel, depth * multiplier), 3, per_channel)
    output = (batch, *spatial, depth * multiplier)
    return _weighted(
        "DEPTHWISE_CONV_2D", name, options, shape, weights, output, prod(kernel), bias=True
    )


def dense(
    name: str, shape: Shape, units: int, *, activation: str = "NONE", bias: bool = True
) -> Case:
    options = schema.FullyConnectedOptionsT()
    options.fusedActivationFunction = getattr(schema.ActivationFunctionType, activation)
    depth = prod(shape[1:])
    weights = _weights((units, depth), 0, per_channel=False)
    return _weighted(
        "FULLY_CONNECTED", name, options, shape, weights, (shape[0], units), depth, bias
    )


def _weighted(
    code: str,
    name: str,
    options: Any,
    shape: Shape,
    weights: Tensor,
    output_shape: Shape,
    products: int,
    bias: bool,
) -> Case:
    deviation = INT8_DEVIATION**2 * products**0.5
    scales = tuple(INPUT_SCALE * scale for scale in weights.scales)
    channels = weights.shape[weights.channel_axis]
    biases = Tensor(
        "bias",
        (channels,),
        scales,
        data=XorShift32(_seed(name) + 1).int32((channels,), int(deviation)),
    )
    scale, zero_point = _output_quantisation(
        options.fusedActivationFunction, deviation * max(scales)
    )
    output = Tensor("output", output_shape, (scale,), zero_point)
    inputs = [_input(shape), weights, biases if bias else None]
    return _case(code, name, options, inputs, output)


def pool(
    code: str,
    name: str,
    shape: Shape,
    window: Pair,
    *,
    stride: Pair = (1, 1),
    padding: str = "VALID",
    activation: str = "NONE",
) -> Case:
    options = schema.Pool2DOptionsT()
    options.filterHeight, options.filterWidth = window
    options.strideH, options.strideW = stride
    options.padding = getattr(schema.Padding, padding)
    options.fusedActivationFunction = getattr(schema.ActivationFunctionType, activation)
    batch, height, width, depth = shape
    spatial = _spatial((height, width), window, stride, (1, 1), padding)
    output = Tensor("output", (batch, *spatial, depth), (INPUT_SCALE,), INPUT_ZERO_POINT)
    return _case(code, name, options, [_input(shape)], output)


def add(
    name: str,
    first: Shape,
    second: Shape,
    *,
    scales: tuple[float, float, float],
    activation: str = "NONE",
) -> Case:
    options = schema.AddOptionsT()
    options.fusedActivationFunction = getattr(schema.ActivationFunctionType, activation)
    inputs = [
        Tensor("first", first, (scales[0],), zero_point=-7),
        Tensor("second", second, (scales[1],), zero_point=20),
    ]
    return _case("ADD", name, options, inputs, Tensor("output", first, (scales[2],), zero_point=3))


def reshape(name: str, shape: Shape, requested: Shape) -> Case:
    options = schema.ReshapeOptionsT()
    options.newShape = list(requested)
    inferred = prod(shape) // abs(prod(requested))
    output_shape = tuple(inferred if size == -1 else size for size in requested)
    shape_tensor = Tensor("shape", (len(requested),), data=np.array(requested, np.int32))
    output = Tensor("output", output_shape, (INPUT_SCALE,), INPUT_ZERO_POINT)
    return _case("RESHAPE", name, options, [_input(shape), shape_tensor], output)


def softmax(name: str, shape: Shape, scale: float, beta: float) -> Case:
    options = schema.SoftmaxOptionsT()
    options.beta = beta
    source = Tensor("input", shape, (scale,), zero_point=5)
    # The kernel asks for exactly this quantisation of its output.
    output = Tensor("output", shape, (1 / 256,), zero_point=-128)
    return _case("SOFTMAX", name, options, [source], output)


def mean(name: str, shape: Shape, axes: tuple[int, ...], *, keep: bool) -> Case:
    options = schema.ReducerOptionsT()
    options.keepDims = keep
    sizes = ((1 if axis in axes else size, axis in axes) for axis, size in enumerate(shape))
    output_shape = tuple(size for size, reduced in sizes if keep or not reduced)
    axis_tensor = Tensor("axes", (len(axes),), data=np.array(axes, np.int32))
    output = Tensor("output", output_shape, (INPUT_SCALE,), INPUT_ZERO_POINT)
    return _case("MEAN", name, options, [_input(shape), axis_tensor], output)


def relu(code: str, name: str, shape: Shape) -> Case:
    output = Tensor("output", shape, (INPUT_SCALE,), INPUT_ZERO_POINT)
    return _case(code, name, None, [_input(shape)], output)


def quantize(name: str, shape: Shape, scale: float) -> Case:
    source = Tensor("input", shape, dtype=np.float32)
    output = Tensor("output", shape, (scale,), zero_point=5)
    return _case("QUANTIZE", name, schema.QuantizeOptionsT(), [source], output)


def dequantize(name: str, shape: Shape) -> Case:
    output = Tensor("output", shape, dtype=np.float32)
    return _case("DEQUANTIZE", name, schema.DequantizeOptionsT(), [_input(shape)], output)


def as_float(case: Case) -> Case:
    """The same operator on floats: weights as large as they were, for inputs in [-1, 1)."""
    operator = case.operator
    inputs = [tensor and _as_float(tensor) for tensor in operator.inputs]
    floating = replace(operator, inputs=inputs, output=_as_float(operator.output))
    return Case(case.name.replace("__", "__float_"), floating)


def _as_float(tensor: Tensor) -> Tensor:
    """Multiplies quantised constants out; indices, which have no scale, stay."""
    if not tensor.scales:
        return tensor
    if tensor.data is None:
        return Tensor(tensor.name, tensor.shape, dtype=np.float32)
    axes = [1] * tensor.data.ndim
    axes[tensor.channel_axis] = len(tensor.scales)
    values = tensor.data * np.array(tensor.scales).reshape(axes)
    if tensor.data.dtype == np.int8:
        # Inputs that were quantised reached 128 steps.
        values *= 128 * INPUT_SCALE
    return Tensor(tensor.name, tensor.shape, data=values.astype(np.float32))


def _case(
    code: str, name: str, options: Any, inputs: Sequence[Tensor | None], output: Tensor
) -> Case:
    return Case(f"{code.lower()}__{name}", Operator(code, options, inputs, output))


def _input(shape: Shape) -> Tensor:
    return Tensor("input", shape, (INPUT_SCALE,), INPUT_ZERO_POINT)


def _weights(shape: Shape, channel_axis: int, per_channel: bool) -> Tensor:
    """Scales of channels differ by up to a factor of two."""
    count = shape[channel_axis] if per_channel else 1
    scales = tuple(WEIGHT_SCALE * (1 + index / count) for index in range(count))
    data = XorShift32(prod(shape)).int8(shape)
    # Converters write symmetric weights: -128 does not occur.
    return Tensor("weights", shape, scales, channel_axis=channel_axis, data=np.maximum(data, -127))


def _output_quantisation(activation: int, deviation: float) -> tuple[float, int]:
    """Many levels within the activation's bounds, and sums that lie beyond them or saturate."""
    if activation == schema.ActivationFunctionType.RELU6:
        return 7 / 255, -110
    if activation == schema.ActivationFunctionType.RELU_N1_TO_1:
        return 2.5 / 255, 11
    return 2 * deviation / 127, 11


def _windowed(options: Any, stride: Pair, dilation: Pair, padding: str, activation: str) -> Any:
    options.strideH, options.strideW = stride
    options.dilationHFactor, options.dilationWFactor = dilation
    options.padding = getattr(schema.Padding, padding)
    options.fusedActivationFunction = getattr(schema.ActivationFunctionType, activation)
    return options


def _spatial(size: Pair, window: Pair, stride: Pair, dilation: Pair, padding: str) -> Pair:
    height, width = (
        ceil(extent / step) if padding == "SAME" else ceil((extent - (reach - 1) * spread) / step)
        for extent, reach, step, spread in zip(size, window, stride, dilation, strict=True)
    )
    return height, width


def _seed(name: str) -> int:
    return sum(name.encode())
