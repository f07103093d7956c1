"""Tables of Hugging Face datasets against the same images as a folder; what is refused."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from imprint.core.errors import ImprintError
from imprint.data.encoded.byte_ranges import ByteRanges
from imprint.data.files import in_memory
from imprint.data.geometry import whole_rectangles
from imprint.data.open import inspect_images, open_images
from imprint.data.tables.row_groups import RowGroups
from tests.data.one_set import (
    CLASSES,
    as_folder,
    as_parquet,
    as_saved,
    samples,
    table_of,
    write_arrow,
)

IMAGES = samples()
BINARY = pa.array([image.content for image in IMAGES], pa.binary())


def squares(images, size=9):
    rows = np.arange(len(images))
    return images.read(rows, whole_rectangles(images.sizes()), size)


WRITERS = {
    "arrow": lambda folder, table: as_saved(folder, table),
    "parquet": lambda folder, table: as_parquet(folder, table),
    "dictionary": lambda folder, table: as_parquet(folder, table, use_dictionary=True),
    "snappy": lambda folder, table: as_parquet(folder, table, compression="snappy"),
    "zstd": lambda folder, table: as_parquet(folder, table, compression="zstd"),
    "arrow file": lambda folder, table: write_arrow(folder / "a.arrow", table, as_file=True).parent,
}


@pytest.mark.parametrize("kind", WRITERS)
def test_tables_give_what_the_folder_gives(tmp_path, kind):
    folder = open_images(as_folder(tmp_path / "folder", IMAGES))
    root = WRITERS[kind](tmp_path / "table", table_of(IMAGES))
    for place in (root, Path(f"hf:{root}")):
        images = open_images(place)
        assert images.classes == CLASSES
        np.testing.assert_array_equal(images.labels, folder.labels)
        np.testing.assert_array_equal(images.sizes(), folder.sizes())
        np.testing.assert_array_equal(squares(images), squares(folder))
        assert images.fingerprint() == folder.fingerprint()
        np.testing.assert_array_equal(in_memory(images).pixels, in_memory(folder).pixels)
        travelled = pickle.loads(pickle.dumps(images))
        np.testing.assert_array_equal(squares(travelled), squares(folder))


def test_bytes_that_stand_in_a_file_are_read_by_offset(tmp_path):
    plain = open_images(as_parquet(tmp_path / "plain", table_of(IMAGES)))
    packed = open_images(as_parquet(tmp_path / "zip", table_of(IMAGES), compression="zstd"))
    assert isinstance(plain.contents, ByteRanges)
    assert isinstance(packed.contents, RowGroups)


def test_what_datasets_writes_is_read(tmp_path):
    datasets = pytest.importorskip("datasets")
    features = datasets.Features(
        {"image": datasets.Image(), "label": datasets.ClassLabel(names=list(CLASSES))}
    )
    rows = {
        "image": [{"bytes": image.content, "path": image.name} for image in IMAGES],
        "label": [image.label for image in IMAGES],
    }
    made = datasets.Dataset.from_dict(rows, features=features)
    made.save_to_disk(tmp_path / "one", num_shards=2)
    datasets.DatasetDict(train=made, test=made.select(range(3))).save_to_disk(tmp_path / "both")
    (tmp_path / "hub" / "data").mkdir(parents=True)
    made.to_parquet(tmp_path / "hub" / "data" / "train-00000-of-00001.parquet")
    whole = squares(open_images(as_folder(tmp_path / "folder", IMAGES)))
    for name in ("one", "both", "hub"):
        images = open_images(tmp_path / name)
        assert images.classes == CLASSES
        assert images.name_of(3) == "0003.jpg"
        np.testing.assert_array_equal(squares(images), whole)
    assert len(open_images(tmp_path / "both", part="test")) == 3


def test_datasets_is_not_imported(tmp_path):
    as_saved(tmp_path / "set", table_of(IMAGES))
    code = (
        "import sys; from pathlib import Path; from imprint.data.open import open_images; "
        f"images = open_images(Path('hf:{tmp_path}/set')); images.fingerprint(); "
        "sys.exit('datasets' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_column_of_bytes_and_classes_as_text(tmp_path):
    words = [CLASSES[2 - image.label] for image in IMAGES]
    table = pa.table({"picture": BINARY, "kind": words, "note": [[1]] * 12})
    images = open_images(as_parquet(tmp_path, table))
    assert images.classes == CLASSES
    assert images.labels.tolist() == [2 - image.label for image in IMAGES]
    assert images.name_of(7) == "train/00000007"


def test_several_columns_are_named_and_one_is_chosen(tmp_path):
    table = pa.table({"left": BINARY, "right": BINARY, "u": [0] * 12, "v": [1] * 12})
    root = as_parquet(tmp_path, table)
    with pytest.raises(ImprintError, match="several columns that may be the image, left, right"):
        open_images(root)
    with pytest.raises(
        ImprintError, match=r"may be the label, u, v: choose one, hf:FOLDER#label=u"
    ):
        open_images(Path(f"{root}#image=left"))
    images = open_images(Path(f"hf:{root}#image=right,label=v"))
    assert images.labels.tolist() == [1] * 12
    with pytest.raises(ImprintError, match=r"no column 'x' that can be the image: it has left"):
        open_images(Path(f"hf:{root}#image=x"))
    with pytest.raises(ImprintError, match="after # comes image=COLUMN or label=COLUMN"):
        open_images(Path(f"hf:{root}#columns=3"))


def test_boxes_of_objects(tmp_path):
    boxes = [[[2.0, 1.0, 5.0, 4.0]]] + [[]] * 11
    objects = pa.array([{"bbox": table} for table in boxes])
    for name, write in WRITERS.items():
        root = write(tmp_path / name, table_of(IMAGES, objects=objects))
        images = open_images(root)
        assert images.boxes()[0].tolist() == [[2, 1, 7, 5]]
        assert all(len(table) == 0 for table in images.boxes()[1:])


@pytest.mark.parametrize("kind", ["arrow", "parquet", "zstd"])
def test_paths_are_not_followed(tmp_path, kind):
    rows = [{"bytes": None, "path": "/etc/passwd"}] * 12
    image = pa.array(rows, pa.struct([("bytes", pa.binary()), ("path", pa.string())]))
    table = table_of(IMAGES).drop_columns("image").append_column("image", image)
    root = WRITERS[kind](tmp_path, table)
    with pytest.raises(ImprintError, match=r"row 0 has no bytes, only the path '/etc/passwd'"):
        open_images(root)


def test_images_without_classes_are_refused(tmp_path):
    labels = pa.array([0] * 11 + [-1])
    table = table_of(IMAGES).drop_columns("label").append_column("label", labels)
    with pytest.raises(ImprintError, match="class of row 11 is -1: give a part"):
        open_images(write_arrow(tmp_path / "a.arrow", table))


@pytest.mark.parametrize("kind", ["arrow", "parquet"])
def test_arrays_of_pixels_come_into_memory(tmp_path, kind):
    pixels = np.random.default_rng(0).integers(0, 256, (12, 3, 5, 7), dtype=np.uint8)
    nested = pa.list_(pa.list_(pa.list_(pa.uint8())))
    table = pa.table({"pixels": pa.array(pixels.tolist(), nested), "y": [0, 1] * 6})
    images = open_images(WRITERS[kind](tmp_path, table))
    np.testing.assert_array_equal(images.pixels, pixels)
    ragged = [*pixels[:11].tolist(), pixels[0, :, :4].tolist()]
    table = pa.table({"pixels": pa.array(ragged, nested), "y": [0, 1] * 6})
    with pytest.raises(ImprintError, match="must have one shape"):
        open_images(WRITERS[kind](tmp_path / "ragged", table))


@pytest.mark.parametrize("kind", ["arrow", "parquet", "zstd"])
def test_corrupt_images_are_left_out(tmp_path, kind):
    images = [*IMAGES[:5], IMAGES[5]._replace(content=b"\xff\xd8 not much"), *IMAGES[6:]]
    root = WRITERS[kind](tmp_path, table_of(images))
    opened = inspect_images(root, skip_corrupt=True)
    assert opened.corrupt.tolist() == [5]
    np.testing.assert_array_equal(squares_of(opened.images, 6), squares_of(open_images(root), 6))


def squares_of(images, row):
    return images.read(np.array([row]), np.array([[0.0, 0, 20, 16]]), 8)


def test_parts_of_the_hub_and_missing_files(tmp_path):
    table = table_of(IMAGES)
    root = as_parquet(tmp_path, table, part="train", files=3)
    as_parquet(tmp_path, table.slice(0, 5), part="test", files=1)
    assert len(open_images(root)) == 12
    assert len(open_images(root, part="test")) == 5
    with pytest.raises(ImprintError, match="no part 'val': it has test, train"):
        open_images(root, part="val")
    (root / "data" / "train-00001-of-00003.parquet").unlink()
    with pytest.raises(ImprintError, match=r"lacks 1 of 3 files \*-of-00003\.parquet"):
        open_images(root)


def test_a_saved_part_that_leads_elsewhere_is_refused(tmp_path):
    root = as_saved(tmp_path / "set", table_of(IMAGES))
    for name in ("../x.arrow", "/etc/passwd", "", ".."):
        (root / "state.json").write_text(json.dumps({"_data_files": [{"filename": name}]}))
        with pytest.raises(ImprintError, match="no file beside it"):
            open_images(root)
    (root / "state.json").write_text(json.dumps({"_data_files": [{"filename": "gone.arrow"}]}))
    with pytest.raises(ImprintError, match=r"names gone\.arrow, which is not there"):
        open_images(root)


def test_a_file_that_changes_is_not_read(tmp_path):
    for kind in ("arrow", "zstd"):
        root = WRITERS[kind](tmp_path / kind, table_of(IMAGES))
        images = open_images(root)
        WRITERS[kind](tmp_path / kind, table_of(IMAGES[1:]))
        with pytest.raises(ImprintError, match="was changed while it was in use"):
            squares(images)


def test_compressed_arrow_is_refused(tmp_path):
    table = table_of(IMAGES)
    options = pa.ipc.IpcWriteOptions(compression="lz4")
    file = tmp_path / "a.arrow"
    with (
        pa.OSFile(str(file), "wb") as sink,
        pa.ipc.new_stream(sink, table.schema, options=options) as out,
    ):
        out.write_table(table)
    with pytest.raises(ImprintError, match="is compressed, and images are read by their offset"):
        open_images(file)
