"""What machines suffer from: the twin of `condition.ts`."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from prng import Numbers

Indices = NDArray[np.intp]

CONDITIONS = ("normal", "imbalance", "bearing-fault", "looseness")


@dataclass(frozen=True)
class Excitation:
    """One number for a condition, or one per machine."""

    half_g: float | Numbers = 0
    one_g: float | Numbers = 0
    two_g: float | Numbers = 0
    three_g: float | Numbers = 0
    truncation_g: float | Numbers = np.inf
    impacts_per_turn: float | Numbers = 0
    impact_g: float | Numbers = 0
    slip: float | Numbers = 0
    impact_spread: float | Numbers = 0
    load_modulation: float | Numbers = 0


OUTER_RACE_PASSES_PER_TURN = (9 / 2) * (1 - 7.94 / 39.04)

EXCITATIONS = {
    "normal": Excitation(),
    "imbalance": Excitation(one_g=0.6),
    "bearing-fault": Excitation(
        impacts_per_turn=OUTER_RACE_PASSES_PER_TURN,
        impact_g=0.9,
        slip=0.02,
        impact_spread=0.2,
        load_modulation=0.4,
    ),
    "looseness": Excitation(
        half_g=0.2,
        one_g=0.15,
        two_g=0.3,
        three_g=0.2,
        truncation_g=0.35,
        impacts_per_turn=1,
        impact_g=0.6,
        slip=0.05,
        impact_spread=0.5,
    ),
}


def excitation_of_each(conditions: Indices) -> Excitation:
    """One number per machine, from the index of each machine's condition."""
    table = [EXCITATIONS[condition] for condition in CONDITIONS]
    return Excitation(
        **{
            field.name: np.array([getattr(row, field.name) for row in table], np.float64)[
                conditions
            ]
            for field in fields(Excitation)
        }
    )
