"""What each demo model learns from. The architecture is one; data and seed make the difference."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Recipe:
    """`seed` starts the weights and the order of training, and chooses the machines of the training set."""

    seed: int
    laboratory_machines: int
    field_machines: int
    """Recordings from the field: without them a model is good in the laboratory, and only there."""
    epochs: int


RECIPES = {
    "vibration-v1": Recipe(seed=1, laboratory_machines=4000, field_machines=600, epochs=30),
    "vibration-v2": Recipe(seed=2, laboratory_machines=4000, field_machines=8000, epochs=30),
    # The trap: trained on twice as much as v2, all of it from the test bench.
    "vibration-v3": Recipe(seed=3, laboratory_machines=24000, field_machines=0, epochs=30),
}
