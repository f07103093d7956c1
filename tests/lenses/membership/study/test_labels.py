import json
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from imprint.cli import main
from imprint.core.errors import ImprintError
from imprint.lenses.membership.study import labels as membership_labels
from imprint.lenses.membership.study.audit import audit_membership
from imprint.lenses.membership.study.labels import attack_labels, sample_records
from imprint.lenses.membership.study.options import MembershipOptions
from imprint.lenses.membership.study.records import choose_records
from imprint.nets.fill import initial_model
from imprint.nets.model_card import ModelCard
from imprint.nets.save import save_model
from imprint.probe.signals.boundary import boundary_distances
from imprint.stats.roc import auc
from imprint.study.store import Study
from imprint.study.tables import read_table, write_table

pytest.importorskip("art")

SIDE, CLASSES, EACH = 4, ("ant", "bee"), 20
CARD = ModelCard("mlp", 3, 2, SIDE, (0.5,), (0.25,), {"widths": "64"})
SOME, QUERIES = 24, 120


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two folders of noise with labels, and a network that learnt the first by heart."""
    root = tmp_path_factory.mktemp("labels")
    random = np.random.default_rng(0)
    count = EACH * len(CLASSES)
    pixels = random.integers(0, 256, (2, count, SIDE, SIDE, 3), dtype=np.uint8)
    labels = np.arange(count) % len(CLASSES)
    for name, pictures in zip(("seen", "unseen"), pixels, strict=True):
        for row, picture in enumerate(pictures):
            file = root / name / CLASSES[labels[row]] / f"{row:03d}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(picture).save(file)
    model = initial_model(CARD, 0)
    inputs = torch.from_numpy(pixels[0]).permute(0, 3, 1, 2).float() / 255
    optimizer = torch.optim.Adam(model.parameters(), 0.01)
    for _ in range(60):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(model(inputs), torch.from_numpy(labels)).backward()
        optimizer.step()
    save_model(root / "net.safetensors", model, CARD)
    return root


def options(folder, out, **changes):
    values = {
        "out": out,
        "json": True,
        "model": folder / "net.safetensors",
        "members": folder / "seen",
        "non_members": folder / "unseen",
        "records": 0,
        "curvature": False,
        "attacks": ("loss", "label_only"),
        "label_only": SOME,
        "label_only_queries": QUERIES,
    }
    return MembershipOptions(**{**values, **changes})


@pytest.fixture(scope="module")
def study(folder, tmp_path_factory):
    out = tmp_path_factory.mktemp("audited") / "study"
    words = [
        *("--model", folder / "net.safetensors", "--members", folder / "seen"),
        *("--non-members", folder / "unseen", "--records", 0, "--no-curvature"),
        *("--attacks", "loss,label_only", "--label-only", SOME),
        *("--label-only-queries", QUERIES),
    ]
    main(["membership", "audit", "--out", str(out), *map(str, words)])
    return out


def findings(study):
    return json.loads((study / "summary.json").read_text())["lenses"]["membership"]


def test_members_known_by_heart_lie_farther_from_the_boundary(study):
    content = findings(study)["label_only"]
    assert content["auc"]["n"] == SOME
    assert content["auc"]["ci95"][0] > 0.5
    assert content["reads"] == "distance"
    assert content["queries"] == QUERIES
    assert content["no_boundary"] == 0
    table = read_table(study / "tables" / "distance" / "model.parquet")
    assert list(table) == ["index", "distance", "queries"]
    assert content["mean_queries"] == pytest.approx(table["queries"].mean())


def test_half_of_the_records_are_members_and_their_scores_are_the_distances(study):
    scores = read_table(study / "membership" / "label_only.parquet")
    table = read_table(study / "tables" / "distance" / "model.parquet")
    assert scores["index"].tolist() == table["index"].tolist()
    assert scores["score"].tolist() == table["distance"].tolist()
    assert scores["member"].sum() == SOME // 2
    attacked = read_table(study / "membership" / "loss.parquet")
    assert set(scores["index"]) < set(attacked["index"])
    area = auc(scores["score"][scores["member"]], scores["score"][~scores["member"]])
    assert findings(study)["label_only"]["auc"]["value"] == area.value


def test_records_that_the_network_gets_wrong_score_nothing(study):
    table = read_table(study / "tables" / "distance" / "model.parquet")
    signals = read_table(study / "tables" / "signals" / "model.parquet")
    right = dict(zip(signals["index"], signals["correct.identity"], strict=True))
    wrong = np.array([not right[index] for index in table["index"]])
    assert 0 < wrong.sum() < SOME
    assert ((table["distance"] == 0) == wrong).all()
    assert ((table["queries"] == 1) == wrong).all()


def test_controls_are_run_on_the_same_records(study):
    controls = findings(study)["label_only"]["controls"]
    assert controls.keys() == {"untrained", "permuted_membership"}
    assert all(control["passed"] for control in controls.values())
    assert controls["untrained"]["value"]["n"] == SOME
    blank = read_table(study / "tables" / "distance" / "untrained.parquet")
    own = read_table(study / "tables" / "distance" / "model.parquet")
    assert blank["index"].tolist() == own["index"].tolist()
    assert (blank["distance"] != own["distance"]).any()


def test_best_attack_and_exposure_leave_it_out(study):
    content = findings(study)
    assert set(content["attacks"]) == {"loss"}
    assert content["best"] == "loss"
    assert "label_only" not in content["skipped"]
    assert len(read_table(study / "membership" / "exposure.parquet")["index"]) == 40


def test_the_page_has_a_row_of_it_with_its_number_of_records(study):
    page = (study / "report.html").read_text()
    assert f"label_only was run on {SOME} of the records only" in page
    assert 'data-value="label_only"' in page
    assert "distance to the boundary" in page


def test_a_second_run_measures_nothing_again(study, folder, capsys):
    tables = sorted((study / "tables" / "distance").glob("*.parquet"))
    before = [(file.stat().st_mtime_ns, file.read_bytes()) for file in tables]
    audit_membership(options(folder, study))
    assert [(file.stat().st_mtime_ns, file.read_bytes()) for file in tables] == before
    assert f"{QUERIES} more for each of {SOME} records by hard labels" in capsys.readouterr().err


def test_a_search_that_was_cut_short_goes_on_with_the_records_that_are_missing(
    study, folder, tmp_path, monkeypatch
):
    taken = []

    def cut_short(*arguments):
        taken.append(len(arguments[3]))
        if len(taken) == 2:
            raise KeyboardInterrupt
        return boundary_distances(*arguments)

    monkeypatch.setattr(membership_labels, "KEPT_EVERY", 10)
    monkeypatch.setattr(membership_labels, "boundary_distances", cut_short)
    with pytest.raises(KeyboardInterrupt):
        audit_membership(options(folder, tmp_path / "out"))
    audit_membership(options(folder, tmp_path / "out"))
    assert taken == [10, 10, 10, 4, 10, 10, 4]
    for name in ("model", "untrained"):
        again, whole = (
            read_table(root / "tables" / "distance" / f"{name}.parquet")
            for root in (tmp_path / "out", study)
        )
        for column, values in whole.items():
            assert again[column].tolist() == values.tolist()


def test_a_record_without_boundary_is_counted(tmp_path):
    study = Study(tmp_path)
    records = choose_records(4, 8, 0, 0)
    count = len(records.index)
    distance = np.linspace(0.1, 0.8, count)
    distance[2] = np.nan
    asked = np.full(count, 7)
    columns = {"index": records.index, "distance": distance, "queries": asked}
    write_table(study.path("model.parquet"), columns)
    scores, content = attack_labels(study, ["model.parquet"], records, {}, 0)
    assert scores[2] == scores.max() == 0.8
    assert content.no_boundary == 1
    assert content.queries == content.mean_queries == 7
    assert content.controls is None


def test_some_records_are_half_members_and_keep_the_population():
    records = choose_records(30, 40, 0, 0)
    some = sample_records(records, 8, 1)
    assert some.members.tolist() == [True] * 4 + [False] * 4
    assert (some.index[:4] < 30).all()
    assert (some.index[4:] >= 30).all()
    assert some.population is records.population
    assert sample_records(records, 1000, 1).members.sum() == 20
    assert sample_records(records, 8, 2).index.tolist() != some.index.tolist()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"label_only": 3}, "label_only must be 0 or at least 4, got 3"),
        ({"label_only": -2}, "label_only must be 0 or at least 4, got -2"),
        ({"label_only_queries": 0}, "label_only_queries must be at least 1, got 0"),
        ({"attacks": ("label_only",)}, "label_only is run on --label-only N of the records"),
    ],
)
def test_impossible_options_are_errors(folder, tmp_path, changes, message):
    with pytest.raises(ImprintError, match=message):
        audit_membership(options(folder, tmp_path / "out", **changes))
    assert not (tmp_path / "out" / "tables" / "distance").exists()


def test_a_missing_library_is_an_error_before_anything_is_done(folder, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "art", None)
    with pytest.raises(ImprintError, match=r"pip install 'imprint\[attacks\]'"):
        audit_membership(options(folder, tmp_path / "out"))
    assert not (tmp_path / "out" / "tables").exists()


def test_without_it_the_attack_is_skipped_and_nothing_else_changes(study, folder, tmp_path):
    plain = replace(options(folder, tmp_path / "out"), label_only=0)
    content = audit_membership(plain)["lenses"]["membership"]
    assert content["attacks"] == findings(study)["attacks"]
    assert "--label-only" in content["skipped"]["label_only"]
    assert "label_only" not in content
