"""Random models of the layers with weights, of pools and of recurrent layers."""

from __future__ import annotations

from math import ceil, prod
from typing import Any

import numpy as np
from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

from draw import Draw, Shape, indices
from graph import Model, Tensor, single
from random_arithmetic import Family, activation

KINDS = (
    ("float32", "float32", "float32"),
    ("int8", "int8", "int32"),
    ("int8", "int8", "int32"),
    ("int8", "int4", "int32"),
    ("int16", "int8", "int64"),
    ("int16", "int8", "int32"),
)


def weights(
    draw: Draw, type_: str, shape: Shape, channels: int, axis: int, *, per_channel: bool
) -> Tensor:
    tensor = Tensor(type_, shape, axis=axis)
    if type_ != "float32":
        tensor.scales = tuple(
            draw.log_float(1e-3, 0.05) for _ in range(channels if per_channel else 1)
        )
    if type_ == "int8":
        tensor.within = (-127, 127)
    tensor.data = draw.values(tensor, draw.pick(("wide", "narrow", "wide")))
    return tensor


def bias(draw: Draw, type_: str, channels: int, source: Tensor, filters: Tensor) -> Tensor:
    tensor = Tensor(type_, (channels,))
    if source.scales:
        tensor.scales = tuple(
            float(np.float32(source.scales[0]) * np.float32(scale)) for scale in filters.scales
        )
        most = 2**31 - 1 if draw.chance(0.04) and type_ == "int32" else draw.pick((100, 20000))
        tensor.within = (-most, most)
    tensor.data = draw.values(tensor, "wide" if source.scales else "narrow")
    return tensor


def output_of(draw: Draw, source: Tensor, filters: Tensor, shape: Shape, products: int) -> Tensor:
    result = draw.tensor(source.type, shape)
    if source.scales:
        deviation = 74 if source.type == "int8" else 18000
        reach = source.scales[0] * max(filters.scales) * deviation * 60 * products**0.5
        levels = 127 if source.type == "int8" else 32767
        result.scales = (float(np.float32(reach * draw.log_float(0.3, 4) / levels)),)
    return result


def spatial(size: int, window: int, stride: int, dilation: int, padding: int) -> int:
    if padding == schema.Padding.SAME:
        return ceil(size / stride)
    return ceil((size - (window - 1) * dilation) / stride)


def window_of(draw: Draw, most: int = 4) -> tuple[int, int]:
    return draw.pick(((1, 1), (draw.int(1, most), draw.int(1, most)), (3, 3)))


def convolution(code: str) -> Family:
    deep = code == "DEPTHWISE_CONV_2D"

    def make(draw: Draw) -> Model:
        kinds = [kind for kind in KINDS if not deep or kind != ("int16", "int8", "int32")]
        source_type, filter_type, bias_type = draw.pick(kinds)
        window = window_of(draw)
        options: Any = schema.DepthwiseConv2DOptionsT() if deep else schema.Conv2DOptionsT()
        options.strideH, options.strideW = draw.pick(((1, 1), (2, 2), (draw.int(1, 3), draw.int(1, 3))))
        dilation = draw.pick(((1, 1), (1, 1), (draw.int(1, 3), draw.int(1, 3))))
        options.dilationHFactor, options.dilationWFactor = dilation
        options.padding = draw.int(0, 1)
        options.fusedActivationFunction = activation(draw)
        height, width = (
            (size - 1) * spread + draw.int(1, 6)
            for size, spread in zip(window, dilation, strict=True)
        )
        batch, channels = draw.int(1, 2), draw.int(1, 9)
        groups = 1
        if deep:
            multiplier = draw.pick((1, 1, 2, draw.int(1, 5)))
            options.depthMultiplier = multiplier
            filters_count, filter_shape, axis = channels * multiplier, (1, *window, channels * multiplier), 3
            products = prod(window)
        else:
            if draw.chance(0.2):
                groups = draw.int(2, 3)
            depth = channels
            channels = depth * groups
            filters_count = draw.int(1, 5) * groups
            filter_shape, axis = (filters_count, *window, depth), 0
            products = prod(window) * depth
        source = draw.tensor(source_type, (batch, height, width, channels))
        per_channel = filter_type != "float32" and draw.chance(0.6)
        filters = weights(draw, filter_type, filter_shape, filters_count, axis, per_channel=per_channel)
        inputs: list[Tensor | None] = [source, filters]
        if deep or draw.chance(0.8):
            inputs.append(bias(draw, bias_type, filters_count, source, filters))
        elif source_type == "int16":
            options.quantizedBiasType = getattr(schema.TensorType, bias_type.upper())
        rows, columns = (
            spatial(size, reach, stride, spread, options.padding)
            for size, reach, stride, spread in zip(
                (height, width), window, (options.strideH, options.strideW), dilation, strict=True
            )
        )
        shape = (batch, rows, columns, filters_count)
        return single(code, options, inputs, [output_of(draw, source, filters, shape, products)])

    return make


