import json

import numpy as np
import pytest

from imprint.cli import main
from imprint.core.errors import ImprintError
from imprint.lenses.membership.attack_kit.attack import ATTACKS
from imprint.lenses.membership.study.arrays import attack_membership_arrays
from imprint.study.tables import read_table
from tests.lenses.membership.signal_files import POPULATION, RECORDS, arrays


def test_every_attack_is_in_the_summary_and_has_its_table(save, tmp_path):
    out = tmp_path / "out"
    main(["membership", "attack", "--arrays", str(save()), "--out", str(out), "--attacks", "all"])
    assert "attacks:" in (out / "options.yaml").read_text()
    summary = json.loads((out / "summary.json").read_text())
    content = summary["lenses"]["membership"]
    unusual = ["entropy", "label_only", "trajectory", "white_box_gradient", "white_box_trace"]
    of_curvature = ["curvature_lr", "curvature_nll"]
    assert sorted([*content["attacks"], *of_curvature, *unusual]) == ATTACKS.names()
    assert content["skipped"] == dict.fromkeys(
        of_curvature, "needs the signal log_curvature, which is not given"
    )
    assert content["warnings"] == []
    assert summary["data"]["copies"] == 0
    truth = arrays()["target_members"]
    for name, attack in content["attacks"].items():
        for estimate in (attack["auc"], attack["balanced_accuracy"], attack["tpr_at_fpr"]["0.1"]):
            low, high = estimate["ci95"]
            assert 0 <= low <= estimate["value"] <= high <= 1
        assert attack["auc"]["n"] == RECORDS
        assert "use at least 5000" in attack["tpr_at_fpr"]["0.001"]["missing"]
        table = read_table(out / "membership" / f"{name}.parquet")
        assert list(table) == ["index", "score", "member", "probability"]
        assert table["index"].tolist() == list(range(RECORDS))
        assert (table["member"] == truth).all()
        pairs = table["score"][truth][:, None] - table["score"][~truth][None]
        area = np.mean((pairs > 0) + 0.5 * (pairs == 0))
        assert attack["auc"]["value"] == pytest.approx(area, abs=1e-12)
        assert attack["controls"].keys() == {"permuted_membership", "swapped_target"}
    assert content["attacks"]["lira_shrunk"]["auc"]["value"] > 0.8


def test_distances_measured_elsewhere_are_attacked(save, tmp_path):
    distance = np.arange(RECORDS)[None] / RECORDS
    file = save(distance=distance)
    content = attack_membership_arrays(file, tmp_path / "out", names=["label_only"])
    attack = content["lenses"]["membership"]["attacks"]["label_only"]
    assert attack["reads"] == "distance"
    assert attack["controls"].keys() == {"permuted_membership"}
    table = read_table(tmp_path / "out" / "membership" / "label_only.parquet")
    assert table["score"].tolist() == distance[0].tolist()


def test_one_attack_as_json(save, tmp_path, capsys):
    words = ["--arrays", str(save()), "--out", str(tmp_path / "out"), "--attacks", "rmia", "--json"]
    main(["membership", "attack", *words])
    printed = json.loads(capsys.readouterr().out)
    assert list(printed["lenses"]["membership"]["attacks"]) == ["rmia"]
    assert (tmp_path / "out" / "membership" / "rmia.parquet").is_file()


def test_table_and_skipped_attacks_are_printed(save, tmp_path, capsys):
    file = save(population=None, population_signals=None)
    main(["membership", "attack", "--arrays", str(file), "--out", str(tmp_path / "out")])
    printed = capsys.readouterr().out
    assert "lira_shrunk" in printed
    assert "attack_p, qmia, quantile skipped: needs population records" in printed


