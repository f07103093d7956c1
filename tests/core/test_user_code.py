"""No card, weights or YAML file makes code run or the network be used without consent."""

import json
import socket
import sys

import pytest
import torch
from torch import nn

from imprint.cli import main
from imprint.core import user_code
from imprint.core.errors import ImprintError
from imprint.launch.launcher import run_tasks
from imprint.nets.build import build_network
from imprint.nets.fill import initial_model
from imprint.nets.load import load_model
from imprint.nets.model_card import ModelCard
from imprint.nets.save import save_model

MODULE = """
from pathlib import Path
from torch import nn
Path(__file__).with_name("ran").touch()

def build(channels, outputs, input_size, width=4):
    return nn.Sequential(nn.Flatten(), nn.Linear(channels * input_size**2, outputs or width))

def scorer():
    raise ValueError("called")
"""


@pytest.fixture
def code(tmp_path, monkeypatch):
    """A module of somebody's; the fixture is the file that stands there once it was imported."""
    folder = tmp_path / "code"
    folder.mkdir()
    (folder / "somebodys_nets.py").write_text(MODULE)
    monkeypatch.syspath_prepend(folder)
    monkeypatch.setattr(user_code, "_trusted", set())
    monkeypatch.setattr(user_code, "_everything", False)
    yield folder / "ran"
    sys.modules.pop("somebodys_nets", None)


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    """Fail every test in which a socket is connected or a host looked up."""

    def refuse(*_args, **_rest):
        raise AssertionError("the network was used")

    for owner, name in [
        (socket.socket, "connect"),
        (socket.socket, "connect_ex"),
        (socket, "getaddrinfo"),
        (socket, "create_connection"),
    ]:
        monkeypatch.setattr(owner, name, refuse)


def weights_with_card(folder, architecture, **options):
    """Return a file of weights beside a card that somebody wrote."""
    folder.mkdir(exist_ok=True)
    card = ModelCard("mlp", 3, 4, 8, (0.5,), (0.5,), {"widths": "4"})
    save_model(folder / "net.safetensors", initial_model(card, 0), card)
    content = {**card.to_json(), "architecture": architecture, "options": options}
    (folder / "net.json").write_text(json.dumps(content))
    return folder / "net.safetensors"


def test_a_card_does_not_run_code_without_consent(code, tmp_path):
    file = weights_with_card(tmp_path / "theirs", "somebodys_nets:build")
    with pytest.raises(ImprintError, match="--trust-code"):
        load_model(file)
    assert not code.exists()
    user_code.trust_code("somebodys_nets:build")
    with pytest.raises(ImprintError, match="does not hold somebodys_nets:build"):
        load_model(file)
    assert code.exists()


HOSTILE = [
    ("torch.hub:load", {"repo_or_dir": "evil/evil", "model": "m"}),
    ("torch.hub:load", {"repo_or_dir": ".", "model": "m", "source": "local"}),
    ("torch:load", {"f": "evil.pt"}),
    ("os:system", {"command": "true"}),
    ("subprocess:run", {"args": "true"}),
    ("builtins:exec", {"source": "1"}),
    ("imprint.cli:main", {}),
    ("huggingface_hub:snapshot_download", {"repo_id": "evil/evil"}),
    ("transformers.pipelines:pipeline", {"model": "evil/evil"}),
    ("numpy:load", {"file": "evil.npy"}),
    ("timm:hf-hub:evil/evil", {}),
    ("timm:hf_hub:evil/evil", {}),
    ("timm:local-dir:/tmp/evil", {}),
    ("torchvision:evil/evil", {}),
    ("transformers:evil/evil", {}),
    ("../evil:build", {}),
    ("evil.py:build", {}),
    (":build", {}),
    ("a:b:c", {}),
    ("somebodys_nets:__import__('os')", {}),
]


@pytest.mark.parametrize(("architecture", "options"), HOSTILE)
@pytest.mark.parametrize("consent", [False, True])
def test_names_of_libraries_are_refused_with_and_without_consent(
    code, tmp_path, monkeypatch, architecture, options, consent
):
    monkeypatch.setattr(user_code, "_everything", consent)
    file = weights_with_card(tmp_path / "theirs", architecture, **options)
    with pytest.raises(ImprintError) as caught:
        load_model(file)
    assert "\n" not in str(caught.value)
    assert not code.exists()


def test_options_stand_in_the_signature_even_of_trusted_code(code):
    user_code.trust_code()
    assert build_network("somebodys_nets:build", 3, None, 8, {"width": "5"}).feature_width == 5
    with pytest.raises(ImprintError, match="has no option 'depth'; it has: channels"):
        build_network("somebodys_nets:build", 3, None, 8, {"depth": 5})


