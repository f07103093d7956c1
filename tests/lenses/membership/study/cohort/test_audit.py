import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from imprint.cli import main
from imprint.core.errors import ImprintError
from imprint.data.augmentation import UNCHANGED
from imprint.lenses.membership.cohort.agreement import top_sets
from imprint.lenses.membership.cohort_findings import CohortFindings
from imprint.lenses.membership.commands import MembershipCohort as Command
from imprint.lenses.membership.memorization.estimators import estimate_memorization
from imprint.lenses.membership.page.cohort import cohort_figures
from imprint.lenses.membership.study.cohort.audit import draw_masks
from imprint.lenses.membership.study.options import CohortAuditOptions
from imprint.lenses.membership.study.records import choose_pool
from imprint.report.page import write_report
from imprint.stats.roc import auc
from imprint.study.finding import from_json
from imprint.study.tables import read_table
from imprint.train.cohort.masks import read_masks
from imprint.train.cohort.options import CohortOptions

SIDE, COUNT = 6, 120
# Labels of noise are learnt by heart or not at all.
TRAIN = CohortOptions(
    architecture="mlp",
    architecture_options=(("widths", "96"),),
    input_size=SIDE,
    epochs=30,
    batch_size=16,
    learning_rate=0.2,
    engine="sequential",
    view=UNCHANGED,
)


@pytest.fixture(scope="module")
def arrays(tmp_path_factory):
    random = np.random.default_rng(0)
    file = tmp_path_factory.mktemp("noise") / "noise.npz"
    np.savez(
        file,
        images=random.integers(0, 256, (COUNT, 3, SIDE, SIDE), dtype=np.uint8),
        labels=np.arange(COUNT) % 3,
    )
    return file


def options(arrays, out, **changes):
    values = {
        "out": out,
        "json": True,
        "data": str(arrays),
        "models": 8,
        "population": 0.2,
        "curvature_probes": 2,
        "train": TRAIN,
        "device": "cpu",
    }
    return Command(**{**values, **changes})


@pytest.fixture(scope="module")
def study(arrays, tmp_path_factory):
    out = tmp_path_factory.mktemp("cohort") / "study"
    options(arrays, out).run()
    return out


def findings(study):
    return json.loads((study / "summary.json").read_text())["lenses"]["membership"]


def test_every_model_is_a_target(study):
    members = read_masks(study / "masks" / "members.npy").members
    assert members.shape == (8, 96)
    found = findings(study)
    for name in ("lira_shrunk", "loss", "curvature_lr", "attack_p_curvature"):
        table = read_table(study / "membership" / f"{name}.parquet")
        assert table["score"].shape == (96, 8)
        np.testing.assert_array_equal(table["member"].T, members)
        areas = [
            auc(score[inside], score[~inside]).value
            for score, inside in zip(table["score"].T, members, strict=True)
        ]
        assert found["attacks"][name]["auc"]["value"] == pytest.approx(np.mean(areas))
        assert found["attacks"][name]["auc"]["n"] == 8


def test_noise_learnt_by_heart_is_memorized(study):
    found = findings(study)
    assert found["cohort"]["accuracy"]["members"] > 0.9
    assert found["cohort"]["accuracy"]["non_members"] < 0.5
    assert found["attacks"]["loss"]["auc"]["value"] > 0.8
    assert found["memorization"]["mean"]["ci95"][0] > 0.4
    records = read_table(study / "membership" / "records.parquet")
    assert (records["times_found"] <= records["models_in"]).all()
    assert "8 models are too few" in found["memorization"]["influence"]["missing"]
    share = found["memorization"]
    assert share["share_by_chance"] < share["share_memorized"]["ci95"][0]


def test_memorization_is_that_of_the_signals(study):
    members = read_masks(study / "masks" / "members.npy").members
    correct = np.stack(
        [
            read_table(study / "tables" / "signals" / f"{model:04d}.parquet")["correct.identity"]
            for model in range(8)
        ]
    )
    records = read_table(study / "membership" / "records.parquet")
    np.testing.assert_allclose(
        records["memorization"], estimate_memorization(members, correct[:, :96]).score
    )
    right = correct[:, 96:].mean()
    assert findings(study)["cohort"]["accuracy"]["population"] == pytest.approx(right)


def test_every_attack_has_three_controls(study):
    for name, found in findings(study)["attacks"].items():
        assert set(found["controls"]) == {"untrained", "permuted_membership", "other_membership"}, (
            name
        )


def test_the_page_tells_of_the_cohort(study):
    html = (study / "report.html").read_text()
    told = " ".join(re.sub(r"<[^>]+>", " ", html[html.index("<main") :]).split())
    assert "8 models were trained, each on a different half of 96 images" in told
    assert "The influence of single images on others cannot be shown: 8 models are too few" in told
    assert "How much training on an image adds" in told
    assert "curvature without it" in told
    assert html.count('<li class="card"') == 75
    assert write_report(study).read_text() == html


def test_intersections_are_means_over_the_models(study):
    found = findings(study)["agreement"]["intersections"]
    assert sum(found["counts"]) == pytest.approx(96)
    name, *_ = found["attacks"][0]
    scores = read_table(study / "membership" / f"{name}.parquet")["score"].T
    sizes = [top_sets({name: score}).sum() for score in scores]
    inside = [count for on, count in zip(found["patterns"], found["counts"], strict=True) if on[0]]
    assert sum(inside) == pytest.approx(np.mean(sizes))


