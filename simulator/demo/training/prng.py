"""sfc32 for many streams in lock step: the generator of `simulator/prng.ts`, one numpy lane per stream."""

from __future__ import annotations

from math import sqrt

import numpy as np
from numpy.typing import NDArray

Words = NDArray[np.uint32]
Numbers = NDArray[np.float64]
Mask = NDArray[np.bool_]

MIXING_ROUNDS = 15
FORK_CONSTANT = np.uint32(0x9E3779B9)
BYTE_SUM_MEAN = 4 * 127.5
BYTE_SUM_INVERSE_DEVIATION = 1 / sqrt((4 * (256**2 - 1)) / 12)


class Prng:
    """`simulator/prng.ts` says what each method promises; here each returns one value per stream."""

    def __init__(self, a: Words, b: Words, c: Words, counter: Words) -> None:
        self._a, self._b, self._c, self._counter = a, b, c, counter

    @staticmethod
    def from_seed(seed: int) -> Prng:
        """One stream."""
        low, high = np.array([seed % 2**32], np.uint32), np.array([seed // 2**32], np.uint32)
        return Prng._mixed(np.zeros(1, np.uint32), low, high)

    def fork(self, key: int | Words) -> Prng:
        """With an array of keys, one stream forks into as many."""
        keys = np.asarray(key, np.uint32)
        return Prng._mixed(
            *np.broadcast_arrays(self._a ^ FORK_CONSTANT, self._b ^ self._counter, self._c ^ keys)
        )

    def uint32(self) -> Words:
        word = self._a + self._b + self._counter
        self._counter = self._counter + np.uint32(1)
        self._a = self._b ^ (self._b >> np.uint32(9))
        self._b = self._c + (self._c << np.uint32(3))
        self._c = ((self._c << np.uint32(21)) | (self._c >> np.uint32(11))) + word
        return word

    def uniform(self, low: float, high: float) -> Numbers:
        return low + (high - low) * (self.uint32() / 2.0**32)

    def noise(self) -> Numbers:
        word = self.uint32()
        total = np.zeros(word.shape)
        for shift in (0, 8, 16, 24):
            total += (word >> np.uint32(shift)) & np.uint32(255)
        return (total - BYTE_SUM_MEAN) * BYTE_SUM_INVERSE_DEVIATION

    def noise_where(self, mask: Mask) -> Numbers:
        """Draws on the streams of the mask only; the others answer 0 and stay where they are."""
        drawn = np.zeros(mask.shape)
        if mask.any():
            lanes = Prng(self._a[mask], self._b[mask], self._c[mask], self._counter[mask])
            drawn[mask] = lanes.noise()
            for state, drawn_state in zip(self._state(), lanes._state(), strict=True):
                state[mask] = drawn_state
        return drawn

    def _state(self) -> tuple[Words, Words, Words, Words]:
        return self._a, self._b, self._c, self._counter

    @staticmethod
    def _mixed(a: Words, b: Words, c: Words) -> Prng:
        prng = Prng(a.copy(), b.copy(), c.copy(), np.ones(a.shape, np.uint32))
        for _ in range(MIXING_ROUNDS):
            prng.uint32()
        return prng
