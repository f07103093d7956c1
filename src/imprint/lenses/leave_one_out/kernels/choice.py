"""A kernel by its options on the command line, or by its settings on a card."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, Literal, get_args, get_origin, get_type_hints

from imprint.core.errors import ImprintError
from imprint.lenses.leave_one_out.kernels.kernel import KERNELS, Kernel
from imprint.lenses.leave_one_out.options import KernelChoice

NAMED = ("activation", "depth", "w_std", "b_std")
"""Options of kernels that have a flag of their own."""


def chosen_kernel(choice: KernelChoice) -> Kernel:
    """Return the kernel of some options; those left out are the kernel's own.

    >>> chosen_kernel(KernelChoice(kernel="rbf", kernel_options=(("gamma", "2"),)))
    RadialBasis(gamma=2.0)

    Raises:
        ImprintError: no such kernel, an option that it lacks, or a value out of range.
    """
    kind = KERNELS.get(choice.kernel)
    named = {name: getattr(choice, name) for name in NAMED}
    values = {name: value for name, value in named.items() if value is not None}
    for name, text in choice.kernel_options:
        if name in values:
            raise ImprintError(f"kernel option {name} is given twice: {values[name]} and {text}")
        values[name] = text
    hints = get_type_hints(kind)
    known = [field.name for field in dataclasses.fields(kind)]
    for name, value in values.items():
        if name not in known:
            raise ImprintError(
                f"kernel {choice.kernel} has no option {name}; it has: {', '.join(known)}"
            )
        values[name] = _read(choice.kernel, name, value, hints[name])
    return kind(**values)


def kernel_settings(choice: KernelChoice) -> Mapping[str, str | int | float]:
    """Return name and every option of the chosen kernel as JSON values."""
    return {"name": choice.kernel, **dataclasses.asdict(chosen_kernel(choice))}


def kernel_of(settings: Mapping[str, str | int | float]) -> Kernel:
    """Return the kernel of such settings.

    >>> kernel_of(kernel_settings(KernelChoice(kernel="rbf")))
    RadialBasis(gamma=1.0)
    """
    options = {name: value for name, value in settings.items() if name != "name"}
    return KERNELS.get(str(settings["name"]))(**options)


def _read(kernel: str, name: str, value: Any, kind: Any) -> Any:
    if not isinstance(value, str) or kind is str or get_origin(kind) is Literal:
        return value
    try:
        return kind(value)
    except (TypeError, ValueError):
        what = kind.__name__ if isinstance(kind, type) else "|".join(map(str, get_args(kind)))
        raise ImprintError(
            f"option {name} of kernel {kernel} must be {what}, got {value!r}"
        ) from None
