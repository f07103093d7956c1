"""Microseconds an input of every coverage criterion, beside the forward pass of its network.

    OMP_NUM_THREADS=1 python benchmarks/coverage_criteria.py

Random activations shaped like those of LeNet-5 (5 layers, 236 neurons), ResNet-20 (20 layers) and
ResNet-18 (21 layers) for CIFAR-10; the forward pass is of plain networks with the same layers.
``together`` updates all criteria that are not costly on the same batches, as one measurement does,
so that they share what they can. Criteria, all together and the forward pass take turns, so that
all see the same machine; the median of processor time counts. Reading activations is part of it.

Cluster coverage compares with all vectors kept so far, and so depends on data and their number:
here random vectors are far from each other, and nearly all of ``--inputs`` are kept.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from imprint.lenses.coverage.criterion.criterion import CRITERIA, Criterion
from imprint.neurons.activations import ActivationTable, Layers

CLASSES = 10
OWN_OPTIONS = ("idc", "wisdom")


@dataclass(frozen=True)
class Shape:
    """Widths of a network's layers, and the network."""

    name: str
    widths: tuple[int, ...]
    network: nn.Module
    pixels: tuple[int, int, int]


def main() -> None:
    """Time every criterion on every shape and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--inputs", type=int, default=2048)
    parser.add_argument("--train", type=int, default=5000)
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--shapes", type=int, default=3, help="how many, the smallest first")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    load = " ".join(f"{value:.1f}" for value in os.getloadavg())
    print(
        f"{options.inputs} inputs, batch {options.batch}, {options.train} training inputs, "
        f"{options.threads} thread(s), torch {torch.__version__}, load {load}; "
        f"median of {options.turns} turns\n"
    )
    names = [name for name in CRITERIA.names() if name not in OWN_OPTIONS]
    names.sort(key=lambda name: CRITERIA.get(name).costly)
    shapes = [shape() for shape in (lenet, resnet20, resnet18)][: options.shapes]
    columns = [measure(shape, names, options) for shape in shapes]
    print("| µs an input | " + " | ".join(shape.name for shape in shapes) + " |")
    print("| --- " + "| ---: " * len(shapes) + "|")
    for title in columns[0]:
        print(f"| {title} | " + " | ".join(f"{column[title]:.2f}" for column in columns) + " |")


def measure(shape: Shape, names: Sequence[str], options: argparse.Namespace) -> dict[str, float]:
    """Return microseconds an input of the forward pass and of each criterion, by title."""
    layers = Layers(tuple(f"layer{i}" for i in range(len(shape.widths))), shape.widths)
    train = activations(layers, options.train, 0)
    values = activations(layers, options.inputs, 1)
    criteria = {name: CRITERIA.get(name)(layers) for name in names}
    for criterion in criteria.values():
        if criterion.reads_training:
            criterion.fit(train)
    cheap = [criterion for criterion in criteria.values() if not criterion.costly]
    images = torch.randn(options.batch, *shape.pixels)
    network = shape.network.eval()

    def see(some: Sequence[Criterion]) -> Callable[[], None]:
        def work() -> None:
            fresh = [criterion.fresh() for criterion in some]
            for batch in values.batches(options.batch):
                for criterion in fresh:
                    criterion.update(batch)

        return work

    works = {"forward pass": lambda: forward(network, images)}
    works |= {name: see([criterion]) for name, criterion in criteria.items()}
    works["together"] = see(cheap)
    inputs = dict.fromkeys(works, options.inputs) | {"forward pass": options.batch}
    for work in works.values():
        work()
    turns = [{title: seconds(work) for title, work in works.items()} for _ in range(options.turns)]
    found = {
        title: 1e6 * float(np.median([turn[title] for turn in turns])) / inputs[title]
        for title in works
    }
    ratios = [turn["together"] / turn["forward pass"] for turn in turns]
    share = float(np.median(ratios)) * options.batch / options.inputs
    return found | {"together / forward pass": share}


def forward(network: nn.Module, images: Tensor) -> None:
    """Run the network."""
    with torch.inference_mode():
        network(images)


def seconds(work: Callable[[], None]) -> float:
    """Return the processor time that one call takes, which other processes lengthen least."""
    start = time.process_time()
    work()
    return time.process_time() - start


def activations(layers: Layers, inputs: int, seed: int) -> ActivationTable:
    """Return normal activations of ten classes."""
    random = np.random.default_rng(seed)
    labels = random.integers(0, CLASSES, inputs)
    means = np.random.default_rng(2).normal(size=(CLASSES, layers.neurons))
    values = means[labels] + random.normal(size=(inputs, layers.neurons))
    return ActivationTable(layers, values.astype(np.float32), labels)


def lenet() -> Shape:
    """Return LeNet-5 for MNIST."""
    network = nn.Sequential(
        *(nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten()),
        *(nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10)),
    )
    return Shape("LeNet-5", (6, 16, 120, 84, 10), network, (1, 28, 28))


def resnet20() -> Shape:
    """Return a plain network with the layers of ResNet-20."""
    return plain("ResNet-20", [16] * 7 + [32] * 6 + [64] * 6)


def resnet18() -> Shape:
    """Return a plain network with the layers of ResNet-18, its shortcuts left out."""
    return plain("ResNet-18", [64] * 5 + [128] * 4 + [256] * 4 + [512] * 4)


def plain(name: str, widths: list[int]) -> Shape:
    """Return convolutions of 3 × 3 that halve the image wherever they widen."""
    layers: list[nn.Module] = []
    before = 3
    for width in widths:
        stride = 2 if layers and width != before else 1
        convolution = nn.Conv2d(before, width, 3, stride, padding=1, bias=False)
        layers += [convolution, nn.BatchNorm2d(width), nn.ReLU()]
        before = width
    layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(before, CLASSES)]
    return Shape(name, (*widths, CLASSES), nn.Sequential(*layers), (3, 32, 32))


if __name__ == "__main__":
    main()
