"""Random models of the element-wise operators, reductions and the softmax family."""

from __future__ import annotations

from collections.abc import Callable

from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

from draw import Draw, indices
from graph import Model, Node, Tensor, single

Family = Callable[[Draw], Model]

ACTIVATIONS = ("NONE", "NONE", "RELU", "RELU6", "RELU_N1_TO_1")


def activation(draw: Draw) -> int:
    return int(getattr(schema.ActivationFunctionType, draw.pick(ACTIVATIONS)))


def unary_float(code: str) -> Family:
    def make(draw: Draw) -> Model:
        shape = draw.shape(0 if draw.chance(0.05) else 1, 5)
        return single(code, None, [Tensor("float32", shape)], [Tensor("float32", shape)])

    return make


def unary(code: str, types: tuple[str, ...], output: Callable[[Draw, Tensor], None]) -> Family:
    """One input and one output of a type; `output` sets the quantisation of the second."""

    def make(draw: Draw) -> Model:
        type_ = draw.pick(types)
        source = draw.tensor(type_, draw.shape(1, 5))
        result = source.like()
        if source.scales:
            output(draw, result)
        return single(code, _unary_options(code, draw), [source], [result])

    return make


def _unary_options(code: str, draw: Draw) -> object:
    if code != "LEAKY_RELU":
        return None
    options = schema.LeakyReluOptionsT()
    options.alpha = draw.pick((0.0, 0.1, 0.2, 0.01, -0.5, 1.0, 1.5, draw.float(-1, 1)))
    return options


def _other(draw: Draw, result: Tensor) -> None:
    """A quantisation of its own, not far from the input's."""
    if draw.chance(0.7):
        result.scales = (result.scales[0] * draw.log_float(0.2, 5),)
    if draw.chance(0.7):
        result.zero_point = draw.zero_point(result.type)


def _same(_: Draw, __: Tensor) -> None:
    """The input's quantisation."""


def _logistic(_: Draw, result: Tensor) -> None:
    if result.type == "int8":
        result.scales, result.zero_point = (1 / 256,), -128
    else:
        result.scales = (1 / 32768,)


def _tanh(_: Draw, result: Tensor) -> None:
    result.scales = (1 / 128 if result.type == "int8" else 1 / 32768,)
    result.zero_point = 0


def abs_(draw: Draw) -> Model:
    type_ = draw.pick(("float32", "int8", "int16"))
    source = draw.tensor(type_, draw.shape())
    if type_ == "int16" and draw.chance(0.4):
        source.scales = ()
    result = source.like()
    if source.scales and draw.chance(0.7):
        _other(draw, result)
    return single("ABS", schema.AbsOptionsT(), [source], [result])


def rsqrt(draw: Draw) -> Model:
    source = draw.tensor(draw.pick(("float32", "int8")), draw.shape())
    result = source.like()
    if source.scales:
        if draw.chance(0.8):
            source.within = (source.zero_point, 127)
        result.scales = (draw.log_float(1e-3, 0.5),)
        result.zero_point = draw.zero_point("int8")
    return single("RSQRT", None, [source], [result])


def cast(draw: Draw) -> Model:
    types = ("bool", "int8", "uint8", "int16", "int32", "uint32", "int64", "float32")
    from_type = draw.pick(types)
    to_type = draw.pick(types[1:])
    shape = draw.shape()
    source = Tensor(from_type, shape)
    if from_type == "float32":
        # Beyond the range of the target, C leaves the result open.
        limit = {"int8": 127, "uint8": 255, "int16": 32767}.get(to_type, 2e9)
        source.within = (0 if to_type.startswith("u") else -limit, limit)
    options = schema.CastOptionsT()
    options.inDataType = getattr(schema.TensorType, from_type.upper())
    options.outDataType = getattr(schema.TensorType, to_type.upper())
    return single("CAST", options, [source], [Tensor(to_type, shape)])


def quantize(draw: Draw) -> Model:
    pairs = (
        ("float32", "int8"),
        ("float32", "int16"),
        ("int8", "int8"),
        ("int8", "uint8"),
        ("int8", "int16"),
        ("int8", "int32"),
        ("uint8", "int8"),
        ("int16", "int8"),
        ("int16", "int16"),
        ("int16", "int32"),
        ("int32", "int8"),
        ("int32", "int16"),
    )
    from_type, to_type = draw.pick(pairs)
    shape = draw.shape()
    source, result = draw.tensor(from_type, shape), draw.tensor(to_type, shape)
    if from_type == "int32":
        source.scales = (draw.log_float(1e-6, 0.1),)
        if draw.chance(0.5):
            source.within = (-100000, 100000)
    if to_type == "int32":
        result.scales = (draw.log_float(1e-6, 0.5),)
    if to_type == "uint8" and from_type == "int8":
        result.scales = source.scales if draw.chance(0.5) else result.scales
    if from_type == "float32":
        # Beyond int32 C leaves the result open.
        reach = result.scales[0] * draw.pick((1, 150, 40000, 1e9))
        source.within = (-reach, reach)
    return single("QUANTIZE", schema.QuantizeOptionsT(), [source], [result])


