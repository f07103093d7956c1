"""Estimators of influence beside retrained ResNet-8 on images of two CIFAR-10 classes.

    OMP_NUM_THREADS=1 python benchmarks/influence_resnet.py --data cifar10/train --out runs/resnet

The folder has one folder a class. Written is ``OUT/cifar2.npz``: 300 records and 60 queries of
airplanes and automobiles at 32 pixels, drawn at random and standardised by the records. Then
``imprint leave-one-out compare`` trains 6 networks on all records and 6 without each of
``--removed`` records, from the same weights and on the same batches, and 2 on each of 32 random
halves. A run that is stopped goes on where it was; more ``--removed`` later add to what is there.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from PIL import Image

from imprint.cli import main as imprint

CLASSES = ("airplane", "automobile")
RECORDS, QUERIES, SEED = 300, 60, 0
TRAINING = (
    "--train.architecture cifar_resnet8 --train.epochs 8 --train.batch-size 25 "
    "--train.learning-rate 0.05 --train.momentum 0.9 --train.weight-decay 5e-4"
)
NETWORKS = f"--records {RECORDS} --pairs 6 --subsets 32 --subset-networks 2 --device cpu"


def write_arrays(folder: Path, file: Path) -> None:
    """Write records and queries, the classes mixed."""
    random = np.random.default_rng(SEED)
    every = [path for name in CLASSES for path in sorted((folder / name).iterdir())]
    chosen = [every[row] for row in random.permutation(len(every))[: RECORDS + QUERIES]]
    pixels = np.stack([np.asarray(Image.open(path)).transpose(2, 0, 1) for path in chosen]) / 255
    labels = np.array([CLASSES.index(path.parent.name) for path in chosen])
    mean = pixels[:RECORDS].mean((0, 2, 3), keepdims=True)
    std = pixels[:RECORDS].std((0, 2, 3), keepdims=True)
    inputs = ((pixels - mean) / std).astype(np.float32)
    np.savez(
        file,
        x=inputs[:RECORDS],
        y=labels[:RECORDS],
        queries=inputs[RECORDS:],
        query_labels=labels[RECORDS:],
    )


def main() -> None:
    """Write the arrays once, retrain what is missing, compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--removed", type=int, default=12)
    parser.add_argument("--only", choices=("retrain", "compare"), default="compare")
    options, further = parser.parse_known_args()
    options.out.mkdir(parents=True, exist_ok=True)
    arrays = options.out / "cifar2.npz"
    if not arrays.exists():
        write_arrays(options.data, arrays)
    words = f"{TRAINING} {NETWORKS} --removed {options.removed}".split()
    files = ["--arrays", str(arrays), "--out", str(options.out / "study")]
    imprint(["leave-one-out", options.only, *files, *words, *further])


if __name__ == "__main__":
    main()
