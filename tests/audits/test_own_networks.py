"""Networks as users bring them, through every command that asks them something."""

import json
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from imprint.cli import main
from imprint.core import user_code

CLASSES, SIDE = 3, 8


class Plain(nn.Module):
    """``forward`` alone, no ``features`` and no ``classifier``."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, 6, 3, stride=2)
        self.hidden = nn.Linear(54, 8)
        self.last = nn.Linear(8, CLASSES)

    def forward(self, images: Tensor) -> Tensor:
        return self.last(self.hidden(self.conv(images).relu().flatten(1)).relu())


class Averaged(nn.Module):
    """No linear layer."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 6, 3)
        self.last = nn.Conv2d(6, CLASSES, 1)

    def forward(self, images: Tensor) -> Tensor:
        return self.last(self.conv(images).relu()).mean((2, 3))


class Named(Plain):
    """Returns a dictionary."""

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        hidden = self.hidden(self.conv(images).relu().flatten(1)).relu()
        return {"embedding": hidden, "scores": self.last(hidden)}


class Rows(nn.Module):
    """An LSTM over the rows of an image."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(3 * SIDE, 5, batch_first=True)
        self.last = nn.Linear(5, CLASSES)

    def forward(self, images: Tensor) -> Tensor:
        states, _ = self.lstm(images.transpose(1, 2).flatten(2))
        return self.last(states[:, -1])


NETWORKS = {
    "plain": (lambda: Plain(3), 3),
    "averaged": (Averaged, 3),
    "named": (lambda: Named(3), 3),
    "rows": (Rows, 3),
    "four": (lambda: Plain(4), 4),
    "twelve": (lambda: Plain(12), 12),
}


@pytest.fixture(params=NETWORKS)
def words(request, tmp_path, monkeypatch) -> list[str]:
    """The flags of a network, and files of images it was trained on and not."""
    build, channels = NETWORKS[request.param]
    module = ModuleType("my_networks")
    module.build = build
    monkeypatch.setitem(sys.modules, "my_networks", module)
    monkeypatch.setattr(user_code, "_everything", True)
    random = np.random.default_rng(0)
    for name, count in (("members", 36), ("others", 36)):
        labels = np.arange(count) % CLASSES
        images = random.integers(0, 256, (count, channels, SIDE, SIDE), dtype=np.uint8)
        images[:, 0] = images[:, 0] // 2 + 60 * labels[:, None, None].astype(np.uint8)
        np.savez(tmp_path / f"{name}.npz", images=images, labels=labels)
    torch.manual_seed(0)
    network = build()
    torch.save(network.state_dict(), tmp_path / "network.pt")
    card = {
        "architecture": "my_networks:build", "channels": channels, "outputs": CLASSES,
        "input_size": SIDE, "mean": [0.5], "std": [0.25],
    }  # fmt: skip
    (tmp_path / "network.json").write_text(json.dumps(card))
    monkeypatch.chdir(tmp_path)
    return ["--model", "network.pt", "--device", "cpu"]


def lenses(folder: str) -> dict:
    return json.loads((Path(folder) / "summary.json").read_text())["lenses"]


def test_a_users_network_is_attacked_and_attributed(words) -> None:
    sets = ["--members", "members.npz", "--non-members", "others.npz", "--white-box"]
    main(["membership", "audit", *words, *sets, "--curvature-probes", "1", "--out", "m"])
    assert {"white_box_gradient", "white_box_trace"} <= lenses("m")["membership"]["attacks"].keys()
    train = ["--members", "members.npz"]
    main(["coverage", "importance", *words, *train, "--attributions", "la", "--out", "i"])
    assert (Path("i") / "importance/la.parquet").is_file()
    tests = ["--tests", "others.npz", "--criteria", "nc,idc", "--attribution", "la"]
    main(["coverage", "measure", *words, *train, *tests, "--out", "c"])
    coverage = lenses("c")["coverage"]
    assert coverage["criteria"]["nc"]["value"] > 0
    assert any("conv" in layer["name"] or "lstm" in layer["name"] for layer in coverage["layers"])


def test_a_users_network_is_tested_for_deja_vu(words) -> None:
    images = [np.load(f"{name}.npz") for name in ("members", "others")]
    both = {key: np.concatenate([part[key] for part in images]) for key in ("images", "labels")}
    np.savez("both.npz", **both)
    np.save("members.npy", np.arange(24))
    np.save("held_out.npy", np.arange(36, 60))
    lists = ["--members", "members.npy", "--non-members", "held_out.npy"]
    crop = ["--crop", "corner", "--corner-fraction", "0.5", "--min-crop-px", "2", "--k", "5"]
    rest = ["--references", "naive_bayes", "--out", "d"]
    main(["dejavu", "one-model", *words, "--data", "both.npz", *lists, *crop, *rest])
    assert "excess" in str(lenses("d")["dejavu"]["one_model"])
    assert Path("d/report.html").is_file()
