"""Random models of the operators that move, choose and repeat values."""

from __future__ import annotations

from math import ceil, prod

import numpy as np
from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

from draw import Draw, indices
from graph import Model, Tensor, single
from random_arithmetic import Family

PLAIN = ("float32", "int8", "int16", "int32", "int64", "bool", "uint8", "uint16", "uint32", "uint64")
INDEX_TYPES = ("int32", "int32", "int64")


def reshape(draw: Draw) -> Model:
    source = draw.tensor(draw.pick(PLAIN), draw.shape(1, 5))
    left, wanted = prod(source.shape), []
    while left > 1 and len(wanted) < 4 and draw.chance(0.8):
        size = draw.pick([size for size in range(1, left + 1) if left % size == 0])
        wanted.append(size)
        left //= size
    wanted.append(left)
    written = list(wanted)
    if draw.chance(0.3):
        written[draw.int(0, len(written) - 1)] = -1
    options = schema.ReshapeOptionsT()
    options.newShape = written
    inputs = [source, indices(written)] if draw.chance(0.7) else [source]
    return single("RESHAPE", options, inputs, [source.like(tuple(wanted))])


def squeeze(draw: Draw) -> Model:
    shape = tuple(1 if draw.chance(0.4) else size for size in draw.shape(1, 5))
    source = draw.tensor(draw.pick(PLAIN), shape)
    options = schema.SqueezeOptionsT()
    ones = [axis for axis, size in enumerate(shape) if size == 1]
    chosen = draw.some(ones) if ones and draw.chance(0.5) else ones
    options.squeezeDims = [] if chosen == ones else chosen
    output = tuple(size for axis, size in enumerate(shape) if axis not in chosen)
    return single("SQUEEZE", options, [source], [source.like(output)])


def expand_dims(draw: Draw) -> Model:
    source = draw.tensor(draw.pick(("float32", "int8", "int16")), draw.shape(0, 4))
    axis = draw.int(-len(source.shape) - 1, len(source.shape))
    output = list(source.shape)
    output.insert(axis if axis >= 0 else len(output) + 1 + axis, 1)
    where = indices([axis], shape=draw.pick(((), (1,))))
    options = schema.ExpandDimsOptionsT()
    return single("EXPAND_DIMS", options, [source, where], [source.like(tuple(output))])


def shape_of(draw: Draw) -> Model:
    source = draw.tensor(draw.pick(PLAIN), draw.shape(0, 5))
    options = schema.ShapeOptionsT()
    options.outType = schema.TensorType.INT32
    return single("SHAPE", options, [source], [Tensor("int32", (len(source.shape),))])


def transpose(draw: Draw) -> Model:
    source = draw.tensor(draw.pick(("float32", "int8", "int16")), draw.shape(1, 5))
    order = draw.order(len(source.shape))
    output = source.like(tuple(source.shape[axis] for axis in order))
    return single("TRANSPOSE", schema.TransposeOptionsT(), [source, indices(order)], [output])


def reverse(draw: Draw) -> Model:
    types = ("float32", "int8", "int16", "int32", "int64", "bool", "uint8")
    source = draw.tensor(draw.pick(types), draw.shape(1, 6))
    first = draw.int(0, len(source.shape) - 1)
    axes = list(range(first, draw.int(first, len(source.shape) - 1) + 1))
    if draw.chance(0.3):
        axes = [axis - len(source.shape) for axis in axes]
    return single(
        "REVERSE_V2", schema.ReverseV2OptionsT(), [source, indices(axes)], [source.like()]
    )


def concatenation(draw: Draw) -> Model:
    type_ = draw.pick(("float32", "int8", "int16", "int32", "int64", "bool"))
    shape = draw.shape(1, 4)
    axis = draw.int(-len(shape), len(shape) - 1)
    first = draw.tensor(type_, shape)
    inputs = [first]
    for _ in range(draw.int(0, 4)):
        sizes = list(shape)
        sizes[axis] = draw.int(1, 4)
        inputs.append(draw.either(first.like(tuple(sizes))))
    if draw.chance(0.1):
        inputs.append(first)
    output = list(shape)
    output[axis] = sum(tensor.shape[axis] for tensor in inputs)
    options = schema.ConcatenationOptionsT()
    options.axis = axis
    return single("CONCATENATION", options, inputs, [first.like(tuple(output))])


