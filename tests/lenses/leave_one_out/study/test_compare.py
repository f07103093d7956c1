import csv
import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch

from imprint.cli import run
from imprint.core.errors import ImprintError
from imprint.lenses.leave_one_out.findings import TruthFindings
from imprint.lenses.leave_one_out.options import ComparisonOptions
from imprint.lenses.leave_one_out.page.retraining import show_retraining
from imprint.lenses.leave_one_out.study.compare import compare_study
from imprint.lenses.leave_one_out.study.estimators import (
    estimates_from_gradients,
    label_margins,
    train_network,
)
from imprint.lenses.leave_one_out.study.retrain import ground_truth
from imprint.report.terminal import to_text
from imprint.study.finding import from_json
from imprint.study.store import Study
from imprint.study.tables import read_table
from imprint.train.cohort.network_stack import train_stack
from imprint.train.retrain_options import RetrainOptions

SMALL = {
    "composite_count": 120,
    "classes": 2,
    "depth": 1,
    "records": 20,
    "queries": 4,
    "removed": 4,
    "pairs": 10,
    "subsets": 3,
    "subset_networks": 2,
    "input_size": 8,
    "device": "cpu",
    "json": True,
    "train": RetrainOptions(width=16, epochs=4, batch_size=8, learning_rate=0.1),
}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    out = tmp_path_factory.mktemp("compare") / "study"
    options = ComparisonOptions(out=out, **SMALL)
    return options, compare_study(options)


def test_every_estimator_has_a_row_with_all_it_can_say(made):
    _, summary = made
    compared = summary["lenses"]["leave_one_out"]["comparison"]
    assert compared["skipped"] == {}
    rows = compared["estimators"]
    assert {"lood_nngp_0.05", "lood_ntk_0.05", "ekfac", "tracin", "nearest"} < set(rows)
    for name, row in rows.items():
        assert -1 <= row["datamodeling"]["value"] <= 1
        if name == "gradient_cosine":
            assert "cosine of a gradient with itself" in row["difference"]["missing"]
        else:
            assert -1 <= row["difference"]["spearman"]["value"] <= 1


def test_the_table_of_estimators_has_their_intervals(made):
    options, summary = made
    rows = summary["lenses"]["leave_one_out"]["comparison"]["estimators"]
    table = read_table(options.out / "comparison/estimators.parquet")
    for place, name in enumerate(table["estimator"].tolist()):
        told = rows[name]["datamodeling"]
        assert table["datamodeling"][place] == told["value"]
        assert [table[f"datamodeling_{end}"][place] for end in ("low", "high")] == told["ci95"]
        if name == "gradient_cosine":
            assert np.isnan(table["difference_spearman_low"][place])
        else:
            low, high = rows[name]["difference"]["spearman"]["ci95"]
            assert table["difference_spearman_low"][place] == low
            assert table["difference_spearman_high"][place] == high


def test_the_cost_of_the_network_is_told_beside_the_estimates(made):
    compared = made[1]["lenses"]["leave_one_out"]["comparison"]
    assert compared["training"]["cpu_seconds"] > 0
    assert compared["device"] == "cpu"


def test_the_table_fits_a_terminal_of_80_columns(made):
    found = made[1]["lenses"]["leave_one_out"]
    row = found["comparison"]["estimators"]["influence_gauss_newton"]
    row = json.loads(json.dumps(row))
    row["facts"]["unconverged"] = "left"
    row["difference"]["spearman"] = {"value": -0.25, "ci95": [-0.75, -0.12], "n": 4}
    for kind, name in (("difference", "pearson"), ("auc", "spearman")):
        row[kind][name] = {"value": -0.25, "ci95": [-0.75, 0.12], "n": 4}
    row |= {"cpu_seconds": 12345.6, "peak_bytes": 12_345_000_000}
    row["datamodeling"]["value"] = -0.25
    told = {**found, "comparison": {**found["comparison"]}}
    told["comparison"]["estimators"] = {**found["comparison"]["estimators"], "worst": row}
    told["comparison"]["estimators"]["influence_gauss_newton"] = row
    shown = to_text(show_retraining(from_json(TruthFindings, told, "findings")), width=80)
    rows = [line.split() for line in shown.splitlines()]
    mine = [row[1:] for row in rows if row[:1] == ["influence_gauss_newton"]]
    assert [word for row in mine for word in row][:1] == ["−0.25"]
    assert "12,300" in shown
    table = [line for line in shown.splitlines() if "influence_gauss_newton" in line]
    assert max(map(len, table)) <= 80
    assert not any("…" in line for line in table)


def test_only_the_shift_has_a_noise_ceiling(made):
    ceiling = made[1]["lenses"]["leave_one_out"]["retraining"]["ceiling"]
    assert 0 <= ceiling["difference"]["spearman"]["value"] <= 1
    assert "weaker" in ceiling["auc"]["missing"]


