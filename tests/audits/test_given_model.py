import json
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from imprint.audits.given_model import gather_model
from imprint.audits.options import AuditOptions
from imprint.cli import main
from imprint.core.errors import ImprintError
from imprint.data.records.vocabulary import Vocabulary, write_vocabulary
from imprint.nets.fill import initial_model
from imprint.nets.model_card import ModelCard
from imprint.nets.save import card_file, save_model
from imprint.nets.text.lstm import LSTMClassifier
from imprint.nets.text.text_card import TextCard, build_text_network, save_text_network

CARD = ModelCard("mlp", 3, 2, 8, (0.5,), (0.25,), {"widths": "16"})
QUIET = ["--shadows", "0", "--lenses", "membership", "--budget", "1s", "--device", "cpu"]


@pytest.fixture
def place(tmp_path, monkeypatch):
    """Work in a folder of two sets of images and the weights of a network."""
    monkeypatch.chdir(tmp_path)
    random = np.random.default_rng(0)
    for name in ("seen", "unseen"):
        for row in range(24):
            file = Path(name) / "ab"[row % 2] / f"{row}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(random.integers(0, 256, (8, 8, 3)).astype(np.uint8)).save(file)
    save_model(Path("net.safetensors"), initial_model(CARD, 0), CARD)
    return tmp_path


def audit(*words):
    main(["audit", "--model", "net.safetensors", *words, *QUIET])


def test_a_network_in_a_file_is_audited_with_folders_of_images(place):
    audit("--members", "seen", "--non-members", "unseen", "--out", "out", "--stamp", "today")
    summary = json.loads(Path("out/summary.json").read_text())
    assert summary["model"]["architecture"] == "mlp"
    assert summary["model"]["accuracy"]["members"]["n"] == 24
    assert summary["lenses"]["membership"]["attacks"]
    page = Path("out/report.html").read_text()
    assert "today" in page
    assert str(place) not in page + json.dumps(summary)


def test_a_text_network_in_a_file_goes_with_folders_of_texts(place):
    random, words = np.random.default_rng(0), ("bad", "dull", "fine", "good", "film")
    for part in ("train", "test"):
        for number, kind in enumerate(("neg", "pos")):
            (Path("reviews") / part / kind).mkdir(parents=True)
            for row in range(12):
                text = " ".join(random.choice(words[2 * number :][:3], 4))
                (Path("reviews") / part / kind / f"{row}_1.txt").write_text(text)
    write_vocabulary(Path("reviews/vocabulary.json"), Vocabulary(words, 5))
    card = TextCard("lstm_classifier", 7, 2, 5, {"width": 4, "hidden": 4})
    save_text_network(Path("text.safetensors"), build_text_network(card), card)
    options = AuditOptions(
        model=Path("text.safetensors"),
        members=Path("reviews/train"),
        non_members=Path("reviews/test"),
        device="cpu",
        out=Path("out"),
    )
    audited = gather_model(options)
    assert audited.members.classes == ("neg", "pos")
    assert audited.members.inputs.shape == (5,)
    assert audited.network is not None
    assert isinstance(audited.network.module, LSTMClassifier)
    for other in (Vocabulary(words[:4], 5), Vocabulary(words, 6)):
        write_vocabulary(Path("reviews/vocabulary.json"), other)
        with pytest.raises(ImprintError, match="the vocabulary that the network was trained with"):
            gather_model(options)


def test_what_no_card_says_is_read_off_the_members(place):
    card_file(Path("net.safetensors")).unlink()
    (Path("net.safetensors")).unlink()
    plain = ModelCard("lenet", 3, 2, 32, (0.5,), (0.25,))
    save_model(Path("net.safetensors"), initial_model(plain, 0), plain)
    card_file(Path("net.safetensors")).unlink()
    for file in Path().glob("*seen/*/*.png"):
        Image.open(file).resize((32, 32)).save(file)
    words = ["--arch", "lenet", "--mean", "0.5", "--std", "0.25", "--out", "out"]
    audit("--members", "seen", "--non-members", "unseen", *words)
    assert json.loads(Path("out/summary.json").read_text())["model"]["architecture"] == "lenet"


def test_indices_of_one_set_say_who_is_a_member(place):
    np.save("members.npy", np.arange(12))
    np.save("others.npy", np.arange(12, 24))
    lists = ["--members", "members.npy", "--non-members", "others.npy"]
    audit("--data", "seen", *lists, "--out", "out")
    assert json.loads(Path("out/summary.json").read_text())["data"]["members"] == 12


def test_a_named_function_returns_any_model(place, monkeypatch):
    Path("of_a_user.py").write_text(
        "from sklearn.dummy import DummyClassifier\n"
        "def make():\n"
        "    return DummyClassifier(strategy='prior').fit([[0.0], [1.0]], [0, 1])\n"
    )
    monkeypatch.syspath_prepend(str(place))
    random = np.random.default_rng(0)
    for name in ("in.csv", "out.csv"):
        rows = "\n".join(f"{x:.5f},{row % 2}" for row, x in enumerate(random.normal(size=20)))
        Path(name).write_text(f"x,label\n{rows}\n")
    sets = ["--members", "in.csv", "--non-members", "out.csv"]
    main(["audit", "--model", "of_a_user:make", *sets, *QUIET, "--out", "rows"])
    assert json.loads(Path("rows/summary.json").read_text())["model"]["architecture"]
    sys.modules.pop("of_a_user")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "--members is missing"),
        (["--members", "seen"], "--non-members is missing"),
        (["--members", "seen", "--non-members", "unseen", "--per-class", "3"], "--per-class does"),
        (["--members", "seen", "--non-members", "unseen", "--arch", "lenet"], "leave out --arch"),
        (["--members", "nowhere", "--non-members", "unseen"], "nowhere"),
    ],
)
def test_options_that_do_not_fit_end_in_one_sentence(place, words, message, capsys):
    with pytest.raises(SystemExit) as exit_info:
        audit(*words, "--out", "out")
    assert exit_info.value.code == 2
    assert message in capsys.readouterr().err.splitlines()[-1]


def test_a_model_is_missed_where_its_records_are_given(place, capsys):
    with pytest.raises(SystemExit):
        main(["audit", "--members", "seen", "--out", "out"])
    assert "give it with --model" in capsys.readouterr().err


def test_a_resumed_audit_keeps_its_plan(place):
    words = ["--members", "seen", "--non-members", "unseen", "--out", "out"]
    audit(*words)
    first = {file: file.read_bytes() for file in Path("out").rglob("*") if file.is_file()}
    audit(*words)
    assert first == {file: file.read_bytes() for file in Path("out").rglob("*") if file.is_file()}


def test_a_model_that_leaves_the_program_is_no_success(place, capsys, monkeypatch):
    Path("leaving.py").write_text("import sys\ndef model():\n    sys.exit(0)\n")
    monkeypatch.syspath_prepend(place)
    words = ["--members", "seen", "--non-members", "unseen", "--out", "out"]
    with pytest.raises(SystemExit) as left:
        main(["audit", "--model", "leaving:model", *words, *QUIET])
    assert left.value.code == 2
    assert "left the program with exit code 0" in capsys.readouterr().err
