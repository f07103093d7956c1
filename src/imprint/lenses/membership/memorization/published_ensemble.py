"""The files of an ensemble as Feldman and Zhang released them.

``RUN/aux_arrays.npz`` of every model holds

    subsample_idx                         records that the model was trained on
    index_{train,removed,test}            what each entry of the next belongs to
    correctness_{train,removed,test}      whether the model gets it right

``train`` and ``removed`` together are the whole training set. Entries stand in the order in which
they were read, so every one is put where its index says. Nothing is unpickled.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imprint.core.arrays import BoolArray, IntArray
from imprint.core.errors import ImprintError
from imprint.core.progress import track
from imprint.lenses.membership.memorization.ensemble import ModelEnsemble, pack
from imprint.reading.array_files import npz_checksums, read_npz

FILE = "aux_arrays.npz"


@dataclass(frozen=True)
class ModelRun:
    """One model, everything in the order of indices.

    Attributes:
        members: bool ``[N]``, records that it was trained on.
        correct: bool ``[N]``, records that it gets right.
        test_correct: bool ``[q]``, test examples that it gets right.
    """

    members: BoolArray
    correct: BoolArray
    test_correct: BoolArray


def find_runs(folder: Path) -> list[Path]:
    """Return the files ``folder/RUN/aux_arrays.npz``, runs of a number in the order of numbers.

    Raises:
        ImprintError: there are fewer than two.
    """
    files = sorted(folder.glob(f"*/{FILE}"), key=lambda path: _by_number(path.parent.name))
    if len(files) < 2:
        raise ImprintError(
            f"{folder} holds {len(files)} runs: expected {folder}/RUN/{FILE}, and at least two"
        )
    return files


def _by_number(name: str) -> tuple[int, int, str]:
    return (0, int(name), "") if name.isdecimal() else (1, 0, name)


def read_ensemble(files: Sequence[Path]) -> ModelEnsemble:
    """Read the runs of an ensemble, one after another.

    Args:
        files: as :func:`find_runs` gives them.

    Raises:
        ImprintError: as :func:`read_run`, or runs differ in their number of records or of test
            examples.
    """
    first = read_run(files[0])
    records, tests = len(first.members), len(first.test_correct)
    members = np.empty((len(files), -(-records // 8)), dtype=np.uint8)
    correct = np.empty_like(members)
    test_correct = np.empty((len(files), tests), dtype=np.bool_)
    for row, file in enumerate(track(files, "read runs", len(files), "run")):
        run = first if row == 0 else read_run(file)
        if (len(run.members), len(run.test_correct)) != (records, tests):
            raise ImprintError(
                f"{file} is of {len(run.members)} records and {len(run.test_correct)} test "
                f"examples, but {files[0]} of {records} and {tests}: give runs on the same data"
            )
        members[row], correct[row] = pack(run.members), pack(run.correct)
        test_correct[row] = run.test_correct
    names = tuple(file.parent.name for file in files)
    return ModelEnsemble(names, records, members, correct, test_correct)


def read_run(file: Path) -> ModelRun:
    """Read one ``aux_arrays.npz``.

    Raises:
        ImprintError: it is no ``.npz`` of plain arrays, an array is missing or does not fit, train
            and removed are not the whole training set, or the model was trained on others.
    """
    arrays = _read(file)
    train, removed = arrays["index_train"], arrays["index_removed"]
    index = np.concatenate([train, removed])
    if not len(index) or not len(arrays["index_test"]):
        raise ImprintError(
            f"{file} is of {len(index)} records and {len(arrays['index_test'])} test examples: "
            "it needs both"
        )
    correct = _scatter(
        file,
        index,
        np.concatenate([arrays["correctness_train"], arrays["correctness_removed"]]),
        "index_train and index_removed together",
    )
    test_correct = _scatter(file, arrays["index_test"], arrays["correctness_test"], "index_test")
    members = np.zeros(len(index), dtype=np.bool_)
    members[train] = True
    subset = arrays["subsample_idx"]
    if len(subset) != len(train) or not _within(subset, len(index)) or not members[subset].all():
        raise ImprintError(
            f"{file}: subsample_idx ({len(subset)} records) and index_train ({len(train)}) do not "
            "name the same records: one of them is not of this run"
        )
    return ModelRun(members, correct, test_correct)


def _read(file: Path) -> dict[str, NDArray[Any]]:
    """Return the seven arrays, indices as int64 and correctness as bool."""
    try:
        stored = read_npz(file)
    except OSError as error:
        raise ImprintError(f"no run at {file} ({error.strerror}): check the path") from None
    arrays: dict[str, NDArray[Any]] = {"subsample_idx": _indices(file, "subsample_idx", stored)}
    for part in ("train", "removed", "test"):
        index = _indices(file, f"index_{part}", stored)
        correct = _flags(file, f"correctness_{part}", stored)
        if len(index) != len(correct):
            raise ImprintError(
                f"{file}: index_{part} has {len(index)} entries and correctness_{part} "
                f"{len(correct)}: both must have one entry per record"
            )
        arrays |= {f"index_{part}": index, f"correctness_{part}": correct}
    return arrays


def _named(file: Path, name: str, arrays: Mapping[str, NDArray[Any]]) -> NDArray[Any]:
    if name not in arrays:
        raise ImprintError(f"{file} has no array {name}: it holds {', '.join(sorted(arrays))}")
    if arrays[name].ndim != 1:
        raise ImprintError(f"{file}: {name} is {list(arrays[name].shape)}: it must have one axis")
    return arrays[name]


def _indices(file: Path, name: str, arrays: Mapping[str, NDArray[Any]]) -> IntArray:
    array = _named(file, name, arrays)
    if array.dtype.kind not in "iu":
        raise ImprintError(f"{file}: {name} must hold integers, not {array.dtype}")
    return array.astype(np.int64, copy=False)


def _flags(file: Path, name: str, arrays: Mapping[str, NDArray[Any]]) -> BoolArray:
    array = _named(file, name, arrays)
    if array.dtype.kind not in "biuf" or not np.isin(array, (0, 1)).all():
        raise ImprintError(f"{file}: {name} must be true or false, not {array.dtype}")
    return array.astype(np.bool_, copy=False)


def _scatter(file: Path, index: IntArray, values: BoolArray, what: str) -> BoolArray:
    """Return ``values`` in the order of indices, which must be 0 … n − 1, each once."""
    count = len(index)
    times = np.bincount(index, minlength=count) if _within(index, count) else None
    if times is None or not (times == 1).all():
        if times is None:
            fault = f"{index.min()} to {index.max()}"
        else:
            fault = f"{np.flatnonzero(times != 1)[0]} is there {times[times != 1][0]} times"
        raise ImprintError(
            f"{file}: {what} must be every index from 0 to {count - 1} once, but {fault}"
        )
    placed = np.empty(count, dtype=np.bool_)
    placed[index] = values
    return placed


def _within(index: IntArray, count: int) -> bool:
    return len(index) == 0 or (index.min() >= 0 and index.max() < count)


def checksums(file: Path) -> list[list[str | int]]:
    """Return name and CRC-32 of every array of an ``.npz`` file, from its directory alone.

    Raises:
        ImprintError: the file is none.
    """
    try:
        return npz_checksums(file)
    except OSError as error:
        raise ImprintError(f"cannot read {file} ({error.strerror}): give an .npz file") from error
