"""Cells one by one, and the clusters of the neurons behind them: counts for figures and tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from imprint.core.arrays import FloatArray, IntArray
from imprint.lenses.coverage.cell_findings import (
    CellRanks,
    ClusteredNeuron,
    ListedCell,
    ListedCells,
    RankedCells,
)
from imprint.lenses.coverage.clusters.cell_criterion import CellCriterion
from imprint.lenses.coverage.clusters.partition import sorted_values
from imprint.lenses.coverage.clusters.silhouette import silhouettes
from imprint.lenses.coverage.findings import CoverageFindings, Neuron, NeuronCells
from imprint.lenses.coverage.measure.fitted_criteria import FittedCriteria
from imprint.neurons.activations import ActivationTable

AnyFloats = NDArray[np.floating[Any]]
BINS = 24
MAX_NEURONS = 12
"""Neurons, the most important first, whose clusters findings hold; tables hold those of all."""
BLADE_POINTS, LEAST_BLADE_POINTS = 48, 6
"""Silhouettes of each neuron that findings hold, and the least number of each cluster."""
MAX_RANKS = 60
MAX_LISTED = 5
SHARED_BY_ALL_CLASSES = -1


@dataclass(frozen=True, eq=False)
class CellTable:
    """Every cell that some input reaches, those of most inputs first.

    Attributes:
        clusters: ``[d, m]``, the cluster of each neuron, counted from 0.
        labels: int64 ``[d]``, class whose clusters they are; −1 where all classes share theirs.
        training: int64 ``[d]``, training inputs in each.
        tests: int64 ``[d]``, tests in each.
    """

    clusters: IntArray
    labels: IntArray
    training: IntArray
    tests: IntArray

    def listed(self) -> ListedCells:
        """Return a few of them."""
        everywhere = np.ones(len(self.tests), dtype=bool)
        return ListedCells(
            self._first(everywhere), self._first(self.tests == 0), self._first(self.training == 0)
        )

    def _first(self, chosen: NDArray[np.bool_]) -> tuple[ListedCell, ...]:
        return tuple(
            ListedCell(
                tuple(self.clusters[row].tolist()),
                int(self.training[row]),
                int(self.tests[row]),
                None if self.labels[row] == SHARED_BY_ALL_CLASSES else int(self.labels[row]),
            )
            for row in np.flatnonzero(chosen)[:MAX_LISTED]
        )


@dataclass(frozen=True, eq=False)
class CellDetails:
    """The cells of one criterion, and its neurons.

    Attributes:
        neurons: all, the most important first; None where each class has clusters of its own.
        cells: that some input reaches.
    """

    neurons: tuple[ClusteredNeuron, ...] | None
    cells: CellTable

    def added_to(self, finding: NeuronCells) -> NeuronCells:
        """Return a finding with some of them."""
        neurons = None if self.neurons is None else self.neurons[:MAX_NEURONS]
        return replace(finding, clusters=neurons, listed=self.cells.listed())


def details_of(
    findings: CoverageFindings,
    fitted: FittedCriteria,
    train: ActivationTable | None,
    test: ActivationTable,
) -> dict[str, CellDetails]:
    """Return the cells of each criterion that has some, by name; none without training inputs.

    Args:
        findings: of the criteria.
        fitted: the criteria.
        train: activations of training inputs.
        test: of tests, with the classes by which they were judged.
    """
    details: dict[str, CellDetails] = {}
    for name, finding in findings.cells.items():
        criterion = fitted.criteria.get(name)
        if train is None or not isinstance(finding, NeuronCells):
            continue
        if isinstance(criterion, CellCriterion):
            details[name] = cell_details(criterion, finding.neurons, train, test)
    return details


def with_details(
    findings: CoverageFindings, details: Mapping[str, CellDetails]
) -> CoverageFindings:
    """Return findings with a few cells, and the clusters of some neurons, of each criterion."""
    cells = dict(findings.cells)
    for name, each in details.items():
        finding = cells[name]
        assert isinstance(finding, NeuronCells)
        cells[name] = each.added_to(finding)
    return replace(findings, cells=cells)


def cell_details(
    criterion: CellCriterion,
    names: Sequence[Neuron],
    train: ActivationTable,
    test: ActivationTable,
) -> CellDetails:
    """Return the cells of a criterion, and the clusters of its neurons.

    Args:
        criterion: fitted to the training activations.
        names: of its neurons.
        train: activations of training inputs.
        test: of tests.
    """
    chosen = criterion.neurons.numpy()
    trained, tested = train.columns(chosen), test.columns(chosen)
    cells = cell_table(criterion, (trained, train.labels), (tested, test.labels))
    if criterion.by_class:
        return CellDetails(None, cells)
    thresholds = [row[row.isfinite()].tolist() for row in criterion.cells[0].thresholds]
    neurons = []
    for place, name in enumerate(names):
        clustered = clustered_neuron(name, thresholds[place], trained[:, place], tested[:, place])
        if place < MAX_NEURONS:
            drawn = blades(trained[:, place], thresholds[place])
            clustered = replace(clustered, blades=drawn)
        if criterion.clusterings:
            mean = criterion.clusterings[0][place].silhouette
            clustered = replace(clustered, silhouette=mean)
        neurons.append(clustered)
    return CellDetails(tuple(neurons), cells)


def clustered_neuron(
    name: Neuron, thresholds: Sequence[float], trained: AnyFloats, tested: AnyFloats
) -> ClusteredNeuron:
    """Return how often a neuron's activations lie in equal bins, and in its clusters.

    Args:
        name: of the neuron.
        thresholds: between its clusters, ascending.
        trained: ``[N]``, activations on training inputs.
        tested: ``[M]``, on tests.
    """
    values = [np.asarray(part, dtype=np.float64) for part in (trained, tested)]
    edges = _edges(np.concatenate(values))
    training, tests = (np.histogram(part, edges)[0] for part in values)
    inside = np.searchsorted(thresholds, values[0], side="right")
    return ClusteredNeuron(
        name.layer,
        name.neuron,
        tuple(thresholds),
        float(edges[0]),
        float(edges[-1]),
        tuple(training.tolist()),
        tuple(tests.tolist()),
        tuple(np.bincount(inside, minlength=len(thresholds) + 1).tolist()),
    )


def _edges(values: FloatArray) -> FloatArray:
    """Return the ends of equal bins from the least to the greatest value, ``[BINS + 1]``."""
    low, high = float(values.min()), float(values.max())
    if high - low <= BINS * np.spacing(max(abs(low), abs(high))):  # no room for bins
        room = max(1e-6 * max(abs(low), abs(high)), 0.5)
        low, high = low - room, high + room
    shares = np.linspace(0, 1, BINS + 1)
    # Not from their difference, which may be too large for a number.
    edges = (1 - shares) * low + shares * high
    edges[[0, -1]] = low, high
    return edges


def blades(values: ArrayLike, thresholds: Sequence[float]) -> tuple[tuple[float, ...], ...]:
    """Return silhouettes of some inputs of each cluster, the highest first.

    Args:
        values: ``[n]``, activations.
        thresholds: between the clusters, ascending; a value at one is in the upper cluster.

    Returns:
        For each cluster a few silhouettes at equal distances of rank, the highest and the lowest
        among them; nothing of one cluster, or where one is empty.
    """
    different, inverse, counts = np.unique(
        np.asarray(values, dtype=np.float64), return_inverse=True, return_counts=True
    )
    cuts = np.searchsorted(different, thresholds, side="left")
    borders = np.concatenate([[0], cuts, [len(different)]])
    if len(borders) < 3 or (np.diff(borders) < 1).any():
        return ()
    centred = different - float(different @ counts) / counts.sum()
    data = sorted_values([centred], [counts.astype(np.float64)])
    with np.errstate(all="ignore"):
        each = silhouettes(data, cuts[None])[inverse]
    if not np.isfinite(each).all():  # values too near each other, or too large, for their sums
        return ()
    cluster = np.searchsorted(cuts, inverse, side="right")
    clusters = len(cuts) + 1
    points = max(LEAST_BLADE_POINTS, BLADE_POINTS // clusters)
    return tuple(_blade(each[cluster == number], points) for number in range(clusters))


def _blade(inside: FloatArray, points: int) -> tuple[float, ...]:
    ordered = np.sort(inside)[::-1]
    ranks = np.linspace(0, len(ordered) - 1, min(len(ordered), points)).round().astype(int)
    return tuple(ordered[ranks].round(4).tolist())


def cell_ranks(tests: ArrayLike, training: ArrayLike) -> CellRanks:
    """Return cells by number of inputs.

    Args:
        tests: int64 ``[d]``, tests in each cell that some test reaches.
        training: int64 ``[e]``, training inputs in each that some reaches.
    """
    return CellRanks(ranked(tests), ranked(training))


def ranked(counts: ArrayLike) -> RankedCells:
    """Return inputs of a cell by its rank, at most ``MAX_RANKS`` of them, the last among them.

    >>> ranked([2, 7, 1])
    RankedCells(ranks=(1, 2, 3), inputs=(7, 2, 1))
    """
    ordered = np.sort(np.asarray(counts, dtype=np.int64))[::-1]
    if not len(ordered):
        return RankedCells((), ())
    ranks = np.unique(np.geomspace(1, len(ordered), MAX_RANKS).round().astype(int))
    return RankedCells(tuple(ranks.tolist()), tuple(ordered[ranks - 1].tolist()))


def cell_table(
    criterion: CellCriterion,
    trained: tuple[AnyFloats, IntArray | None],
    tested: tuple[AnyFloats, IntArray | None],
) -> CellTable:
    """Return every cell that some input reaches, with the inputs in it.

    Args:
        criterion: fitted.
        trained: activations ``[N, m]`` of its neurons on training inputs, and classes ``[N]``.
        tested: the same of tests.
    """
    sides = (trained, tested)
    codes = np.concatenate([_codes(criterion, *side) for side in sides])
    different, first, place = np.unique(
        codes[:, 0] if codes.shape[1] == 1 else codes, return_index=True, return_inverse=True,
        axis=0,
    )  # fmt: skip
    split = np.split(place.ravel(), [len(trained[0])])
    training, tests = (np.bincount(side, minlength=len(different)) for side in split)
    order = np.argsort(-(training + tests), kind="stable")
    values = np.concatenate([values for values, _ in sides])[first[order]]
    rows = _digits(criterion, values, codes[first[order], 0])
    return CellTable(rows[:, 1:], rows[:, 0], training[order], tests[order])


def _codes(criterion: CellCriterion, values: AnyFloats, labels: IntArray | None) -> IntArray:
    given = None if labels is None else torch.from_numpy(labels)
    return np.asarray(criterion.codes(torch.from_numpy(values), given).numpy())


def _digits(criterion: CellCriterion, values: AnyFloats, codes: IntArray) -> IntArray:
    """Return class and clusters of inputs, ``[n, 1 + m]``.

    Args:
        criterion: fitted.
        values: ``[n, m]``, activations.
        codes: int64 ``[n]``, how the codes of their cells begin: with the place of the class, where
            each class has clusters of its own.
    """
    table = np.full((len(values), 1 + values.shape[1]), SHARED_BY_ALL_CLASSES)
    places = codes if criterion.by_class else np.zeros_like(codes)
    for place, cells in enumerate(criterion.cells):
        inside = places == place
        table[inside, 1:] = cells.digits(torch.from_numpy(values[inside])).numpy()
        if criterion.by_class:
            table[inside, 0] = criterion.classes[place]
    return table
