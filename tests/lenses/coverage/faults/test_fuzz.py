from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

from imprint.cli import main
from imprint.core.errors import ImprintError
from imprint.core.extras import import_diffusers
from imprint.lenses.coverage.faults import fuzz
from imprint.lenses.coverage.faults import search as fault_search
from imprint.lenses.coverage.faults.local_diffusion import DiffusionModel
from imprint.nets.fill import build_model
from imprint.nets.load import load_model
from imprint.nets.model_card import ModelCard
from imprint.nets.save import save_model
from imprint.study.json_io import read_json
from imprint.study.tables import read_table
from tests.lenses.coverage.commands_on_files import words_of


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, world: Path) -> Path:
    """The same images with a network that was trained on them for a moment."""
    root = tmp_path_factory.mktemp("trained")
    with np.load(world / "train.npz") as train:
        images = torch.from_numpy(train["images"]).permute(0, 3, 1, 2).float() / 255
        labels = torch.from_numpy(train["labels"])
    card = ModelCard("lenet", 3, 3, 16, (0.5,), (0.25,))
    torch.manual_seed(0)
    model = build_model(card)
    optimizer = torch.optim.Adam(model.parameters(), 0.01)
    for _ in range(30):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(model(images), labels).backward()
        optimizer.step()
    save_model(root / "net.safetensors", model, card)
    for name in ("train.npz", "test.npz"):
        shutil.copy(world / name, root / name)
    return root


def words(world: Path, out: Path, *more: str) -> list[str]:
    seeds = ("--seeds", str(world / "test.npz"), "--budget", "300", "--round-size", "40")
    wide = ("--strength", "4", "--max-change", "1")
    return words_of(world, "fuzz", *seeds, *wide, "--device", "cpu", "--out", str(out), *more)


def fuzzed(world: Path, out: Path, *more: str) -> dict[str, Any]:
    main(words(world, out, *more))
    fuzzing: dict[str, Any] = read_json(out / "summary.json")["lenses"]["coverage"]["fuzzing"]
    return fuzzing


@pytest.mark.parametrize("criterion", ["kmnc", "nc", "nlc", "random", "none"])
def test_a_search_spends_its_budget_and_keeps_its_faults(
    world: Path, tmp_path: Path, criterion: str
) -> None:
    fuzzing = fuzzed(world, tmp_path, "--criterion", criterion)
    assert fuzzing["passes"] == 300 == sum(e["mutants"] for e in fuzzing["mutations"].values())
    assert fuzzing["seeds"] + fuzzing["misclassified_seeds"] == 48
    table = read_table(tmp_path / "fuzzing" / "faults.parquet")
    assert len(table["seed"]) == fuzzing["faults"] > 0
    assert (table["expected"] != table["predicted"]).all()
    assert len(np.unique(table["unique"])) == fuzzing["unique"]
    for side in ("expected", "predicted"):
        shares = np.unique(table[side], return_counts=True)[1] / len(table[side])
        assert fuzzing[f"{side}_entropy"] == pytest.approx(-(shares * np.log(shares)).sum())
    pairs = list(zip(table["expected"].tolist(), table["predicted"].tolist(), strict=True))
    for pair in fuzzing["pairs"]:
        own = [n for n, p in enumerate(pairs) if p == (pair["expected"], pair["predicted"])]
        assert (pair["faults"], pair["unique"]) == (len(own), len(set(table["unique"][own])))
    assert sum(pair["unique"] for pair in fuzzing["pairs"]) == fuzzing["unique"]
    images = load_file(tmp_path / "fuzzing" / "faults.safetensors")
    assert images["images"].shape == images["seeds"].shape == (fuzzing["unique"], 3, 16, 16)
    coverage = fuzzing["curve"]["coverage"]
    assert (coverage is None) == (criterion in ("random", "none"))
    assert coverage is None or coverage[-1] >= coverage[0]
    assert 'id="coverage-mutations"' in (tmp_path / "report.html").read_text()


