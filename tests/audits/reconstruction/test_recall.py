"""What both encoders of a two-model test recall: a miniature, and what it refuses."""

import json
import shutil

import numpy as np
import pytest

from imprint.audits.reconstruction.recall import recall_study
from imprint.audits.reconstruction.sampled_pair import NEIGHBOURS
from imprint.audits.reconstruction.tested_pair import RECORDS
from imprint.cli import run as imprint
from imprint.commands.dejavu_reconstruct import ReconstructPair
from imprint.core.errors import ImprintError
from imprint.data.sources.composite import composite
from imprint.data.split import load_partition, partition_images, save_partition
from imprint.lenses.reconstruct.study.sample import read_samples
from imprint.nets.fill import initial_model
from imprint.nets.model_card import ModelCard
from imprint.nets.save import save_model
from imprint.study.tables import read_table, write_table

COUNT = 120
CARD = ModelCard("mlp", 3, 10, 8, (0.5,), (0.25,), {"widths": "16"}, projector="8-4")
TINY = (
    f"--composite-count {COUNT} --device cpu --json --train.steps 2 --train.batch-size 4 "
    "--train.unet.image-size 16 --train.unet.width 8 --train.diffusion.diffusion-steps 4 "
).split()


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Return a folder with a two-model test of two encoders, and diffusion models of both."""
    root = tmp_path_factory.mktemp("pair")
    images = composite(COUNT)
    partitions = partition_images(images, images.boxes(), sizes=(3,))
    save_partition(root / "split", partitions, images.fingerprint())
    np.save(root / "train_A.npy", partitions.by_size[3].train_a)
    for seed, name in enumerate("AB"):
        save_model(root / f"{name}.safetensors", initial_model(CARD, seed), CARD)
    test(root, "A", "B", "study")
    test(root, "A", "A", "same")
    for name in "AB":
        train(root, name, root / "split/3_per_class/public.npy", f"run_{name}")
    return root


def test(root, first, second, name):
    words = ["dejavu", "two-model", "--composite-count", str(COUNT), "--device", "cpu", "--json"]
    words += ["--model-a", str(root / f"{first}.safetensors"), "--k", "5"]
    words += ["--model-b", str(root / f"{second}.safetensors"), "--split", str(root / "split")]
    imprint([*words, "--per-class", "3", "--out", str(root / name)])


test.__test__ = False


def train(root, name, indices, out):
    words = ["reconstruct", "train", "--encoder", str(root / f"{name}.safetensors"), *TINY]
    imprint([*words, "--indices", str(indices), "--out", str(root / out)])


def options(place, out, **changed):
    chosen = {
        "study": place / "study",
        "run_a": place / "run_A",
        "run_b": place / "run_B",
        "samples": 2,
        "sampling_steps": 2,
        "images": 10,
        "device": "cpu",
        "json": True,
    }
    return ReconstructPair(out=out, **{**chosen, **changed})


@pytest.fixture(scope="module")
def recalled(place, tmp_path_factory):
    out = tmp_path_factory.mktemp("recalled") / "out"
    summary = recall_study(options(place, out))
    return out, summary["lenses"]["reconstruct_pair"]


def test_both_recipes_are_sampled_for_both_sets(recalled):
    out, findings = recalled
    assert set(findings["recipes"]) == {"crop", "neighbours"}
    for what in ("attacked", "outside"):
        for name in "AB":
            samples, index = read_samples(out / f"samples/{what}/crop.{name}.safetensors")
            assert samples.shape == (10, 2, 3, 16, 16)
            assert len(set(index.tolist())) == 10
    assert (out / "report.html").is_file()
    assert (out / "gallery/reconstruct/gallery.json").is_file()


def test_the_two_recipes_differ_and_encoders_share_their_noise(recalled, place):
    out, _ = recalled
    files = ("crop.A", "crop.B", "neighbours.A")
    crop, other, mixed = (
        read_samples(out / f"samples/attacked/{file}.safetensors")[0] for file in files
    )
    assert (crop != mixed).any()
    assert (crop != other).any()
    # Two steps of a hardly trained network leave most of the noise, which both start from.
    first, second = (samples.astype(float).ravel() for samples in (crop, other))
    assert np.corrcoef(first, second)[0, 1] > 0.9


def test_no_image_is_a_neighbour_of_its_own_crop(recalled, place):
    out, _ = recalled
    public = load_partition(place / "split", 3).public
    for what in ("attacked", "outside"):
        _, index = read_samples(out / f"samples/{what}/crop.A.safetensors")
        neighbours = np.load(out / f"samples/{what}" / NEIGHBOURS.format(name="A"))
        assert np.isin(neighbours, public).all()
        assert not (neighbours == index[:, None]).any()
        assert all(len(set(row)) == 5 for row in neighbours.tolist())


def test_targets_are_the_encoders_that_saw_the_image(recalled, place):
    out, _ = recalled
    rows = read_table(out / "tables/reconstruction/samples.parquet")
    rows = {name: np.asarray(rows[name]) for name in rows}
    partition = load_partition(place / "split", 3)
    of_a = np.isin(rows["index"], partition.bbox_a)
    attacked = rows["set"] == "attacked"
    target = rows["role"] == "target"
    np.testing.assert_array_equal((rows["encoder"] == "A")[attacked], (of_a == target)[attacked])
    roles = rows["encoder"][~attacked & target]
    assert (roles == "A").sum() == (roles == "B").sum()


def test_shares_are_those_of_the_table(recalled):
    out, findings = recalled
    rows = read_table(out / "tables/reconstruction/samples.parquet")
    rows = {name: np.asarray(rows[name]) for name in rows}
    chosen = (rows["set"] == "attacked") & (rows["recipe"] == "crop") & (rows["role"] == "target")
    share = (rows["label"] == rows["prediction"])[chosen].mean()
    recall = findings["recipes"]["crop"]["originals"]["target"]["class_share"]
    assert recall["value"] == pytest.approx(share)


def test_an_encoder_against_itself_recalls_nothing(place, tmp_path):
    run = place / "run_A"
    same = options(place, tmp_path / "out", study=place / "same", run_b=run, recipe="crop", shown=0)
    recall = recall_study(same)["lenses"]["reconstruct_pair"]["recipes"]["crop"]
    for what in ("originals", "leak"):
        for quantity in ("class_share", "similarity"):
            assert recall[what][quantity]["estimate"]["value"] == 0


def test_swapped_runs_are_refused(place, tmp_path):
    swapped = options(place, tmp_path, run_a=place / "run_B", run_b=place / "run_A")
    with pytest.raises(ImprintError, match="was trained for another encoder than"):
        recall_study(swapped)


def test_a_run_on_training_images_of_an_encoder_is_refused(place, tmp_path):
    train(place, "A", place / "train_A.npy", "leaked")
    with pytest.raises(ImprintError, match="images that an encoder was trained on"):
        recall_study(options(place, tmp_path, run_a=place / "leaked"))


def test_a_folder_without_a_two_model_test_is_refused(place, tmp_path):
    with pytest.raises(ImprintError, match="holds no two-model test"):
        recall_study(options(place, tmp_path / "out", study=place / "run_A"))


def test_a_folder_without_a_run_is_refused(place, tmp_path):
    with pytest.raises(ImprintError, match="holds no trained diffusion model"):
        recall_study(options(place, tmp_path / "out", run_a=place / "study"))


def test_a_classifier_of_other_classes_is_refused(place, tmp_path):
    card = ModelCard("mlp", 3, 4, 8, (0.5,), (0.25,), {"widths": "16"})
    save_model(tmp_path / "four.safetensors", initial_model(card, 0), card)
    four = options(place, tmp_path / "out", classifier=tmp_path / "four.safetensors")
    with pytest.raises(ImprintError, match="has 4 classes and the images have 10"):
        recall_study(four)


def test_a_damaged_index_of_a_run_is_refused(place, tmp_path):
    copy = tmp_path / "run"
    shutil.copytree(place / "run_A", copy)
    (copy / "representations/index.npy").write_bytes(b"junk")
    with pytest.raises(ImprintError, match="run imprint reconstruct train again"):
        recall_study(options(place, tmp_path / "out", run_a=copy))


def test_a_summary_names_no_folder(recalled, place):
    out, _ = recalled
    assert str(place) not in (out / "summary.json").read_text()
    assert json.loads((out / "summary.json").read_text())["lenses"]["reconstruct_pair"]


def test_an_audit_reconstructs_on_wish(tmp_path):
    words = ["audit", "--composite-count", str(COUNT), "--device", "cpu", "--json"]
    words += ["--per-class", "3", "--k", "5", "--train.architecture", "mlp", "--train.epochs", "1"]
    words += ["--train.architecture-options", "widths=8", "--train.projector", "8-4"]
    words += ["--train.input-size", "8", "--train.batch-size", "16", "--train.warmup-epochs", "0"]
    words += ["--no-linear-probe", "--membership.models", "0", "--leave-one-out.skip"]
    words += ["--reconstruct.on", "--reconstruct.images", "8", "--reconstruct.samples", "1"]
    words += ["--reconstruct.sampling-steps", "2", "--reconstruct.recipe", "crop"]
    words += ["--reconstruct.shown", "4"]
    words += [word.replace("--train.", "--reconstruct.train.") for word in TINY[5:]]
    imprint([*words, "--out", str(tmp_path / "out")])
    summary = json.loads((tmp_path / "out/summary.json").read_text())
    assert set(summary["lenses"]) == {"dejavu", "reconstruct_pair"}
    assert (tmp_path / "out/reconstruct/A/network/final.safetensors").is_file()


def test_an_audit_refuses_a_recipe_that_needs_both_layers_before_it_trains(tmp_path, capsys):
    words = ["audit", "--reconstruct.on", "--reconstruct.conditioning", "backbone"]
    words += ["--per-class", "3", "--k", "5"]
    with pytest.raises(ImprintError, match="choose --recipe crop"):
        imprint([*words, "--composite-count", str(COUNT), "--out", str(tmp_path / "out")])
    assert not (tmp_path / "out/models").exists()


def test_an_audit_checks_sampling_and_projector_before_it_trains(tmp_path):
    words = ["audit", "--reconstruct.on", "--per-class", "3", "--k", "5"]
    words += ["--composite-count", str(COUNT), "--out", str(tmp_path / "out")]
    for wrong, message in (
        (
            ["--reconstruct.guidance", "2", "--reconstruct.train.diffusion.drop-condition", "0"],
            "--guidance must be 1",
        ),
        (["--reconstruct.sampling-steps", "1001"], "must be at most"),
        (["--reconstruct.nearest", "60"], "too few for --nearest 60"),
        (["--train.projector", ""], "the encoders have no projector"),
    ):
        with pytest.raises(ImprintError, match=message):
            imprint([*words, *wrong])
    assert not (tmp_path / "out/models").exists()


def copy_of(place, name, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(place / name, copy)
    return copy


def test_runs_of_other_images_are_refused(place, tmp_path):
    run = copy_of(place, "run_B", tmp_path)
    for name in ("index", "representations"):
        file = run / f"representations/{name}.npy"
        np.save(file, np.load(file)[:-1])
    with pytest.raises(ImprintError, match="were trained on different images"):
        recall_study(options(place, tmp_path / "out", run_b=run))


def test_runs_of_another_image_size_are_refused(place, tmp_path):
    run = copy_of(place, "run_B", tmp_path)
    card = json.loads((run / "network/final.json").read_text())
    card["unet"]["image_size"] = 32
    (run / "network/final.json").write_text(json.dumps(card))
    with pytest.raises(ImprintError, match="of different shape or noise"):
        recall_study(options(place, tmp_path / "out", run_b=run))


@pytest.mark.parametrize("damage", ["out of range", "shorter", "narrower"])
def test_representations_that_do_not_fit_are_refused(place, tmp_path, damage):
    run = copy_of(place, "run_A", tmp_path)
    index, values = run / "representations/index.npy", run / "representations/representations.npy"
    match damage:
        case "out of range":
            np.save(index, np.load(index) + COUNT)
        case "shorter":
            np.save(index, np.load(index)[:-1])
        case "narrower":
            np.save(values, np.load(values)[:, :-1])
    with pytest.raises(ImprintError, match="are not those of its training"):
        recall_study(options(place, tmp_path / "out", run_a=run))


def test_representations_cut_short_are_refused(place, tmp_path):
    run = copy_of(place, "run_A", tmp_path)
    file = run / "representations/representations.npy"
    file.write_bytes(file.read_bytes()[:-40])
    with pytest.raises(ImprintError, match="run imprint reconstruct train again"):
        recall_study(options(place, tmp_path / "out", run_a=run))


def public_like(index):
    """Return as many images that neither encoder was trained on."""
    images = composite(COUNT)
    public = partition_images(images, images.boxes(), sizes=(3,)).by_size[3].public
    return public[: len(index)]


RECORDS_WRONG = {
    "other sides": (lambda table: {**table, "side": 1 - table["side"]}, "is of another split"),
    "other images": (lambda table: {**table, "index": table["index"] + COUNT}, "another split"),
    "no third encoder": (lambda table: {**table, "side": table["side"] + 2}, "another split"),
    "public images": (
        lambda table: {**table, "index": public_like(table["index"])},
        "another split",
    ),
    "no image": (lambda table: {key: column[:0] for key, column in table.items()}, "needs 2"),
    "one image": (lambda table: {key: column[:1] for key, column in table.items()}, "needs 2"),
    "no column": (
        lambda table: {key: table[key] for key in table if key != "memorization"},
        "has no column memorization",
    ),
}


@pytest.mark.parametrize("wrong", RECORDS_WRONG)
def test_records_that_do_not_fit_the_split_are_refused(place, tmp_path, wrong):
    edit, message = RECORDS_WRONG[wrong]
    study = copy_of(place, "study", tmp_path)
    file = study / RECORDS
    columns = {name: np.asarray(column) for name, column in read_table(file).items()}
    file.unlink()
    write_table(file, edit(columns))
    with pytest.raises(ImprintError, match=message):
        recall_study(options(place, tmp_path / "out", study=study))


def test_what_cannot_be_sampled_is_refused_before_a_classifier_is_trained(place, tmp_path):
    for wrong, message in (
        ({"sampling_steps": 50}, "must be at most 4"),
        ({"nearest": 999}, "too few for --nearest 999"),
    ):
        with pytest.raises(ImprintError, match=message):
            recall_study(options(place, tmp_path / "out", **wrong))
    assert not (tmp_path / "out/classifier").exists()


def test_an_encoder_under_test_is_no_independent_classifier(place, tmp_path):
    own = options(place, tmp_path / "out", classifier=place / "A.safetensors")
    with pytest.raises(ImprintError, match="would judge itself"):
        recall_study(own)


def test_a_classifier_of_gray_images_is_refused_before_anything_is_sampled(place, tmp_path):
    card = ModelCard("mlp", 1, 10, 8, (0.5,), (0.25,), {"widths": "16"})
    save_model(tmp_path / "gray.safetensors", initial_model(card, 0), card)
    gray = options(place, tmp_path / "out", classifier=tmp_path / "gray.safetensors")
    with pytest.raises(ImprintError, match=r"takes images of 1 channel\(s\) and these have 3"):
        recall_study(gray)
    assert not (tmp_path / "out/samples").exists()
