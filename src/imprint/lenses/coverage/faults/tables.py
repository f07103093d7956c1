"""What a search for faults leaves behind: tables, the images of unique faults, findings."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from imprint.core.arrays import FloatArray, IntArray, Pixels
from imprint.lenses.coverage.faults.findings import (
    FaultPair,
    FuzzCurve,
    Fuzzing,
    MinimisedFaults,
    MutationYield,
)
from imprint.lenses.coverage.fuzzing.corpus import NO_MUTATION, Lineage
from imprint.lenses.coverage.fuzzing.search import PER_FAULT, Search
from imprint.lenses.coverage.fuzzing.shrink import Minimised
from imprint.lenses.coverage.fuzzing.validity import FULL
from imprint.stats.entropy import entropy
from imprint.study.tables import write_table

MAX_PAIRS = 50
POINTS = 101
"""Points of a curve at most."""


def write_rounds(path: Path, search: Search) -> None:
    """Write a row per round: ``index`` and what it did."""
    columns: dict[str, NDArray[np.generic]] = {}
    for name, values in search.by_round.items():
        kind = np.float64 if name == "value" else np.int64
        columns[name] = np.array(values, dtype=kind)
    write_table(path, {"index": np.arange(len(columns["passes"])), **columns})


def write_faults(
    folder: Path, search: Search, mutations: Sequence[str], minimised: Minimised | None
) -> None:
    """Write a row per fault, and of unique faults images and mutations.

    ``faults.safetensors`` holds ``images`` and the ``seeds`` they come from, uint8
    ``[u, channels, H, W]``, ``expected`` and ``predicted``, and ``minimised`` images of the first
    of them; ``mutations.parquet`` a row per unique fault and mutation, with the amounts that are
    left of it: NaN where it was not tried, 0 where it was left out.
    """
    from safetensors.numpy import save_file

    columns = {name: np.array(search.by_fault[name], dtype=np.int64) for name in PER_FAULT}
    write_table(folder / "faults.parquet", {"index": np.arange(len(columns["seed"])), **columns})
    kept = search.kept
    pairs = search.unique.pairs[: len(kept)]
    images = {
        "images": kept.pixels,
        "seeds": search.seeds[kept.lineage.seeds],
        "expected": pairs[:, 0],
        "predicted": pairs[:, 1],
    }
    if minimised is not None:
        images["minimised"] = minimised.pixels
    arrays = {name: np.ascontiguousarray(array) for name, array in images.items()}
    save_file(arrays, folder / "faults.safetensors")
    rows, steps = np.nonzero(kept.lineage.kinds != NO_MUTATION)
    names = np.array(list(mutations))[kept.lineage.kinds[rows, steps]]
    amounts = kept.lineage.amounts[rows, steps]
    left = amounts_left(kept.lineage, minimised)[rows, steps]
    write_table(
        folder / "mutations.parquet",
        {
            "index": rows,
            "step": steps,
            "mutation": names,
            "first_amount": amounts[:, 0],
            "second_amount": amounts[:, 1],
            "first_left": left[:, 0],
            "second_left": left[:, 1],
        },
    )


def amounts_left(lineage: Lineage, minimised: Minimised | None) -> FloatArray:
    """Return the amounts of minimised mutations, float64 ``[n, depth, 2]``.

    NaN of faults that were not minimised, 0 of mutations that were left out.
    """
    left = np.full(lineage.amounts.shape, np.nan)
    if minimised is not None:
        stays = minimised.lineage.kinds != NO_MUTATION
        left[: len(stays)] = minimised.lineage.amounts * stays[:, :, None]
    return left


def search_findings(
    search: Search,
    criterion: str,
    oracle: str,
    misclassified: int,
    mutations: Sequence[str],
    minimised: Minimised | None,
) -> Fuzzing:
    """Return how a search went.

    Args:
        search: that is over.
        criterion: that guided it.
        oracle: what said which class is right.
        misclassified: seeds that were left out.
        mutations: names, in their order.
        minimised: the first unique faults, made smaller.
    """
    faults = {name: np.array(search.by_fault[name], dtype=np.int64) for name in PER_FAULT}
    pairs = fault_pairs(faults["expected"], faults["predicted"], faults["unique"])
    counts = zip(search.tried, search.accepted, search.wrong, strict=True)
    yields = (MutationYield(*map(int, each)) for each in counts)
    return Fuzzing(
        criterion=criterion,
        oracle=oracle,
        seeds=len(search.seeds),
        misclassified_seeds=misclassified,
        budget=search.options.budget,
        passes=search.passes,
        rounds=search.round,
        corpus=len(search.corpus),
        faults=len(faults["seed"]),
        disputed=int(sum(search.by_round["disputed"])),
        unique=len(search.unique),
        radius=search.unique.radius,
        pairs=tuple(pairs[:MAX_PAIRS]),
        pair_count=len(pairs),
        expected_entropy=_spread(faults["expected"]),
        predicted_entropy=_spread(faults["predicted"]),
        mutations=dict(zip(mutations, yields, strict=True)),
        curve=curve_of(search),
        minimised=None if minimised is None else _minimised_findings(search, minimised),
    )


def _minimised_findings(search: Search, minimised: Minimised) -> MinimisedFaults:
    before = search.kept.rows(np.arange(len(minimised.pixels)))
    seeds = search.seeds[before.lineage.seeds]
    return MinimisedFaults(
        faults=len(before),
        passes=minimised.passes,
        mutations_before=float(before.lineage.lengths().mean()),
        mutations_after=float(minimised.lineage.lengths().mean()),
        change_before=_mean_change(before.pixels, seeds),
        change_after=_mean_change(minimised.pixels, seeds),
    )


def _mean_change(images: Pixels, seeds: Pixels) -> float:
    """Return the mean absolute difference of values, as a share of their range."""
    return float(np.abs(images.astype(np.int16) - seeds.astype(np.int16)).mean()) / FULL


def fault_pairs(expected: IntArray, predicted: IntArray, unique: IntArray) -> list[FaultPair]:
    """Return the pairs of classes of faults, the most frequent first.

    Args:
        expected: int64 ``[n]``.
        predicted: int64 ``[n]``.
        unique: int64 ``[n]``, the unique fault that each belongs to.
    """
    pairs = list(zip(expected.tolist(), predicted.tolist(), strict=True))
    kinds = Counter(dict.fromkeys(pairs, 0))
    kinds.update(pair for pair, _ in set(zip(pairs, unique.tolist(), strict=True)))
    counted = Counter(pairs)
    order = sorted(counted, key=lambda pair: (-counted[pair], pair))
    return [FaultPair(*pair, counted[pair], kinds[pair]) for pair in order]


def curve_of(search: Search) -> FuzzCurve:
    """Return coverage and faults by forward passes, thinned out to few points."""
    rounds = search.by_round
    last = len(rounds["passes"]) - 1
    points = np.unique(np.round(np.linspace(0, last, min(POINTS, last + 1))).astype(int)).tolist()
    faults = np.cumsum(rounds["faults"])
    values = [rounds["value"][point] for point in points]
    return FuzzCurve(
        passes=tuple(int(rounds["passes"][point]) for point in points),
        coverage=None if math.isnan(values[0]) else tuple(values),
        faults=tuple(int(faults[point]) for point in points),
        unique=tuple(int(rounds["unique"][point]) for point in points),
    )


def _spread(classes: IntArray) -> float:
    return float(entropy(np.bincount(classes))) if len(classes) else 0.0
