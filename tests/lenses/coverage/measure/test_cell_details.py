from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import silhouette_samples

from imprint.lenses.coverage.cell_findings import ListedCell, RankedCells
from imprint.lenses.coverage.clusters.clustering import cluster
from imprint.lenses.coverage.criteria.idc import ImportanceDrivenCoverage, ImportanceDrivenOptions
from imprint.lenses.coverage.findings import Neuron
from imprint.lenses.coverage.measure.cell_details import (
    BINS,
    MAX_NEURONS,
    MAX_RANKS,
    blades,
    cell_details,
    clustered_neuron,
    ranked,
)
from imprint.neurons.activations import ActivationTable, Layers

LAYERS = Layers(("conv", "fc"), (2, 1))


def table(*rows: list[float], labels: list[int] | None = None) -> ActivationTable:
    values = np.array(rows, dtype=np.float32)
    return ActivationTable(LAYERS, values, None if labels is None else np.array(labels))


TRAIN = table([0, 0, 0], [0.25, 0, 0], [1, 1, 1], [1, 0, 1], labels=[0, 0, 1, 1])
TEST = table([0, 1, 0], [1, 1, 1], [0, 0, 1], [0, 0, 0], labels=[0, 1, 1, 0])
NAMES = (Neuron("conv", 0), Neuron("conv", 1))


def fitted(train: ActivationTable, **options: object) -> ImportanceDrivenCoverage:
    criterion = ImportanceDrivenCoverage(LAYERS, ImportanceDrivenOptions(**options))  # type: ignore[arg-type]
    criterion.fit(train)
    return criterion


def test_cells_of_two_neurons_by_hand() -> None:
    details = cell_details(fitted(TRAIN, neurons=(0, 1)), NAMES, TRAIN, TEST)
    cells = details.cells
    assert cells.clusters.tolist() == [[0, 0], [1, 1], [1, 0], [0, 1]]
    assert (cells.training.tolist(), cells.tests.tolist()) == ([2, 1, 1, 0], [2, 1, 0, 1])
    assert set(cells.labels.tolist()) == {-1}
    listed = cells.listed()
    assert listed.fullest[0] == ListedCell((0, 0), 2, 2)
    assert listed.without_tests == (ListedCell((1, 0), 1, 0),)
    assert listed.without_training == (ListedCell((0, 1), 0, 1),)


def test_every_input_is_counted_once_in_bins_and_in_clusters() -> None:
    details = cell_details(fitted(TRAIN, neurons=(0, 1)), NAMES, TRAIN, TEST)
    assert details.neurons is not None
    first = details.neurons[0]
    assert (first.layer, first.neuron, first.low, first.high) == ("conv", 0, 0, 1)
    assert (first.training[0], first.training[6], first.training[-1]) == (1, 1, 2)
    assert sum(first.tests) == 4
    assert first.sizes == (2, 2)
    assert first.thresholds == (0.5625,)


def test_clusters_of_each_class_have_cells_but_no_common_borders() -> None:
    criterion = fitted(TRAIN, neurons=(0, 1), clusters="class")
    details = cell_details(criterion, NAMES, TRAIN, TEST)
    assert details.neurons is None
    assert details.cells.training.sum() == details.cells.tests.sum() == 4
    assert set(details.cells.labels.tolist()) == {0, 1}
    assert details.cells.listed().fullest[0].label in (0, 1)


def test_more_cells_than_a_number_holds_are_spelled_all_the_same() -> None:
    layers = Layers(("fc",), (70,))
    values = np.random.default_rng(0).normal(size=(30, 70)).astype(np.float32)
    train = ActivationTable(layers, np.concatenate([values, values]))
    criterion = ImportanceDrivenCoverage(layers, ImportanceDrivenOptions(neurons=tuple(range(70))))
    criterion.fit(train)
    names = tuple(Neuron("fc", number) for number in range(70))
    cells = cell_details(criterion, names, train, ActivationTable(layers, values[:10])).cells
    assert criterion.total > 2**63
    digits = {tuple(row) for row in criterion.cells[0].digits(torch.from_numpy(values)).tolist()}
    assert {tuple(row) for row in cells.clusters.tolist()} == digits
    assert (set(cells.training.tolist()), sorted(cells.tests.tolist())) == (
        {2},
        [0] * 20 + [1] * 10,
    )


