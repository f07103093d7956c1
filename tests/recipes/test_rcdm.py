"""The recipes of RCDM: what they say, the size of their networks, miniatures of them."""

import json

import pytest
import torch
from safetensors.torch import load_file
from torch.utils.flop_counter import FlopCounterMode

from imprint.cli import main
from imprint.lenses.reconstruct.commands import TrainDiffusionModel
from imprint.lenses.reconstruct.options import DiffusionOptions
from imprint.lenses.reconstruct.training.run_file import RunCard
from imprint.nets.fill import build_model
from imprint.nets.model_card import ModelCard
from imprint.nets.save import save_model
from imprint.study.config import parse

MULTIPLIERS = {64: (1, 2, 3, 4), 128: (1, 1, 2, 3, 4), 256: (1, 1, 2, 2, 4, 4)}
SIDES = sorted(MULTIPLIERS)
CLASS_EMBEDDING = 1000 * 1024
"""Parameters that the published counts of ADM hold, and a network for representations does not."""
ADM_MILLIONS = {128: 422, 256: 554}
"""Parameters as published (Dhariwal and Nichol 2021)."""
ADM_GIGA_MULTIPLY_ADDS = {256: 1120}
"""Of one image's forward pass as published (Peebles and Xie 2023)."""
# A CPU takes ten times as long in float16.
SMALL = (
    "--device cpu --composite-count 10 --train.unet.width 8 --train.unet.patch 2 "
    "--train.unet.blocks 1 --train.precision float32 "
    "--train.steps 2 --train.batch-size 2 --train.accumulate 1"
)


def options_of(side):
    words = ["--config", f"rcdm_{side}", "--encoder", "A", "--data", "D", "--out", "O"]
    return parse(TrainDiffusionModel, words, "test")


@pytest.mark.parametrize("side", SIDES)
def test_a_recipe_says_what_was_published(side):
    options = options_of(side)
    train, unet = options.train, options.train.unet
    assert (options.conditioning, options.centre_fraction) == ("both", 0.875)
    assert (unet.image_size, unet.patch, unet.width, unet.blocks) == (side, 1, 256, 2)
    assert (unet.multipliers, unet.attention) == (MULTIPLIERS[side], (8, 16, 32))
    assert unet.head_channels == (64 if side == 256 else 128)
    assert train.diffusion == DiffusionOptions(1000, "linear", "epsilon", True, 0.0)
    assert (train.steps, train.batch_size, train.precision) == (600_000, 256, "float16")
    assert (train.learning_rate, train.warmup_steps, train.anneal) == (1e-4, 0, False)
    assert (train.weight_decay, train.ema, unet.dropout) == (0, 0.9999, 0)


@pytest.fixture(scope="module")
def networks():
    """The networks of the recipes for 2048 + 8192 dimensions, without memory."""
    built = {}
    for side in SIDES:
        train = options_of(side).train
        with torch.device("meta"):
            built[side] = RunCard(3, "both", 10_240, "hash", train.unet, train.diffusion).build()
    return built


@pytest.mark.parametrize(
    ("side", "millions"), [(64, 416.884486), (128, 430.991366), (256, 563.299846)]
)
def test_networks_have_the_sizes_of_the_published_ones(networks, side, millions):
    network = networks[side]
    parameters = sum(values.numel() for values in network.parameters())
    assert parameters == round(millions * 1e6)
    assert network.condition.weight.shape == (1024, 10_240)
    if side in ADM_MILLIONS:
        of_unet = sum(values.numel() for values in network.unet.parameters())
        assert round((of_unet + CLASS_EMBEDDING) / 1e6) == ADM_MILLIONS[side]


def test_a_forward_pass_costs_what_the_published_one_does(networks):
    for side, expected in ADM_GIGA_MULTIPLY_ADDS.items():
        with torch.device("meta"), FlopCounterMode(display=False) as counter:
            networks[side](
                torch.empty(1, 3, side, side),
                torch.zeros(1, dtype=torch.int64),
                torch.empty(1, 10_240),
                torch.zeros(1, dtype=torch.bool),
            )
        assert counter.get_total_flops() / 2e9 == pytest.approx(expected, rel=1e-3)


def test_attention_has_four_heads_at_32_pixels(networks):
    down = networks[128].unet.down_blocks
    heads = [[each.heads for each in getattr(block, "attentions", [])] for block in down]
    assert heads == [[], [], [4, 4], [6, 6], [8, 8]]


@pytest.mark.parametrize("side", SIDES)
def test_a_miniature_of_a_recipe_trains_and_samples(tmp_path, side):
    card = ModelCard("patch_convnet", 3, 4, 16, (0.5,), (0.25,), projector="8-6",
                     options={"width": "4", "depth": "1"})  # fmt: skip
    save_model(tmp_path / "encoder.safetensors", build_model(card), card)
    run, out = tmp_path / "run", tmp_path / "samples"
    main(
        [
            *("reconstruct", "train", "--config", f"rcdm_{side}", *SMALL.split()),
            *("--encoder", str(tmp_path / "encoder.safetensors"), "--out", str(run)),
        ]
    )
    line = json.loads((run / "network" / "log.jsonl").read_text())
    assert (line["step"], line["learning_rate"]) == (2, 1e-4)
    assert 0 < line["loss"] < 3
    words = "--composite-count 10 --samples 1 --sampling-steps 1 --sampler ddpm --device cpu"
    main(["reconstruct", "sample", "--run", str(run), "--out", str(out), *words.split()])
    samples = load_file(out / "samples" / "samples.safetensors")["samples"]
    assert samples.shape == (10, 1, 3, side, side)
