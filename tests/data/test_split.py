"""The partition against the published rule, by hand and over random data; and its files."""

from __future__ import annotations

import hashlib
from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imprint.core.errors import ImprintError
from imprint.data.imageset import ArrayImages
from imprint.data.split import (
    Partition,
    check_partitions,
    load_partition,
    load_partitions,
    partition,
    partition_images,
    save_partition,
)

# Class 0 holds 0…9 and class 1 holds 10…19; annotated are 0, 2, 4, 6, 8 and 11, 12, 13, 14.
LABELS = np.repeat(np.arange(2), 10)
ANNOTATED = np.isin(np.arange(20), [0, 2, 4, 6, 8, 11, 12, 13, 14])
EVERYTHING = np.arange(20)
CLASSES = ("cat", "dog")


def toy(*sizes, **options):
    return partition(LABELS, ANNOTATED, EVERYTHING, CLASSES, sizes, **options)


def images(count=20, boxes=None):
    pixels = np.zeros((count, 1, 4, 4), dtype=np.uint8)
    return ArrayImages(pixels, LABELS[:count], CLASSES, object_boxes=boxes)


def test_small_size_takes_annotated_images_only():
    found = toy(1).by_size[1]
    assert found.bbox_a.tolist() == [0, 11]
    assert found.bbox_b.tolist() == [2, 12]
    assert found.shared.tolist() == []
    assert found.train_a.tolist() == [0, 11]
    assert found.public.tolist() == [4, 6, 8, 1, 3, 5, 7, 9, 13, 14, 10, 15, 16, 17, 18, 19]


def test_large_size_fills_up_with_shared_images():
    found = toy(4).by_size[4]
    assert found.bbox_a.tolist() == [0, 2, 11, 12]
    assert found.bbox_b.tolist() == [4, 6, 13, 14]
    assert found.shared.tolist() == [1, 3, 10, 15]
    assert found.train_b.tolist() == [4, 6, 13, 14, 1, 3, 10, 15]
    assert found.public.tolist() == [8, 5, 7, 9, 16, 17, 18, 19]


def test_validation_set_is_the_first_public_images_of_every_class():
    found = toy(1, 4)
    assert found.public.tolist() == found.by_size[4].public.tolist()
    assert found.validation.tolist() == [8, 5, 7, 9, 16, 17, 18, 19]
    uneven = partition(LABELS[:18], ANNOTATED[:18], EVERYTHING[:18], CLASSES, [4])
    assert uneven.validation.tolist() == [8, 5, 16, 17]


def test_corrupt_images_are_in_no_set():
    usable = np.setdiff1d(EVERYTHING, [0, 1, 19])
    found = partition(LABELS, ANNOTATED, usable, CLASSES, [2]).by_size[2]
    assert found.bbox_a.tolist() == [2, 4, 11, 12]
    used = np.concatenate([found.train_a, found.train_b, found.public])
    assert sorted(set(used.tolist())) == usable.tolist()


def test_all_images_count_as_annotated_without_boxes():
    found = partition_images(images(), None, [4]).by_size[4]
    assert found.bbox_a.tolist() == [0, 1, 2, 3, 10, 11, 12, 13]
    assert found.shared.tolist() == []


def test_images_without_a_box_are_not_annotated():
    boxes = [np.zeros((int(mask), 4), dtype=np.int64) for mask in ANNOTATED]
    found = partition_images(images(boxes=boxes), boxes, [1]).by_size[1]
    assert found.bbox_a.tolist() == [0, 11]


def test_shuffling_depends_on_the_seed_alone():
    first, again, other = (toy(2, shuffle_seed=seed).by_size[2] for seed in (1, 1, 2))
    assert first.train_a.tolist() == again.train_a.tolist()
    assert first.train_a.tolist() != other.train_a.tolist()
    assert first.train_a.tolist() != toy(2).by_size[2].train_a.tolist()


