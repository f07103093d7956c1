import json

import numpy as np
import pytest

from imprint.cli import main
from imprint.core.errors import ImprintError
from imprint.data.files import stream
from imprint.lenses.dejavu.options import SweepOptions
from imprint.lenses.dejavu.study.sweep_points import encoder_folders, sweep_points, varied
from imprint.study.tables import read_table

TINY = [
    *("--composite-count", "160", "--per-class", "3", "--k", "10", "--device", "cpu"),
    *("--train.architecture-options", "width=8,depth=1", "--train.projector", "16-8"),
    *("--train.epochs", "4", "--train.warmup-epochs", "1", "--train.snapshot-every", "2"),
    *("--probe.epochs", "1"),
]
VARY = "layer=backbone:projector,train.objective_options.invariance=5,crop=corner,per_class=2"


def sweep(out, *more):
    main(["dejavu", "sweep", "--out", str(out), *TINY, *more])
    return json.loads((out / "summary.json").read_text())["lenses"]["dejavu_sweep"]["points"]


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    out = tmp_path_factory.mktemp("sweep") / "study"
    return out, sweep(out, "--vary", VARY)


def test_every_set_is_decoded_once_for_all_checkpoints(tmp_path, monkeypatch):
    """Points that look at other layers share the pass of the rest."""
    passes = []

    def counted(images, indices, *rest):
        passes.append(len(indices))
        return stream(images, indices, *rest)

    monkeypatch.setattr("imprint.data.view.stream", counted)
    monkeypatch.setattr("imprint.lenses.dejavu.study.encoders.run_tasks", here)
    vary = "layer=backbone,train.objective_options.invariance=5"
    rows = sweep(tmp_path / "study", "--vary", vary, "--no-linear-probe")
    assert len(rows) == 3 * 2
    assert len(passes) == 2


def here(function, tasks, *_, **__):
    """Run tasks in this process: starting others takes longer than the tasks."""
    return [function(*task) for task in tasks]


def options(**changes):
    return SweepOptions(out="unused", **changes)


def test_every_point_and_snapshot_has_its_row(swept):
    _, rows = swept
    named = [(row["axis"], row["value"], row["epoch"], row["last"]) for row in rows]
    assert named == [
        (axis, value, epoch, epoch == 4)
        for axis, value in (
            ("epochs", ""),
            ("layer", "backbone"),
            ("layer", "projector"),
            ("train.objective_options.invariance", "5"),
            ("crop", "corner"),
            ("per_class", "2"),
        )
        for epoch in (2, 4)
    ]
    for row in rows:
        found = row["two_model"]["100"]
        gap = found["memorized"]["value"] - found["forgotten"]["value"]
        assert found["score"]["value"] == pytest.approx(gap, abs=1e-12)
        assert 0 <= row["linear_probe"]["A"]["train"]["top1"] <= 1


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


def test_the_table_says_what_the_summary_says(swept):
    out, rows = swept
    table = read_table(out / "tables" / "dejavu_sweep" / "points.parquet")
    assert len(table["index"]) == len(rows) * 2 * 2
    first = (table["percent"] == 100) & (table["top"] == 1)
    np.testing.assert_array_equal(table["epoch"][first], [row["epoch"] for row in rows])
    np.testing.assert_array_equal(
        table["score"][first], [row["two_model"]["100"]["score"]["value"] for row in rows]
    )
    probed = np.mean([rows[0]["linear_probe"][side]["held_out"]["top1"] for side in "AB"])
    assert table["probe_held_out"][0] == probed


def test_the_settings_as_given_find_what_the_audit_finds(swept, tmp_path):
    _, rows = swept
    out = tmp_path / "audit"
    words = [word for word in TINY if word != "--probe.epochs"][:-1]
    alone = ["--membership.models", "0", "--no-linear-probe", "--leave-one-out.records", "0"]
    main(["audit", "--out", str(out), *words, *alone])
    found = json.loads((out / "summary.json").read_text())["lenses"]["dejavu"]
    (last,) = [row for row in rows if row["axis"] == "epochs" and row["last"]]
    assert last["two_model"] == found["two_model"]
    assert last["two_model_top5"] == found["two_model_top5"]


