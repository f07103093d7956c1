import json

import numpy as np
import pytest

from imprint.cli import main
from imprint.core.errors import ImprintError
from imprint.lenses.membership.attack.attack import ATTACKS
from imprint.lenses.membership.study.arrays import attack_membership_arrays, read_case
from imprint.study.tables import read_table

MODELS, AUGMENTATIONS, RECORDS, POPULATION = 8, 2, 300, 120


def arrays(seed=0, gap=1.5):
    random = np.random.default_rng(seed)
    place, where = random.normal(0, 2, size=RECORDS), random.normal(0, 2, size=POPULATION)
    members = random.random((MODELS, RECORDS)) < 0.5
    inside = random.random(RECORDS) < 0.5
    noise = random.normal(size=(MODELS + 1, AUGMENTATIONS, RECORDS))
    population = random.normal(size=(MODELS + 1, AUGMENTATIONS, POPULATION)) + where
    return {
        "signals": (noise[1:] + place + gap * members[:, None]).astype(np.float32),
        "members": members,
        "target": (noise[0] + place + gap * inside).astype(np.float32),
        "target_members": inside,
        "population": population[0].astype(np.float32),
        "population_signals": population[1:].astype(np.float32),
    }


@pytest.fixture
def save(tmp_path):
    def write(**changed):
        content = {**arrays(), **changed}
        file = tmp_path / "arrays.npz"
        np.savez(file, **{name: value for name, value in content.items() if value is not None})
        return file

    return write


def test_every_attack_is_in_the_summary_and_has_its_table(save, tmp_path):
    out = tmp_path / "out"
    main(["membership", "attack", "--arrays", str(save()), "--out", str(out), "--attacks", "all"])
    assert "attacks:" in (out / "options.yaml").read_text()
    summary = json.loads((out / "summary.json").read_text())
    found = summary["lenses"]["membership"]
    unusual = ["label_only", "white_box_gradient", "white_box_trace"]
    of_curvature = ["curvature_lr", "curvature_nll"]
    assert sorted([*found["attacks"], *of_curvature, *unusual]) == ATTACKS.names()
    assert found["skipped"] == dict.fromkeys(
        of_curvature, "needs the signal log_curvature, which is not given"
    )
    assert found["warnings"] == []
    assert summary["data"]["copies"] == 0
    truth = arrays()["target_members"]
    for name, attack in found["attacks"].items():
        for estimate in (attack["auc"], attack["balanced_accuracy"], attack["tpr_at_fpr"]["0.1"]):
            low, high = estimate["ci95"]
            assert 0 <= low <= estimate["value"] <= high <= 1
        assert attack["auc"]["n"] == RECORDS
        assert "use at least 5000" in attack["tpr_at_fpr"]["0.001"]["missing"]
        table = read_table(out / "membership" / f"{name}.parquet")
        assert list(table) == ["index", "score", "member"]
        assert table["index"].tolist() == list(range(RECORDS))
        assert (table["member"] == truth).all()
        pairs = table["score"][truth][:, None] - table["score"][~truth][None]
        area = np.mean((pairs > 0) + 0.5 * (pairs == 0))
        assert attack["auc"]["value"] == pytest.approx(area, abs=1e-12)
        assert attack["controls"].keys() == {"permuted_membership", "swapped_target"}
    assert found["attacks"]["lira_shrunk"]["auc"]["value"] > 0.8


def test_distances_measured_elsewhere_are_attacked(save, tmp_path):
    distance = np.arange(RECORDS)[None] / RECORDS
    file = save(distance=distance)
    found = attack_membership_arrays(file, tmp_path / "out", names=["label_only"])
    attack = found["lenses"]["membership"]["attacks"]["label_only"]
    assert attack["reads"] == "distance"
    assert attack["controls"].keys() == {"permuted_membership"}
    table = read_table(tmp_path / "out" / "membership" / "label_only.parquet")
    assert table["score"].tolist() == distance[0].tolist()


