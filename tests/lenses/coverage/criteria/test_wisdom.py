import numpy as np
import pytest

from imprint.core.errors import ImprintError
from imprint.lenses.coverage.criteria.idc import ImportanceDrivenCoverage, ImportanceDrivenOptions
from imprint.lenses.coverage.criteria.wisdom import VotedCellOptions, WisdomCoverage
from imprint.neurons.activations import ActivationTable, Layers

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


def test_wisdom_looks_at_voted_neurons() -> None:
    votes = [0.0, 3, 0, 9, 0, 3, 0, 0, 0, 0, 0, 0]
    criterion = WisdomCoverage(LAYERS, VotedCellOptions(m=5, votes=tuple(votes)))
    criterion.fit(table(100))
    assert criterion.neurons.tolist() == [3, 1, 5]
    same = fitted(neurons=(3, 1, 5))
    same.fit(table(100))
    for one in (criterion, same):
        one.update(next(table(30, 2).batches()))
    assert criterion.value() == same.value()


def test_wisdom_without_votes_is_refused_with_the_reason() -> None:
    with pytest.raises(ImprintError, match="give a table of votes"):
        WisdomCoverage(LAYERS).fit(table(10))
    with pytest.raises(ImprintError, match="votes of 2 neurons"):
        WisdomCoverage(LAYERS, VotedCellOptions(votes=(1.0, 2.0))).fit(table(10))