def test_the_page_and_its_plots_as_files(swept):
    out, _ = swept
    page = (out / "report.html").read_text()
    for text in ("Déjà vu, varied", "attk_epochs_acc_top1", "lp_params_layer", "invariance=5"):
        assert text in page
    main(["report", "--out", str(out), "--plots"])
    assert (out / "report.html").read_text() == page
    stems = {path.stem for path in (out / "plots").glob("*.svg")}
    assert stems == {path.stem for path in (out / "plots").glob("*.png")}
    assert {"attk_epochs_partition_top5", "attk_params_crop_acc_top1", "lp_epochs"} <= stems
    drawing = (out / "plots" / "lp_epochs.svg").read_text()
    assert "#1d1f21" in drawing
    assert "#00000" not in drawing
    from matplotlib.image import imread

    pixels = imread(out / "plots" / "attk_epochs_acc_top1.png")[..., :3]
    target = np.array([0x0B, 0x68, 0xA8]) / 255
    assert (np.abs(pixels - target).max(axis=-1) < 0.01).sum() > 200


def test_a_yaml_file_with_lists_is_the_same_sweep(tmp_path):
    from imprint.study.config import parse

    file = tmp_path / "sweep.yaml"
    file.write_text("vary:\n  per_class: [3, 5]\n  layer: [backbone]\nper_class: 4\n")
    found = parse(SweepOptions, ["--config", str(file), "--out", "x"], "sweep")
    assert found.vary == (("per_class", "3:5"), ("layer", "backbone"))
    points = sweep_points(found)
    assert [point.options.per_class for point in points] == [4, 3, 5, 4]
    assert encoder_folders(points) == ["base", "per_class=3", "per_class=5", "base"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (
            ["--train.projector", "", "--layer", "projector"],
            "no projector: choose --layer backbone",
        ),
        (["--vary", "train.objective_options.sim=3"], "'vicreg' has no option 'sim'"),
        (["--vary", "train.architecture=nothing"], "unknown architecture 'nothing'"),
    ],
)
def test_a_network_that_cannot_be_attacked_is_told_before_any_trains(tmp_path, words, told, capsys):
    with pytest.raises(SystemExit):
        sweep(tmp_path / "study", *words)
    assert told in capsys.readouterr().err
    assert not (tmp_path / "study" / "models").exists()


def test_values_with_colons_stand_between_bars(tmp_path):
    from imprint.study.config import parse

    names = ["timm:a", "resnet18"]
    (tmp_path / "many.yaml").write_text(f"vary: {{train.architecture: {json.dumps(names)}}}\n")
    (tmp_path / "one.yaml").write_text('vary: {train.architecture: ["timm:a"]}\n')
    for words, expected in (
        (["--vary", "train.architecture=timm:a|resnet18"], names),
        (["--config", str(tmp_path / "many.yaml")], names),
        (["--config", str(tmp_path / "one.yaml")], names[:1]),
    ):
        points = sweep_points(parse(SweepOptions, [*words, "--out", "x"], "sweep"))[1:]
        assert [point.options.train.architecture for point in points] == expected


def test_all_sizes_are_judged_by_one_public_set(swept):
    out, _ = swept
    tables = out / "tables" / "embeddings"
    seen = [read_table(file)["index"] for file in tables.rglob("*.public-1.parquet")]
    assert len(seen) == 3 * 2 * 2
    for index in seen[1:]:
        np.testing.assert_array_equal(index, seen[0])
    trained = np.load(out / "split" / "3_per_class" / "train_A.npy")
    assert not np.isin(trained, seen[0]).any()


@pytest.mark.parametrize(
    ("vary", "told"),
    [
        ("seed=1:2", "cannot vary 'seed'"),
        ("train=3", "cannot vary 'train'"),
        ("train.nothing=3", "no option 'train.nothing'"),
        ("train.epochs=many", "it must be int"),
        ("layer=middle", "choose from auto, backbone"),
        ("k=", "has no value"),
        ("k=1,k=2", "names k twice"),
        ("train.first_view=1", "one option with one value"),
        ("k.deep=1", "one option with one value"),
        ("train.epochs=0", "epochs must be at least 1"),
    ],
)
def test_what_cannot_be_varied_is_told(vary, told):
    pairs = tuple(tuple(part.split("=")) for part in vary.split(","))
    with pytest.raises(ImprintError, match=told):
        sweep_points(options(vary=pairs))


def test_an_option_deep_inside_is_replaced():
    changed = varied(options(), "train.second_view.crop", "none")
    assert changed.train.second_view.crop == "none"
    assert changed.train.first_view == options().train.first_view
    assert varied(options(), "train.objective_options.x", "3").train.objective_options == (
        ("x", "3"),
    )


def test_a_schedule_that_ends_early_names_the_epoch_it_ended_at(tmp_path, monkeypatch):
    monkeypatch.setattr("imprint.lenses.dejavu.study.encoders.run_tasks", here)
    rows = sweep(tmp_path / "study", "--train.stop-after", "3", "--no-linear-probe")
    assert [(row["epoch"], row["last"]) for row in rows] == [(2, False), (3, True)]
