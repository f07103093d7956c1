"""The options of a command as a list: what its dataclass, and those nested in it, declare.

Help, completion, old spellings and error messages read this list; none of them reads dataclasses.
"""

from __future__ import annotations

import ast
import dataclasses
import inspect
import sys
from collections.abc import Iterator
from functools import cache, cached_property
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from imprint.core.bounds import Bounds, marks_of
from imprint.study.option_types import Absorbed, Formerly

METAVARS = {int: "INT", float: "FLOAT", Path: "PATH", str: "STR"}


@dataclasses.dataclass(frozen=True)
class Option:
    """One option of a command.

    Attributes:
        path: names of fields, from the command's dataclass down to the option.
        kind: its annotated type.
        default: its default, ``dataclasses.MISSING`` for a required one.
        owner: the dataclass that declares it.
        help: its docstring, one paragraph.
    """

    path: tuple[str, ...]
    kind: Any
    default: Any
    owner: type
    help: str

    @property
    def name(self) -> str:
        """The name of the field."""
        return self.path[-1]

    @property
    def flag(self) -> str:
        """The flag, e.g. ``--train.batch-size``."""
        return to_flag(self.path)

    @property
    def is_required(self) -> bool:
        """Whether it has no default."""
        return self.default is dataclasses.MISSING

    @cached_property
    def plain_kind(self) -> Any:
        """The type without annotations and without None."""
        kind = _unwrapped(self.kind)
        if get_origin(kind) in (Union, UnionType):
            kind = _unwrapped(next(each for each in get_args(kind) if each is not NoneType))
        return kind

    @property
    def is_switch(self) -> bool:
        """Whether it takes no value."""
        return self.plain_kind is bool

    @property
    def choices(self) -> tuple[str, ...]:
        """The words it takes, empty where it takes others."""
        is_closed = get_origin(self.plain_kind) is Literal
        return tuple(map(str, get_args(self.plain_kind))) if is_closed else ()

    @property
    def bounds(self) -> Bounds | None:
        """The range of its value."""
        marks = marks_of(self.kind, Bounds)
        return marks[0] if marks else None

    @property
    def old_paths(self) -> tuple[tuple[str, ...], ...]:
        """Old spellings, as paths of names."""
        marks = marks_of(self.kind, Formerly)
        return tuple((*self.path[:-1], name) for mark in marks for name in mark.names)

    @property
    def absorbed(self) -> tuple[Absorbed, ...]:
        """Old options that are settings of this one now."""
        return tuple(marks_of(self.kind, Absorbed))

    @property
    def metavar(self) -> str:
        """What stands behind the flag in help, e.g. ``INT`` or ``{a,b}``."""
        if self.is_switch:
            return ""
        if self.choices:
            return "{" + ",".join(self.choices) + "}"
        for mark in (each for each in _metadata(self.kind) if hasattr(each, "metavar")):
            return str(mark.metavar)
        return METAVARS.get(self.plain_kind, "VALUE")

    @property
    def spelled(self) -> str:
        """Flag and metavar; a switch with both of its spellings, ``--[no-]controls``."""
        if not self.is_switch:
            return f"{self.flag} {self.metavar}"
        *groups, name = self.flag.removeprefix("--").split(".")
        return "--" + ".".join([*groups, f"[no-]{name}"])

    @property
    def negated(self) -> str:
        """The flag that turns a switch off, ``--train.no-shuffle``."""
        *groups, name = self.flag.removeprefix("--").split(".")
        return "--" + ".".join([*groups, f"no-{name}"])


@dataclasses.dataclass(frozen=True)
class Group:
    """Nested options: the dataclass behind one field.

    Attributes:
        path: names of fields down to it.
        help: the docstring of the field.
        count: how many options it holds, those of groups within included.
    """

    path: tuple[str, ...]
    help: str
    count: int


def to_flag(path: tuple[str, ...]) -> str:
    """Return the flag of an option, given its names.

    >>> to_flag(("train", "batch_size"))
    '--train.batch-size'
    """
    return "--" + ".".join(path).replace("_", "-")


def options_of(options: type) -> tuple[Option, ...]:
    """Return every option of a dataclass, those of nested ones included, in order."""
    return _collect(options)


@cache
def _collect(options: Any) -> tuple[Option, ...]:
    # Reading annotations takes milliseconds, and old spellings look them up at every key.
    return tuple(_walk(options, None, ()))


def groups_of(options: type) -> tuple[Group, ...]:
    """Return the groups of a dataclass, outermost only, in order."""
    hints = get_type_hints(options)
    everything = options_of(options)
    return tuple(
        Group(
            (field.name,),
            field_docs(options).get(field.name, ""),
            sum(option.path[0] == field.name for option in everything),
        )
        for field in dataclasses.fields(options)
        if dataclasses.is_dataclass(hints[field.name])
    )


def _walk(options: type, instance: Any, before: tuple[str, ...]) -> Iterator[Option]:
    hints = get_type_hints(options, include_extras=True)
    docs = field_docs(options)
    for field in dataclasses.fields(options):
        kind, path = hints[field.name], (*before, field.name)
        default = _default(field) if instance is None else getattr(instance, field.name)
        if dataclasses.is_dataclass(_unwrapped(kind)):
            inner = None if default is dataclasses.MISSING else default
            yield from _walk(_unwrapped(kind), inner, path)
        else:
            owner = _owner(options, field.name)
            yield Option(path, kind, default, owner, docs.get(field.name, ""))


def _default(field: dataclasses.Field[Any]) -> Any:
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    return field.default


def _owner(options: type, name: str) -> type:
    """Return the class that declares a field: the last one to annotate it."""
    return next(each for each in options.__mro__ if name in inspect.get_annotations(each))


def field_docs(options: type) -> dict[str, str]:
    """Return the docstring behind each field of a dataclass, its bases included."""
    docs: dict[str, str] = {}
    for each in reversed(options.__mro__):
        docs |= _docs_of_module(each.__module__).get(each.__qualname__, {})
    return docs


@cache
def _docs_of_module(module: str) -> dict[str, dict[str, str]]:
    """Return the docstrings of the fields of every class of a module, read from its source."""
    try:
        tree = ast.parse(inspect.getsource(sys.modules[module]))
    except (KeyError, OSError, TypeError):
        return {}
    classes = (node for node in ast.walk(tree) if isinstance(node, ast.ClassDef))
    return {node.name: _docs_of_class(node) for node in classes}


def _docs_of_class(node: ast.ClassDef) -> dict[str, str]:
    docs = {}
    for statement, behind in zip(node.body, node.body[1:], strict=False):
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            match behind:
                case ast.Expr(ast.Constant(str() as text)):
                    docs[statement.target.id] = " ".join(text.split())
    return docs


def _unwrapped(kind: Any) -> Any:
    return _unwrapped(get_args(kind)[0]) if get_origin(kind) is Annotated else kind


def _metadata(kind: Any) -> list[Any]:
    if get_origin(kind) is Annotated:
        return [*kind.__metadata__, *_metadata(get_args(kind)[0])]
    return [each for inner in get_args(kind) for each in _metadata(inner)]
