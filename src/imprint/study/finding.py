"""Findings: frozen dataclasses that a lens computes, a file holds, and page and terminal read.

A field becomes the JSON key of its name. A field whose default is None is left out while it is
None. A field that is computed (``init=False``) is written, and computed again on reading. Numbers,
texts and booleans are taken for what they are: ``"3"`` is no number and ``1`` is no boolean. A
union of dataclasses is told apart by the fields that only one of them has.

>>> @dataclasses.dataclass(frozen=True)
... class Gap:
...     score: float
...     note: str | None = None
>>> to_json(Gap(0.5))
{'score': 0.5}
>>> from_json(Gap, {"score": "0.5"}, "summary.json")
Traceback (most recent call last):
imprint.core.errors.ImprintError: summary.json cannot be used ('0.5' is not a number at score): \
run the command again that made it
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping
from pathlib import Path
from types import UnionType
from typing import TYPE_CHECKING, Any, TypeVar, Union, get_args, get_origin

from imprint.core.errors import ImprintError
from imprint.study.json_io import read_json, write_json

if TYPE_CHECKING:
    from cattrs import Converter

T = TypeVar("T")

MAX_INTEGER = 2**63 - 1
"""Of a whole number that a finding may hold."""


def to_json(finding: Any) -> Any:
    """Return a finding as JSON values; tuples become lists."""
    return _converter().unstructure(finding)


def from_json(kind: type[T], value: Any, where: str) -> T:
    """Return JSON values as a finding.

    Args:
        kind: the dataclass; also ``Mapping[str, Kind]`` or ``tuple[Kind, ...]``.
        value: what :func:`to_json` made.
        where: what is read, such as the name of a file, for messages.

    Raises:
        ImprintError: a key is missing or holds something else; the message names the first such
            place. Keys that the dataclass lacks are passed over.
    """
    from cattrs import BaseValidationError, transform_error

    try:
        return _converter().structure(value, kind)
    except BaseValidationError as error:
        reason = transform_error(error, path="", format_exception=_reason)[0]
        reason = reason.replace(" @ .", " at ").removesuffix(" @ ")
    except (TypeError, ValueError) as error:  # at the very top
        reason = _reason(error, kind)
    except RecursionError:
        reason = "it is nested too deeply"
    raise ImprintError(f"{where} cannot be used ({reason}): run the command again that made it")


def write_finding(path: Path, finding: Any) -> None:
    """Write a finding as JSON."""
    write_json(path, to_json(finding))


def read_finding(kind: type[T], path: Path) -> T:
    """Return the finding in a JSON file.

    Raises:
        ImprintError: the file is missing, or does not hold such a finding.
    """
    try:
        value = read_json(path)
    except FileNotFoundError:
        raise ImprintError(
            f"no {path.name} in {path.parent}: run the command again that makes it"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ImprintError(f"cannot read {path}: {error}") from error
    return from_json(kind, value, str(path))


def _reason(error: BaseException, _: Any) -> str:
    if isinstance(error, KeyError):
        return f"there is no {error.args[0]!r}"
    return str(error) or type(error).__name__


@functools.cache
def _converter() -> Converter:
    from cattrs import Converter
    from cattrs.cols import is_mapping, mapping_structure_factory
    from cattrs.gen import make_dict_structure_fn, make_dict_unstructure_fn, override

    converter = Converter(unstruct_collection_overrides={tuple: list})

    def unstructure(kind: type) -> Any:
        left_out = {
            field.name: override(omit_if_default=True)
            for field in dataclasses.fields(kind)
            if field.default is None
        }
        return make_dict_unstructure_fn(
            kind,
            converter,
            _cattrs_include_init_false=True,
            **left_out,  # type: ignore[arg-type]
        )

    def structure_object(kind: Any) -> Any:
        return _of_type(Mapping, "an object", make_dict_structure_fn(kind, converter))

    def structure_mapping(kind: Any) -> Any:
        hook = mapping_structure_factory(kind, converter, structure_to=dict)
        return _of_type(Mapping, "an object", hook)

    converter.register_unstructure_hook_factory(dataclasses.is_dataclass, unstructure)
    converter.register_structure_hook_factory(is_mapping, structure_mapping)
    converter.register_structure_hook_factory(dataclasses.is_dataclass, structure_object)
    converter.register_structure_hook_factory(
        _is_tuple,
        lambda kind: _of_type(list, "a list", functools.partial(_tuple_of, converter)),
    )
    converter.register_structure_hook_factory(
        _is_mixed_union, lambda kind: functools.partial(_one_of, converter)
    )
    for kind in (bool, int, float, str):
        converter.register_structure_hook(kind, functools.partial(_exactly, kind))
    return converter


def _is_mixed_union(kind: Any) -> bool:
    """Return whether a type is a union of others than dataclasses alone, which cattrs can tell."""
    parts = [part for part in get_args(kind) if part is not type(None)]
    return get_origin(kind) in (Union, UnionType) and not all(map(dataclasses.is_dataclass, parts))


def _one_of(converter: Converter, value: Any, kind: Any) -> Any:
    """Structure the member of a union that is written like the value in JSON."""
    if value is None and type(None) in get_args(kind):
        return None
    parts = [part for part in get_args(kind) if part is not type(None)]
    fit = [part for part in parts if _is_object(part) == isinstance(value, Mapping)]
    if not isinstance(value, Mapping):
        fit = [part for part in fit if _is_tuple(part) == isinstance(value, list)]
        exact = [part for part in fit if part is type(value)]
        fit = exact or fit
    if not fit:
        raise TypeError(f"{_short(value)} is not one of {', '.join(map(_type_name, parts))}")
    wanted: Any = Union[tuple(fit)]  # noqa: UP007  # of a variable number
    return converter.structure(value, wanted)


def _is_object(kind: Any) -> bool:
    return dataclasses.is_dataclass(kind) or get_origin(kind) in (dict, Mapping)


def _type_name(kind: Any) -> str:
    return str(_NAMES.get(kind, getattr(kind, "__name__", kind)))


def _is_tuple(kind: Any) -> bool:
    return bool(get_origin(kind) is tuple)


def _of_type(wanted: type, name: str, hook: Any) -> Any:
    """Return a hook that structures only what is of a type."""

    def structure(value: Any, kind: Any) -> Any:
        if not isinstance(value, wanted):
            raise TypeError(f"{_short(value)} is not {name}")
        return hook(value, kind)

    return structure


def _tuple_of(converter: Converter, values: list[Any], kind: Any) -> tuple[Any, ...]:
    """Structure ``tuple[A, ...]`` and ``tuple[A, B]``; every fault says at which place."""
    from cattrs import IterableValidationError, IterableValidationNote

    kinds = get_args(kind)
    if len(kinds) == 2 and kinds[1] is Ellipsis:
        kinds = kinds[:1] * len(values)
    if len(kinds) != len(values):
        raise ValueError(f"{len(values)} values where {len(kinds)} are expected")
    structured, errors = [], []
    for place, (item, each) in enumerate(zip(values, kinds, strict=True)):
        try:
            structured.append(converter.structure(item, each))
        except Exception as error:
            note = IterableValidationNote(f"at index {place}", place, each)
            error.__notes__ = [*getattr(error, "__notes__", ()), note]
            errors.append(error)
    if errors:
        raise IterableValidationError("items cannot be used", errors, kind)
    return tuple(structured)


def _exactly(kind: type, value: Any, _: Any) -> Any:
    if isinstance(value, int) and abs(value) > MAX_INTEGER:
        raise ValueError(f"{_short(value)} is beyond 64 bits")  # arithmetic with floats would fail
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return value  # as JSON has it: 3, not 3.0
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise TypeError(f"{_short(value)} is not {_NAMES[kind]}")
    return value


_NAMES: Mapping[type, str] = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "a text",
}


def _short(value: Any) -> str:
    text = hex(value) if isinstance(value, int) and abs(value) > MAX_INTEGER else repr(value)
    return text if len(text) <= 40 else text[:39] + "…"
