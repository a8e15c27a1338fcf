"""How sensors are built in and what surrounds them: the twin of `environment.ts`."""

from __future__ import annotations

from dataclasses import dataclass

Range = tuple[float, float]


@dataclass(frozen=True)
class Environment:
    gain: Range
    axis_gain: Range
    roll_degrees: Range
    tilt_degrees: Range
    offset_g: Range
    broadband_g: Range
    sensor_noise_g: Range


ENVIRONMENTS = {
    "laboratory": Environment(
        gain=(0.97, 1.03),
        axis_gain=(0.99, 1.01),
        roll_degrees=(-3, 3),
        tilt_degrees=(-3, 3),
        offset_g=(-0.02, 0.02),
        broadband_g=(0.015, 0.025),
        sensor_noise_g=(0.004, 0.006),
    ),
    "field": Environment(
        gain=(0.4, 2.5),
        axis_gain=(0.95, 1.05),
        roll_degrees=(-180, 180),
        tilt_degrees=(-30, 30),
        offset_g=(-0.1, 0.1),
        broadband_g=(0.015, 0.12),
        sensor_noise_g=(0.004, 0.03),
    ),
}
