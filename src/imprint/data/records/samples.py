"""One record after the other, from data sets and streams: pairs, mappings, pictures."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imprint.core.arrays import IntArray
from imprint.core.errors import ImprintError, named_reason
from imprint.core.progress import track
from imprint.core.user_arrays import as_array
from imprint.core.user_types import is_of
from imprint.data.records.checks import MAX_DENSE_BYTES, as_inputs
from imprint.data.records.records import ArrayRows, Rows
from imprint.data.records.source import Content, Reading
from imprint.data.records.sources.mapping import GROUPS, INPUTS, TARGETS, first_of
from imprint.study.hashing import hash_json

MAX_STREAMED = 1_000_000
"""Records that are taken from a stream, whose end is not known."""

MAX_COUNTED = 10_000_000
"""Records of a data set, all of which are read one by one."""

ReadSample = Callable[[int], Any]


@dataclass(frozen=True, eq=False)
class Sample:
    """One record.

    Attributes:
        inputs: of the model, an array ``[…]``.
        target: number, text or array; None for none.
        group: None for none.
    """

    inputs: NDArray[Any]
    target: Any = None
    group: Any = None


@dataclass(frozen=True, eq=False)
class SampleRows:
    """Inputs that are read one by one when they are asked for.

    Attributes:
        read_sample: returns the sample at a place.
        reading: how to read it.
        count: number of inputs.
        shape: of one input.
        dtype: of its numbers.
        digest: hash of all inputs.
    """

    read_sample: ReadSample
    reading: Reading
    count: int
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    digest: str

    def __len__(self) -> int:
        return self.count

    def read(self, rows: IntArray) -> NDArray[Any]:
        """Return some inputs ``[b, …]``."""
        inputs = np.empty((len(rows), *self.shape), dtype=self.dtype)
        for place, row in enumerate(rows.tolist()):
            sample = _sample_at(self.read_sample, row, self.reading)
            inputs[place] = _of_shape(sample.inputs, self.shape, row, self.reading.name)
        return inputs

    def fingerprint(self) -> str:
        """Return the hash of all inputs."""
        return self.digest


def collect(read_sample: ReadSample, count: int, reading: Reading) -> Content:
    """Return the samples of a data set, each read once.

    Inputs of up to :data:`MAX_DENSE_BYTES` are kept in memory, so that a random augmentation is
    drawn once; beyond, they are read again whenever they are asked for.

    Args:
        read_sample: returns the sample at a place.
        count: of samples.
        reading: what the user says.

    Raises:
        ImprintError: a sample that cannot be read, or of another shape than the first.
    """
    if count < 1:
        raise ImprintError(f"there are no {reading.name}: give at least one")
    if count > MAX_COUNTED:
        raise ImprintError(
            f"{reading.name} are a data set of {count} records, more than {MAX_COUNTED}: give a "
            "part of it, such as torch.utils.data.Subset"
        )
    first = _sample_at(read_sample, 0, reading)
    size = first.inputs.nbytes * count
    kept = size <= MAX_DENSE_BYTES
    inputs = np.empty((count if kept else 1, *first.inputs.shape), dtype=first.inputs.dtype)
    digests: list[str] = []
    targets: list[Any] = []
    groups: list[Any] = []
    for row in track(range(count), f"read {reading.name}", count, "record"):
        sample = first if row == 0 else _sample_at(read_sample, row, reading)
        place = row if kept else 0
        inputs[place] = _of_shape(sample.inputs, first.inputs.shape, row, reading.name)
        if not kept:
            digests.append(hash_row(inputs[place]))
        targets.append(sample.target)
        groups.append(sample.group)
    if kept:
        rows: Rows = ArrayRows(as_inputs(inputs, reading.name))
    else:
        as_inputs(inputs, reading.name)
        shape, dtype = first.inputs.shape, first.inputs.dtype
        rows = SampleRows(read_sample, reading, count, shape, dtype, hash_json(digests))
    return _content(rows, targets, groups, reading)


def collect_stream(samples: Iterable[Any], reading: Reading) -> Content:
    """Return the samples of a stream, in memory.

    Raises:
        ImprintError: it goes on beyond :data:`MAX_STREAMED` records or :data:`MAX_DENSE_BYTES`
            bytes, fails, or gives samples of several shapes.
    """
    inputs: list[NDArray[Any]] = []
    targets: list[Any] = []
    groups: list[Any] = []
    size = 0
    for row, raw in enumerate(_from_stream(samples, reading.name)):
        sample = as_sample(raw, reading, row)
        size += sample.inputs.nbytes
        if row >= MAX_STREAMED or size > MAX_DENSE_BYTES:
            raise ImprintError(
                f"{reading.name} come from a stream of more than {row} records or "
                f"{MAX_DENSE_BYTES / 2**30:.0f} GiB: give a data set with a length, or fewer"
            )
        shape = inputs[0].shape if inputs else sample.inputs.shape
        inputs.append(_of_shape(sample.inputs, shape, row, reading.name))
        targets.append(sample.target)
        groups.append(sample.group)
    if not inputs:
        raise ImprintError(f"there are no {reading.name}: the stream ended before the first record")
    return _content(ArrayRows(as_inputs(np.stack(inputs), reading.name)), targets, groups, reading)


def as_sample(raw: Any, reading: Reading, row: int) -> Sample:
    """Return a sample: a pair (inputs, target), a mapping, or inputs alone.

    Raises:
        ImprintError: it holds no inputs, or inputs that are no array.
    """
    if isinstance(raw, Mapping):
        key = first_of(INPUTS, raw)
        if not key:
            raise ImprintError(
                f"record {row} of {reading.name} has no entry named inputs or image: it has "
                + ", ".join(map(str, raw))
            )
        target = reading.target or first_of(TARGETS, raw)
        group = reading.group or first_of(GROUPS, raw)
        wanted = raw.get(target) if target and not reading.apart else None
        return Sample(_inputs(raw[key], reading, row), wanted, raw.get(group) if group else None)
    if isinstance(raw, tuple | list) and len(raw) >= 2 and not _is_row(raw):
        return Sample(_inputs(raw[0], reading, row), None if reading.apart else raw[1])
    if isinstance(raw, tuple | list) and len(raw) == 1:
        return Sample(_inputs(raw[0], reading, row))
    return Sample(_inputs(raw, reading, row))


def hash_row(values: NDArray[Any]) -> str:
    """Return a hash of one input."""
    import hashlib

    return hashlib.blake2b(np.ascontiguousarray(values).data, digest_size=16).hexdigest()


def _is_row(raw: tuple[Any, ...] | list[Any]) -> bool:
    """Return whether a list holds the numbers of one input, and not an input with its target."""
    return isinstance(raw, list) and all(isinstance(value, int | float) for value in raw)


def _inputs(value: Any, reading: Reading, row: int) -> NDArray[Any]:
    if is_of(value, "PIL:Image"):
        return _picture(value, reading.image_size)
    array = as_array(value, f"record {row} of {reading.name}")
    if array.dtype.kind not in "biuf":
        what = "text" if array.dtype.kind in "US" else "no numbers"
        raise ImprintError(
            f"record {row} of {reading.name} holds {what} ({array.dtype}): give the numbers that "
            "the model takes, for text its token ids, padded to one length"
        )
    return array


def _picture(image: Any, size: int | None) -> NDArray[np.uint8]:
    """Return a picture of Pillow as uint8 ``[C, H, W]``, its centre square of the model's size."""
    from imprint.data.encoded.decode import square, to_array
    from imprint.data.geometry import centre_squares, whole_rectangles

    plain = image.convert("L" if image.mode in ("1", "L") else "RGB")
    if size is None:
        return to_array(plain)
    rectangle = centre_squares(whole_rectangles([plain.size]))[0]
    return square(plain, rectangle, size, "a picture")


