"""Tiny networks, options and sweeps for tests of the déjà vu lens."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from imprint.cli import main
from imprint.lenses.dejavu.options import CLASSIFIER, OneModelOptions
from imprint.study.options import DataChoice
from imprint.train.options import TrainOptions

TINY = (("width", "8"), ("depth", "1"))
TRAIN = TrainOptions(
    architecture_options=TINY, projector="16-8", epochs=2, warmup_epochs=1, snapshot_every=0
)
CLASSIFIER_SMALL = replace(CLASSIFIER, architecture_options=TINY, epochs=2, warmup_epochs=1)
DATA = DataChoice(composite_count=200, background_correlation=0.9)
SETTINGS = {**vars(DATA), "k": 10, "folds": 2, "json": True, "classifier": CLASSIFIER_SMALL}
SETTINGS |= {"classifier_steps": 4, "learn_from": "all"}
SWEPT = [
    *("--composite-count", "160", "--per-class", "3", "--k", "10", "--device", "cpu"),
    *("--train.architecture-options", "width=8,depth=1", "--train.projector", "16-8"),
    *("--train.epochs", "4", "--train.warmup-epochs", "1", "--train.snapshot-every", "2"),
    *("--probe.epochs", "1"),
]
VARY = "layer=backbone:projector,train.objective_options.invariance=5,crop=corner,per_class=2"


def one_model_options(encoder: Path, out: Path, **changes: Any) -> OneModelOptions:
    """Return options of a one-model test of the encoder of a folder."""
    values = {
        "model": encoder / "A" / "final.safetensors",
        "split": encoder / "split",
        "per_class": 4,
        "out": out,
        **SETTINGS,
    }
    return OneModelOptions(**{**values, **changes})


def sweep(out: Path, *more: str) -> Any:
    """Run a sweep; return the points of its summary."""
    main(["dejavu", "sweep", "--out", str(out), *SWEPT, *more])
    return json.loads((out / "summary.json").read_text())["lenses"]["dejavu_sweep"]["points"]
