import argparse
from fractions import Fraction

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from imprint.core.errors import ImprintError
from imprint.nets.checkpoint import CONTAINERS, plain_names, read_weights, write_weights

WEIGHTS = {"a.weight": torch.tensor([[1.0, 2.0]]), "a.bias": torch.tensor([3.0])}


def same(found: dict, expected: dict) -> bool:
    return found.keys() == expected.keys() and all(
        torch.equal(found[name], tensor) for name, tensor in expected.items()
    )


@pytest.mark.parametrize("name", ["w.pt", "w.pth", "w.ckpt"])
@pytest.mark.parametrize("container", [None, *CONTAINERS])
def test_torch_files_are_read_bare_or_in_a_container(tmp_path, name, container) -> None:
    content = WEIGHTS if container is None else {"epoch": 3, container: WEIGHTS, "optimizer": {}}
    torch.save(content, tmp_path / name)
    assert same(read_weights(tmp_path / name), WEIGHTS)


def test_safetensors_are_read(tmp_path) -> None:
    save_file(WEIGHTS, tmp_path / "w.safetensors")
    assert same(read_weights(tmp_path / "w.safetensors"), WEIGHTS)


def test_writing_keeps_every_bit_and_equal_weights_give_equal_bytes(tmp_path) -> None:
    shared = torch.rand(4, 3, 2, 2)
    weights = {
        "tied": shared,
        "view": shared,
        "strided": shared.to(memory_format=torch.channels_last),
        "half": shared.to(torch.bfloat16),
        "count": torch.tensor(7),
    }
    write_weights(tmp_path / "a.safetensors", weights)
    write_weights(tmp_path / "b.safetensors", dict(reversed(weights.items())))
    found = read_weights(tmp_path / "a.safetensors")
    assert same(found, weights)
    assert found["half"].dtype == torch.bfloat16
    assert (tmp_path / "a.safetensors").read_bytes() == (tmp_path / "b.safetensors").read_bytes()
    assert sorted(file.name for file in tmp_path.iterdir()) == ["a.safetensors", "b.safetensors"]


@pytest.mark.parametrize(
    "prefix", ["module.", "_orig_mod.", "module._orig_mod.", "_orig_mod.module.", "model.module."]
)
def test_wrappers_leave_the_names(prefix) -> None:
    wrapped = {prefix + name: tensor for name, tensor in WEIGHTS.items()}
    assert same(plain_names(wrapped, WEIGHTS), WEIGHTS)


def test_a_compiled_part_leaves_the_names() -> None:
    wrapped = {"a._orig_mod.weight": WEIGHTS["a.weight"], "a.bias": WEIGHTS["a.bias"]}
    assert same(plain_names(wrapped, WEIGHTS), WEIGHTS)


def test_a_prefix_that_the_network_has_or_that_is_not_everywhere_stays() -> None:
    named = {"model.weight": torch.zeros(1), "model.bias": torch.zeros(1)}
    assert same(plain_names(named, named), named)
    some = {"module.weight": torch.zeros(1), "bias": torch.zeros(1)}
    assert same(plain_names(some, ["weight", "bias"]), some)


def test_no_file(tmp_path) -> None:
    with pytest.raises(ImprintError, match=r"no weights at .*w\.pt: check the path"):
        read_weights(tmp_path / "w.pt")


def test_another_format(tmp_path) -> None:
    (tmp_path / "w.h5").write_bytes(b"x")
    with pytest.raises(
        ImprintError, match=r"w\.h5 is not a file of weights: imprint reads \.safet"
    ):
        read_weights(tmp_path / "w.h5")


def test_pickled_objects_are_refused(tmp_path) -> None:
    torch.save({"share": Fraction(1, 3), "state_dict": WEIGHTS}, tmp_path / "w.pt")
    with pytest.raises(
        ImprintError, match=r"holds pickled objects, which could run code \(fractions\.Fraction\)"
    ):
        read_weights(tmp_path / "w.pt")


def test_options_of_a_training_beside_the_weights_are_no_hindrance(tmp_path) -> None:
    torch.save({"args": argparse.Namespace(lr=1), "state_dict": WEIGHTS}, tmp_path / "w.pt")
    assert same(read_weights(tmp_path / "w.pt"), WEIGHTS)


def test_an_object_among_those_options_is_refused(tmp_path) -> None:
    options = argparse.Namespace(share=Fraction(1, 3))
    torch.save({"args": options, "state_dict": WEIGHTS}, tmp_path / "w.pt")
    with pytest.raises(ImprintError, match=r"which could run code \(fractions\.Fraction\)"):
        read_weights(tmp_path / "w.pt")


def test_a_pickled_network_is_refused(tmp_path) -> None:
    torch.save(nn.Linear(1, 1), tmp_path / "w.pth")
    with pytest.raises(ImprintError, match=r"load it and save model\.state_dict\(\) alone"):
        read_weights(tmp_path / "w.pth")


@pytest.mark.parametrize("name", ["w.safetensors", "w.pt"])
@pytest.mark.parametrize("kept", [0, 9, 0.5, 0.95])
def test_a_file_cut_short_is_rejected(tmp_path, name, kept) -> None:
    file = tmp_path / name
    if file.suffix == ".pt":
        torch.save(WEIGHTS, file)
    else:
        save_file(WEIGHTS, file)
    content = file.read_bytes()
    file.write_bytes(content[: kept if isinstance(kept, int) else int(kept * len(content))])
    with pytest.raises(ImprintError, match=f"{name} is damaged"):
        read_weights(file)


def test_a_file_without_tensors_says_what_it_holds(tmp_path) -> None:
    torch.save({"epoch": 3, "scores": [1.0]}, tmp_path / "w.pt")
    with pytest.raises(ImprintError, match=r"no state dict.*\(it holds: epoch, scores\)"):
        read_weights(tmp_path / "w.pt")
    torch.save([torch.zeros(1)], tmp_path / "w.pt")
    with pytest.raises(ImprintError, match=r"\(it holds: list\)"):
        read_weights(tmp_path / "w.pt")
    torch.save({}, tmp_path / "w.pt")
    with pytest.raises(ImprintError, match=r"\(it holds: nothing\)"):
        read_weights(tmp_path / "w.pt")
