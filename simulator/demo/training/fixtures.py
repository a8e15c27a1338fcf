"""Writes the samples that hold the TypeScript signals to these: `test/fixtures/signals/vibration.json`."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from condition import CONDITIONS
from environment import ENVIRONMENTS
from machine import SAMPLE_RATE_HZ
from prng import Prng
from signals import VibrationSignals

SEED = 2026
WORDS = 8
FRAMES = 4 * SAMPLE_RATE_HZ
KEPT_FRAMES = 24

TARGET = Path(__file__).parents[3] / "test" / "fixtures" / "signals" / "vibration.json"


def main() -> None:
    fixture = {
        "about": "made by simulator/demo/training/fixtures.py",
        "seed": SEED,
        "words": _words(Prng.from_seed(SEED)),
        "forkedWords": _words(Prng.from_seed(SEED).fork(7)),
        "largeSeedWords": _words(Prng.from_seed(2**53 - 1)),
        "noise": [float(Prng.from_seed(SEED + i).noise()[0]) for i in range(WORDS)],
        "frames": FRAMES,
        "signals": [signal for environment in ENVIRONMENTS for signal in _signals(environment)],
    }
    TARGET.write_text(json.dumps(fixture, indent=1) + "\n")


def _words(prng: Prng) -> list[int]:
    return [int(prng.uint32()[0]) for _ in range(WORDS)]


def _signals(environment: str) -> list[dict[str, object]]:
    """The first and the last frames of some seconds, and the root mean square of all."""
    keys = np.arange(len(CONDITIONS), dtype=np.uint32)
    signals = VibrationSignals(environment, keys.astype(np.intp), Prng.from_seed(SEED), keys)
    samples = signals.next(FRAMES)
    return [
        {
            "environment": environment,
            "condition": condition,
            "key": key,
            "first": samples[key, :KEPT_FRAMES].ravel().tolist(),
            "last": samples[key, -KEPT_FRAMES:].ravel().tolist(),
            "rootMeanSquare": float(np.sqrt(np.mean(np.square(samples[key], dtype=np.float64)))),
        }
        for key, condition in enumerate(CONDITIONS)
    ]


if __name__ == "__main__":
    main()
