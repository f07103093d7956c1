"""Torch files are looked through before they are loaded; what they may ask for is bounded."""

import io
import pickle
import struct
import zipfile
from collections import OrderedDict

import pytest
import torch

from imprint.core.errors import ImprintError
from imprint.nets.fill import initial_model
from imprint.nets.load import load_model
from imprint.nets.model_card import ModelCard
from imprint.nets.save import save_model
from imprint.reading.weights_files import read_safetensors, read_torch

CARD = ModelCard("mlp", 3, 4, 4, (0.5,), (0.25,), {"widths": "6"})


def refused(read, path):
    with pytest.raises(ImprintError) as caught:
        read(path)
    return str(caught.value)


def with_pickle(path, content):
    """Write a torch file whose list of tensors is another pickle."""
    buffer = io.BytesIO()
    torch.save({"a": torch.ones(2)}, buffer)
    with zipfile.ZipFile(buffer) as source, zipfile.ZipFile(path, "w") as target:
        for member in source.infolist():
            is_list = member.filename.endswith(".pkl")
            target.writestr(member.filename, content if is_list else source.read(member))
    return path


@pytest.mark.parametrize("legacy", [False, True])
def test_plain_checkpoints_come_back(tmp_path, legacy):
    content = {
        "state_dict": OrderedDict(a=torch.arange(3.0), b=torch.ones(2, 2, dtype=torch.bfloat16)),
        "epoch": 3,
        "names": ("x", b"bytes"),
    }
    torch.save(content, tmp_path / "a.pt", _use_new_zipfile_serialization=not legacy)
    loaded = read_torch(tmp_path / "a.pt")
    assert torch.equal(loaded["state_dict"]["a"], torch.arange(3.0))
    assert (loaded["epoch"], loaded["names"]) == (3, ("x", b"bytes"))


BYTEARRAY = b"\x80\x02cbuiltins\nbytearray\nJ\xff\xff\xff\x7f\x85R."
PUNYCODE = (
    b"\x80\x02c_codecs\nencode\nX" + struct.pack("<I", 9) + b"aaaaaaaaa"
    b"X" + struct.pack("<I", 8) + b"punycode\x86R."
)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (BYTEARRAY, "it asks for builtins.bytearray"),
        (PUNYCODE, "it encodes text as punycode"),
        (pickle.dumps({"a": print}, 2), "could run code (print)"),
        (b"\x80\x02" + b"(" * 100 + b".", "damaged"),
    ],
)
def test_pickles_that_ask_for_memory_time_or_code_are_refused(tmp_path, content, message):
    assert message in refused(read_torch, with_pickle(tmp_path / "a.pt", content))


def test_tensors_larger_than_their_file_are_refused(tmp_path):
    torch.save({"a": torch.ones(1).expand(10**12)}, tmp_path / "a.pt")
    assert "a tensor [1000000000000] is larger than the file" in refused(
        read_torch, tmp_path / "a.pt"
    )
    torch.save({"a": torch.empty(10**12, device="meta")}, tmp_path / "a.pt")
    assert "without values" in refused(read_torch, tmp_path / "a.pt")


def test_an_archive_that_unpacks_to_more_than_itself_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.pt", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a/data.pkl", pickle.dumps({}, 2))
        archive.writestr("a/data/0", bytes(10**7))
    assert "unpacks to more than its size" in refused(read_torch, tmp_path / "a.pt")


@pytest.mark.parametrize("content", [b"", b"\xff" * 100, b"\xff" * 7 + b"\x7f{}"])
def test_what_is_no_safetensors_file_is_refused(tmp_path, content):
    (tmp_path / "a.safetensors").write_bytes(content)
    assert "damaged or not a safetensors file" in refused(
        read_safetensors, tmp_path / "a.safetensors"
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"options": {"widths": "9999999-9999999"}},
        {"options": {"widths": "-".join(["6"] * 3000)}},
        {"projector": "9999999-9999999"},
        {"outputs": 1_000_000},
        {"input_size": 8192},
    ],
)
def test_a_card_does_not_make_a_network_much_larger_than_its_file(tmp_path, changes):
    save_model(tmp_path / "a.safetensors", initial_model(CARD, 0), CARD)
    card = ModelCard.from_json({**CARD.to_json(), **changes}, "the card")
    told = refused(lambda path: load_model(path, card), tmp_path / "a.safetensors")
    assert "much larger than the file" in told or "cannot build" in told
