import numpy as np

from imprint.lenses.dejavu.findings import Significance, SweepPoint, TwoModelFindings
from imprint.lenses.dejavu.page.tables import (
    control_results,
    sweep_table,
    two_model_classes,
    two_model_summary,
    two_model_table,
)
from imprint.report.terminal import to_text
from imprint.stats.control import Control
from imprint.stats.estimate import Estimate
from tests.lenses.dejavu.page.cases import NOTHING, estimates, plain

TEST = {"20": estimates(score=plain(0.1, 0.3)), "100": estimates(memorized=plain(0.2, 0.4))}


def test_cuts_come_largest_first_and_differences_in_points():
    table = two_model_table(TEST)
    assert [column.title for column in table.columns] == ["Quantity", "all images", "top 20%"]
    records = table.records()
    assert records[0]["quantity"] == "Déjà vu score (points)"
    assert records[0]["top_20"] == 0.2
    text = to_text([table])
    assert "+20.0" in text
    assert "30.0%" in text


def test_the_terminal_shows_accuracies_and_score_of_every_cut():
    rows = two_model_summary(TwoModelFindings(TEST, Significance(0, 0, 1.0))).records()
    assert [row["most_confident"] for row in rows] == ["all images", "top 20%"]


def test_failed_controls_come_first():
    passed = Control("Nothing.", NOTHING, 0.0)
    failed = Control("Something.", Estimate(0.9, (0.8, 1.0), 9), 0.0)
    results = control_results({"identical_models": passed, "permuted": failed})
    assert [result.name for result in results] == ["permuted", "identical models"]
    assert results[0].interval == "0.800 to 1.000"


def test_classes_without_images_are_left_out_and_the_largest_gap_comes_first():
    table = {
        "index": np.arange(3),
        "n": np.array([4.0, 0.0, 2.0]),
        "target_accuracy": np.array([0.5, np.nan, 1.0]),
        "reference_accuracy": np.array([0.5, np.nan, 0.5]),
        "gap": np.array([0.0, np.nan, 0.5]),
        "confidence_gap": np.array([0.1, np.nan, np.nan]),
    }
    rows = two_model_classes(table, ["cat", "dog"]).rows
    assert [row[0] for row in rows] == ["class 2", "cat"]


def test_a_sweep_has_a_row_a_point():
    point = SweepPoint("train.epochs", "9", 9, True, 1, {"100": estimates()})
    records = sweep_table([point]).records()
    assert (records[0]["varied"], records[0]["epoch"], records[0]["score_100"]) == (
        "epochs=9",
        9,
        0,
    )
