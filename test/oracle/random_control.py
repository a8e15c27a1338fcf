"""Random models of subgraphs and variables, and of two or three operators in a row."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

import random_arithmetic
import random_layers
import random_moves
from draw import Draw, indices
from graph import Graph, Model, Node, Tensor
from random_arithmetic import Family

TYPES = ("float32", "int8")
MOVED = ("int16", "int32", "int64", "uint8", "bool", "uint32", "uint64", "uint16")
"""Types that borders of subgraphs and variables have, but few operators."""


def _branch(draw: Draw, like: Tensor) -> Graph:
    """From one tensor to one of the same type and shape."""
    source, result = like.like(), like.like()
    what = draw.int(0, 3)
    if what == 0 or like.type not in TYPES:
        return Graph([], [source], [source])
    if what == 1:
        return Graph([Node("RELU", None, [source], [result])], [source], [result])
    constant = like.like()
    constant.data = draw.values(constant, "narrow")
    if what == 2:
        return Graph([Node("MAXIMUM", None, [source, constant], [result])], [source], [result])
    middle = like.like()
    nodes = [
        Node("MINIMUM", None, [source, constant], [middle]),
        Node("RELU", None, [middle], [result]),
    ]
    return Graph(nodes, [source], [result])


def if_(draw: Draw) -> Model:
    condition = Tensor("bool", draw.pick(((), (1,))))
    type_ = draw.pick(TYPES if draw.chance(0.7) else MOVED)
    source = draw.tensor(type_, draw.shape())
    result = source.like()
    options = schema.IfOptionsT()
    options.thenSubgraphIndex, options.elseSubgraphIndex = 1, 2
    nodes = [Node("IF", options, [condition, source], [result])]
    outputs = [result]
    if type_ in TYPES and draw.chance(0.4):
        after = source.like()
        nodes.append(Node("RELU", None, [result], [after]))
        outputs = [after] if draw.chance(0.5) else [result, after]
    main = Graph(nodes, [condition, source], outputs)
    return Model([main, _branch(draw, source), _branch(draw, source)], invokes=3)


def while_(draw: Draw) -> Model:
    """Counts up to an input, and changes a second tensor each time."""
    shape = draw.shape()
    type_ = draw.pick(("float32", "int32"))
    counter = Tensor(type_, (1,), within=(-3, 4))
    carried = Tensor("float32", shape, within=(-2, 2))
    moved = draw.chance(0.3)
    if moved:
        carried = draw.tensor(draw.pick((*MOVED, "int8")), shape)
    options = schema.WhileOptionsT()
    options.condSubgraphIndex, options.bodySubgraphIndex = 1, 2
    outputs = [counter.like(), carried.like()]
    main = Graph(
        [Node("WHILE", options, [counter, carried], outputs)], [counter, carried], outputs
    )
    least = Tensor(type_, (1,), data=np.array([draw.float(-2, 6)]))
    answer = Tensor("bool", (1,))
    given = [counter.like(), carried.like()]
    condition = Graph([Node("LESS", None, [given[0], least], [answer])], given, [answer])
    step = Tensor(type_, (1,), data=np.array([draw.float(1, 2)]))
    given, returned = [counter.like(), carried.like()], [counter.like(), carried.like()]
    add, change = schema.AddOptionsT(), schema.MulOptionsT()
    factor = Tensor("float32", (1,), data=np.array([draw.float(-1.5, 1.5)], np.float32))
    nodes = [Node("ADD", add, [given[0], step], [returned[0]])]
    if not moved and draw.chance(0.7):
        nodes.append(Node("MUL", change, [given[1], factor], [returned[1]]))
    else:
        returned[1] = given[1]
    body = Graph(nodes, given, returned)
    if draw.chance(0.5):
        for graph in (main, condition, body):
            graph.inputs.reverse()
        for tensors in (main.outputs, body.outputs, main.nodes[0].inputs):
            tensors.reverse()
    return Model([main, condition, body], invokes=2)


def _handle(name: str, resource: Tensor) -> Node:
    options = schema.VarHandleOptionsT()
    options.container, options.sharedName = "", name
    return Node("VAR_HANDLE", options, [], [resource])


def variable(draw: Draw) -> Model:
    """Reads a variable, gives it what it held with an input, and is set once by another subgraph."""
    shape = draw.shape(1, 3)
    type_ = draw.pick(TYPES if draw.chance(0.6) else MOVED)
    value = draw.tensor(type_, shape)
    first = value.like()
    first.data = draw.values(first, "narrow")
    handle = Tensor("resource", ())
    init = Graph(
        [
            _handle("a", handle),
            Node("ASSIGN_VARIABLE", schema.AssignVariableOptionsT(), [handle, first], []),
        ],
        [],
        [],
    )
    once = schema.CallOnceOptionsT()
    once.initSubgraphIndex = 1
    held, here, result = value.like(), Tensor("resource", ()), value.like()
    nodes = [
        *([Node("CALL_ONCE", once, [], [])] if draw.chance(0.7) else []),
        _handle("a", here),
        Node("READ_VARIABLE", schema.ReadVariableOptionsT(), [here], [held]),
    ]
    outputs = [held]
    if type_ in (*TYPES, "int16", "int32", "int64"):
        code = "MAXIMUM" if draw.chance(0.5) else "MINIMUM"
        nodes.append(Node(code, None, [held, value], [result]))
        outputs = [result, held]
    else:
        result = value
    nodes.append(Node("ASSIGN_VARIABLE", schema.AssignVariableOptionsT(), [here, result], []))
    return Model([Graph(nodes, [value], outputs), init], invokes=4)


def _reshape(draw: Draw, source: Tensor) -> tuple[str, object, list[Tensor], Tensor]:
    options = schema.ReshapeOptionsT()
    size = int(np.prod(source.shape))
    options.newShape = [size]
    return "RESHAPE", options, [], source.like((size,))


def _transpose(draw: Draw, source: Tensor) -> tuple[str, object, list[Tensor], Tensor]:
    order = draw.order(len(source.shape))
    shape = tuple(source.shape[axis] for axis in order)
    return "TRANSPOSE", schema.TransposeOptionsT(), [indices(order)], source.like(shape)


def _relu(draw: Draw, source: Tensor) -> tuple[str, object, list[Tensor], Tensor]:
    result = source.like()
    if result.scales:
        result.scales = (result.scales[0] * draw.log_float(0.5, 2),)
    return "RELU", None, [], result


def _add(draw: Draw, source: Tensor) -> tuple[str, object, list[Tensor], Tensor]:
    other = draw.constant(source.type, source.shape[-1:])
    result = draw.tensor(source.type, source.shape)
    options = schema.AddOptionsT()
    options.fusedActivationFunction = random_arithmetic.activation(draw)
    return "ADD", options, [other], result


def _mul(draw: Draw, source: Tensor) -> tuple[str, object, list[Tensor], Tensor]:
    other = draw.constant(source.type, source.shape)
    return "MUL", schema.MulOptionsT(), [other], draw.tensor(source.type, source.shape)


def _pad(draw: Draw, source: Tensor) -> tuple[str, object, list[Tensor], Tensor]:
    around = [(draw.int(0, 2), draw.int(0, 2)) for _ in source.shape]
    shape = tuple(size + sum(pair) for size, pair in zip(source.shape, around, strict=True))
    return "PAD", schema.PadOptionsT(), [indices(np.array(around))], source.like(shape)


def _softmax(draw: Draw, source: Tensor) -> tuple[str, object, list[Tensor], Tensor]:
    options = schema.SoftmaxOptionsT()
    options.beta = 1.0
    result = Tensor(source.type, source.shape)
    if source.type == "int8":
        result.scales, result.zero_point = (1 / 256,), -128
    elif source.type == "int16":
        result.scales = (1 / 32768,)
    return "SOFTMAX", options, [], result


Step = Callable[[Draw, Tensor], tuple[str, object, list[Tensor], Tensor]]
STEPS: tuple[Step, ...] = (_reshape, _transpose, _relu, _add, _mul, _pad, _softmax)

FIRST = (
    (random_layers.FAMILIES, ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "TRANSPOSE_CONV")),
    (random_layers.FAMILIES, ("AVERAGE_POOL_2D", "MAX_POOL_2D", "BATCH_MATMUL", "SVDF")),
    (random_arithmetic.FAMILIES, ("ADD", "MUL", "TANH", "LOGISTIC", "MEAN", "PRELU")),
    (random_moves.FAMILIES, ("CONCATENATION", "PACK", "STRIDED_SLICE", "RESIZE_BILINEAR")),
)


def chain(draw: Draw) -> Model:
    """A random operator and one or two behind it, some with the output of the first as well."""
    families, names = draw.pick(FIRST)
    while True:
        model = families[draw.pick(names)](draw)
        graph = model.graphs[0]
        last = graph.outputs[0]
        if last.type in ("float32", "int8", "int16") and 1 <= len(last.shape) <= 4:
            break
    for _ in range(draw.int(1, 3)):
        step = draw.pick(STEPS)
        if step is _transpose and len(last.shape) < 2:
            continue
        code, options, constants, result = step(draw, last)
        graph.nodes.append(Node(code, options, [last, *constants], [result]))
        last = result
    outputs = [last]
    if draw.chance(0.3) and graph.outputs[0] is not last:
        outputs.append(graph.outputs[0])
    graph.outputs = outputs
    return model


FAMILIES: dict[str, Family] = {
    "IF": if_,
    "WHILE": while_,
    "VAR_HANDLE": variable,
    "CHAIN": chain,
}

