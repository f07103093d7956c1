from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from imprint.lenses.coverage.experiments.ablation_findings import RandomDrop
from imprint.lenses.coverage.experiments.class_findings import (
    ClassDrop,
    ClassNeurons,
    ClassStudy,
    SharedByMethods,
)
from imprint.lenses.coverage.page.figures.class_neurons import (
    accuracy_lines,
    class_figures,
    neuron_places,
    neuron_scatter,
)
from imprint.stats.estimate import Estimate
from imprint.stats.proportion import proportion


def neurons(own: float, random: RandomDrop) -> ClassNeurons:
    drop = ClassDrop(20, Estimate(own, (own - 0.1, own + 0.1), 20), 0.0, random, 0.9)
    return ClassNeurons((), ((1.0, 0.5), (0.5, 1.0)), {"ant": drop, "bee": drop}, ((0, 2), (1, 3)))


STUDY = ClassStudy(
    40, proportion(36, 40), 2, "zero", 5, ("ant", "bee"),
    {"la": neurons(0.5, RandomDrop(0.1, 0.0, 0.2)), "lrp": neurons(0.6, RandomDrop(0.2, 0.1, 0.4))},
    {"conv": 2, "fc": 2, "out": 2},
    {"ant": SharedByMethods(1, 3), "bee": SharedByMethods(2, 2)},
    {"conv": SharedByMethods(3, 5)},
)  # fmt: skip


def test_points_stand_at_their_neuron_and_class() -> None:
    assert STUDY.layers is not None
    figure = neuron_scatter(STUDY, STUDY.measured, STUDY.layers)
    first, second = figure.series
    assert list(np.asarray(first.x)) == [0.25, 1.25, 0.75, 1.75]
    assert np.asarray(first.y).round().tolist() == [1, 1, 0, 0]
    assert (np.asarray(second.y) < np.asarray(first.y)).all()
    assert figure.x.ticks == [(0.5, "conv"), (1.5, "fc")]
    assert figure.y.ticks == [(1, "ant"), (0, "bee")]
    assert "<svg" in figure.svg()


def test_places_within_layers_of_any_width() -> None:
    assert neuron_places(np.array([[0, 3, 4]]), [4, 1]).tolist() == [[0.125, 0.875, 1.5]]


def test_accuracy_is_what_is_left_and_the_band_holds_all_random_sets() -> None:
    figure = accuracy_lines(STUDY, STUDY.measured)
    whole, la, lrp = figure.series
    assert [list(np.asarray(each.y).round(9)) for each in (whole, la, lrp)] == [
        [0.9, 0.9],
        [0.4, 0.4],
        [0.3, 0.3],
    ]
    (band,) = figure.areas
    assert np.asarray(band.low) == pytest.approx([0.5, 0.5])
    assert np.asarray(band.high) == pytest.approx([0.9, 0.9])
    assert "<svg" in figure.svg()


def test_shares_of_neurons_that_all_attributions_name() -> None:
    names = [figure.name for figure in class_figures(STUDY)]
    assert names == [
        "coverage-class-neurons",
        "coverage-class-accuracy",
        "coverage-shared-by-class",
        "coverage-shared-by-layer",
    ]
    bars = list(class_figures(STUDY))[2].bars  # type: ignore[union-attr]
    assert [(bar.name, bar.text) for bar in bars] == [("ant", "1 of 3"), ("bee", "2 of 2")]


def test_studies_of_earlier_versions_have_none() -> None:
    methods = {
        name: replace(
            each,
            leading=None,
            drops={key: replace(drop, accuracy=None) for key, drop in each.drops.items()},
        )
        for name, each in STUDY.measured.items()
    }
    old = replace(STUDY, methods=methods, layers=None, shared_by_class=None, shared_by_layer=None)
    assert list(class_figures(old)) == []
