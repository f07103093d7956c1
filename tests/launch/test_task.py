import pickle

import numpy as np

from imprint.launch.task import Group, Task
from tests.launch.probe_tasks import Held, sum_of


def group_of(*arguments):
    tasks = [Task(str(number), each) for number, each in enumerate(arguments)]
    return Group(sum_of, tasks, "sum", 0, "it", 1, 1)


def test_large_arrays_are_kept_apart_and_small_ones_are_not():
    large, small = np.arange(1 << 18, dtype=np.float64), np.arange(3)
    group = group_of((Held(large), small))
    apart = []
    packed = group.packed(group.tasks[0], apart)
    assert len(packed) < 2000
    assert [array.nbytes for array in apart] == [large.nbytes]
    function, (held, other) = pickle.loads(packed, buffers=apart)
    assert function is sum_of
    assert np.array_equal(held.array, large)
    assert np.array_equal(other, small)
    whole = group.packed(group.tasks[0])
    assert np.array_equal(pickle.loads(whole)[1][0].array, large)


def test_digests_tell_tasks_apart_by_their_content():
    large = np.zeros(1 << 18)
    other = large.copy()
    other[-1] = 1
    digests = list(group_of((large, 1), (large.copy(), 1), (other, 1), (large, 2)).digests.values())
    assert digests[0] == digests[1]
    assert len(set(digests)) == 3
    assert group_of((large, 1)).digests["0"] == digests[0]
