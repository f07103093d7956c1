"""Hostile and damaged stores: one sentence each."""

import numpy as np
import pytest

from imprint.core.errors import ImprintError
from imprint.data.open import inspect_images
from imprint.data.packed.header import HEADER
from imprint.data.packed.pack import open_pack
from tests.data.packed.packs import change_header, change_table, folder_of, header_of, pack_folder


@pytest.fixture(params=["pixels", "files"])
def store(tmp_path, request):
    path = tmp_path / "a.pack"
    pack_folder(folder_of(tmp_path / "set"), path, request.param)
    return path


def refused(path):
    with pytest.raises(ImprintError) as caught:
        inspect_images(path, layout="packed")
    return str(caught.value)


def data_file(path):
    return next(file for name in ("pixels.npy", "encoded.bin") if (file := path / name).exists())


def test_a_store_opens(store):
    assert len(open_pack(store)) == 7


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"schema": "imprint packed images 2"}, "has the schema 'imprint packed images 2'"),
        ({"kind": "other"}, "kind 'other' is unknown"),
        ({"images": -1}, "images is -1"),
        ({"images": True}, "images is True"),
        ({"images": 0}, "0 images"),
        ({"images": 10**30}, "has no table labels|instead of|no table|images is 1000"),
        ({"images": 6}, "has no table"),
        ({"channels": 10**9}, "of 1000000000 channels"),
        ({"classes": ["ant"]}, "class_folders are not as many as classes|names no class"),
        ({"classes": "ab"}, "classes are no list of names"),
        ({"class_folders": ["../up", "b"]}, "'../up' is no plain path"),
        ({"class_folders": ["/etc", "b"]}, "'/etc' is no plain path"),
        ({"class_folders": ["a\\b", "b"]}, "is no plain path"),
        ({"box_ends": 3}, "box_ends is 3"),
        ({"name": None}, "its name is no text"),
        ({"tables": {"../labels": "0"}}, r"table '\.\./labels'"),
        ({"tables": {}}, "has no table labels"),
    ],
)
def test_hostile_headers_are_refused(store, changes, said):
    change_header(store, **changes)
    with pytest.raises(ImprintError, match=said) as caught:
        inspect_images(store, layout="packed")
    assert "pack the images again" in str(caught.value)


def test_files_that_are_missing_cut_or_longer_are_refused(store):
    content = data_file(store).read_bytes()
    for changed in (content[:-1], content + b"0", b""):
        data_file(store).write_bytes(changed)
        assert "pack the images again" in refused(store)
    data_file(store).unlink()
    assert f"lacks {data_file_name(store)}" in refused(store)
    (store / "labels.npy").unlink()
    assert "lacks labels.npy" in refused(store)
    (store / HEADER).write_text("{")
    assert "damaged or not JSON" in refused(store)


def data_file_name(store):
    return "pixels.npy" if header_of(store)["kind"] == "pixels" else "encoded.bin"


def test_pixels_of_another_shape_or_order_are_refused(store):
    if header_of(store)["kind"] != "pixels":
        return
    plain = np.load(store / "pixels.npy")
    for other in (plain[:, :, ::-1].transpose(0, 1, 3, 2)[:, :, :12], plain.astype(np.uint16)):
        np.save(store / "pixels.npy", other)
        assert "instead of [7, 3, 24, 24]" in refused(store)
    np.save(store / "pixels.npy", np.asfortranarray(plain))
    assert "pack the images again" in refused(store)
    np.save(store / "pixels.npy", np.array([{}], dtype=object))
    assert "pack the images again" in refused(store)


def test_tables_must_be_the_ones_that_were_packed(store):
    labels = np.load(store / "labels.npy")
    np.save(store / "labels.npy", labels[::-1].copy())
    assert "labels.npy is not the table that was packed" in refused(store)


