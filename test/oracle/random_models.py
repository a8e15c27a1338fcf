"""Writes a conformance folder of random models, with the outputs that upstream computes. See README.md beside this file.

    random_models.py FOLDER [--seed SEED] [--count COUNT] [--only OPERATOR,OPERATOR]
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from pathlib import Path

import random_arithmetic
import random_control
import random_decode
import random_layers
import random_litert
import random_moves
import random_signal
from draw import Draw
from entries import make
from oracles import upstream_name
from upstream import package_commit

FAMILIES = {
    **random_arithmetic.FAMILIES,
    **random_control.FAMILIES,
    **random_decode.FAMILIES,
    **random_layers.FAMILIES,
    **random_litert.FAMILIES,
    **random_moves.FAMILIES,
    **random_signal.FAMILIES,
}

VECTOR_KINDS = ("wide", "narrow", "special")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seed", type=int, default=2026)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--only")
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    names = given.only.split(",") if given.only else sorted(FAMILIES)
    entries = []
    for number in range(given.count):
        family = names[number % len(names)]
        # The model of a number does not depend on those before it.
        draw = Draw(given.seed, number)
        name = f"{family.lower()}__{number}"
        made = make(name, FAMILIES[family](draw), draw, VECTOR_KINDS)
        (given.folder / f"{name}.tflite").write_bytes(made.contents)
        (given.folder / f"{name}.bin").write_bytes(made.vectors)
        entries.append({**made.entry, "model": f"{name}.tflite", "bin": f"{name}.bin"})
    index = {
        "about": "made by test/oracle/random_models.py",
        "oracle": upstream_name(),
        "tflm_commit": package_commit(),
        "seed": given.seed,
        "count": len(entries),
        "models": entries,
    }
    (given.folder / "index.json").write_text(json.dumps(index) + "\n")
    print(Counter(entry["status"].split(":")[0] for entry in entries), file=sys.stderr)


if __name__ == "__main__":
    main()