def test_a_yaml_file_gives_no_consent(code, tmp_path, capsys):
    for text in (
        "scorer: somebodys_nets:scorer\n",
        "scorer: somebodys_nets:scorer\ntrust_code: true\n",
        "scorer: somebodys_nets:scorer\ntrust-code: true\n",
    ):
        file = tmp_path / "theirs.yaml"
        file.write_text(text)
        words = ["membership", "audit", "--config", str(file), "--out", str(tmp_path / "out")]
        with pytest.raises(SystemExit) as left:
            main([*words, *member_words(tmp_path)])
        assert left.value.code == 2
        told = capsys.readouterr().err
        assert "refused the scorer" in told or "unknown key 'trust_code'" in told
        assert not code.exists()


def member_words(tmp_path):
    from PIL import Image

    for part in ("in", "out_of_it"):
        for row in range(12):
            file = tmp_path / part / f"c{row % 2}" / f"{row}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (8, 8), (row * 20, 0, 0)).save(file)
    return ["--members", str(tmp_path / "in"), "--non-members", str(tmp_path / "out_of_it")]


@pytest.mark.parametrize(
    "words", [["--scorer", "somebodys_nets:scorer"], ["--scorer=somebodys_nets:scorer"]]
)
def test_what_is_typed_on_the_command_line_is_consented_to(code, tmp_path, capsys, words):
    with pytest.raises(SystemExit):
        main(["membership", "audit", "--out", str(tmp_path / "o"), *words, *member_words(tmp_path)])
    assert "ValueError: called" in capsys.readouterr().err
    assert code.exists()
    assert user_code.consent() == (False, ("somebodys_nets:scorer",))


@pytest.mark.parametrize(
    ("word", "names"),
    [
        ("a.b:c", ["a.b:c"]),
        ("--train.architecture=a:c", ["a:c"]),
        ("train.architecture=resnet18|a:c|b:d", ["a:c", "b:d"]),
        ("/folder/a:c", []),
        ("a:c/d", []),
        ("1:2", []),
        ("timm:resnet18", ["timm:resnet18"]),
    ],
)
def test_names_of_functions_in_typed_words(monkeypatch, word, names):
    monkeypatch.setattr(user_code, "_trusted", set())
    user_code.trust_typed([word])
    assert user_code.consent()[1] == tuple(names)


def consent_of_worker(_):
    return user_code.consent()


def test_workers_have_the_consent_of_their_parent_and_no_more(code):
    user_code.trust_code("somebodys_nets:build")
    (consent,) = run_tasks(consent_of_worker, [(0,)], "ask", 1)
    assert consent == (False, ("somebodys_nets:build",))


EVIL_MODEL = """
from pathlib import Path
Path({ran!r}).touch()
class EvilConfig: pass
class EvilModel: pass
"""


@pytest.mark.parametrize("model_type", ["vit", "evil"])
@pytest.mark.parametrize("options", [{}, {"pretrained": True}, {"trust_remote_code": True}])
def test_code_in_a_folder_of_transformers_is_never_run(tmp_path, model_type, options):
    transformers = pytest.importorskip("transformers")
    folder, ran = tmp_path / "theirs", tmp_path / "ran"
    config = transformers.ViTConfig(
        hidden_size=8,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=8,
        image_size=8,
        patch_size=4,
    )
    content = config.to_dict() | {
        "model_type": model_type,
        "auto_map": {
            "AutoConfig": "evil.EvilConfig",
            "AutoModel": "evil.EvilModel",
            "AutoModelForImageClassification": "evil.EvilModel",
        },
    }
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(content))
    (folder / "evil.py").write_text(EVIL_MODEL.format(ran=str(ran)))
    for outputs in (None, 4):
        if model_type == "vit" and not options:
            network = build_network(f"transformers:{folder}", 3, outputs, 8, options)
            assert isinstance(network, nn.Module)
            continue
        with pytest.raises(ImprintError):
            build_network(f"transformers:{folder}", 3, outputs, 8, options)
    assert not ran.exists()


@pytest.mark.parametrize("attention", ["evil/evil-kernel", "kernels-community/x", "flash_attn"])
def test_attention_that_is_fetched_is_refused(tmp_path, attention):
    transformers = pytest.importorskip("transformers")
    config = transformers.ViTConfig(hidden_size=8, num_hidden_layers=1, num_attention_heads=2)
    content = {**config.to_dict(), "attn_implementation": attention, "image_size": 16}
    (tmp_path / "config.json").write_text(json.dumps(content))
    with pytest.raises(ImprintError):
        build_network(f"transformers:{tmp_path}", 3, None, 16)


def test_weights_that_name_code_are_refused(tmp_path):
    class Evil:
        def __reduce__(self):
            return (open, (str(tmp_path / "ran"), "w"))

    torch.save({"state_dict": {"w": torch.ones(2)}, "extra": Evil()}, tmp_path / "net.pt")
    with pytest.raises(ImprintError, match="could run code"):
        load_model(tmp_path / "net.pt", ModelCard("mlp", 3, 4, 8, (0.5,), (0.5,)))
    assert not (tmp_path / "ran").exists()
