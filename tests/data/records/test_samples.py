"""Data sets, loaders and streams, record by record."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset, IterableDataset, Subset, TensorDataset

from imprint.core.errors import ImprintError
from imprint.data.records import samples
from imprint.data.records.open_records import as_records
from imprint.data.records.records import Records
from imprint.data.records.samples import SampleRows

X = torch.arange(12.0).reshape(6, 2)
Y = torch.tensor([0, 1, 2, 0, 1, 2])


class Pairs(Dataset[Any]):
    """Counts how often it is read."""

    def __init__(self) -> None:
        self.reads = 0

    def __len__(self) -> int:
        return len(X)

    def __getitem__(self, row: int) -> Any:
        self.reads += 1
        return X[row], int(Y[row])


class Endless(IterableDataset[Any]):
    def __iter__(self) -> Iterator[Any]:
        while True:
            yield X[0], 0


def flat(batch: list[Any]) -> Any:
    return {"input_ids": torch.stack([x for x, _ in batch]).long(), "labels": [y for _, y in batch]}


def check(records: Records) -> None:
    assert records.targets is not None
    assert np.array_equal(records.inputs.read(np.arange(6)), X.numpy())
    assert records.targets.tolist() == Y.tolist()


@pytest.mark.parametrize(
    "source",
    [
        TensorDataset(X, Y),
        Subset(TensorDataset(X, Y), range(6)),
        Subset(Pairs(), range(6)),
        Pairs(),
        DataLoader(Pairs(), batch_size=4, shuffle=True),
        DataLoader(Pairs(), batch_size=4, shuffle=True, collate_fn=flat),
        [(x.numpy(), int(y)) for x, y in zip(X, Y, strict=True)],
        [{"inputs": x, "label": int(y)} for x, y in zip(X, Y, strict=True)],
    ],
)
def test_every_source_gives_the_same_records_in_order(source: Any) -> None:
    check(as_records(source))


def test_streams_are_collected() -> None:
    check(as_records(iter([(x, int(y)) for x, y in zip(X, Y, strict=True)])))


def test_each_sample_is_read_once() -> None:
    source = Pairs()
    records = as_records(source)
    records.inputs.read(np.arange(6))
    assert source.reads <= 7  # the first also tells the shape


def test_inputs_beyond_the_bound_are_read_when_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = as_records(Pairs())
    monkeypatch.setattr(samples, "MAX_DENSE_BYTES", 8)
    lazy = as_records(Pairs())
    assert isinstance(lazy.inputs, SampleRows)
    check(lazy)
    assert lazy.fingerprint() == as_records(Pairs()).fingerprint()
    assert kept.inputs.shape == lazy.inputs.shape


def test_endless_stream_stops_at_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(samples, "MAX_STREAMED", 100)
    with pytest.raises(ImprintError, match="stream of more than 100 records"):
        as_records(Endless())
    with pytest.raises(ImprintError, match="stream of more than 100 records"):
        as_records(DataLoader(Endless(), batch_size=7))


def test_pictures_become_squares_of_the_models_size() -> None:
    pictures = [(Image.new("RGB", (20 + row, 12), (row, 0, 0)), row % 2) for row in range(4)]
    records = as_records(iter(pictures), image_size=8)
    assert records.inputs.shape == (3, 8, 8)
    assert records.inputs.dtype == np.uint8
    assert records.images is not None
    with pytest.raises(ImprintError, match="say image_size for pictures"):
        as_records(iter(pictures))


class Broken(Pairs):
    def __getitem__(self, row: int) -> Any:
        if row == 3:
            raise OSError("no such picture")
        return super().__getitem__(row)


class Ragged(Pairs):
    def __getitem__(self, row: int) -> Any:
        return list(range(row + 1)), 0


class Words(Pairs):
    def __getitem__(self, row: int) -> Any:
        return "a sentence", 0


class Holes(Pairs):
    def __getitem__(self, row: int) -> Any:
        return X[row], None if row == 2 else 0


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (Broken(), "reading record 3 failed with OSError: no such picture"),
        (Ragged(), r"record 1 of records has shape \[2\] and record 0 \[1\]"),
        (Words(), "token ids"),
        (Holes(), "missing in 1 records, first in record 2"),
        (iter([]), "ended before the first record"),
    ],
)
def test_bad_data_sets_are_one_sentence(source: Any, said: str) -> None:
    with pytest.raises(ImprintError, match=said):
        as_records(source)


def test_data_set_of_endless_length_is_refused() -> None:
    class Long(Pairs):
        def __len__(self) -> int:
            return 10**12

    with pytest.raises(ImprintError, match="give a part of it"):
        as_records(Long())
