"""Membership attacks without references on published CIFAR-10 ResNets.

    python benchmarks/membership_pretrained.py --data cifar10 --weights pretrained

Members are training images, non-members test images: as many of each, and as many further test
images as the population that some attacks compare with. ``--data`` holds ``train/<class>/*.jpg``
and ``test/<class>/*.jpg`` (32 × 32 pixels), ``--weights`` the files
``resnet<depth>_cifar10.safetensors``. Curvature, at 41 forward passes an image, is measured on a
smaller subset, the distance to the boundary, at a thousand, on one smaller still; their rows say
of how many. ``--label-only-records 0`` leaves the last out.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from imprint.data.imageset import ImageSet
from imprint.data.joined import JoinedImages
from imprint.data.open import open_images
from imprint.data.view import View
from imprint.lenses.membership.attack_kit.attack import Attack, Evidence
from imprint.lenses.membership.attack_kit.evaluation import evaluate
from imprint.lenses.membership.attack_kit.run import choose_attacks
from imprint.lenses.membership.study.records import AttackedRecords, choose_records
from imprint.lenses.membership.study.trials import list_trials
from imprint.nets.image_model import ImageModel
from imprint.probe.signals.boundary import BoundarySearchOptions, boundary_distances
from imprint.probe.signals.signal import SIGNALS, SignalOptions
from imprint.probe.signals.signals import take_signals
from imprint.stats.estimate import Estimate
from pretrained_accuracy import load_resnet

PLAIN = SignalOptions(signals=("margin", "mentr"))
CURVATURE = replace(PLAIN, signals=("log_curvature",))
ATTACKS = ("attack_p", "loss", "mentr", "quantile")
RATES = (0.01, 0.001)


def main() -> None:
    """Attack every network and print one table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--depths", type=int, nargs="+", default=[20, 56])
    parser.add_argument("--records", type=int, default=4000)
    parser.add_argument("--curvature-records", type=int, default=600)
    parser.add_argument("--label-only-records", type=int, default=80)
    parser.add_argument("--label-only-queries", type=int, default=1000)
    parser.add_argument("--first-directions", type=int, default=100)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    train, test = (open_images(options.data / part) for part in ("train", "test"))
    images = JoinedImages(train, test, "CIFAR-10")
    sizes = len(train), len(test)
    print(f"{options.threads} thread(s), torch {torch.__version__}; % with 95 % intervals")
    heads = "".join(f"{f'TPR at {100 * rate:g} %':>20}" for rate in RATES)
    print(f"{'network':<10}{'attack':<20}{'records':>8}{'AUC':>20}{heads}{'s/1000':>8}")
    for depth in options.depths:
        model = load_resnet(options.weights, depth)
        for signals, count in ((PLAIN, options.records), (CURVATURE, options.curvature_records)):
            attack(f"resnet{depth}", model, images, sizes, signals, count)
        if options.label_only_records:
            search = BoundarySearchOptions(
                queries=options.label_only_queries, first_directions=options.first_directions
            )
            count = options.label_only_records
            attack_labels(f"resnet{depth}", model, images, sizes, search, count)


def attack_labels(
    name: str,
    model: ImageModel,
    images: ImageSet,
    sizes: tuple[int, int],
    search: BoundarySearchOptions,
    count: int,
) -> None:
    """Measure distances to the boundary by hard labels; print what the attack makes of them."""
    records = choose_records(*sizes, count, seed=0)
    attacked, others = (
        View(images, index).read(model.input_size) for index in (records.index, records.population)
    )
    start = time.perf_counter()
    table = boundary_distances(
        model,
        attacked.pixels,
        attacked.labels,
        records.index,
        others.pixels,
        search,
        torch.device("cpu"),
    )
    seconds = time.perf_counter() - start
    label_only = choose_attacks(["label_only"])
    show(name, Evidence({"distance": table["distance"][None]}), records, label_only, "", seconds)
    found = table["distance"][table["distance"] > 0]
    print(
        f"{'':<10}{len(found)} of {count} records got right, median distance "
        f"{np.median(found):.3f}, {table['queries'].sum() / len(found):.0f} answers and "
        f"{seconds / len(found):.2f} s for each of these"
    )


def attack(
    name: str,
    model: ImageModel,
    images: ImageSet,
    sizes: tuple[int, int],
    signals: SignalOptions,
    count: int,
) -> None:
    """Take some signals of a network, and print what each attack makes of them."""
    records = choose_records(*sizes, count, seed=0)
    start = time.perf_counter()
    table = take_signals(
        {name: model}, View(images, records.every), signals, torch.device("cpu"), name
    )[name]
    seconds = time.perf_counter() - start
    values = {
        SIGNALS.get(signal).kind: table[f"{signal}.identity"][None].astype(np.float64)
        for signal in signals.signals
    }
    attacked = len(records.index)
    evidence = Evidence(
        {kind: row[:, :attacked] for kind, row in values.items()},
        population={kind: row[:, attacked:] for kind, row in values.items()},
    )
    tail = "_curvature" if "log_curvature" in values else ""
    show(name, evidence, records, choose_attacks(ATTACKS), tail, seconds)


def show(
    name: str,
    evidence: Evidence,
    records: AttackedRecords,
    attacks: Sequence[Attack],
    tail: str,
    seconds: float,
) -> None:
    """Print a row for each attack that the evidence is enough for."""
    asked = len(records.index) + len(records.population) * bool(evidence.population)
    cost = f"{1000 * seconds / asked:>8.2f}"
    for trial in list_trials(attacks, evidence):
        if trial.attack.missing(evidence) is None:
            scores = trial.attack.score(evidence, {})
            found = evaluate(scores, records.members, RATES)
            rates = "".join(f"{_percent(value):>20}" for value in found.tpr_at_fpr.values())
            print(
                f"{name:<10}{trial.name + tail:<20}{len(records.index):>8}"
                f"{_percent(found.auc):>20}{rates}{cost}"
            )


def _percent(value: Estimate | str) -> str:
    if isinstance(value, str):
        return "not resolved"
    low, high = value.ci95
    return f"{100 * value.value:.2f} ({100 * low:.1f}–{100 * high:.1f})"


if __name__ == "__main__":
    main()