@given(st.data())
@settings(max_examples=30, deadline=None)
def test_every_partition_keeps_its_promises(data):
    classes = data.draw(st.integers(1, 4))
    counts = data.draw(st.lists(st.integers(5, 12), min_size=classes, max_size=classes))
    labels = np.random.default_rng(sum(counts)).permutation(np.repeat(np.arange(classes), counts))
    annotated = np.zeros(len(labels), dtype=bool)
    for label, count in enumerate(counts):
        boxed = data.draw(st.integers(2, count))
        annotated[np.flatnonzero(labels == label)[:boxed]] = True
    sizes = data.draw(st.lists(st.integers(1, 2), min_size=1, max_size=2))
    seed = data.draw(st.none() | st.integers(0, 9))
    everything = np.arange(len(labels))
    names = [f"class {label}" for label in range(classes)]
    found = partition(labels, annotated, everything, names, sizes, seed)

    for size, part in found.by_size.items():
        own_a, own_b, shared, public = (
            set(part.bbox_a.tolist()),
            set(part.bbox_b.tolist()),
            set(part.shared.tolist()),
            set(part.public.tolist()),
        )
        assert len(own_a) + len(own_b) + len(shared) + len(public) == len(labels)
        assert own_a | own_b | shared | public == set(everything.tolist())
        assert annotated[part.bbox_a].all()
        assert annotated[part.bbox_b].all()
        assert not annotated[part.shared].any()
        for label in range(classes):
            boxed = int((annotated & (labels == label)).sum())
            assert (labels[part.bbox_a] == label).sum() == min(boxed // 2, size)
            assert (labels[part.bbox_b] == label).sum() == min(boxed // 2, size)
            assert (labels[part.train_a] == label).sum() <= size
        assert set(found.public.tolist()) <= public
    assert set(found.validation.tolist()) <= set(found.public.tolist())
    assert len(set(np.bincount(labels[found.validation], minlength=classes).tolist())) == 1


@pytest.mark.parametrize(
    "broken",
    [
        {"bbox_b": [4, 6, 13]},
        {"bbox_b": [0, 6, 13, 14], "train_b": [0, 6, 13, 14, 1, 3, 10, 15]},
        {"shared": [1, 3, 10, 8], "train_a": [0, 2, 11, 12, 1, 3, 10, 8]},
        {"train_a": [0, 2, 11, 12]},
        {"train_b": [0, 2, 11, 12, 1, 3, 10, 15]},
    ],
)
def test_a_broken_promise_is_an_error(broken):
    arrays = {name: np.array(rows, dtype=np.int64) for name, rows in broken.items()}
    with pytest.raises(ImprintError, match="partition for 4 images per class is invalid"):
        check_partitions({4: replace(toy(4).by_size[4], **arrays)}, LABELS)


def test_public_sets_that_are_not_nested_are_an_error():
    small, large = toy(1, 4).by_size.values()
    with pytest.raises(ImprintError, match=r"for 4 .* public at every smaller size"):
        check_partitions({1: replace(small, public=small.public[3:]), 4: large}, LABELS)


def test_a_class_with_one_image_is_named():
    labels = np.append(LABELS, 2)
    with pytest.raises(ImprintError, match="class 'emu' has 1 annotated of 1 usable images"):
        partition(
            labels, np.append(ANNOTATED, 1).astype(bool), np.arange(21), (*CLASSES, "emu"), [1]
        )


def test_a_class_without_boxes_is_named():
    with pytest.raises(ImprintError, match="class 'cat' has 0 annotated of 10"):
        partition(LABELS, LABELS == 1, EVERYTHING, CLASSES, [1])


def test_a_class_without_public_images_is_named_with_the_largest_size_that_fits():
    with pytest.raises(ImprintError, match=r"8 training .* class 'dog' .*: choose at most 7"):
        toy(8)
    assert (LABELS[toy(7).public] == 1).sum() == 1


def test_a_class_of_two_images_is_named():
    labels = np.append(LABELS, [2, 2])
    annotated = np.append(ANNOTATED, [1, 1]).astype(bool)
    with pytest.raises(ImprintError, match="class 'emu' without a public image: add images"):
        partition(labels, annotated, np.arange(22), (*CLASSES, "emu"), [1])


@pytest.mark.parametrize("sizes", [(), (0,), (3, -1)])
def test_sizes_must_be_positive(sizes):
    with pytest.raises(ImprintError, match="choose numbers of training images"):
        toy(*sizes)


def test_files_have_the_published_names_and_come_back(tmp_path):
    partitions = toy(1, 4)
    save_partition(tmp_path / "split", partitions, "f" * 64)
    names = sorted(path.name for path in (tmp_path / "split" / "4_per_class").iterdir())
    assert names == [
        f"{name}.npy"
        for name in sorted(("bbox_A", "bbox_B", "public", "shared", "train_A", "train_B"))
    ]
    assert np.load(tmp_path / "split/1_per_class/shared.npy").dtype == np.int64
    loaded = load_partition(tmp_path / "split", 4, "f" * 64)
    for field in fields(Partition):
        np.testing.assert_array_equal(
            getattr(loaded, field.name), getattr(partitions.by_size[4], field.name)
        )
    np.testing.assert_array_equal(
        load_partitions(tmp_path / "split").validation, partitions.validation
    )


def test_the_same_partition_has_the_same_bytes(tmp_path):
    for name in ("one", "two"):
        save_partition(tmp_path / name, toy(1, 4), "f" * 64)
    one, two = (
        {
            str(path.relative_to(tmp_path / name)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in (tmp_path / name).rglob("*.*")
        }
        for name in ("one", "two")
    )
    assert one == two


def test_a_changed_file_is_an_error(tmp_path):
    save_partition(tmp_path, toy(4), "f" * 64)
    np.save(tmp_path / "4_per_class/train_A.npy", np.arange(3))
    with pytest.raises(ImprintError, match=r"train_A.npy is not the file that manifest.json"):
        load_partition(tmp_path, 4)


def test_other_images_are_an_error(tmp_path):
    save_partition(tmp_path, toy(4), "f" * 64)
    with pytest.raises(
        ImprintError,
        match=r"was made for other images or other boxes .* the same --data and --boxes",
    ):
        load_partition(tmp_path, 4, "0" * 64)


def test_missing_splits_are_errors(tmp_path):
    with pytest.raises(ImprintError, match="no split at"):
        load_partition(tmp_path, 4)
    save_partition(tmp_path, toy(4), "f" * 64)
    with pytest.raises(ImprintError, match="no partition for 5 images per class: it has 4"):
        load_partition(tmp_path, 5)
    (tmp_path / "val_set.npy").unlink()
    with pytest.raises(ImprintError, match=r"cannot read .*val_set.npy"):
        load_partitions(tmp_path)