def pack(draw: Draw) -> Model:
    type_ = draw.pick(("float32", "int8", "int16", "int32", "int64"))
    first = draw.tensor(type_, draw.shape(0, 4, elements=100))
    inputs = [first, *(first.like() for _ in range(draw.int(0, 4)))]
    options = schema.PackOptionsT()
    options.valuesCount = len(inputs)
    options.axis = draw.int(-len(first.shape) - 1, len(first.shape))
    output = list(first.shape)
    at = options.axis if options.axis >= 0 else len(output) + 1 + options.axis
    output.insert(at, len(inputs))
    return single("PACK", options, inputs, [first.like(tuple(output))])


def unpack(draw: Draw) -> Model:
    source = draw.tensor(draw.pick(("float32", "int8", "int16", "int32")), draw.shape(1, 5, size=5))
    options = schema.UnpackOptionsT()
    options.axis = draw.int(-len(source.shape), len(source.shape) - 1)
    output = list(source.shape)
    options.num = output.pop(options.axis)
    outputs = [source.like(tuple(output)) for _ in range(options.num)]
    return single("UNPACK", options, [source], outputs)


def split(draw: Draw) -> Model:
    shape = list(draw.shape(1, 4, size=4))
    axis = draw.int(-len(shape), len(shape) - 1)
    options = schema.SplitOptionsT()
    options.numSplits = draw.int(1, 4)
    part = tuple(shape)
    shape[axis] *= options.numSplits
    source = draw.tensor(draw.pick(("float32", "int8", "int16", "int32")), tuple(shape))
    outputs = [source.like(part) for _ in range(options.numSplits)]
    where = indices([axis], shape=draw.pick(((), (1,))))
    return single("SPLIT", options, [where, source], outputs)


def split_v(draw: Draw) -> Model:
    shape = list(draw.shape(1, 4, size=4))
    axis = draw.int(-len(shape), len(shape) - 1)
    sizes = [draw.int(1, 4) for _ in range(draw.int(1, 4))]
    shape[axis] = sum(sizes)
    source = draw.tensor(draw.pick(("float32", "int8", "int16", "int32")), tuple(shape))
    outputs = []
    for size in sizes:
        shape[axis] = size
        outputs.append(source.like(tuple(shape)))
    written = list(sizes)
    if draw.chance(0.3):
        written[draw.int(0, len(written) - 1)] = -1
    options = schema.SplitVOptionsT()
    options.numSplits = len(sizes)
    where = indices([axis], shape=draw.pick(((), (1,))))
    return single("SPLIT_V", options, [source, indices(written), where], outputs)


def slice_(draw: Draw) -> Model:
    source = draw.tensor(
        draw.pick(("float32", "int8", "int16", "int32", "bool")), draw.shape(1, 5)
    )
    begin = [draw.int(0, size - 1) for size in source.shape]
    size = [
        draw.int(1, extent - start) for extent, start in zip(source.shape, begin, strict=True)
    ]
    written = [
        -1 if start + count == extent and draw.chance(0.5) else count
        for start, count, extent in zip(begin, size, source.shape, strict=True)
    ]
    type_ = draw.pick(INDEX_TYPES)
    inputs = [source, indices(begin, type_), indices(written, type_)]
    return single("SLICE", schema.SliceOptionsT(), inputs, [source.like(tuple(size))])


def strided_slice(draw: Draw) -> Model:
    source = draw.tensor(
        draw.pick(("float32", "int8", "int16", "int32", "bool")), draw.shape(1, 4)
    )
    options = schema.StridedSliceOptionsT()
    options.beginMask = options.endMask = options.shrinkAxisMask = 0
    begins, ends, strides, output = [], [], [], []
    for axis, size in enumerate(source.shape):
        stride = draw.pick((1, 1, 2, 3, -1, -2))
        begin, end = draw.int(-size - 2, size + 2), draw.int(-size - 2, size + 2)
        if draw.chance(0.5):
            begin, end = (0, size) if stride > 0 else (size - 1, -size - 1)
        open_begin, open_end = draw.chance(0.25), draw.chance(0.25)
        shrink = draw.chance(0.15)
        if shrink:
            stride, begin = 1, draw.int(-size, size - 1)
            end = begin + 1
            open_begin = open_end = False
        options.beginMask |= open_begin << axis
        options.endMask |= open_end << axis
        options.shrinkAxisMask |= shrink << axis
        begins.append(begin)
        ends.append(end)
        strides.append(stride)
        if not shrink:
            output.append(_extent(size, begin, end, stride, open_begin, open_end))
    if 0 in output:
        return strided_slice(draw)
    inputs = [source, indices(begins), indices(ends), indices(strides)]
    return single("STRIDED_SLICE", options, inputs, [source.like(tuple(output))])