@pytest.mark.parametrize(
    ("name", "change", "said"),
    [
        ("labels", lambda table: table + 1, "a label names no class"),
        ("labels", lambda table: -table, "a label names no class"),
        ("labels", lambda table: table[:6], "no table labels of 7 images"),
        ("labels", lambda table: table.astype(np.float64), "no table labels"),
        ("digests", lambda table: table[:, :5], "no table digests"),
        ("corrupt", lambda table: np.array([7]), "a corrupt image is none of its images"),
        ("names", lambda table: table[:-3], "is damaged|names"),
        ("names", lambda table: np.frombuffer(b"a\0b", np.uint8), "2 names"),
        (
            "names",
            lambda table: np.frombuffer(b"a\0b\0c\0../../d\0e\0f\0g", np.uint8),
            "the name '../../d'",
        ),
    ],
)
def test_hostile_tables_are_refused(store, name, change, said):
    changed = change(np.load(store / f"{name}.npy"))
    change_table(store, name, changed)
    if said == "is damaged|names":  # a shorter last name is a name
        inspect_images(store, layout="packed")
        return
    with pytest.raises(ImprintError, match=said):
        inspect_images(store, layout="packed")


@pytest.mark.parametrize(
    "offsets",
    [
        [0, 5, 4, 6, 7, 8, 9, 10],
        [1, 2, 3, 4, 5, 6, 7, 8],
        [-1, 2, 3, 4, 5, 6, 7, 8],
        [0, 2**62, -(2**62), 0, 0, 0, 0, 0],
        [0, 0, 0, 0, 0, 0, 0, 2**62],
    ],
)
def test_hostile_offsets_are_refused(tmp_path, offsets):
    path = tmp_path / "a.pack"
    pack_folder(folder_of(tmp_path / "set"), path, "files")
    change_table(path, "offsets", np.array(offsets))
    assert "pack the images again" in refused(path)


def test_impossible_sizes_are_refused(tmp_path):
    path = tmp_path / "a.pack"
    pack_folder(folder_of(tmp_path / "set"), path, "files")
    change_table(path, "sizes", np.full((7, 2), -1))
    assert "impossible size" in refused(path)


def test_boxes_must_add_up_and_fit(tmp_path):
    path = tmp_path / "a.pack"
    pack_folder(folder_of(tmp_path / "set"), path)
    change_header(path, box_ends="exclusive")
    assert "no table box" in refused(path)
    change_table(path, "boxes", np.array([[0, 0, 99, 3]]))
    change_table(path, "box_counts", np.array([1, 1, 0, 0, 0, 0, 0]))
    assert "boxes are not as many as counted" in refused(path)
    change_table(path, "box_counts", np.array([0, 1, 0, 0, 0, 0, 0]))
    assert "the image is 24 × 24" in refused(path)


def test_a_store_that_is_cut_short_while_it_is_open_is_said(tmp_path):
    path = tmp_path / "a.pack"
    _, packed = pack_folder(folder_of(tmp_path / "set"), path, "files")
    content = (path / "encoded.bin").read_bytes()
    with (path / "encoded.bin").open("r+b") as file:
        file.truncate(len(content) // 2)
    with pytest.raises(ImprintError, match="cut short"):
        packed.read(np.array([6]), np.array([[0.0, 0, 24, 24]]), 24)


def test_a_pipe_in_a_store_does_not_hang(store):
    import os

    data_file_path = data_file(store)
    data_file_path.unlink()
    os.mkfifo(data_file_path)
    assert "is a pipe" in refused(store)


def test_numbers_that_no_array_has_are_refused(tmp_path):
    path = tmp_path / "a.pack"
    pack_folder(folder_of(tmp_path / "set"), path, "pixels")
    change_header(path, width=10**30)
    assert "width is 1000000" in refused(path)


def test_counts_of_boxes_whose_sum_comes_round_are_refused(tmp_path):
    path = tmp_path / "a.pack"
    pack_folder(folder_of(tmp_path / "set"), path)
    change_header(path, box_ends="exclusive")
    change_table(path, "boxes", np.array([[0, 0, 2, 3]]))
    change_table(path, "box_counts", np.array([2**62, 2**62, 2**62, 2**62, 1, 0, 0]))
    assert "boxes are not as many as counted" in refused(path)


def test_sizes_that_lie_are_refused_and_take_no_memory(tmp_path):
    path = tmp_path / "a.pack"
    pack_folder(folder_of(tmp_path / "set"), path, "files")
    change_table(path, "sizes", np.full((7, 2), 10**6))
    images = inspect_images(path, layout="packed").images
    with pytest.raises(ImprintError):
        images.read(np.array([0]), np.array([[0.0, 0, 10**6, 10**6]]), 8)
