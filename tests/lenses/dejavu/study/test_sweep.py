import json

import pytest

from imprint.cli import main
from imprint.data.files import stream
from tests.lenses.dejavu.made_networks import SWEPT, VARY, sweep


def test_every_set_is_decoded_once_for_all_checkpoints(tmp_path, monkeypatch):
    """Points that look at other layers share the pass of the rest."""
    passes = []

    def counted(images, indices, *rest):
        passes.append(len(indices))
        return stream(images, indices, *rest)

    monkeypatch.setattr("imprint.data.view.stream", counted)
    vary = "layer=backbone,train.objective_options.invariance=5"
    rows = sweep(tmp_path / "study", "--vary", vary, "--no-linear-probe")
    assert len(rows) == 3 * 2
    assert len(passes) == 2


def test_points_of_equal_encoders_share_them(swept):
    out, rows = swept
    folders = sorted(path.name for path in (out / "models").iterdir())
    assert folders == ["base", "invariance=5", "per_class=2"]
    by_name = {(row["axis"], row["value"], row["epoch"]): row for row in rows}
    for epoch in (2, 4):
        as_given, named = by_name["epochs", "", epoch], by_name["layer", "projector", epoch]
        assert as_given["two_model"] == named["two_model"]
    backbone = by_name["layer", "backbone", 4]["two_model"]
    assert backbone != by_name["layer", "projector", 4]["two_model"]


def test_a_second_run_trains_nothing_and_ends_in_the_same_bytes(swept):
    out, rows = swept
    made = [*out.rglob("*.safetensors"), *out.rglob("*.parquet"), out / "report.html"]
    before = [path.read_bytes() for path in made]
    stamps = [path.stat().st_mtime_ns for path in made[:-1]]
    assert sweep(out, "--vary", VARY) == rows
    assert [path.read_bytes() for path in made] == before
    assert [path.stat().st_mtime_ns for path in made[:-1]] == stamps


def test_the_settings_as_stated_give_the_findings_of_the_audit(swept, tmp_path):
    _, rows = swept
    out = tmp_path / "audit"
    words = [word for word in SWEPT if word != "--probe.epochs"][:-1]
    alone = ["--membership.models", "0", "--no-linear-probe", "--leave-one-out.records", "0"]
    main(["audit", "--out", str(out), *words, *alone])
    findings = json.loads((out / "summary.json").read_text())["lenses"]["dejavu"]
    (last,) = [row for row in rows if row["axis"] == "epochs" and row["last"]]
    assert last["two_model"] == findings["two_model"]
    assert last["two_model_top5"] == findings["two_model_top5"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["--train.projector", "", "--layer", "projector"],
            "no projector: choose --layer backbone",
        ),
        (["--vary", "train.objective_options.sim=3"], "'vicreg' has no option 'sim'"),
        (["--vary", "train.architecture=nothing"], "unknown architecture 'nothing'"),
    ],
)
def test_a_network_that_cannot_be_attacked_is_refused_before_any_trains(
    tmp_path, words, message, capsys
):
    with pytest.raises(SystemExit):
        sweep(tmp_path / "study", *words)
    assert message in capsys.readouterr().err
    assert not (tmp_path / "study" / "models").exists()


def test_a_schedule_that_ends_early_names_the_epoch_it_ended_at(tmp_path):
    rows = sweep(tmp_path / "study", "--train.stop-after", "3", "--no-linear-probe")
    assert [(row["epoch"], row["last"]) for row in rows] == [(2, False), (3, True)]
