import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml

from imprint.audits.options import SMALL_COHORT, AuditOptions
from imprint.audits.run import run_audit
from imprint.core.errors import ImprintError
from imprint.lenses.dejavu.commands import AttackArrays
from imprint.lenses.dejavu.options import DejavuChoice
from imprint.lenses.dejavu.study.arrays import attack_arrays
from imprint.lenses.dejavu.study.two_model import two_model_audit
from imprint.lenses.leave_one_out.options import LeaveOneOutStep
from imprint.nets.load import NetworkFile
from imprint.study.options import DataChoice
from imprint.study.tables import read_table
from imprint.train.options import TrainOptions
from imprint.train.probe_options import OnlineProbeOptions

TRAIN = TrainOptions(
    architecture_options=(("width", "8"), ("depth", "1")),
    projector="16-8",
    epochs=6,
    warmup_epochs=1,
    snapshot_every=3,
    resume_every=1,
)
MEMBERSHIP = replace(
    SMALL_COHORT,
    models=6,
    curvature_probes=2,
    attacks=("attack_p", "curvature_lr", "lira_shrunk", "loss", "rmia"),
    train=replace(SMALL_COHORT.train, epochs=2),
)
SETTINGS = {
    "per_class": 4,
    "composite_count": 200,
    "k": 10,
    "min_crop_px": 8.0,
    "membership": MEMBERSHIP,
}
WORDS = [
    "--per-class=4",
    "--composite-count=200",
    "--k=10",
    "--train.architecture-options=width=8,depth=1",
    "--train.projector=16-8",
    "--train.warmup-epochs=1",
    "--train.resume-every=1",
    "--membership.models=6",
    "--membership.curvature-probes=2",
    "--membership.attacks=lira_shrunk,loss",
    "--membership.train.epochs=2",
]


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    out = tmp_path_factory.mktemp("audit") / "study"
    run_audit(AuditOptions(out=out, json=True, train=TRAIN, export_legacy=True, **SETTINGS))
    return out


def options(study, **changes):
    values = {"out": study, "json": True, "train": TRAIN, "export_legacy": True, **SETTINGS}
    return AuditOptions(**{**values, **changes})


def test_the_cohort_is_of_the_images_of_a_and_b(study):
    found = json.loads((study / "summary.json").read_text())["lenses"]["membership"]
    assert found["cohort"]["models"] == 6
    records = read_table(study / "membership" / "records.parquet")["index"]
    both = [np.load(study / "split" / "4_per_class" / f"train_{side}.npy") for side in "AB"]
    np.testing.assert_array_equal(records, np.unique(np.concatenate(both)))
    assert "Membership" in (study / "report.html").read_text()


def test_an_attack_while_training_finds_what_the_audit_finds_after_it(study, tmp_path):
    alone = replace(MEMBERSHIP, models=0)
    asked = options(
        study,
        out=tmp_path / "online",
        attack_every=3,
        membership=alone,
        leave_one_out=LeaveOneOutStep(records=0),
        linear_probe=False,
        export_legacy=False,
    )
    found = run_audit(asked)["lenses"]["dejavu"]["two_model"]["100"]
    logs = {
        name: [
            json.loads(line)
            for line in (asked.out / "models" / name / "log.jsonl").read_text().splitlines()
        ]
        for name in "AB"
    }
    assert [line["epoch"] for line in logs["A"] if "attack" in line] == [3, 6]
    last = {name: lines[-1]["attack"] for name, lines in logs.items()}
    target = (last["A"]["A"] + last["B"]["B"]) / 2
    reference = (last["A"]["B"] + last["B"]["A"]) / 2
    assert found["target_accuracy"]["value"] == pytest.approx(target, abs=1e-12)
    assert found["reference_accuracy"]["value"] == pytest.approx(reference, abs=1e-12)
    for name in "AB":
        one, other = (root / "models" / name / "final.safetensors" for root in (asked.out, study))
        assert one.read_bytes() == other.read_bytes()


