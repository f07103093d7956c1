"""What a search for faults leaves behind: tables, the images of unique faults, findings."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from imprint.core.arrays import IntArray
from imprint.lenses.coverage.fuzzing.corpus import NO_MUTATION
from imprint.lenses.coverage.fuzzing.search import PER_FAULT, Search
from imprint.lenses.coverage.fuzzing_findings import (
    FaultPair,
    FuzzCurve,
    Fuzzing,
    MutationYield,
)
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


def write_faults(folder: Path, search: Search, mutations: Sequence[str]) -> None:
    """Write a row per fault, and of unique faults images and mutations.

    ``faults.safetensors`` holds ``images`` and the ``seeds`` they come from, uint8
    ``[u, channels, H, W]``, ``expected`` and ``predicted``; ``mutations.parquet`` a row per unique
    fault and mutation.
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
    arrays = {name: np.ascontiguousarray(array) for name, array in images.items()}
    save_file(arrays, folder / "faults.safetensors")
    rows, steps = np.nonzero(kept.lineage.kinds != NO_MUTATION)
    names = np.array([*mutations], dtype=object)[kept.lineage.kinds[rows, steps]]
    amounts = kept.lineage.amounts[rows, steps]
    write_table(
        folder / "mutations.parquet",
        {
            "index": rows,
            "step": steps,
            "mutation": names,
            "first_amount": amounts[:, 0],
            "second_amount": amounts[:, 1],
        },
    )


def search_findings(
    search: Search, criterion: str, misclassified: int, mutations: Sequence[str]
) -> Fuzzing:
    """Return how a search went.

    Args:
        search: that is over.
        criterion: that guided it.
        misclassified: seeds that were left out.
        mutations: names, in their order.
    """
    faults = {name: np.array(search.by_fault[name], dtype=np.int64) for name in PER_FAULT}
    pairs = fault_pairs(faults["expected"], faults["predicted"], faults["unique"])
    counts = zip(search.tried, search.accepted, search.wrong, strict=True)
    yields = (MutationYield(*map(int, each)) for each in counts)
    return Fuzzing(
        criterion=criterion,
        seeds=len(search.seeds),
        misclassified_seeds=misclassified,
        budget=search.options.budget,
        passes=search.passes,
        rounds=search.round,
        corpus=len(search.corpus),
        faults=len(faults["seed"]),
        unique=len(search.unique),
        radius=search.unique.radius,
        pairs=tuple(pairs[:MAX_PAIRS]),
        pair_count=len(pairs),
        expected_entropy=_spread(faults["expected"]),
        predicted_entropy=_spread(faults["predicted"]),
        mutations=dict(zip(mutations, yields, strict=True)),
        curve=curve_of(search),
    )


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
