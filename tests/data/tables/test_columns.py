"""Which columns are meant, by what datasets says of them, by type and by name."""

from __future__ import annotations

import json

import pyarrow as pa
import pytest

from imprint.core.errors import ImprintError
from imprint.data.tables.columns import Chosen, choose_columns

IMAGE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
INTEGER = pa.int64()
LABEL = {"_type": "ClassLabel", "names": ["a", "b"]}


def columns(fields, features=None, chosen=Chosen()):  # noqa: B008
    metadata = {"huggingface": json.dumps({"info": {"features": features}})} if features else None
    return choose_columns(pa.schema(fields, metadata), chosen, "x.parquet")


def test_types_of_datasets_come_first():
    fields = [("mask", IMAGE), ("photo", IMAGE), ("id", INTEGER), ("kind", INTEGER)]
    made = columns(fields, {"photo": {"_type": "Image"}, "kind": LABEL})
    assert (made.image, made.label, made.classes) == ("photo", "kind", ("a", "b"))
    assert (made.content_leaf, made.path_leaf) == ("photo.bytes", "photo.path")


def test_usual_names_come_next():
    fields = [("image", IMAGE), ("mask", IMAGE), ("fine_label", INTEGER), ("coarse_label", INTEGER)]
    made = columns(fields, {"fine_label": LABEL, "coarse_label": LABEL})
    assert (made.image, made.label) == ("image", "fine_label")
    assert columns(fields, chosen=Chosen(label="coarse_label")).label == "coarse_label"


@pytest.mark.parametrize(
    "kind",
    [pa.binary(), pa.large_binary(), pa.struct([("bytes", pa.binary())])],
)
def test_bytes_alone_do(kind):
    made = columns([("jpg", kind), ("cls", pa.int32()), ("key", pa.string())])
    assert (made.image, made.label, made.path) == ("jpg", "cls", "")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ([("id", INTEGER)], "no column of images: it has id"),
        ([("image", IMAGE)], "no column of labels: it has image"),
        ([("image", IMAGE), ("u", INTEGER), ("v", INTEGER)], "may be the label, u, v"),
        ([("image", IMAGE), ("label", pa.float32())], "no column of labels"),
        ([("image", IMAGE), ("image", IMAGE)], "two columns of one name"),
    ],
)
def test_what_may_not_be_meant_is_named(fields, message):
    with pytest.raises(ImprintError, match=message):
        columns(fields)


@pytest.mark.parametrize("written", ["", "{", "[]", '{"info": 3}', '{"info": {"features": []}}'])
def test_damaged_features_count_as_none(written):
    schema = pa.schema([("image", IMAGE), ("label", INTEGER)], {"huggingface": written})
    assert choose_columns(schema, Chosen(), "x").classes == ()
