"""Loaders of PyTorch: their data set in its own order, batches as the loader makes them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from imprint.core.user_arrays import as_array
from imprint.core.user_types import is_of
from imprint.data.records.samples import collect_stream
from imprint.data.records.source import RECORD_SOURCES, Content, Reading, RecordSource
from imprint.data.records.sources.torch_dataset import open_dataset

BATCH = 256


def _open(source: Any, reading: Reading) -> Content:
    dataset = source.dataset
    if is_of(dataset, "torch:IterableDataset"):
        return collect_stream(_unbatched(source), reading)
    if getattr(source.collate_fn, "__name__", "") in ("default_collate", "default_convert"):
        return open_dataset(dataset, reading)
    return collect_stream(_unbatched(_in_order(source)), reading)


def _in_order(loader: Any) -> Iterator[Any]:
    """Yield batches of a loader's data set in order, whatever its sampler."""
    dataset = loader.dataset
    for start in range(0, len(dataset), BATCH):
        rows = range(start, min(start + BATCH, len(dataset)))
        yield loader.collate_fn([dataset[row] for row in rows])


def _unbatched(batches: Any) -> Iterator[Any]:
    """Yield the samples of batches: pairs of arrays, mappings of arrays, or arrays."""
    for batch in batches:
        if isinstance(batch, Mapping):
            columns = {str(key): as_array(value, str(key)) for key, value in batch.items()}
            count = min(map(len, columns.values()), default=0)
            yield from ({key: each[row] for key, each in columns.items()} for row in range(count))
        elif isinstance(batch, tuple | list):
            yield from zip(*(as_array(part, "a batch") for part in batch[:2]), strict=True)
        else:
            yield from as_array(batch, "a batch")


RECORD_SOURCES.register("loader")(
    RecordSource(lambda source: is_of(source, "torch:DataLoader"), _open, 50, "a DataLoader")
)
