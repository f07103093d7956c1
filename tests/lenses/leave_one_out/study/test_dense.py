import json
import shutil

import numpy as np
import pytest
from scipy.stats import multivariate_normal, norm

from imprint.cli import main
from imprint.lenses.leave_one_out.study import fitted
from imprint.study.tables import read_table
from tests.lenses.leave_one_out.study.refits import (
    NOISE,
    RECORDS,
    WIDTH,
    kl,
    plain_kernel,
    refit,
    values_of,
    words,
)


def test_records_are_what_refits_without_them_say(arrays, study):
    found = read_table(study / "leave_one_out" / "records.parquet")
    everyone = np.arange(RECORDS)
    assert found["index"].tolist() == everyone.tolist()
    for row in everyone:
        queried = arrays["x"][row]
        without = refit(arrays, np.delete(everyone, row), queried)
        label = int(arrays["y"][row] == 3)
        for name, value in values_of(without, refit(arrays, everyone, queried), label).items():
            assert found[name][row] == pytest.approx(value, rel=1e-9, abs=1e-9), name


def test_model_quality_is_that_of_refits_without_each_record(arrays, study):
    table = read_table(study / "leave_one_out" / "records.parquet")
    everyone, densities = np.arange(RECORDS), []
    for row in everyone:
        mean, variance = refit(arrays, np.delete(everyone, row), arrays["x"][row])
        for place in range(2):
            value = table[f"leave_one_out_mean_{place}"][row]
            assert value == pytest.approx(mean[place], rel=1e-9, abs=1e-12)
        assert table["leave_one_out_variance"][row] == pytest.approx(variance, rel=1e-9)
        target = np.eye(2)[int(arrays["y"][row] == 3)] - 0.5
        densities.append(norm(mean, np.sqrt(variance + NOISE)).logpdf(target).sum())
    np.testing.assert_allclose(table["log_predictive_density"], densities, rtol=1e-8)
    found = json.loads((study / "summary.json").read_text())["lenses"]["leave_one_out"]
    density = found["log_predictive_density"]
    assert density["value"] == pytest.approx(np.mean(densities))
    assert density["ci95"][0] < density["value"] < density["ci95"][1]
    targets = np.eye(2)[(arrays["y"] == 3).astype(int)] - 0.5
    prior = plain_kernel(arrays["x"], arrays["x"]) + NOISE * np.eye(RECORDS)
    expected = sum(multivariate_normal(cov=prior).logpdf(column) for column in targets.T)
    assert found["log_evidence"] == pytest.approx(expected, rel=1e-9)
    page = (study / "report.html").read_text()
    assert "Leave-one-out log predictive density" in page


def test_the_first_noise_is_fitted_and_all_make_the_path(study):
    path = read_table(study / "leave_one_out" / "noise_path.parquet")
    assert path["noise"].tolist() == [0.1, 0.01, 1.0]
    summary = json.loads((study / "summary.json").read_text())["lenses"]["leave_one_out"]
    assert path["kl_median"][0] == pytest.approx(summary["kl_out_in"]["median"]["value"], rel=1e-9)
    assert path["leave_one_out_accuracy"][0] == summary["leave_one_out_accuracy"]["value"]
    freedom = path["effective_degrees_of_freedom"]
    assert freedom[1] > freedom[0] > freedom[2]
    assert freedom[0] == pytest.approx(summary["effective_degrees_of_freedom"], rel=1e-9)


def test_a_finished_fit_is_not_made_again(study, tmp_path, monkeypatch):
    copy = tmp_path / "out"
    shutil.copytree(study, copy)
    monkeypatch.setattr(fitted, "fit", None)
    main(words(study.parent / "arrays.npz", copy, "--noise", "0.1,0.01,1", "--json"))
    with pytest.raises(SystemExit):
        main(words(study.parent / "arrays.npz", copy, "--noise", "0.2"))


def test_copies_are_shown_and_left_out_together(arrays, tmp_path, capsys):
    x, y = arrays["x"].copy(), arrays["y"].copy()
    x[3], y[3] = x[2], y[2]
    np.savez(tmp_path / "arrays.npz", x=x, y=y)
    main(words(tmp_path / "arrays.npz", tmp_path / "out"))
    assert "2 records have exact copies, [2, 3]" in capsys.readouterr().err
    found = read_table(tmp_path / "out" / "leave_one_out" / "records.parquet")
    assert found["copies"].tolist() == [0, 0, 1, 1] + [0] * (RECORDS - 4)
    changed = {"x": x, "y": y}
    both = np.delete(np.arange(RECORDS), [2, 3])
    expected = kl(refit(changed, both, x[2]), refit(changed, np.arange(RECORDS), x[2]))
    assert found["kl_out_in"][2] == pytest.approx(expected, rel=1e-9)
    single = found["copies"] == 0
    np.testing.assert_allclose(
        found["kl_out_in_alone"][single], found["kl_out_in"][single], rtol=1e-12
    )


