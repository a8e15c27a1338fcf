"""Writes `test/conformance/operators`: a small model for each operator and each of its types. See README.md beside this file.

Drawn from the same families as the random models, the first of each combination of types that an oracle answers.
"""

from __future__ import annotations

import json
from math import prod
from pathlib import Path

import numpy as np

from draw import Draw
from entries import make
from graph import Model, Node, Tensor
from oracles import upstream_name
from random_models import FAMILIES
from upstream import package_commit

TARGET = Path(__file__).parents[2] / "test" / "conformance" / "operators"
SEED = 7
TRIES = 600
MOST_ELEMENTS = 48
"""Of a tensor: the set stays small."""

ANSWERED = 3
"""Oracles asked for a combination of types before it is given up."""

UNSAID = ("status", "ops", "types", "stateful", "tolerance")
"""What random models say of themselves and this set need not: its seed is one with which all are equal."""

DATA_INPUTS = {
    "ASSIGN_VARIABLE": 1,
    "EMBEDDING_LOOKUP": 1,
    "FILL": 1,
    "IF": 1,
    "ONE_HOT": 2,
    "SELECT": 1,
    "SELECT_V2": 1,
    "SPLIT": 1,
    "TRANSPOSE_CONV": 2,
}
"""Where the type of an operator is not that of its first input."""


def main() -> None:
    TARGET.mkdir(exist_ok=True)
    models, vectors = bytearray(), bytearray()
    entries = []
    for number, (family, build) in enumerate(sorted(FAMILIES.items())):
        if family == "CHAIN":
            continue
        asked: dict[tuple[str, ...], int] = {}
        for attempt in range(TRIES):
            draw = Draw(SEED, number, attempt)
            model = build(draw)
            key = types_of(model)
            if asked.get(key, 0) >= ANSWERED or not _is_small(model):
                continue
            asked[key] = asked.get(key, 0) + 1
            made = make(f"{family.lower()}__{attempt}", model, draw, ("wide",))
            if not made.ok:
                continue
            asked[key] = ANSWERED
            entry = {name: value for name, value in made.entry.items() if name not in UNSAID}
            if entry["oracle"] == upstream_name():
                del entry["oracle"]
            for vector in entry["vectors"]:
                del vector["tag"]
                vector["input_offset"] += len(vectors)
                vector["output_offset"] += len(vectors)
            entry |= {
                "covers": covers(model),
                "model": "models.bin",
                "model_offset": len(models),
                "model_bytes": len(made.contents),
                "bin": "vectors.bin",
            }
            models += made.contents
            vectors += made.vectors
            entries.append(entry)
    index = {
        "about": "made by test/oracle/operator_set.py",
        "oracle": f"{upstream_name()}, where an entry names no other",
        "tflm_commit": package_commit(),
        "numpy": np.__version__,
        "endianness": "little",
        "count": len(entries),
    }
    head = json.dumps(index, indent=1)[:-2]
    lines = ",\n  ".join(json.dumps(entry, separators=(",", ":")) for entry in entries)
    (TARGET / "index.json").write_text(f'{head},\n "models": [\n  {lines}\n ]\n}}\n')
    (TARGET / "models.bin").write_bytes(models)
    (TARGET / "vectors.bin").write_bytes(vectors)


def _is_small(model: Model) -> bool:
    return all(
        prod(tensor.shape) <= MOST_ELEMENTS or (tensor.data is not None and _is_table(tensor))
        for graph in model.graphs
        for node in graph.nodes
        for tensor in (*node.inputs, *node.outputs)
        if tensor is not None
    )


def _is_table(tensor: Tensor) -> bool:
    """Of a fixed size, whatever is drawn."""
    return tensor.type in ("int16", "uint8") and len(tensor.shape) == 1 and tensor.shape[0] <= 160


def types_of(model: Model) -> tuple[str, ...]:
    """What tells one case from another: the types of the first operator, each named once."""
    node = model.graphs[0].nodes[0]
    inputs = dict.fromkeys("-" if tensor is None else tensor.type for tensor in node.inputs)
    outputs = dict.fromkeys(tensor.type for tensor in node.outputs)
    shown = (_data_type(each) for each in model.graphs[0].nodes if each.code != "CALL_ONCE")
    return (*shown, *inputs, "→", *outputs)


def covers(model: Model) -> list[list[str]]:
    """Operators with the types that this model runs them in."""
    nodes = (node for graph in model.graphs for node in graph.nodes)
    pairs = {(node.code, _data_type(node)): None for node in nodes}
    return [list(pair) for pair in pairs]


def _data_type(node: Node) -> str:
    if node.code in ("CALL_ONCE", "VAR_HANDLE"):
        return "resource"
    if node.code in ("READ_VARIABLE", "TFLM_DECODE"):
        return node.outputs[0].type
    if node.code.endswith("CONV_2D") or node.code == "FULLY_CONNECTED":
        filters = node.inputs[1]
        if filters is not None and filters.type == "int4":
            return "int4"
    tensor = node.inputs[DATA_INPUTS.get(node.code, 0)]
    assert tensor is not None
    return tensor.type


if __name__ == "__main__":
    main()
