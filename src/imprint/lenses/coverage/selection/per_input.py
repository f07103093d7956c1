"""What fitted criteria say of each test: surprise, gain in the order tested, novelty."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imprint.lenses.coverage.clusters.cell_criterion import CellCriterion
from imprint.lenses.coverage.criterion.criterion import Criterion
from imprint.lenses.coverage.criterion.surprise import Surprise
from imprint.lenses.coverage.measure.fitted_criteria import (
    FittedCriteria,
    judged_by,
    unseen_reasons,
)
from imprint.lenses.coverage.selection.greedy import Covering
from imprint.neurons.activations import ActivationTable

Column = NDArray[np.generic]
NOVELTY = {"idc": "novelty", "wisdom": "wisdom_novelty"}
MEANINGS = {
    "index": "which test",
    "label": "its class, by number",
    "predicted": "class that the network predicts, by number",
    "novelty": "share of training inputs in fuller cells of the neurons of IDC, 1 in a new cell",
    "wisdom_novelty": "the same of the neurons of WISDOM",
}


def per_input_columns(
    fitted: FittedCriteria, test: ActivationTable, classes: str = "given"
) -> dict[str, Column]:
    """Return a column for each number that is known of every test.

    Columns are ``index``; ``label`` and ``predicted`` where known; ``novelty`` of the cells of IDC;
    ``NAME_surprise``, the degree of surprise given the class; and ``NAME_gain``, by how much a
    test raises the value of those before it, in the order of the table.

    Args:
        fitted: criteria; they stay as they are. Those that cannot see these tests have no column.
        test: activations of M tests.
        classes: by which criteria judge them, ``given`` or ``predicted``.

    Raises:
        ImprintError: activations that are not finite, or marks that do not fit into memory.
    """
    columns: dict[str, Column] = {
        "index": np.arange(len(test)) if test.index is None else test.index
    }
    if test.labels is not None:
        columns["label"] = test.labels
    if test.predictions is not None:
        columns["predicted"] = test.predictions
    test = judged_by(test, classes)
    unseen = unseen_reasons(fitted, test)
    ready = {name: each for name, each in fitted.criteria.items() if name not in unseen}
    for name, criterion in ready.items():
        columns |= _of_input_alone(name, criterion, test)
    gains = {f"{name}_gain": Covering(each, test).in_order() for name, each in ready.items()}
    return columns | gains


def meanings(columns: Mapping[str, Any]) -> dict[str, str]:
    """Return what each column holds, by name."""
    texts = dict(MEANINGS)
    for name in columns:
        criterion, _, what = name.rpartition("_")
        if what == "surprise":
            texts[name] = f"degree of surprise of {criterion}, higher is more surprising"
        elif what == "gain":
            texts[name] = f"rise of {criterion} over the tests before it"
    return {name: texts[name] for name in columns if name in texts}


def _of_input_alone(name: str, criterion: Criterion, test: ActivationTable) -> dict[str, Column]:
    if isinstance(criterion, Surprise):
        return {f"{name}_surprise": criterion.surprise(test.batch(slice(None)))}
    if isinstance(criterion, CellCriterion) and name in NOVELTY:
        return {NOVELTY[name]: criterion.novelty(test.batch(slice(None))).numpy()}
    return {}