def test_options_reach_the_attacks(save, tmp_path):
    words = ["--arrays", str(save()), "--attacks", "curvature_lr", "--no-controls"]
    words += ["--signal", "log_curvature"]
    scores = []
    for extra in ([], ["--param", "curvature_lr.published_formulas=true"]):
        out = tmp_path / f"out{len(extra)}"
        main(["membership", "attack", *words, "--out", str(out), *extra])
        scores.append(read_table(out / "membership" / "curvature_lr.parquet")["score"])
    assert (scores[1] >= 0).all()  # the published ratio is no logarithm
    assert (scores[0] < 0).any()


def test_without_references_only_attacks_on_the_target_remain(save, tmp_path):
    bare = dict.fromkeys(("signals", "members", "population_signals"))
    summary = attack_membership_arrays(save(**bare), tmp_path / "out")
    content = summary["lenses"]["membership"]
    assert sorted(content["attacks"]) == ["attack_p", "loss", "mentr", "qmia", "quantile"]
    assert content["skipped"]["lira"] == "needs reference models, and there are none"
    assert summary["data"]["references"] == 0


def test_the_kind_of_signal_decides_which_attacks_run(save, tmp_path):
    phi = attack_membership_arrays(save(), tmp_path / "phi", signal="phi")["lenses"]["membership"]
    assert "curvature_lr" in phi["skipped"]
    assert phi["attacks"]["lira"]["reads"] == "phi"
    curvature = attack_membership_arrays(save(), tmp_path / "c", signal="log_curvature")
    content = curvature["lenses"]["membership"]
    assert "loss" in content["skipped"]
    assert content["attacks"]["curvature_lr"]["reads"] == "log_curvature"


def test_two_signals_together_separate_better_than_each(save, tmp_path):
    second = arrays(seed=9)
    random = np.random.default_rng(3)
    given = arrays()
    curvature = {
        "curvature_signals": random.normal(size=second["signals"].shape)
        - 1.5 * given["members"][:, None],
        "curvature_target": random.normal(size=second["target"].shape)
        - 1.5 * given["target_members"],
    }
    file = save(**curvature)
    content = attack_membership_arrays(file, tmp_path / "out")["lenses"]["membership"]["attacks"]
    assert content["curvature_lr"]["reads"] == "log_curvature"
    alone = max(content[name]["auc"]["value"] for name in ("lira_shrunk", "curvature_lr"))
    assert content["multi"]["auc"]["value"] > alone + 0.02


def test_an_attack_that_cannot_be_run_is_an_error(save, tmp_path):
    file = save(population=None, population_signals=None)
    with pytest.raises(ImprintError, match="no attack can be run: attack_p needs population"):
        attack_membership_arrays(file, tmp_path / "out", names=["attack_p"])


