"""Coverage of important neurons by part: of each class, each layer, and each third of the depth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from imprint.core.arrays import FloatArray
from imprint.core.errors import ImprintError
from imprint.core.missing import Missing
from imprint.lenses.coverage.clusters.cells import CellCoverage, Cells
from imprint.lenses.coverage.clusters.clusterers import cluster_neurons
from imprint.lenses.coverage.clusters.scopes import (
    by_class,
    by_scope,
    depth_groups,
    each_layer,
    mean_coverage,
)
from imprint.lenses.coverage.clusters.separation import separation, strongest
from imprint.lenses.coverage.criteria.idc import ImportanceDrivenOptions
from imprint.lenses.coverage.findings import CellFinding, ScopesFinding
from imprint.neurons.activations import ActivationTable

PARTS = ("class", "layer", "group")


def part_findings(
    parts: Sequence[str],
    train: ActivationTable | None,
    test: ActivationTable,
    options: ImportanceDrivenOptions,
    scores: FloatArray | None,
    classifier: str | None,
) -> Mapping[str, ScopesFinding | Missing]:
    """Return the coverage of each class, layer or group, and its mean over them.

    Args:
        parts: among ``PARTS``.
        train: activations to cluster; None where there are none.
        test: activations to measure.
        options: of IDC: how many neurons of each scope, and clusters of each.
        scores: importance ``[neurons]``; None where only activations are known: then how well each
            neuron separates the classes takes its place.
        classifier: the last layer of the network, left out; None takes the last observed one.
    """
    if train is None:
        return {part: Missing("no activations of training data were given") for part in parts}
    importance = separation(train) if scores is None else scores
    names = [name for name in test.layers.names if name != (classifier or test.layers.names[-1])]
    names = names or list(test.layers.names)
    findings: dict[str, ScopesFinding | Missing] = {}
    for part in parts:
        try:
            findings[part] = _scopes_finding(
                _by_class(train, test, options, importance)
                if part == "class"
                else by_scope(
                    train,
                    test,
                    importance,
                    each_layer(names) if part == "layer" else depth_groups(names),
                    options.m,
                    options.k,
                    options.clusterer,
                )
            )
        except ImprintError as error:
            findings[part] = Missing(str(error))
    return findings


def _by_class(
    train: ActivationTable,
    test: ActivationTable,
    options: ImportanceDrivenOptions,
    importance: FloatArray,
) -> Mapping[int, CellCoverage]:
    """Return the coverage by the inputs of each class."""
    if options.neurons is None:
        neurons = strongest(importance, options.m, test.layers)
    else:
        neurons = options.choose(train)
    clusters = cluster_neurons(train.columns(neurons), options.k, options.clusterer)
    return by_class(Cells.of(clusters), test, neurons, train)


def _scopes_finding(coverages: Mapping[Any, CellCoverage]) -> ScopesFinding | Missing:
    """Return the finding of scopes without those whose neurons do not vary."""
    varying = {name: each for name, each in coverages.items() if each.total > 1}
    if not varying:
        return Missing("none of its important neurons varies over training inputs")
    return ScopesFinding(
        mean_coverage(varying),
        {str(name): CellFinding.of(each) for name, each in varying.items()},
        tuple(str(name) for name, each in coverages.items() if each.total == 1),
    )
