"""What is known of a trained model, as JSON for programs and as Markdown for people."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from condition import CONDITIONS
from evaluate import Score
from recipes import Recipe


@dataclass(frozen=True)
class Report:
    name: str
    recipe: Recipe
    tensorflow: str
    numpy: str
    training_windows: int
    parameters: int
    macs: int
    model_bytes: int
    model_sha256: str
    scores: dict[str, Score]


def write_report(report: Report, folder: Path) -> None:
    """Writes `report-v1.json` and `report-v1.md` for `vibration-v1`."""
    stem = folder / f"report-{report.name.removeprefix('vibration-')}"
    stem.with_suffix(".json").write_text(json.dumps(asdict(report), indent=2) + "\n")
    stem.with_suffix(".md").write_text(_markdown(report))


def _markdown(report: Report) -> str:
    recipe = report.recipe
    lines = [
        f"# Report of {report.name}",
        "",
        f"Made by `python train.py {report.name}` (simulator/demo/training) with TensorFlow "
        f"{report.tensorflow}, numpy {report.numpy}, training seed {recipe.seed}.",
        "",
        f"Trained on {report.training_windows} windows: {recipe.laboratory_machines} machines of the "
        f"laboratory and {recipe.field_machines} of the field, {recipe.epochs} epochs.",
        f"{report.parameters} parameters, {report.macs} multiply-accumulates per window, "
        f"{report.model_bytes} bytes.",
        f"SHA-256 `{report.model_sha256}`.",
        "",
        "| test set | windows | float | int8 | float and int8 agree |",
        "|---|---|---|---|---|",
        *(
            f"| {environment} | {score.windows} | {score.float_accuracy:.2%} | "
            f"{score.int8_accuracy:.2%} | {score.float_int8_agreement:.2%} |"
            for environment, score in report.scores.items()
        ),
    ]
    for environment, score in report.scores.items():
        lines += ["", f"## {environment.capitalize()}, int8: truth down, answer across", ""]
        lines += _confusion(score)
    return "\n".join(lines) + "\n"


def _confusion(score: Score) -> list[str]:
    return [
        f"| | {' | '.join(CONDITIONS)} |",
        f"|---|{'---|' * len(CONDITIONS)}",
        *(
            f"| {condition} | {' | '.join(str(count) for count in row)} |"
            for condition, row in zip(CONDITIONS, score.confusion, strict=True)
        ),
    ]
