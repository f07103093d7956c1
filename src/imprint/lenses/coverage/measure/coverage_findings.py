"""Coverage of test activations as findings: criteria, cells with their rarefaction, gaps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imprint.core.arrays import IntArray
from imprint.lenses.coverage.clusters.cell_criterion import CellCriterion
from imprint.lenses.coverage.clusters.gaps import Gap, find_gaps
from imprint.lenses.coverage.findings import (
    CellFinding,
    CoverageFindings,
    CriterionFinding,
    GapExample,
    GapFinding,
    MissingCriterion,
    Neuron,
    NeuronCells,
    NeuronChoice,
    ObservedLayer,
    Rarefaction,
    RarefactionCurve,
)
from imprint.lenses.coverage.measure.cell_details import cell_ranks, details_of, with_details
from imprint.lenses.coverage.measure.fitted_criteria import (
    OF_GAPS,
    FittedCriteria,
    SeenCoverage,
    fit_criteria,
    see_tests,
)
from imprint.lenses.coverage.measure.rarefaction import (
    Occupancy,
    estimated_cells,
    expected_cells,
    extrapolated_cells,
    more_inputs,
    new_cell_chance,
)
from imprint.lenses.coverage.measure.seen_tests import Measurement
from imprint.neurons.activations import ActivationTable, Layers
from imprint.study.finding import to_json

AnyFloats = NDArray[np.floating[Any]]
CURVE_POINTS = 40
CURVE_REACH = 3
"""The curve is extrapolated to this multiple of the inputs."""
TARGET_SHARE = 0.9
MAX_GAPS = 12
MAX_EXAMPLES = 4


def coverage_findings(
    train: ActivationTable | None,
    test: ActivationTable,
    settings: Mapping[str, Any],
    choices: Mapping[str, NeuronChoice],
    seed: int,
    gaps: bool,
) -> CoverageFindings:
    """Measure every criterion.

    Args:
        train: activations of training inputs; None leaves out the criteria that read them.
        test: of test inputs.
        settings: of each criterion by its name.
        choices: what chose the neurons of IDC and WISDOM.
        seed: of the order of inputs.
        gaps: whether to look for ranges that tests never reach.

    Raises:
        ImprintError: no test inputs.
    """
    fitted = fit_criteria(test.layers, settings, train, gaps)
    findings = findings_of(fitted, see_tests(fitted, test, seed), choices)
    return with_details(findings, details_of(findings, fitted, train, test))


def findings_of(
    fitted: FittedCriteria, seen: SeenCoverage, choices: Mapping[str, NeuronChoice]
) -> CoverageFindings:
    """Return the findings of what fitted criteria saw.

    Args:
        fitted: criteria.
        seen: of tests.
        choices: what chose the neurons of IDC and WISDOM.
    """
    measurements = {name: each.measurement() for name, each in seen.seen.items()}
    neurons = {
        name: each.criterion
        for name, each in measurements.items()
        if isinstance(each.criterion, CellCriterion)
    }
    cells: dict[str, NeuronCells | NeuronChoice] = dict(choices)
    for name, criterion in neurons.items():
        cells[name] = _cells(criterion, choices.get(name, NeuronChoice()))
    return CoverageFindings(
        layers=ObservedLayer.all_of(fitted.layers),
        neurons=fitted.layers.neurons,
        train=None if fitted.training is None else fitted.training.count,
        test=seen.inputs,
        correct_only="none",
        criteria=_criteria(measurements, seen.missing, fitted.settings, choices),
        cells=cells,
        gaps=_gaps_of(fitted, seen) if OF_GAPS in neurons else None,
    )


def _gaps_of(fitted: FittedCriteria, seen: SeenCoverage) -> tuple[GapFinding, ...] | None:
    training = fitted.training
    if training is None or training.neurons is None or seen.values is None:
        return None
    assert training.values is not None
    assert training.index is not None
    names = named(training.neurons.tolist(), fitted.layers)
    return gap_findings(names, training.values, seen.values, training.index)


def _criteria(
    measurements: Mapping[str, Measurement],
    missing: Mapping[str, str],
    settings: Mapping[str, Any],
    choices: Mapping[str, NeuronChoice],
) -> Mapping[str, CriterionFinding | MissingCriterion]:
    """Return the finding of each criterion, sorted by name."""
    findings: dict[str, CriterionFinding | MissingCriterion] = {}
    for name in sorted(settings):
        # Votes have a table of their own.
        options = {k: v for k, v in to_json(settings[name]).items() if k != "votes"}
        if name in measurements:
            findings[name] = _criterion(measurements[name], options)
        else:
            no_neurons = choices[name].missing if name in choices else None
            findings[name] = MissingCriterion(no_neurons or missing[name], options)
    return findings


def _criterion(measurement: Measurement, options: Mapping[str, Any]) -> CriterionFinding:
    criterion, value, n = measurement.criterion, measurement.value, measurement.n
    return CriterionFinding(
        value,
        measurement.ceiling,
        measurement.normalised,
        measurement.ci95,
        n,
        criterion.published_ratio(value, n),
        options,
    )


def _cells(criterion: CellCriterion, choice: NeuronChoice) -> NeuronCells:
    neurons = named(criterion.neurons.tolist(), criterion.layers)
    _, counts = criterion.reached
    inputs = counts.cpu().numpy()
    occupancy = Occupancy.of(inputs, criterion.total)
    cells = CellFinding.of(criterion.coverage())
    ranks = cell_ranks(inputs, criterion.training_counts.cpu().numpy())
    return NeuronCells.join(choice, cells, neurons, rarefaction_of(occupancy), ranks)


def rarefaction_of(occupancy: Occupancy) -> Rarefaction:
    """Return cells by number of tests, and how many more tests would reach most of them."""
    inputs = occupancy.inputs
    fewer = np.unique(np.linspace(1, inputs, CURVE_POINTS).round().astype(int))
    more = np.unique(np.linspace(inputs, CURVE_REACH * inputs, CURVE_POINTS).round().astype(int))
    more = more[1:]
    cells = [
        *expected_cells(occupancy, fewer.tolist()),
        *extrapolated_cells(occupancy, more - inputs),
    ]
    return Rarefaction(
        inputs,
        occupancy.reached,
        estimated_cells(occupancy),
        new_cell_chance(occupancy),
        TARGET_SHARE,
        more_inputs(occupancy, TARGET_SHARE),
        RarefactionCurve((*fewer.tolist(), *more.tolist()), tuple(map(float, cells))),
    )


def find_gap_findings(
    neurons: Sequence[int], train: ActivationTable, test: ActivationTable
) -> tuple[GapFinding, ...]:
    """Return the largest gaps of neurons, with training inputs in them.

    Args:
        neurons: numbered among all, the most important first.
        train: activations of training inputs.
        test: of test inputs.
    """
    chosen = np.array(neurons, dtype=np.int64)
    names = named(neurons, train.layers)
    index = np.arange(len(train)) if train.index is None else train.index
    return gap_findings(names, train.columns(chosen), test.columns(chosen), index)


def gap_findings(
    names: Sequence[Neuron], trained: AnyFloats, tested: AnyFloats, index: IntArray
) -> tuple[GapFinding, ...]:
    """Return the largest gaps of neurons, with training inputs in them.

    Args:
        names: of the m neurons, the most important first.
        trained: ``[N, m]``, their activations on training inputs.
        tested: ``[M, m]``, on tests.
        index: int64 ``[N]``, which training inputs they are.
    """
    return tuple(
        _gap(gap, names[gap.neuron], trained[:, gap.neuron], tested[:, gap.neuron], index)
        for gap in find_gaps(trained, tested)[:MAX_GAPS]
    )


def _gap(
    gap: Gap, neuron: Neuron, trained: AnyFloats, tested: AnyFloats, index: IntArray
) -> GapFinding:
    return GapFinding(
        layer=neuron.layer,
        neuron=neuron.neuron,
        low=gap.low,
        high=gap.high,
        training=(float(trained.min()), float(trained.max())),
        tests=(float(tested.min()), float(tested.max())),
        images=len(gap.rows),
        share=len(gap.rows) / len(trained),
        examples=tuple(
            GapExample(int(index[row]), float(trained[row])) for row in gap.rows[:MAX_EXAMPLES]
        ),
    )


def named(neurons: Sequence[int], layers: Layers) -> tuple[Neuron, ...]:
    """Return layer, and number within it, of neurons numbered among all."""
    starts = np.cumsum((0, *layers.widths))
    rows = np.searchsorted(starts, neurons, side="right") - 1
    return tuple(
        Neuron(layers.names[row], int(neuron - starts[row]))
        for row, neuron in zip(rows, neurons, strict=True)
    )
