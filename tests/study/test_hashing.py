import numpy as np

from imprint.study.hashing import hash_arrays


def test_hash_of_arrays_sees_bytes():
    assert hash_arrays(np.arange(3)) == hash_arrays(np.arange(6)[::2] // 2)
    assert hash_arrays(np.arange(3)) != hash_arrays(np.arange(4))
