"""What a study costs at ImageNet's size and beyond, from the unit costs of this machine.

    python benchmarks/scale_units.py --out runs/units.json
    python benchmarks/scale_model.py --units runs/units.json

Costs are sums of counts × unit costs: nothing here was run at that size. Core hours are those of
the machine that the units were measured on; a GPU takes its own unit of the forward pass and the
training step. ``benchmarks/scale_check.py`` holds the model against runs of two sizes.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from scale_units import UnitCosts

JPEG_BYTES = 110_000
"""Mean size of an image file of ImageNet."""
FLOAT_BYTES = 4
RESNET50_MULTIPLICATIONS = 4.1e9
"""Of a forward pass of one image of 224 pixels."""
SEARCH_BYTES = 210e6
"""Peak of an exact search block by block, beyond its results."""
RESULT_BYTES = 48
"""Of a search, for each query and neighbour."""
INDEX_BYTES = 72
"""Of an IVF-PQ index, for each vector."""


@dataclass(frozen=True)
class TwoModelTest:
    """A two-model test of two encoders that are trained for it.

    Attributes:
        name: of the line.
        images: of each training set.
        public: images that are searched.
        epochs: of training.
        dimensions: of the representation that is searched.
        k: public neighbours.
        batch: images a training step.
    """

    name: str
    images: int
    public: int
    epochs: int
    dimensions: int = 8192
    k: int = 100
    batch: int = 1024

    @property
    def passes(self) -> int:
        """Images that are trained on, over both encoders and all epochs."""
        return 2 * self.epochs * self.images

    @property
    def queries(self) -> int:
        """Crops of both sets, each under both encoders."""
        return 4 * self.images


@dataclass(frozen=True)
class Costs:
    """Core seconds of every part, and what is held, kept and moved, in bytes."""

    train: float
    embed: float
    search: float
    vote: float
    train_multiplications: float
    pictures: float
    embeddings: float
    read: float
    search_memory: float
    index: float

    @property
    def seconds(self) -> float:
        """Of all parts."""
        return self.train + self.embed + self.search + self.vote


def two_model_costs(test: TwoModelTest, units: UnitCosts) -> Costs:
    """Return what the test costs."""
    steps = test.passes / test.batch
    decoded = test.public + 2 * test.images
    rows = 2 * decoded
    multiplications = float(test.queries) * test.public * test.dimensions
    search = multiplications * units.search + test.queries * test.k * units.settle
    return Costs(
        train=test.passes * (units.read_views + units.step_image) + steps * units.step,
        embed=decoded * units.decode + rows * units.forward,
        search=search,
        vote=test.queries * units.vote * test.k / 100,
        train_multiplications=test.passes * 2 * 3 * RESNET50_MULTIPLICATIONS,
        pictures=float(decoded) * JPEG_BYTES,
        embeddings=float(rows) * test.dimensions * FLOAT_BYTES,
        read=float(test.passes + decoded) * JPEG_BYTES,
        search_memory=SEARCH_BYTES + float(test.images) * test.k * RESULT_BYTES,
        index=float(test.public) * INDEX_BYTES,
    )


IMAGENET = tuple(
    TwoModelTest(f"ImageNet-1k, {count} a class", 1000 * count, 500_000, 1000)
    for count in (100, 200, 300, 400, 500)
)
LARGER = (
    TwoModelTest("ImageNet-21k, two sets of 5 M", 5_000_000, 4_000_000, 100),
    TwoModelTest("10⁹ images, two sets of 400 M", 400_000_000, 200_000_000, 10),
)


def hours_table(tests: Iterable[TwoModelTest], units: UnitCosts) -> list[str]:
    """Return the lines of a table of two-model tests: core hours of each part."""
    lines = [
        "| two-model test | train | embed | exact search | votes | multiplications of training |",
        "|---|---|---|---|---|---|",
    ]
    for test in tests:
        costs = two_model_costs(test, units)
        parts = (costs.train, costs.embed, costs.search, costs.vote)
        hours = " | ".join(f"{_short(seconds / 3600)} h" for seconds in parts)
        lines.append(f"| {test.name} | {hours} | {costs.train_multiplications:.1e} |")
    return lines


def bytes_table(tests: Iterable[TwoModelTest], units: UnitCosts) -> list[str]:
    """Return the lines of a table of two-model tests: what is stored, moved and held."""
    lines = [
        "| two-model test | image files | read from disk | embeddings | memory of a search | "
        "IVF-PQ index |",
        "|---|---|---|---|---|---|",
    ]
    for test in tests:
        costs = two_model_costs(test, units)
        sizes = (costs.pictures, costs.read, costs.embeddings, costs.search_memory, costs.index)
        lines.append(f"| {test.name} | {' | '.join(map(_bytes, sizes))} |")
    return lines


def _short(value: float) -> str:
    """Return a number with three digits, thousands apart."""
    digits = 2 - math.floor(math.log10(value)) if value > 0 else 0
    return f"{round(value, digits):,.{max(0, digits)}f}"


def _bytes(size: float) -> str:
    for unit, factor in (("TB", 1e12), ("GB", 1e9)):
        if size >= factor:
            return f"{_short(size / factor)} {unit}"
    return f"{_short(size / 1e6)} MB"


@dataclass(frozen=True)
class Line:
    """One further kind of work: its name, its core seconds, and how it grows."""

    name: str
    seconds: float
    growth: str


def other_lenses(units: UnitCosts, images: int) -> list[Line]:
    """Return what the other lenses cost on ``images`` images of 224 pixels."""
    supervised = 90 * images / 2 * (units.read_views / 2 + units.step_image / 2)
    pairs = images**2 / 2
    return [
        Line("one model of a cohort, 90 epochs on half", supervised, "images × models"),
        Line("signals of one model", images * (units.decode + units.forward), "images × models"),
        Line(
            "curvature of one model, 10 probes",
            images * (units.decode + 41 * units.forward),
            "images × models × probes",
        ),
        Line("LiRA, one of 256 models", images * 256 * units.attack, "images × models"),
        Line(
            "coverage by nc, kmnc, nbc, snac",
            images * (units.decode + units.forward + units.activation),
            "images",
        ),
        Line("leave-one-out: kernel", pairs * units.kernel, "images²"),
        Line("leave-one-out: factor", images**3 / 3 * units.factor, "images³"),
    ]


def lens_table(units: UnitCosts, sizes: Sequence[int]) -> list[str]:
    """Return the lines of a table of the other lenses at several sizes."""
    columns = [other_lenses(units, images) for images in sizes]
    lines = [
        "| work | grows with | " + " | ".join(f"{images:,}" for images in sizes) + " |",
        "|" + "---|" * (2 + len(sizes)),
    ]
    for row in zip(*columns, strict=True):
        hours = " | ".join(f"{_short(line.seconds / 3600)} h" for line in row)
        lines.append(f"| {row[0].name} | {row[0].growth} | {hours} |")
    return lines


def read_units(file: Path) -> UnitCosts:
    """Return unit costs as ``scale_units.py`` wrote them."""
    return UnitCosts(**json.loads(file.read_text()))


def main() -> None:
    """Print all tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--units", type=Path, required=True)
    units = read_units(parser.parse_args().units)
    print("\n".join(hours_table((*IMAGENET, *LARGER), units)), end="\n\n")
    print("\n".join(bytes_table((*IMAGENET, *LARGER), units)), end="\n\n")
    print("\n".join(lens_table(units, (50_000, 1_281_167, 10_000_000))))


if __name__ == "__main__":
    main()
