import json

import numpy as np
import pytest
import torch

from imprint.cli import run
from imprint.core.errors import ImprintError
from imprint.lenses.leave_one_out.options import RecordOptions
from imprint.lenses.leave_one_out.study.fitted import check_fit, double_device
from imprint.lenses.leave_one_out.study.normalisation import (
    compare_normalisation,
    gaussian_divergence,
    normalisation_findings,
)
from imprint.lenses.leave_one_out.study.records import read_records
from imprint.study.tables import column_meanings, read_table

IMAGES = {"composite_count": 30, "input_size": 4, "kernel": "rbf"}


def posterior_at(kernel, values, targets, query, noise):
    """Return mean [c] and variance of a prediction, by a plain solve."""
    cross, inverse = (
        kernel(query, values),
        torch.linalg.inv(kernel(values) + noise * torch.eye(len(values)).double()),
    )
    variance = kernel.diagonal(query) - (cross @ inverse @ cross.T).diagonal()
    return (cross @ inverse @ targets)[0], float(variance[0])


def test_values_equal_those_of_two_fits_by_hand(tmp_path):
    options = RecordOptions(out=tmp_path, **IMAGES)
    inputs, _, _ = read_records(options)
    fit = check_fit(inputs, options, double_device("cpu"))
    columns = compare_normalisation(fit, np.array([4, 17]))
    unit, targets = inputs.pixels.unit(inputs.values), fit.targets
    for place, row in enumerate((4, 17)):
        others = np.delete(np.arange(len(unit)), row)

        def scaled(images, of):
            mean, std = of.mean((0, 2, 3)), of.std((0, 2, 3))
            return torch.from_numpy((images - mean[:, None, None]) / std[:, None, None])

        out = scaled(unit, unit[others])
        own = scaled(unit, unit)
        mean_out, variance_out = posterior_at(
            fit.kernel, out[others], targets[others], out[row][None], 0.1
        )
        for name, values in (("dependent", own), ("independent", out)):
            mean_in, variance_in = posterior_at(fit.kernel, values, targets, values[row][None], 0.1)
            wanted = gaussian_divergence(mean_in - mean_out, variance_out, variance_in)
            assert columns[f"kl_out_in_{name}"][place] == pytest.approx(wanted, rel=1e-6)
            distance = float((mean_in - mean_out).square().mean()) / 2
            assert columns[f"mean_distance_{name}"][place] == pytest.approx(distance, rel=1e-6)


def test_findings_compare_both():
    columns = {
        "index": np.arange(3),
        "kl_out_in_independent": np.array([1.0, 2.0, 4.0]),
        "kl_out_in_dependent": np.array([1.1, 2.0, 3.0]),
        "mean_distance_independent": np.array([1.0, 1.0, 1.0]),
        "mean_distance_dependent": np.array([1.0, 2.0, 1.5]),
    }
    findings = normalisation_findings(columns, 0.1)
    assert findings.difference.value == pytest.approx(0.1)
    assert findings.largest_difference == pytest.approx(0.25)
    assert findings.distance_difference.value == pytest.approx(0.5)
    assert findings.spearman == pytest.approx(1)


def test_a_fit_of_images_shows_how_far_they_are_apart(tmp_path):
    words = ["--composite-count", "40", "--input-size", "4", "--own-statistics", "4", "--json"]
    out = tmp_path / "out"
    found = run(["leave-one-out", "fit", *words, "--out", str(out)])["lenses"]
    assert found["leave_one_out_normalisation"]["records"] == 4
    file = out / "leave_one_out_normalisation" / "records.parquet"
    assert set(column_meanings(file)) == set(read_table(file))
    assert (
        "normalised by the mean and deviation of its own images"
        in (out / "report.html").read_text()
    )
    json.loads((out / "summary.json").read_text())


def test_it_is_refused_where_records_normalise_nothing(tmp_path):
    np.savez(tmp_path / "a.npz", x=np.eye(4), y=[0, 0, 1, 1])
    words = ["--own-statistics", "2", "--out", str(tmp_path / "out")]
    refused = (["--arrays", str(tmp_path / "a.npz")], ["--scaling", "unit"])
    for more in refused:
        with pytest.raises(ImprintError, match="--own-statistics applies to images"):
            run(["leave-one-out", "fit", *more, *words])
    with pytest.raises(ImprintError, match="takes --method dense, not exact"):
        run(["leave-one-out", "fit", "--method", "exact", *words])