def dequantize(draw: Draw) -> Model:
    shape = draw.shape()
    if draw.chance(0.1):
        # Half floats are weights in the file.
        halves, floats = draw.constant("float16", shape), Tensor("float32", shape)
        model = single("DEQUANTIZE", schema.DequantizeOptionsT(), [halves], [floats])
        graph = model.graphs[0]
        source, result = floats.like(), floats.like()
        graph.inputs, graph.outputs = [source], [result]
        graph.nodes.append(Node("ADD", schema.AddOptionsT(), [source, floats], [result]))
        return model
    source = draw.tensor(draw.pick(("int8", "int16", "uint8")), shape)
    result = Tensor("float32", shape)
    return single("DEQUANTIZE", schema.DequantizeOptionsT(), [source], [result])


BINARY_OPTIONS = {
    "ADD": schema.AddOptionsT,
    "SUB": schema.SubOptionsT,
    "MUL": schema.MulOptionsT,
    "DIV": schema.DivOptionsT,
}


def binary(code: str, types: tuple[str, ...], rank: int = 6) -> Family:
    def make(draw: Draw) -> Model:
        type_ = draw.pick(types)
        shape = draw.shape(0, rank, size=5, elements=200)
        first_shape, second_shape = draw.broadcast(shape)
        first, second = draw.tensor(type_, first_shape), draw.tensor(type_, second_shape)
        if draw.chance(0.03):
            second = first
            shape = first.shape
        result = draw.tensor(type_, shape)
        _suit(code, draw, first, second, result)
        if draw.chance(0.2):
            draw.either(draw.pick((first, second)), 1)
        options = None
        if code in BINARY_OPTIONS:
            options = BINARY_OPTIONS[code]()
            options.fusedActivationFunction = activation(draw)
        return single(code, options, [first, second], [result])

    return make


def _suit(code: str, draw: Draw, first: Tensor, second: Tensor, result: Tensor) -> None:
    """Quantisations and ranges with which there is something to see."""
    if code in ("MAXIMUM", "MINIMUM"):
        return
    if code in ("DIV", "FLOOR_DIV"):
        if second.type == "int32":
            second.within = (1, 1000) if draw.chance(0.5) else (-1000, -1)
        elif second.type == "int8":
            second.within = (second.zero_point + 1, 127) if second.zero_point < 127 else (-128, 126)
            # Upstream shifts by more than a register has where the dividend or the factor is small.
            up = first.zero_point < 64
            first.within = (first.zero_point + 64, 127) if up else (-128, first.zero_point - 64)
        else:
            second.within = draw.pick(((0.01, 3), (-3, -0.01)))
    if not result.scales or not first.scales or not second.scales:
        return
    a, b = first.scales[0], second.scales[0]
    wanted = {"MUL": a * b * 127, "DIV": a / b / 30, "SQUARED_DIFFERENCE": (a + b) ** 2 * 40}
    if draw.chance(0.85):
        result.scales = (wanted.get(code, a + b) * draw.log_float(0.1, 3),)
    if code == "DIV":
        result.scales = (min(result.scales[0], a / b / 2),)


def compare(code: str, types: tuple[str, ...]) -> Family:
    """Half of the values are equal ones, now and then."""

    def make(draw: Draw) -> Model:
        type_ = draw.pick(types)
        shape = draw.shape(1, 4, size=5)
        first_shape, second_shape = draw.broadcast(shape)
        first, second = draw.tensor(type_, first_shape), draw.tensor(type_, second_shape)
        if type_ == "int8" and draw.chance(0.5):
            second.scales, second.zero_point = first.scales, first.zero_point
        if type_ in ("int32", "int64", "int8") and draw.chance(0.5):
            first.within = second.within = (-3, 3)
        if draw.chance(0.2):
            draw.either(second, 1)
        return single(code, None, [first, second], [Tensor("bool", shape)])

    return make


def logical_not(draw: Draw) -> Model:
    shape = draw.shape()
    return single("LOGICAL_NOT", None, [Tensor("bool", shape)], [Tensor("bool", shape)])


