"""TensorFlow Lite Micro in upstream's own Python package: outputs and arena of a model."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Callable
from importlib.metadata import distribution

import numpy as np
from numpy.typing import NDArray
from tflite_micro.python.tflite_micro import runtime
from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

PACKAGE = "tflite-micro"
ARENA_BYTES = 1 << 20
STANDARD_ERROR = 2

Values = NDArray[np.int8] | NDArray[np.float32]


class Upstream:
    """One model. Nothing is kept between invokes, because none of our models has state."""

    def __init__(self, model: bytes) -> None:
        self._interpreter = runtime.Interpreter.from_bytes(model, arena_size=ARENA_BYTES)
        self._outputs = len(schema.ModelT.InitFromPackedBuf(model).subgraphs[0].outputs)

    def invoke(self, inputs: list[Values]) -> list[Values]:
        for index, values in enumerate(inputs):
            self._interpreter.set_input(values, index)
        self._interpreter.invoke()
        return [self._interpreter.get_output(index).copy() for index in range(self._outputs)]

    def arena_nonpersistent_bytes(self) -> int:
        """Activations and scratch buffers; upstream prints it, after an invoke, as the arena's head."""
        printed = _standard_error_of(self._interpreter.print_allocations)
        found = re.search(r"Arena allocation head (\d+) bytes", printed)
        if found is None:
            raise RuntimeError("upstream printed no arena figures")
        return int(found[1])


def package_version() -> str:
    return distribution(PACKAGE).version


def package_commit() -> str:
    """The upstream commit that the package says it was built from."""
    about = distribution(PACKAGE).read_text("METADATA") or ""
    found = re.search(r"built from commit\s+\[([0-9a-f]+)\]", about)
    return found[1] if found else "unknown"


def _standard_error_of(action: Callable[[], None]) -> str:
    """What native code writes to file descriptor 2 meanwhile."""
    with tempfile.TemporaryFile() as sink:
        kept = os.dup(STANDARD_ERROR)
        os.dup2(sink.fileno(), STANDARD_ERROR)
        try:
            action()
        finally:
            os.dup2(kept, STANDARD_ERROR)
            os.close(kept)
        sink.seek(0)
        return sink.read().decode()
