from dataclasses import replace

import pytest

from imprint.core.errors import ImprintError
from tests.train.cohort.small_cohort import MLP


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"batch_size": 1}, "batch_size must be at least 2, got 1"),
        ({"warmup": 1.5}, r"warmup must be in \[0, 1\], got 1.5"),
        ({"epsilon": 1.0, "noise_multiplier": 1.0}, "exclude each other"),
        ({"epsilon": 1.0, "engine": "stacked"}, "gradients of single examples"),
        ({"delta": 0.0}, r"delta must be in \(0, 1\), got 0"),
    ],
)
def test_impossible_options_are_refused(change, message):
    with pytest.raises(ImprintError, match=message):
        replace(MLP, **change)