def prelu(draw: Draw) -> Model:
    type_ = draw.pick(("float32", "int8", "int16"))
    shape = draw.shape(1, 4)
    source = draw.tensor(type_, shape)
    alpha_shape = list(shape)
    for axis in range(len(shape) - 1):
        if draw.chance(0.8):
            alpha_shape[axis] = 1
    if draw.chance(0.3):
        alpha_shape = alpha_shape[-1:]
    alpha = draw.constant("int8" if type_ == "int16" else type_, tuple(alpha_shape))
    result = source.like()
    if result.scales:
        _other(draw, result)
    return single("PRELU", None, [source, alpha], [result])


def add_n(draw: Draw) -> Model:
    type_ = draw.pick(("float32", "int8"))
    shape = draw.shape()
    first = draw.tensor(type_, shape)
    inputs = [first, *(first.like() for _ in range(draw.int(0, 4)))]
    result = first.like()
    if result.scales:
        _other(draw, result)
    if draw.chance(0.3):
        inputs = [draw.either(tensor, 0.3) for tensor in inputs]
    return single("ADD_N", schema.AddNOptionsT(), inputs, [result])


def select(code: str) -> Family:
    def make(draw: Draw) -> Model:
        type_ = draw.pick(("float32", "int8", "int16", "int32", "int64"))
        shape = draw.shape(1, 5, size=4)
        if code == "SELECT":
            # A vector, which would choose rows, is not executed here.
            condition_shape = first_shape = second_shape = shape
            if draw.chance(0.3):
                condition_shape = ()
        else:
            first_shape, second_shape = draw.broadcast(shape)
            condition_shape = shape if draw.chance(0.5) else (1,)
        condition = Tensor("bool", condition_shape)
        first = draw.tensor(type_, first_shape)
        second, result = first.like(second_shape), first.like(shape)
        options = schema.SelectV2OptionsT() if code == "SELECT_V2" else schema.SelectOptionsT()
        return single(code, options, [condition, first, second], [result])

    return make


def reduction(code: str, types: tuple[str, ...]) -> Family:
    def make(draw: Draw) -> Model:
        type_ = draw.pick(types)
        shape = draw.shape(1, 5 if draw.chance(0.2) else 4)
        source = draw.tensor(type_, shape)
        axes = draw.axes(len(shape))
        if draw.chance(0.25) and len(shape) == 4:
            axes = [1, 2]
        if draw.chance(0.1):
            axes = [*axes, axes[0]]
        reduced = {axis % len(shape) for axis in axes}
        options = schema.ReducerOptionsT()
        options.keepDims = draw.chance(0.5)
        output_shape = tuple(
            1 if axis in reduced else size
            for axis, size in enumerate(shape)
            if options.keepDims or axis not in reduced
        )
        result = source.like(output_shape)
        if result.scales and code in ("MEAN", "SUM"):
            _other(draw, result)
        axis_tensor = indices(axes)
        if len(axes) == 1 and draw.chance(0.3):
            axis_tensor = indices(axes, shape=())
        return single(code, options, [source, axis_tensor], [result])

    return make


def arg(code: str) -> Family:
    def make(draw: Draw) -> Model:
        shape = draw.shape(1, 5)
        source = draw.tensor(draw.pick(("float32", "int8")), shape)
        axis = draw.int(-len(shape), len(shape) - 1)
        output = tuple(size for at, size in enumerate(shape) if at != axis % len(shape))
        if draw.chance(0.3) and source.type == "int8":
            source.within = (-2, 2)
        options = schema.ArgMaxOptionsT() if code == "ARG_MAX" else schema.ArgMinOptionsT()
        options.outputType = schema.TensorType.INT32
        axis_tensor = indices([axis], shape=draw.pick(((), (1,))))
        return single(code, options, [source, axis_tensor], [Tensor("int32", output)])

    return make


def cumsum(draw: Draw) -> Model:
    shape = draw.shape()
    source = draw.tensor(draw.pick(("float32", "int8")), shape)
    result = source.like()
    if result.scales:
        _other(draw, result)
    options = schema.CumsumOptionsT()
    options.exclusive, options.reverse = draw.chance(0.5), draw.chance(0.5)
    axis = draw.int(-len(shape), len(shape) - 1)
    return single("CUMSUM", options, [source, indices([axis], shape=())], [result])


