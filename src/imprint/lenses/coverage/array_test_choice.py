"""Which tests to run first and which to keep, on arrays of activations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from imprint.core.errors import ImprintError
from imprint.core.user_arrays import as_numbers
from imprint.lenses.coverage.array_arguments import (
    Activations,
    require_at_least,
    require_same_layers,
    settings_by_name,
    table_of,
)
from imprint.lenses.coverage.results import Prioritisation, SelectedTests
from imprint.lenses.coverage.selection.fitted import fitted_criterion
from imprint.lenses.coverage.selection.prioritise import choose_orders
from imprint.lenses.coverage.study.inputs import check_probabilities
from imprint.lenses.coverage.study.prioritise import order_tests
from imprint.lenses.coverage.study.select import Limit
from imprint.lenses.coverage.study.select import select_tests as choose_tests


def prioritise(
    probabilities: ArrayLike | None = None,
    test: Activations | None = None,
    train: Activations | None = None,
    *,
    test_labels: ArrayLike | None = None,
    train_labels: ArrayLike | None = None,
    by: Sequence[str] = ("all",),
    criteria: Sequence[str] = ("all",),
    options: Mapping[str, Mapping[str, Any]] | None = None,
    seed: int = 0,
) -> Prioritisation:
    """Order tests so that those that reveal faults come first.

    Args:
        probabilities: of the classes ``[M, C]``, for orders by how unsure the network is.
        test: activations ``[M, A]``, for orders by coverage and surprise.
        train: activations ``[N, A]`` of training inputs.
        test_labels: classes ``[M]``. No order reads them: they say how early faults are found.
        train_labels: classes ``[N]``.
        by: names of orders, or ``all``: ``deepgini``, ``kmnc_additional``, ``lsc_surprise`` …
        criteria: whose orders to make, or ``all``.
        options: settings by name of the criterion.
        seed: of random orders.

    Raises:
        ImprintError: arrays that do not fit, or an unknown order or criterion.

    Examples:
        >>> wrong_and_right = [[0.4, 0.6], [0.9, 0.1], [0.2, 0.8], [0.45, 0.55]]
        >>> result = prioritise(wrong_and_right, test_labels=[0, 0, 1, 0], by=["deepgini"])
        >>> result.orders["deepgini"].tolist(), result["deepgini"].apfd.value
        ([3, 0, 2, 1], 0.75)
    """
    if probabilities is None and test is None:
        raise ImprintError("give probabilities of the classes, activations of the tests, or both")
    shares = None
    if probabilities is not None:
        shares = check_probabilities(as_numbers(probabilities, "probabilities"), "probabilities")
    if test is None:
        assert shares is not None
        tested, settings = table_of(shares, test_labels), {}
    else:
        tested, settings = table_of(test, test_labels), settings_by_name(criteria, options)
    if shares is not None and len(shares) != len(tested):
        raise ImprintError(f"there are {len(tested)} tests, but probabilities of {len(shares)}")
    trained = None if train is None else table_of(train, train_labels)
    require_same_layers(tested, trained)
    asked = choose_orders(tuple(by), settings)
    ordered = order_tests(asked, trained, tested, shares, seed)
    orders = {name: np.argsort(places) for name, places in ordered.places.items()}
    return Prioritisation(ordered.findings, orders)


def select_tests(
    test: Activations,
    train: Activations | None = None,
    *,
    criterion: str = "kmnc",
    count: int = 0,
    share: float = 1.0,
    coverage: float = 0.0,
    test_labels: ArrayLike | None = None,
    train_labels: ArrayLike | None = None,
    options: Mapping[str, Any] | None = None,
    random_draws: int = 20,
    seed: int = 0,
) -> SelectedTests:
    """Select few tests that cover as much as many, greedily.

    Args:
        test: activations ``[M, A]``.
        train: activations ``[N, A]``, which most criteria are fitted to.
        criterion: whose value is to be covered.
        count: most tests; 0 for as many as add anything.
        share: of the value of all tests at which to stop, in (0, 1].
        coverage: select until this value is reached instead, in the units of the criterion;
            0 for the share.
        test_labels: classes ``[M]``, for criteria that read them.
        train_labels: classes ``[N]``.
        options: settings of the criterion.
        random_draws: random sets to compare with.
        seed: of them.

    Raises:
        ImprintError: activations that do not fit, or a criterion that cannot be fitted.

    Examples:
        >>> values = np.random.default_rng(0).normal(size=(200, 4))
        >>> selected = select_tests(values[:50], values[50:], options={"k": 5})
        >>> len(selected.order), round(selected.findings.value_of_all, 3)
        (9, 0.9)
    """
    require_at_least(count=(count, 0), random_draws=(random_draws, 2))
    if not 0 < share <= 1:
        raise ImprintError(f"share must be in (0, 1], got {share}")
    if not 0 <= coverage < np.inf or (coverage and share != 1):
        raise ImprintError(f"coverage must be at least 0, and given without share, got {coverage}")
    tested = table_of(test, test_labels)
    trained = None if train is None else table_of(train, train_labels)
    require_same_layers(tested, trained)
    settings = settings_by_name([criterion], {criterion: options or {}})
    fitted = fitted_criterion(criterion, settings[criterion], trained, tested)
    limit = Limit(count, share, coverage)
    selection, findings = choose_tests(fitted, tested, limit, random_draws, seed)
    return SelectedTests(findings, selection.order, selection.gains)
