"""Unit costs of this machine, in processor seconds of one core: what the cost model multiplies.

    OMP_NUM_THREADS=1 python benchmarks/scale_units.py --out runs/units.json

Each unit is measured alone, several times, and the least counts: other work on the machine only
adds. Networks have random weights, which does not change the arithmetic. Pictures are crops of two
photographs, 500 × 375 pixels at quality 90 (52 kB). Those of ImageNet have 110 kB at that size: the
same crops at 100 kB take 1.33 times as long to decode, some 0.3 ms more a file.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from coverage_overhead import activations, bare, watched
from decode import make_photos
from imprint.core.seeds import generator
from imprint.data.augmentation import FIRST_VIEW, SECOND_VIEW
from imprint.data.geometry import whole_rectangles
from imprint.data.imageset import ImageSet
from imprint.data.open import open_images
from imprint.lenses.coverage.criterion.criterion import CRITERIA
from imprint.lenses.dejavu.memorization.votes import vote
from imprint.lenses.leave_one_out.kernels.fc import FullyConnected
from imprint.lenses.membership.attack_kit.attack import ATTACKS, Evidence
from imprint.lenses.membership.cohort.references import References
from imprint.neighbors.nearest import nearest
from imprint.nets.fill import initial_model
from imprint.nets.image_model import ImageModel
from imprint.nets.model_card import ModelCard
from imprint.train.batches import Batches
from imprint.train.loop import LossModule
from imprint.train.objective import build_objective
from imprint.train.optim import build_optimizer
from imprint.train.options import TrainOptions
from membership_scoring import simulated

CPU = torch.device("cpu")
CLASSES = 1000


@dataclass(frozen=True)
class Network:
    """A network to be timed.

    Attributes:
        architecture: its name.
        size: side of its input in pixels.
        projector: its head while it trains.
        batches: two batch sizes; a step costs so much, and so much more an image.
    """

    architecture: str
    size: int
    projector: str
    batches: tuple[int, int]


@dataclass(frozen=True)
class UnitCosts:
    """Processor seconds of one core.

    Attributes:
        decode: read one image file into a square.
        read_views: read one image file into two augmented views.
        forward: pass one image through the network.
        step: of training, whatever the batch: optimiser and head.
        step_image: of training, each image of the batch, two views.
        search: one multiplication of an exact search: a query, a base vector, a dimension.
        settle: one neighbour of an exact search, its distance in float64.
        vote: one query's vote of 100 neighbours.
        attack: one record of one model of an attack with reference models.
        activation: one image's activations shown to nc, kmnc, nbc, snac, beyond the pass.
        kernel: one pair of records of a kernel of depth 5, 3,072 inputs.
        factor: one multiplication of a Cholesky factor.
    """

    decode: float
    read_views: float
    forward: float
    step: float
    step_image: float
    search: float
    settle: float
    vote: float
    attack: float
    activation: float
    kernel: float
    factor: float


def least(work: Callable[[], object], repeats: int) -> float:
    """Return the least processor seconds of several runs after a first."""
    work()
    times = []
    for _ in range(repeats):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return min(times)


def reading(images: ImageSet, size: int, repeats: int) -> tuple[float, float]:
    """Return seconds an image: into a square, and into two views."""
    rows = np.linspace(0, len(images) - 1, min(len(images), 512)).astype(np.int64)
    whole = whole_rectangles(images.sizes()[rows])
    decode = least(lambda: images.read(rows, whole, size), repeats)
    batches = Batches(images, rows, (FIRST_VIEW, SECOND_VIEW), 64, size, 0, CPU)
    views = least(lambda: list(batches.epoch(0)), repeats)
    return decode / len(rows), views / (batches.per_epoch * batches.batch_size)


def build(network: Network) -> ImageModel:
    """Return the network with random weights."""
    card = ModelCard(
        architecture=network.architecture,
        channels=3,
        outputs=CLASSES,
        input_size=network.size,
        mean=(0.5,),
        std=(0.25,),
        projector=network.projector,
    )
    return initial_model(card, 0).place(CPU)


def passing(network: Network, repeats: int) -> float:
    """Return seconds an image of a forward pass."""
    model = build(network).eval()
    inputs = torch.rand(network.batches[1], 3, network.size, network.size)
    inputs = inputs.contiguous(memory_format=torch.channels_last)

    @torch.inference_mode()
    def work() -> None:
        model(inputs)

    return least(work, repeats) / len(inputs)


def stepping(network: Network, repeats: int) -> tuple[float, float]:
    """Return seconds a step of training and seconds an image of it, from two batch sizes."""
    model = build(network).train()
    objective = build_objective("vicreg", model, {})
    options = TrainOptions(objective="vicreg", optimizer="lars", batch_size=network.batches[1])
    optimizer = build_optimizer(nn.ModuleList([model, objective]), options, network.batches[1])
    module = LossModule(model, objective)

    def seconds(batch: int) -> float:
        views = [torch.rand(batch, 3, network.size, network.size) for _ in range(2)]
        views = [view.contiguous(memory_format=torch.channels_last) for view in views]
        labels = torch.zeros(batch, dtype=torch.int64)

        def work() -> None:
            loss, _ = module(views, labels)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()

        return least(work, repeats)

    small, large = network.batches
    times = seconds(small), seconds(large)
    image = (times[1] - times[0]) / (large - small)
    return max(0.0, times[0] - small * image), image


def searching(dimensions: int, repeats: int) -> tuple[float, float, float]:
    """Return seconds a multiplication, a settled neighbour, and a vote."""
    draw = generator(0, "scale units")
    base = draw.standard_normal((20_000, dimensions), dtype=np.float32)
    queries = draw.standard_normal((512, dimensions), dtype=np.float32)
    few = least(lambda: nearest(queries, base, 1), repeats)
    many = least(lambda: nearest(queries, base, 100), repeats)
    settle = max(0.0, many - few) / (len(queries) * 99)
    search = (few - len(queries) * settle) / (len(queries) * len(base) * dimensions)
    labels = draw.integers(0, CLASSES, size=(4096, 100))
    return search, settle, least(lambda: vote(labels, CLASSES), repeats) / len(labels)


def attacking(repeats: int) -> float:
    """Return seconds a record and model of LiRA, one target model."""
    cohort, target, population = simulated(20_000, 64, 100)

    def work() -> None:
        evidence = Evidence({"phi": target}, References(cohort), {"phi": population})
        ATTACKS.get("lira").score(evidence, {})

    return least(work, repeats) / (20_000 * 64)


def observing(network: Network, repeats: int) -> float:
    """Return seconds an image that four criteria of coverage take beyond the forward pass."""
    model = build(network).eval()
    images = torch.rand(network.batches[1], 3, network.size, network.size)
    labels = torch.zeros(len(images), dtype=torch.int64)
    table = activations(model, images, labels, len(images))
    criteria = [CRITERIA.get(name)(table.layers) for name in ("nc", "kmnc", "nbc", "snac")]
    for criterion in criteria:
        criterion.fit(table)
    batches = [(images, labels)]
    alone = least(lambda: bare(model, batches), repeats)
    return max(0.0, least(lambda: watched(model, batches, criteria), repeats) - alone) / len(images)


def factoring(repeats: int) -> tuple[float, float]:
    """Return seconds a pair of records of a kernel, and a multiplication of its factor."""
    inputs = torch.randn(2000, 3072)
    kernel = FullyConnected(depth=5)
    pair = least(lambda: kernel(inputs, inputs), repeats) / 2000**2
    matrix = torch.randn(3000, 3000, dtype=torch.float64)
    matrix = matrix @ matrix.T + 3000 * torch.eye(3000, dtype=torch.float64)
    return pair, least(lambda: torch.linalg.cholesky(matrix), repeats) / (3000**3 / 3)


def measure(network: Network, images: ImageSet, dimensions: int, repeats: int) -> UnitCosts:
    """Return all unit costs with this network and these images."""
    decode, read_views = reading(images, network.size, repeats)
    step, step_image = stepping(network, repeats)
    search, settle, voting = searching(dimensions, repeats)
    kernel, factor = factoring(repeats)
    return UnitCosts(
        decode, read_views, passing(network, repeats), step, step_image, search, settle, voting,
        attacking(repeats), observing(network, repeats), kernel, factor,
    )  # fmt: skip


RESNET50 = Network("resnet50", 224, "8192-8192-8192", (4, 12))


def main() -> None:
    """Measure the published network and write its unit costs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as made:
        images = open_images(make_photos(Path(made), 256))
        units = measure(RESNET50, images, 8192, options.repeats)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(asdict(units), indent=2) + "\n")
    for name, value in asdict(units).items():
        print(f"{name:<12}{value:>12.3e} s{1 / value if value else 0:>16,.1f} a second")


if __name__ == "__main__":
    sys.exit(main())
