"""Images in files, by index: names, places, bytes, sizes, hashes, some of them."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from imprint.core.errors import ImprintError
from imprint.data.encoded.contents import ImageFiles, some_of
from imprint.data.encoded.decode import decode_image, encoded_size, load
from tests.data.sources.image_files import put_image


@pytest.fixture
def files(tmp_path):
    names = ["a/0.png", "a/1.png", "b/0.png"]
    for row, name in enumerate(names):
        put_image(tmp_path / name, (10 * row, 0, 0), (6, 4 + row))
    return ImageFiles(tmp_path, names)


def test_files_are_read_by_index(files):
    content = files.file(1).read_bytes()
    assert files.read(1) == content
    assert files.size(1) == (6, 5) == encoded_size(content, "1.png")
    digest = files.digests(np.array([1]))[0].tobytes()
    assert digest == hashlib.sha256(content).digest()
    assert np.array_equal(decode_image(content, "1.png"), load(files.file(1)))


@pytest.mark.parametrize("select", [ImageFiles.select, some_of])
def test_some_of_the_files_are_numbered_anew(files, select):
    later = select(files, np.array([2, 1]))
    assert later.names == ["b/0.png", "a/1.png"]
    assert later.size(0) == (6, 6)
    assert later.place(0) == files.place(2)
    assert later.read(1) == files.read(1)
    np.testing.assert_array_equal(later.digests(np.array([0])), files.digests(np.array([2])))
    assert later.select(np.array([1])).read(0) == files.read(1)


def test_an_image_that_is_gone_is_named(files):
    files.file(2).unlink()
    with pytest.raises(ImprintError, match=r"no image at .*b/0\.png: it was moved or deleted"):
        files.read(2)
