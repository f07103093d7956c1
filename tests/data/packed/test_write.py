"""A packed store is the set it was packed from, in every number."""

from __future__ import annotations

import hashlib
import os
import pickle
import signal
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest

import imprint.data.packed.write as module
from imprint.core.errors import ImprintError
from imprint.data.file_names import class_folders, export_names
from imprint.data.files import in_channels, in_memory, stream, usable_indices
from imprint.data.geometry import whole_rectangles
from imprint.data.imageset import ArrayImages
from imprint.data.open import inspect_images
from imprint.data.packed.images import PackedArrays, PackedPixels
from imprint.data.packed.write import write_pack
from imprint.data.selected import of_classes
from imprint.data.sources.composite import composite
from tests.data.one_set import as_parquet, as_saved, as_shards, samples, table_of
from tests.data.packed.packs import UNEVEN, folder_of, header_of, pack_folder

KINDS = {
    "small and even": ({}, "auto", "pixels"),
    "small and even, as files": ({}, "files", "files"),
    "of several sizes and kinds": (UNEVEN, "auto", "files"),
    "in gray": ({"mode": "L"}, "auto", "pixels"),
    "with palettes": ({"mode": "P", "suffixes": ("png",)}, "auto", "pixels"),
    "whose gray is their luma": ({"mode": "YCbCr", "suffixes": ("tiff",)}, "auto", "files"),
}


def rectangles_of(images, rows, seed=0):
    """Return a rectangle inside each image, some mirrored, the first of them whole."""
    draw = np.random.default_rng(seed)
    sizes = images.sizes()[rows]
    corners = draw.uniform(0, 0.4, (len(rows), 2)) * sizes
    ends = corners + draw.uniform(0.3, 0.6, (len(rows), 2)) * sizes
    rectangles = np.concatenate([corners, ends], axis=1)
    rectangles[::3] = rectangles[::3][:, [2, 1, 0, 3]]
    rectangles[:2] = whole_rectangles(sizes[:2])
    return rectangles


def assert_same(packed, source):
    assert len(packed) == len(source)
    assert (packed.name, packed.classes, packed.channels) == (
        source.name,
        source.classes,
        source.channels,
    )
    np.testing.assert_array_equal(packed.labels, source.labels)
    np.testing.assert_array_equal(packed.sizes(), source.sizes())
    assert packed.fingerprint() == source.fingerprint()
    assert class_folders(packed) == class_folders(source)
    every = usable_indices(source)
    np.testing.assert_array_equal(usable_indices(packed), every)
    assert export_names(packed, every.tolist()) == export_names(source, every.tolist())
    assert [packed.name_of(row) for row in every] == [source.name_of(row) for row in every]
    rows = np.concatenate([every[::-1], every[:1]])
    for size in (9, 24):
        rectangles = rectangles_of(source, rows)
        wanted = source.read(rows, rectangles, size)
        np.testing.assert_array_equal(packed.read(rows, rectangles, size), wanted)
        batches = list(stream(packed, rows, rectangles, size, 3))
        np.testing.assert_array_equal(np.concatenate(batches), wanted)


@pytest.mark.parametrize("kind", KINDS)
def test_a_store_is_the_folder_in_every_number(tmp_path, kind):
    options, keep, kept = KINDS[kind]
    source, packed = pack_folder(folder_of(tmp_path / "set", **options), tmp_path / "a.pack", keep)
    assert header_of(tmp_path / "a.pack")["kind"] == kept
    assert isinstance(packed, PackedPixels) == (kept == "pixels")
    assert_same(packed, source)
    assert_same(in_memory(packed), in_memory(source))
    assert_same(in_channels(packed, 1), in_channels(source, 1))
    whole = whole_rectangles(source.sizes())
    np.testing.assert_array_equal(
        packed.read(np.arange(7), whole, 24), source.read(np.arange(7), whole, 24)
    )


def test_small_images_stay_in_the_store_when_they_come_into_memory(tmp_path):
    source, packed = pack_folder(folder_of(tmp_path / "set"), tmp_path / "a.pack")
    mapped = in_memory(packed)
    assert isinstance(mapped, ArrayImages)
    assert np.shares_memory(mapped.pixels, packed.contents.pack.pixels)
    np.testing.assert_array_equal(mapped.pixels, in_memory(source).pixels)
    assert in_memory(packed, limit=7 * 3 * 24 * 24 - 1) is packed


