import numpy as np
import pytest

from imprint.core.errors import ImprintError
from imprint.study.stored_array import open_stored


def test_rows_are_read_as_they_were_written(tmp_path):
    values = np.arange(24, dtype=np.float32).reshape(4, 2, 3)
    np.save(tmp_path / "a.npy", values)
    stored = open_stored(tmp_path / "a.npy")
    assert (stored.shape, len(stored), stored.dtype) == ((4, 2, 3), 4, np.float32)
    for row in range(4):
        assert np.array_equal(stored.row(row), values[row])
    doubled = stored.converted(lambda row, number: 2.0 * row + number)
    assert np.array_equal(doubled.row(3), 2.0 * values[3] + 3)


def test_files_that_change_or_cannot_be_are_refused(tmp_path):
    file = tmp_path / "a.npy"
    np.save(file, np.asfortranarray(np.zeros((3, 4))))
    with pytest.raises(ImprintError, match="Fortran order"):
        open_stored(file)
    np.save(file, np.zeros((3, 4)))
    stored = open_stored(file)
    file.write_bytes(file.read_bytes()[:-8])
    with pytest.raises(ImprintError, match="cut off"):
        stored.row(2)
    with pytest.raises(ImprintError, match="header promises 96 bytes, and 88 follow"):
        open_stored(file)
    np.save(file, np.array([None]), allow_pickle=True)
    with pytest.raises(ImprintError, match="pickled objects"):
        open_stored(file)


@pytest.mark.parametrize("part", [slice(0, 1), slice(2, 5), slice(0, 9), slice(None)])
@pytest.mark.parametrize("shape", [(3, 9), (3, 2, 9), (3, 2, 2, 9)])
def test_parts_of_rows_are_read_alone(tmp_path, part, shape):
    values = np.arange(np.prod(shape)).reshape(shape)
    np.save(tmp_path / "a.npy", values)
    stored = open_stored(tmp_path / "a.npy").converted(lambda row, number: row + number)
    for row in range(3):
        assert np.array_equal(stored.row_part(row, part), values[row][..., part] + row)
