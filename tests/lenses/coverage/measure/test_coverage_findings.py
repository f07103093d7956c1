import numpy as np

from imprint.lenses.coverage.criteria.idc import ImportanceDrivenOptions
from imprint.lenses.coverage.criteria.nc import NeuronCoverageOptions
from imprint.lenses.coverage.criteria.wisdom import VotedCellOptions
from imprint.lenses.coverage.findings import (
    MissingCriterion,
    NeuronCells,
    NeuronChoice,
)
from imprint.lenses.coverage.measure.coverage_findings import (
    coverage_findings,
    find_gap_findings,
    named,
    rarefaction_of,
)
from imprint.lenses.coverage.measure.rarefaction import Occupancy
from imprint.neurons.activations import ActivationTable, Layers

LAYERS = Layers(("conv", "fc"), (2, 1))


def table(*rows: list[float]) -> ActivationTable:
    return ActivationTable(LAYERS, np.array(rows, dtype=np.float32))


TRAIN = table([0, 0, 0], [0.1, 0.1, 0], [1, 0.9, 1], [0.9, 1, 1])
TEST = table([0, 1, 0], [0.05, 0.05, 1])


def test_cells_of_two_neurons_by_hand() -> None:
    settings = {"idc": ImportanceDrivenOptions(neurons=(0, 1)), "nc": NeuronCoverageOptions()}
    choices = {"idc": NeuronChoice(source="lrp", without_score=0)}
    findings = coverage_findings(TRAIN, TEST, settings, choices, 0, gaps=True)
    cells = findings.cells["idc"]
    assert isinstance(cells, NeuronCells)
    assert (cells.reached, cells.cells, cells.training_cells) == (2, "4", 2)
    assert (cells.training_cells_reached, cells.training_share) == (1, 0.5)
    assert (cells.source, cells.neurons[1].neuron) == ("lrp", 1)
    assert list(findings.measured) == ["idc", "nc"]
    assert findings.gaps is not None
    assert {(gap.layer, gap.neuron) for gap in findings.gaps} == {("conv", 0), ("conv", 1)}


def test_the_reason_of_a_choice_replaces_that_of_the_criterion() -> None:
    choices = {"wisdom": NeuronChoice(missing="no vote was held")}
    settings = {"wisdom": VotedCellOptions()}
    findings = coverage_findings(TRAIN, TEST, settings, choices, 0, gaps=False)
    criterion = findings.criteria["wisdom"]
    assert isinstance(criterion, MissingCriterion)
    assert criterion.missing == "no vote was held"
    assert "votes" not in criterion.options
    assert findings.gaps is None


def test_a_gap_counts_the_training_inputs_in_it() -> None:
    gap = find_gap_findings([0], TRAIN, TEST)[0]
    assert (gap.images, gap.share) == (2, 0.5)
    assert gap.training == (0, 1)
    assert [example.index for example in gap.examples] == [2, 3]


def test_the_curve_passes_through_what_is_reached() -> None:
    curve = rarefaction_of(Occupancy.of([1, 1, 2], 8)).curve
    assert curve.tests[0] == 1
    assert curve.tests[-1] == 12
    assert curve.cells[curve.tests.index(4)] == 3


def test_neurons_are_named_by_layer_and_place() -> None:
    assert [(each.layer, each.neuron) for each in named([2, 0, 1], LAYERS)] == [
        ("fc", 0),
        ("conv", 0),
        ("conv", 1),
    ]
