"""What coverage costs beyond the forward pass that it watches.

    python benchmarks/coverage_overhead.py --weights pretrained --data cifar10

``--data`` holds ``{train,test}/<class>/*.jpg`` (32 × 32 pixels), ``--weights`` the files
``resnet20_cifar10.safetensors`` and ``lenet_cifar10.safetensors``; without them networks are
untrained and images are noise. Criteria are fitted beforehand. Rounds of all passes alternate in
one run, and medians of processor seconds count, which neighbours on a shared machine hardly move:
the bare forward pass, the same under taps, with all criteria that are
not costly at once, then with one criterion at a time. Surprise (dsc, lsc, mdsc) compares every
input with training inputs and is listed apart. Exit code 1 when all criteria at once take more
than 1.3 forward passes of ResNet-20, or 2 of LeNet.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from statistics import median

import numpy as np
import torch
from torch import Tensor

from imprint.lenses.coverage.criteria.wisdom import VotedCellOptions, WisdomCoverage
from imprint.lenses.coverage.criterion.criterion import CRITERIA, Criterion
from imprint.nets.fill import build_model
from imprint.nets.image_model import ImageModel
from imprint.nets.load import load_model
from imprint.nets.model_card import NORMALISATIONS, ModelCard
from imprint.neurons.activations import ActivationTable
from imprint.probe.neurons.neurons import Taps
from imprint.probe.signals.precision import full_float32
from pretrained_accuracy import read_folder

LIMITS = {"cifar_resnet20": 1.3, "lenet": 2.0}
FILES = {"cifar_resnet20": "resnet20_cifar10", "lenet": "lenet_cifar10"}
CPU = torch.device("cpu")


def main() -> None:
    """Measure both networks."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path)
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--images", type=int, default=1024)
    parser.add_argument("--fitted", type=int, default=2048)
    parser.add_argument("--batch-size", type=int, default=256)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    train, train_labels = pictures(options.data, "train", options.fitted)
    test, test_labels = pictures(options.data, "test", options.images)
    print(f"{len(test)} images, {options.threads} thread(s), torch {torch.__version__}")
    slow = False
    with full_float32(CPU):
        for name, limit in LIMITS.items():
            model = network(name, options.weights).place(CPU).eval()
            table = activations(model, train, train_labels, options.batch_size)
            size = options.batch_size
            parts = (torch.split(test, size), torch.split(test_labels, size))
            batches = list(zip(*parts, strict=True))
            print(f"\n{name}: {table.layers.neurons} neurons in {len(table.layers.names)} layers")
            slow |= measure(model, table, batches, options.repeats, limit)
    sys.exit(int(slow))


def measure(
    model: ImageModel,
    train: ActivationTable,
    batches: Sequence[tuple[Tensor, Tensor]],
    repeats: int,
    limit: float,
) -> bool:
    """Print every ratio; return whether all criteria at once exceed the limit."""
    fitted = {name: CRITERIA.get(name)(train.layers) for name in CRITERIA.names()}
    votes = tuple(range(train.layers.neurons, 0, -1))
    fitted["wisdom"] = WisdomCoverage(train.layers, VotedCellOptions(votes=votes))
    for criterion in fitted.values():
        criterion.fit(train)
    cheap = [criterion for criterion in fitted.values() if not criterion.costly]
    passes: dict[str, Callable[[], None]] = {
        "bare": lambda: bare(model, batches),
        "taps alone": lambda: watched(model, batches, []),
        "all but surprise": lambda: watched(model, batches, cheap),
    }
    for name, criterion in fitted.items():
        passes[name] = partial(watched, model, batches, [criterion])
    for run in passes.values():
        run()
    rounds = [{name: seconds(run) for name, run in passes.items()} for _ in range(repeats)]
    count = sum(len(images) for images, _ in batches)
    once = median(times["bare"] for times in rounds)
    print(f"bare forward pass: {1e6 * once / count:.1f} µs an image")
    ratios = {
        name: median(times[name] / times["bare"] for times in rounds)
        for name in passes
        if name != "bare"
    }
    for name, ratio in ratios.items():
        costly = name in fitted and fitted[name].costly
        print(f"{name:<18}{ratio:>7.3f} ×{'   apart' if costly else ''}")
    print(f"limit of all but surprise: {limit} ×")
    return ratios["all but surprise"] > limit


@torch.no_grad()
def bare(model: ImageModel, batches: Sequence[tuple[Tensor, Tensor]]) -> None:
    """Run the network alone."""
    for images, _ in batches:
        model(images)


@torch.no_grad()
def watched(
    model: ImageModel, batches: Sequence[tuple[Tensor, Tensor]], criteria: Sequence[Criterion]
) -> None:
    """Run the network under taps, and show its activations to criteria that saw nothing yet."""
    fresh = [criterion.fresh() for criterion in criteria]
    with Taps(model) as taps:
        for images, labels in batches:
            model(images)
            batch = taps.take(labels)
            for criterion in fresh:
                criterion.update(batch)


@torch.no_grad()
def activations(model: ImageModel, images: Tensor, labels: Tensor, size: int) -> ActivationTable:
    """Return what the network makes of some images."""
    parts = []
    with Taps(model) as taps:
        for some in torch.split(images, size):
            model(some)
            parts.append(taps.take().values.numpy())
        return ActivationTable(taps.layers, np.concatenate(parts), labels.numpy())


def network(name: str, weights: Path | None) -> ImageModel:
    """Return a published network, or an untrained one."""
    mean, std = NORMALISATIONS["imagenet" if name.startswith("cifar") else "half"]
    card = ModelCard(name, 3, 10, 32, mean, std)
    if weights is None:
        torch.manual_seed(0)
        return build_model(card)
    return load_model(weights / f"{FILES[name]}.safetensors", card)


def pictures(folder: Path | None, part: str, count: int) -> tuple[Tensor, Tensor]:
    """Return images in [0, 1], channels last, and their classes, drawn at random."""
    generator = np.random.default_rng(0)
    if folder is None:
        pixels = torch.from_numpy(generator.random((count, 3, 32, 32), dtype=np.float32))
        labels = torch.from_numpy(generator.integers(0, 10, count))
    else:
        every, classes = read_folder(folder / part)
        rows = torch.from_numpy(generator.choice(len(classes), count, replace=False))
        pixels, labels = every[rows].float() / 255, classes[rows]
    return pixels.contiguous(memory_format=torch.channels_last), labels


def seconds(run: Callable[[], None]) -> float:
    """Return how long one call keeps the processor busy; on one thread that is its time."""
    start = time.process_time()
    run()
    return time.process_time() - start


if __name__ == "__main__":
    main()
