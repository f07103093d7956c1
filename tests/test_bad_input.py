"""What a user can get wrong ends in one sentence and code 2, with nothing written."""

import numpy as np
import pytest
from PIL import Image

from imprint.cli import main
from imprint.nets.fill import initial_model
from imprint.nets.model_card import ModelCard
from imprint.nets.save import save_model

BOX = (
    "<annotation><object><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>{right}</xmax><ymax>6</ymax>"
    "</bndbox></object></annotation>"
)
CARD = ModelCard("mlp", 3, 10, 32, (0.5,), (0.25,), {"widths": "8"}, projector="8-4")


def refused(capsys, words, out):
    """Return the sentence with which a command is left that writes nothing."""
    capsys.readouterr()
    with pytest.raises(SystemExit) as left:
        main([*words, "--out", str(out)])
    told = capsys.readouterr()
    assert left.value.code == 2
    assert told.out == ""
    assert "Traceback" not in told.err
    sentence = told.err.splitlines()[-1]
    assert sentence.startswith("imprint: ")
    assert told.err.count("imprint: ") == 1
    assert not out.exists()
    return sentence


def put_image(file):
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (8, 8), (200, 100, 50)).save(file)


def put_box(file, right):
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(BOX.format(right=right))


@pytest.fixture
def images(tmp_path):
    """Two classes of three 8 × 8 JPEGs."""
    for name in ("a/0", "a/1", "a/2", "b/0", "b/1", "b/2"):
        put_image(tmp_path / "data" / f"{name}.jpg")
    return tmp_path / "data"


COMMANDS = [["audit"], ["train"], ["data", "describe"], ["data", "split", "--without-boxes"]]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_box_outside_its_image(command, images, tmp_path, capsys):
    put_box(tmp_path / "boxes" / "a" / "1.xml", 9)
    words = [*command, "--data", str(images), "--boxes", str(tmp_path / "boxes")]
    sentence = refused(capsys, words, tmp_path / "out")
    assert "a/1.jpg: box (1, 1, 9, 6) reaches out of its image" in sentence


@pytest.mark.parametrize("command", COMMANDS)
def test_a_folder_of_boxes_that_is_not_there(command, images, tmp_path, capsys):
    words = [*command, "--data", str(images), "--boxes", str(tmp_path / "boxes")]
    sentence = refused(capsys, words, tmp_path / "out")
    assert f"no boxes at {tmp_path / 'boxes'}: check --boxes" in sentence


@pytest.mark.parametrize(
    "command", [["audit", "--crop", "corner"], ["data", "split", "--without-boxes"]]
)
def test_a_class_of_one_image(command, images, tmp_path, capsys):
    put_image(images / "c" / "0.jpg")
    words = [*command, "--data", str(images), "--per-class", "1"]
    assert "class 'c' has 1 annotated" in refused(capsys, words, tmp_path / "out")


@pytest.mark.parametrize("command", COMMANDS)
def test_a_folder_without_anything(command, tmp_path, capsys):
    (tmp_path / "data").mkdir()
    words = [*command, "--data", str(tmp_path / "data")]
    sentence = refused(capsys, words, tmp_path / "out")
    assert sentence == f"imprint: {tmp_path / 'data'} is empty: check the path"


@pytest.mark.parametrize("command", COMMANDS)
def test_a_truncated_image(command, images, tmp_path, capsys):
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    for file in images.rglob("*.jpg"):
        Image.fromarray(noise).save(file)
    file = images / "b" / "1.jpg"
    file.write_bytes(file.read_bytes()[:1500])
    words = [*command, "--data", str(images)]
    sentence = refused(capsys, words, tmp_path / "out")
    assert "cannot decode the image" in sentence
    assert "b/1.jpg" in sentence


@pytest.mark.parametrize(
    "command",
    [["dejavu", "attack", "--arrays"], ["membership", "attack", "--arrays"], ["audit", "--data"]],
)
def test_a_truncated_array_file(command, tmp_path, capsys):
    file = tmp_path / "arrays.npz"
    np.savez(file, public=np.zeros((50, 8)), labels=np.zeros(50))
    file.write_bytes(file.read_bytes()[:-200])
    assert str(file) in refused(capsys, [*command, str(file)], tmp_path / "out")


def test_a_config_that_is_not_text(tmp_path, capsys):
    file = tmp_path / "options.yaml"
    file.write_bytes("data: café\n".encode("latin-1"))
    sentence = refused(capsys, ["audit", "--config", str(file)], tmp_path / "out")
    assert sentence == f"imprint: {file} is not UTF-8 text: save it as UTF-8"


@pytest.fixture(scope="module")
def split(tmp_path_factory):
    """A partition of the embedded images."""
    folder = tmp_path_factory.mktemp("split")
    main(["data", "split", "--composite-count", "80", "--per-class", "2", "--out", str(folder)])
    return folder


def put_model(file, card, said=None):
    save_model(file, initial_model(card, 0), card)
    if said is not None:
        file.with_suffix(".json").write_bytes(said)
    return str(file)


def two_model_words(tmp_path, split, **model_b):
    model_a = put_model(tmp_path / "a.safetensors", CARD)
    other = put_model(tmp_path / "b.safetensors", **model_b)
    words = ["dejavu", "two-model", "--composite-count", "80", "--split", str(split)]
    return [*words, "--per-class", "2", "--k", "5", "--model-a", model_a, "--model-b", other]


def test_weights_of_another_architecture(split, tmp_path, capsys):
    words = two_model_words(tmp_path, split, card=CARD)
    card = tmp_path / "b.json"
    card.write_text(card.read_text().replace('"widths": "8"', '"widths": "16"'))
    sentence = refused(capsys, words, tmp_path / "out")
    assert f"{tmp_path / 'b.safetensors'} does not hold mlp" in sentence
    assert sentence.endswith("name the architecture and the options it was trained with")


def test_a_card_that_is_not_text(split, tmp_path, capsys):
    words = two_model_words(tmp_path, split, card=CARD, said=b"\xff\xfe{}")
    sentence = refused(capsys, words, tmp_path / "out")
    assert f"{tmp_path / 'b.json'} is damaged" in sentence


def test_a_network_without_the_projector_that_is_to_be_attacked(split, tmp_path, capsys):
    bare = ModelCard("mlp", 3, 10, 32, (0.5,), (0.25,), {"widths": "8"})
    words = [*two_model_words(tmp_path, split, card=bare), "--layer", "projector"]
    sentence = refused(capsys, words, tmp_path / "out")
    assert sentence == "imprint: the network has no projector: choose --layer backbone"
