"""Which clusterer's coverage goes best with accuracy, from the activations that are kept."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from imprint.core.errors import ImprintError
from imprint.lenses.coverage.clusters.search import Objective, search
from imprint.lenses.coverage.clusters.separation import separation, strongest
from imprint.lenses.coverage.criteria.idc import ImportanceDrivenOptions
from imprint.neurons.activations import ActivationTable
from imprint.study.json_io import read_json, write_json
from imprint.study.plain import to_plain
from imprint.study.store import Study


def search_step(
    study: Study,
    train: ActivationTable | None,
    test: ActivationTable,
    options: ImportanceDrivenOptions,
    trials: int,
    made_with: Mapping[str, Any],
    seed: int,
) -> dict[str, Any]:
    """Search unless it is done; return every trial, and the best.

    Args:
        study: gets ``search/search.json``.
        train: activations to cluster.
        test: activations with classes and predictions.
        options: of IDC: its neurons.
        trials: configurations of other clusterers, beyond every k of exact clusters.
        made_with: what says where the activations come from, as JSON values.
        seed: of subsets and search.

    Raises:
        ImprintError: nobody knows which test inputs the network gets right.
    """
    if train is None or test.labels is None or test.predictions is None:
        raise ImprintError(
            "--search compares coverage with accuracy: give --subject, a classifier, and labelled "
            "images"
        )
    if trials < 0:
        raise ImprintError(f"--search-trials is {trials}: 0 or more")
    neurons = (
        strongest(separation(train), options.m, train.layers)
        if options.neurons is None
        else np.array(options.neurons, dtype=np.int64)
    )
    labels, predictions = test.labels, test.predictions

    def build(folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        objective = Objective.of(
            train.columns(neurons), test.columns(neurons), labels, predictions, seed
        )
        write_json(folder / "search.json", search(objective, trials).to_dict())

    asked = {"idc": to_plain(options), "trials": trials, "seed": seed, **made_with}
    found: dict[str, Any] = read_json(study.step("search", asked, build) / "search.json")
    return found
