from dataclasses import replace

import numpy as np
import pytest

from imprint.lenses.coverage.cell_findings import ClusteredNeuron
from imprint.lenses.coverage.page.figures.clusters import activation_panels, silhouette_panels

NEURON = ClusteredNeuron(
    "conv", 3, (1.5,), 0.0, 4.0, (2, 4, 1, 1), (0, 1, 0, 1), (6, 2), ((0.9, 0.1), (0.7,)), 0.6
)


def test_bins_are_shares_and_borders_stand_where_thresholds_are() -> None:
    (panel,) = activation_panels("idc", [NEURON]).panels
    assert panel.title == "conv #3"
    assert [level.value for level in panel.levels] == [1.5]
    area = panel.areas[0]
    assert np.asarray(area.x).tolist() == [0, 1, 1, 2, 2, 3, 3, 4]
    assert np.asarray(area.high).tolist() == [0.25, 0.25, 0.5, 0.5, 0.125, 0.125, 0.125, 0.125]
    assert list(panel.series[0].y) == [0, 0.5, 0, 0.5, 0.5]
    assert "<svg" in activation_panels("idc", [NEURON]).svg()


def test_blades_are_as_wide_as_their_clusters() -> None:
    figure = silhouette_panels("idc", [NEURON, replace(NEURON, blades=(), silhouette=None)])
    assert figure is not None
    (panel,) = figure.panels
    assert panel.title == "conv #3 · 0.60"
    first, second = panel.areas
    assert (list(first.x), list(np.asarray(first.high))) == ([0, 6], [0.9, 0.1])
    assert (list(second.x), list(np.asarray(second.high))) == ([6, 8], [0.7, 0.7])
    assert [level.value for level in panel.levels] == [0.6]
    assert "conv #3 0.60" in figure.description
    assert "<svg" in figure.svg()
    assert silhouette_panels("idc", [replace(NEURON, blades=())]) is None


def test_silhouettes_below_zero_stay_in_the_panel() -> None:
    figure = silhouette_panels("idc", [replace(NEURON, blades=((0.9, -0.4), (0.7,)))])
    assert figure is not None
    assert figure.panels[0].y.low == pytest.approx(-0.42)
