"""Trains, converts, scores and reports the demo models, all or those named: `python train.py vibration-v3`."""

from __future__ import annotations

import json
import sys
from hashlib import sha256
from pathlib import Path

import numpy as np
import tensorflow as tf

from accelerometer import CHANNELS
from condition import CONDITIONS
from dataset import MULTIPLY, WINDOW_FRAMES, Dataset, Recordings, join, make_dataset, prepare, record
from environment import ENVIRONMENTS
from evaluate import infer, score
from network import convert, count_macs, train
from recipes import RECIPES, Recipe
from reference import describe, write_reference
from report import Report, write_report

MODELS = Path(__file__).parents[1] / "models"

TRAINING_SEED = 1_000
"""Training machines of recipe seed s come from generator seed 1000 s + environment."""

TEST_SEED = 900_000
TEST_MACHINES = 4000
TEST_WINDOWS_EACH = 2

REFERENCE = "laboratory"
"""Where the builder of a model looked: what live testing is told the model is like."""

THREADS = 2
"""Float sums are split among threads, so their number decides on the last bits of the weights."""


def main(names: list[str]) -> None:
    tf.config.threading.set_intra_op_parallelism_threads(THREADS)
    tf.config.threading.set_inter_op_parallelism_threads(THREADS)
    unknown = set(names) - set(RECIPES)
    if unknown:
        sys.exit(f"no such recipe: {', '.join(sorted(unknown))}; there are {', '.join(RECIPES)}")
    MODELS.mkdir(exist_ok=True)
    tests = {
        environment: record(environment, TEST_MACHINES, TEST_WINDOWS_EACH, TEST_SEED + index)
        for index, environment in enumerate(ENVIRONMENTS)
    }
    for name in names or RECIPES:
        _make(name, RECIPES[name], tests)
    _write_pipeline()


def _make(name: str, recipe: Recipe, tests: dict[str, Recordings]) -> None:
    dataset = _training_set(recipe)
    network = train(recipe, dataset)
    model = convert(network, dataset)
    (MODELS / f"{name}.tflite").write_bytes(model)
    datasets = {environment: prepare(test) for environment, test in tests.items()}
    answers = {environment: infer(model, dataset) for environment, dataset in datasets.items()}
    report = Report(
        name=name,
        recipe=recipe,
        tensorflow=tf.__version__,
        numpy=np.__version__,
        training_windows=len(dataset.labels),
        parameters=network.count_params(),
        macs=count_macs(),
        model_bytes=len(model),
        model_sha256=sha256(model).hexdigest(),
        scores={
            environment: score(network, answers[environment], dataset)
            for environment, dataset in datasets.items()
        },
    )
    write_report(report, MODELS)
    reference = describe(report, REFERENCE, answers[REFERENCE], tests[REFERENCE])
    write_reference(reference, MODELS)


def _training_set(recipe: Recipe) -> Dataset:
    machines = {"laboratory": recipe.laboratory_machines, "field": recipe.field_machines}
    return join(
        [
            make_dataset(environment, machines[environment], 1, TRAINING_SEED * recipe.seed + index)
            for index, environment in enumerate(ENVIRONMENTS)
        ]
    )


def _write_pipeline() -> None:
    pipeline = {
        "window": {
            "frames": WINDOW_FRAMES,
            "stride": WINDOW_FRAMES,
            "channels": CHANNELS,
        },
        "normalise": {"kind": "remove-mean", "multiply": MULTIPLY},
        "decision": {"kind": "argmax"},
    }
    (MODELS / "pipeline.json").write_text(json.dumps(pipeline, indent=2) + "\n")
    (MODELS / "labels.txt").write_text("".join(f"{condition}\n" for condition in CONDITIONS))


if __name__ == "__main__":
    main(sys.argv[1:])
