"""Entries of a conformance folder: a model, vectors of inputs, and what an oracle answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from draw import Draw
from graph import Model, write_graph
from oracles import (
    Answer,
    ask_litert,
    ask_upstream,
    has_litert,
    litert_name,
    upstream_name,
)

LITERT_VERSIONS = (3, 2, 1)
"""Of operators: LiteRT refuses those that it does not know, and others for types that came later."""

LATER = {"LEAKY_RELU", "RELU", "SUB", "DIV", "FULLY_CONNECTED"}
"""Operators whose factor the package forms in double precision, and the commit that tinylamp follows in single: integers
may differ by one step."""

EXACT = {"integers": 0, "absolute": 1e-5, "relative": 1e-5, "ofGreatest": 1e-6}


@dataclass
class Made:
    """`entry` says where in `vectors` the bytes are; `contents` is the model."""

    contents: bytes
    vectors: bytes
    entry: dict[str, Any] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        return bool(self.entry["status"] == "ok")


def make(name: str, model: Model, draw: Draw, kinds: tuple[str, ...]) -> Made:
    """One vector of each kind. Those that end in an error say nothing of the others, and are left out."""
    contents = write_graph(model)
    inputs = model.graphs[0].inputs
    vectors = [
        [[draw.values(tensor, kind) for tensor in inputs] for _ in range(model.invokes)]
        for kind in kinds
    ]
    oracle = upstream_name()
    answers = [ask_upstream(contents, model, vector) for vector in vectors]
    refusal = answers[0]
    for version in LITERT_VERSIONS if has_litert() else ():
        if any(isinstance(answer, Answer) for answer in answers):
            break
        contents = write_graph(model, version)
        answers = [ask_litert(contents, model, vector) for vector in vectors]
        oracle = litert_name()
    made = Made(contents, b"")
    made.entry = {
        "name": name,
        "status": "ok",
        "oracle": oracle,
        "ops": [node.code for graph in model.graphs for node in graph.nodes],
        "types": signature(model),
        "stateful": model.invokes > 1,
    }
    arenas = [answer.arena_bytes for answer in answers if isinstance(answer, Answer)]
    if not arenas:
        made.entry["status"] = refusal
    elif arenas[0] is not None:
        made.entry["arena_nonpersistent_bytes"] = arenas[0]
    packed = bytearray()
    described = []
    for kind, vector, answer in zip(kinds, vectors, answers, strict=True):
        if isinstance(answer, str):
            continue
        given = b"".join(np.ascontiguousarray(each).tobytes() for step in vector for each in step)
        answered = b"".join(answer.outputs)
        described.append(_vector(kind, len(packed), given, answered, answer))
        packed += given + answered
    made.entry["vectors"] = described
    made.vectors = bytes(packed)
    later = LATER.intersection(made.entry["ops"])
    if later and not model.graphs[0].outputs[0].type.startswith("float"):
        made.entry["tolerance"] = EXACT | {"integers": len(model.graphs[0].nodes)}
    return made


def _vector(kind: str, offset: int, given: bytes, answered: bytes, answer: Answer) -> dict[str, Any]:
    vector = {
        "tag": kind,
        "invokes": len(answer.statuses),
        "input_offset": offset,
        "input_bytes": len(given),
        "output_offset": offset + len(given),
        "output_bytes": len(answered),
    }
    if any(answer.statuses):
        vector["invoke_statuses"] = answer.statuses
    return vector


def signature(model: Model) -> str:
    """The types of the first operator, as wasm/README.md writes them."""
    node = model.graphs[0].nodes[0]
    inputs, outputs = (
        " × ".join("-" if tensor is None else tensor.type for tensor in tensors)
        for tensors in (node.inputs, node.outputs)
    )
    return f"{inputs} → {outputs}"