def _extent(size: int, begin: int, end: int, stride: int, from_: bool, to: bool) -> int:
    low, high = (0, size) if stride > 0 else (-1, size - 1)
    ends = [
        min(max(position + size if position < 0 else position, low), high)
        for position in (begin, end)
    ]
    first = (low if stride > 0 else high) if from_ else ends[0]
    last = (high if stride > 0 else low) if to else ends[1]
    return max(0, ceil((last - first) / stride))


def pad(code: str) -> Family:
    def make(draw: Draw) -> Model:
        types: tuple[str, ...] = ("float32", "int8", "int16", "int32")
        if code == "PADV2" and draw.chance(0.2):
            types = ("int64", "uint8", "bool")
        shape = draw.shape(1, 5, size=4)
        source = draw.tensor(draw.pick(types), shape)
        around = [(draw.int(0, 3), draw.int(0, 3)) for _ in shape]
        inputs = [source, indices(np.array(around), draw.pick(INDEX_TYPES))]
        if code == "PADV2":
            value = source.like(draw.pick(((), (1,))))
            inputs.append(draw.either(value, 0.7))
        output = tuple(size + sum(pair) for size, pair in zip(shape, around, strict=True))
        options = schema.PadOptionsT() if code == "PAD" else schema.PadV2OptionsT()
        return single(code, options, inputs, [source.like(output)])

    return make


def mirror_pad(draw: Draw) -> Model:
    shape = draw.shape(1, 4, size=5)
    source = draw.tensor(draw.pick(("float32", "int8")), shape)
    options = schema.MirrorPadOptionsT()
    options.mode = draw.int(0, 1)
    most = [size - 1 if options.mode == schema.MirrorPadMode.REFLECT else size for size in shape]
    around = [(draw.int(0, size), draw.int(0, size)) for size in most]
    output = tuple(size + sum(pair) for size, pair in zip(shape, around, strict=True))
    where = indices(np.array(around), draw.pick(INDEX_TYPES))
    return single("MIRROR_PAD", options, [source, where], [source.like(output)])


def tile(draw: Draw) -> Model:
    types = ("float32", "int8", "int16", "int32", "int64", "bool", "uint8")
    source = draw.tensor(draw.pick(types), draw.shape(1, 4, size=4))
    counts = [draw.int(1, 3) for _ in source.shape]
    output = tuple(size * count for size, count in zip(source.shape, counts, strict=True))
    inputs = [source, indices(counts, draw.pick(INDEX_TYPES))]
    return single("TILE", schema.TileOptionsT(), inputs, [source.like(output)])


def broadcast_to(draw: Draw) -> Model:
    shape = draw.shape(1, 5, size=4)
    smaller = [1 if draw.chance(0.4) else size for size in shape]
    while len(smaller) > 1 and draw.chance(0.3):
        smaller.pop(0)
    source = draw.tensor(draw.pick(PLAIN), tuple(smaller))
    inputs = [source, indices(shape, draw.pick(INDEX_TYPES))]
    return single("BROADCAST_TO", schema.BroadcastToOptionsT(), inputs, [source.like(shape)])


def broadcast_args(draw: Draw) -> Model:
    type_ = draw.pick(("int32", "int64"))
    shapes = draw.broadcast(draw.shape(1, 5))
    longest = max(map(len, shapes))
    inputs = [indices(shape, type_) for shape in shapes]
    if draw.chance(0.5):
        first = inputs[0]
        assert first.data is not None
        first.within = (int(first.data.min()), int(first.data.max()))
        if first.within[0] == first.within[1]:
            first.data = None
    return single("BROADCAST_ARGS", None, inputs, [Tensor(type_, (longest,))])


