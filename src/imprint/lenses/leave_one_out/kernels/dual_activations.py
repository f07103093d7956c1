"""The dual of an activation by its name: its closed form, or else a quadrature.

An activation with a closed form has a class in ``closed_forms/``; any other goes by quadrature
(:mod:`~imprint.lenses.leave_one_out.kernels.series_dual`), with its error stated.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from torch import Tensor

from imprint.lenses.leave_one_out.kernels.dual_activation import (
    CLOSED_FORMS,
    Activation,
    DualActivation,
)
from imprint.lenses.leave_one_out.kernels.series_dual import SeriesDual
from imprint.neurons.activation_function import (
    ACTIVATION_FUNCTIONS,
    activation_function,
    parse_activation,
)


def dual_activation(name: Activation) -> DualActivation:
    """Return the dual of the activation ``name``.

    Raises:
        ImprintError: there is no such activation.
    """
    activation_function(name)
    parts = parse_activation(name)
    return _dual(name, parts.number, ACTIVATION_FUNCTIONS.get(parts.family))


# By the function as well: a user's may change under its name.
@lru_cache(maxsize=64)
def _dual(name: str, number: float | None, function: Callable[..., Tensor]) -> DualActivation:
    family = parse_activation(name).family
    if family in CLOSED_FORMS.names():
        form = CLOSED_FORMS.get(family)
        return form() if number is None else form(number)
    return SeriesDual(activation_function(name))
