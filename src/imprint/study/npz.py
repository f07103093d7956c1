"""Arrays that a user saved with ``numpy.savez``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imprint.core.errors import ImprintError
from imprint.reading import array_files as reading

Arrays = dict[str, NDArray[Any]]


def read_npz(
    file: Path, required: tuple[str, ...], optional: tuple[str, ...], open_ended: str = ""
) -> Arrays:
    """Return the arrays of a file by name.

    Args:
        file: an ``.npz`` file of plain arrays.
        required: names that must be there.
        optional: names that may be there.
        open_ended: when not empty, every name that starts so may be there.

    Raises:
        ImprintError: no such file, damaged or not ``.npz``, a missing or an unknown name.
    """
    arrays = read_any_npz(file)
    for name in required:
        if name not in arrays:
            raise ImprintError(f"{file} has no array {name!r}; it needs {', '.join(required)}")
    known = (*required, *optional)
    for name in arrays:
        if name not in known and not (open_ended and name.startswith(open_ended)):
            raise ImprintError(f"{file}: unknown array {name!r}; known are {', '.join(known)}")
    return arrays


def read_any_npz(file: Path) -> Arrays:
    """Return the arrays of a file by name, in their order there, whatever they are called.

    Raises:
        ImprintError: no such file, damaged or not ``.npz``.
    """
    if not file.exists():
        raise ImprintError(f"no arrays at {file}: check the path")
    try:
        return reading.read_npz(file)
    except OSError as error:
        raise ImprintError(f"cannot read the arrays {file}: {error.strerror}") from error


def numbers(file: Path | str, name: str, array: NDArray[Any]) -> NDArray[np.float64]:
    """Return an array as finite float64.

    Raises:
        ImprintError: it holds something else; the message says where.
    """
    check_numbers(file, name, array)
    with np.errstate(over="ignore"):
        values = array.astype(np.float64)
    if not np.isfinite(values).all():
        raise ImprintError(f"{file}: {name} holds numbers beyond float64: clip them")
    return values


def check_numbers(file: Path | str, name: str, array: NDArray[Any]) -> None:
    """Check that an array holds finite numbers.

    Raises:
        ImprintError: it holds something else; the message says where.
    """
    if array.dtype.kind not in "fiu":
        raise ImprintError(f"{file}: {name} must hold numbers, not {array.dtype}")
    if not np.isfinite(array).all():
        place = np.argwhere(~np.isfinite(array))[0]
        where = ", ".join(map(str, place))
        raise ImprintError(
            f"{file}: {name}[{where}] is {array[tuple(place)]}: leave that record out, or clip it"
        )


def flags(file: Path | str, name: str, array: NDArray[Any]) -> NDArray[np.bool_]:
    """Return an array of bool, or of 0 and 1, as bool.

    Raises:
        ImprintError: it holds something else.
    """
    if array.dtype.kind not in "biuf" or not np.isin(array, (0, 1)).all():
        raise ImprintError(f"{file}: {name} must be bool, or 0 and 1")
    return array.astype(np.bool_)