def test_no_models_leave_the_cohort_out(study, tmp_path):
    copy = tmp_path / "study"
    shutil.copytree(study, copy)
    run_audit(options(copy, membership=replace(MEMBERSHIP, models=0)))
    assert set(json.loads((copy / "summary.json").read_text())["lenses"]) == {
        "dejavu",
        "leave_one_out",
    }


@pytest.mark.parametrize(
    ("membership", "told"),
    [
        (replace(MEMBERSHIP, models=2), "2 models are too few"),
        (replace(MEMBERSHIP, attacks=("guess",)), "guess"),
        (replace(MEMBERSHIP, train=replace(MEMBERSHIP.train, architecture="none")), "none"),
    ],
)
def test_mistakes_in_the_cohort_are_told_before_encoders_are_trained(tmp_path, membership, told):
    with pytest.raises(ImprintError, match=told):
        run_audit(options(tmp_path / "study", membership=membership))
    assert not (tmp_path / "study" / "models").exists()


def test_the_images_of_a_and_b_are_left_out_one_by_one(study):
    found = json.loads((study / "summary.json").read_text())["lenses"]["leave_one_out"]
    trained = [np.load(study / f"split/4_per_class/train_{name}.npy") for name in "AB"]
    records = read_table(study / "leave_one_out" / "records.parquet")
    assert records["index"].tolist() == np.unique(np.concatenate(trained)).tolist()
    assert found["records"] == len(records["index"])
    assert 'id="leave-one-out-result"' in (study / "report.html").read_text()


def test_the_summary_tells_how_training_ended(study):
    found = json.loads((study / "summary.json").read_text())["lenses"]["dejavu"]["training"]
    assert set(found) == {"A", "B"}
    for side, figures in found.items():
        last = json.loads((study / "models" / side / "log.jsonl").read_text().splitlines()[-1])
        assert figures == {key: last[key] for key in figures}
        assert figures["collapsed"] is False
        assert figures["epoch"] == 6


def test_an_audit_takes_a_teacher_and_online_probes(study, tmp_path):
    train = replace(TRAIN, objective="dino", online_probes=OnlineProbeOptions(on=True))
    none = {
        "membership": replace(MEMBERSHIP, models=0),
        "linear_probe": False,
        "controls": False,
        "leave_one_out": LeaveOneOutStep(skip=True),
    }
    run_audit(options(tmp_path / "study", train=train, export_legacy=False, **none))
    found = json.loads((tmp_path / "study" / "summary.json").read_text())["lenses"]["dejavu"]
    assert set(found["training"]) == {"A", "B"}
    log = (tmp_path / "study" / "models" / "A" / "log.jsonl").read_text().splitlines()
    assert 0 <= json.loads(log[-1])["probes"]["projector_2"]["held_out_top1"] <= 1


def test_the_summary_holds_every_estimate_with_its_interval(study):
    summary = json.loads((study / "summary.json").read_text())
    found = summary["lenses"]["dejavu"]["two_model"]
    assert list(found) == ["100", "20"]
    for percent, count in (("100", 80), ("20", 16)):
        for name in (
            "score",
            "target_accuracy",
            "reference_accuracy",
            "memorized",
            "forgotten",
            "correlated",
            "unassociated",
        ):
            estimate = found[percent][name]
            low, high = estimate["ci95"]
            assert low <= estimate["value"] <= high
            assert estimate["n"] == count
    assert summary["data"]["attacked"] == {"A": 40, "B": 40}
    assert summary["data"]["copies_in_public"] == {"value": 0}
    assert (study / "report.html").stat().st_size > 10_000