def fill(draw: Draw) -> Model:
    shape = draw.shape(1, 4)
    value = draw.tensor(draw.pick(("float32", "int8", "int32")), ())
    type_ = draw.pick(("int32", "int64", "int16", "int8"))
    inputs = [indices(shape, type_), value]
    return single("FILL", schema.FillOptionsT(), inputs, [value.like(shape)])


def gather(draw: Draw) -> Model:
    shape = draw.shape(1, 4)
    types = ("float32", "int8", "float32", "int8", "int16", "int32", "int64", "uint8", "bool")
    source = draw.tensor(draw.pick(types), shape)
    axis = draw.int(0, len(shape) - 1)
    batches = draw.int(0, axis) if draw.chance(0.3) else 0
    where = shape[:batches] + draw.shape(0 if batches == 0 else 1, 2, size=4)
    coordinates = Tensor("int32", where, within=(0, shape[axis] - 1))
    draw.either(coordinates, 0.4)
    options = schema.GatherOptionsT()
    options.axis = axis - len(shape) if draw.chance(0.3) else axis
    options.batchDims = batches
    output = shape[:axis] + where[batches:] + shape[axis + 1 :]
    return single("GATHER", options, [source, coordinates], [source.like(output)])


def gather_nd(draw: Draw) -> Model:
    shape = draw.shape(1, 4)
    source = draw.tensor(draw.pick(("float32", "int8")), shape)
    depth = draw.int(1, len(shape))
    where = (*draw.shape(1, 2, size=4), depth)
    coordinates = Tensor("int32", where, within=(0, min(shape[:depth]) - 1))
    draw.either(coordinates, 0.3)
    output = where[:-1] + shape[depth:]
    options = schema.GatherNdOptionsT()
    return single("GATHER_ND", options, [source, coordinates], [source.like(output)])


def embedding_lookup(draw: Draw) -> Model:
    from_type, to_type = draw.pick((("float32", "float32"), ("int8", "int8"), ("int8", "float32")))
    shape = draw.shape(2, 4)
    table = draw.constant(from_type, shape)
    if from_type != to_type:
        table.zero_point = 0
    ids = Tensor("int32", (draw.int(1, 6),), within=(0, shape[0] - 1))
    output = table.like((ids.shape[0], *shape[1:]))
    if to_type == "float32":
        output = Tensor("float32", output.shape)
    return single("EMBEDDING_LOOKUP", None, [ids, table], [output])


def dynamic_update_slice(draw: Draw) -> Model:
    shape = draw.shape(1, 4)
    source = draw.tensor(draw.pick(("float32", "int8", "int16", "int32")), shape)
    update = source.like(tuple(draw.int(1, size) for size in shape))
    start = Tensor(draw.pick(INDEX_TYPES), (len(shape),), within=(-3, 9))
    options = schema.DynamicUpdateSliceOptionsT()
    inputs = [source, draw.either(update), draw.either(start)]
    return single("DYNAMIC_UPDATE_SLICE", options, inputs, [source.like()])


def depth_to_space(draw: Draw) -> Model:
    block = draw.int(1, 3)
    batch, height, width, depth = (draw.int(1, 4) for _ in range(4))
    source = draw.tensor(
        draw.pick(("float32", "int8")), (batch, height, width, depth * block * block)
    )
    options = schema.DepthToSpaceOptionsT()
    options.blockSize = block
    output = source.like((batch, height * block, width * block, depth))
    return single("DEPTH_TO_SPACE", options, [source], [output])


def space_to_depth(draw: Draw) -> Model:
    block = draw.int(1, 3)
    batch, height, width, depth = (draw.int(1, 4) for _ in range(4))
    source = draw.tensor(
        draw.pick(("float32", "int8")), (batch, height * block, width * block, depth)
    )
    options = schema.SpaceToDepthOptionsT()
    options.blockSize = block
    output = source.like((batch, height, width, depth * block * block))
    return single("SPACE_TO_DEPTH", options, [source], [output])


