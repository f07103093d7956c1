"""Images in files against the same images in arrays; corrupt files; reading ahead."""

from __future__ import annotations

import os
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from imprint.core.errors import ImprintError
from imprint.data.encoded.contents import ImageFiles
from imprint.data.files import (
    EncodedImages,
    find_corrupt,
    in_channels,
    in_memory,
    stream,
    usable_indices,
)
from imprint.data.geometry import whole_rectangles
from imprint.data.imageset import ArrayImages, ImageSet


def pictures(count=12, width=24, height=24, seed=0):
    coarse = np.random.default_rng(seed).integers(0, 256, (count, 3, 6, 6), dtype=np.uint8)
    tall = coarse.repeat(height // 6, axis=2)
    return tall.repeat(width // 6, axis=3)


def in_files(folder, pixels, **changes):
    folder.mkdir(exist_ok=True)
    paths = [f"{row:03d}.png" for row in range(len(pixels))]
    for path, picture in zip(paths, pixels, strict=True):
        Image.fromarray(picture.transpose(1, 2, 0)).save(folder / path)
    labels = np.arange(len(pixels), dtype=np.int64) % 3
    images = EncodedImages(ImageFiles(folder, paths), labels, ("a", "b", "c"), "pictures")
    return replace(images, **changes)


@pytest.fixture
def images(tmp_path):
    return in_files(tmp_path / "set", pictures())


def damage(images, *indices):
    for index in indices:
        file = images.contents.file(index)
        file.write_bytes(file.read_bytes()[:-40])


def test_it_is_an_image_set(images):
    assert isinstance(images, ImageSet)
    assert len(images) == 12
    assert images.name_of(3) == "003.png"
    assert images.sizes().tolist() == [[24, 24]] * 12
    assert images.boxes() is None


def test_files_and_arrays_give_the_same_squares(images):
    arrays = ArrayImages(pictures(), images.labels, images.classes)
    indices = np.array([5, 0, 11, 5, 2])
    rectangles = np.array(
        [[0, 0, 24, 24], [3.5, 2, 20, 17], [24, 0, 0, 24], [10, 10, 13, 14], [1, 0, 9, 24]]
    )
    found = images.read(indices, rectangles, 16)
    oracle = arrays.read(indices, rectangles, 16)
    assert found.shape == (5, 3, 16, 16)
    assert np.abs(found.astype(int) - oracle.astype(int)).max() <= 1


def test_order_and_batch_size_do_not_matter(images):
    rectangles = np.tile([1.0, 2, 20, 21], (40, 1))
    indices = np.random.default_rng(1).integers(0, 12, 40)
    together = images.read(indices, rectangles, 9)
    alone = [images.read(indices[[row]], rectangles[[row]], 9)[0] for row in range(40)]
    np.testing.assert_array_equal(together, np.stack(alone))


def test_no_indices_give_no_squares(images):
    assert images.read(np.empty(0, dtype=np.int64), np.empty((0, 4)), 8).shape == (0, 3, 8, 8)


def test_an_image_asked_for_twice_is_decoded_once(images, monkeypatch):
    import imprint.data.files as module

    opened = []
    plain = module.decode_by_pillow

    def counting(content, name, channels):
        opened.append(Path(name).name)
        return plain(content, name, channels)

    monkeypatch.setattr(module, "decode_by_pillow", counting)
    images.read(np.array([4, 1, 4, 4]), np.tile([0.0, 0, 24, 24], (4, 1)), 8)
    assert sorted(opened) == ["001.png", "004.png"]


def test_whole_images_in_their_own_size_are_read_as_they_are(images):
    rectangles = np.array([[0.0, 0, 24, 24], [24, 0, 0, 24], [0, 0, 24, 23]])
    found = images.read(np.array([3, 3, 3]), rectangles, 24)
    np.testing.assert_array_equal(found[0], pictures()[3])
    np.testing.assert_array_equal(found[1], pictures()[3][:, :, ::-1])
    assert (found[2] != pictures()[3]).any()


def test_gray_sets_have_one_channel(images):
    gray = replace(images, channels=1)
    assert gray.read(np.arange(2), whole_rectangles(gray.sizes()[:2]), 24).shape == (2, 1, 24, 24)


def test_a_truncated_image_is_named(images):
    damage(images, 7)
    with pytest.raises(ImprintError, match=r"cannot decode the image .*007\.png"):
        images.read(np.arange(12), whole_rectangles(images.sizes()), 8)


def test_corrupt_images_are_found_and_others_keep_their_indices(images):
    damage(images, 2, 9)
    images.contents.file(4).write_bytes(b"")
    corrupt = find_corrupt(images)
    assert corrupt.tolist() == [2, 4, 9]
    rest = replace(images, corrupt=corrupt)
    assert usable_indices(rest).tolist() == [0, 1, 3, 5, 6, 7, 8, 10, 11]
    assert rest.sizes()[[2, 4, 9]].tolist() == [[0, 0]] * 3
    np.testing.assert_array_equal(
        rest.read(np.array([10]), np.array([[0.0, 0, 24, 24]]), 24)[0], pictures()[10]
    )
    assert rest.fingerprint() != images.fingerprint()


def test_arrays_have_no_corrupt_images():
    arrays = ArrayImages(pictures(3), np.zeros(3, dtype=np.int64), ("a",))
    assert usable_indices(arrays).tolist() == [0, 1, 2]


def test_equal_images_come_into_memory_exactly(tmp_path):
    boxes = [np.array([[0, 0, 3, row + 1]]) for row in range(5)]
    images = in_files(tmp_path / "wide", pictures(5, 30, 18), object_boxes=boxes)
    arrays = in_memory(images)
    assert isinstance(arrays, ArrayImages)
    np.testing.assert_array_equal(arrays.pixels, pictures(5, 30, 18))
    assert arrays.sizes().tolist() == [[30, 18]] * 5
    assert arrays.name_of(2) == "002.png"
    assert arrays.boxes() is boxes


def test_what_does_not_fit_stays_in_files(images, tmp_path):
    assert in_memory(images, limit=12 * 3 * 24 * 24 - 1) is images
    assert in_memory(images, limit=12 * 3 * 24 * 24) is not images
    Image.new("RGB", (23, 24)).save(images.contents.file(11))
    uneven = replace(images)
    assert in_memory(uneven) is uneven
    some_corrupt = replace(in_files(tmp_path / "b", pictures()), corrupt=np.array([1]))
    assert in_memory(some_corrupt) is some_corrupt


@pytest.mark.parametrize("batch_size", [1, 5, 12, 100])
def test_a_stream_is_the_batches_of_a_read(images, batch_size):
    rectangles = np.tile([2.0, 1, 22, 19], (12, 1))
    order = np.random.default_rng(2).permutation(12)
    for source in (images, in_memory(images)):
        batches = list(stream(source, order, rectangles, 7, batch_size))
        assert [len(batch) for batch in batches[:-1]] == [batch_size] * (len(batches) - 1)
        np.testing.assert_array_equal(np.concatenate(batches), source.read(order, rectangles, 7))


def test_an_empty_stream_ends(images):
    assert list(stream(images, np.empty(0, dtype=np.int64), np.empty((0, 4)), 7, 4)) == []


def test_a_stream_decodes_one_batch_ahead(images):
    asked = []
    ahead = threading.Event()
    plain = images.read

    class Watched(EncodedImages):
        def read(self, indices, rectangles, size):
            asked.append(indices.tolist())
            if len(asked) == 2:
                ahead.set()
            return plain(indices, rectangles, size)

    watched = Watched(images.contents, images.labels, images.classes, images.name)
    batches = stream(watched, np.arange(12), whole_rectangles(images.sizes()), 7, 3)
    next(batches)
    assert ahead.wait(timeout=10)
    assert asked == [[0, 1, 2], [3, 4, 5]]
    batches.close()


def test_a_stream_passes_errors_on(images):
    damage(images, 8)
    batches = stream(images, np.arange(12), whole_rectangles(images.sizes()), 7, 4)
    assert len(next(batches)) == 4
    assert len(next(batches)) == 4
    with pytest.raises(ImprintError, match=r"008\.png"):
        next(batches)


def test_the_fingerprint_is_of_content_not_of_place_or_time(images, tmp_path):
    copy = in_files(tmp_path / "elsewhere", pictures())
    os.utime(copy.contents.file(0), (1, 1))
    assert copy.fingerprint() == images.fingerprint()
    boxes = [np.array([[0, 0, 1, 1]])] * 12
    others = [
        replace(images, labels=images.labels[::-1]),
        replace(images, classes=("a", "b", "d")),
        replace(images, channels=1),
        replace(images, object_boxes=boxes),
        replace(images, object_boxes=[np.array([[0, 0, 1, 2]]), *boxes[1:]]),
        replace(images, contents=images.contents.select(np.arange(11)), labels=images.labels[:11]),
        in_files(tmp_path / "third", pictures(12, 30, 24)),
    ]
    fingerprints = {other.fingerprint() for other in others}
    assert len(fingerprints | {images.fingerprint()}) == len(others) + 1


def test_lengths_must_agree(images):
    with pytest.raises(ImprintError, match="12 images need as many labels and box lists, got 11"):
        replace(images, labels=images.labels[:11])
    with pytest.raises(ImprintError, match="got 12 and 3"):
        replace(images, object_boxes=[np.empty((0, 4))] * 3)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_process_decodes_with_a_pool_of_its_own(images):
    rectangles = whole_rectangles(images.sizes())
    expected = images.read(np.arange(12), rectangles, 6)
    child = os.fork()
    if child == 0:
        same = (images.read(np.arange(12), rectangles, 6) == expected).all()
        os._exit(0 if same else 1)
    assert os.waitpid(child, 0)[1] == 0


def test_files_become_grey_for_one_channel_whether_in_memory_or_not(images):
    grey, decoded = in_channels(images, 1), in_channels(in_memory(images), 1)
    assert grey.channels == decoded.channels == 1
    every = np.arange(len(images))
    whole = whole_rectangles(images.sizes())
    np.testing.assert_array_equal(grey.read(every, whole, 24), decoded.read(every, whole, 24))
    assert in_channels(images, 3) is images
    assert in_channels(grey, 1) is grey
