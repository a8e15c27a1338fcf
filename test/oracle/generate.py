"""Writes the conformance folder of the project, `test/conformance`. See README.md beside this file."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

from cases import all_cases
from dataset import make_dataset
from environment import ENVIRONMENTS
from flat_model import write_model
from upstream import Upstream, Values, package_commit, package_version
from xorshift import XorShift32

PROJECT = Path(__file__).parents[2]
TARGET = PROJECT / "test" / "conformance"
DEMO_MODEL = PROJECT / "simulator" / "demo" / "models" / "vibration-v1.tflite"

SEEDS = (1, 2, 3)
SIGNAL_SEED = 7

OPERATOR_NAMES = {
    code: name for name, code in vars(schema.BuiltinOperator).items() if not name.startswith("_")
}


@dataclass(frozen=True)
class Vector:
    tag: str
    seed: int
    inputs: list[Values]


def main() -> None:
    TARGET.mkdir(exist_ok=True)
    for stale in TARGET.iterdir():
        if stale.is_file():
            stale.unlink()
    demo = DEMO_MODEL.read_bytes()
    entries = [_entry("vibration_v1", demo, [*_random_vectors(demo), *_signal_vectors(demo)])]
    for case in all_cases():
        model = write_model(case.operator)
        entries.append(_entry(case.name, model, list(_random_vectors(model))))
    index = {
        "about": "made by test/oracle/generate.py",
        "oracle": f"tflite-micro {package_version()}",
        "tflm_commit": package_commit(),
        "numpy": np.__version__,
        "endianness": "little",
        "count": len(entries),
        "models": entries,
    }
    (TARGET / "index.json").write_text(json.dumps(index, indent=1) + "\n")


def _entry(name: str, model: bytes, vectors: list[Vector]) -> dict[str, Any]:
    """Writes the model and its bytes; returns what the index says of them."""
    upstream = Upstream(model)
    contents = bytearray()
    described = [_describe(vector, upstream, contents) for vector in vectors]
    (TARGET / f"{name}.tflite").write_bytes(model)
    (TARGET / f"{name}.bin").write_bytes(contents)
    graph = schema.ModelT.InitFromPackedBuf(model)
    subgraph = graph.subgraphs[0]
    return {
        "name": name,
        "status": "ok",
        "model": f"{name}.tflite",
        "model_bytes": len(model),
        "model_sha256": _digest(model),
        "ops": _count_operators(graph),
        "inputs": [_tensor(subgraph.tensors[index]) for index in subgraph.inputs],
        "outputs": [_tensor(subgraph.tensors[index]) for index in subgraph.outputs],
        "arena_nonpersistent_bytes": upstream.arena_nonpersistent_bytes(),
        "stateful": False,
        "bin": f"{name}.bin",
        "bin_bytes": len(contents),
        "bin_sha256": _digest(contents),
        "vectors": described,
    }


def _describe(vector: Vector, upstream: Upstream, contents: bytearray) -> dict[str, Any]:
    """Appends the inputs, then the outputs, of one vector."""
    given = b"".join(values.tobytes() for values in vector.inputs)
    answered = b"".join(values.tobytes() for values in upstream.invoke(vector.inputs))
    offset = len(contents)
    contents += given + answered
    return {
        "tag": vector.tag,
        "seed": vector.seed,
        "invokes": 1,
        "input_offset": offset,
        "input_bytes": len(given),
        "input_sha256": _digest(given),
        "output_offset": offset + len(given),
        "output_bytes": len(answered),
        "output_sha256": _digest(answered),
    }


def _random_vectors(model: bytes) -> Iterator[Vector]:
    tensors = _inputs(model)
    for seed in SEEDS:
        generator = XorShift32(seed)
        yield Vector("seed", seed, [_draw(generator, tensor) for tensor in tensors])


def _draw(generator: XorShift32, tensor: Any) -> Values:
    shape = tuple(tensor.shape)
    if tensor.type == schema.TensorType.FLOAT32:
        return generator.float32(shape)
    return generator.int8(shape)


def _signal_vectors(model: bytes) -> Iterator[Vector]:
    """One window of every condition in every environment, quantised as the agent does it."""
    tensor = _inputs(model)[0]
    scale, zero_point = tensor.quantization.scale[0], tensor.quantization.zeroPoint[0]
    for environment in ENVIRONMENTS:
        for window in make_dataset(environment, 4, 1, SIGNAL_SEED).windows:
            steps = window / scale
            rounded = np.trunc(steps + np.copysign(0.5, steps)) + zero_point
            quantised = np.clip(rounded, -128, 127).astype(np.int8)
            yield Vector("signal", SIGNAL_SEED, [quantised.reshape(tensor.shape)])


def _inputs(model: bytes) -> list[Any]:
    subgraph = schema.ModelT.InitFromPackedBuf(model).subgraphs[0]
    return [subgraph.tensors[index] for index in subgraph.inputs]


def _tensor(tensor: Any) -> dict[str, Any]:
    """All inputs and outputs of our models are int8 or float32."""
    floating = tensor.type == schema.TensorType.FLOAT32
    return {
        "name": tensor.name.decode(),
        "type": "FLOAT32" if floating else "INT8",
        "shape": [int(size) for size in tensor.shape],
        "bytes": prod(int(size) for size in tensor.shape) * (4 if floating else 1),
        "scale": 0 if floating else float(tensor.quantization.scale[0]),
        "zero_point": 0 if floating else int(tensor.quantization.zeroPoint[0]),
    }


def _count_operators(graph: Any) -> dict[str, int]:
    codes = [graph.operatorCodes[operator.opcodeIndex] for operator in graph.subgraphs[0].operators]
    return dict(Counter(OPERATOR_NAMES[code.builtinCode] for code in codes))


def _digest(contents: bytes | bytearray) -> str:
    return sha256(contents).hexdigest()


if __name__ == "__main__":
    main()
