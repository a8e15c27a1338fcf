"""The signals of `simulator/signals` for many machines at once: the twin that trains the demo model.

The README there has the physics and its sources. Files, names, draws and their order are the same in both;
`test/fixtures/signals` holds the two together.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from accelerometer import Accelerometers
from condition import Indices
from environment import ENVIRONMENTS
from machine import Machines
from prng import Prng, Words

BODY, IMPACTS, MOUNTING, NOISE = 1, 2, 3, 4


class VibrationSignals:
    """One signal per key: that of `new VibrationSignal(environment, condition, prng.fork(key))`."""

    def __init__(self, environment: str, conditions: Indices, prng: Prng, keys: Words) -> None:
        machines = prng.fork(keys)
        self._machine = Machines(conditions, machines.fork(BODY), machines.fork(IMPACTS))
        self._accelerometer = Accelerometers(
            ENVIRONMENTS[environment], machines.fork(MOUNTING), machines.fork(NOISE)
        )

    def next(self, count: int) -> NDArray[np.float32]:
        """The next frames of all signals: [machines, count, 3] in g."""
        frames = [self._accelerometer.read(self._machine.next()) for _ in range(count)]
        return np.stack(frames, axis=1)