def test_tables_are_those_of_the_publication(made):
    options, _ = made
    with (options.out / "comparison/nn.csv").open() as file:
        networks = list(csv.DictReader(file))
    with (options.out / "comparison/nngp.csv").open() as file:
        process = list(csv.DictReader(file))
    assert list(networks[0]) == ["differ_idx", "counts", "auc", "auc_std", "diff", "diff_std"]
    assert list(process[0]) == ["differ_idx", "auc", "kl", "mse"]
    # The publication counts records from 1.
    assert [row["differ_idx"] for row in networks] == ["1", "2", "3", "4"]
    truth = ground_truth(Study(options.out), options)
    within, without = truth.own_logits
    shift = (within - without)[2]
    by_hand = (shift.mean(0) ** 2 - shift.var(0, ddof=1) / 10).mean()
    assert float(networks[2]["diff"]) == pytest.approx(by_hand, rel=1e-9)
    assert networks[2]["counts"] == "10"
    table = read_table(options.out / "comparison/records.parquet")
    assert float(process[3]["mse"]) == pytest.approx(table["lood_nngp_0.05"][3] ** 2, rel=1e-12)


def test_the_network_of_the_estimators_is_one_of_the_ground_truth(made):
    options, _ = made
    truth = ground_truth(Study(options.out), options)
    trained = train_network(truth, options.damping)
    with torch.no_grad():
        logits = trained.network(trained.inputs).numpy()
    np.testing.assert_allclose(logits, truth.logits.within[0, :20], rtol=1e-4, atol=1e-5)
    first = trained.checkpoints[0].state
    assert not torch.equal(first["0.weight"], trained.network[0].weight)


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


def test_gelu_at_the_weights_of_relu_is_told(tmp_path, capsys):
    settings = {**SMALL, "activation": "gelu", "estimators": ("none",), "subsets": 0}
    compare_study(ComparisonOptions(out=tmp_path / "study", **settings))
    assert "w_std 1.4142 is that of relu: the variance" in capsys.readouterr().err
    options = ComparisonOptions(out=tmp_path / "other", **{**settings, "w_std": 1.9822})
    compare_study(options)
    assert "is that of relu" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("changed", "told"),
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
        ({"classes": 100}, "--classes 100: composite has 10"),
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
def test_options_out_of_range_are_refused_before_any_training(changed, told, tmp_path):
    with pytest.raises(ImprintError, match=told):
        compare_study(ComparisonOptions(out=tmp_path / "study", **{**SMALL, **changed}))
    assert not (tmp_path / "study/logits").exists()


@pytest.mark.parametrize("rate", [0.0, float("nan"), 1e300, 1e-300])
def test_learning_rates_have_room_in_float32(rate):
    with pytest.raises(ImprintError, match=r"learning_rate is .* from 1e-20 to 1e"):
        RetrainOptions(learning_rate=rate)


def test_curvature_that_cannot_be_factored_is_told_not_raised(made):
    options, _ = made
    truth = ground_truth(Study(options.out), options)
    tiny = replace(options, damping=1e-300, estimators=("influence_gauss_newton",))
    found = estimates_from_gradients(truth, tiny)
    assert not found.estimates
    assert "has no factor at a damping of 1e-300" in found.skipped["influence_gauss_newton"]


@pytest.mark.parametrize("share", [float("nan"), -1.0, 1.5])
def test_drops_are_shares_of_the_epochs(share):
    with pytest.raises(ImprintError, match="must be shares of the epochs"):
        RetrainOptions(drops=(0.5, share))


def test_margins_by_hand():
    logits = np.log(np.array([[[0.7, 0.2, 0.1], [0.7, 0.2, 0.1]]]))
    found = label_margins(logits.astype(np.float32), np.array([0, 2]))
    np.testing.assert_allclose(found, [[np.log(0.7 / 0.3), np.log(0.1 / 0.9)]], rtol=1e-6)


def test_command_line(made, tmp_path, capsys):
    words = ["--composite-count", "120", "--classes", "2", "--depth", "1", "--records", "20"]
    words += ["--queries", "0", "--removed", "3", "--pairs", "10", "--subsets", "0"]
    words += ["--input-size", "8", "--device", "cpu", "--train.width", "16", "--train.epochs", "2"]
    out = tmp_path / "study"
    run(["leave-one-out", "retrain", *words, "--out", str(out)])
    assert "3 records left out of 20" in capsys.readouterr().out
    summary = json.loads((out / "summary.json").read_text())
    assert "comparison" not in summary["lenses"]["leave_one_out"]
    found = run(
        ["leave-one-out", "compare", *words, "--estimators", "none", "--json", "--out", str(out)]
    )
    rows = found["lenses"]["leave_one_out"]["comparison"]["estimators"]
    assert set(rows) == {"lood_nngp_0.05", "lood_ntk_0.05"}
    assert "held-out queries" in rows["lood_ntk_0.05"]["datamodeling"]["missing"]
    assert "Estimates beside retraining" in (out / "report.html").read_text()
