"""Accuracy of a float network and of its int8 file, the latter in TensorFlow Lite Micro itself."""

from __future__ import annotations

from dataclasses import dataclass

import keras
import numpy as np
from numpy.typing import NDArray
from tflite_micro.python.tflite_micro import runtime

from condition import CONDITIONS
from dataset import Dataset, Labels

ARENA_BYTES = 1 << 18


@dataclass(frozen=True)
class Score:
    """Shares of windows; rows of `confusion` are the truth, columns the answer of the int8 model."""

    windows: int
    float_accuracy: float
    int8_accuracy: float
    float_int8_agreement: float
    confusion: list[list[int]]


@dataclass(frozen=True)
class Answers:
    """What the int8 model says of each window: a class, and the dequantised score of that class."""

    classes: Labels
    confidences: NDArray[np.float64]


def score(network: keras.Model, answers: Answers, dataset: Dataset) -> Score:
    """`answers` are those of the int8 model to the same dataset."""
    float_answers = network.predict(dataset.windows, batch_size=1024, verbose=0).argmax(axis=1)
    int8_answers = answers.classes
    return Score(
        windows=len(dataset.labels),
        float_accuracy=_share(float_answers == dataset.labels),
        int8_accuracy=_share(int8_answers == dataset.labels),
        float_int8_agreement=_share(float_answers == int8_answers),
        confusion=_confusion(dataset.labels, int8_answers),
    )


def infer(model: bytes, dataset: Dataset) -> Answers:
    """Runs the int8 model on every window."""
    interpreter = runtime.Interpreter.from_bytes(model, arena_size=ARENA_BYTES)
    given = interpreter.get_input_details(0)["quantization_parameters"]
    scaled = dataset.windows / given["scales"][0]
    rounded = np.trunc(scaled + np.copysign(0.5, scaled)) + given["zero_points"][0]
    quantised = np.clip(rounded, -128, 127).astype(np.int8)
    outputs = np.empty((len(quantised), len(CONDITIONS)), np.int8)
    for index, window in enumerate(quantised):
        interpreter.set_input(window[np.newaxis], 0)
        interpreter.invoke()
        outputs[index] = interpreter.get_output(0)
    got = interpreter.get_output_details(0)["quantization_parameters"]
    top = outputs.max(axis=1).astype(np.float64)
    return Answers(
        classes=outputs.argmax(axis=1),
        confidences=(top - got["zero_points"][0]) * got["scales"][0],
    )


def _share(hits: np.ndarray) -> float:
    return round(float(hits.mean()), 4)


def _confusion(truth: Labels, answers: Labels) -> list[list[int]]:
    table = np.zeros((len(CONDITIONS), len(CONDITIONS)), np.intp)
    np.add.at(table, (truth, answers), 1)
    return table.tolist()
