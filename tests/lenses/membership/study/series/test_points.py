import numpy as np

from imprint.lenses.membership.study.records import RecordPool
from imprint.lenses.membership.study.series.options import StudyOptions
from imprint.lenses.membership.study.series.points import point_masks, point_seed


def options(**changes):
    values = {"over": "epsilon", "out": "unused", "models": 6, **changes}
    return StudyOptions(**values)


def test_budgets_have_masks_and_seeds_of_their_own():
    pool = RecordPool(index=np.arange(200), population=np.arange(0))
    names = ("epsilon 1", "epsilon 4", "no privacy")
    masks = [point_masks(options(), name, pool).members for name in names]
    for first, second in ((0, 1), (0, 2), (1, 2)):
        # 1,200 pairs of independent coins agree in one half; six deviations are 0.087.
        assert abs((masks[first] == masks[second]).mean() - 0.5) < 0.087
    assert len({point_seed(options(), name) for name in names}) == 3
