"""The training loop: resume, parts of batches, averages, what stops it."""

import dataclasses

import numpy as np
import pytest
import torch

from imprint.core.errors import ImprintError
from imprint.lenses.reconstruct.options import (
    DiffusionOptions,
    ReconstructionTraining,
    UNetOptions,
)
from imprint.lenses.reconstruct.training import loop
from imprint.lenses.reconstruct.training.batches import TrainingSet
from imprint.lenses.reconstruct.training.loop import train
from imprint.lenses.reconstruct.training.run_file import RunCard, load_network, read_run_card

CPU = torch.device("cpu")
OPTIONS = ReconstructionTraining(
    unet=UNetOptions(image_size=16, patch=2, width=8, multipliers=(1.0, 1.0), attention=(4.0,)),
    diffusion=DiffusionOptions(diffusion_steps=10),
    steps=6,
    batch_size=4,
    warmup_steps=2,
    resume_every=2,
)
CARD = RunCard(3, "both", 5, "hash", OPTIONS.unet, OPTIONS.diffusion)


class Stopped(Exception):
    """As good as a kill."""


@pytest.fixture(scope="module")
def images():
    random = np.random.default_rng(0)
    pixels = random.integers(0, 256, (10, 3, 16, 16), dtype=np.uint8)
    return TrainingSet(lambda rows: pixels[rows], random.normal(size=(10, 5)).astype(np.float32))


def trained(images, folder, seed=0, **options):
    folder.mkdir(exist_ok=True)
    changed = dataclasses.replace(OPTIONS, **options)
    card = dataclasses.replace(CARD, diffusion=changed.diffusion)
    return train(images, card, changed, folder, seed, CPU)


def test_a_run_stopped_at_every_step_ends_with_the_bytes_of_an_undisturbed_one(
    images, tmp_path, monkeypatch
):
    whole = trained(images, tmp_path / "whole")
    take_step = loop._take_step
    for stop in range(1, OPTIONS.steps):

        def stopping(run, *rest, stop=stop):
            if run.step == stop:
                raise Stopped
            return take_step(run, *rest)

        monkeypatch.setattr(loop, "_take_step", stopping)
        with pytest.raises(Stopped):
            trained(images, tmp_path / "killed")
    monkeypatch.setattr(loop, "_take_step", take_step)
    resumed = trained(images, tmp_path / "killed")
    assert resumed.read_bytes() == whole.read_bytes()
    names = sorted(file.name for file in whole.parent.iterdir())
    assert names == ["final.json", "final.safetensors", "log.jsonl"]
    for name in names:
        assert (resumed.parent / name).read_bytes() == (whole.parent / name).read_bytes()


def test_another_seed_trains_another_network(images, tmp_path):
    first, second = (trained(images, tmp_path / str(seed), seed) for seed in (0, 1))
    assert first.read_bytes() != second.read_bytes()


@pytest.mark.parametrize("learned_variance", [False, True])
def test_parts_of_a_batch_give_the_gradients_of_the_whole(
    images, tmp_path, monkeypatch, learned_variance
):
    diffusion = dataclasses.replace(OPTIONS.diffusion, learned_variance=learned_variance)
    take_step, gradients = loop._take_step, {1: [], 4: []}

    def watched(run, module, parts, options, *rest):
        loss = take_step(run, module, parts, options, *rest)
        gradients[options.accumulate] = [each.grad.clone() for each in run.network.parameters()]
        return loss

    monkeypatch.setattr(loop, "_take_step", watched)
    for parts in gradients:
        name = str(parts)
        trained(images, tmp_path / name, accumulate=parts, diffusion=diffusion, steps=1)
    for whole, summed in zip(*gradients.values(), strict=True):
        np.testing.assert_allclose(summed, whole, atol=1e-6)


def test_gradient_checkpointing_changes_no_weight(images, tmp_path):
    plain = trained(images, tmp_path / "plain", steps=2)
    saving = trained(images, tmp_path / "saving", steps=2, checkpoint_gradients=True)
    assert plain.read_bytes() == saving.read_bytes()


def test_an_image_that_cannot_be_read_stops_the_training(images, tmp_path):
    def pixels(rows):
        raise ImprintError("cannot read cat.jpg")

    broken = TrainingSet(pixels, images.representations)
    with pytest.raises(ImprintError, match=r"cannot read cat\.jpg"):
        trained(broken, tmp_path / "run")


