import shutil

import numpy as np
import pytest
import torch

from imprint.core.errors import ImprintError
from imprint.lenses.leave_one_out.retraining_options import ComparisonOptions
from imprint.lenses.leave_one_out.study.compare import compare_study
from imprint.lenses.leave_one_out.study.retrain import ground_truth
from imprint.study.store import Study
from imprint.study.tables import read_table
from imprint.train.cohort.network_stack import train_stack
from tests.lenses.leave_one_out.study.compared import SMALL


def test_a_record_left_out_is_the_one_that_was_named(made):
    options, _ = made
    truth = ground_truth(Study(options.out), options)
    kept = torch.ones(1, 20, dtype=torch.bool)
    kept[:, 3] = False
    plan = truth.plan
    stack = train_stack(plan.data, kept, [6], plan.prior, plan.options, plan.seed)
    np.testing.assert_allclose(
        stack.logits(plan.data.inputs)[0], truth.logits.without[3][6], rtol=1e-4, atol=1e-5
    )


def test_a_killed_run_goes_on_to_the_same_bytes(made, tmp_path):
    options, _ = made
    again = ComparisonOptions(out=tmp_path / "again", **SMALL)
    shutil.copytree(options.out / "logits", again.out / "logits")
    (again.out / "logits/without/2.npy").unlink()
    (again.out / "logits/subsets.npy").unlink()
    ground_truth(Study(again.out), again)
    for name in ("without/2.npy", "subsets.npy"):
        one, other = (root / "logits" / name for root in (options.out, again.out))
        assert one.read_bytes() == other.read_bytes()


def test_networks_and_kernel_must_match(made):
    options, _ = made
    with pytest.raises(ImprintError, match=r"networks\.depth: 1 there, 2 now"):
        compare_study(ComparisonOptions(out=options.out, **{**SMALL, "depth": 2}))
    with pytest.raises(ImprintError, match="choose --kernel fc"):
        compare_study(
            ComparisonOptions(out=options.out, **{**SMALL, "kernel": "rbf", "depth": None})
        )


def test_gelu_can_be_matched_to_relu_on_the_same_records(made, tmp_path, capsys):
    options, summary = made
    settings = {**SMALL, "activation": "gelu", "estimators": ("none",)}
    other = ComparisonOptions(out=tmp_path / "matched", match_to="relu", **settings)
    found = compare_study(other)["lenses"]["leave_one_out"]["retraining"]
    relu = summary["lenses"]["leave_one_out"]["retraining"]
    assert found["variances"] == pytest.approx(relu["variances"], rel=1e-9)
    networks = found["networks"]
    assert networks["activation"] == "gelu"
    assert networks["w_std"] * networks["input_scale"] == pytest.approx(2**0.5)
    assert "gelu matched to relu of w_std 1.41421" in capsys.readouterr().err
    tables = [read_table(root / "comparison/records.parquet") for root in (options.out, other.out)]
    assert tables[0]["index"].tolist() == tables[1]["index"].tolist()


def test_gelu_at_the_weights_of_relu_is_warned_of(tmp_path, capsys):
    settings = {**SMALL, "activation": "gelu", "estimators": ("none",), "subsets": 0}
    compare_study(ComparisonOptions(out=tmp_path / "study", **settings))
    assert "w_std 1.4142 is that of relu: the variance" in capsys.readouterr().err
    options = ComparisonOptions(out=tmp_path / "other", **{**settings, "w_std": 1.9822})
    compare_study(options)
    assert "is that of relu" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"pairs": 5}, "--pairs 5: logits of 2 classes need 6 or more"),
        ({"noise": (0.0,)}, "noise must be a positive"),
        ({"noise": ()}, "--noise is empty"),
        ({"noise": (float("nan"),)}, "noise must be a positive"),
        ({"estimators": ("ekfac", "nonsense")}, "unknown .*'nonsense': choose one of"),
        ({"estimators": ()}, "--estimators is empty"),
        ({"damping": 1e300}, "damping must be a finite number"),
        ({"input_size": -1}, "input_size must be at least 1, got -1"),
        ({"records": 0}, "records must be at least 2, got 0"),
        ({"classes": ("100",)}, "--classes 100: composite has 10"),
        ({"lines": 1, "half_length": 1e7}, "half_length must be in"),
        ({"noise": (1e-300,)}, "lost in rounding beside a kernel"),
        ({"w_std": 1e-200}, "the kernel is 0 for every record"),
        ({"damping": -1.0}, "damping must be in"),
        ({"damping": float("nan")}, "damping must be a finite"),
        ({"subsets": -1}, "subsets must be at least 0"),
        ({"subset_networks": 0}, "subset_networks must be at least 1"),
        ({"queries": -1}, "queries must be at least 0"),
    ],
)
def test_options_out_of_range_are_refused_before_any_training(changed, message, tmp_path):
    with pytest.raises(ImprintError, match=message):
        compare_study(ComparisonOptions(out=tmp_path / "study", **{**SMALL, **changed}))
    assert not (tmp_path / "study/logits").exists()
