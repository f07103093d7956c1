"""Evaluations of attacks for tests of what is said of them."""

from imprint.core.missing import Missing
from imprint.lenses.membership.findings import Evaluation
from imprint.stats.estimate import Estimate

Triple = tuple[float, float, float]


def make_evaluation(
    auc: Triple, tpr: Triple | None, tenth: Triple | None = (0.2, 0.1, 0.3)
) -> Evaluation:
    def estimate(triple: Triple | None) -> Estimate | Missing:
        if triple is None:
            return Missing("50 non-members show none")
        value, low, high = triple
        return Estimate(value, (low, high), 50)

    rates = {"0.1": estimate(tenth), "0.01": estimate(tpr)}
    area = estimate(auc)
    assert isinstance(area, Estimate)
    return Evaluation(area, rates, area, 0.02)
