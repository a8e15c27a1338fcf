"""Upstream's interpreter, and LiteRT's for what upstream does not have, each model in a process of its own."""

from __future__ import annotations

import importlib.util
import os
import pickle
import signal
from dataclasses import dataclass
from importlib.metadata import version
from math import prod
from typing import Any

import numpy as np

from graph import NUMPY_TYPES, Model, Tensor
from upstream import ARENA_BYTES, Upstream, package_version

SECONDS = 10
"""More than any of these models takes: upstream has gone astray."""

Inputs = list[list[Any]]
"""Of a vector: for each inference, what each input gets."""


@dataclass(frozen=True)
class Answer:
    """Packed outputs and upstream's status of each inference."""

    outputs: list[bytes]
    statuses: list[int]
    arena_bytes: int | None


def ask_upstream(contents: bytes, model: Model, vector: Inputs) -> Answer | str:
    """What upstream answers, or in words why it does not: it ends the process for some models."""
    return _in_child(lambda: _upstream(contents, vector, model.graphs[0].outputs))


def ask_litert(contents: bytes, model: Model, vector: Inputs) -> Answer | str:
    """The same of LiteRT's reference kernels."""
    return _in_child(lambda: _litert(contents, vector, model.graphs[0].outputs))


def upstream_name() -> str:
    return f"tflite-micro {package_version()}"


def litert_name() -> str:
    return f"ai-edge-litert {version('ai-edge-litert')}"


def has_litert() -> bool:
    return importlib.util.find_spec("ai_edge_litert") is not None


def _upstream(contents: bytes, vector: Inputs, outputs: list[Tensor]) -> Answer:
    from tflite_micro.python.tflite_micro import runtime

    interpreter = runtime.Interpreter.from_bytes(contents, arena_size=ARENA_BYTES)
    packed, statuses = [], []
    for inputs in vector:
        for position, values in enumerate(inputs):
            interpreter.set_input(values, position)
        statuses.append(interpreter.invoke() or 0)
        found = [interpreter.get_output(position) for position in range(len(outputs))]
        packed.append(b"".join(map(_bytes, found, outputs)))
    return Answer(packed, statuses, Upstream(contents).arena_nonpersistent_bytes())


def _litert(contents: bytes, vector: Inputs, outputs: list[Tensor]) -> Answer:
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    interpreter = Interpreter(
        model_content=contents, experimental_op_resolver_type=OpResolverType.BUILTIN_REF
    )
    interpreter.allocate_tensors()
    interpreter.reset_all_variables()
    places = [detail["index"] for detail in interpreter.get_input_details()]
    results = [detail["index"] for detail in interpreter.get_output_details()]
    packed = []
    for inputs in vector:
        for place, values in zip(places, inputs, strict=True):
            interpreter.set_tensor(place, values)
        interpreter.invoke()
        found = [interpreter.get_tensor(place) for place in results]
        packed.append(b"".join(map(_bytes, found, outputs)))
    return Answer(packed, [0] * len(vector), None)


def _bytes(values: Any, tensor: Tensor) -> bytes:
    packed = np.ascontiguousarray(values).tobytes()
    size = prod(tensor.shape) * np.dtype(NUMPY_TYPES[tensor.type]).itemsize
    if len(packed) != size:
        raise ValueError(f"an output has {len(packed)} bytes, not {size}")
    return packed


def _in_child(ask: Any) -> Any:
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        quiet = os.open(os.devnull, os.O_WRONLY)
        os.dup2(quiet, 1)
        os.dup2(quiet, 2)
        signal.alarm(SECONDS)
        try:
            answer = ask()
        except Exception as error:  # noqa: BLE001 -- whatever it raises is its answer
            answer = f"refused: {type(error).__name__}: {error}"
        with os.fdopen(writer, "wb") as pipe:
            pickle.dump(answer, pipe)
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        answered = pipe.read()
    _, status = os.waitpid(child, 0)
    if status != 0 or not answered:
        return f"crashed: {status}"
    return pickle.loads(answered)
