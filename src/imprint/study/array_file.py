r"""Arrays that a user saved with ``numpy.savez``: declared once, checked and documented by that.

A dataclass says what a file holds. Each field is an array of its name; letters of its shape stand
for sizes that all arrays of the file share.

>>> @dataclass(frozen=True, kw_only=True, eq=False)
... class Scores:
...     scores: FloatArray = array("A N", "score of every record, one row per augmentation")
...     members: BoolArray = array("N", "whether a record is a member", kind="flag")
...     index: IntArray | None = array("N", "names of the records", kind="whole", optional=True)
>>> made = arrays_from(Scores, {"scores": np.ones((2, 3)), "members": np.array([1, 0, 1])})
>>> made.members.tolist(), made.index
([True, False, True], None)
>>> arrays_from(Scores, {"scores": np.ones((2, 3)), "members": np.array([1, 0])})
Traceback (most recent call last):
imprint.core.errors.ImprintError: arrays: members has shape [2], expected [3] (N = 3 in scores)
>>> print(describe_arrays(Scores))
scores [A, N]: score of every record, one row per augmentation
members [N]: whether a record is a member; bool, or 0 and 1
index [N]: names of the records; whole numbers; optional
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from imprint.core.arrays import BoolArray, IntArray
from imprint.core.errors import ImprintError
from imprint.reading.array_files import read_npy, read_npz
from imprint.study.stored_array import STORED_BYTES, StoredArray, open_stored

Kind = Literal["number", "float", "whole", "label", "flag"]
T = TypeVar("T")
AnyArray = NDArray[Any] | StoredArray

EXACT_INTEGERS = 2**53
"""Floats from here on no longer hold every whole number."""
_WORDS: Mapping[Kind, str] = {
    "number": "",
    "float": "floating-point",
    "whole": "whole numbers",
    "label": "whole numbers from 0",
    "flag": "bool, or 0 and 1",
}
_ARRAY = "imprint: array"


@dataclass(frozen=True)
class Array:
    """What one array of a file must be; see :func:`array`."""

    name: str
    shape: str
    text: str
    kind: Kind
    dtype: str | None
    largest: float
    optional: bool
    default: str
    needs: tuple[str, ...]
    remedy: str
    stored: bool

    @property
    def is_open_ended(self) -> bool:
        """Whether any number of arrays may be there, whose names begin alike."""
        return self.name.endswith("*")

    @property
    def axes(self) -> tuple[str, ...]:
        """The letters of its shape."""
        return tuple(self.shape.split())

    def describe(self) -> str:
        """Return name, shape, meaning and type as one line."""
        kind = self.dtype if self.kind == "number" and self.dtype is None else _WORDS[self.kind]
        notes = [self.text, kind or "", "optional" if self.optional or self.default else ""]
        return f"{self.name} [{', '.join(self.axes)}]: {'; '.join(filter(None, notes))}"


def array(
    shape: str,
    text: str,
    *,
    kind: Kind = "number",
    dtype: str | None = "float64",
    largest: float = np.inf,
    optional: bool = False,
    default: str = "",
    needs: Sequence[str] = (),
    name: str = "",
    remedy: str = "",
    stored: bool = False,
) -> Any:
    """Return a dataclass field that is an array of the file.

    Args:
        shape: its axes: a letter is one size in the whole file, a digit that size, ``_`` any size,
            ``...`` at the end one or more further axes.
        text: what it holds, in a few words.
        kind: ``number``: real and finite; ``float``: of a floating-point type as well; ``whole``:
            whole numbers of any type, as int64; ``label``: those from 0; ``flag``: bool.
        dtype: what numbers become; None leaves them as they are.
        largest: bound on the absolute value.
        optional: may be missing; the field is None then, or empty where the name ends in ``*``.
        default: name of the array that stands in where this one is missing.
        needs: arrays that must be there when this one is.
        name: in the file, where it is not that of the field. ``PREFIX*`` is every array whose name
            begins so: the field is a mapping by the rest of the name.
        remedy: what to do about numbers of another type or beyond the bound.
        stored: in a folder of ``.npy`` files it is a :class:`StoredArray` where it is large, read
            and checked by rows of its first axis.
    """
    spec = Array(
        name, shape, text, kind, dtype, largest, optional, default, tuple(needs), remedy, stored
    )
    return dataclasses.field(metadata={_ARRAY: spec})


def read_array_file(kind: type[T], file: Path) -> T:
    """Return the arrays of an ``.npz`` file, checked; nothing is unpickled.

    Args:
        kind: a dataclass whose fields are made by :func:`array`.
        file: of plain arrays; where one of the fields is ``stored``, a folder with a file
            ``NAME.npy`` an array as well.

    Raises:
        ImprintError: no such file, damaged or not ``.npz``, a missing or unknown name, a shape
            that does not fit the others, or a value that cannot be; the message says which.
    """
    specs = [spec for _, spec in _specs(kind)]
    if file.is_dir() and any(spec.stored for spec in specs):
        return arrays_from(kind, _read_folder(file, specs), str(file))
    return arrays_from(kind, read_any_npz(file), str(file))


def _read_folder(folder: Path, specs: Sequence[Array]) -> dict[str, AnyArray]:
    """Return the arrays of a folder by name, in the order of names; large ones stay there."""
    arrays: dict[str, AnyArray] = {}
    stored = {spec.name for spec in specs if spec.stored}
    try:
        for file in sorted(folder.glob("*.npy")):
            is_large = file.stem in stored and file.stat().st_size >= STORED_BYTES
            arrays[file.stem] = open_stored(file) if is_large else read_npy(file)
    except OSError as error:
        raise ImprintError(f"cannot read the arrays {folder}: {error.strerror}") from error
    return arrays


def read_any_npz(file: Path) -> dict[str, NDArray[Any]]:
    """Return the arrays of a file by name, in their order there, whatever they are called.

    Raises:
        ImprintError: no such file, damaged or not ``.npz``.
    """
    if not file.exists():
        raise ImprintError(f"no arrays at {file}: check the path")
    try:
        return read_npz(file)
    except OSError as error:
        raise ImprintError(f"cannot read the arrays {file}: {error.strerror}") from error


def arrays_from(kind: type[T], arrays: Mapping[str, AnyArray], where: str = "arrays") -> T:
    """Return arrays in memory as ``kind``; see :func:`read_array_file`.

    Args:
        kind: a dataclass whose fields are made by :func:`array`.
        arrays: by the names that a file would have.
        where: what to call the source in errors.
    """
    specs = dict(_specs(kind))
    names = {field: _names_of(spec, arrays) for field, spec in specs.items()}
    _check_names(where, specs, names, arrays)
    _check_shapes(where, specs, names, arrays)
    return kind(
        **{field: _value(where, spec, names[field], arrays) for field, spec in specs.items()}
    )


def describe_arrays(kind: type) -> str:
    """Return one line an array, for help texts."""
    return "\n".join(spec.describe() for _, spec in _specs(kind))


def array_table(kind: type) -> str:
    """Return the arrays as a table in Markdown, for the documentation."""
    rows = [
        f"| `{spec.name}` | [{', '.join(spec.axes)}] | "
        f"{'; '.join(filter(None, (spec.text, _WORDS[spec.kind])))} | "
        f"{'optional' if spec.optional or spec.default else 'required'} |"
        for _, spec in _specs(kind)
    ]
    return "\n".join(["| array | shape | what it holds | |", "|---|---|---|---|", *rows])


def _specs(kind: type) -> Iterator[tuple[str, Array]]:
    for field in dataclasses.fields(kind):
        spec: Array = field.metadata[_ARRAY]
        yield field.name, dataclasses.replace(spec, name=spec.name or field.name)


def _names_of(spec: Array, arrays: Mapping[str, AnyArray]) -> list[str]:
    if spec.is_open_ended:
        return [
            name for name in arrays if name.startswith(spec.name[:-1]) and name != spec.name[:-1]
        ]
    return [spec.name] if spec.name in arrays else []


def _check_names(
    where: str,
    specs: Mapping[str, Array],
    names: Mapping[str, list[str]],
    arrays: Mapping[str, AnyArray],
) -> None:
    required = [spec.name for spec in specs.values() if not (spec.optional or spec.default)]
    for field, spec in specs.items():
        if spec.name in required and not names[field]:
            raise ImprintError(
                f"{where} has no array {spec.name!r}; it needs {', '.join(required)}"
            )
    known = {name for group in names.values() for name in group}
    for name in arrays:
        if name not in known:
            raise ImprintError(
                f"{where}: unknown array {name!r}; known are "
                f"{', '.join(spec.name for spec in specs.values())}"
            )
    for field, spec in specs.items():
        missing = [name for name in spec.needs if name not in arrays]
        if names[field] and missing:
            raise ImprintError(f"{where}: {spec.name} needs {missing[0]} beside it: give both")


def _check_shapes(
    where: str,
    specs: Mapping[str, Array],
    names: Mapping[str, list[str]],
    arrays: Mapping[str, AnyArray],
) -> None:
    """Check every shape against the sizes that the arrays before it set."""
    sizes: dict[str, tuple[int, str]] = {}
    for field, spec in specs.items():
        for name in names[field] or ([spec.default] if spec.default else []):
            _check_shape(where, name, spec.axes, arrays[name].shape, sizes)


def _check_shape(
    where: str,
    name: str,
    axes: tuple[str, ...],
    shape: tuple[int, ...],
    sizes: dict[str, tuple[int, str]],
) -> None:
    open_end = axes[-1] == "..."
    letters = axes[:-1] if open_end else axes
    fits = len(shape) > len(letters) if open_end else len(shape) == len(letters)
    wanted = [str(sizes[axis][0]) if axis in sizes else axis for axis in axes]
    if not fits or any(
        text.isdigit() and int(text) != size for text, size in zip(wanted, shape, strict=False)
    ):
        origins = [
            f"{axis} = {sizes[axis][0]} in {sizes[axis][1]}" for axis in axes if axis in sizes
        ]
        raise ImprintError(
            f"{where}: {name} has shape {list(shape)}, expected [{', '.join(wanted)}]"
            + (f" ({', '.join(origins)})" if origins else "")
        )
    if 0 in shape:
        raise ImprintError(f"{where}: {name} is empty, its shape is {list(shape)}")
    for axis, size in zip(letters, shape, strict=False):
        if axis != "_" and not axis.isdigit():
            sizes.setdefault(axis, (size, name))


def _value(where: str, spec: Array, names: Sequence[str], arrays: Mapping[str, AnyArray]) -> Any:
    if spec.is_open_ended:
        cut = len(spec.name) - 1
        return {name[cut:]: _converted(where, name, spec, arrays[name]) for name in names}
    if names or spec.default:
        name = names[0] if names else spec.default
        return _converted(where, name, spec, arrays[name])
    return None


def _converted(where: str, name: str, spec: Array, values: AnyArray) -> AnyArray:
    if isinstance(values, StoredArray):
        return values.converted(
            lambda row, number: _converted_values(where, f"{name}[{number}]", spec, row)
        )
    return _converted_values(where, name, spec, values)


def _converted_values(where: str, name: str, spec: Array, values: NDArray[Any]) -> NDArray[Any]:
    if spec.kind == "flag":
        return _flags(where, name, values)
    if spec.kind == "float" and values.dtype.kind != "f":
        raise ImprintError(
            f"{where}: {name} holds {values.dtype}: {spec.remedy or 'save it as floats'}"
        )
    _check_numbers(where, name, values)
    if spec.kind in ("whole", "label"):
        return _whole(where, name, values, spec.kind == "label")
    if spec.largest < np.inf and float(np.abs(values).max()) > spec.largest:
        place = np.unravel_index(int(np.abs(values).argmax()), values.shape)
        raise ImprintError(
            f"{where}: {_item(name, place)} is {values[place]:g}, beyond {spec.largest:g}: "
            f"{spec.remedy or 'clip it, or leave that record out'}"
        )
    if spec.dtype is None:
        return values
    with np.errstate(over="ignore"):
        converted = values.astype(spec.dtype)
    if not np.isfinite(converted).all():
        raise ImprintError(f"{where}: {name} holds numbers beyond {spec.dtype}: clip them")
    return converted


def _check_numbers(where: str, name: str, array: NDArray[Any]) -> None:
    """Check that an array holds finite numbers.

    Raises:
        ImprintError: it holds something else; the message says where.
    """
    if array.dtype.kind not in "fiu":
        raise ImprintError(f"{where}: {name} must hold numbers, not {array.dtype}")
    if not np.isfinite(array).all():
        place = tuple(np.argwhere(~np.isfinite(array))[0])
        raise ImprintError(
            f"{where}: {_item(name, place)} is {array[place]}: leave that record out, or clip it"
        )


def _flags(where: str, name: str, array: NDArray[Any]) -> BoolArray:
    """Return an array of bool, or of 0 and 1, as bool.

    Raises:
        ImprintError: it holds something else.
    """
    if array.dtype == np.bool_:
        return array
    if array.dtype.kind not in "iuf" or not ((array == 0) | (array == 1)).all():
        raise ImprintError(f"{where}: {name} must be bool, or 0 and 1")
    return array.astype(np.bool_)


def _whole(where: str, name: str, values: NDArray[Any], is_label: bool) -> IntArray:
    lowest, allowed = (0, "from 0") if is_label else (-(2**63), "of 64 bits")
    if values.dtype.kind == "f":
        bad = (values != values.round()) | (np.abs(values) >= EXACT_INTEGERS)
    else:
        bad = np.zeros(values.shape, dtype=bool)
    bad |= (values < lowest) | (values > np.iinfo(np.int64).max)
    if bad.any():
        place = tuple(np.argwhere(bad)[0])
        raise ImprintError(
            f"{where}: {_item(name, place)} is {values[place]}: {name} must hold whole numbers "
            f"{allowed}" + ", floats below 2^53" * (values.dtype.kind == "f")
        )
    return values.astype(np.int64)


def _item(name: str, place: Sequence[Any]) -> str:
    return f"{name}[{', '.join(str(int(axis)) for axis in place)}]"