def fully_connected(draw: Draw) -> Model:
    source_type, filter_type, bias_type = draw.pick(KINDS)
    depth, units, batch = draw.int(1, 40), draw.int(1, 9), draw.int(1, 3)
    options = schema.FullyConnectedOptionsT()
    options.fusedActivationFunction = activation(draw)
    source_shape: Shape = (batch, depth)
    output_shape: Shape = (batch, units)
    if draw.chance(0.3):
        source_shape = (batch, draw.int(1, 3), depth)
        options.keepNumDims = True
        output_shape = (*source_shape[:-1], units)
    source = draw.tensor(source_type, source_shape)
    per_channel = filter_type == "int8" and draw.chance(0.4)
    filters = weights(draw, filter_type, (units, depth), units, 0, per_channel=per_channel)
    inputs: list[Tensor | None] = [source, filters]
    if draw.chance(0.75):
        inputs.append(bias(draw, bias_type, units, source, filters))
    else:
        if draw.chance(0.5):
            inputs.append(None)
        if source_type == "int16":
            options.quantizedBiasType = getattr(schema.TensorType, bias_type.upper())
    result = output_of(draw, source, filters, output_shape, depth)
    return single("FULLY_CONNECTED", options, inputs, [result])


def transpose_conv(draw: Draw) -> Model:
    source_type, filter_type, bias_type = draw.pick(
        (
            ("float32", "float32", "float32"),
            ("int8", "int8", "int32"),
            ("int16", "int8", "int64"),
            ("int16", "int8", "int16"),
        )
    )
    window = window_of(draw, 3)
    options = schema.TransposeConvOptionsT()
    options.strideH, options.strideW = draw.int(1, 3), draw.int(1, 3)
    options.padding = draw.int(0, 1)
    options.fusedActivationFunction = activation(draw)
    batch, height, width, depth = draw.int(1, 2), draw.int(1, 4), draw.int(1, 4), draw.int(1, 4)
    units = draw.int(1, 4)
    rows, columns = (
        size * stride
        if options.padding == schema.Padding.SAME
        else (size - 1) * stride + reach + (draw.int(0, stride - 1) if draw.chance(0.1) else 0)
        for size, reach, stride in zip(
            (height, width), window, (options.strideH, options.strideW), strict=True
        )
    )
    source = draw.tensor(source_type, (batch, height, width, depth))
    per_channel = filter_type == "int8" and draw.chance(0.6)
    filters = weights(draw, filter_type, (units, *window, depth), units, 0, per_channel=per_channel)
    output = (batch, rows, columns, units)
    inputs: list[Tensor | None] = [indices(output), filters, source]
    if draw.chance(0.7):
        inputs.append(bias(draw, bias_type, units, source, filters))
    result = output_of(draw, source, filters, output, depth * prod(window))
    return single("TRANSPOSE_CONV", options, inputs, [result])


