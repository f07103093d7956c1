"""Retrained networks queried along lines through the records left out."""

import dataclasses
import json

import numpy as np
import pytest
import torch

from imprint.core.errors import ImprintError
from imprint.lenses.leave_one_out.retraining_options import RetrainingOptions
from imprint.lenses.leave_one_out.study.compare import retrain_study
from imprint.lenses.leave_one_out.study.compare_lines import along_networks, mean_curve
from imprint.lenses.leave_one_out.study.retrain import ground_truth
from imprint.study.store import Study
from imprint.study.tables import read_table
from imprint.train.cohort.network_stack import train_stack
from imprint.train.retrain_options import RetrainOptions

SMALL = {
    "composite_count": 120,
    "classes": ("2",),
    "depth": 1,
    "records": 20,
    "queries": 2,
    "removed": 3,
    "pairs": 12,
    "subsets": 2,
    "subset_networks": 1,
    "input_size": 8,
    "device": "cpu",
    "lines": 2,
    "steps_per_side": 2,
    "train": RetrainOptions(width=16, epochs=4, batch_size=8, learning_rate=0.1),
}


MEASURES = ("kl_out_in", "auc", "mean_distance")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    options = RetrainingOptions(out=tmp_path_factory.mktemp("lines") / "study", **SMALL)
    return options, retrain_study(options)


def test_step_0_is_the_record_and_points_go_to_the_right_networks(made):
    options, _ = made
    truth = ground_truth(Study(options.out), options)
    logits, plan = truth.logits, truth.plan
    assert logits.within.shape[1] == 22
    assert logits.around_within.shape == logits.around_without.shape == (3, 12, 15, 2)
    for place in range(3):
        here = logits.around_within[place].reshape(12, 3, 5, 2)[:, :, 2]
        for line in range(3):
            np.testing.assert_allclose(here[:, line], logits.within[:, place], atol=1e-5)
    kept = torch.ones(1, 20, dtype=torch.bool)
    kept[:, 1] = False
    stack = train_stack(plan.data, kept, [7], plan.prior, plan.options, plan.seed)
    np.testing.assert_allclose(
        stack.logits(plan.around[1])[0], logits.around_without[1, 7], rtol=1e-4, atol=1e-5
    )


def test_findings_table_and_page_hold_networks_beside_the_closed_form(made):
    options, summary = made
    found = summary["lenses"]["leave_one_out"]["lines"]
    table = read_table(options.out / "lines/lines.parquet")
    assert len(table["index"]) == 3 * 3 * 5
    assert found["steps"] == [-0.5, -0.25, 0.0, 0.25, 0.5]
    for name in MEASURES:
        assert (table[f"{name}_error"] > 0).all()
        random = table["direction"] == "random"
        last = random & (table["step"] == 0.5)
        curve = found["curves"][name]["random"]
        assert curve["networks"][-1] == pytest.approx(table[name][last].mean())
        # Over the value at the record, the closed form is nowhere greater but for the distance.
        if name != "mean_distance":
            form = table[f"{name}_closed_form"].reshape(9, 5)
            assert (form <= form[:, 2:3] + 1e-12).all()
    page = (options.out / "report.html").read_text()
    assert page[page.index('id="retraining-lines"') :].count("along lines</h3>") == 3
    assert json.loads((options.out / "summary.json").read_text()) == summary


def test_a_planted_shift_is_measured_and_nothing_where_there_is_none():
    random = np.random.default_rng(0)
    start = random.normal(size=(1, 100, 40, 2))
    without = start + random.normal(size=start.shape)
    within = start + random.normal(size=start.shape)
    shift = np.array([2.0, 0.0])
    # Laws of variance 2 at all points: KL is |shift|² / 4; the distance ½ mean of its square.
    for planted, kl, distance in ((shift, 1.0, 1.0), (0 * shift, 0.0, 0.0)):
        found = along_networks(within + planted, without)
        for name, truth in (("kl_out_in", kl), ("mean_distance", distance)):
            values = found[name].value
            # 40 independent points; four standard errors are exceeded once in 16,000 runs.
            assert abs(values.mean() - truth) < 4 * values.std(ddof=1) / np.sqrt(len(values))
            assert found[name].error.mean() > 0.7 * values.std(ddof=1)
    assert abs(found["auc"].value.mean() - 0.5) < 0.01


def test_the_error_of_a_mean_knows_that_records_share_their_networks():
    """40 records that are one and the same are no more certain than one of them."""
    random = np.random.default_rng(2)
    start = random.normal(size=(1, 30, 1, 2))
    within = np.repeat(start + random.normal(size=start.shape) + 1, 40, axis=0)
    without = np.repeat(start + random.normal(size=start.shape), 40, axis=0)
    found = along_networks(within, without)
    for name in ("auc", "mean_distance"):
        measured = found[name]
        values, less = measured.value.reshape(40, 1, 1), measured.less.reshape(-1, 40, 1, 1)
        assert values.std() < 1e-12
        (error,) = mean_curve(values, values, less, [0]).error
        # The jackknife and the formula of the squared shift are two estimates of one error.
        assert error == pytest.approx(measured.error[0], rel=0.3)


def test_too_few_networks_for_an_estimate_are_missing_with_the_reason():
    random = np.random.default_rng(1)
    within, without = random.normal(size=(2, 1, 6, 3, 2))
    found = along_networks(within, without)
    assert "too few for a divergence of 2 logits: train 12 or more" in found["kl_out_in"].missing
    assert found["auc"].value.shape == (3,)


@pytest.mark.parametrize(
    ("name", "value"),
    [("lines", -1), ("half_length", 0.0), ("steps_per_side", 0), ("noise", (0.0,))],
)
def test_options_out_of_range_are_refused(name, value):
    with pytest.raises(ImprintError, match=f"{name} must be"):
        dataclasses.replace(RetrainingOptions(out=None), **{name: value})
