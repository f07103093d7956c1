from __future__ import annotations

import numpy as np
import pytest

from imprint.core.errors import ImprintError
from imprint.stats.inception import inception_score


def test_the_score_is_the_exponential_of_the_mean_divergence_from_the_mean() -> None:
    rows = np.random.default_rng(0).dirichlet(np.ones(4), size=7)
    mean = rows.mean(0)
    divergences = [sum(p * np.log(p / q) for p, q in zip(row, mean, strict=True)) for row in rows]
    assert inception_score(rows) == pytest.approx(np.exp(np.mean(divergences)), rel=1e-12)


def test_images_of_one_sure_class_score_one() -> None:
    assert inception_score([[0.0, 1.0]] * 3) == 1.0


@pytest.mark.parametrize("wrong", [[], [0.5, 0.5], np.zeros((0, 3))])
def test_no_images_are_refused(wrong: object) -> None:
    with pytest.raises(ImprintError, match="inception score"):
        inception_score(wrong)  # type: ignore[arg-type]
