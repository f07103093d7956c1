"""The cost model against runs of two sizes, 8 × apart.

    OMP_NUM_THREADS=1 python benchmarks/scale_check.py --data tiny-imagenet-40 --out runs/scale

``--data`` is a folder of images, such as Tiny ImageNet. Unit costs of a small network are measured
first, then ``imprint train`` and ``imprint dejavu two-model`` run on few and on many images a
class: a sixth in A, a sixth in B, the rest public. Processor seconds of each command, all its
threads and children, stand against the sum that the model makes of its counts. What a command costs
on next to no images is measured as well, and added.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from imprint.data.files import EncodedImages
from imprint.data.open import open_images
from scale_model import TwoModelTest, two_model_costs
from scale_units import Network, UnitCosts, measure

NETWORK = Network("resnet18", 64, "256-256", (32, 128))
DIMENSIONS, K, EPOCHS = 256, 20, 2
TRAINED = (
    f"--train.architecture={NETWORK.architecture}", f"--train.input-size={NETWORK.size}",
    f"--train.projector={NETWORK.projector}", f"--train.epochs={EPOCHS}",
    "--train.optimizer=lars", "--train.warmup-epochs=0", "--train.batch-size=128",
)  # fmt: skip


@dataclass(frozen=True)
class Study:
    """One size: what its commands took, in processor seconds, and how many images they saw."""

    per_class: int
    images: int
    public: int
    crops: int
    train: float
    test: float


def seconds(words: Sequence[str]) -> float:
    """Run ``imprint WORDS``; return the processor seconds of the process and its children."""
    start = os.times()
    subprocess.run([sys.executable, "-m", "imprint", *words, "--quiet"], check=True)
    end = os.times()
    return end.children_user + end.children_system - start.children_user - start.children_system


def subset(data: Path, folder: Path, count: int) -> Path:
    """Copy the first ``count`` images of each class into a folder of classes; return it."""
    images = open_images(data)
    assert isinstance(images, EncodedImages)
    for label, name in enumerate(images.classes):
        (folder / name).mkdir(parents=True)
        for index in np.flatnonzero(images.labels == label)[:count].tolist():
            file = folder / name / Path(images.name_of(index)).name
            file.write_bytes(images.contents.read(index))
    return folder


def study(everything: Path, out: Path, per_class: int) -> Study:
    """Train two encoders and test them."""
    data, split = subset(everything, out / "images", 6 * per_class), out / "split"
    halves = [f"--per-class={per_class}", "--without-boxes", f"--out={split}"]
    seconds(["data", "split", f"--data={data}", *halves])
    part = split / "split" / f"{per_class}_per_class"
    train = 0.0
    for half in "AB":
        members = f"--members={part / f'train_{half}.npy'}"
        words = ["train", f"--data={data}", members, *TRAINED, f"--out={out / half}"]
        train += seconds(words)
    weights = [
        f"--model-{half.lower()}={out / half / 'network' / 'final.safetensors'}" for half in "AB"
    ]
    test = seconds([
        "dejavu", "two-model", f"--data={data}", *weights, f"--split={split}",
        f"--per-class={per_class}", f"--k={K}", "--crop=corner", "--no-controls",
        "--near-duplicates=off", f"--out={out / 'test'}",
    ])  # fmt: skip
    images = len(np.load(part / "train_A.npy"))
    public = len(np.load(part / "public.npy"))
    return Study(per_class, images, public, 2 * images, train, test)


def predicted(run: Study, units: UnitCosts, start: Study | None) -> tuple[float, float]:
    """Return what the model says that training and the test take."""
    test = TwoModelTest("", run.images, run.public, EPOCHS, DIMENSIONS, K, 128)
    costs = two_model_costs(test, units)
    sums = costs.train, costs.embed + costs.search + costs.vote
    if start is None:
        return sums
    least = predicted(start, units, None)
    return sums[0] + start.train - least[0], sums[1] + start.test - least[1]


def main() -> None:
    """Measure units and three sizes; print the comparison."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--per-class", type=int, nargs=3, default=[1, 10, 80])
    options = parser.parse_args()
    torch.set_num_threads(1)
    units = measure(NETWORK, open_images(options.data), DIMENSIONS, 3)
    print(units)
    runs = [study(options.data, options.out / str(count), count) for count in options.per_class]
    print("| images a set | public | | measured, s | model, s | measured / model |")
    print("|---|---|---|---|---|---|")
    for run in runs[1:]:
        for name, measured, model in zip(
            ("train", "test"), (run.train, run.test), predicted(run, units, runs[0]), strict=True
        ):
            print(
                f"| {run.images:,} | {run.public:,} | {name} | {measured:.1f} | {model:.1f} | "
                f"{measured / model:.2f} |"
            )


if __name__ == "__main__":
    main()
