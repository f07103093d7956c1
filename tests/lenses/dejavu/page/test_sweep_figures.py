import pytest

from imprint.lenses.dejavu.findings import SweepPoint
from imprint.lenses.dejavu.page.sweep_figures import SweptAxis, accuracies, probes, shares
from imprint.train.probe_options import ProbeAccuracies, ProbeAccuracy
from tests.lenses.dejavu.page.cases import estimates, plain

TEST = {"100": estimates(target_accuracy=plain(0.5, 0.7), memorized=plain(0.2, 0.4))}


@pytest.mark.parametrize("count", [1, 2, 7])
def test_every_figure_of_a_sweep_is_drawn_for_one_point_and_for_many(count):
    swept = SweptAxis([float(n) for n in range(count)], [str(n) for n in range(count)], "epoch")
    accuracy = ProbeAccuracies(ProbeAccuracy(0.9, 1.0, 9), ProbeAccuracy(0.4, 1.0, 9))
    points = [
        SweepPoint("epochs", "", n, True, 1, TEST, linear_probe={"A": accuracy, "B": accuracy})
        for n in range(count)
    ]
    for figure in (
        accuracies("epochs_acc_top1", swept, [TEST] * count, ""),
        shares("epochs_partition_top1", swept, [TEST] * count, ""),
        probes("lp_epochs", swept, points),
    ):
        assert figure.svg().startswith("<svg")
    assert "90.0%" in probes("lp", swept, points).description
    assert "30.0% memorized" in shares("p", swept, [TEST] * count, "").description


def test_few_points_are_written_at_their_ticks():
    swept = SweptAxis([5.0, 20.0], ["5", "20"], "k")
    assert list(swept.axis.ticks) == [(5.0, "5"), (20.0, "20")]
    assert swept.axis.low < 5