def test_the_same_search_gives_the_same_bytes_wherever_it_was_interrupted(
    world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fuzzed(world, tmp_path / "whole")
    monkeypatch.setattr(fault_search, "KEPT_EVERY_SECONDS", 0.0)
    keep, kept = fault_search.keep, []

    def keep_and_stop(search: Any, path: Path) -> None:
        keep(search, path)
        kept.append(path)
        if len(kept) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(fault_search, "keep", keep_and_stop)
    with pytest.raises((KeyboardInterrupt, SystemExit)):
        main(words(world, tmp_path / "part"))
    assert kept[-1].exists()
    fuzzed(world, tmp_path / "part")
    for name in ("findings.json", "faults.safetensors", "faults.parquet", "rounds.parquet"):
        whole, part = (tmp_path / each / "fuzzing" / name for each in ("whole", "part"))
        assert whole.read_bytes() == part.read_bytes()
    assert not list((tmp_path / "part").rglob("state.safetensors"))


def test_a_damaged_state_is_one_sentence(
    world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.setattr(fault_search, "KEPT_EVERY_SECONDS", 0.0)

    def spoil(search: Any, path: Path) -> None:
        path.write_bytes(b"nothing of the kind")
        raise KeyboardInterrupt

    monkeypatch.setattr(fault_search, "keep", spoil)
    with pytest.raises((KeyboardInterrupt, SystemExit)):
        main(words(world, tmp_path))
    with pytest.raises(SystemExit) as left:
        main(words(world, tmp_path))
    assert left.value.code == 2
    assert "is damaged: delete the folder" in capsys.readouterr().err


@pytest.fixture(scope="module")
def other(world: Path) -> Path:
    """Another network of the same task."""
    card = ModelCard("lenet", 3, 3, 16, (0.4,), (0.25,))
    model = load_model(world / "net.safetensors")
    save_model(world / "other.safetensors", model, card)
    return world / "other.safetensors"


def test_a_judge_leaves_out_what_it_gets_wrong_itself(
    world: Path, other: Path, tmp_path: Path
) -> None:
    alone = fuzzed(world, tmp_path / "alone", "--criterion", "random")
    judged = fuzzed(world, tmp_path / "judged", "--criterion", "random", "--judge", str(other))
    assert judged["seeds"] <= alone["seeds"]
    assert judged["disputed"] > 0 == alone["disputed"]
    assert judged["oracle"] == "judge"
    assert judged["faults"] < alone["faults"]


@pytest.mark.parametrize("words_of_second", [["--int8", "x86"], ["--against"]])
def test_disagreements_of_two_networks_are_faults(
    world: Path, other: Path, tmp_path: Path, words_of_second: list[str]
) -> None:
    second = [*words_of_second, str(other)] if len(words_of_second) == 1 else words_of_second
    fuzzing = fuzzed(world, tmp_path, "--criterion", "random", *second)
    assert fuzzing["oracle"] == ("network" if "--against" in second else "x86")
    table = read_table(tmp_path / "fuzzing" / "faults.parquet")
    assert (table["expected"] != table["predicted"]).all()
    assert len(table["seed"]) or "--int8" in second
    assert "disagree" in (tmp_path / "report.html").read_text()


def test_faults_are_further_from_the_seeds_than_seeds_are(
    world: Path, other: Path, tmp_path: Path
) -> None:
    # Seed 0 happens on five unique faults alone, and seeds as few lie that far apart by chance.
    fuzzing = fuzzed(world, tmp_path, "--quality", str(other), "--export-legacy", "--seed", "1")
    quality = fuzzing["quality"]
    assert quality["images"] == min(fuzzing["unique"], 24)
    assert quality["distance"] > quality["seed_high"] >= quality["seed_low"] > 0
    assert 1 <= quality["score"] <= 3
    assert 1 <= quality["seed_score"] <= 3
    table = (tmp_path / "fuzzing_legacy" / "fuzz_results_test_lenet_Normal.csv").read_text()
    heading, row = (line.split(",") for line in table.splitlines())
    published = dict(zip(heading, map(float, row), strict=True))
    assert published["FID"] == quality["distance"]
    assert published["Faults"] == fuzzing["faults"]
    assert published["Inception Score"] == quality["score"]
    coverage = fuzzing["curve"]["coverage"]
    assert published["Coverage Gain"] == coverage[-1] - coverage[0]
    assert "FID" in (tmp_path / "report.html").read_text()


def test_minimised_faults_are_nearer_to_their_seeds_and_faults_still(
    world: Path, tmp_path: Path
) -> None:
    fuzzing = fuzzed(world, tmp_path, "--criterion", "random", "--minimise", "5")
    minimised = fuzzing["minimised"]
    assert minimised["faults"] == 5
    assert minimised["change_after"] < minimised["change_before"]
    images = load_file(tmp_path / "fuzzing" / "faults.safetensors")
    model = load_model(world / "net.safetensors").eval()
    with torch.no_grad():
        named = model(model.to_inputs(images["minimised"])).argmax(1).numpy()
    np.testing.assert_array_equal(named, images["predicted"][:5])
    assert (tmp_path / "gallery" / "fuzzing" / "montage.png").exists()
    assert 'id="coverage-faults"' in (tmp_path / "report.html").read_text()


def test_a_second_network_must_be_another_one_of_the_same_task(
    world: Path, other: Path, tmp_path: Path, capsys: Any
) -> None:
    card = replace(ModelCard("lenet", 3, 3, 16, (0.5,), (0.25,)), outputs=4)
    save_model(world / "four.safetensors", build_model(card), card)
    grey = replace(card, channels=1)
    save_model(world / "grey.safetensors", build_model(grey), grey)
    for more, message in (
        (("--judge", str(world / "net.safetensors")), "is the network under test itself"),
        (("--against", str(world / "four.safetensors")), "has 4 outputs"),
        (("--against", str(other), "--int8", "x86"), "say differently what a fault is"),
        (("--quality", str(world / "grey.safetensors")), "takes 1-channel images"),
    ):
        with pytest.raises(SystemExit) as left:
            main(words(world, tmp_path, *more))
        assert left.value.code == 2
        assert message in capsys.readouterr().err
        assert not (tmp_path / "activations").exists()


def test_rounds_beyond_memory_are_refused(
    world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.setattr(fuzz, "MAX_ROUND_VALUES", 20 * 3 * 16 * 16)
    with pytest.raises(SystemExit):
        main(words(world, tmp_path))
    assert "--round-size 40 of 16 × 16 pixels does not fit into memory: at most 20" in (
        capsys.readouterr().err
    )


def test_training_images_can_count_as_covered(world: Path, tmp_path: Path) -> None:
    starts = [
        fuzzed(world, tmp_path / start, "--criterion", "kmnc", "--start", start)
        for start in ("seeds", "members")
    ]
    assert starts[1]["curve"]["coverage"][0] > starts[0]["curve"]["coverage"][0]


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (("--criterion", "luck"), "unknown criterion"),
        (("--criterion", "dsc"), "reads the class of every input"),
        (("--criterion", "random", "--param", "nc.threshold=0.3"), "--param sets a criterion"),
        (("--criterion", "random", "--start", "members"), "--start members"),
        (("--mutations", "melt"), "unknown mutation"),
        (("--mutations", ""), "--mutations is empty"),
        (("--mutations", "shift,shift"), "names one twice"),
        (("--budget", "0"), "--budget"),
        (("--depth", "0"), "--depth"),
        (("--round-size", "100000"), "--round-size"),
        (("--strength", "0"), "--strength"),
        (("--max-change", "2"), "--max-change"),
    ],
)
def test_mistakes_are_one_sentence(
    world: Path, tmp_path: Path, capsys: Any, more: tuple[str, ...], message: str
) -> None:
    with pytest.raises(SystemExit) as left:
        main(words(world, tmp_path / "out", *more))
    assert left.value.code == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out" / "summary.json").exists()


def test_seeds_are_needed_and_training_images_where_they_are_read(
    world: Path, tmp_path: Path, capsys: Any
) -> None:
    model = ["coverage", "fuzz", "--model", str(world / "net.safetensors"), "--out", str(tmp_path)]
    seeds = ["--seeds", str(world / "test.npz")]
    kmnc = [*seeds, "--criterion", "kmnc"]
    for more, message in (([], "give --seeds"), (kmnc, "kmnc reads images")):
        with pytest.raises(SystemExit):
            main([*model, *more])
        assert message in capsys.readouterr().err
    main([*model, *seeds, "--budget", "20", "--device", "cpu"])


@pytest.fixture(scope="module")
def diffusion(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny diffusion model of random weights, as ``save_pretrained`` writes it."""
    diffusers = import_diffusers()
    torch.manual_seed(0)
    unet = diffusers.UNet2DModel(
        sample_size=16,
        block_out_channels=(8, 8),
        layers_per_block=1,
        norm_num_groups=4,
        down_block_types=("DownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "UpBlock2D"),
    )
    folder = tmp_path_factory.mktemp("diffusion")
    diffusers.DDIMPipeline(unet, diffusers.DDIMScheduler(100)).save_pretrained(folder)
    return folder


def test_a_diffusion_model_is_one_mutation_more(
    world: Path, tmp_path: Path, diffusion: Path
) -> None:
    given = ("--diffusion", str(diffusion), "--diffusion-strength", "0.5", "--mutations", "noise")
    fuzzing = fuzzed(world, tmp_path, *given, "--budget", "40")
    assert list(fuzzing["mutations"]) == ["noise", "diffusion"]
    assert fuzzing["mutations"]["diffusion"]["mutants"] > 0
    assert not (tmp_path / "fuzzing" / "state.safetensors").exists()


@pytest.mark.parametrize(
    ("file", "content", "words_of_error"),
    [
        ("unet/config.json", '{"_class_name": "UNet2DConditionModel"}', "takes more than images"),
        ("unet/config.json", "[]", "is no JSON object"),
        ("unet/config.json", '{"_class_name": "UNet2DModel", "sample_size": null}', "sample_size"),
        (
            "unet/config.json",
            '{"_class_name": "UNet2DModel", "sample_size": 256, "block_out_channels": [8, 1024], '
            '"down_block_types": [], "up_block_types": []}',
            "too large for 8 images of 256 pixels",
        ),
        ("scheduler/scheduler_config.json", '{"prediction_type": "sample"}', "predicts sample"),
        ("scheduler/scheduler_config.json", '{"beta_schedule": "none"}', "cannot load the model"),
        ("unet/diffusion_pytorch_model.safetensors", "nothing", "damaged"),
        ("unet/diffusion_pytorch_model.safetensors", None, "no file"),
    ],
)
def test_a_folder_of_another_kind_is_one_sentence(
    diffusion: Path, tmp_path: Path, file: str, content: str | None, words_of_error: str
) -> None:
    folder = shutil.copytree(diffusion, tmp_path / "copy")
    (folder / file).unlink()
    if content is not None:
        (folder / file).write_text(content)
    with pytest.raises(ImprintError, match=words_of_error) as refused:
        DiffusionModel(folder).load(3, torch.device("cpu"))
    assert "\n" not in str(refused.value)


def test_a_diffusion_model_of_other_channels_is_refused(diffusion: Path) -> None:
    with pytest.raises(ImprintError, match="3-channel images and gives 3, --model takes 1"):
        DiffusionModel(diffusion).load(1, torch.device("cpu"))
