"""Settings of criteria from texts as ``kmnc.k=10``, as the command line takes them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import numpy as np

from imprint.core.bounds import OptionError
from imprint.core.errors import ImprintError
from imprint.lenses.coverage.criterion.criterion import CRITERIA
from imprint.study.parameters import parse_value


def parse_parameters(texts: Iterable[str]) -> Mapping[str, Any]:
    """Return the options of each criterion that is named; later texts win.

    Raises:
        ImprintError: a text is not ``criterion.option=value``, no criterion or option has that
            name, or the value is not of the option's type or range; the message names those known.

    >>> parse_parameters(["kmnc.k=10", "kmnc.compat=true"])
    {'kmnc': MultisectionOptions(k=10, compat=True)}
    """
    values: dict[str, dict[str, object]] = {}
    for text in texts:
        place, equals, value = (part.strip() for part in text.partition("="))
        name, dot, option = place.partition(".")
        if not (equals and dot):
            raise ImprintError(
                f"parameter {text!r} is not of the form criterion.option=value, as kmnc.k=10"
            )
        types = _option_types(name)
        if option not in types:
            known = ", ".join(f"{name}.{known}" for known in types) or "none"
            raise ImprintError(f"criterion {name!r} has no option {option!r}; it has: {known}")
        values.setdefault(name, {})[option] = parse_value(
            place.strip(), value.strip(), types[option]
        )
    return {name: make_options(name, chosen) for name, chosen in values.items()}


def make_options(name: str, values: Mapping[str, Any]) -> Any:
    """Return the options of a criterion; the rest at their defaults.

    Raises:
        ImprintError: an unknown criterion or option, or a value out of its range.
    """
    types = _option_types(name)
    unknown = [option for option in values if option not in types]
    if unknown:
        known = ", ".join(types) or "none"
        raise ImprintError(f"criterion {name!r} has no option {unknown[0]!r}; it has: {known}")
    for option, value in values.items():
        _check_type(f"{name}.{option}", value, types[option])
    try:
        return CRITERIA.get(name).Options(**values)
    except OptionError as error:
        raise ImprintError(f"{name}.{error}") from None


def _check_type(place: str, value: Any, kind: Any) -> None:
    """Refuse a value of another type; ranges and choices are checked by the options themselves."""
    kinds = get_args(kind) if get_origin(kind) in (Union, UnionType) else (kind,)
    if value is None and NoneType in kinds:
        return
    is_number = isinstance(value, (int, float, np.number)) and not isinstance(value, bool)
    for each in kinds:
        wanted = {int: "a whole number", float: "a number", bool: "a boolean", str: "a text"}
        fits = {
            int: is_number and isinstance(value, (int, np.integer)),
            float: is_number,
            bool: isinstance(value, bool),
            str: isinstance(value, str),
        }
        if not fits.get(each, True):
            raise ImprintError(f"{place} must be {wanted[each]}, got {value!r}")


def _option_types(name: str) -> Mapping[str, Any]:
    options = CRITERIA.get(name).Options
    types = get_type_hints(options)
    return {field.name: types[field.name] for field in fields(options)}