def pool(code: str, types: tuple[str, ...]) -> Family:
    def make(draw: Draw) -> Model:
        options = schema.Pool2DOptionsT()
        window = window_of(draw)
        options.filterHeight, options.filterWidth = window
        options.strideH, options.strideW = draw.int(1, 3), draw.int(1, 3)
        options.padding = draw.int(0, 1)
        options.fusedActivationFunction = activation(draw)
        height, width = (size + draw.int(0, 5) for size in window)
        source = draw.tensor(draw.pick(types), (draw.int(1, 2), height, width, draw.int(1, 5)))
        rows, columns = (
            spatial(size, reach, stride, 1, options.padding)
            for size, reach, stride in zip(
                (height, width), window, (options.strideH, options.strideW), strict=True
            )
        )
        result = source.like((source.shape[0], rows, columns, source.shape[3]))
        return single(code, options, [source], [result])

    return make


def batch_matmul(draw: Draw) -> Model:
    type_ = draw.pick(("float32", "int8", "int16"))
    rows, inner, columns = draw.int(1, 5), draw.int(1, 6), draw.int(1, 5)
    batches = draw.shape(0, 3, size=3) if draw.chance(0.8) else ()
    first_batches, second_batches = batches, batches
    if batches and draw.chance(0.4):
        first_batches, second_batches = draw.broadcast(batches)
    options = schema.BatchMatMulOptionsT()
    options.adjX, options.adjY = draw.chance(0.4), draw.chance(0.4)
    first = draw.tensor(
        type_, (*first_batches, *((inner, rows) if options.adjX else (rows, inner)))
    )
    second = draw.tensor(
        type_, (*second_batches, *((columns, inner) if options.adjY else (inner, columns)))
    )
    draw.either(second, 0.3)
    result = draw.tensor(type_, (*batches, rows, columns))
    if result.scales:
        levels = 127 if type_ == "int8" else 32767
        reach = first.scales[0] * second.scales[0] * levels * levels * 0.4 * inner**0.5
        result.scales = (float(np.float32(reach * draw.log_float(0.4, 4) / levels)),)
    return single("BATCH_MATMUL", options, [first, second], [result])


def svdf(draw: Draw) -> Model:
    kind = draw.pick(("float32", "int16", "int8"))
    rank, units, memory = draw.int(1, 3), draw.int(1, 4), draw.int(1, 6)
    batch, depth = draw.int(1, 2), draw.int(1, 7)
    filters = rank * units
    options = schema.SVDFOptionsT()
    options.rank = rank
    options.fusedActivationFunction = draw.pick(
        (schema.ActivationFunctionType.NONE, schema.ActivationFunctionType.RELU)
    )
    if kind == "float32":
        inputs = [
            Tensor("float32", (batch, depth)),
            draw.constant("float32", (filters, depth)),
            draw.constant("float32", (filters, memory)),
            draw.constant("float32", (units,)) if draw.chance(0.7) else None,
            Tensor("float32", (batch, memory * filters), variable=True),
        ]
        return single("SVDF", options, inputs, [Tensor("float32", (batch, units))], invokes=6)
    source = draw.tensor("int8", (batch, depth))
    feature = draw.tensor("int8", (filters, depth), scales=(draw.log_float(1e-3, 0.02),), zero_point=0)
    time_scale = draw.log_float(1e-3, 0.02) if kind == "int8" else draw.log_float(1e-5, 1e-4)
    state_scale = source.scales[0] * feature.scales[0] * 74 * 74 * depth**0.5
    state_scale = float(np.float32(state_scale * 3 / (127 if kind == "int8" else 32767)))
    time = Tensor(kind, (filters, memory), (time_scale,))
    feature.data, time.data = draw.values(feature), draw.values(time)
    offset = Tensor("int32", (units,), (float(np.float32(time_scale) * np.float32(state_scale)),))
    offset.within = (-2000, 2000)
    offset.data = draw.values(offset, "wide")
    zero = draw.zero_point("int8") if kind == "int8" and draw.chance(0.3) else 0
    state = Tensor(kind, (batch, memory * filters), (state_scale,), zero, variable=True)
    result = draw.tensor("int8", (batch, units))
    spread = 74 if kind == "int8" else 18000
    reach = time_scale * state_scale * spread * spread * 0.6 * (memory * rank) ** 0.5
    result.scales = (float(np.float32(reach * draw.log_float(0.5, 3) / 127)),)
    return single("SVDF", options, [source, feature, time, offset, state], [result], invokes=6)