def test_one_attack_as_json(save, tmp_path, capsys):
    words = ["--arrays", str(save()), "--out", str(tmp_path / "out"), "--attacks", "rmia", "--json"]
    main(["membership", "attack", *words])
    told = json.loads(capsys.readouterr().out)
    assert list(told["lenses"]["membership"]["attacks"]) == ["rmia"]
    assert (tmp_path / "out" / "membership" / "rmia.parquet").is_file()


def test_the_table_is_printed(save, tmp_path, capsys):
    file = save(population=None, population_signals=None)
    main(["membership", "attack", "--arrays", str(file), "--out", str(tmp_path / "out")])
    told = capsys.readouterr().out
    assert "lira_shrunk" in told
    assert "attack_p, quantile skipped: needs population records" in told


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
    found = summary["lenses"]["membership"]
    assert sorted(found["attacks"]) == ["attack_p", "loss", "mentr", "quantile"]
    assert found["skipped"]["lira"] == "needs reference models, and there are none"
    assert summary["data"]["references"] == 0


def test_the_kind_of_signal_can_be_said(save, tmp_path):
    phi = attack_membership_arrays(save(), tmp_path / "phi", signal="phi")["lenses"]["membership"]
    assert "curvature_lr" in phi["skipped"]
    assert phi["attacks"]["lira"]["reads"] == "phi"
    curvature = attack_membership_arrays(save(), tmp_path / "c", signal="log_curvature")
    found = curvature["lenses"]["membership"]
    assert "loss" in found["skipped"]
    assert found["attacks"]["curvature_lr"]["reads"] == "log_curvature"


def test_two_signals_beside_each_other_tell_more(save, tmp_path):
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
    found = attack_membership_arrays(file, tmp_path / "out")["lenses"]["membership"]["attacks"]
    assert found["curvature_lr"]["reads"] == "log_curvature"
    alone = max(found[name]["auc"]["value"] for name in ("lira_shrunk", "curvature_lr"))
    assert found["multi"]["auc"]["value"] > alone + 0.02


def test_index_and_masks_of_numbers_are_taken(save, tmp_path):
    members = arrays()["members"].astype(np.int64)
    file = save(index=np.arange(RECORDS) + 7, members=members, mentr=np.ones((1, RECORDS)))
    case = read_case(file)
    assert case.index[0] == 7
    assert case.evidence.target["mentr"].shape == (1, RECORDS)
    assert case.evidence.references.cohort.members.dtype == bool


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"target": None}, "has no array 'target'; it needs target_members, target"),
        ({"tragte": np.zeros(3)}, "unknown array 'tragte'; known are target_members, target"),
        ({"members": None}, "signals needs members beside it: save both"),
        (
            {"signals": np.zeros((8, 2, 7))},
            r"signals has shape \[8, 2, 7\], expected \[8, 2, 300\]",
        ),
        (
            {"population": np.zeros((3, 120))},
            r"population has shape \[3, 120\], expected \[2, Q\]",
        ),
        ({"members": np.full((8, 300), 2)}, "members must be bool, or 0 and 1"),
        ({"target": np.full((2, 300), np.nan)}, r"target\[0, 0\] is nan: leave that record out"),
        ({"target": np.full((2, 300), "a")}, "target must hold numbers, not <U1"),
        ({"target_members": np.zeros(300, dtype=bool)}, "0 members and 300 non-members: at least"),
        ({"index": np.zeros(300)}, "index"),
        (
            {"index": np.full(300, 2**63, dtype=np.uint64)},
            "index must hold whole numbers of 64 bits",
        ),
        ({"target": np.full((2, 300), 1e200)}, r"target\[0, 0\] is 1e\+200, beyond 1e\+100"),
        ({"target": np.full((2, 300), np.longdouble("1e4000"))}, "beyond float64|is inf"),
        ({"target": arrays()["signals"][3]}, r"signals\[3\] are those of the target itself"),
    ],
)
def test_arrays_that_do_not_fit_are_told_and_nothing_is_written(save, tmp_path, changed, message):
    with pytest.raises(ImprintError, match=message):
        attack_membership_arrays(save(**changed), tmp_path / "out")
    assert not (tmp_path / "out").exists()


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
    found = attack_membership_arrays(save(), tmp_path / "out", names=["all"])
    found = found["lenses"]["membership"]
    assert not [name for name in found["attacks"] if "curvature" in name]
    assert {attack["reads"] for attack in found["attacks"].values()} == {"phi"}
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
    found = copied["lenses"]["membership"]
    assert found["warnings"] == [
        "2700 of 3000 rows repeat another one in every signal and in membership: each record "
        "counts once, in every number here"
    ]
    for name, attack in found["attacks"].items():
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