def test_tables_have_one_row_an_attacked_image(study):
    records = read_table(study / "tables" / "dejavu" / "records.parquet")
    assert len(records["index"]) == 80
    assert len(np.unique(records["index"])) == 80
    summary = json.loads((study / "summary.json").read_text())
    shares = summary["lenses"]["dejavu"]["two_model"]["100"]
    memorized = np.mean(records["category"] == 1)
    assert memorized == pytest.approx(shares["memorized"]["value"])
    epochs = read_table(study / "tables" / "dejavu" / "epochs.parquet")
    assert epochs["index"].tolist() == [3, 6]
    assert epochs["score"][-1] == pytest.approx(shares["score"]["value"])


def test_a_second_call_builds_nothing_again(study):
    files = {
        path: path.stat().st_mtime_ns
        for path in study.rglob("*")
        if path.is_file() and path.parent != study
    }
    run_audit(options(study))
    assert files == {path: path.stat().st_mtime_ns for path in files}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"per_class": 5}, r"split was made with other settings \(sizes: \[4\] there, \[5\] now\)"),
        ({"k": 5}, r"dejavu was made with other settings \(attack\.k: 10 there, 5 now\)"),
        ({"background_correlation": 0.5}, r"made with other settings \(images: image \[0\]"),
        ({"seed": 1}, "made with other settings"),
    ],
)
def test_other_settings_in_the_same_folder_are_told(study, change, message):
    with pytest.raises(ImprintError, match=message):
        run_audit(options(study, **change))


def test_the_options_file_replays_the_study(study):
    from imprint.commands.audit import RunAudit
    from imprint.study.config import parse

    words = ["--config", str(study / "options.yaml"), "--out", str(study), "--json"]
    replayed = parse(RunAudit, words, "test")
    assert yaml.safe_load((study / "options.yaml").read_text())["per_class"] == 4
    settled = options(study, layer="projector")  # auto, once the networks are known
    assert vars(replayed) == vars(settled)


def test_two_given_checkpoints_give_the_same_findings(study, tmp_path):
    choice = DejavuChoice(out=tmp_path, json=True, k=10, controls=False)
    data = DataChoice(composite_count=200)
    models = {name: NetworkFile(study / "models" / name / "final.safetensors") for name in "AB"}
    found = two_model_audit(data, choice, models, study / "split", 4)
    expected = json.loads((study / "summary.json").read_text())
    assert found["lenses"]["dejavu"]["two_model"] == expected["lenses"]["dejavu"]["two_model"]


def test_models_of_other_images_are_refused(study, tmp_path):
    choice = DejavuChoice(out=tmp_path / "out", json=True, k=10, controls=False)
    data = DataChoice(composite_count=200)
    files = {name: study / "models" / name / "final.safetensors" for name in "AB"}
    card = json.loads(files["A"].with_suffix(".json").read_text())["training"]
    assert card["epoch"] == 6
    assert card["versions"]["torch"].startswith("2.")
    swapped = {"A": NetworkFile(files["B"]), "B": NetworkFile(files["A"])}
    with pytest.raises(ImprintError, match=r"model A .* was trained on set B: swap the models"):
        two_model_audit(data, choice, swapped, study, 4)
    lone = tmp_path / "lone.safetensors"
    lone.write_bytes(files["A"].read_bytes())
    other = json.loads(files["A"].with_suffix(".json").read_text())
    other["training"]["images"] = "0" * 64
    lone.with_suffix(".json").write_text(json.dumps(other))
    models = {"A": NetworkFile(lone), "B": NetworkFile(files["B"])}
    with pytest.raises(ImprintError, match=r"was trained on other images"):
        two_model_audit(data, choice, models, study, 4)


