import numpy as np
import pytest

from imprint.study.peak_memory import measured


def test_memory_that_came_and_went_is_seen():
    with measured() as cost:
        np.ones(8_000_000).sum()
    if cost.peak_bytes is None:
        pytest.skip("this system does not tell the resident peak")
    assert 60e6 < cost.peak_bytes < 120e6
    with measured() as after:
        np.ones(1_000).sum()
    assert after.peak_bytes < 30e6
    assert cost.seconds > 0
    assert cost.cpu_seconds > 0


def test_work_needs_as_much_the_second_time():
    def work():
        # Small enough for the heap, whose pages stay when all but the last part of it is free.
        return [np.ones(8_000) for _ in range(1_000)][-1]

    costs, kept = [], []
    for _ in range(3):
        with measured() as cost:
            kept.append(work())
        costs.append(cost.peak_bytes)
    if None in costs:
        pytest.skip("this system does not tell the resident peak")
    assert min(costs) > 55e6
