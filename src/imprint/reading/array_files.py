"""Arrays of NumPy, ``.npy`` and ``.npz``: the header is checked against the file before memory is.

A header promises a shape, and the reader of NumPy takes memory for it before it looks for the
values; a compressed archive of a kilobyte can hold a gigabyte of zeros. Here an array must have
exactly the bytes that its header promises, and an archive may unpack to
:data:`UNPACKED_ALLOWANCE` + :data:`MAX_RATIO` × its size. Nothing is unpickled.
"""

from __future__ import annotations

import io
import math
import zipfile
from collections.abc import Collection
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from imprint.reading.regular import UnreadableFile, check_regular, open_regular

UNPACKED_ALLOWANCE = 128 << 20
"""Bytes that an archive of any size may unpack to."""
MAX_RATIO = 100
"""How often its own size an archive may unpack to, beside the allowance."""
MAX_EMPTY_AXIS = 1_000_000
"""Longest axis of an array without bytes: its header alone would let anything be counted."""
MAX_MEMBERS = 20_000

_MAGIC = b"\x93NUMPY"
_PLAIN = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


def read_npy(path: Path) -> NDArray[Any]:
    """Return the array in an ``.npy`` file.

    Raises:
        OSError: it is missing or may not be read.
        UnreadableFile: it is damaged, another kind of file, or holds objects.
    """
    size = check_regular(path).st_size
    with open_regular(path) as file:
        try:
            _check_array(file, size)
            file.seek(0)
            return np.asarray(npy.read_array(file, allow_pickle=False))
        except Exception as error:  # a damaged header raises nearly anything
            raise UnreadableFile(
                f"{path} is not an .npy file of numbers or text ({_reason(error)}): save it with "
                "np.save"
            ) from error


def npy_layout(path: Path) -> tuple[tuple[int, ...], np.dtype[Any], int]:
    """Return shape, type and offset of the values in an ``.npy`` file, which is not read.

    Raises:
        OSError: it is missing or may not be read.
        UnreadableFile: it is damaged, another kind of file, holds objects, or is in Fortran order.
    """
    size = check_regular(path).st_size
    with open_regular(path) as file:
        try:
            shape, is_fortran, dtype = _check_array(file, size)
            if is_fortran and len(shape) > 1:
                raise ValueError("it is in Fortran order: save np.ascontiguousarray of it")
            return shape, dtype, file.tell()
        except Exception as error:  # a damaged header raises nearly anything
            raise UnreadableFile(
                f"{path} is not an .npy file of numbers or text ({_reason(error)}): save it with "
                "np.save"
            ) from error


def arrays_in(content: bytes) -> list[NDArray[Any]]:
    """Return the arrays that ``np.save`` wrote one after another, copies.

    Raises:
        ValueError: the content is anything else, or holds objects or more than
            :data:`MAX_MEMBERS` arrays.
    """
    stream, arrays = io.BytesIO(content), list[NDArray[Any]]()
    try:
        while stream.tell() < len(content):
            if len(arrays) == MAX_MEMBERS:
                raise ValueError("it holds too many arrays")
            shape, is_fortran, dtype = _header(stream)
            start, count = stream.tell(), math.prod(shape)
            values = np.frombuffer(content, dtype, count, start) if count else np.empty(0, dtype)
            arrays.append(values.reshape(shape, order="F" if is_fortran else "C").copy())
            stream.seek(start + values.nbytes)
    except Exception as error:  # a damaged header raises nearly anything
        raise ValueError(_reason(error)) from error
    return arrays


def read_npz(path: Path, names: Collection[str] | None = None) -> dict[str, NDArray[Any]]:
    """Return arrays of an ``.npz`` file by name, in their order there.

    Args:
        path: of the file.
        names: which arrays to read, where they are there; None for all.

    Raises:
        OSError: it is missing or may not be read.
        UnreadableFile: it is damaged, another kind of file, holds objects, or unpacks to more than
            the allowance.
    """
    size = check_regular(path).st_size
    with open_regular(path) as file:
        _check_is_archive(path, file)
        try:
            with zipfile.ZipFile(file) as archive:
                members = _members(path, archive, size)
                return {
                    name: _read_member(name, archive, member)
                    for name, member in members.items()
                    if names is None or name in names
                }
        except UnreadableFile:
            raise
        except Exception as error:  # zipfile raises nearly anything on a damaged archive
            raise UnreadableFile(
                f"{path} is not an .npz file of plain arrays ({_reason(error)}): save numbers with "
                "np.savez"
            ) from error


