"""The privacy audit from images to page, on noise with labels, so that all is learnt by heart."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest

from imprint.cli import main
from imprint.core.errors import ImprintError
from imprint.data.augmentation import UNCHANGED
from imprint.lenses.membership.privacy.audit import audit_one_run
from imprint.lenses.membership.privacy.choices import Budget, Fixed
from imprint.lenses.membership.study.privacy.audit import (
    audit_privacy,
    list_trainings,
)
from imprint.lenses.membership.study.privacy.options import PrivacyOptions
from imprint.report.page import write_report
from imprint.study.finding import to_json
from imprint.study.json_io import write_json
from imprint.study.tables import read_table
from imprint.train.cohort.masks import read_masks
from imprint.train.cohort.options import CohortOptions
from imprint.train.cohort.private import PrivateTraining

pytest.importorskip("opacus")

COUNT, CANARIES, CLASSES = 260, 200, 4
TRAIN = CohortOptions(
    architecture="mlp",
    architecture_options=(("widths", "128"),),
    input_size=8,
    mean=(0.5,),
    std=(0.29,),
    epochs=25,
    batch_size=40,
    learning_rate=0.4,
    weight_decay=0.0,
    view=UNCHANGED,
    accountant="rdp",
    engine="sequential",
)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    draw = np.random.default_rng(0)
    file = tmp_path_factory.mktemp("noise") / "noise.npz"
    pixels = draw.integers(0, 256, (COUNT, 3, 8, 8), dtype=np.uint8)
    np.savez(file, images=pixels, labels=np.arange(COUNT) % CLASSES)
    return file


def options(file, out, **changes):
    values = {
        "out": out,
        "json": True,
        "data": str(file),
        "canaries": CANARIES,
        "epsilons": (1.0,),
        "train": TRAIN,
    }
    return PrivacyOptions(**{**values, **changes})


@pytest.fixture(scope="module")
def study(data, tmp_path_factory):
    out = tmp_path_factory.mktemp("privacy") / "study"
    audit_privacy(options(data, out))
    return out


def findings(study):
    return json.loads((study / "summary.json").read_text())["lenses"]["membership"]["privacy"]


def run_of(study, name):
    return next(run for run in findings(study)["runs"] if run["name"] == name)


def test_learning_by_heart_is_proven_and_dp_keeps_its_promise(study):
    free, private = run_of(study, "not-private"), run_of(study, "epsilon-1")
    assert free["accuracy"]["canaries_in"]["value"] > 0.9
    assert free["accuracy"]["canaries_out"]["value"] < 0.5
    assert free["bounds"]["binomial"]["epsilon"] > 2
    assert "DP-SGD" in free["accounted"]["missing"]
    assert 0.9 < private["accounted"]["epsilon"] <= 1.0
    assert private["accounted"]["delta"] == findings(study)["delta"] == 1e-5
    assert private["bounds"]["binomial"]["epsilon"] <= private["accounted"]["epsilon"]


def test_scores_coins_and_bounds_fit_one_another(study):
    for name in ("not-private", "epsilon-1"):
        table = read_table(study / "tables" / "privacy" / f"{name}.parquet")
        assert list(table) == ["index", "score", "member"]
        coins = read_masks(study / "runs" / name / "masks" / "members.npy")
        assert coins.design["kind"] == "coin flips"
        assert np.array_equal(coins.members[0, table["index"]], table["member"])
        assert not coins.members[1, table["index"]].any()
        others = np.setdiff1d(np.arange(COUNT), table["index"])
        assert coins.members[:, others].all()
        for method, bound in run_of(study, name)["bounds"].items():
            again = audit_one_run(
                table["score"], table["member"], Fixed(Budget(0.3, 0.3)), method, 1e-5
            )
            assert bound == to_json(again)
            assert bound["epsilon"] <= bound["ceiling"]


def test_models_have_seeds_of_their_own_and_the_schedule_counts_no_members(study):
    cards = {
        file.parts[-4]: json.loads(file.read_text())["training"]
        for file in study.glob("runs/*/models/0000/final.json")
    }
    assert cards["epsilon-1"]["seed"] != cards["not-private"]["seed"]
    # 60 records that are no canaries and half of 200 coins: 160 expected, 4 steps of 40 an epoch.
    assert cards["epsilon-1"]["privacy"]["sample_rate"] == 1 / 4
    assert cards["epsilon-1"]["privacy"]["steps"] == 4 * 25
    assert cards["epsilon-1"]["members"] != 160


def files(study):
    return {
        file.relative_to(study).as_posix(): file.read_bytes()
        for file in study.rglob("*")
        if file.is_file() and file.name != ".lock"
    }


def test_a_lost_model_and_its_findings_come_back_the_same(data, study):
    before = files(study)
    for name in ("epsilon-1.json", "epsilon-1.json.card.json"):
        (study / "privacy" / name).unlink()
    for file in (study / "runs" / "not-private" / "models").rglob("*"):
        if file.is_file():
            file.unlink()
    (study / "runs" / "not-private" / "models" / "0000").rmdir()
    (study / "runs" / "not-private" / "models" / "0001").rmdir()
    audit_privacy(options(data, study))
    assert files(study) == before


def test_other_settings_in_the_same_folder_are_refused(data, study):
    with pytest.raises(ImprintError, match="made with other settings"):
        audit_privacy(options(data, study, seed=1))


def test_a_broken_dp_training_is_told_and_fails(data, tmp_path, monkeypatch, capsys):
    """Accounted as always, but the noise is never added and nothing is clipped."""
    start = PrivateTraining.__init__

    def broken(self, *arguments):
        start(self, *arguments)
        self._optimizer.noise_multiplier = 0.0
        self._optimizer.max_grad_norm = 1e6

    monkeypatch.setattr(PrivateTraining, "__init__", broken)
    words = ["membership", "privacy", "--data", str(data), "--out", str(tmp_path / "study")]
    words += ["--canaries", str(CANARIES), "--no-compare", "--no-calibrate", "--json"]
    for name in ("epochs", "batch_size", "learning_rate", "accountant", "input_size"):
        words += [f"--train.{name.replace('_', '-')}", str(getattr(TRAIN, name))]
    words += ["--train.architecture", "mlp", "--train.architecture-options", "widths=128"]
    words += ["--train.epsilon", "0.5", "--train.mean", "0.5", "--train.std", "0.29"]
    with pytest.raises(SystemExit) as left:
        main([*words, "--train.engine", "sequential", "--train.weight-decay", "0"])
    assert left.value.code == 2
    told = capsys.readouterr().err
    assert re.search(
        r"epsilon-0.5: accounted ε is 0.\d+, but the audit proves at least [2-9]", told
    )
    (run,) = findings(tmp_path / "study")["runs"]
    assert run["bounds"]["binomial"]["epsilon"] > 1 > run["accounted"]["epsilon"]
    page = text_of(tmp_path / "study" / "report.html")
    assert "The private training leaks more than it accounts for" in page
    assert "The lower bound exceeds the accounted ε" in page


def text_of(page):
    html = page.read_text()
    return " ".join(re.sub(r"<[^>]+>", " ", html[html.index("<main") :]).split())


def test_the_page_has_both_bounds_on_one_axis(study):
    html, told = (study / "report.html").read_text(), text_of(study / "report.html")
    assert "Nothing contradicts the accounted ε" in told
    assert "200 canaries, images under a wrong label," in told
    p_value = findings(study)["canaries"]["coins_p_value"]
    assert 0.01 <= p_value <= 1
    assert f"(the test of fair coins gives p = {p_value:.2f})" in told
    assert html.count('class="plot"') == 1
    label = re.search(r'aria-label="(Lower bounds on ε[^"]+)"', html)[1]
    for run in findings(study)["runs"]:
        for bound in run["bounds"].values():
            assert f"at least {bound['epsilon']:.2f} of {bound['ceiling']:.2f}" in label
    assert "DP-SGD, accounted ε = 1.00: accounted 1.00" in label
    assert "without DP: not bounded" in label
    assert "membership-result" not in html


def test_an_audit_without_teeth_says_so(study, tmp_path):
    summary = json.loads((study / "summary.json").read_text())
    for run in summary["lenses"]["membership"]["privacy"]["runs"]:
        run["bounds"]["binomial"]["epsilon"] = 0.0
    write_json(tmp_path / "summary.json", summary)
    assert "The attack proves no bound even without DP" in text_of(write_report(tmp_path))


def test_runs_are_of_the_targets_or_of_the_noise(data, tmp_path):
    def names(**changes):
        return [run.name for run in list_trainings(options(data, tmp_path, **changes))]

    assert names(epsilons=(1.0, 3.5)) == ["epsilon-1", "epsilon-3.5", "not-private"]
    assert names(epsilons=()) == ["epsilon-8", "not-private"]
    assert names(epsilons=(), train=CohortOptions(noise_multiplier=2.0), compare=False) == [
        "noise-2"
    ]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"canaries": 1}, "canaries must be at least 2, got 1"),
        ({"canaries": 261}, "has 260 images: choose 2 to 260 canaries, not 261"),
        ({"epsilons": (1.0, 1.0)}, "is duplicated"),
        ({"epsilons": (-1.0,)}, "epsilons must be above 0, got -1"),
        ({"train": CohortOptions(noise_multiplier=1.0)}, "exclude each other"),
        ({"epsilons": (1.0, 1000.0), "train": replace(TRAIN, accountant="prv")}, "fills the mem"),
        ({"canaries": 60, "seed": 122}, "42 of 60 canaries are members"),
        ({"confidence": 1.0}, r"confidence must be in \[0.5, 1\), got 1"),
        ({"budget": (0.3,)}, "two shares"),
        ({"budget": (0.8, 0.4)}, "is invalid"),
        ({"data": "/nowhere"}, "/nowhere"),
    ],
)
def test_what_cannot_be_audited_is_told_before_training(data, tmp_path, changes, message):
    with pytest.raises(ImprintError, match=message):
        audit_privacy(options(data, tmp_path / "study", **changes))
    assert not (tmp_path / "study").exists()
