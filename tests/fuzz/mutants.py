"""Mutants of valid files: bytes flipped, cut, moved and spliced; values of another type or size."""

from __future__ import annotations

import copy
import io
import json
from collections.abc import Callable

import numpy as np

Random = np.random.Generator
Mutate = Callable[[bytes, Random], bytes]

EXTREMES = (b"\0", b"\xff", b"\x7f", b"\x80", b"\xff\xff\xff\xff", b"\xff\xff\xff\x7f", b"\0" * 8)
PIECES = (b"\n", b",", b'"', b"<a>", b"[" * 50, b"{", b"}", b"nan", b"1e999", b"-1", b"\x1b[2J")
VALUES = (
    None, True, False, 0, -1, 1, 10**12, -(10**30), 1e308, 0.5, "", "x" * 300, "nan", "1e999", "é",
    "../../x", "<script>", "a:b", "\x1b[31m", [], {}, [[]], [None], [1, "a"], {"a": {"b": []}},
)  # fmt: skip


def of_bytes(content: bytes, random: Random) -> bytes:
    """Return bytes of which a few are changed, or some removed, repeated or moved."""
    data = bytearray(content)
    for _ in range(int(random.integers(1, 4))):
        at = int(random.integers(len(data) + 1))
        end = min(len(data), at + int(random.integers(1, 64)))
        kind = int(random.integers(8))
        if kind <= 2 and at < len(data):
            data[at] = int(random.integers(256)) if kind else data[at] ^ (1 << random.integers(8))
        elif kind == 3:
            del data[at:end]
        elif kind == 4:
            del data[at:]
        elif kind == 5:
            data[at:at] = data[at:end] * int(random.integers(1, 4))
        elif kind == 6:
            extreme = EXTREMES[random.integers(len(EXTREMES))]
            data[at : at + len(extreme)] = extreme
        else:
            to = int(random.integers(len(data) + 1))
            data[to:to] = data[at:end]
    return bytes(data)


def of_text(content: bytes, random: Random) -> bytes:
    """Return text into which a piece is put, or bytes changed."""
    if random.random() < 0.5:
        return of_bytes(content, random)
    at = int(random.integers(len(content) + 1))
    return content[:at] + PIECES[random.integers(len(PIECES))] + content[at:]


def of_json(content: bytes, random: Random) -> bytes:
    """Return JSON in which a value is another, or a key missing, renamed or there twice."""
    if random.random() < 0.3:
        return of_text(content, random)
    value = json.loads(content)
    places = list(_places(value))
    holder, key = places[random.integers(len(places))]
    kind = int(random.integers(6))
    if kind == 0:
        del holder[key]
    elif kind == 1 and isinstance(holder, dict):
        holder[str(VALUES[random.integers(len(VALUES))])] = holder.pop(key)
    elif kind == 2:
        other, other_key = places[random.integers(len(places))]
        holder[key] = copy.deepcopy(other.get(other_key) if isinstance(other, dict) else other)
    else:
        holder[key] = copy.deepcopy(VALUES[random.integers(len(VALUES))])
    text = json.dumps(value, ensure_ascii=bool(random.integers(2)))
    if kind == 4:
        text = text.replace(": ", ': "a", "a": ', 1)
    return text.encode("utf-8", "surrogatepass")


def of_npz(content: bytes, random: Random) -> bytes:
    """Return an archive in which an array has another type, shape, value or name."""
    if random.random() < 0.3:
        return of_bytes(content, random)
    with np.load(io.BytesIO(content)) as file:
        arrays = dict(file)
    name = list(arrays)[random.integers(len(arrays))]
    kind = int(random.integers(5))
    if kind == 0:
        array = arrays.pop(name)
        if random.integers(2):
            arrays[name + "x"] = array
    elif kind == 1:
        arrays[name] = arrays[list(arrays)[random.integers(len(arrays))]]
    else:
        arrays[name] = _other_array(arrays[name], random)
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def of_npy(content: bytes, random: Random) -> bytes:
    """Return an array of another type, shape or value."""
    if random.random() < 0.3:
        return of_bytes(content, random)
    buffer = io.BytesIO()
    np.save(buffer, _other_array(np.load(io.BytesIO(content)), random))
    return buffer.getvalue()


DTYPES = ("i1", "u1", "i8", "u8", "f2", "f4", "f8", "c16", "?", "S3", "U3", "M8[s]", "V2")
NUMBERS = (np.nan, np.inf, -np.inf, -1, 10**12, 2**63 - 1, -(2**63), 0.5, 1e308, 0)


def _other_array(array: np.ndarray, random: Random) -> np.ndarray:
    kind = int(random.integers(9))
    with np.errstate(all="ignore"):
        if kind == 0:
            return _cast(array, DTYPES[random.integers(len(DTYPES))])
        if kind == 1:
            return array[None]
        if kind == 2:
            return array.T
        if kind == 3:
            return array[:0]
        if kind == 4:
            return array.ravel()[:1].reshape(())
        if kind == 5:
            return np.concatenate([np.atleast_1d(array)] * 2)
        if kind == 6:
            return np.atleast_1d(array)[1:]
        if kind == 7:
            return np.zeros((0, 10**6))
        changed = _cast(array, "f8") if random.integers(2) else array.copy()
        if changed.size and changed.dtype.kind in "iuf":
            number = NUMBERS[random.integers(len(NUMBERS))]
            at = int(random.integers(changed.size))
            changed.flat[at] = np.array(number).astype(changed.dtype)
        return changed


def _cast(array: np.ndarray, dtype: str) -> np.ndarray:
    try:
        return array.astype(dtype)
    except (TypeError, ValueError):
        return np.zeros(array.shape, dtype)


def _places(value: object) -> object:
    """Yield every holder and key in a JSON value."""
    for key in list(value) if isinstance(value, dict) else range(len(value)):
        yield value, key
        if isinstance(value[key], (dict, list)):
            yield from _places(value[key])
