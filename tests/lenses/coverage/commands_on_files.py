"""Arrays, images and a network on which the commands of coverage are run by tests."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from imprint.cli import main
from imprint.study.json_io import read_json

NAMES = {"nc", "kmnc", "snac", "nbc", "tknc", "tknp", "cc", "lsc", "dsc", "mdsc", "nlc", "ssc"}
CELLS = {"idc", "paths", "wisdom"}


def arrays(seed: int = 0) -> dict[str, np.ndarray]:
    generator = np.random.default_rng(seed)
    mix, found = generator.normal(size=(6, 5)), {}
    for part, count in (("train", 120), ("test", 60)):
        labels = generator.integers(0, 3, count)
        hidden = generator.normal(size=(count, 6)) + labels[:, None]
        found[f"{part}/conv1"] = hidden.astype(np.float32)
        found[f"{part}/block/fc"] = (hidden @ mix).astype(np.float32)
        found[f"{part}_labels"] = labels
    return found


def measured(tmp_path: Path, given: Mapping[str, np.ndarray], *words: str) -> dict[str, Any]:
    np.savez(tmp_path / "a.npz", **given)
    out = tmp_path / "out"
    main(["coverage", "measure", "--arrays", str(tmp_path / "a.npz"), "--out", str(out), *words])
    found: dict[str, Any] = read_json(out / "summary.json")["lenses"]["coverage"]
    return found


def saved(path: Path, given: Mapping[str, np.ndarray]) -> Path:
    np.savez(path, **given)
    return path


def words_of(world: Path, *words: str) -> list[str]:
    model = ["--model", str(world / "net.safetensors")]
    return ["coverage", *words[:1], *model, "--members", str(world / "train.npz"), *words[1:]]