def test_cells_are_those_that_the_criterion_counts() -> None:
    random = np.random.default_rng(0)
    train, test = (
        ActivationTable(LAYERS, random.normal(size=(n, 3)).astype(np.float32)) for n in (200, 50)
    )
    criterion = fitted(train, neurons=(0, 2), k=0)
    criterion.update(next(test.batches(50)))
    cells = cell_details(criterion, NAMES, train, test).cells
    assert sorted(cells.tests[cells.tests > 0]) == sorted(criterion.reached[1].tolist())
    assert sorted(cells.training[cells.training > 0]) == sorted(criterion.training_counts.tolist())


@given(
    values=st.lists(st.integers(-20, 20), min_size=12, max_size=40),
    clusters=st.integers(2, 5),
    scale=st.sampled_from([1.0, 1e-3, 1e4]),
)
@settings(max_examples=40, deadline=None)
def test_blades_are_the_silhouettes_of_all_pairs(values, clusters, scale) -> None:
    column = np.array(values) * scale
    if len(np.unique(column)) < clusters:
        return
    (clustering,) = cluster(column[:, None], clusters)
    labels = clustering.assign(column)
    expected = silhouette_samples(column[:, None], labels)
    for number, blade in enumerate(blades(column, clustering.thresholds.tolist())):
        own = np.sort(expected[labels == number])[::-1]
        assert (blade[0], blade[-1]) == pytest.approx((own[0], own[-1]), abs=1e-4)
        if len(blade) == len(own):
            assert blade == pytest.approx(own, abs=1e-4)


def test_one_cluster_and_an_empty_one_have_no_blades() -> None:
    assert blades([1.0, 2.0], []) == ()
    assert blades([1.0, 2.0], [0.5]) == ()
    assert blades([1.0, 2.0], [1.5]) == ((0.0,), (0.0,))


@pytest.mark.parametrize("value", [0.0, 1e300, -1e-300])
def test_a_neuron_that_never_changes_fills_one_bin(value: float) -> None:
    neuron = clustered_neuron(Neuron("fc", 0), [], np.full(5, value), np.full(2, value))
    assert (max(neuron.training), max(neuron.tests), neuron.sizes) == (5, 2, (5,))
    assert neuron.low < neuron.high


def test_bins_span_values_whose_difference_is_too_large_for_a_number() -> None:
    huge = np.array([-1.7e308, 1.7e308])
    neuron = clustered_neuron(Neuron("fc", 0), [0.0], huge, huge)
    assert (neuron.training[0], neuron.training[-1], len(neuron.training)) == (1, 1, BINS)


def test_ranks_end_with_the_last_cell_and_stay_few() -> None:
    counts = np.arange(1, 5001)
    kept = ranked(counts)
    assert len(kept.ranks) <= MAX_RANKS
    assert (kept.ranks[0], kept.ranks[-1]) == (1, 5000)
    assert all(5001 - rank == inputs for rank, inputs in zip(kept.ranks, kept.inputs, strict=True))
    assert ranked([]) == RankedCells((), ())


def test_findings_hold_the_first_neurons_and_tables_all() -> None:
    layers = Layers(("fc",), (15,))
    random = np.random.default_rng(0)
    train = ActivationTable(layers, random.normal(size=(40, 15)).astype(np.float32))
    criterion = ImportanceDrivenCoverage(layers, ImportanceDrivenOptions(neurons=tuple(range(15))))
    criterion.fit(train)
    names = tuple(Neuron("fc", number) for number in range(15))
    details = cell_details(criterion, names, train, train)
    assert details.neurons is not None
    assert [bool(each.blades) for each in details.neurons] == [True] * MAX_NEURONS + [False] * 3
    assert all(each.silhouette is not None for each in details.neurons)