def test_random_labels_of_copies_are_not_predicted(tmp_path, capsys):
    """60 rows with random labels, each twice: every number as if each copy had gone with it."""
    random = np.random.default_rng(0)
    x, y = random.normal(size=(60, WIDTH)), random.integers(0, 2, 60) * 2 + 1
    arrays = {"x": np.concatenate([x, x]), "y": np.concatenate([y, y])}
    np.savez(tmp_path / "twice.npz", **arrays)
    main(words(tmp_path / "twice.npz", tmp_path / "twice", "--noise", "0.1,1"))
    found = json.loads((tmp_path / "twice" / "summary.json").read_text())
    found = found["lenses"]["leave_one_out"]
    assert (found["records"], found["distinct"]) == (120, 60)
    accuracy = found["leave_one_out_accuracy"]
    assert accuracy["n"] == found["kl_out_in"]["median"]["n"] == 60
    low, high = accuracy["ci95"]
    assert low < 0.5 < high
    assert high - low > 0.2
    table = read_table(tmp_path / "twice" / "leave_one_out" / "records.parquet")
    assert (table["prediction_out_alone"] == table["label"]).all()
    everyone = np.arange(120)
    for row in (0, 17, 59, 77):
        rest = everyone[everyone % 60 != row % 60]
        without, whole = (refit(arrays, rows, arrays["x"][row]) for rows in (rest, everyone))
        label = int(arrays["y"][row] == 3)
        values = values_of(without, whole, label)
        # What the fit follows of the mean of both targets.
        values["leverage"] = 1 - whole[1] / without[1]
        for name, value in values.items():
            assert table[name][row] == pytest.approx(value, rel=1e-8, abs=1e-9), name
    path = found["noise_path"]
    assert path["leave_one_out_accuracy"][0] == pytest.approx(accuracy["value"])
    assert path["kl_median"][0] == pytest.approx(found["kl_out_in"]["median"]["value"])
    shown = " ".join(capsys.readouterr().out.split())
    assert "records 120, 60 of them distinct" in shown
    assert f"leave-one-out accuracy {100 * accuracy['value']:.1f}%" in shown
    page = (tmp_path / "twice" / "report.html").read_text()
    assert "every number and interval is over 60 distinct records" in page


def test_near_copies_are_shown(tmp_path, capsys):
    random = np.random.default_rng(1)
    x, y = random.normal(size=(40, WIDTH)), np.arange(40) % 2
    x[7] = x[3] * (1 + 1e-4)
    x[9] = x[3] + 1e-4
    np.savez(tmp_path / "a.npz", x=x, y=y)
    main(words(tmp_path / "a.npz", tmp_path / "out"))
    found = json.loads((tmp_path / "out" / "summary.json").read_text())
    near = found["lenses"]["leave_one_out"]["duplicates"]["near"]
    assert (near["distance"], near["records"], near["first"]) == (0.01, 3, [[3, 7, 9]])
    shown = " ".join(capsys.readouterr().out.split())
    assert "near copies (within 1%), left out one at a time 3 records in 1 group" in shown
    assert "are near copies, within 1" in (tmp_path / "out" / "report.html").read_text()


def test_lost_digits_and_shrinking_variances_are_shown(arrays, tmp_path, capsys):
    np.savez(tmp_path / "arrays.npz", x=arrays["x"], y=arrays["y"])
    start = ["leave-one-out", "fit", "--arrays", str(tmp_path / "arrays.npz"), "--json"]
    main([*start, "--out", str(tmp_path / "relu")])
    assert "half of the digits" not in capsys.readouterr().err
    arrays = {"x": np.vstack([arrays["x"], arrays["x"]]), "y": np.tile(arrays["y"], 2)}
    np.savez(tmp_path / "arrays.npz", **arrays)
    main([*start, "--activation", "gelu", "--noise", "1e-13", "--out", str(tmp_path / "gelu")])
    shown = capsys.readouterr().err
    assert "w_std 1.4142 is that of relu: the variance of a typical record goes from" in shown
    assert "the inverse of the kernel matrix is off by" in shown
