"""Every interval of a criterion, on test sets drawn from one population: does it hold the mean?"""

from typing import Any

import numpy as np
import pytest
from scipy.stats import hypergeom

from imprint.core.missing import Missing
from imprint.lenses.coverage.criteria.wisdom import VotedCellOptions
from imprint.lenses.coverage.criterion.criterion import CRITERIA, Criterion
from imprint.lenses.coverage.criterion.criterion_options import parse_parameters
from imprint.lenses.coverage.measure.measure import measure, split_into_groups
from imprint.lenses.coverage.measure.tally import NO_MARK
from imprint.neurons.activations import ActivationTable, Layers
from tests.lenses.coverage.made_activations import CLASSES, LAYERS, training

SETS, INPUTS, FURTHER = 100, 80, 300
WITH_INTERVAL = [name for name in CRITERIA.names() if CRITERIA.get(name).interval is not None]
SETTINGS = {
    "kmnc": "k=20",
    "paths": "k=5",
    "tknc": "k=2",
    "tknp": "k=2",
    "lsc": "width=2",
    "mdsc": "width=0.5",
}


def population(inputs: int = 3000) -> ActivationTable:
    """Three classes; one input in twenty is twice as large, and may leave the training range."""
    random = np.random.default_rng(5)
    labels = random.integers(0, CLASSES, inputs)
    means = np.random.default_rng(0).normal(size=(CLASSES, LAYERS.neurons))
    values = means[labels] + random.normal(size=(inputs, LAYERS.neurons))
    values[random.random(inputs) < 0.05] *= 2
    return ActivationTable(LAYERS, values.astype(np.float32), labels)


def fitted(name: str) -> Criterion:
    given = [f"{name}.{SETTINGS[name]}"] if name in SETTINGS else []
    options: Any = parse_parameters(given).get(name)
    if name == "wisdom":
        options = VotedCellOptions(m=6, votes=tuple(range(LAYERS.neurons, 0, -1)))
    criterion = CRITERIA.get(name)(LAYERS, options)
    criterion.fit(training(300))
    return criterion


def expected_value(criterion: Criterion, table: ActivationTable) -> float:
    """Return the mean value of sets of so many inputs: exact for counts, else of 300 sets.

    A mark that c of N inputs set is missed by a set of n with chance C(N − c, n)/C(N, n).
    """
    if criterion.interval == "counts":
        marks = criterion.marks(table.batch(slice(None)))
        _, counts = np.unique(marks[marks != NO_MARK].numpy(), return_counts=True)
        missed = hypergeom.pmf(0, len(table), counts, INPUTS)
        return float((1 - missed).sum()) * criterion.unit
    random = np.random.default_rng(2)
    values = []
    for _ in range(FURTHER):
        state = criterion.fresh()
        state.update(table.batch(random.choice(len(table), INPUTS, replace=False)))
        values.append(state.value())
    return float(np.mean(values))


@pytest.mark.parametrize("name", WITH_INTERVAL)
def test_the_interval_holds_the_mean_value_of_such_test_sets(name: str) -> None:
    """95 %: of 100 sets at least 88 hold it, which chance alone misses once in 700 (binomial)."""
    criterion, table = fitted(name), population()
    expected = expected_value(criterion, table)
    random = np.random.default_rng(1)
    held = given = 0
    for _ in range(SETS):
        rows = random.choice(len(table), INPUTS, replace=False)
        parts = (
            split_into_groups(np.arange(INPUTS))
            if criterion.interval == "groups"
            else [slice(None)]
        )
        interval = measure({name: criterion}, [table.batch(rows[part]) for part in parts])[
            name
        ].ci95
        if isinstance(interval, Missing):
            continue
        low, high = interval
        assert low < high
        given += 1
        held += low <= expected <= high
    assert given == SETS
    assert held / given >= 0.88


def test_neuron_coverage_has_a_reason_in_place_of_an_interval() -> None:
    random = np.random.default_rng(0)
    values = np.tile(np.linspace(0, 0.5, 9), (100, 1)) + 0.01 * random.normal(size=(100, 9))
    table = ActivationTable(Layers(("fc",), (9,)), values.astype(np.float32))
    finding = measure({"nc": CRITERIA.get("nc")(table.layers)}, table.batches(5))["nc"]
    assert "a rare input can make many neurons stand out at once" in str(finding.ci95)
