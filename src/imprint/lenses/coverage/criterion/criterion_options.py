"""Settings of criteria from texts as ``kmnc.k=10``, as the command line takes them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from imprint.core.errors import ImprintError
from imprint.lenses.coverage.criterion.criterion import CRITERIA

TRUTHS = {"true": True, "false": False}


def parse_parameters(texts: Iterable[str]) -> dict[str, Any]:
    """Return the options of each criterion that is named; later texts win.

    Raises:
        ImprintError: a text is not ``criterion.option=value``, no criterion or option has that
            name, or the value is not of the option's type or range; the message names those known.

    >>> parse_parameters(["kmnc.k=10", "kmnc.compat=true"])
    {'kmnc': MultisectionOptions(k=10, compat=True)}
    """
    given: dict[str, dict[str, Any]] = {}
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
        given.setdefault(name, {})[option] = _parse(place.strip(), value.strip(), types[option])
    return {name: CRITERIA.get(name).Options(**values) for name, values in given.items()}


def _option_types(name: str) -> dict[str, Any]:
    options = CRITERIA.get(name).Options
    types = get_type_hints(options)
    return {field.name: types[field.name] for field in fields(options)}


def _parse(place: str, text: str, kind: Any) -> Any:
    """Return a text as a value of a type: number, truth, text, one of some, or none of these."""
    if get_origin(kind) in (Union, UnionType):
        kinds = get_args(kind)
        if NoneType in kinds and text.lower() == "none":
            return None
        kind = next(one for one in kinds if one is not NoneType)
    if get_origin(kind) is Literal:
        choices = {str(choice): choice for choice in get_args(kind)}
        return _one_of(place, text, choices)
    if kind is bool:
        return _one_of(place, text.lower(), TRUTHS)
    if kind is str:
        return text
    if get_origin(kind) is tuple:
        raise ImprintError(f"{place} is a list, which --param does not take: give a table instead")
    try:
        return kind(text)
    except ValueError:
        wanted = "a whole number" if kind is int else "a number"
        raise ImprintError(f"{place} is {text!r}: it must be {wanted}") from None


def _one_of(place: str, text: str, choices: dict[str, Any]) -> Any:
    if text not in choices:
        raise ImprintError(f"{place} is {text!r}: choose one of {', '.join(choices)}")
    return choices[text]