@pytest.mark.parametrize("keep", ["pixels", "files"])
def test_a_store_travels_to_other_processes_as_its_path(tmp_path, keep):
    _, packed = pack_folder(folder_of(tmp_path / "set", 40), tmp_path / "a.pack", keep)
    boxed = replace(packed, object_boxes=[np.array([[0, 0, 2, row + 1]]) for row in range(40)])
    sent = pickle.dumps(boxed)
    assert len(sent) < 40 * 3 * 24 * 24 / 10
    assert_same(pickle.loads(sent), boxed)
    if keep == "pixels":
        mapped = in_memory(boxed)
        sent = pickle.dumps(mapped)
        assert len(sent) < 40 * 3 * 24 * 24 / 10
        assert_same(pickle.loads(sent), mapped)


@pytest.mark.parametrize("kind", ["shards", "Arrow", "Parquet"])
def test_shards_and_tables_are_packed_as_a_folder_is(tmp_path, kind):
    place = tmp_path / "set"
    place.mkdir()
    if kind == "shards":
        as_shards(place, samples())
    else:
        (as_saved if kind == "Arrow" else as_parquet)(place, table_of(samples()))
    source, packed = pack_folder(place, tmp_path / "a.pack")
    assert_same(packed, source)


def test_arrays_are_packed_with_boxes_and_hashes(tmp_path):
    source = composite(20)
    write_pack(source, tmp_path / "a.pack")
    packed = inspect_images(tmp_path / "a.pack").images
    assert isinstance(packed, PackedArrays)
    assert_same(packed, source)
    assert_same(pickle.loads(pickle.dumps(packed)), source)
    assert [table.tolist() for table in packed.boxes()] == [
        table.tolist() for table in source.boxes()
    ]


def test_arrays_of_many_channels_are_packed(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (5, 12, 6, 6), dtype=np.uint8)
    source = ArrayImages(pixels, np.zeros(5, dtype=np.int64), ("a",), "bands")
    write_pack(source, tmp_path / "a.pack")
    packed = inspect_images(tmp_path / "a.pack").images
    np.testing.assert_array_equal(packed.pixels, pixels)
    assert packed.fingerprint() == source.fingerprint()


@pytest.mark.parametrize("ends", ["exclusive", "inclusive"])
def test_boxes_are_read_again_as_they_were(tmp_path, ends):
    root = folder_of(tmp_path / "set")
    (tmp_path / "boxes" / "bee").mkdir(parents=True)
    (tmp_path / "boxes" / "bee" / "02.xml").write_text(
        "<annotation><size><width>24</width><height>24</height></size><object><bndbox><xmin>3</xmin>"
        "<ymin>4</ymin><xmax>20</xmax><ymax>9</ymax></bndbox></object></annotation>"
    )
    options = {"boxes": tmp_path / "boxes", "box_ends": ends}
    source, packed = pack_folder(root, tmp_path / "a.pack", **options)
    assert_same(packed, source)
    assert packed.box_reading == source.box_reading
    for margin in (0, 5):
        wider = inspect_images(root, box_margin=margin, **options).images
        again = inspect_images(tmp_path / "a.pack", box_margin=margin).images
        assert [t.tolist() for t in again.boxes()] == [t.tolist() for t in wider.boxes()]
        assert again.fingerprint() == wider.fingerprint()
    other = inspect_images(tmp_path / "a.pack", boxes=tmp_path / "boxes").images
    assert sum(len(table) for table in other.boxes()) == 1


def test_corrupt_images_are_left_out_as_they_were(tmp_path):
    root = folder_of(tmp_path / "set")
    (root / "ant" / "03.jpg").write_bytes(b"no picture")
    with pytest.raises(ImprintError, match=r"03\.jpg .*--skip-corrupt"):
        pack_folder(root, tmp_path / "no.pack", "files")
    source, packed = pack_folder(root, tmp_path / "a.pack", skip_corrupt=True)
    opened = inspect_images(tmp_path / "a.pack")
    assert packed.corrupt.tolist() == opened.corrupt.tolist() == source.corrupt.tolist() == [1]
    assert_same(packed, source)
    assert_same(inspect_images(tmp_path / "a.pack", skip_corrupt=True).images, source)
    with pytest.raises(ImprintError, match=r"cannot decode the image .*ant/03\.jpg"):
        packed.read(np.array([1]), np.array([[0.0, 0, 2, 2]]), 4)


