"""Seconds to train a cohort: one after another, in two worker processes, stacked; and the choice.

    OMP_NUM_THREADS=1 python benchmarks/cohort.py

64 perceptrons and 16 small ConvNets on composite images, each on its own half of the set. The
engines take turns, so that all see the same machine; the median of the ratios of a turn counts.
One thread, sequential, is the reference; workers have one thread each. The last line says which
engine the probe chose and what it expected.

The start of the worker processes (some seconds) is part of their time; ``steady`` leaves it out,
as a cohort of minutes does.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from imprint.data.imageset import ImageSet
from imprint.data.sources.composite import composite
from imprint.study.store import Study
from imprint.train.cohort.cohort import train_cohort
from imprint.train.cohort.engines import choose_engine
from imprint.train.cohort.job import Job
from imprint.train.cohort.masks import Masks, balanced_masks
from imprint.train.cohort.options import CohortOptions
from imprint.train.cohort.plan import cohort_card, plan_models
from imprint.train.cohort.resident import load_resident

CPU = torch.device("cpu")
ENGINES = ("sequential", "processes", "stacked")


@dataclass(frozen=True)
class Case:
    """One cohort to be trained by every engine."""

    name: str
    models: int
    options: CohortOptions


PERCEPTRON = CohortOptions(
    architecture="mlp", architecture_options=(("widths", "256"),), batch_size=64
)
CONVNET = CohortOptions(
    architecture="patch_convnet",
    architecture_options=(("width", "16"), ("depth", "1")),
    batch_size=64,
)


def main() -> None:
    """Time every engine on both cohorts and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--perceptron-epochs", type=int, default=12)
    parser.add_argument("--convnet-epochs", type=int, default=40)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--turns", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(1)
    images = composite(options.images)
    cases = (
        Case("64 MLPs", 64, replace(PERCEPTRON, epochs=options.perceptron_epochs)),
        Case("16 ConvNets", 16, replace(CONVNET, epochs=options.convnet_epochs)),
    )
    load = " ".join(f"{value:.1f}" for value in os.getloadavg())
    print(
        f"{options.images} images, torch {torch.__version__}, {options.workers} workers, "
        f"{options.turns} turn(s), load {load}"
    )
    titles = ("seconds", "models/s", "speed-up", "steady")
    print(f"{'cohort':<13}{'engine':<12}" + "".join(f"{title:>10}" for title in titles))
    for case in cases:
        compare(case, images, options.workers, options.turns)


def compare(case: Case, images: ImageSet, workers: int, turns: int) -> None:
    """Print one line an engine, and the choice."""
    settings = replace(case.options, workers=workers)
    masks = balanced_masks(len(images), case.models, seed=0)
    start = min(worker_start(images, settings, masks, workers) for _ in range(turns))
    times = np.array(
        [
            [seconds(images, replace(settings, engine=name), masks) for name in ENGINES]
            for _ in range(turns)
        ]
    )
    starting = np.array([0.0, start, 0.0])
    ratios = np.median(times[:, :1] / times, axis=0)
    steady = np.median(times[:, :1] / (times - starting), axis=0)
    for row, name in enumerate(ENGINES):
        typical = float(np.median(times[:, row]))
        print(
            f"{case.name:<13}{name:<12}{typical:>10.1f}{case.models / typical:>10.2f}"
            f"{ratios[row]:>10.2f}{steady[row]:>10.2f}"
        )
    print(f"{case.name:<13}chosen: {choice(images, settings, masks)}")


def seconds(images: ImageSet, options: CohortOptions, masks: Masks) -> float:
    """Return how long a cohort takes, from nothing to its last file."""
    with tempfile.TemporaryDirectory() as folder:
        begun = time.perf_counter()
        train_cohort(Study(Path(folder)), images, masks, options, 0, CPU)
        return time.perf_counter() - begun


def worker_start(images: ImageSet, options: CohortOptions, masks: Masks, workers: int) -> float:
    """Return how long workers take that have next to nothing to train."""
    nothing = replace(options, epochs=1, batch_size=len(images), engine="processes")
    return seconds(images, nothing, Masks(masks.members[:workers]))


def choice(images: ImageSet, options: CohortOptions, masks: Masks) -> str:
    """Return the chosen engine and why."""
    with tempfile.TemporaryDirectory() as folder:
        job = Job(Path(folder), images.fingerprint(), cohort_card(images, options), options)
        plans = plan_models(masks.members, range(len(masks.members)), options, 0)
        found = choose_engine(job, plans, load_resident(images, options.input_size, CPU))
    return f"{found.engine}, {found.why}"


if __name__ == "__main__":
    main()
