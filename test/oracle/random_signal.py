"""Random models of the signal operators and of upstream's other custom operators."""

from __future__ import annotations

import numpy as np

from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

from draw import Draw, indices
from graph import Model, Node, Tensor, single
from random_arithmetic import Family

SIGNAL_TYPES = {"float32": 0, "int32": 2, "int16": 7}


def delay(draw: Draw) -> Model:
    shape = (*draw.shape(0, 1, size=3), draw.int(1, 12))
    options = {"delay_length": draw.int(1, 14)}
    source = Tensor("int16", shape)
    return single("SignalDelay", options, [source], [source.like()], custom=True, invokes=5)


def energy(draw: Draw) -> Model:
    bins = draw.int(2, 40)
    # Only what lies between is written.
    options = {"start_index": 0, "end_index": bins}
    source = Tensor("int16", (2 * bins,))
    return single("SignalEnergy", options, [source], [Tensor("uint32", (bins,))], custom=True)


def fft_auto_scale(draw: Draw) -> Model:
    source = Tensor("int16", (draw.int(1, 64),))
    if draw.chance(0.5):
        most = 2 ** draw.int(0, 15) - 1
        source.within = (-most, most)
    outputs = [source.like(), Tensor("int32", ())]
    return single("SignalFftAutoScale", None, [source], outputs, custom=True)


def _filters(draw: Draw) -> tuple[int, int, list[Tensor]]:
    channels = draw.int(1, 10)
    widths = [draw.int(1, 6) for _ in range(channels + 1)]
    starts = np.cumsum([0, *widths[:-1]])
    total = sum(widths)
    numbers = {
        "weights": draw.values(Tensor("int16", (total,), within=(0, 4096)), "wide"),
        "unweights": draw.values(Tensor("int16", (total,), within=(0, 4096)), "wide"),
    }
    constants = [
        indices(numbers["weights"], "int16"),
        indices(numbers["unweights"], "int16"),
        indices(starts, "int16"),
        indices(starts, "int16"),
        indices(widths, "int16"),
    ]
    return channels, total, constants


def filter_bank(draw: Draw) -> Model:
    channels, total, constants = _filters(draw)
    source = Tensor("uint32", (total,))
    output = Tensor("uint64", (channels,))
    options = {"num_channels": channels}
    return single("SignalFilterBank", options, [source, *constants], [output], custom=True)


def square_root(draw: Draw) -> Model:
    shape = (draw.int(1, 20),)
    source = Tensor("uint64", shape)
    if draw.chance(0.6):
        source.within = (0, 2 ** draw.int(1, 63) - 1)
    bits = Tensor("int32", (), within=(0, 15))
    inputs, output = [source, bits], Tensor("uint32", shape)
    return single("SignalFilterBankSquareRoot", None, inputs, [output], custom=True)


def log(draw: Draw) -> Model:
    shape = (draw.int(1, 20),)
    source = Tensor("uint32", shape)
    if draw.chance(0.6):
        source.within = (0, 2 ** draw.int(1, 32) - 1)
    options = {
        "input_correction_bits": draw.int(0, 7),
        "output_scale": draw.pick((1, 64, 100, 1600, draw.int(1, 4000))),
    }
    output = Tensor("int16", shape)
    return single("SignalFilterBankLog", options, [source], [output], custom=True)


def spectral_subtraction(draw: Draw) -> Model:
    shape = (draw.int(1, 20),)
    source = Tensor("uint32", shape)
    source.within = (0, 2 ** draw.int(1, 22) - 1)
    smoothing, alternate = draw.int(0, 16384), draw.int(0, 16384)
    options = {
        "num_channels": shape[0],
        "smoothing": smoothing,
        "one_minus_smoothing": 16384 - smoothing,
        "alternate_smoothing": alternate,
        "alternate_one_minus_smoothing": 16384 - alternate,
        "smoothing_bits": draw.int(0, 12),
        "min_signal_remaining": draw.int(0, 16384),
        "clamping": draw.chance(0.5),
        "spectral_subtraction_bits": 14,
    }
    outputs = [source.like(), source.like()]
    return single(
        "SignalFilterBankSpectralSubtraction", options, [source], outputs, custom=True, invokes=4
    )


def pcan(draw: Draw) -> Model:
    shape = (draw.int(1, 20),)
    source, noise = Tensor("uint32", shape), Tensor("uint32", shape)
    for tensor in (source, noise):
        if draw.chance(0.7):
            tensor.within = (0, 2 ** draw.int(1, 30) - 1)
    table = Tensor("int16", (125,), within=(0, 32767))
    table.data = draw.values(table, "wide")
    inputs = [source, noise, table]
    options = {"snr_shift": draw.int(0, 12)}
    return single("SignalPCAN", options, inputs, [source.like()], custom=True)


def framer(draw: Draw) -> Model:
    step = draw.int(1, 8)
    size = step + draw.int(0, 2 * step)
    frames = draw.pick((1, 1, 2, 3))
    outer = draw.shape(0, 1, size=2)
    source = Tensor("int16", (*outer, frames * step))
    output = Tensor("int16", (*outer, frames, size))
    options = {"frame_size": size, "frame_step": step, "prefill": draw.chance(0.5)}
    outputs = [output, Tensor("bool", ())]
    model = single("SignalFramer", options, [source], outputs, custom=True, invokes=5)
    return _only_valid(model)


