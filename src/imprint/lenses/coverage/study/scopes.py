"""Coverage of important neurons by part: of each class, each layer, and each third of the depth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from imprint.core.arrays import FloatArray
from imprint.core.errors import ImprintError
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
from imprint.neurons.activations import ActivationTable

PARTS = ("class", "layer", "group")


def check_parts(parts: Sequence[str]) -> None:
    """Tell parts that do not exist before other work begins.

    Raises:
        ImprintError: one of them.
    """
    for part in parts:
        if part not in PARTS:
            raise ImprintError(f"--per {part!r}: choose among {', '.join(PARTS)}")


def scope_findings(
    parts: Sequence[str],
    train: ActivationTable | None,
    test: ActivationTable,
    options: ImportanceDrivenOptions,
    scores: FloatArray | None,
    answer: str | None,
) -> dict[str, Any]:
    """Return the coverage of each class, layer or group, and its mean over them.

    Args:
        parts: some of ``PARTS``.
        train: activations to cluster; None where there are none.
        test: activations to measure.
        options: of IDC: how many neurons of each scope, and clusters of each.
        scores: importance ``[neurons]``; None where only activations are known, which then say
            how well each neuron tells the classes apart.
        answer: the last layer of the network, left out; None takes the last that is looked at.
    """
    if train is None:
        return {part: {"missing": "no activations of training data were given"} for part in parts}
    if scores is None:
        scores = separation(train)
    names = [name for name in test.layers.names if name != (answer or test.layers.names[-1])]
    names = names or list(test.layers.names)
    found: dict[str, Any] = {}
    for part in parts:
        try:
            covered: Mapping[Any, CellCoverage]
            if part == "class":
                neurons = (
                    strongest(scores, options.m, test.layers)
                    if options.neurons is None
                    else np.array(options.neurons, dtype=np.int64)
                )
                clusters = cluster_neurons(train.columns(neurons), options.k, options.clusterer)
                covered = by_class(Cells.of(clusters), test, neurons, train)
            else:
                scopes = each_layer(names) if part == "layer" else depth_groups(names)
                covered = by_scope(
                    train, test, scores, scopes, options.m, options.k, options.clusterer
                )
        except ImprintError as error:
            found[part] = {"missing": str(error)}
            continue
        flat = [str(name) for name, one in covered.items() if one.total == 1]
        covered = {name: one for name, one in covered.items() if one.total > 1}
        if not covered:
            found[part] = {"missing": "none of its important neurons varies over training inputs"}
            continue
        found[part] = {
            "mean": mean_coverage(covered),
            "scopes": {str(name): one.to_dict() for name, one in covered.items()},
            "constant": flat,
        }
    return found
