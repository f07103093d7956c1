"""Images at offsets in files: more files than stay open, large headers, several threads."""

from __future__ import annotations

import hashlib
import io
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

from imprint.data.encoded import byte_ranges
from imprint.data.encoded.byte_ranges import MOST_OPEN, ByteRanges
from imprint.data.encoded.large_files import LargeFiles
from imprint.data.encoded.user_cache import stamp_file


def ranges(folder, pieces):
    """One file a list of pieces, with a gap before each."""
    paths, offsets, lengths = [], [], []
    for number, contents in enumerate(pieces):
        whole = b""
        for content in contents:
            whole += b"gap"
            offsets.append(len(whole))
            lengths.append(len(content))
            whole += content
        paths.append(folder / f"{number}.bin")
        paths[-1].write_bytes(whole)
    files = LargeFiles(
        tuple(paths),
        tuple(stamp_file(path) for path in paths),
        np.cumsum([0, *map(len, pieces)]),
    )
    names = [f"{row}.jpg" for row in range(len(offsets))]
    return ByteRanges(files, names, np.array(offsets), np.array(lengths))


def jpeg(side, extra=0):
    stream = io.BytesIO()
    settings = {"icc_profile": bytes(extra)} if extra else {}
    Image.new("RGB", (side, 5)).save(stream, "JPEG", **settings)
    return stream.getvalue()


def test_more_files_than_stay_open_are_read_by_threads(tmp_path):
    pieces = [[f"{number} {row}".encode() for row in range(3)] for number in range(MOST_OPEN + 9)]
    contents = ranges(tmp_path, pieces)
    flat = [content for file in pieces for content in file]
    order = np.random.default_rng(0).integers(0, len(flat), 2000).tolist()
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(contents.read, order)) == [flat[row] for row in order]
    assert byte_ranges._open.cache_info().currsize <= MOST_OPEN
    digests = contents.digests(np.array([5, 0]))
    assert digests[0].tobytes() == hashlib.sha256(flat[5]).digest()
    assert contents.select(np.array([7, 2])).read(1) == flat[2]
    assert contents.place(4) == f"4.jpg in {tmp_path}/1.bin"


@pytest.mark.parametrize("extra", [0, 40_000, 200_000])
def test_sizes_stand_in_headers_of_any_length(tmp_path, extra):
    contents = ranges(tmp_path, [[jpeg(7, extra)], [jpeg(9, extra)]])
    assert [contents.size(row) for row in range(2)] == [(7, 5), (9, 5)]


def test_files_without_images_are_stepped_over(tmp_path):
    contents = ranges(tmp_path, [[b"a"], [], [b"b"]])
    assert [contents.read(row) for row in range(2)] == [b"a", b"b"]