def npz_checksums(path: Path) -> list[list[str | int]]:
    """Return name and CRC-32 of every array of an ``.npz`` file, from its directory alone.

    Raises:
        OSError: it is missing or may not be read.
        UnreadableFile: it is damaged or another kind of file.
    """
    size = check_regular(path).st_size
    with open_regular(path) as file:
        _check_is_archive(path, file)
        try:
            with zipfile.ZipFile(file) as archive:
                members = _members(path, archive, size).values()
                return [[member.filename, member.CRC] for member in members]
        except UnreadableFile:
            raise
        except Exception as error:
            raise UnreadableFile(f"{path} is not an .npz file ({error}): write it again") from error


def _check_is_archive(path: Path, file: IO[bytes]) -> None:
    beginning = file.read(len(_MAGIC))
    file.seek(0)
    if not zipfile.is_zipfile(file):
        what = "it holds one array" if beginning == _MAGIC else "it is another kind of file"
        raise UnreadableFile(
            f"{path} is not an .npz file of plain arrays, {what}: save them with np.savez"
        )
    file.seek(0)


def _members(path: Path, archive: zipfile.ZipFile, size: int) -> dict[str, zipfile.ZipInfo]:
    members = {member.filename.removesuffix(".npy"): member for member in archive.infolist()}
    unpacked = sum(member.file_size for member in members.values())
    packed = sum(member.compress_size for member in members.values())
    if len(archive.infolist()) > MAX_MEMBERS or len(members) < len(archive.infolist()):
        raise UnreadableFile(
            f"{path} holds {len(archive.infolist())} arrays, some under one name or too many: "
            "write it again with np.savez"
        )
    if packed > size or unpacked > UNPACKED_ALLOWANCE + MAX_RATIO * size:
        raise UnreadableFile(
            f"{path} has {size:,} bytes and would unpack to {unpacked:,}: where you trust it, save "
            "its arrays uncompressed with np.savez"
        )
    if any(member.compress_type not in _PLAIN for member in members.values()):
        raise UnreadableFile(f"{path} is packed by another method: write it with np.savez")
    return members


def _read_member(name: str, archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> NDArray[Any]:
    try:
        with archive.open(member) as stream:
            _check_array(stream, member.file_size)
        with archive.open(member) as stream:
            return np.asarray(npy.read_array(stream, allow_pickle=False))
    except Exception as error:
        raise ValueError(f"{name}: {_reason(error)}") from error


def _check_array(stream: IO[bytes], size: int) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Check that a stream of ``size`` bytes holds what the header of its array promises.

    Returns:
        shape, whether it is in Fortran order, and type; the stream stands at the values.

    Raises:
        ValueError: it does not, or the array is one of objects.
    """
    shape, is_fortran, dtype = _header(stream)
    promised = math.prod(shape) * dtype.itemsize
    available = size - stream.tell()
    if promised != available:
        raise ValueError(f"its header promises {promised:,} bytes, and {available:,} follow")
    return shape, is_fortran, dtype


def _header(stream: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Return shape, whether it is in Fortran order, and type; the stream stands at the values.

    Raises:
        ValueError: the array is one of objects, or has no shape.
    """
    version = npy.read_magic(stream)
    readers = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
    if version not in readers:
        raise ValueError(f"its format has the unknown version {version}")
    shape, is_fortran, dtype = readers[version](stream)
    if dtype.hasobject:
        raise ValueError("it holds pickled objects, which could run code")
    promised = math.prod(shape) * dtype.itemsize
    if min(shape, default=0) < 0 or (promised == 0 and max(shape, default=0) > MAX_EMPTY_AXIS):
        raise ValueError(f"its shape is {list(shape)}, without a value")
    return shape, is_fortran, dtype


def _reason(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
