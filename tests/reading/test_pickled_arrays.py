"""Pickles are read without unpickling: the two shapes of CIFAR come back, all else is refused."""

import pickle

import numpy as np
import pytest

from imprint.core.errors import ImprintError
from imprint.reading.pickled_arrays import read_pickled

CRASHES_NUMPY = bytes.fromhex(
    "8002636e756d70790a64747970650a71135802000000753171148988877115527116284b0358010000007c714e4e"
    "4affffffff4affffffff4b00747118622e"
)
LONG_MEMO = b"\x80\x02]r\xff\xff\xff\xff."
"""Nine bytes for which an unpickler takes 4.3 GB, of places for what it may be asked for again."""
LONG_TEXT = b"\x80\x04\x8e" + b"\xff" * 7 + b"\x7f."

PYTHON_2 = (
    b"\x80\x02}q\x01(U\x04dataq\x02cnumpy.core.multiarray\n_reconstruct\nq\x03cnumpy\nndarray\nq\x04"
    b"K\x00\x85U\x01b\x87Rq\x05(K\x01K\x02K\x03\x86cnumpy\ndtype\nq\x06U\x02u1K\x00K\x01\x87Rq\x07"
    b"(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89U\x06\x00\x01\x02\x03\x04\xfftb"
    b"U\x06labelsq\x08]q\t(K\x07K\x03eu."
)
"""What cPickle of Python 2 writes for uint8 [2, 3] and two labels, as in the published files."""


def read(tmp_path, content):
    (tmp_path / "a").write_bytes(content)
    return read_pickled(tmp_path / "a")


def refused(tmp_path, content):
    with pytest.raises(ImprintError) as caught:
        read(tmp_path, content)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_the_shape_of_python_2_comes_back(tmp_path):
    content = read(tmp_path, PYTHON_2)
    assert content[b"data"].tolist() == [[0, 1, 2], [3, 4, 255]]
    assert content[b"labels"] == [7, 3]


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("order", ["C", "F"])
def test_the_shapes_of_python_3_come_back(tmp_path, protocol, order):
    data = np.asarray(np.arange(24, dtype=np.uint8).reshape(4, 6), order=order)
    plain = {b"batch_label": b"x", "labels": [1, -5, 300, 70000], "names": ["é", b"b"], 3: None}
    content = read(tmp_path, pickle.dumps({**plain, b"data": data}, protocol))
    np.testing.assert_array_equal(content.pop(b"data"), data)
    assert content == plain


@pytest.mark.parametrize("content", [CRASHES_NUMPY, LONG_TEXT])
def test_what_crashes_unpicklers_is_rejected(tmp_path, content):
    assert "damaged" in refused(tmp_path, content) or "refused" in refused(tmp_path, content)


class Evil:
    def __reduce__(self):
        return (print, ("run",))


@pytest.mark.parametrize("protocol", range(5))
@pytest.mark.parametrize(
    "value",
    [
        Evil(),
        {"data": Evil()},
        {"data": np.zeros(3)},
        {"data": np.array([{}])},
        {"data": np.array(["a"])},
        {"data": {1, 2}},
        {"data": bytearray(b"ab")},
        {"data": complex(1, 2)},
        {"data": range(3)},
    ],
)
def test_all_else_is_refused(tmp_path, capsys, protocol, value):
    refused(tmp_path, pickle.dumps(value, protocol))
    assert capsys.readouterr().out == ""


def test_a_number_of_the_memo_takes_no_memory(tmp_path):
    assert read(tmp_path, LONG_MEMO) == []


def test_a_shape_without_its_bytes_is_refused(tmp_path):
    for number in (b"J\xff\xff\xff\x7f", b"J\xff\xff\xff\xff"):
        content = PYTHON_2.replace(b"K\x02K\x03\x86", number + b"K\x03\x86")
        assert "bytes" in refused(tmp_path, content)


def test_many_steps_are_refused(tmp_path):
    assert "steps" in refused(tmp_path, b"\x80\x02](" + b"]" * 600_000 + b"e.")
