"""Settings of single methods from texts as ``rmia.gamma=3``, as ``--param`` takes them.

>>> from dataclasses import dataclass
>>> @dataclass(frozen=True)
... class RmiaOptions:
...     gamma: float = 2.0
...     offline: bool = False
>>> parse_parameters("attack", ["rmia.gamma=3", "rmia.offline=true"], {"rmia": RmiaOptions}.get)
{'rmia': RmiaOptions(gamma=3.0, offline=True)}
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from imprint.core.bounds import OptionError
from imprint.core.errors import ImprintError
from imprint.study.option_types import Parameters

TRUTHS = {"true": True, "false": False}


def parameter_texts(parameters: Parameters) -> list[str]:
    """Return the value of an option ``--param`` as texts ``method.option=value``."""
    return [f"{name}={value}" for group in parameters for name, value in group]


def parse_parameters(
    kind: str, texts: Iterable[str], options_of: Callable[[str], type | None]
) -> Mapping[str, Any]:
    """Return the settings of each method that is named; later texts win.

    Args:
        kind: what a method is called in errors, such as ``"attack"``.
        texts: ``method.option=value`` each.
        options_of: returns the dataclass of a method's settings, None where it has none; raises
            ImprintError for an unknown name.

    Raises:
        ImprintError: a text of another form, no such method or option, or a value that is not of
            the option's type or range; the message names those known.
    """
    values: dict[str, dict[str, Any]] = {}
    classes: dict[str, type] = {}
    for text in texts:
        place, equals, value = (part.strip() for part in text.partition("="))
        name, dot, option = place.partition(".")
        if not (equals and dot):
            raise ImprintError(f"--param {text!r} must have the form {kind}.option=value")
        options = options_of(name)
        types = {} if options is None else get_type_hints(options)
        known = [] if options is None else [field.name for field in fields(options)]
        if options is None or option not in known:
            listed = ", ".join(f"{name}.{each}" for each in known) or "none"
            raise ImprintError(f"{kind} {name!r} has no option {option!r}; it has: {listed}")
        classes[name] = options
        values.setdefault(name, {})[option] = parse_value(place, value, types[option])
    try:
        return {name: classes[name](**chosen) for name, chosen in values.items()}
    except OptionError as error:
        name = next(name for name, options in classes.items() if options is error.owner)
        raise ImprintError(f"--param {name}.{error}") from None


def parse_value(place: str, text: str, kind: Any) -> Any:
    """Return a text as a value of a type: number, boolean, text, choice, or None.

    >>> parse_value("rmia.offline", "True", bool), parse_value("kmnc.k", "none", int | None)
    (True, None)

    Args:
        place: what the value is of, for errors.
        text: as typed.
        kind: the type, annotated or a union with None as well.

    Raises:
        ImprintError: the text is no such value.
    """
    if get_origin(kind) is Annotated:
        return parse_value(place, text, get_args(kind)[0])
    if get_origin(kind) in (Union, UnionType):
        kinds = get_args(kind)
        if NoneType in kinds and text.lower() == "none":
            return None
        return parse_value(place, text, next(each for each in kinds if each is not NoneType))
    if get_origin(kind) is Literal:
        return _choose(place, text, {str(choice): choice for choice in get_args(kind)})
    if kind is bool:
        return _choose(place, text.lower(), TRUTHS)
    if kind is str:
        return text
    if get_origin(kind) is tuple:
        raise ImprintError(f"{place} is a list, which --param does not take: give a table instead")
    try:
        return kind(text)
    except ValueError:
        wanted = "a whole number" if kind is int else "a number"
        raise ImprintError(f"{place} is {text!r}: it must be {wanted}") from None


def _choose(place: str, text: str, choices: dict[str, Any]) -> Any:
    if text not in choices:
        raise ImprintError(f"{place} is {text!r}: choose one of {', '.join(choices)}")
    return choices[text]
