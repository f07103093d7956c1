import io
import struct
import zipfile

import numpy as np
import pytest

from imprint.core.errors import ImprintError
from imprint.reading.array_files import npz_checksums, read_npy, read_npz


def header_of(shape, descr="<i8"):
    text = f"{{'descr': {descr!r}, 'fortran_order': False, 'shape': {shape}, }}"
    padded = text.ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(padded)) + padded.encode()


def refused(read, path):
    with pytest.raises(ImprintError) as caught:
        read(path)
    sentence = str(caught.value)
    assert str(path) in sentence
    assert "\n" not in sentence
    return sentence


ARRAYS = {
    "numbers": np.arange(6.0).reshape(2, 3),
    "columns": np.asfortranarray(np.arange(6).reshape(2, 3)),
    "words": np.array(["é", "b"]),
    "nothing": np.empty((0, 4)),
    "single": np.float32(3),
}


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_arrays_come_back(tmp_path, save):
    save(tmp_path / "a.npz", **ARRAYS)
    arrays = read_npz(tmp_path / "a.npz")
    assert list(arrays) == list(ARRAYS)
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(arrays[name], array)
    assert list(read_npz(tmp_path / "a.npz", ("words", "absent"))) == ["words"]
    assert [name for name, _ in npz_checksums(tmp_path / "a.npz")] == [f"{n}.npy" for n in ARRAYS]
    np.save(tmp_path / "a.npy", ARRAYS["columns"])
    np.testing.assert_array_equal(read_npy(tmp_path / "a.npy"), ARRAYS["columns"])


@pytest.mark.parametrize(
    ("shape", "descr"),
    [
        ((50 << 30,), "|u1"),
        ((10**12, 10**12), "<f8"),
        ((10**12, 0), "<f8"),
        ((10**12,), "|S0"),
        ((-1,), "<i8"),
        ((2,), "|O"),
        ((2,), [("a", "|O")]),
        ((2,), "x"),
    ],
)
def test_headers_that_promise_what_is_not_there_take_no_memory(tmp_path, shape, descr):
    content = header_of(shape, descr) + bytes(16)
    (tmp_path / "a.npy").write_bytes(content)
    refused(read_npy, tmp_path / "a.npy")
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("x.npy", content)
    refused(read_npz, tmp_path / "a.npz")


def test_bytes_behind_an_array_are_refused(tmp_path):
    np.save(tmp_path / "a.npy", np.arange(3))
    with (tmp_path / "a.npy").open("ab") as file:
        file.write(b"more")
    assert "promises 24 bytes, and 28 follow" in refused(read_npy, tmp_path / "a.npy")


def test_an_archive_that_unpacks_to_gigabytes_is_refused_unread(tmp_path):
    path = tmp_path / "bomb.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in "abc":
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                member.write(header_of((50 << 20,), "|u1"))
                for _ in range(50):
                    member.write(bytes(1 << 20))
    assert "would unpack to 157,286,784" in refused(read_npz, path)


def test_damaged_archives_are_rejected(tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, x=np.arange(9))
    whole = path.read_bytes()
    for content in (b"", b"PK\x03\x04", whole[:-30], whole[:200], b"\x93NUMPY" + whole[6:]):
        path.write_bytes(content)
        refused(read_npz, path)
    np.save(tmp_path / "one.npy", np.arange(3))
    assert "it holds one array" in refused(read_npz, tmp_path / "one.npy")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("x.npy", header_of((0,)))
    assert "packed by another method" in refused(read_npz, path)


def test_an_array_of_that_name_twice_is_refused(tmp_path):
    buffer = io.BytesIO()
    np.save(buffer, np.arange(3))
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("x.npy", buffer.getvalue())
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr("x.npy", buffer.getvalue())
    assert "under one name" in refused(read_npz, tmp_path / "a.npz")
