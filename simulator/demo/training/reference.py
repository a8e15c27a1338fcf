"""What a model is like where its builder looked: what live testing compares the fleet with."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from condition import CONDITIONS
from dataset import Recordings
from evaluate import Answers
from report import Report

BINS = 10
DIGITS = 6


@dataclass(frozen=True)
class Moments:
    """Of all raw samples of one channel; `variance` is the mean square about the mean."""

    n: int
    mean: float
    variance: float
    min: float
    max: float


@dataclass(frozen=True)
class Reference:
    """Fields as in README.md beside this file."""

    name: str
    model_sha256: str
    environment: str
    windows: int
    answers: dict[str, int]
    confidence_histogram: list[int]
    mean_confidence: float
    channels: list[Moments]


def describe(
    report: Report, environment: str, answers: Answers, recordings: Recordings
) -> Reference:
    """`answers` are those of the int8 model to the windows of `recordings`."""
    counts = np.bincount(answers.classes, minlength=len(CONDITIONS)).tolist()
    bins = np.minimum(np.floor(answers.confidences * BINS), BINS - 1).astype(np.intp)
    return Reference(
        name=report.name,
        model_sha256=report.model_sha256,
        environment=environment,
        windows=len(answers.classes),
        answers=dict(zip(CONDITIONS, counts, strict=True)),
        confidence_histogram=np.bincount(bins, minlength=BINS).tolist(),
        mean_confidence=_rounded(answers.confidences.mean()),
        channels=[_moments(recordings.samples[:, :, i]) for i in range(recordings.samples.shape[2])],
    )


def write_reference(reference: Reference, folder: Path) -> None:
    """Writes `reference-v1.json` for `vibration-v1`."""
    target = folder / f"reference-{reference.name.removeprefix('vibration-')}.json"
    target.write_text(json.dumps(asdict(reference), indent=2) + "\n")


def _moments(samples: NDArray[np.float32]) -> Moments:
    # Samples are whole steps of the sensor, so sums of them and of their squares are exact in float64.
    values = samples.astype(np.float64)
    mean = values.mean()
    return Moments(
        n=values.size,
        mean=_rounded(mean),
        variance=_rounded(np.square(values).mean() - mean**2),
        min=_rounded(values.min()),
        max=_rounded(values.max()),
    )


def _rounded(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")
