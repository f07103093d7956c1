"""Arguments of the coverage namespace: activations as tables, settings by name, bounds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from numpy.typing import ArrayLike

from imprint.core.errors import ImprintError
from imprint.lenses.coverage.criterion.criterion_options import make_options
from imprint.lenses.coverage.study.criteria import choose_criteria
from imprint.lenses.coverage.study.inputs import activation_table
from imprint.neurons.activations import ActivationTable, Layers

Activations = Mapping[str, ArrayLike] | ArrayLike
"""``[n, A]`` of one layer, or by name of the layer; float, finite."""


def table_of(values: Activations, labels: ArrayLike | None = None) -> ActivationTable:
    """Return activations, of one layer or by its name, as a table."""
    layers = values if isinstance(values, Mapping) else {"activations": values}
    return activation_table(layers, labels)


def layer_widths(layers: Layers) -> str:
    """Return layers with their widths, for messages."""
    return ", ".join(f"{n} [{width}]" for n, width in zip(layers.names, layers.widths, strict=True))


def require_same_layers(test: ActivationTable, train: ActivationTable | None) -> None:
    """Refuse activations of training data that are of other layers."""
    if train is not None and test.layers != train.layers:
        raise ImprintError(
            f"test and train must be of the same layers in the same order, got "
            f"{layer_widths(test.layers)} and {layer_widths(train.layers)}"
        )


def settings_by_name(
    criteria: Sequence[str], options: Mapping[str, Mapping[str, Any]] | None
) -> dict[str, Any]:
    """Return the settings of the chosen criteria by name."""
    stated = options or {}
    names = choose_criteria((criteria,) if isinstance(criteria, str) else tuple(criteria))
    idle = [name for name in stated if name not in names]
    if idle:
        raise ImprintError(f"options set {idle[0]!r}, which is not measured: add it to criteria")
    return {name: make_options(name, stated.get(name, {})) for name in names}


def require_at_least(**bounds: tuple[int, int]) -> None:
    """Refuse numbers below their bound: value and bound by name."""
    for name, (value, least) in bounds.items():
        if value < least:
            raise ImprintError(f"{name} must be at least {least}, got {value}")