def space_to_batch(draw: Draw) -> Model:
    """Without padding: upstream does not say with what it pads."""
    spatial = draw.int(1, 2)
    blocks = [draw.int(1, 3) for _ in range(spatial)]
    batch, depth = draw.int(1, 3), draw.int(1, 4)
    sizes = [draw.int(1, 3) for _ in range(spatial)]
    source_shape = (batch, *(s * b for s, b in zip(sizes, blocks, strict=True)), depth)
    source = draw.tensor(draw.pick(("float32", "int8")), source_shape)
    output = source.like((batch * prod(blocks), *sizes, depth))
    inputs = [source, indices(blocks), indices(np.zeros((spatial, 2)))]
    return single("SPACE_TO_BATCH_ND", schema.SpaceToBatchNDOptionsT(), inputs, [output])


def batch_to_space(draw: Draw) -> Model:
    spatial = draw.int(1, 2)
    blocks = [draw.int(1, 3) for _ in range(spatial)]
    batch, depth = draw.int(1, 3), draw.int(1, 4)
    sizes = [draw.int(1, 4) for _ in range(spatial)]
    crops = []
    for size, block in zip(sizes, blocks, strict=True):
        first = draw.int(0, size * block - 1) if draw.chance(0.4) else 0
        crops.append((first, draw.int(0, size * block - 1 - first) if draw.chance(0.4) else 0))
    source = draw.tensor(
        draw.pick(("float32", "int8")), (batch * prod(blocks), *sizes, depth)
    )
    output = (
        batch,
        *(s * b - sum(crop) for s, b, crop in zip(sizes, blocks, crops, strict=True)),
        depth,
    )
    inputs = [source, indices(blocks), indices(np.array(crops))]
    options = schema.BatchToSpaceNDOptionsT()
    return single("BATCH_TO_SPACE_ND", options, inputs, [source.like(output)])


def resize(code: str, types: tuple[str, ...]) -> Family:
    def make(draw: Draw) -> Model:
        batch, height, width, depth = draw.int(1, 2), draw.int(1, 6), draw.int(1, 6), draw.int(1, 3)
        source = draw.tensor(draw.pick(types), (batch, height, width, depth))
        sizes = [draw.int(1, 11), draw.int(1, 11)]
        bilinear = code == "RESIZE_BILINEAR"
        options = (
            schema.ResizeBilinearOptionsT()
            if bilinear
            else schema.ResizeNearestNeighborOptionsT()
        )
        options.alignCorners, options.halfPixelCenters = draw.pick(
            ((False, False), (True, False), (False, True))
            if bilinear
            else ((False, False), (True, False), (False, True), (True, True))
        )
        output = source.like((batch, *sizes, depth))
        return single(code, options, [source, indices(sizes)], [output])

    return make


FAMILIES: dict[str, Family] = {
    "RESHAPE": reshape,
    "SQUEEZE": squeeze,
    "EXPAND_DIMS": expand_dims,
    "SHAPE": shape_of,
    "TRANSPOSE": transpose,
    "REVERSE_V2": reverse,
    "CONCATENATION": concatenation,
    "PACK": pack,
    "UNPACK": unpack,
    "SPLIT": split,
    "SPLIT_V": split_v,
    "SLICE": slice_,
    "STRIDED_SLICE": strided_slice,
    "PAD": pad("PAD"),
    "PADV2": pad("PADV2"),
    "MIRROR_PAD": mirror_pad,
    "TILE": tile,
    "BROADCAST_TO": broadcast_to,
    "BROADCAST_ARGS": broadcast_args,
    "FILL": fill,
    "GATHER": gather,
    "GATHER_ND": gather_nd,
    "EMBEDDING_LOOKUP": embedding_lookup,
    "DYNAMIC_UPDATE_SLICE": dynamic_update_slice,
    "DEPTH_TO_SPACE": depth_to_space,
    "SPACE_TO_DEPTH": space_to_depth,
    "SPACE_TO_BATCH_ND": space_to_batch,
    "BATCH_TO_SPACE_ND": batch_to_space,
    "RESIZE_BILINEAR": resize("RESIZE_BILINEAR", ("float32", "int8")),
    "RESIZE_NEAREST_NEIGHBOR": resize("RESIZE_NEAREST_NEIGHBOR", ("float32", "int8", "int16")),
}
