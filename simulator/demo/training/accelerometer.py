"""3-axis accelerometers as they were built in: the twin of `accelerometer.ts`."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from environment import Environment
from prng import Numbers, Prng

CHANNELS = 3
RANGE_G = 8
STEP_G = 1 / 256
GRAVITY_G = 1


class Accelerometers:
    def __init__(self, environment: Environment, prng: Prng, noise: Prng) -> None:
        gain = np.exp(prng.uniform(np.log(environment.gain[0]), np.log(environment.gain[1])))
        axis_gains = [gain * prng.uniform(*environment.axis_gain) for _ in range(CHANNELS)]
        roll = np.radians(prng.uniform(*environment.roll_degrees))
        tilt = np.radians(prng.uniform(*environment.tilt_degrees))
        pan = np.radians(prng.uniform(*environment.tilt_degrees))
        self._offset_g = [prng.uniform(*environment.offset_g) for _ in range(CHANNELS)]
        broadband_g = gain * prng.uniform(*environment.broadband_g)
        sensor_noise_g = prng.uniform(*environment.sensor_noise_g)
        self._mounting = [
            [axis_gain * element for element in row]
            for axis_gain, row in zip(axis_gains, _rotation(roll, tilt, pan), strict=True)
        ]
        self._noise_g = np.sqrt(broadband_g**2 + sensor_noise_g**2)
        self._noise = noise

    def read(self, motion: tuple[Numbers, Numbers, Numbers]) -> NDArray[np.float32]:
        """One frame of each sensor: [machines, 3]."""
        horizontal, vertical, axial = motion
        frame = [
            along_x * horizontal
            + along_y * (vertical + GRAVITY_G)
            + along_z * axial
            + offset_g
            + self._noise_g * self._noise.noise()
            for (along_x, along_y, along_z), offset_g in zip(
                self._mounting, self._offset_g, strict=True
            )
        ]
        saturated = np.clip(np.stack(frame, axis=-1), -RANGE_G, RANGE_G)
        return (np.floor(saturated / STEP_G + 0.5) * STEP_G).astype(np.float32)


def _rotation(roll: Numbers, tilt: Numbers, pan: Numbers) -> list[list[Numbers]]:
    cr, sr = np.cos(roll), np.sin(roll)
    ct, st = np.cos(tilt), np.sin(tilt)
    cp, sp = np.cos(pan), np.sin(pan)
    return [
        [cr * cp - sr * st * sp, -sr * ct, cr * sp + sr * st * cp],
        [sr * cp + cr * st * sp, cr * ct, sr * sp - cr * st * cp],
        [-ct * sp, st, ct * cp],
    ]
