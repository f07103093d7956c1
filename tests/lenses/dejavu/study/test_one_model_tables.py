import numpy as np
import pytest

from imprint.study.tables import read_table


def test_tables_agree_with_findings(one_model_study, one_model_findings):
    findings = one_model_findings
    records = read_table(one_model_study / "tables" / "one_model" / "records.parquet")
    assert len(records["index"]) == 40
    for name, against in findings["against"].items():
        shares = np.bincount(records[f"{name}_category"], minlength=4) / 40
        every = against["test"]["100"]
        assert shares[1] == pytest.approx(every["memorized"]["value"])
        expected = records["confidence"] - records[f"{name}_confidence"]
        np.testing.assert_allclose(records[f"{name}_memorization"], expected)
    classes = read_table(one_model_study / "tables" / "one_model" / "classes.parquet")
    right = np.bincount(records["label"], records["prediction"] == records["label"], 10)
    np.testing.assert_allclose(classes["accuracy"], right / np.bincount(records["label"]))
    share = classes["n"] / classes["n"].sum()
    for name, against in findings["against"].items():
        accuracy = against["test"]["100"]["reference_accuracy"]["value"]
        assert classes[f"{name}_accuracy"] @ share == pytest.approx(accuracy)
    ranked = np.flatnonzero(records["rank"] >= 0)
    assert len(ranked) == findings["claims"]["claimed"]
    strength = records["strictest_memorization"][ranked][np.argsort(records["rank"][ranked])]
    assert (np.diff(strength) <= 0).all()
    explained = np.load(one_model_study / "tables" / "one_model" / "explained.npy")
    assert explained.tolist() == records["index"][records["explained"]].tolist()


def test_legacy_arrays_are_written_for_members_and_non_members(one_model_study):
    folder = one_model_study / "tables" / "one_model"
    for name in ("test", "valid"):
        assert np.load(folder / f"{name}_attk_A_neighb_idxs.npy").shape == (40, 10)
    for name in ("crop_classifier", "naive_bayes", "linear_head"):
        # Members and non-members, below the heading.
        assert len((folder / f"{name}.csv").read_text().splitlines()) == 81
    records = read_table(folder / "records.parquet")
    assert np.load(folder / "test_attk_A_attk_idxs.npy").tolist() == records["index"].tolist()