def test_what_has_no_place_among_pixels_is_said(tmp_path):
    with pytest.raises(ImprintError, match=r"several sizes .*--keep files"):
        pack_folder(folder_of(tmp_path / "set", **UNEVEN), tmp_path / "a.pack", "pixels")
    lumas = folder_of(tmp_path / "lumas", mode="YCbCr", suffixes=("tiff",))
    with pytest.raises(ImprintError, match="not that of their colours"):
        pack_folder(lumas, tmp_path / "b.pack", "pixels")
    source = composite(20)
    parts = of_classes(source, source.classes[:2], np.arange(20))
    with pytest.raises(ImprintError, match="made of other sets"):
        write_pack(parts, tmp_path / "c.pack")


def test_names_that_lead_elsewhere_are_refused(tmp_path):
    source = inspect_images(folder_of(tmp_path / "set")).images
    for changes in ({"class_folders": ("ant", "../bee")}, {"class_folders": ("a\\nt", "bee")}):
        with pytest.raises(ImprintError, match="is no plain relative path: rename it"):
            write_pack(replace(source, **changes), tmp_path / "a.pack")
    assert not (tmp_path / "a.pack").exists()


def test_a_file_that_changes_meanwhile_is_named(tmp_path, monkeypatch):
    source = inspect_images(folder_of(tmp_path / "set")).images
    stale = np.zeros((7, 32), dtype=np.uint8)
    monkeypatch.setattr(type(source.contents), "digests", lambda self, rows: stale[rows])
    with pytest.raises(ImprintError, match=r"01\.jpg changed while it was packed"):
        write_pack(source, tmp_path / "a.pack", "files")


def store_bytes(path):
    return {file.name: file.read_bytes() for file in sorted(path.iterdir())}


@pytest.mark.parametrize("keep", ["pixels", "files"])
def test_any_number_of_threads_writes_the_same_bytes(tmp_path, monkeypatch, keep):
    source = inspect_images(folder_of(tmp_path / "set", 50)).images
    for cores in (1, 5):
        monkeypatch.setattr(module, "usable_cores", lambda cores=cores: cores)
        write_pack(source, tmp_path / f"{cores}.pack", keep)
    assert store_bytes(tmp_path / "1.pack") == store_bytes(tmp_path / "5.pack")


def test_few_images_are_held_at_a_time(tmp_path, monkeypatch):
    """What is read runs no further ahead of what is written than a few groups."""
    monkeypatch.setattr(module, "usable_cores", lambda: 1)
    source = inspect_images(folder_of(tmp_path / "set", 200, ((8, 8),))).images
    read, most = [0], [0]
    plain = module.decode_image

    def counting(*arguments):
        read[0] += 1
        return plain(*arguments)

    class Watched(list):
        def write(self, content):
            most[0] = max(most[0], read[0] - len(self))
            self.extend([0] * 16)

    monkeypatch.setattr(module, "decode_image", counting)
    watched = Watched()
    groups = np.array_split(np.arange(200), 13)
    for packed in module._in_order(lambda rows: module._prepare(source, rows, "files"), groups):
        watched.write(packed.content)
    assert read[0] == 200
    assert most[0] <= 16 * 5


COMMAND = """
import sys
from imprint.cli import main
main(["data", "pack", "--data", sys.argv[1], "--out", sys.argv[2], "--json"])
"""


def digest_of(path):
    content = store_bytes(path)
    return hashlib.sha256(repr(content).encode()).hexdigest()


def test_a_killed_packing_leaves_no_store_and_goes_through_when_run_again(tmp_path):
    root = folder_of(tmp_path / "set", 60, ((90, 70),))
    words = [sys.executable, "-c", COMMAND, str(root)]
    subprocess.run([*words, str(tmp_path / "whole")], check=True, capture_output=True)
    out = tmp_path / "killed"
    begun = time.monotonic()
    process = subprocess.Popen([*words, str(out)], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    while not list(out.glob(".images.pack*")) and process.poll() is None:
        assert time.monotonic() < begun + 60
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    store = out / "images.pack"
    if store.exists():
        assert digest_of(store) == digest_of(tmp_path / "whole" / "images.pack")
    subprocess.run([*words, str(out)], check=True, capture_output=True)
    assert digest_of(store) == digest_of(tmp_path / "whole" / "images.pack")
    assert not [name for name in os.listdir(out) if name.endswith(".part")]