@pytest.mark.parametrize("decimals", [0, 1, 2])
def test_rounded_signals_are_ties_and_no_copies(tmp_path, decimals):
    random = np.random.default_rng(0)
    members = np.arange(4000) < 2000
    target = (random.normal(size=(1, 4000)) + 3 * members).round(decimals)
    np.savez(tmp_path / "a.npz", target=target, target_members=members)
    assert attack_membership_arrays(tmp_path / "a.npz", tmp_path / "out")["data"]["copies"] == 0


def test_one_index_of_two_records_is_told(save, tmp_path):
    index = np.arange(RECORDS)
    index[7] = 3
    with pytest.raises(ImprintError, match="index 3 names the rows 3 and 7, whose signals differ"):
        attack_membership_arrays(save(index=index), tmp_path / "out")


def test_losses_given_as_margins_are_told(save, tmp_path, capsys):
    own = arrays()
    losses = {
        name: np.logaddexp(0, -own[name])
        for name in ("signals", "target", "population", "population_signals")
    }
    words = ["--arrays", str(save(**losses)), "--out", str(tmp_path / "out")]
    main(["membership", "attack", *words])
    told = " ".join(capsys.readouterr().out.split())
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    found = summary["lenses"]["membership"]
    assert len(found["warnings"]) == 2
    assert "they may be losses (of a loss ℓ = −log p give −log(exp(ℓ) − 1))" in found["warnings"][0]
    assert "are smaller on the records that each was trained on" in found["warnings"][1]
    assert found["attacks"]["loss"]["note"].startswith("below chance")
    for sentence in found["warnings"]:
        assert sentence in told


def test_probabilities_given_as_margins_are_told(save, tmp_path):
    own = arrays()
    probabilities = {
        name: 1 / (1 + np.exp(-own[name]))
        for name in ("signals", "target", "population", "population_signals")
    }
    found = attack_membership_arrays(save(**probabilities), tmp_path / "out")
    (told,) = found["lenses"]["membership"]["warnings"]
    assert told.startswith("all 300 logit margins lie in [0, 1], as probabilities do")


def test_an_attack_that_scores_all_alike_says_so(save, tmp_path):
    constant = {
        "target": np.zeros((2, RECORDS)),
        "population": np.zeros((2, POPULATION)),
    }
    found = attack_membership_arrays(save(**constant), tmp_path / "out")["lenses"]["membership"]
    assert found["attacks"]["loss"]["auc"]["value"] == 0.5
    assert found["attacks"]["loss"]["note"].startswith("every record has the same score")
    assert (
        "all logit margins of the target are 0: it says nothing of any record"
        in (found["warnings"])
    )


def test_records_listed_as_members_and_as_others_are_told(save, tmp_path):
    own = arrays()
    twice = {name: np.tile(own[name], 2) for name in ("signals", "members", "target")}
    twice["target_members"] = np.arange(2 * RECORDS) < RECORDS
    summary = attack_membership_arrays(save(**twice), tmp_path / "out", ["loss"])
    told = summary["lenses"]["membership"]["warnings"]
    assert told[0].startswith("600 of 600 rows share every signal with another one: if they are")


@pytest.mark.parametrize("kind", [np.complex64, np.complex128, "datetime64[s]", "S3"])
def test_signals_that_are_no_real_numbers_are_refused(save, tmp_path, kind):
    with pytest.raises(ImprintError, match="target must hold numbers, not"):
        attack_membership_arrays(save(target=np.zeros((2, RECORDS)).astype(kind)), tmp_path / "out")
