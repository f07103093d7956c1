import numpy as np
import pytest

from imprint.core.errors import ImprintError
from imprint.study.npz import read_npz


def test_named_arrays_come_back(tmp_path):
    np.savez(tmp_path / "a.npz", x=np.arange(3), y=[0.5])
    found = read_npz(tmp_path / "a.npz", ("x",), ("y",))
    assert found["x"].tolist() == [0, 1, 2]
    assert found["y"].tolist() == [0.5]


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_a_file_cut_short_is_told(tmp_path, save):
    file = tmp_path / "a.npz"
    save(file, x=np.random.default_rng(0).random(1000))
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(ImprintError, match=r"a\.npz is not an \.npz file of plain arrays"):
        read_npz(file, ("x",), ())


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_flipped_bytes_are_told(tmp_path, save):
    file = tmp_path / "a.npz"
    save(file, x=np.random.default_rng(0).random(1000))
    content = bytearray(file.read_bytes())
    for place in range(1000, 1020):
        content[place] ^= 0xFF
    file.write_bytes(content)
    with pytest.raises(ImprintError, match=r"a\.npz is not an \.npz file of plain arrays"):
        read_npz(file, ("x",), ())


def test_one_array_or_a_text_is_told_how_to_be_saved(tmp_path):
    np.save(tmp_path / "one.npy", np.arange(3))
    (tmp_path / "text.npz").write_text("no arrays")
    for name in ("one.npy", "text.npz"):
        with pytest.raises(ImprintError, match=r"save them with np\.savez"):
            read_npz(tmp_path / name, ("x",), ())