def test_float16_trains_and_keeps_its_scale(images, tmp_path):
    file = trained(images, tmp_path / "run", precision="float16", steps=2)
    assert load_network(file, read_run_card(file), CPU).empty.dtype == torch.float32


def test_average_moves_faster_at_first_and_then_by_its_decay(images, tmp_path):
    frozen = trained(images, tmp_path / "frozen", learning_rate=1e-12, ema=0.9)
    network = load_network(frozen, read_run_card(frozen), CPU)
    torch.manual_seed(loop.derive(0, "initial weights"))
    fresh = CARD.build()
    np.testing.assert_allclose(network.condition.weight, fresh.condition.weight.detach(), atol=1e-6)


def test_representations_are_standardised_by_the_training_images(images, tmp_path):
    file = trained(images, tmp_path / "run", steps=1)
    network = load_network(file, read_run_card(file), CPU)
    values = images.representations.astype(np.float64)
    np.testing.assert_allclose(network.mean, values.mean(axis=0), atol=1e-6)
    np.testing.assert_allclose(network.deviation, values.std(axis=0), rtol=1e-5)


def test_a_constant_dimension_is_not_divided_by_nothing():
    network = CARD.build()
    values = np.full((4, 5), 3.25, dtype=np.float32)
    network.standardise(values)
    assert (network.deviation == 1).all()


def test_a_loss_that_is_not_finite_stops_and_keeps_the_last_good_state(
    images, tmp_path, monkeypatch
):
    take_step = loop._take_step
    monkeypatch.setattr(loop, "LOG_EVERY", 1)

    def diverging(run, *rest):
        loss = take_step(run, *rest)
        return loss * torch.nan if run.step == 4 else loss

    monkeypatch.setattr(loop, "_take_step", diverging)
    with pytest.raises(ImprintError, match="loss of the diffusion model is nan by step 5") as error:
        trained(images, tmp_path / "run")
    assert "the last good state is kept in" in str(error.value)
    monkeypatch.setattr(loop, "_take_step", take_step)
    resumed = trained(images, tmp_path / "run")
    whole = trained(images, tmp_path / "whole")
    assert resumed.read_bytes() == whole.read_bytes()


def test_weights_that_are_not_finite_after_the_last_step_are_not_saved(
    images, tmp_path, monkeypatch
):
    take_step = loop._take_step

    def diverging(run, *rest):
        loss = take_step(run, *rest)
        torch.nn.init.constant_(run.average.empty, torch.inf)
        return loss

    monkeypatch.setattr(loop, "_take_step", diverging)
    with pytest.raises(ImprintError, match="not finite after the last step: lower"):
        trained(images, tmp_path / "run", steps=1)
    assert not (tmp_path / "run" / loop.FINAL).exists()


@pytest.mark.parametrize("step", [-3, 0, 6, 10**9])
def test_a_state_of_a_step_beyond_the_training_is_refused(images, tmp_path, monkeypatch, step):
    take_step = loop._take_step

    def stopping(run, *rest):
        if run.step == 2:
            raise Stopped
        return take_step(run, *rest)

    monkeypatch.setattr(loop, "_take_step", stopping)
    with pytest.raises(Stopped):
        trained(images, tmp_path / "run")
    file = tmp_path / "run" / loop.RESUME
    torch.save({**torch.load(file, weights_only=True), "step": step}, file)
    with pytest.raises(ImprintError, match="is damaged, or not what an interrupted training"):
        trained(images, tmp_path / "run")


@pytest.mark.parametrize(
    "content", [b"", b"no torch file", "other"], ids=["empty", "junk", "other state"]
)
def test_a_damaged_state_is_refused(images, tmp_path, content):
    (tmp_path / "run").mkdir()
    file = tmp_path / "run" / loop.RESUME
    if content == "other":
        torch.save({"step": 2}, file)
    else:
        file.write_bytes(content)
    with pytest.raises(ImprintError, match="is damaged, or not what an interrupted training"):
        trained(images, tmp_path / "run")


def test_weights_of_another_width_are_refused(images, tmp_path):
    file = trained(images, tmp_path / "run", steps=1)
    card = dataclasses.replace(read_run_card(file), condition_width=6)
    with pytest.raises(ImprintError, match="do not fit their card"):
        load_network(file, card, CPU)


def test_a_batch_that_cannot_be_shared_is_refused(images, tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "world_size", lambda: 3)
    with pytest.raises(ImprintError, match="choose a multiple of 3"):
        trained(images, tmp_path / "run")
