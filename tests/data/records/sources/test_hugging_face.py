"""Data sets of Hugging Face: images, token ids, tables, parts."""

import numpy as np
import pytest
from PIL import Image

from imprint.core.errors import ImprintError
from imprint.data.records.open_records import as_records

datasets = pytest.importorskip("datasets", reason="needs the extra hf")
LABELS = [1, 0, 1]


def made(**columns: object) -> object:
    features = datasets.Features(
        {name: datasets.Dataset.from_dict({name: values}).features[name]
         for name, values in columns.items() if name != "label"}
        | {"label": datasets.ClassLabel(names=["cat", "dog"])}
    )  # fmt: skip
    return datasets.Dataset.from_dict({**columns, "label": LABELS}, features=features)


def test_images_are_squares_of_the_models_size() -> None:
    pictures = [Image.new("RGB", (9 + row, 12), (row, 0, 0)) for row in range(3)]
    records = as_records(made(image=pictures), image_size=8)
    assert (records.inputs.shape, records.classes) == ((3, 8, 8), ("cat", "dog"))
    assert records.inputs.read(np.array([2]))[0, 0].max() == 2
    assert records.images is not None


def test_token_ids_beside_text() -> None:
    records = as_records(made(text=["a", "b", "c"], input_ids=[[1, 2], [3, 4], [5, 0]]))
    assert records.inputs.read(np.arange(3)).tolist() == [[1, 2], [3, 4], [5, 0]]
    assert records.inputs.dtype.kind == "i"
    assert records.targets is not None
    assert records.targets.tolist() == LABELS


def test_columns_of_numbers_are_a_table() -> None:
    records = as_records(made(a=[1, 2, 3], b=[0.5, 1.0, 2.0]))
    assert records.inputs.read(np.arange(3)).tolist() == [[1, 0.5], [2, 1], [3, 2]]


def test_classes_of_the_model_number_the_labels_by_name() -> None:
    records = as_records(made(input_ids=[[1], [2], [3]]), classes=["dog", "cat"])
    assert records.targets is not None
    assert records.targets.tolist() == [0, 1, 0]


def test_parts_text_and_ragged_ids_are_refused() -> None:
    whole = made(input_ids=[[1], [2], [3]])
    with pytest.raises(ImprintError, match="give one of them, such as dataset\\['train'\\]"):
        as_records(datasets.DatasetDict(train=whole, test=whole))
    with pytest.raises(ImprintError, match="column 'text' holds text"):
        as_records(made(text=["a", "b", "c"]))
    with pytest.raises(ImprintError, match="several lengths"):
        as_records(made(input_ids=[[1], [2, 3], [4]]))


def test_stream_is_collected() -> None:
    records = as_records(made(input_ids=[[1], [2], [3]]).to_iterable_dataset())  # type: ignore[attr-defined]
    assert records.inputs.read(np.arange(3)).tolist() == [[1], [2], [3]]