def test_results_are_the_same_bytes_again(save, tmp_path):
    for name in ("one", "two"):
        attack_membership_arrays(save(), tmp_path / name, names=["lira_shrunk", "rmia"])
    for file in ("summary.json", "membership/rmia.parquet", "membership/lira_shrunk.parquet"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


def test_an_attack_runs_on_the_signal_it_names_alone(save, tmp_path):
    """Margins without curvature, every attack asked for: no row of a curvature attack."""
    content = attack_membership_arrays(save(), tmp_path / "out", names=["all"])
    content = content["lenses"]["membership"]
    assert not [name for name in content["attacks"] if "curvature" in name]
    assert {attack["reads"] for attack in content["attacks"].values()} == {"phi"}
    with pytest.raises(ImprintError, match="curvature_lr needs the signal log_curvature"):
        attack_membership_arrays(save(), tmp_path / "other", names=["curvature_lr"])


@pytest.mark.parametrize("named", [False, True])
def test_records_listed_ten_times_count_once(save, tmp_path, named):
    """Whatever the file repeats, every number is that of the distinct records."""
    plain = attack_membership_arrays(save(), tmp_path / "plain")
    own = arrays()
    order = np.random.default_rng(5).permutation(10 * RECORDS)
    tenfold = {
        name: np.tile(own[name], 10)[..., order]
        for name in ("signals", "members", "target", "target_members")
    }
    if named:
        tenfold["index"] = np.tile(np.arange(RECORDS), 10)[order]
    copied = attack_membership_arrays(save(**tenfold), tmp_path / "copied")
    assert copied["data"]["copies"] == 9 * RECORDS
    for part in ("members", "non_members"):
        assert copied["data"][part] == plain["data"][part]
    content = copied["lenses"]["membership"]
    assert content["warnings"] == [
        "2700 of 3000 rows repeat another one in every signal and in membership: each record "
        "counts once, in every number here"
    ]
    for name, attack in content["attacks"].items():
        same = plain["lenses"]["membership"]["attacks"][name]
        assert attack["auc"]["n"] == RECORDS
        assert attack["smallest_fpr"] == same["smallest_fpr"]
        assert "missing" in attack["tpr_at_fpr"]["0.001"]
        assert attack["auc"]["value"] == pytest.approx(same["auc"]["value"], abs=1e-6)
        assert all(control["passed"] for control in attack["controls"].values())
        table = read_table(tmp_path / "copied" / "membership" / f"{name}.parquet")
        assert len(table["index"]) == RECORDS


def test_records_without_references_listed_ten_times_count_once(tmp_path):
    random = np.random.default_rng(0)
    members = np.arange(400) < 200
    target = random.normal(size=(1, 400)) + members
    np.savez(tmp_path / "a.npz", target=np.tile(target, 10), target_members=np.tile(members, 10))
    summary = attack_membership_arrays(tmp_path / "a.npz", tmp_path / "out")
    assert summary["data"]["copies"] == 3600
    assert summary["lenses"]["membership"]["attacks"]["loss"]["smallest_fpr"] == 1 / 200


def test_losses_given_as_margins_give_warnings(save, tmp_path, capsys):
    own = arrays()
    losses = {
        name: np.logaddexp(0, -own[name])
        for name in ("signals", "target", "population", "population_signals")
    }
    words = ["--arrays", str(save(**losses)), "--out", str(tmp_path / "out")]
    main(["membership", "attack", *words])
    printed = " ".join(capsys.readouterr().out.split())
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    content = summary["lenses"]["membership"]
    assert len(content["warnings"]) == 2
    assert (
        "they may be losses (of a loss ℓ = −log p give −log(exp(ℓ) − 1))" in content["warnings"][0]
    )
    assert "are smaller on the records that each was trained on" in content["warnings"][1]
    assert content["attacks"]["loss"]["note"].startswith("below chance")
    for sentence in content["warnings"]:
        assert sentence in printed


def test_probabilities_given_as_margins_give_a_warning(save, tmp_path):
    own = arrays()
    probabilities = {
        name: 1 / (1 + np.exp(-own[name]))
        for name in ("signals", "target", "population", "population_signals")
    }
    content = attack_membership_arrays(save(**probabilities), tmp_path / "out")
    (printed,) = content["lenses"]["membership"]["warnings"]
    assert printed.startswith("all 300 logit margins lie in [0, 1], as probabilities do")


def test_an_attack_whose_scores_are_equal_has_a_note(save, tmp_path):
    constant = {
        "target": np.zeros((2, RECORDS)),
        "population": np.zeros((2, POPULATION)),
    }
    content = attack_membership_arrays(save(**constant), tmp_path / "out")["lenses"]["membership"]
    assert content["attacks"]["loss"]["auc"]["value"] == 0.5
    assert content["attacks"]["loss"]["note"].startswith("every record has the same score")
    assert (
        "all logit margins of the target are 0: they carry no information" in (content["warnings"])
    )


def test_records_listed_on_both_sides_give_a_warning(save, tmp_path):
    own = arrays()
    twice = {name: np.tile(own[name], 2) for name in ("signals", "members", "target")}
    twice["target_members"] = np.arange(2 * RECORDS) < RECORDS
    summary = attack_membership_arrays(save(**twice), tmp_path / "out", ["loss"])
    printed = summary["lenses"]["membership"]["warnings"]
    assert printed[0].startswith("600 of 600 rows share every signal with another one: if they are")