def _only_valid(model: Model) -> Model:
    """Zeros until the output is valid: before that it is what the memory held."""
    graph = model.graphs[0]
    output, valid = graph.outputs
    zeros = Tensor("int16", output.shape, data=np.zeros(output.shape, np.int16))
    chosen = output.like()
    graph.nodes.append(
        Node("SELECT_V2", schema.SelectV2OptionsT(), [valid, output, zeros], [chosen])
    )
    graph.outputs = [chosen, valid]
    return model


def stacker(draw: Draw) -> Model:
    channels, left, right = draw.int(1, 8), draw.int(0, 3), draw.int(0, 2)
    options = {
        "num_channels": channels,
        "stacker_left_context": left,
        "stacker_right_context": right,
        "stacker_step": draw.int(1, left + 1 + right),
    }
    source = Tensor("int16", (channels,))
    outputs = [Tensor("int16", (channels * (left + 1 + right),)), Tensor("bool", ())]
    return _only_valid(
        single("SignalStacker", options, [source], outputs, custom=True, invokes=7)
    )


def window(draw: Draw) -> Model:
    size = draw.int(1, 24)
    source = Tensor("int16", (*draw.shape(0, 2, size=3), size))
    weights = Tensor("int16", (size,))
    weights.data = draw.values(weights, draw.pick(("wide", "special")))
    options = {"shift": draw.int(0, 15)}
    return single("SignalWindow", options, [source, weights], [source.like()], custom=True)


def fft(code: str) -> Family:
    def make(draw: Draw) -> Model:
        type_ = draw.pick(tuple(SIGNAL_TYPES))
        length = draw.pick((4, 6, 8, 10, 12, 16, 20, 30, 32, 48, 60, 64, 90, 128, 150, 256))
        outer = draw.shape(0, 1, size=2)
        frequencies = Tensor(type_, (*outer, length + 2))
        options = {"T": SIGNAL_TYPES[type_], "fft_length": length}
        if code == "SignalRfft":
            given = length if draw.chance(0.5) else draw.int(1, length)
            source, output = Tensor(type_, (*outer, given)), frequencies
        else:
            source, output = frequencies, Tensor(type_, (*outer, length))
        if type_ == "float32":
            source.within = (-1, 1)
        return single(code, options, [source], [output], custom=True)

    return make


def overlap_add(draw: Draw) -> Model:
    type_ = draw.pick(("float32", "int16"))
    step, frames = draw.int(1, 6), draw.int(1, 3)
    size = step * draw.int(1, 3) + (draw.int(0, step - 1) if draw.chance(0.3) else 0)
    outer = draw.shape(0, 1, size=2)
    options = {"T": SIGNAL_TYPES[type_], "frame_step": step}
    source = Tensor(type_, (*outer, frames, size))
    output = Tensor(type_, (*outer, frames * step))
    return single("SignalOverlapAdd", options, [source], [output], custom=True, invokes=4)


def circular_buffer(draw: Draw) -> Model:
    slots, depth = draw.int(1, 8), draw.int(1, 4)
    source = draw.tensor("int8", (1, 1, 1, depth))
    output = source.like((1, slots, 1, depth))
    output.variable = True
    options = {"cycles_max": draw.int(0, 4)}
    return single("CIRCULAR_BUFFER", options, [source], [output], custom=True, invokes=7)


def detection(draw: Draw) -> Model:
    boxes, classes, most = draw.int(1, 12), draw.int(1, 4), draw.int(1, 6)
    background = draw.int(0, 1)
    regular = draw.chance(0.5)
    options = {
        "max_detections": most,
        "max_classes_per_detection": 1 if draw.chance(0.8) else draw.int(1, classes),
        "detections_per_class": draw.int(1, 5),
        "use_regular_nms": regular,
        "nms_score_threshold": draw.pick((0.1, 0.3, 0.0)),
        "nms_iou_threshold": draw.pick((0.5, 0.3, 0.9)),
        "num_classes": classes,
        "y_scale": 10.0,
        "x_scale": 10.0,
        "h_scale": 5.0,
        "w_scale": 5.0,
    }
    encodings = Tensor("float32", (1, boxes, 4), within=(-2, 2))
    scores = Tensor("float32", (1, boxes, classes + background), within=(0, 1))
    anchors = Tensor("float32", (boxes, 4), within=(0.1, 1))
    anchors.data = draw.values(anchors)
    if not regular:
        # The fast form leaves the rows that it does not need as the memory was.
        options["max_classes_per_detection"] = 1
        options["nms_score_threshold"], options["nms_iou_threshold"] = 0.0, 1.0
        options["max_detections"] = most = min(most, boxes)
    outputs = [
        Tensor("float32", (1, most, 4)),
        Tensor("float32", (1, most)),
        Tensor("float32", (1, most)),
        Tensor("float32", (1,)),
    ]
    inputs = [encodings, scores, anchors]
    return single("TFLite_Detection_PostProcess", options, inputs, outputs, custom=True)


FAMILIES: dict[str, Family] = {
    "SignalDelay": delay,
    "SignalEnergy": energy,
    "SignalFftAutoScale": fft_auto_scale,
    "SignalFilterBank": filter_bank,
    "SignalFilterBankSquareRoot": square_root,
    "SignalFilterBankLog": log,
    "SignalFilterBankSpectralSubtraction": spectral_subtraction,
    "SignalPCAN": pcan,
    "SignalFramer": framer,
    "SignalStacker": stacker,
    "SignalWindow": window,
    "SignalRfft": fft("SignalRfft"),
    "SignalIrfft": fft("SignalIrfft"),
    "SignalOverlapAdd": overlap_add,
    "CIRCULAR_BUFFER": circular_buffer,
    "TFLite_Detection_PostProcess": detection,
}
