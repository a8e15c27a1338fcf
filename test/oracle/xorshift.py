"""The generator of conformance folders: xorshift32, as their format describes it."""

from __future__ import annotations

from math import prod

import numpy as np
from numpy.typing import NDArray

MASK = 0xFFFFFFFF


class XorShift32:
    def __init__(self, seed: int) -> None:
        self._state = (seed * 2654435761 + 0x9E3779B9) & MASK or 1

    def next(self) -> int:
        state = self._state
        state ^= (state << 13) & MASK
        state ^= state >> 17
        state ^= (state << 5) & MASK
        self._state = state
        return state

    def int8(self, shape: tuple[int, ...]) -> NDArray[np.int8]:
        """One draw per element: its highest byte."""
        words = [self.next() >> 24 for _ in range(prod(shape))]
        return np.array(words, np.uint8).view(np.int8).reshape(shape)

    def float32(self, shape: tuple[int, ...]) -> NDArray[np.float32]:
        """One draw per element: its highest 24 bits, as a number in [-1, 1)."""
        values = [(self.next() >> 8) * 2**-23 - 1 for _ in range(prod(shape))]
        return np.array(values, np.float32).reshape(shape)

    def int32(self, shape: tuple[int, ...], limit: int) -> NDArray[np.int32]:
        """Between -limit and limit."""
        words = [self.next() % (2 * limit + 1) - limit for _ in range(prod(shape))]
        return np.array(words, np.int32).reshape(shape)