def softmax(draw: Draw) -> Model:
    from_type, to_type = draw.pick(
        (("float32", "float32"), ("int8", "int8"), ("int8", "int16"), ("int16", "int16"))
    )
    shape = draw.shape(1, 5 if draw.chance(0.1) else 4, size=9)
    source = draw.tensor(from_type, shape)
    result = Tensor(to_type, shape)
    if to_type == "int8":
        result.scales, result.zero_point = (1 / 256,), -128
    elif to_type == "int16":
        narrow = from_type == "int8"
        result.scales, result.zero_point = ((1 / 65536,), -32768) if narrow else ((1 / 32768,), 0)
    options = schema.SoftmaxOptionsT()
    options.beta = draw.pick((1.0, 1.0, 0.5, 2.0, draw.log_float(0.01, 10)))
    return single("SOFTMAX", options, [source], [result])


def log_softmax(draw: Draw) -> Model:
    shape = draw.shape(1, 4, size=9)
    source = draw.tensor(draw.pick(("float32", "int8")), shape)
    result = Tensor(source.type, shape)
    if source.scales:
        result.scales, result.zero_point = (16 / 256,), 127
    return single("LOG_SOFTMAX", schema.LogSoftmaxOptionsT(), [source], [result])


def l2_normalization(draw: Draw) -> Model:
    shape = draw.shape(1, 4, size=9)
    source = draw.tensor(draw.pick(("float32", "int8")), shape)
    result = Tensor(source.type, shape)
    if source.scales:
        result.scales = (1 / 128,)
    return single("L2_NORMALIZATION", schema.L2NormOptionsT(), [source], [result])


def _names(*names: str) -> tuple[str, ...]:
    return names


THREE = _names("float32", "int8", "int16")
ORDERED = _names("float32", "int8", "int32", "int64")

FAMILIES: dict[str, Family] = {
    **{
        code: unary_float(code)
        for code in ("CEIL", "COS", "EXP", "FLOOR", "LOG", "NEG", "ROUND", "SIN", "SQRT", "SQUARE")
    },
    "ABS": abs_,
    "RSQRT": rsqrt,
    "ELU": unary("ELU", ("float32", "int8"), _other),
    "HARD_SWISH": unary("HARD_SWISH", ("float32", "int8"), _other),
    "LEAKY_RELU": unary("LEAKY_RELU", THREE, _other),
    "LOGISTIC": unary("LOGISTIC", THREE, _logistic),
    "TANH": unary("TANH", THREE, _tanh),
    "RELU": unary("RELU", THREE, _other),
    "RELU6": unary("RELU6", THREE, _same),
    "ZEROS_LIKE": unary("ZEROS_LIKE", ORDERED, _same),
    "CAST": cast,
    "QUANTIZE": quantize,
    "DEQUANTIZE": dequantize,
    "LOGICAL_NOT": logical_not,
    "ADD": binary("ADD", (*THREE, "int32")),
    "SUB": binary("SUB", (*THREE, "int32")),
    "MUL": binary("MUL", (*THREE, "int32")),
    "DIV": binary("DIV", ("float32", "int8", "int32")),
    "SQUARED_DIFFERENCE": binary("SQUARED_DIFFERENCE", (*THREE, "int32")),
    "MAXIMUM": binary("MAXIMUM", (*THREE, "int32", "int64")),
    "MINIMUM": binary("MINIMUM", (*THREE, "int32", "int64")),
    "FLOOR_DIV": binary("FLOOR_DIV", ("float32",)),
    "FLOOR_MOD": binary("FLOOR_MOD", ("float32",)),
    "LOGICAL_AND": binary("LOGICAL_AND", ("bool",)),
    "LOGICAL_OR": binary("LOGICAL_OR", ("bool",)),
    "EQUAL": compare("EQUAL", (*ORDERED, "bool")),
    "NOT_EQUAL": compare("NOT_EQUAL", (*ORDERED, "bool")),
    **{
        code: compare(code, ORDERED)
        for code in ("GREATER", "GREATER_EQUAL", "LESS", "LESS_EQUAL")
    },
    "PRELU": prelu,
    "ADD_N": add_n,
    "SELECT": select("SELECT"),
    "SELECT_V2": select("SELECT_V2"),
    "MEAN": reduction("MEAN", THREE),
    "SUM": reduction("SUM", THREE),
    "REDUCE_MAX": reduction("REDUCE_MAX", ("float32", "int8")),
    "REDUCE_MIN": reduction("REDUCE_MIN", ("float32", "int8")),
    "REDUCE_ALL": reduction("REDUCE_ALL", ("bool",)),
    "ARG_MAX": arg("ARG_MAX"),
    "ARG_MIN": arg("ARG_MIN"),
    "CUMSUM": cumsum,
    "SOFTMAX": softmax,
    "LOG_SOFTMAX": log_softmax,
    "L2_NORMALIZATION": l2_normalization,
}

