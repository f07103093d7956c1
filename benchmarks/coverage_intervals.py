"""Do the intervals of coverage cover? Every criterion on LeNet, test sets drawn from real tests.

The population is the 10,000 test images of a data set; a test set is ``--inputs`` of them, drawn
without replacement; the truth is the mean value over ``--truth`` further sets. Prints, for each
criterion that gives an interval: the share of sets whose interval holds the truth and its standard
error, the shares that miss it below and above, the mean width beside the width of a normal
interval of the true standard deviation, and how many sets had no interval.

    python benchmarks/coverage_intervals.py --data DATA --cache /tmp/activations.npz

DATA holds ``mnist/*.gz`` (``--set mnist``) or ``cifar10/{train,test}/CLASS`` (``--set cifar10``)
and ``pretrained/lenet_SET.safetensors``; activations are taken once, into ``--cache``.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from imprint.core.missing import Missing
from imprint.data.open import open_images
from imprint.lenses.coverage.criterion.criterion import CRITERIA, Criterion
from imprint.lenses.coverage.measure.measure import fit, measure, split_into_groups
from imprint.nets.load import load_model
from imprint.neurons.activations import ActivationTable
from imprint.probe.neurons.activations import View, read_activations, rows_of, write_activations
from imprint.probe.neurons.tap_options import TapOptions

NORMALISATION = {"mnist": (1, 0.1307, 0.3081), "cifar10": (3, 0.5, 0.5)}


def main() -> None:
    """Simulate and print the table."""
    options = arguments()
    train, test = activations(options)
    criteria = fitted_criteria(options, train)
    print(f"{options.set}: {options.sets} sets of {options.inputs} of {len(test)} tests")
    print("criterion  covers  s.e.   below  above  width/normal  missing  sd/value")
    for name, criterion in criteria.items():
        print(line(name, simulate(criterion, test, options)), flush=True)


def arguments() -> argparse.Namespace:
    """Return what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--cache", type=Path, required=True, help="folder for the activations")
    parser.add_argument("--set", choices=tuple(NORMALISATION), default="mnist")
    parser.add_argument("--train", type=int, default=10_000, help="training images to fit to")
    parser.add_argument("--inputs", type=int, default=300)
    parser.add_argument("--sets", type=int, default=200)
    parser.add_argument("--truth", type=int, default=2000, help="sets whose mean is the truth")
    parser.add_argument("--criteria", nargs="*", default=CRITERIA.names())
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


def activations(options: argparse.Namespace) -> tuple[ActivationTable, ActivationTable]:
    """Return the activations of training and test images, from the cache where it has them."""
    tables = []
    for part in ("train", "test"):
        folder = options.cache / f"{options.set}_{part}"
        if not folder.is_dir():
            channels, mean, std = NORMALISATION[options.set]
            card = {
                "architecture": "lenet",
                "channels": channels,
                "outputs": 10,
                "input_size": 32,
                "mean": [mean],
                "std": [std],
            }
            weights = options.data / "pretrained" / f"lenet_{options.set}.safetensors"
            images = open_images(options.data / options.set, part=part)
            index = np.arange(len(images))
            view = View(images, index)
            options.cache.mkdir(parents=True, exist_ok=True)
            write_activations(folder, load_model(weights, card), view, TapOptions(), part)
        tables.append(read_activations(folder))
    train, test = tables
    rows = np.random.default_rng(1).permutation(len(train))[: options.train]
    return rows_of(train, np.sort(rows)), test


def fitted_criteria(options: argparse.Namespace, train: ActivationTable) -> dict[str, Criterion]:
    """Return the criteria, fitted; neurons of the cells are drawn at random."""
    neurons = np.random.default_rng(2).choice(train.layers.neurons - 10, 10, replace=False)
    criteria = {}
    for name in options.criteria:
        kind = CRITERIA.get(name)
        given = kind.Options()
        if name == "idc":
            given = replace(given, neurons=tuple(neurons.tolist()))
        if name == "wisdom":
            votes = np.zeros(train.layers.neurons)
            votes[neurons[:6]] = 1
            given = replace(given, votes=tuple(votes.tolist()), m=6)
        criteria[name] = kind(train.layers, given)
    missing = fit(criteria, train)
    for name, reason in missing.items():
        print(f"{name} missing: {reason}")
        del criteria[name]
    return {name: criterion for name, criterion in criteria.items() if criterion.interval}


def simulate(
    criterion: Criterion, test: ActivationTable, options: argparse.Namespace
) -> Mapping[str, Any]:
    """Return values and intervals of many test sets, and the truth."""
    random = np.random.default_rng(options.seed)
    values, bounds, missing = [], [], 0
    for _ in range(options.sets):
        rows = random.choice(len(test), options.inputs, replace=False)
        part = rows_of(test, rows)
        finding = measure_rows(criterion, part)
        values.append(finding.value)
        if isinstance(finding.ci95, Missing):
            missing += 1
        else:
            bounds.append(finding.ci95)
    truth = values.copy()
    for _ in range(options.truth):
        rows = random.choice(len(test), options.inputs, replace=False)
        state = criterion.fresh()
        state.update(next(rows_of(test, rows).batches(options.inputs)))
        truth.append(state.value())
    return {
        "values": np.array(values),
        "bounds": np.array(bounds),
        "missing": missing,
        "truth": float(np.mean(truth)),
        "sd": float(np.std(truth)),
    }


def measure_rows(criterion: Criterion, table: ActivationTable) -> Any:
    """Return the finding of one test set, as ``coverage measure`` makes it."""
    batches = [
        next(rows_of(table, rows).batches(len(rows)))
        for rows in split_into_groups(np.arange(len(table)))
    ]
    return measure({"it": criterion}, batches)["it"]


def line(name: str, found: Mapping[str, Any]) -> str:
    """Return one line of the table."""
    truth, bounds = found["truth"], found["bounds"]
    if not len(bounds):
        return f"{name:9}  no interval in {found['missing']} sets"
    low, high = bounds[:, 0], bounds[:, 1]
    covers = ((low <= truth) & (truth <= high)).mean()
    width = f"{(high - low).mean() / (3.92 * found['sd']):.2f}" if found["sd"] else "-"
    error = (covers * (1 - covers) / len(bounds)) ** 0.5
    return (
        f"{name:9}  {covers:.3f}   {error:.3f}  {(high < truth).mean():.3f}  "
        f"{(low > truth).mean():.3f}  {width:>12}  {found['missing']:7}  "
        f"{found['sd'] / truth:.4f}"
    )


if __name__ == "__main__":
    main()
