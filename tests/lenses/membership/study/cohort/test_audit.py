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
from imprint.lenses.membership.attack.run import attack_cohort, choose_attacks
from imprint.lenses.membership.cohort.agreement import top_sets
from imprint.lenses.membership.cohort.references import Cohort
from imprint.lenses.membership.commands import Cohort as Command
from imprint.lenses.membership.memorization.estimators import memorization
from imprint.lenses.membership.study.cohort.answers import CohortAnswers
from imprint.lenses.membership.study.cohort.audit import draw_masks
from imprint.lenses.membership.study.cohort.gallery import most_memorized
from imprint.lenses.membership.study.cohort.memorization import (
    correlations,
    influences,
    memorization_findings,
)
from imprint.lenses.membership.study.options import CohortAuditOptions
from imprint.lenses.membership.study.records import Pool, choose_pool
from imprint.lenses.membership.study.signals import ModelSignals
from imprint.report.page import write_report
from imprint.stats import auc
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
        records["memorization"], memorization(members, correct[:, :96]).score
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
    assert "8 models were trained, each on another half of 96 images" in told
    assert "The influence of single images on others cannot be shown: 8 models are too few" in told
    assert "How much training on an image adds" in told
    assert "curvature without it" in told
    assert html.count('class="card exposed"') == 75
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
    title = "Which records do attacks suspect together?"
    assert title in (study / "report.html").read_text()
    older = tmp_path / "older"
    shutil.copytree(study, older, ignore=shutil.ignore_patterns("models"))
    summary = json.loads((older / "summary.json").read_text())
    del summary["lenses"]["membership"]["agreement"]["intersections"]
    (older / "summary.json").write_text(json.dumps(summary))
    html = write_report(older).read_text()
    assert title not in html
    assert "Do attacks suspect the same records?" in html


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
        ({"population": 1.0}, "population is 1"),
        ({"population": -0.1}, "population is -0.1"),
        ({"records": -1}, "records is -1"),
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


def test_the_most_memorized_of_each_class_are_shown_in_order():
    records = {
        "index": np.arange(8),
        "memorization": np.array([0.1, np.nan, 0.9, 0.5, 0.9, 0.3, -0.2, 0.0]),
    }
    labels = np.array([0, 0, 1, 1, 0, 0, 1, 1])
    assert most_memorized(records, labels).tolist() == [2, 4, 3, 5, 0, 7, 6]
    many = {"index": np.arange(3000), "memorization": np.arange(3000) / 3000}
    shown = most_memorized(many, np.arange(3000) % 3)
    assert len(shown) == 75
    assert shown[0] == 2999


def test_the_attack_that_is_spoken_of_is_drawn(study, monkeypatch):
    from imprint.lenses.membership import findings as membership_findings
    from imprint.lenses.membership.page import cohort_figures as module

    found = findings(study)
    drawn = []
    monkeypatch.setattr(module.plots, "log_curves", lambda curves, *_: drawn.extend(curves) or "")
    monkeypatch.setattr(
        membership_findings, "best_attack", lambda attacks: ("attack_p_curvature", None)
    )
    module.cohort_figures(study / "membership", found)
    assert "attack_p_curvature" in drawn[0].split(" = ")


def test_nothing_goes_with_memorization_where_nothing_is_memorized():
    # Watson's score is the estimator of memorization in another unit: of the same models both
    # hold the same noise, and their correlation was 0.6. Cross-fitted over 800 records the
    # standard error is 0.025; five of them are allowed.
    random = np.random.default_rng(0)
    phi = random.normal(size=(16, 1, 800)) + random.normal(size=800)
    masks = np.argsort(random.random((16, 800)), axis=0) < 8
    answers = [
        ModelSignals({"phi": row, "mentr": row}, {}, row[0] > 0, np.zeros(0, bool)) for row in phi
    ]
    pool = Pool(index=np.arange(800), population=np.zeros(0, dtype=np.int64))
    found = CohortAnswers(answers, None, masks, pool, np.zeros(800, dtype=np.int64), {})

    def watson(rows):
        cohort = Cohort({"phi": phi[rows]}, masks[rows])
        return attack_cohort(cohort, choose_attacks(["watson"])).scores

    shown = correlations(found, watson, 0)
    assert abs(shown["watson"]["value"]) < 0.125
    same = memorization(masks, phi[:, 0] > 0).score
    scores = watson(np.arange(16))["watson"]
    assert np.corrcoef(same, (scores * masks).sum(axis=0) / 8)[0, 1] > 0.4
    share = memorization_findings(found, 0)
    low, high = share["share_memorized"]["ci95"]
    assert low <= share["share_by_chance"] <= high


def test_a_record_that_few_models_left_out_does_not_hide_the_others():
    random = np.random.default_rng(1)
    masks = random.random((200, 60)) < 0.5
    masks[:199, 0] = True  # left out once: its own error allows nothing
    masks[199, 0] = False
    correct = masks | (random.random((200, 60)) < 0.1)
    apart = np.tile(masks[:, [5]], (1, 10))  # record 5 carries ten test examples
    answers = [
        ModelSignals({"phi": np.zeros((1, 60)), "mentr": np.zeros((1, 60))}, {}, right, carried)
        for right, carried in zip(correct, apart, strict=True)
    ]
    pool = Pool(index=np.arange(60), population=np.arange(60, 70))
    found = CohortAnswers(answers, None, masks, pool, np.zeros(70, dtype=np.int64), {})
    pairs, told = influences(found)
    assert set(pairs.train) == {5}
    assert told["pairs"] == 10
    assert told["least"] < 0.5


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
    assert untrained.startswith("the models get only")
    assert summary["data"]["copies"] == 60
    assert summary["data"]["records"] + summary["data"]["population"] == 60
    page = (tmp_path / "study" / "report.html").read_text()
    assert copies in page
    assert untrained in page