def test_arrays_alone_give_the_same_votes(study, tmp_path):
    tables = study / "tables"
    records = read_table(tables / "dejavu" / "records.parquet")
    rows = records["side"] == 0
    arrays = {"labels": records["label"][rows], "index": records["index"][rows]}
    for key, model in (("target", "A"), ("reference", "B")):
        crops = read_table(tables / "embeddings" / f"{model}.crops.parquet")
        public = read_table(tables / "embeddings" / f"{model}.public.parquet")
        arrays[f"crops_{key}"] = crops["projector"][rows]
        arrays["public" if key == "target" else "public_reference"] = public["projector"]
    arrays["public_labels"] = public["index"] % 10
    np.savez(tmp_path / "a.npz", **arrays)
    attack_arrays(AttackArrays(arrays=tmp_path / "a.npz", out=tmp_path / "out", k=10))
    found = read_table(tmp_path / "out" / "dejavu" / "records.parquet")
    for name in ("index", "category", "target_prediction", "target_confidence", "memorization"):
        assert np.array_equal(found[name], records[name][rows])


def test_a_supervised_classifier_can_guess_by_itself(study, tmp_path):
    from dataclasses import replace

    train = replace(TRAIN, objective="supervised", snapshot_every=0)
    found = run_audit(
        options(
            tmp_path / "study",
            train=train,
            layer="logits",
            decision="logits",
            linear_probe=False,
            export_legacy=False,
        )
    )
    records = read_table(tmp_path / "study" / "tables" / "dejavu" / "records.parquet")
    crops = read_table(tmp_path / "study" / "tables" / "embeddings" / "A.crops.parquet")
    mine = records["side"] == 0
    logits = crops["logits"][mine]
    assert np.array_equal(records["target_prediction"][mine], logits.argmax(axis=1))
    assert np.array_equal(records["target_confidence"][mine], logits.max(axis=1))
    assert found["lenses"]["dejavu"]["two_model"]["100"]["score"]["n"] == 80


def test_legacy_arrays_have_their_names_and_shapes(study):
    folder = study / "legacy"
    names = {path.stem for path in folder.glob("*.npy")}
    assert len(names) == 24
    shapes = {
        "neighb_idxs": (40, 10),
        "neighb_labels": (40, 10),
        "attk_idxs": (40,),
        "labels": (40, 1),
    }
    for model in "AB":
        for attacked in "AB":
            for name, shape in shapes.items():
                assert np.load(folder / f"{model}_attk_{attacked}_{name}.npy").shape == shape
            for top in (1, 5):
                curve = np.load(folder / f"top_{top}_conf_sweep_{model}_attk_{attacked}.npy")
                assert curve.shape == (100,)
    index = np.load(folder / "A_attk_A_neighb_idxs.npy")
    assert np.array_equal(index % 10, np.load(folder / "A_attk_A_neighb_labels.npy"))


def run(out, epochs):
    words = [sys.executable, "-m", "imprint", "audit", "--out", str(out), *WORDS]
    return subprocess.Popen([*words, f"--train.epochs={epochs}"], start_new_session=True)


def artefacts(study):
    """Return the names in a study, without its ledger of tasks, which holds times."""
    names = {path.relative_to(study) for path in Path(study).rglob("*")}
    return {name for name in names if ".tasks" not in name.parts}


def test_a_killed_audit_ends_with_the_same_bytes(tmp_path):
    killed = run(tmp_path / "killed", 12)
    until = time.monotonic() + 120
    while not list(tmp_path.glob("killed/models/.A.*.part/resume.pt")):
        assert killed.poll() is None, "the audit ended before it could be killed"
        assert time.monotonic() < until
        time.sleep(0.02)
    os.kill(killed.pid, signal.SIGKILL)
    killed.wait()
    assert not (tmp_path / "killed" / "models" / "A").exists()
    processes = [run(tmp_path / "killed", 12), run(tmp_path / "whole", 12)]
    assert [process.wait(timeout=200) for process in processes] == [0, 0]
    whole = artefacts(tmp_path / "whole")
    assert artefacts(tmp_path / "killed") == whole
    for name in whole:
        if (tmp_path / "whole" / name).is_file():
            assert (tmp_path / "whole" / name).read_bytes() == (
                tmp_path / "killed" / name
            ).read_bytes(), name
