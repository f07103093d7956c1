"""Train the cohorts on which membership attacks are compared, and write their margins.

    python benchmarks/membership_attack_cohorts.py --out cohorts [--data DATA] [--names NAME …]

Every cohort is 66 models in 33 pairs: the first of a pair is trained on a random half of the
records, the second on the other half. Networks are imprint's, trained by its cohort trainer.
``--data`` holds ``mnist`` (IDX files) and ``cifar10`` (a folder a class); without it the digits of
scikit-learn alone are used. Written is ``NAME.npz`` a cohort: ``phi`` float64 ``[66, records]``,
``members`` bool ``[66, records]``. ``benchmarks/membership_attack_grid.py`` reads them.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from sklearn.datasets import load_digits

from imprint.core.arrays import BoolArray, FloatArray
from imprint.data.augmentation import Augmentation
from imprint.data.imageset import ArrayImages
from imprint.data.open import open_images
from imprint.data.view import View
from imprint.nets.load import NetworkFile
from imprint.probe.signals.confidence import margin
from imprint.study.store import Study
from imprint.train.cohort.cohort import train_cohort
from imprint.train.cohort.masks import Masks
from imprint.train.cohort.options import CohortOptions

PAIRS = 33
NO_AUGMENTATION = Augmentation(crop="none", flip=0.0)
FLIPPED = Augmentation(crop="none", flip=0.5)


@dataclass(frozen=True)
class Recipe:
    """A set of images and how networks are trained on it."""

    source: str
    records: int
    noisy_labels: float
    options: CohortOptions


def perceptron(size: int, width: int, epochs: int, rate: float, channels: int = 1) -> CohortOptions:
    """Return how a perceptron of one hidden layer is trained, by AdamW."""
    return CohortOptions(
        architecture="mlp",
        architecture_options=(("widths", str(width)),),
        input_size=size,
        mean=(0.0,) * channels,
        std=(1.0,) * channels,
        epochs=epochs,
        batch_size=64,
        optimizer="adamw",
        learning_rate=rate,
        weight_decay=0.0,
        view=NO_AUGMENTATION,
        engine="stacked",
        stack=2 * PAIRS,
    )


CONVNET = CohortOptions(
    architecture="patch_convnet",
    architecture_options=(("width", "16"), ("depth", "1")),
    epochs=15,
    batch_size=50,
    view=FLIPPED,
    engine="stacked",
    stack=PAIRS,
)
RECIPES = {
    "digits": Recipe("digits", 1797, 0.0, perceptron(8, 128, 60, 8e-3)),
    "digits-noisy-15": Recipe("digits", 1797, 0.15, perceptron(8, 128, 40, 8e-3)),
    "digits-noisy-10": Recipe("digits", 1797, 0.10, perceptron(8, 64, 60, 8e-3)),
    "mnist": Recipe("mnist", 4000, 0.0, perceptron(28, 128, 30, 4e-3)),
    "cifar10-perceptron": Recipe("cifar10", 2000, 0.0, perceptron(16, 128, 30, 4e-3, channels=3)),
    "cifar10-convnet": Recipe("cifar10", 2000, 0.0, CONVNET),
}


def read_records(recipe: Recipe, data: Path | None) -> ArrayImages:
    """Return the images of a recipe, some with a label drawn anew from the other classes."""
    random = np.random.default_rng(0)
    if recipe.source == "digits":
        digits = load_digits()
        pixels = np.round(digits.images * 255 / 16).astype(np.uint8)[:, None]
        labels, classes = digits.target.astype(np.int64), tuple("0123456789")
    else:
        assert data is not None
        images = open_images(data / recipe.source)
        rows = np.sort(random.permutation(len(images))[: recipe.records])
        pixels = View(images, rows).read(recipe.options.input_size).pixels
        labels, classes = images.labels[rows], images.classes
    wrong = random.random(len(labels)) < recipe.noisy_labels
    drawn = (labels + random.integers(1, len(classes), len(labels))) % len(classes)
    return ArrayImages(pixels, np.where(wrong, drawn, labels), classes, recipe.source)


def paired_masks(records: int) -> BoolArray:
    """Return complementary halves, row 2i and row 2i + 1, bool ``[66, records]``."""
    random = np.random.default_rng(1)
    first = np.argsort(random.random((PAIRS, records)), axis=1) < records // 2
    return np.stack([first, ~first], axis=1).reshape(2 * PAIRS, records)


def train(images: ArrayImages, members: BoolArray, options: CohortOptions) -> FloatArray:
    """Return the margins of trained models on every record, float64 ``[66, records]``."""
    labels = torch.from_numpy(images.labels)
    inputs = torch.from_numpy(images.pixels).float() / 255
    with tempfile.TemporaryDirectory() as folder:
        study = Study(Path(folder))
        run = train_cohort(study, images, Masks(members), options, 0, torch.device("cpu"))
        margins = []
        for file in run.weights:
            model = NetworkFile(file).load().eval()
            with torch.no_grad():
                logits = torch.cat([model(batch) for batch in inputs.split(512)])
            margins.append(margin(logits.double(), labels).numpy())
    return np.stack(margins)


def main() -> None:
    """Train what is not there yet, and print accuracies and seconds."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--names", nargs="+", default=list(RECIPES), choices=list(RECIPES))
    asked = parser.parse_args()
    torch.set_num_threads(1)
    asked.out.mkdir(exist_ok=True)
    for name in asked.names:
        recipe = RECIPES[name]
        if asked.data is None and recipe.source != "digits":
            print(f"{name}: needs --data")
            continue
        begun = time.perf_counter()
        images = read_records(recipe, asked.data)
        members = paired_masks(len(images))
        phi = train(images, members, recipe.options)
        np.savez(asked.out / f"{name}.npz", phi=phi, members=members)
        above = [(phi > 0)[side].mean() for side in (members, ~members)]
        print(
            f"{name}: share of members with a probability above one half {above[0]:.3f}, of "
            f"others {above[1]:.3f}, {time.perf_counter() - begun:.0f} s",
            flush=True,
        )


if __name__ == "__main__":
    main()
