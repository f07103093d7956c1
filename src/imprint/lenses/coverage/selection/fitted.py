"""A criterion that is ready to see tests."""

from __future__ import annotations

from imprint.core.errors import ImprintError
from imprint.lenses.coverage.criterion.criterion import CRITERIA, Criterion
from imprint.lenses.coverage.measure.measure import fit
from imprint.neurons.activations import ActivationTable


def fitted_criterion(
    name: str, settings: object, train: ActivationTable | None, tests: ActivationTable
) -> Criterion:
    """Return a criterion, fitted to the training activations where it reads them.

    Args:
        name: as registered.
        settings: its options.
        train: activations of training inputs; None without.
        tests: of the tests it is to see.

    Raises:
        ImprintError: it cannot be made for these layers or tests, or not be fitted.
    """
    criterion = CRITERIA.get(name)(tests.layers, settings)
    if criterion.reads_labels and tests.labels is None:
        raise ImprintError(f"{name} reads the classes of the tests, which are not known")
    reasons = fit({name: criterion}, train)
    if reasons:
        raise ImprintError(f"{name} cannot be fitted: {reasons[name]}")
    return criterion
