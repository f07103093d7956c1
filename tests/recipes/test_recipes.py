"""Every packaged recipe: what it says, by the published tables, and a run of it in miniature."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

from imprint.audits.options import AuditOptions
from imprint.cli import main
from imprint.commands.annotate import WriteCrops
from imprint.commands.data import SplitData
from imprint.commands.train import TrainNetwork
from imprint.core.errors import ImprintError
from imprint.data.augmentation import FIRST_VIEW, SECOND_VIEW
from imprint.lenses.dejavu.commands import OneModel
from imprint.nets.build import build_network
from imprint.nets.load import load_model, read_card
from imprint.recipes import recipe_names
from imprint.study.config import parse
from imprint.train.optim import learning_rate_factor, peak_learning_rate

WNIDS = ("n01440764", "n01443537", "n02119789")
PUBLISHED = {
    "vicreg": ("8192-8192-8192", 0.2, 50, {"invariance": 25, "variance": 25, "covariance": 1}),
    "simclr": ("2048-256", 0.3, 100, {"temperature": 0.15}),
    "supervised": ("8192-8192-8192", 0.2, 25, {"label_smoothing": 0}),
}
SSL = [f"{name}_{arch}" for name in PUBLISHED for arch in ("resnet50", "resnet101")]
SMALL = [
    "--train.architecture-options", "width=2", "--train.input-size", "32", "--train.epochs", "2",
    "--train.batch-size", "6", "--train.warmup-epochs", "1", "--train.resolution.min-resolution",
    "32", "--train.resolution.max-resolution", "48", "--train.resolution.start-epoch", "0",
    "--train.resolution.end-epoch", "1",
]  # fmt: skip


@pytest.fixture(scope="module")
def imagenet(tmp_path_factory):
    """Three classes of twelve 60 × 40 images, ten of each annotated: box (20, 0, 40, 40)."""
    root = tmp_path_factory.mktemp("imagenet")
    drawn = np.random.default_rng(0)
    for label, wnid in enumerate(WNIDS):
        for folder in (root / "train" / wnid, root / "Annotation" / wnid):
            folder.mkdir(parents=True)
        for number in range(12):
            stem = f"{wnid}_{number}"
            pixels = drawn.integers(60 * label, 60 * label + 90, (40, 60, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(root / "train" / wnid / f"{stem}.JPEG")
            if number < 10:
                box = "<xmin>20</xmin><ymin>0</ymin><xmax>40</xmax><ymax>40</ymax>"
                (root / "Annotation" / wnid / f"{stem}.xml").write_text(
                    f"<annotation><object><bndbox>{box}</bndbox></object></annotation>"
                )
    return root


def read(options, *words):
    return parse(options, [*words, "--out", "out"], "test")


@pytest.mark.parametrize("name", SSL)
def test_a_recipe_says_what_was_published(name) -> None:
    objective, architecture = name.split("_")
    projector, rate, evaluated, settings = PUBLISHED[objective]
    train = read(TrainNetwork, "--config", name).train
    assert (train.objective, train.architecture, train.projector) == (
        objective, architecture, projector
    )  # fmt: skip
    found = {key: float(value) for key, value in train.objective_options}
    assert found == settings
    assert (train.optimizer, train.momentum, train.weight_decay) == ("lars", 0.9, 1e-6)
    assert (train.epochs, train.rising_epochs, train.precision) == (1000, 10, "float16")
    assert peak_learning_rate(train, 1024) == pytest.approx(4 * rate)
    assert (train.batch_size, train.input_size) == (1024, 224)
    assert [train.resolution.at(epoch, 224) for epoch in (0, 70, 85, 999)] == [160, 160, 192, 192]
    assert (train.first_view, train.second_view) == (FIRST_VIEW, SECOND_VIEW)
    assert (train.snapshot_every, train.resume_every) == (50, 5)
    assert train.online_probes.validate_every == evaluated
    assert read(AuditOptions, "--config", name).train == train


def test_the_schedule_of_the_recipes_ends_at_a_thousandth_of_its_peak() -> None:
    train = read(TrainNetwork, "--config", "vicreg_resnet101").train
    steps = 1000 * 293
    factors = [
        learning_rate_factor(step, steps, 10 * 293, train.end_ratio)
        for step in (0, 10 * 293 - 1, 10 * 293, 505 * 293, steps - 1)
    ]
    expected = [1 / 2930, 1.0, 1.0, 1e-3 + (1 - 1e-3) / 2, 1e-3]
    assert factors == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("name", SSL)
def test_a_recipe_trains_on_an_imagenet_folder(imagenet, tmp_path, name) -> None:
    widths = "12-8" if name.startswith("simclr") else "12-12-8"
    np.save(tmp_path / "indices.npy", np.arange(0, 36, 3))
    words = ["train", "--members", str(tmp_path / "indices.npy"), "--config", name]
    words += ["--data", str(imagenet), "--out", str(tmp_path / "out")]
    main([*words, *SMALL, "--train.projector", widths, "--device", "cpu"])
    log = (tmp_path / "out" / "network" / "log.jsonl").read_text().splitlines()
    assert [json.loads(line)["epoch"] for line in log] == [1, 2]
    assert all(np.isfinite(json.loads(line)["loss"]) for line in log)
    card = read_card(tmp_path / "out" / "network" / "final.safetensors")
    assert (card.architecture, card.outputs, card.projector) == (name.split("_")[1], 3, widths)


def test_the_crop_classifier_stops_early_on_crops_of_an_imagenet_folder(imagenet, tmp_path):
    train = read(TrainNetwork, "--config", "crop_classifier_resnet50").train
    assert (train.weight_decay, train.epochs, train.last_epoch) == (0.1, 1000, 75)
    assert (train.objective, train.architecture, train.projector) == ("supervised", "resnet50", "")
    assert train.first_view == FIRST_VIEW
    crops = read(WriteCrops, "--config", "crops_imagenet")
    assert (crops.crop, crops.min_crop_px, crops.centre_fraction) == ("slab", 100, 0.875)
    words = ["data", "crops", "--config", "crops_imagenet", "--data", str(imagenet)]
    main([*words, "--min-crop-px", "8", "--size", "32", "--out", str(tmp_path / "crops")])
    facts = json.loads((tmp_path / "crops" / "crops.json").read_text())
    assert facts == {
        "crops": 30, "without": {"no box": 6}, "classes": dict.fromkeys(WNIDS, 10)
    }  # fmt: skip
    words = ["train", "--config", "crop_classifier_resnet50", "--data", str(tmp_path / "crops")]
    words += ["--data", str(tmp_path / "crops" / "crops"), "--out", str(tmp_path / "g"), *SMALL]
    main(
        [
            *words,
            "--train.epochs",
            "3",
            "--train.batch-size",
            "10",
            "--train.stop-after",
            "2",
            "--device",
            "cpu",
        ]
    )
    log = (tmp_path / "g" / "network" / "log.jsonl").read_text().splitlines()
    assert len(log) == 2
    # Step 5 of the 9 that 3 epochs of 30 images in batches of 10 have, the first 3 being warm-up.
    rate = 0.2 * 10 / 256 * learning_rate_factor(5, 9, 3, 1e-3)
    assert json.loads(log[-1])["learning_rate"] == pytest.approx(rate)
    assert load_model(tmp_path / "g" / "network" / "final.safetensors").has_logits


def test_set_sizes_are_split_on_an_imagenet_folder(imagenet, tmp_path) -> None:
    assert read(SplitData, "--config", "split_imagenet").per_class == (100, 200, 300, 400, 500)
    words = ["data", "split", "--config", "split_imagenet", "--data", str(imagenet)]
    main([*words, "--per-class", "1,2,3,4,5", "--out", str(tmp_path / "out")])
    sizes = {}
    for size in (1, 2, 3, 4, 5):
        folder = tmp_path / "out" / "split" / f"{size}_per_class"
        sizes[size] = [len(np.load(folder / f"{name}.npy")) for name in ("train_A", "bbox_B")]
    assert sizes == {size: [3 * size, 3 * size] for size in (1, 2, 3, 4, 5)}


def test_the_two_model_test_takes_two_recipes_at_once(imagenet, tmp_path) -> None:
    words = ["--config", "dejavu_imagenet", "--config", "simclr_resnet50"]
    options = read(AuditOptions, *words)
    assert (options.crop, options.min_crop_px, options.k, options.per_class) == (
        "slab", 100, 100, 300
    )  # fmt: skip
    assert (options.train.objective, options.top_percent) == ("simclr", (100, 20, 5))
    assert (options.membership.models, options.leave_one_out.skip) == (0, True)
    out = tmp_path / "out"
    small = ["--per-class", "4", "--k", "5", "--voting", "5", "--min-crop-px", "8", *SMALL]
    small += ["--train.architecture", "patch_convnet", "--train.architecture-options", "width=4"]
    small += ["--train.projector", "12-8", "--no-linear-probe", "--no-controls"]
    main(["audit", *words, "--data", str(imagenet), *small, "--out", str(out), "--device", "cpu"])
    summary = json.loads((out / "summary.json").read_text())
    assert summary["data"]["attacked"] == {"A": 12, "B": 12}
    assert "dejavu" in summary["lenses"]


def test_the_one_model_test_takes_a_published_checkpoint_as_it_is(imagenet, tmp_path) -> None:
    options = read(OneModel, "--config", "one_model_imagenet")
    classifier = read(TrainNetwork, "--config", "crop_classifier_resnet50").train
    assert options.classifier == classifier
    main(["data", "split", "--data", str(imagenet), "--per-class", "4", "--out", str(tmp_path)])
    torch.manual_seed(0)
    network = build_network("resnet18", 3, None, 64, {"width": 4})
    torch.save({"module." + name: t for name, t in network.state_dict().items()},
               tmp_path / "resnet18.pth")  # fmt: skip
    words = ["dejavu", "one-model", "--config", "one_model_imagenet", "--data", str(imagenet)]
    words += ["--model", str(tmp_path / "resnet18.pth"), "--split", str(tmp_path)]
    words += ["--per-class", "4", "--k", "5", "--voting", "5", "--min-crop-px", "8", "--folds", "2"]
    small = [word.replace("--train.", "--classifier.") for word in SMALL]
    small += ["--classifier.stop-after", "1", "--no-controls", "--device", "cpu"]
    main([*words, *small, "--out", str(tmp_path / "out")])
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    # It was trained on all of ImageNet, whatever the partition: no image counts as a non-member.
    assert summary["data"]["public_may_be_members"]
    data = summary["data"]
    assert (data["attacked_members"], data["attacked_non_members"]) == (24, 0)
    assert "missing" in summary["lenses"]["dejavu"]["one_model"]["non_members"]


def test_every_recipe_is_tested_here_and_told_when_a_name_is_wrong() -> None:
    others = ["crop_classifier_resnet50", "crops_imagenet", "dejavu_imagenet", "split_imagenet"]
    others += ["one_model_imagenet", "rcdm_64", "rcdm_128", "rcdm_256"]  # rcdm: test_rcdm.py
    assert recipe_names() == sorted([*SSL, *others, *LOOD])
    with pytest.raises(ImprintError, match=r"no such file, and the recipes are crop_class.*vicreg"):
        read(TrainNetwork, "--config", "vicreg")


def test_a_file_of_a_recipes_name_comes_first(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "vicreg_resnet50").write_text("train: {epochs: 71, projector: 8-4}\n")
    train = read(TrainNetwork, "--config", "vicreg_resnet50").train
    assert (train.epochs, train.objective) == (71, "vicreg")


LOOD = {
    "lood_query": ("optimise", ["--records", "8", "--steps", "3"]),
    "lood_noise_line": ("landscape", ["--records", "8", "--removed", "2", "--noise-steps", "4",
                                      "--steps-per-side", "2"]),
    "lood_augment": ("augment", ["--records", "8", "--removed", "2", "--draws", "1"]),
    "lood_points": ("fit", ["--records", "8"]),
    "lood_landscape": ("landscape", ["--records", "8", "--removed", "2", "--steps-per-side", "2"]),
    **dict.fromkeys(
        ("lood_mia_relu", "lood_mia_gelu"),
        ("retrain", ["--records", "8", "--pairs", "8", "--depth", "1", "--train.width", "4",
                     "--train.epochs", "2", "--train.batch-size", "4"]),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", LOOD)
def test_a_published_leave_one_out_study_runs_in_miniature(tmp_path, name) -> None:
    command, small = LOOD[name]
    words = ["leave-one-out", command, "--config", name, "--composite-count", "60"]
    words += ["--input-size", "4", *small, "--out", str(tmp_path), "--json", "--device", "cpu"]
    main(words)
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert summary["data"]["classes"] == 2
    assert (tmp_path / "report.html").is_file()


def test_published_networks_have_the_published_initial_weights() -> None:
    from imprint.lenses.leave_one_out.commands import RetrainCommand

    relu, gelu = (read(RetrainCommand, "--config", f"lood_mia_{name}") for name in ("relu", "gelu"))
    assert (relu.depth, relu.activation, gelu.activation) == (9, "relu", "gelu")
    assert (relu.w_std**2, gelu.w_std) == (pytest.approx(2), 1.9822)
    for each in (relu, gelu):
        train = each.train
        assert (train.width, train.epochs, train.batch_size, train.shuffle) == (1024, 50, 64, False)
        rates = [train.rate(epoch) for epoch in (0, 24, 25, 34, 35, 45)]
        assert rates == pytest.approx([1e-3, 1e-3, 1e-4, 1e-4, 1e-5, 1e-6])
        assert (each.records, each.pairs, each.scaling) == (10_000, 100, "unit")
