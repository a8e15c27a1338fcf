"""Random shapes, quantisations and values, from one seed."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from graph import NUMPY_TYPES, Tensor

Shape = tuple[int, ...]
Item = TypeVar("Item")

LIMITS = {
    "int4": (-8, 7),
    "int8": (-128, 127),
    "uint8": (0, 255),
    "int16": (-32768, 32767),
    "int32": (-(2**31), 2**31 - 1),
    "uint32": (0, 2**32 - 1),
    "int64": (-(2**63), 2**63 - 1),
    "uint64": (0, 2**64 - 1),
    "uint16": (0, 65535),
    "bool": (0, 1),
    "resource": (0, 0),
}

SPECIAL_FLOATS = (
    float("nan"),
    float("inf"),
    float("-inf"),
    0.0,
    -0.0,
    1e-45,
    -1.17e-38,
    3.4028235e38,
    -3.4028235e38,
    1.0,
    -1.0,
    0.5,
    -0.5,
    2.5,
    1.5,
    6.0,
    1e10,
    -1e10,
    88.9,
    -104.0,
    16777217.0,
)


class Draw:
    def __init__(self, *seed: int) -> None:
        self._source = np.random.default_rng(seed)

    def int(self, low: int, high: int) -> int:
        """Both ends included."""
        return int(self._source.integers(low, high, endpoint=True))

    def chance(self, probability: float) -> bool:
        return bool(self._source.random() < probability)

    def pick(self, choices: Sequence[Item]) -> Item:
        return choices[self.int(0, len(choices) - 1)]

    def some(self, choices: Sequence[Item], least: int = 1, most: int | None = None) -> list[Item]:
        """Some of the choices, in their order."""
        count = self.int(least, min(most or len(choices), len(choices)))
        chosen = sorted(self._source.permutation(len(choices))[:count])
        return [choices[int(position)] for position in chosen]

    def order(self, count: int) -> list[int]:
        return [int(position) for position in self._source.permutation(count)]

    def float(self, low: float, high: float) -> float:
        return float(np.float32(self._source.uniform(low, high)))

    def log_float(self, low: float, high: float) -> float:
        return float(np.float32(np.exp(self._source.uniform(np.log(low), np.log(high)))))

    def shape(self, least: int = 1, most: int = 4, *, size: int = 7, elements: int = 400) -> Shape:
        rank = self.int(least, most)
        while True:
            shape = tuple(self.int(1, size) for _ in range(rank))
            if prod(shape) <= elements:
                return shape

    def broadcast(self, shape: Shape) -> tuple[Shape, Shape]:
        """Two shapes that broadcast to this one."""
        if not shape or self.chance(0.35):
            return shape, shape
        first, second = list(shape), list(shape)
        for position in range(len(shape)):
            what = self.int(0, 4)
            if what == 0:
                first[position] = 1
            elif what == 1:
                second[position] = 1
        # What both have lost is not in the result.
        pair = [first, second]
        for position, size in enumerate(shape):
            if first[position] != size and second[position] != size:
                first[position] = size
        shorter = self.int(0, 1)
        while len(pair[shorter]) > 1 and pair[shorter][0] == 1 and self.chance(0.6):
            pair[shorter].pop(0)
        if self.chance(0.1):
            pair[shorter] = [1]
            pair[1 - shorter] = list(shape)
        return tuple(pair[0]), tuple(pair[1])

    def scale(self) -> float:
        what = self.int(0, 9)
        if what == 0:
            return self.log_float(1e-6, 1e-3)
        if what == 1:
            return 2.0 ** self.int(-15, 0)
        return self.log_float(1e-3, 0.9)

    def zero_point(self, type_: str) -> int:
        if type_ not in ("int8", "uint8"):
            return 0
        low, high = LIMITS[type_]
        return self.pick((low, high, 0, self.int(low, high), self.int(low, high)))

    def tensor(self, type_: str, shape: Shape, **more: Any) -> Tensor:
        """Quantised where its type usually is."""
        if type_ in ("int8", "uint8", "int16") and "scales" not in more:
            more["scales"] = (self.scale(),)
            more["zero_point"] = self.zero_point(type_)
        return Tensor(type_, shape, **more)

    def constant(self, type_: str, shape: Shape, **more: Any) -> Tensor:
        tensor = self.tensor(type_, shape, **more)
        tensor.data = self.values(tensor)
        return tensor

    def either(self, tensor: Tensor, probability: float = 0.2) -> Tensor:
        """Makes a constant of an input now and then."""
        if self.chance(probability):
            tensor.data = self.values(tensor)
        return tensor

    def values(self, tensor: Tensor, kind: str | None = None) -> NDArray[Any]:
        """`kind` is wide, narrow or special."""
        kind = kind or self.pick(("wide", "wide", "narrow"))
        shape = tensor.shape
        count = prod(shape)
        if tensor.type == "float32":
            return self._floats(tensor, kind).reshape(shape)
        if tensor.type == "float16":
            return self._source.normal(0, 3, shape).astype(np.float16)
        low, high = LIMITS[tensor.type]
        if tensor.within is not None:
            low, high = int(tensor.within[0]), int(tensor.within[1])
        drawn = self._source.integers(low, high, count, np.int64 if low < 0 else np.uint64, True)
        if kind == "narrow":
            middle = tensor.zero_point if tensor.scales else 0
            drawn = np.clip(self._source.integers(-9, 9, count) + middle, low, high)
        elif kind == "special":
            ends = np.array(
                [low, high, min(low + 1, high), max(high - 1, low)],
                np.int64 if low < 0 else np.uint64,
            )
            drawn = np.where(
                self._source.random(count) < 0.6, ends[self._source.integers(0, 4, count)], drawn
            )
        return drawn.astype(NUMPY_TYPES.get(tensor.type, np.int8)).reshape(shape)

    def _floats(self, tensor: Tensor, kind: str) -> NDArray[np.float32]:
        count = prod(tensor.shape)
        # As people write numbers: quotients of these are near whole ones.
        decimals = 1 if self.chance(0.3) else 8
        if tensor.within is not None:
            drawn = self._source.uniform(*tensor.within, count).round(decimals)
            return np.clip(drawn, *tensor.within).astype(np.float32)
        if kind == "narrow":
            return self._source.uniform(-1, 1, count).astype(np.float32)
        drawn = self._source.normal(0, self.pick((1, 4, 40)), count).round(decimals)
        if kind == "special":
            specials = np.array(SPECIAL_FLOATS, np.float32)
            where = self._source.random(count) < 0.5
            drawn = np.where(where, specials[self._source.integers(0, len(specials), count)], drawn)
        return drawn.astype(np.float32)

    def axes(self, rank: int, *, least: int = 1, most: int | None = None) -> list[int]:
        """Different axes, some written as negative."""
        chosen = self.some(range(rank), least, most or rank)
        return [axis - rank if self.chance(0.3) else axis for axis in chosen]


def indices(values: Sequence[int], type_: str = "int32", shape: Shape | None = None) -> Tensor:
    """A constant of indices, sizes or axes."""
    data = np.array(values, NUMPY_TYPES[type_])
    shape = data.shape if shape is None else shape
    return Tensor(type_, shape, data=data.reshape(shape))
