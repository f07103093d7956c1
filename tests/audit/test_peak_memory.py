import numpy as np
import pytest

from imprint.audit.peak_memory import measured


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
