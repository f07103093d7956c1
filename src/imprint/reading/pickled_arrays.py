"""Pickles of plain values and byte arrays, read without unpickling.

An unpickler calls what a file names, and even NumPy's own constructors crash on a state that does
not fit. Here the operations of a pickle are interpreted one by one, and none of them calls
anything: a call of NumPy's constructors becomes a note of its arguments, and an array of unsigned
bytes is made of a note only where shape, type and bytes fit. Two shapes of arrays exist in the
files that this is for: ``_reconstruct`` with a state, of Python 2 and 3, and ``_frombuffer``.
"""

from __future__ import annotations

import io
import math
import pickletools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from imprint.reading.regular import UnreadableFile, read_bytes

MAX_BYTES = 1 << 29
"""CIFAR-100 has 155 million."""
MAX_OPERATIONS = 500_000
"""CIFAR-100 takes 260 thousand; every one takes memory for an object."""

_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False, "EMPTY_TUPLE": ()}
_VALUE_NAMES = (
    "BININT BININT1 BININT2 INT LONG LONG1 BINFLOAT UNICODE BINUNICODE SHORT_BINUNICODE "
    "BINUNICODE8 BINBYTES SHORT_BINBYTES BINBYTES8 BYTEARRAY8"
)
_VALUES = frozenset(_VALUE_NAMES.split())
_STRINGS = frozenset(["STRING", "BINSTRING", "SHORT_BINSTRING"])
_PUTS = frozenset(["PUT", "BINPUT", "LONG_BINPUT"])
_GETS = frozenset(["GET", "BINGET", "LONG_BINGET"])
_PASSED = frozenset(["PROTO", "FRAME", "READONLY_BUFFER"])
_RECONSTRUCT = frozenset(f"numpy.{core}.multiarray._reconstruct" for core in ("core", "_core"))
_FROM_BUFFER = frozenset(f"numpy.{core}.numeric._frombuffer" for core in ("core", "_core"))
_BYTE_TYPES = frozenset(["u1", "|u1", "B", "uint8"])
_MARK = object()


@dataclass
class _Name:
    """A function or type that a pickle names."""

    name: str


@dataclass
class _Call:
    """A call that a pickle asks for, and the state that it gives the result."""

    name: str
    arguments: tuple[Any, ...]
    state: Any = None


class _Refused(ValueError):
    """Something that no file of this kind holds."""


def read_pickled(path: Path) -> Any:
    """Return what a pickle holds: plain values, lists, dictionaries, uint8 arrays.

    Strings of Python 2 are bytes.

    Raises:
        OSError: it is missing or may not be read.
        UnreadableFile: it is damaged, too large, or names anything but arrays of bytes.
    """
    content = read_bytes(path, MAX_BYTES)
    try:
        return _plain(_interpret(content), {})
    except _Refused as error:
        raise UnreadableFile(
            f"refused to read {path}: {error}, which no CIFAR file does"
        ) from error
    except Exception as error:  # a damaged pickle raises nearly anything
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise UnreadableFile(f"{path} is damaged ({reason}): download it again") from error


def _operations(content: bytes) -> Iterator[tuple[str, Any]]:
    for count, (operation, argument, _) in enumerate(pickletools.genops(io.BytesIO(content))):
        if count > MAX_OPERATIONS:
            raise _Refused(f"it takes more than {MAX_OPERATIONS:,} steps")
        yield operation.name, argument


def _interpret(content: bytes) -> Any:
    """Return the value that a pickle builds, with notes in place of calls."""
    stack: list[Any] = []
    memo: dict[int, Any] = {}
    for name, argument in _operations(content):
        if name == "STOP":
            (value,) = stack
            return value
        if name in _PASSED:
            continue
        if name in _VALUES:
            stack.append(argument)
        elif name in _STRINGS:
            stack.append(argument.encode("latin-1") if isinstance(argument, str) else argument)
        elif name in _CONSTANTS:
            stack.append(_CONSTANTS[name])
        elif name in _PUTS:
            memo[int(argument)] = stack[-1]
        elif name == "MEMOIZE":
            memo[len(memo)] = stack[-1]
        elif name in _GETS:
            stack.append(memo[int(argument)])
        else:
            _combine(name, argument, stack)
    raise ValueError("it ends early")


