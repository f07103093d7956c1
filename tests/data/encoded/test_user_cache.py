import hashlib
import io
import os

import numpy as np
import pytest

from imprint.data.encoded.user_cache import _file, keep, read_kept

VERSION = b"v 1\n"


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def put(body):
    """Put a cache of somebody else's making in place, its hash right."""
    keep("kind", "key", VERSION, [])
    _file("kind", "key").write_bytes(VERSION + hashlib.sha256(body).digest() + body)


def header(text):
    return b"\x93NUMPY\x01\0" + (len(text) + 1).to_bytes(2, "little") + text.encode() + b"\n"


def shaped(shape, kind="<i8"):
    return header(f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}}}")


def test_what_is_kept_comes_back():
    arrays = [np.arange(6).reshape(2, 3), np.empty(0, np.uint8), np.asfortranarray(np.eye(3)[:2])]
    keep("kind", "key", VERSION, arrays)
    kept = read_kept("kind", "key", VERSION)
    assert [array.tolist() for array in kept] == [array.tolist() for array in arrays]
    assert [array.dtype for array in kept] == [array.dtype for array in arrays]
    assert kept[0].flags.writeable
    assert read_kept("kind", "other", VERSION) is None
    assert read_kept("kind", "key", b"v 2\n") is None


def zipped():
    stream = io.BytesIO()
    np.savez(stream, a=np.ones(3))
    return stream.getvalue()


@pytest.mark.parametrize(
    "body",
    [
        shaped("(10000000000000,)"),
        shaped("(800000000,)"),
        shaped("(-3,)"),
        shaped("(99999999999999,)", "|V0"),
        shaped("(1,)", "|O") + b"01234567",
        header("(" * 5000),
        zipped(),
        shaped("(0,)") * 30_000,
    ],
    ids=["10 TB", "6 GB", "negative", "void", "objects", "nested", "zip", "many"],
)
def test_a_hostile_cache_is_as_good_as_none(body):
    put(body)
    assert read_kept("kind", "key", VERSION) is None


def test_a_pipe_or_an_endless_file_in_the_cache_is_as_good_as_none():
    keep("kind", "key", VERSION, [])
    file = _file("kind", "key")
    file.unlink()
    os.mkfifo(file)
    assert read_kept("kind", "key", VERSION) is None
    file.unlink()
    file.symlink_to("/dev/zero")
    assert read_kept("kind", "key", VERSION) is None
