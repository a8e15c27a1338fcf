"""How the housings of rotating machines move, in lock step: the twin of `machine.ts`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from condition import Indices, excitation_of_each
from prng import Mask, Numbers, Prng

SAMPLE_RATE_HZ = 1600
REFERENCE_HZ = 25
RESIDUAL_TWO_SHARE = 0.3
SPEED_FRAMES = 64


class Machines:
    def __init__(self, conditions: Indices, prng: Prng, impacts: Prng) -> None:
        self._body = body = _draw_body(prng)
        self._impacts = impacts
        self._excitation = excitation = excitation_of_each(conditions)

        angle = 2 * np.pi * body.resonance_hz / SAMPLE_RATE_HZ
        radius = np.exp(-body.damping_ratio * angle)
        self._oscillation = 2 * radius * np.cos(angle)
        self._decay = -radius * radius
        self._strike = np.sin(angle)

        self._half = body.severity * excitation.half_g
        self._two = body.severity * excitation.two_g + RESIDUAL_TWO_SHARE * body.residual_g
        self._three = body.severity * excitation.three_g
        self._truncation = body.severity * excitation.truncation_g

        self._until_speed = 0
        self._swing_phase = body.swing_start
        self._turn = body.shaft_start
        with np.errstate(divide="ignore"):
            self._impact_interval = 1 / np.asarray(excitation.impacts_per_turn)
        self._until_impact_turns = self._impact_interval.copy()
        self._response = np.zeros(conditions.shape)
        self._earlier_response = np.zeros(conditions.shape)

    def next(self) -> tuple[Numbers, Numbers, Numbers]:
        """Horizontal, vertical and axial acceleration of the next frame."""
        if self._until_speed == 0:
            self._look_at_speed()
        self._until_speed -= 1

        body = self._body
        angle = 2 * np.pi * self._turn
        cosine = np.cos(angle)
        along_x = (
            self._half * np.cos(angle / 2 + body.half_phase)
            + self._one * cosine
            + self._two * np.cos(2 * angle + body.two_phase)
            + self._three * np.cos(3 * angle + body.three_phase)
        )
        along_y = (
            self._half * np.sin(angle / 2 + body.half_phase)
            + self._one * np.sin(angle)
            + self._two * np.sin(2 * angle + body.two_phase)
            + self._three * np.sin(3 * angle + body.three_phase)
        )
        horizontal = np.clip(along_x, -self._truncation, self._truncation)
        vertical = np.clip(along_y, -self._truncation, self._truncation)
        ringing = self._ring(cosine)

        self._turn = self._turn + self._turns_per_frame
        self._turn = np.where(self._turn >= 2, self._turn - 2, self._turn)
        return (
            horizontal + np.sin(body.impact_angle) * ringing,
            body.vertical * vertical + np.cos(body.impact_angle) * ringing,
            body.axial * (horizontal + ringing),
        )

    def _ring(self, cosine: Numbers) -> Numbers:
        self._until_impact_turns -= self._turns_per_frame
        due = self._until_impact_turns <= 0
        strike = np.zeros(due.shape)
        if due.any():
            strike[due] = (self._strike * self._impact(due, cosine))[due]
        response = (
            self._oscillation * self._response + self._decay * self._earlier_response + strike
        )
        self._earlier_response, self._response = self._response, response
        return response

    def _impact(self, due: Mask, cosine: Numbers) -> Numbers:
        excitation = self._excitation
        interval = (1 + excitation.slip * self._impacts.noise_where(due)) * self._impact_interval
        self._until_impact_turns[due] += interval[due]
        spread = np.maximum(0, 1 + excitation.impact_spread * self._impacts.noise_where(due))
        load = 1 + excitation.load_modulation * cosine
        return self._body.severity * excitation.impact_g * spread * load

    def _look_at_speed(self) -> None:
        body = self._body
        speed_hz = body.shaft_hz * (1 + body.swing * np.sin(2 * np.pi * self._swing_phase))
        self._turns_per_frame = speed_hz / SAMPLE_RATE_HZ
        imbalance = body.severity * self._excitation.one_g + body.residual_g
        self._one = imbalance * (speed_hz / REFERENCE_HZ) ** 2
        step = SPEED_FRAMES / (SAMPLE_RATE_HZ * body.swing_period_s)
        self._swing_phase = (self._swing_phase + step) % 1
        self._until_speed = SPEED_FRAMES


@dataclass(frozen=True)
class _Body:
    shaft_hz: Numbers
    swing: Numbers
    swing_period_s: Numbers
    swing_start: Numbers
    shaft_start: Numbers
    severity: Numbers
    residual_g: Numbers
    vertical: Numbers
    axial: Numbers
    half_phase: Numbers
    two_phase: Numbers
    three_phase: Numbers
    resonance_hz: Numbers
    damping_ratio: Numbers
    impact_angle: Numbers


def _draw_body(prng: Prng) -> _Body:
    return _Body(
        shaft_hz=prng.uniform(22, 28),
        swing=prng.uniform(0.005, 0.02),
        swing_period_s=prng.uniform(20, 60),
        swing_start=prng.uniform(0, 1),
        shaft_start=prng.uniform(0, 2),
        severity=prng.uniform(0.08, 1),
        residual_g=prng.uniform(0.02, 0.06),
        vertical=prng.uniform(0.6, 1),
        axial=prng.uniform(0.05, 0.2),
        half_phase=prng.uniform(0, 2 * np.pi),
        two_phase=prng.uniform(0, 2 * np.pi),
        three_phase=prng.uniform(0, 2 * np.pi),
        resonance_hz=prng.uniform(350, 550),
        damping_ratio=prng.uniform(0.03, 0.06),
        impact_angle=prng.uniform(-np.pi / 4, np.pi / 4),
    )