def _combine(name: str, argument: Any, stack: list[Any]) -> None:
    """Do one operation that makes a value of those on the stack."""
    if name == "MARK":
        stack.append(_MARK)
    elif name in ("EMPTY_LIST", "EMPTY_DICT"):
        stack.append([] if name == "EMPTY_LIST" else {})
    elif name in ("TUPLE", "LIST", "DICT"):
        items = _since_mark(stack)
        stack.append(_pairs(items) if name == "DICT" else items if name == "LIST" else tuple(items))
    elif name in ("TUPLE1", "TUPLE2", "TUPLE3"):
        count = int(name[-1])
        items = [stack.pop() for _ in range(count)]
        stack.append(tuple(reversed(items)))
    elif name in ("APPEND", "APPENDS"):
        items = [stack.pop()] if name == "APPEND" else _since_mark(stack)
        _of_kind(stack[-1], list).extend(items)
    elif name in ("SETITEM", "SETITEMS"):
        items = [stack.pop(-2), stack.pop()] if name == "SETITEM" else _since_mark(stack)
        _of_kind(stack[-1], dict).update(_pairs(items))
    elif name in ("GLOBAL", "STACK_GLOBAL"):
        if name == "STACK_GLOBAL":
            function, module = stack.pop(), stack.pop()
            argument = f"{module} {function}"
        stack.append(_Name(argument.replace(" ", ".")))
    elif name == "REDUCE":
        arguments, called = _of_kind(stack.pop(), tuple), _of_kind(stack.pop(), _Name)
        stack.append(_note(called.name, arguments))
    elif name == "BUILD":
        state = stack.pop()
        _of_kind(stack[-1], _Call).state = state
    else:
        raise _Refused(f"it asks for {name}")


def _note(name: str, arguments: tuple[Any, ...]) -> Any:
    """Return a call that a file may ask for, not called."""
    if name == "_codecs.encode":  # how Python 3 writes bytes for Python 2
        text, encoding = arguments
        if encoding != "latin1":
            raise _Refused(f"it encodes as {encoding!r}")
        return _of_kind(text, str).encode("latin-1")
    if name not in {"numpy.dtype", *_RECONSTRUCT, *_FROM_BUFFER}:
        raise _Refused(f"it calls for {name}")
    return _Call(name, arguments)


def _since_mark(stack: list[Any]) -> list[Any]:
    """Take the values since the last mark, and the mark, from the stack."""
    at = next(place for place in range(len(stack) - 1, -1, -1) if stack[place] is _MARK)
    items = stack[at + 1 :]
    del stack[at:]
    return items


def _pairs(items: list[Any]) -> dict[Any, Any]:
    keys = items[::2]
    if not all(isinstance(key, (str, bytes, int)) for key in keys):
        raise _Refused("it has keys that are no words")
    return dict(zip(keys, items[1::2], strict=True))


def _of_kind(value: Any, kind: type[Any]) -> Any:
    if not isinstance(value, kind):
        raise ValueError(f"a {type(value).__name__} stands where a {kind.__name__} must")
    return value


def _plain(value: Any, done: dict[int, Any], depth: int = 0) -> Any:
    """Return a value with arrays in place of notes, down to the lists of a dictionary."""
    if isinstance(value, _Call):
        if id(value) not in done:
            done[id(value)] = _array(value)
        return done[id(value)]
    if isinstance(value, dict) and depth == 0:
        return {key: _plain(item, done, depth + 1) for key, item in value.items()}
    return value


def _array(call: _Call) -> Any:
    """Return the array of bytes that a note describes."""
    if call.name in _FROM_BUFFER:
        content, kind, shape, order = call.arguments
    elif call.name in _RECONSTRUCT:
        _, shape, kind, is_fortran, content = _of_kind(call.state, tuple)
        order = "F" if is_fortran else "C"
    else:
        raise _Refused(f"it holds {call.name} alone")
    name = _of_kind(kind, _Call).arguments[0]
    name = name.decode("ascii") if isinstance(name, bytes) else name
    if kind.name != "numpy.dtype" or name not in _BYTE_TYPES:
        raise _Refused(f"it holds an array of {name!r}")
    sides = [_of_kind(side, int) for side in _of_kind(shape, tuple)]
    buffer = bytes(_of_kind(content, (bytes, bytearray)))  # type: ignore[arg-type]
    if not sides or min(sides) < 0 or math.prod(sides) != len(buffer):
        raise ValueError(f"an array {sides} of {len(buffer):,} bytes")
    if order not in ("C", "F"):
        raise ValueError(f"an array in the order {order!r}")
    return np.frombuffer(buffer, dtype=np.uint8).reshape(sides, order=order)
