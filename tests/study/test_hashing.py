import numpy as np

from imprint.study.hashing import hash_arrays


def test_hash_of_arrays_sees_bytes():
    assert hash_arrays(np.arange(3)) == hash_arrays(np.arange(6)[::2] // 2)
    assert hash_arrays(np.arange(3)) != hash_arrays(np.arange(4))


def test_hash_of_arrays_sees_their_shape_and_type():
    zeros = np.zeros((2, 6), dtype=np.int64)
    others = (zeros.reshape(6, 2), zeros.ravel(), zeros.astype(np.float64), zeros.view(np.int32))
    assert len({hash_arrays(array) for array in (zeros, *others)}) == 5
    assert hash_arrays(zeros[0], zeros[1]) != hash_arrays(zeros)
