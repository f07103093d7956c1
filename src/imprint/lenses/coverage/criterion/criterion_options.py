"""Settings of criteria from texts as ``kmnc.k=10``, as the command line takes them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import numpy as np

from imprint.core.bounds import OptionError
from imprint.core.errors import ImprintError
from imprint.lenses.coverage.criterion.criterion import CRITERIA

TRUTHS = {"true": True, "false": False}


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
        place, equals, value = text.partition("=")
        name, dot, option = place.strip().partition(".")
        if not (equals and dot):
            raise ImprintError(
                f"parameter {text!r} is not of the form criterion.option=value, as kmnc.k=10"
            )
        types = _option_types(name)
        if option not in types:
            known = ", ".join(f"{name}.{known}" for known in types) or "none"
            raise ImprintError(f"criterion {name!r} has no option {option!r}; it has: {known}")
        values.setdefault(name, {})[option] = _parse(place.strip(), value.strip(), types[option])
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


def _parse(place: str, text: str, kind: Any) -> Any:
    """Return a text as a value of a type: number, boolean, text, choice or None."""
    if get_origin(kind) in (Union, UnionType):
        kinds = get_args(kind)
        if NoneType in kinds and text.lower() == "none":
            return None
        kind = next(each for each in kinds if each is not NoneType)
    if get_origin(kind) is Literal:
        choices = {str(choice): choice for choice in get_args(kind)}
        return _choice(place, text, choices)
    if kind is bool:
        return _choice(place, text.lower(), TRUTHS)
    if kind is str:
        return text
    if get_origin(kind) is tuple:
        raise ImprintError(f"{place} is a list, which --param does not take: give a table instead")
    try:
        return kind(text)
    except ValueError:
        wanted = "a whole number" if kind is int else "a number"
        raise ImprintError(f"{place} is {text!r}: it must be {wanted}") from None


def _choice(place: str, text: str, choices: Mapping[str, Any]) -> Any:
    if text not in choices:
        raise ImprintError(f"{place} is {text!r}: choose one of {', '.join(choices)}")
    return choices[text]
