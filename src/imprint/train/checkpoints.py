"""The weights that a training left in its folder: the last ones, and snapshots by epoch."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path


def checkpoints_in(folders: Mapping[str, Path]) -> dict[str, Path]:
    """Return the last weights ``NAME`` of each folder, and its snapshots ``NAME@EPOCH``."""
    checkpoints = {}
    for name, folder in folders.items():
        checkpoints[name] = folder / "final.safetensors"
        for file in sorted(folder.glob("epoch_*.safetensors")):
            checkpoints[f"{name}@{int(file.stem.removeprefix('epoch_'))}"] = file
    return checkpoints
