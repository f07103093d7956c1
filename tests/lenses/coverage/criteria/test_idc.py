import numpy as np
import pytest
import torch

from imprint.core.errors import ImprintError
from imprint.lenses.coverage.criteria.idc import ImportanceDrivenCoverage, ImportanceDrivenOptions
from imprint.neurons.activations import ActivationTable, Batch, Layers

LAYERS = Layers(("a", "b", "out"), (5, 4, 3))


def table(inputs: int, seed: int = 0, labelled: bool = True) -> ActivationTable:
    random = np.random.default_rng(seed)
    labels = random.integers(0, 3, inputs)
    values = random.normal(size=(inputs, 12)).astype(np.float32)
    values[:, [2, 6]] += 3 * labels[:, None]
    values[:, 9:] += 9 * (labels[:, None] == np.arange(3))
    return ActivationTable(LAYERS, values, labels if labelled else None)


def fitted(**options) -> ImportanceDrivenCoverage:
    criterion = ImportanceDrivenCoverage(LAYERS, ImportanceDrivenOptions(**options))
    criterion.fit(table(200))
    return criterion


def test_each_class_may_have_its_own_clusters() -> None:
    criterion = fitted(clusters="class", m=2)
    assert (len(criterion.cells), criterion.total) == (3, 12)
    means = [cells.thresholds.mean().item() for cells in criterion.cells]
    assert means == pytest.approx([0, 3, 6], abs=0.5)
    with pytest.raises(ImprintError, match="need labels"):
        criterion.update(Batch(LAYERS, torch.zeros(1, 12)))
    with pytest.raises(ImprintError, match="class 7 has no training data"):
        criterion.update(Batch(LAYERS, torch.zeros(1, 12), torch.tensor([7])))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"m": 0}, "m must be at least 1, got 0"),
        ({"k": -1}, "k must be at least 0, got -1"),
        ({"clusters": "none"}, "clusters must be one of all, class"),
        ({"neurons": (1, 1)}, "none twice"),
        ({"neurons": (12,)}, "must be from 0 to 11"),
    ],
)
def test_bad_settings_are_refused(options, message) -> None:
    with pytest.raises(ImprintError, match=message):
        fitted(**options)
