"""Ensembles: memorization and influence where models and records are too many for one array.

Masks and correctness of K models on N records are held as bits, 2 · K · N / 8 bytes: 0.6 GB for the
2,000 models on the 1.28 million images of ImageNet that Feldman and Zhang released. Estimates
unpack a block of records at a time (:data:`BLOCK_BYTES`), or one class, and are those of
:mod:`imprint.lenses.membership.memorization.estimators`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imprint.core.arrays import BoolArray, FloatArray, IntArray
from imprint.core.errors import ImprintError
from imprint.core.progress import track
from imprint.lenses.membership.memorization.chance import (
    count_cases,
    memorized_by_chance,
)
from imprint.lenses.membership.memorization.estimators import (
    InfluencePairs,
    Memorization,
    estimate_memorization,
    top_pairs,
)

BLOCK_BYTES = 1 << 26
"""Booleans ``[models, records]`` that are unpacked at once."""

Bits = NDArray[np.uint8]


@dataclass(frozen=True)
class ModelEnsemble:
    """K models on subsets of one training set.

    Attributes:
        runs: what each model is called.
        records: N, size of the whole training set.
        member_bits: uint8 ``[K, ⌈N / 8⌉]``, bit r % 8 of byte r // 8 is record r.
        correct_bits: uint8 ``[K, ⌈N / 8⌉]``.
        test_correct: bool ``[K, q]``.
    """

    runs: tuple[str, ...]
    records: int
    member_bits: Bits
    correct_bits: Bits
    test_correct: BoolArray

    def __len__(self) -> int:
        return len(self.runs)

    def block(self, start: int, stop: int) -> tuple[BoolArray, BoolArray]:
        """Return members and correctness of records start … stop − 1, bool ``[K, n]``.

        Args:
            start: a multiple of 8.
            stop: behind the last record.
        """
        bytes_ = slice(start // 8, -(-stop // 8))
        return (
            _unpack(self.member_bits[:, bytes_], stop - start),
            _unpack(self.correct_bits[:, bytes_], stop - start),
        )

    def take(self, index: IntArray) -> tuple[BoolArray, BoolArray]:
        """Return members and correctness of some records, bool ``[K, n]``."""
        byte, bit = index // 8, (index % 8).astype(np.uint8)
        members, correct = self.member_bits[:, byte], self.correct_bits[:, byte]
        return (members >> bit & 1).astype(np.bool_), (correct >> bit & 1).astype(np.bool_)


def _unpack(bits: Bits, count: int) -> BoolArray:
    return np.unpackbits(bits, axis=1, count=count, bitorder="little").view(np.bool_)


def pack(flags: BoolArray) -> Bits:
    """Return flags ``[n]`` as bits ``[⌈n / 8⌉]``, the first flag in the lowest bit."""
    return np.packbits(flags, bitorder="little")


def ensemble_memorization(ensemble: ModelEnsemble) -> Memorization:
    """Estimate the memorization of every record, a block at a time.

    Raises:
        ImprintError: there is no record.
    """
    blocks = _blocks(ensemble)
    if not blocks:
        raise ImprintError("the ensemble has no records: check its runs")
    parts = [
        estimate_memorization(*ensemble.block(start, stop))
        for start, stop in track(blocks, "estimate memorization", len(blocks), "block")
    ]
    return Memorization(
        np.concatenate([part.score for part in parts]),
        np.concatenate([part.error for part in parts]),
        np.concatenate([part.models_in for part in parts]),
        np.concatenate([part.models_out for part in parts]),
    )


def _blocks(ensemble: ModelEnsemble) -> list[tuple[int, int]]:
    step = max(8, BLOCK_BYTES // max(len(ensemble), 1) // 8 * 8)
    return [
        (start, min(start + step, ensemble.records)) for start in range(0, ensemble.records, step)
    ]


def expected_by_chance(ensemble: ModelEnsemble, cut: float) -> float:
    """Return how many records would have a memorization of ``cut`` and more without any effect.

    See :func:`imprint.lenses.membership.memorization.chance.memorized_by_chance`.

    Args:
        ensemble: of K models.
        cut: least memorization.
    """
    models = len(ensemble)
    cases = np.zeros((models + 1, models + 1), dtype=np.int64)
    for start, stop in _blocks(ensemble):
        cases += count_cases(*ensemble.block(start, stop))
    return memorized_by_chance(cases, cut)


def ensemble_pairs(
    ensemble: ModelEnsemble,
    score: FloatArray,
    labels: IntArray,
    test_labels: IntArray,
    memorization_cut: float = 0.25,
    influence_cut: float = 0.15,
) -> InfluencePairs:
    """Return the pairs of one class where a memorized record carries a test example.

    The same as :func:`imprint.lenses.membership.memorization.estimators.top_pairs` of the whole,
    a class at a time.

    Args:
        ensemble: of K models.
        score: float64 ``[N]``, memorization of the records.
        labels: int64 ``[N]``, classes of the records.
        test_labels: int64 ``[q]``, classes of the test examples.
        memorization_cut: least memorization of the record.
        influence_cut: least influence of the pair.

    Raises:
        ImprintError: labels do not fit.
    """
    tests = ensemble.test_correct.shape[1]
    if labels.shape != (ensemble.records,) or test_labels.shape != (tests,):
        raise ImprintError(
            f"{len(labels)} labels and {len(test_labels)} test labels do not fit an ensemble on "
            f"{ensemble.records} records and {tests} test examples"
        )
    memorized = np.flatnonzero(score >= memorization_cut)
    classes = np.intersect1d(labels[memorized], test_labels)
    parts = [
        _class_pairs(
            ensemble,
            memorized[labels[memorized] == label],
            np.flatnonzero(test_labels == label),
            memorization_cut,
            influence_cut,
        )
        for label in track(classes, "find influential pairs", len(classes), "class")
    ]
    empty = np.empty(0)
    pairs = InfluencePairs(
        *(
            np.concatenate([getattr(part, name) for part in parts] or [empty.astype(kind)])
            for name, kind in _COLUMNS.items()
        )
    )
    order = np.lexsort((pairs.train, pairs.test, -pairs.influence))
    return InfluencePairs(*(getattr(pairs, name)[order] for name in _COLUMNS))


_COLUMNS: dict[str, type] = {
    "train": np.int64,
    "test": np.int64,
    "influence": np.float64,
    "memorization": np.float64,
    "error": np.float64,
}


def _class_pairs(
    ensemble: ModelEnsemble, records: IntArray, tests: IntArray, memorization_cut: float, cut: float
) -> InfluencePairs:
    members, correct = ensemble.take(records)
    pairs = top_pairs(
        members,
        correct,
        ensemble.test_correct[:, tests],
        np.zeros(len(records), dtype=np.int64),
        np.zeros(len(tests), dtype=np.int64),
        memorization_cut,
        cut,
    )
    return InfluencePairs(
        records[pairs.train],
        tests[pairs.test],
        pairs.influence,
        pairs.memorization,
        pairs.error,
    )


@dataclass(frozen=True)
class Accuracies:
    """How many records each model gets right.

    Attributes:
        members: float64 ``[K]``, share of those that it was trained on.
        others: float64 ``[K]``, share of the other records.
        test: float64 ``[K]``, share of the test examples.
        inclusion: float64 ``[K]``, share of the records that it was trained on.
    """

    members: FloatArray
    others: FloatArray
    test: FloatArray
    inclusion: FloatArray


def measure_accuracies(ensemble: ModelEnsemble) -> Accuracies:
    """Return what each model gets right; NaN where it has no such record."""
    inside = _ones(ensemble.member_bits)
    right = _ones(ensemble.correct_bits)
    both = _ones(ensemble.member_bits & ensemble.correct_bits)
    with np.errstate(invalid="ignore", divide="ignore"):
        return Accuracies(
            both / inside,
            (right - both) / (ensemble.records - inside),
            ensemble.test_correct.mean(axis=1),
            inside / ensemble.records,
        )


def _ones(bits: Bits) -> IntArray:
    return np.asarray(np.bitwise_count(bits).sum(axis=1, dtype=np.int64))
