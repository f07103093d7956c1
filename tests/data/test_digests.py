import hashlib
import os
import time

import numpy as np
import pytest

from imprint.core.errors import ImprintError
from imprint.data import digests
from imprint.data.digests import file_digests
from imprint.data.encoded import user_cache

NAMES = ["b/1.png", "b/2.png", "a/1.png"]


@pytest.fixture
def root(tmp_path, monkeypatch):
    """Return a folder of files whose times are long settled, and a cache of its own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for number, name in enumerate(NAMES):
        file = tmp_path / "data" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(bytes([number]) * 100)
    monkeypatch.setattr(digests, "SETTLED_NS", -(10**12))
    return tmp_path / "data"


def bare(root, names=NAMES):
    return [hashlib.sha256((root / name).read_bytes()).digest() for name in names]


def hashed(monkeypatch):
    """Return a list that each file is added to when it is hashed."""
    files = []
    whole = digests._sha256
    monkeypatch.setattr(digests, "_sha256", lambda file: (files.append(file), whole(file))[1])
    return files


def test_digests_are_those_of_the_bytes_cold_and_warm(root, monkeypatch):
    files = hashed(monkeypatch)
    for _ in range(2):
        assert [row.tobytes() for row in file_digests(root, NAMES)] == bare(root)
    assert len(files) == 3
    more = [*NAMES[1:], "a/2.png"]
    (root / "a/2.png").write_bytes(b"new")
    assert [row.tobytes() for row in file_digests(root, more)] == bare(root, more)
    assert len(files) == 4


def test_a_file_that_was_replaced_under_the_same_size_and_time_is_hashed_again(root):
    file_digests(root, NAMES)
    file = root / NAMES[1]
    before = file.stat()
    time.sleep(0.02)
    with file.open("r+b") as stream:
        stream.write(b"x")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert file.stat().st_ino == before.st_ino
    assert file.stat().st_size == before.st_size
    assert [row.tobytes() for row in file_digests(root, NAMES)] == bare(root)


def test_what_was_changed_a_moment_ago_is_not_kept(root, monkeypatch):
    monkeypatch.setattr(digests, "SETTLED_NS", 10**15)
    files = hashed(monkeypatch)
    for _ in range(2):
        file_digests(root, NAMES)
    assert len(files) == 6
    assert not (root.parent / "cache").exists()


@pytest.mark.parametrize("damage", [b"", b"imprint digests 1\n", b"other"])
def test_a_damaged_cache_is_as_good_as_none(root, damage):
    file_digests(root, NAMES)
    (cache,) = (root.parent / "cache/imprint/digests").iterdir()
    whole = cache.read_bytes()
    for content in (damage, whole[:-1], whole[:-40] + bytes(40)):
        cache.write_bytes(content)
        assert [row.tobytes() for row in file_digests(root, NAMES)] == bare(root)
    assert cache.read_bytes() == whole


@pytest.mark.parametrize("place", ["/proc/none", "/dev/null"])
def test_a_cache_that_cannot_be_written_is_done_without(root, monkeypatch, place):
    monkeypatch.setenv("XDG_CACHE_HOME", place)
    assert [row.tobytes() for row in file_digests(root, NAMES)] == bare(root)


def test_the_cache_is_bounded_and_the_longest_unused_goes_first(root, monkeypatch):
    folder = root.parent / "cache/imprint/digests"
    folder.mkdir(parents=True)
    for age, name in enumerate(("recent", "old")):
        (folder / name).write_bytes(bytes(1000))
        os.utime(folder / name, (10**9 - age, 10**9 - age))
    monkeypatch.setattr(user_cache, "MOST_CACHE_BYTES", 2500)
    file_digests(root, NAMES)
    assert sorted(file.name == "recent" for file in folder.iterdir()) == [False, True]
    assert not (folder / "old").exists()


def test_a_missing_file_and_a_pipe_are_named(root):
    with pytest.raises(ImprintError, match=r"no file at .*b/9\.png: it was moved or deleted"):
        file_digests(root, ["b/9.png"])
    os.mkfifo(root / "b/3.png")
    with pytest.raises(ImprintError, match=r"b/3\.png is not a regular file"):
        file_digests(root, ["b/3.png"])


def test_names_that_are_not_utf8_are_digested(root):
    name = os.fsdecode(b"b/\xff.png")
    (root / name).write_bytes(b"odd")
    for _ in range(2):
        assert file_digests(root, [name])[0].tobytes() == hashlib.sha256(b"odd").digest()


def test_no_files_have_no_digests(root):
    assert file_digests(root, []).shape == (0, 32)
    assert file_digests(root, NAMES).dtype == np.uint8