def lstm(draw: Draw) -> Model:
    type_ = draw.pick(("float32", "int8", "int16"))
    batch, steps, depth, units = draw.int(1, 2), draw.int(1, 4), draw.int(1, 5), draw.int(1, 5)
    options = schema.UnidirectionalSequenceLSTMOptionsT()
    options.timeMajor = draw.chance(0.5)
    options.cellClip = draw.pick((0.0, 0.0, 0.5, 3.0))
    options.projClip = 0.0
    options.fusedActivationFunction = schema.ActivationFunctionType.TANH
    sequence = (steps, batch) if options.timeMajor else (batch, steps)
    quantised = type_ != "float32"
    source = Tensor(type_, (*sequence, depth))
    if options.cellClip > 0 and not quantised:
        # Commits of upstream clip NaN differently.
        source.within = (-9, 9)
    result = Tensor(type_, (*sequence, units))
    if type_ == "int8":
        source.scales, source.zero_point = (draw.log_float(0.003, 0.05),), draw.int(-20, 20)
        result.scales, result.zero_point = (1 / 128,), draw.int(-10, 10)
    elif quantised:
        source.scales, result.scales = (draw.log_float(2e-5, 1e-4),), (1 / 32768,)
    hidden = Tensor(type_, (batch, units), result.scales, result.zero_point, variable=True)
    cell = Tensor("int16" if quantised else type_, (batch, units), variable=True)
    if quantised:
        cell.scales = (2.0 ** draw.int(-13, -9),)
    weight_type = "int8" if quantised else "float32"

    def matrix(columns: int) -> Tensor:
        tensor = Tensor(weight_type, (units, columns))
        if quantised:
            tensor.scales, tensor.within = (draw.log_float(2e-3, 0.02),), (-127, 127)
        tensor.data = draw.values(tensor, "wide" if quantised else "narrow")
        return tensor

    from_input = [matrix(depth) for _ in range(4)]
    from_hidden = [matrix(units) for _ in range(4)]
    biases = []
    for filters in from_input:
        offset = Tensor({"int8": "int32", "int16": "int64"}.get(type_, type_), (units,))
        if quantised:
            offset.scales = (float(np.float32(source.scales[0]) * np.float32(filters.scales[0])),)
            offset.within = (-5000, 5000) if type_ == "int8" else (-900000, 900000)
        offset.data = draw.values(offset, "wide" if quantised else "narrow")
        biases.append(offset)
    inputs = [
        source,
        *from_input,
        *from_hidden,
        *[None] * 3,
        *biases,
        *[None] * 2,
        hidden,
        cell,
        *[None] * 4,
    ]
    return single("UNIDIRECTIONAL_SEQUENCE_LSTM", options, inputs, [result], invokes=3)


FAMILIES: dict[str, Family] = {
    "CONV_2D": convolution("CONV_2D"),
    "DEPTHWISE_CONV_2D": convolution("DEPTHWISE_CONV_2D"),
    "FULLY_CONNECTED": fully_connected,
    "TRANSPOSE_CONV": transpose_conv,
    "AVERAGE_POOL_2D": pool("AVERAGE_POOL_2D", ("float32", "int8", "int16")),
    "MAX_POOL_2D": pool("MAX_POOL_2D", ("float32", "int8", "int16")),
    "L2_POOL_2D": pool("L2_POOL_2D", ("float32",)),
    "BATCH_MATMUL": batch_matmul,
    "SVDF": svdf,
    "UNIDIRECTIONAL_SEQUENCE_LSTM": lstm,
}