def _of_shape(inputs: NDArray[Any], shape: tuple[int, ...], row: int, name: str) -> NDArray[Any]:
    if inputs.shape != shape:
        raise ImprintError(
            f"record {row} of {name} has shape {list(inputs.shape)} and record 0 {list(shape)}: "
            "give inputs of one shape (pad token ids, say image_size for pictures)"
        )
    return inputs


def _sample_at(read_sample: ReadSample, row: int, reading: Reading) -> Sample:
    try:
        raw = read_sample(row)
    except ImprintError:
        raise
    except Exception as error:  # a user's data set may raise anything
        raise _failed(reading.name, row, error) from error
    return as_sample(raw, reading, row)


def _from_stream(samples: Iterable[Any], name: str) -> Iterator[Any]:
    row = 0
    iterator = iter(samples)
    while True:
        try:
            sample = next(iterator)
        except StopIteration:
            return
        except ImprintError:
            raise
        except Exception as error:  # a user's stream may raise anything
            raise _failed(name, row, error) from error
        yield sample
        row += 1


def _failed(name: str, row: int, error: Exception) -> ImprintError:
    return ImprintError(f"{name}: reading record {row} failed with {named_reason(error)}")


def _content(rows: Rows, targets: list[Any], groups: list[Any], reading: Reading) -> Content:
    return Content(
        rows,
        _column(targets, f"targets of {reading.name}"),
        groups=_column(groups, f"groups of {reading.name}"),
    )


def _column(values: list[Any], name: str) -> NDArray[Any] | None:
    empty = sum(value is None for value in values)
    if empty == len(values):
        return None
    if empty:
        row = next(row for row, value in enumerate(values) if value is None)
        raise ImprintError(f"{name} are missing in {empty} records, first in record {row}")
    return as_array([as_array(value, name) for value in values], name)