def test_a_study_without_intersections_is_still_read(study, tmp_path):
    title = "Which attacks share their top records?"
    assert title in (study / "report.html").read_text()
    older = tmp_path / "older"
    shutil.copytree(study, older, ignore=shutil.ignore_patterns("models"))
    summary = json.loads((older / "summary.json").read_text())
    del summary["lenses"]["membership"]["agreement"]["intersections"]
    (older / "summary.json").write_text(json.dumps(summary))
    html = write_report(older).read_text()
    assert title not in html
    assert "Do attacks rank the same records highest?" in html


def test_a_second_run_changes_nothing(arrays, study):
    before = {file: file.read_bytes() for file in study.rglob("*.parquet")}
    summary = (study / "summary.json").read_bytes()
    options(arrays, study).run()
    assert (study / "summary.json").read_bytes() == summary
    assert {file: file.read_bytes() for file in study.rglob("*.parquet")} == before


def test_a_cohort_without_findings_comes_to_the_same(arrays, study, tmp_path):
    copy = tmp_path / "study"
    shutil.copytree(study, copy)
    shutil.rmtree(copy / "membership")
    (copy / "membership.card.json").unlink()
    options(arrays, copy).run()
    for file in ("summary.json", "membership/records.parquet", "membership/curves.parquet"):
        assert (copy / file).read_bytes() == (study / file).read_bytes()


def test_the_command_line(arrays, tmp_path, capsys):
    words = ["--models", "6", "--population", "0", "--no-curvature", "--no-controls"]
    words += ["--attacks", "loss,lira_shrunk,attack_p", "--masks", "coins", "--device", "cpu"]
    words += ["--train.architecture", "mlp", "--train.input-size", "6", "--train.epochs", "1"]
    main(["membership", "cohort", "--data", str(arrays), "--out", str(tmp_path / "s"), *words])
    told = capsys.readouterr().out
    assert "lira_shrunk" in told
    assert "attack_p skipped: needs population records" in told
    found = findings(tmp_path / "s")
    assert "missing" in found["cohort"]["accuracy"]["population"]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"models": 5}, "5 models are too few"),
        ({"curvature_probes": 0}, "curvature_probes must be at least 1, got 0"),
        ({"curvature_step": float("nan")}, "curvature_step must be"),
        ({"augmentations": ("identity", "flop")}, "unknown augmentation 'flop'"),
        ({"population": 1.0}, r"population must be in \[0, 1\), got 1"),
        ({"population": -0.1}, r"population must be in \[0, 1\), got -0.1"),
        ({"records": -1}, "records must be at least 0, got -1"),
        ({"records": 3}, "3 records are too few"),
        ({"masks": "legacy"}, "50000 records"),
        ({"attacks": ("guess",)}, "guess"),
    ],
)
def test_mistakes_are_told_before_anything_is_written(arrays, tmp_path, changes, told):
    with pytest.raises(ImprintError, match=told):
        options(arrays, tmp_path / "study", **changes).run()
    assert not (tmp_path / "study").exists()


def test_published_masks_stop_before_their_complements():
    choice = CohortAuditOptions(out=Path("x"), models=129, masks="legacy", population=0)
    with pytest.raises(ImprintError, match="128 independent"):
        draw_masks(choice, 50_000, 0)


def test_records_and_population_are_apart():
    pool = choose_pool(100, 50, 0.3, 1)
    assert len(pool.index) == 50
    assert len(pool.population) == 30
    assert not set(pool.index) & set(pool.population)
    assert (np.diff(pool.every[:50]) > 0).all()


def test_the_attack_that_is_spoken_of_is_drawn(study, monkeypatch):
    from imprint.lenses.membership import findings as membership_findings

    cohort = from_json(CohortFindings, findings(study), "summary.json")
    monkeypatch.setattr(
        membership_findings, "best_attack", lambda attacks: ("attack_p_curvature", None)
    )
    roc = cohort_figures(study / "membership", cohort)[0]
    names = [series.name for series in roc.series if series.name]
    assert "attack_p_curvature" in names[0].split(" = ")


def test_copies_and_models_that_learnt_nothing_are_warned_of(arrays, tmp_path):
    content = dict(np.load(arrays))
    content["images"][60:] = content["images"][:60]
    np.savez(tmp_path / "copied.npz", **content)
    train = replace(TRAIN, epochs=1, learning_rate=1e-6)
    changes = {"models": 6, "controls": False, "curvature": False, "train": train}
    options(tmp_path / "copied.npz", tmp_path / "study", attacks=("loss",), **changes).run()
    summary = json.loads((tmp_path / "study" / "summary.json").read_text())
    copies, untrained = summary["lenses"]["membership"]["warnings"]
    assert copies.startswith("60 of 120 images are exact copies of others and count once")
    assert untrained.startswith("the models classify only")
    assert summary["data"]["copies"] == 60
    assert summary["data"]["records"] + summary["data"]["population"] == 60
    page = (tmp_path / "study" / "report.html").read_text()
    assert copies in page
    assert untrained in page
