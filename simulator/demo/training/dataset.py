"""Windows of simulated signals with their labels, as the agent's pipeline would hand them to a model."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from accelerometer import CHANNELS
from condition import CONDITIONS
from prng import Prng
from signals import VibrationSignals

WINDOW_FRAMES = 256
MULTIPLY = 4.0
"""After removal of the mean a quarter of a g becomes 1."""

INPUT_LIMIT = 4.0
"""The int8 input saturates here, so training does too: 1 g is far above what tells conditions apart."""

GAP_FRAMES = 1344
"""Windows of one machine start a second apart."""

Windows = NDArray[np.float32]
Labels = NDArray[np.intp]


@dataclass(frozen=True)
class Recordings:
    """`samples` is [count, frames, channels] in g, as sensors gave them; `labels` are indices into CONDITIONS."""

    samples: Windows
    labels: Labels


@dataclass(frozen=True)
class Dataset:
    """`windows` is [count, frames, 1, channels], normalised; `labels` are indices into CONDITIONS."""

    windows: Windows
    labels: Labels


def record(environment: str, machines: int, windows_each: int, seed: int) -> Recordings:
    """Machines are spread evenly over the conditions; no two seeds share a machine."""
    keys = np.arange(machines, dtype=np.uint32)
    labels = (keys % len(CONDITIONS)).astype(np.intp)
    signals = VibrationSignals(environment, labels, Prng.from_seed(seed), keys)
    windows = []
    for _ in range(windows_each):
        windows.append(signals.next(WINDOW_FRAMES))
        signals.next(GAP_FRAMES)
    return Recordings(np.concatenate(windows), np.tile(labels, windows_each))


def prepare(recordings: Recordings) -> Dataset:
    return Dataset(normalise(recordings.samples), recordings.labels)


def make_dataset(environment: str, machines: int, windows_each: int, seed: int) -> Dataset:
    return prepare(record(environment, machines, windows_each, seed))


def join(datasets: list[Dataset]) -> Dataset:
    return Dataset(
        np.concatenate([dataset.windows for dataset in datasets]),
        np.concatenate([dataset.labels for dataset in datasets]),
    )


def normalise(samples: Windows) -> Windows:
    """`normalise: {kind: remove-mean, multiply}` of the pipeline, on [count, frames, channels] in g."""
    centred = (samples - samples.mean(axis=1, keepdims=True)) * MULTIPLY
    limited: Windows = np.clip(centred, -INPUT_LIMIT, INPUT_LIMIT).astype(np.float32)
    return limited.reshape(-1, WINDOW_FRAMES, 1, CHANNELS)
