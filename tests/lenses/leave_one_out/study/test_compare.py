import csv
import json

import numpy as np
import pytest

from imprint.cli import run
from imprint.lenses.leave_one_out.page.retraining import show_retraining
from imprint.lenses.leave_one_out.retraining_findings import TruthFindings
from imprint.lenses.leave_one_out.study.retrain import ground_truth
from imprint.report.terminal import to_text
from imprint.study.finding import from_json
from imprint.study.store import Study
from imprint.study.tables import read_table


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
        shown = rows[name]["datamodeling"]
        assert table["datamodeling"][place] == shown["value"]
        assert [table[f"datamodeling_{end}"][place] for end in ("low", "high")] == shown["ci95"]
        if name == "gradient_cosine":
            assert np.isnan(table["difference_spearman_low"][place])
        else:
            low, high = rows[name]["difference"]["spearman"]["ci95"]
            assert table["difference_spearman_low"][place] == low
            assert table["difference_spearman_high"][place] == high


def test_the_cost_of_the_network_is_shown_beside_the_estimates(made):
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
    shown = {**found, "comparison": {**found["comparison"]}}
    shown["comparison"]["estimators"] = {**found["comparison"]["estimators"], "worst": row}
    shown["comparison"]["estimators"]["influence_gauss_newton"] = row
    shown = to_text(show_retraining(from_json(TruthFindings, shown, "findings")), width=80)
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
    assert "Estimates compared with retraining" in (out / "report.html").read_text()
