from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from PIL import Image

from imprint.cli import main
from imprint.core import user_code
from imprint.core.errors import ImprintError
from imprint.lenses.coverage.study.inputs import tables_from_arrays
from imprint.nets.fill import build_model
from imprint.nets.model_card import ModelCard
from imprint.nets.save import save_model
from imprint.study.json_io import read_json
from imprint.study.tables import read_table
from tests.lenses.coverage.commands_on_files import NAMES, arrays, measured, saved, words_of


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"train/conv1": np.zeros((120, 3, 2))}, "expected [N, _]"),
        ({"train/conv1": np.zeros((120, 5), dtype=np.float32)}, "has 5 neurons, test/conv1 6"),
        (
            {"train/conv1": np.zeros((9, 6), dtype=np.float32)},
            "train/block/fc has shape [120, 5], expected [9, _] (N = 9 in train/conv1)",
        ),
        ({"test/conv1": np.full((60, 6), np.nan)}, "test/conv1[0, 0] is nan"),
        ({"test/conv1": np.full((60, 6), 1e39)}, "test/conv1[0, 0] is 1e+39"),
        ({"test/conv1": np.full((60, 6), "a")}, "must hold numbers, not <U1"),
        ({"train_labels": np.zeros(3, dtype=np.int64)}, "expected [120] (N = 120 in train/conv1)"),
        ({"test_labels": np.full(60, 0.5)}, "test_labels must hold whole numbers"),
        ({"training/conv1": np.zeros((2, 2))}, "unknown array 'training/conv1'"),
        ({"test/other": np.zeros((60, 2))}, "give layer 'other' of both"),
    ],
)
def test_arrays_that_do_not_fit_are_refused_in_one_sentence(
    tmp_path: Path, change: dict[str, np.ndarray], message: str
) -> None:
    np.savez(tmp_path / "a.npz", **{**arrays(), **change})
    with pytest.raises(ImprintError) as told:
        tables_from_arrays(tmp_path / "a.npz")
    assert message in str(told.value)


def test_files_of_one_array_or_of_text_are_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "one.npy", np.zeros((2, 2)))
    with pytest.raises(ImprintError, match="holds one array"):
        tables_from_arrays(tmp_path / "one.npy")
    (tmp_path / "text.npz").write_text("activations")
    with pytest.raises(ImprintError, match="another kind of file") as told:
        tables_from_arrays(tmp_path / "text.npz")
    assert "pickle" not in str(told.value)


def test_a_card_of_another_kind_is_refused(
    world: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "card.json").write_text("[1]")
    card = ("--card", str(tmp_path / "card.json"))
    with pytest.raises(SystemExit):
        main(words_of(world, "importance", *card, "--out", str(tmp_path / "out")))
    assert "must hold keys and values" in capsys.readouterr().err


def test_only_correctly_classified_inputs_are_kept(world: Path, tmp_path: Path) -> None:
    test = ("--tests", str(world / "test.npz"), "--criteria", "tknp,kmnc")
    main(words_of(world, "measure", *test, "--out", str(tmp_path), "--correct-only", "both"))
    found = read_json(tmp_path / "summary.json")["lenses"]["coverage"]
    for part in ("train", "test"):
        table = read_table(tmp_path / "activations" / part / "inputs.parquet")
        assert found[part] == int((table["label"] == table["prediction"]).sum())
    assert found["correct_only"] == "both"


def test_layers_can_be_chosen(world: Path, tmp_path: Path) -> None:
    test = ("--tests", str(world / "test.npz"), "--criteria", "nc", "--layers", "conv2,fc1")
    main(words_of(world, "measure", *test, "--out", str(tmp_path)))
    found = read_json(tmp_path / "summary.json")["lenses"]["coverage"]
    assert [layer["name"] for layer in found["layers"]] == ["conv2", "fc1"]
    assert found["neurons"] == 136


def test_sets_that_are_the_same_are_refused(
    world: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(
            words_of(world, "measure", "--tests", str(world / "train.npz"), "--out", str(tmp_path))
        )
    assert "are the same images" in capsys.readouterr().err


def test_files_of_images_are_read_in_gray_for_a_network_of_one_channel(tmp_path: Path) -> None:
    card = ModelCard("lenet", 1, 2, 32, (0.5,), (0.25,))
    save_model(tmp_path / "net.safetensors", build_model(card), card)
    pixels = np.random.default_rng(0).integers(0, 256, (2, 6, 32, 32), dtype=np.uint8)
    for part, images in zip(("train", "test"), pixels, strict=True):
        for number, image in enumerate(images):
            folder = tmp_path / part / "ab"[number % 2]
            folder.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image).save(folder / f"{number}.png")
    words = ["--tests", str(tmp_path / "test"), "--criteria", "nc", "--out", str(tmp_path / "out")]
    model = ["--model", str(tmp_path / "net.safetensors"), "--members", str(tmp_path / "train")]
    main(["coverage", "measure", *model, *words])
    assert read_json(tmp_path / "out" / "summary.json")["lenses"]["coverage"]["test"] == 6


class TwoHeads(torch.nn.Module):
    """Returns the logits and those of an auxiliary head, of equal shape."""

    def __init__(self) -> None:
        super().__init__()
        self.body, self.classifier = torch.nn.Conv2d(3, 4, 3), torch.nn.Linear(4, 3)
        self.auxiliary = torch.nn.Linear(4, 3)

    def features(self, images: torch.Tensor) -> torch.Tensor:
        return self.body(images).relu().mean((2, 3))

    def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        features = self.features(images)
        return self.classifier(features), self.auxiliary(features)


