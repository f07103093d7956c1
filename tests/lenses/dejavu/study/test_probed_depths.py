import json

import numpy as np
import pytest
import torch

from imprint.cli import main
from imprint.core.errors import ImprintError
from imprint.data.sources.composite import composite
from imprint.lenses.dejavu.commands import LinearProbe
from imprint.nets.fill import initial_model
from imprint.nets.model_card import ModelCard
from imprint.nets.save import save_model
from imprint.train.probe_files import load_probes
from imprint.train.probe_options import ProbeOptions

CARD = ModelCard("mlp", 3, 10, 8, (0.5,), (0.25,), {"widths": "16"}, projector="12-9")
DEPTHS = ["backbone", "projector_1", "projector_2"]


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("encoder")
    save_model(folder / "m.safetensors", initial_model(CARD, 0), CARD)
    np.save(folder / "members.npy", np.arange(40))
    np.save(folder / "others.npy", np.arange(40, 120))
    return folder


def options(files, out, **changes):
    settings = {
        "model": files / "m.safetensors",
        "members": files / "members.npy",
        "non_members": files / "others.npy",
        "out": out,
        "composite_count": 120,
        "probe": ProbeOptions(epochs=2),
        "depths": "all",
        "k": 5,
        "device": "cpu",
        "json": True,
        **changes,
    }
    return LinearProbe(**settings)


@pytest.fixture(scope="module")
def study(files, tmp_path_factory):
    out = tmp_path_factory.mktemp("probed") / "out"
    return out, options(files, out).run()


def test_every_depth_is_probed_and_attacked(study):
    found = study[1]["lenses"]["dejavu_depths"]
    assert [each["depth"] for each in found["depths"]] == DEPTHS
    for each in found["depths"]:
        assert each["probe"]["members"]["n"] == each["neighbours"]["members"]["n"] == 40
        assert each["probe"]["non_members"]["n"] == 80
        assert each["attack"]["non_members"]["n"] <= 20
    assert found["public"] == 60
    assert (study[0] / "report.html").read_text().count("Déjà vu and linear probes") >= 1


def test_probes_and_their_log_are_kept_and_say_what_the_findings_say(study):
    out, summary = study
    layers, card = load_probes(out / "probes" / "probes.safetensors")
    assert list(layers) == DEPTHS
    assert card.widths == {"backbone": 16, "projector_1": 12, "projector_2": 9}
    model, images = initial_model(CARD, 0).eval(), composite(120)
    inputs = model.to_inputs(images.read(np.arange(40, 120), whole(images, range(40, 120)), 8))
    rows = model.embed_depths(inputs)
    lines = [json.loads(line) for line in (out / "probes" / "log.jsonl").read_text().splitlines()]
    assert [line["epoch"] for line in lines] == [1, 2]
    for each in summary["lenses"]["dejavu_depths"]["depths"]:
        guesses = layers[each["depth"]](rows[each["depth"]]).argmax(dim=1)
        accuracy = float((guesses == torch.from_numpy(images.labels[40:120])).float().mean())
        assert each["probe"]["non_members"]["value"] == pytest.approx(accuracy, abs=0.02)
        assert lines[-1][each["depth"]]["held_out_top1"] == each["probe"]["non_members"]["value"]


def whole(images, rows):
    sizes = images.sizes()[list(rows)]
    return np.concatenate([np.zeros_like(sizes), sizes], axis=1).astype(np.float64)


def test_the_probe_of_one_depth_is_the_one_the_command_trains_by_itself(study, files, tmp_path):
    single = options(files, tmp_path / "one", depths="one").run()
    backbone = study[1]["lenses"]["dejavu_depths"]["depths"][0]
    for part, name in (("train", "members"), ("held_out", "non_members")):
        assert single[part]["top1"] == backbone["probe"][name]["value"]
        assert single[part]["top5"] == backbone["probe_top5"][name]["value"]


def test_the_same_command_again_writes_the_same_bytes(study, files, tmp_path):
    options(files, tmp_path / "again").run()
    for name in ("findings.json", "log.jsonl", "probes.safetensors", "probes.json"):
        again = (tmp_path / "again" / "probes" / name).read_bytes()
        assert again == (study[0] / "probes" / name).read_bytes()
    assert sorted(path.name for path in (study[0] / "probes").iterdir()) == [
        "findings.json", "log.jsonl", "probes.json", "probes.safetensors",
    ]  # fmt: skip


def test_without_background_crops_the_reason_stands_in_their_place(files, tmp_path):
    summary = options(files, tmp_path / "out", min_crop_px=30).run()
    attack = summary["lenses"]["dejavu_depths"]["depths"][0]["attack"]
    assert attack == {"missing": "no member has a background crop"}
    assert "Background crops were not attacked" in (tmp_path / "out" / "report.html").read_text()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"k": 40}, "--k is 40, but there are 40 members"),
        ({"non_members": "members"}, "40 images are both members and non-members"),
    ],
)
def test_sets_that_do_not_fit_are_refused(files, tmp_path, changes, message):
    if changes.get("non_members"):
        changes = {"non_members": files / "members.npy"}
    with pytest.raises(ImprintError, match=message):
        options(files, tmp_path / "out", **changes).run()
    assert not (tmp_path / "out" / "probes").exists()


def test_the_command_prints_every_depth_and_the_verdict(files, tmp_path, capsys):
    words = ["dejavu", "linear-probe", "--depths", "all", "--composite-count", "120"]
    words += ["--model", str(files / "m.safetensors"), "--members", str(files / "members.npy")]
    words += ["--non-members", str(files / "others.npy"), "--out", str(tmp_path / "out")]
    main([*words, "--probe.epochs", "1", "--device", "cpu"])
    printed = capsys.readouterr().out
    assert [line.split()[0] for line in printed.splitlines() if line.startswith(("back", "proj"))]
    assert "probe" in printed.splitlines()[-1]