def test_the_logits_of_a_network_that_returns_a_tuple_are_named_by_output(
    world: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    made = ModuleType("two_heads")
    made.build = lambda channels, outputs, input_size: TwoHeads()  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "two_heads", made)
    monkeypatch.setattr(user_code, "_trusted", {"two_heads:build"})
    card = ModelCard("two_heads:build", 3, 3, 16, (0.5,), (0.25,))
    torch.manual_seed(0)
    model = build_model(replace(card, output="0"))
    save_model(tmp_path / "net.safetensors", model, card)
    words = [
        *("coverage", "measure", "--model", str(tmp_path / "net.safetensors")),
        *("--members", str(world / "train.npz"), "--tests", str(world / "test.npz")),
        *("--criteria", "nc"),
    ]
    with pytest.raises(SystemExit) as left:
        main([*words, "--out", str(tmp_path / "out")])
    assert left.value.code == 2
    assert "(0: [1, 3], 1: [1, 3])" in (error := capsys.readouterr().err)
    assert "name the entry with --output" in error
    predictions = {}
    for output, head in (("0", "classifier"), ("1", "auxiliary")):
        out = tmp_path / output
        main([*words, "--output", output, "--out", str(out)])
        predictions[head] = read_table(out / "activations/test/inputs.parquet")["prediction"]
        images = np.load(world / "test.npz")["images"].transpose(0, 3, 1, 2)
        inputs = torch.from_numpy(images).float() / 255
        network = model.eval().network.published
        with torch.no_grad():
            logits = getattr(network, head)(network.features(model.normalise(inputs)))
        assert np.array_equal(predictions[head], logits.argmax(1).numpy())
    assert not np.array_equal(predictions["classifier"], predictions["auxiliary"])
    with pytest.raises(SystemExit):
        main([*words, "--output", "1", "--out", str(tmp_path / "0")])
    assert "made with other settings" in capsys.readouterr().err


def test_activations_in_float64_keep_their_digits_at_a_large_offset(tmp_path: Path) -> None:
    """A common offset of 2³⁰ changes nothing but signs; float32 would keep steps of 64 of it."""
    given: dict[str, np.ndarray] = {}
    for name, values in arrays().items():
        exact = (
            np.round(values.astype(np.float64) * 2.0**20) / 2**20 + 2.0**-22
        )  # exact with the offset, too
        given[name] = values if "labels" in name else exact
    shifted = {
        name: values if "labels" in name else values + 2.0**30 for name, values in given.items()
    }
    train, _ = tables_from_arrays(saved(tmp_path / "given.npz", given))
    assert train is not None
    assert train.values.dtype == np.float64
    words = ("--criteria", "all", "--param", "cc.threshold=3", "dsc.width=0.05", "tknc.k=2")
    for part in ("plain", "shifted"):
        (tmp_path / part).mkdir()
    plain = measured(tmp_path / "plain", given, *words)["criteria"]
    moved = measured(tmp_path / "shifted", shifted, *words)["criteria"]
    for name in (NAMES | {"idc"}) - {"ssc"}:
        assert moved[name]["value"] == pytest.approx(plain[name]["value"], rel=1e-5), name
        assert plain[name]["value"] > 0


def test_values_that_float32_holds_are_computed_in_it(tmp_path: Path) -> None:
    given = arrays()
    wide = {
        name: values if "labels" in name else values.astype(np.float64)
        for name, values in given.items()
    }
    for table in tables_from_arrays(saved(tmp_path / "wide.npz", wide)):
        assert table is not None
        assert table.values.dtype == np.float32


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"test/conv1": np.ones((60, 6), dtype=complex)}, "must hold numbers, not complex128"),
        ({"test/conv1": np.full((60, 6), np.nan)}, "[0, 0] is nan: leave that record out"),
        ({"test/conv1": np.ones((60, 6), dtype=bool)}, "must hold numbers, not bool"),
        ({"test/conv1": np.ones((60, 6, 2))}, "has shape [60, 6, 2], expected [M, _]"),
        ({"test/conv1": np.ones(6)}, "has shape [6], expected [M, _]"),
        ({"test/conv1": np.float64(1)}, "has shape [], expected [M, _]"),
        ({"test/conv1": np.ones((60, 0))}, "test/conv1 is empty"),
        ({"test/conv1": np.ones((59, 6))}, "expected [59, _] (M = 59 in test/conv1)"),
        ({"test/conv1": np.ones((60, 7))}, "train/conv1 has 6 neurons, test/conv1 7"),
        ({"test/conv1": np.full((60, 6), "a")}, "must hold numbers, not <U1"),
        ({"test/conv1": np.full((60, 6), 1e300)}, "is 1e+300"),
        ({"test_labels": np.full(60, 0.5)}, "test_labels must hold whole numbers"),
        ({"test_labels": np.zeros((60, 1), dtype=int)}, "expected [60] (M = 60 in test/conv1)"),
        ({"test_labels": np.full(60, 1j)}, "test_labels must hold numbers, not complex128"),
    ],
)
def test_malformed_activations_are_refused(
    tmp_path: Path, change: dict[str, np.ndarray], message: str
) -> None:
    with pytest.raises(ImprintError) as caught:
        tables_from_arrays(saved(tmp_path / "a.npz", {**arrays(), **change}))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
