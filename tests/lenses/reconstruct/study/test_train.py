"""``reconstruct train``: what is refused before anything is written, damage of finished runs."""

import dataclasses

import numpy as np
import pytest

from imprint.core.errors import ImprintError
from imprint.lenses.reconstruct.options import (
    DiffusionOptions,
    ReconstructionTraining,
    TrainOptions,
)
from imprint.lenses.reconstruct.study.train import train_study
from imprint.nets.fill import initial_model
from imprint.nets.load import load_model
from imprint.nets.save import save_model
from tests.lenses.reconstruct.study.tiny_runs import ENCODER, UNET, save_images

GREY = dataclasses.replace(ENCODER, channels=1, projector="")


def save_encoder(file, card):
    save_model(file, initial_model(card, 0), card)
    return file


@pytest.fixture(scope="module")
def options(tmp_path_factory):
    root = tmp_path_factory.mktemp("train")
    save_images(root / "images", 3)
    return TrainOptions(
        encoder=save_encoder(root / "encoder.safetensors", ENCODER),
        data=str(root / "images"),
        train=ReconstructionTraining(
            unet=UNET, diffusion=DiffusionOptions(diffusion_steps=4), steps=1, batch_size=2
        ),
        device="cpu",
        out=root / "out",
    )


def test_a_batch_that_cannot_fit_leaves_nothing(options, tmp_path):
    huge = dataclasses.replace(options.train, batch_size=10**12)
    with pytest.raises(ImprintError, match="a batch of 1,000,000,000,000 images"):
        train_study(dataclasses.replace(options, out=tmp_path / "out", train=huge))
    assert not (tmp_path / "out").exists()


def test_an_encoder_without_projector_is_refused_before_anything_is_written(options, tmp_path):
    encoder = save_encoder(tmp_path / "grey.safetensors", GREY)
    with pytest.raises(ImprintError, match="no projector: choose --conditioning backbone"):
        train_study(dataclasses.replace(options, out=tmp_path / "out", encoder=encoder))
    assert not (tmp_path / "out").exists()


def test_image_files_are_read_in_grey_for_an_encoder_of_one_channel(options, tmp_path):
    encoder = save_encoder(tmp_path / "grey.safetensors", GREY)
    changes = {"encoder": encoder, "conditioning": "backbone", "out": tmp_path / "out"}
    train_study(dataclasses.replace(options, **changes))
    assert load_model(tmp_path / "out" / "encoder" / "encoder.safetensors").channels == 1


def test_arrays_of_other_channels_are_refused_before_anything_is_written(options, tmp_path):
    pixels = np.zeros((4, 1, 8, 8), dtype=np.uint8)
    np.savez(tmp_path / "grey.npz", images=pixels, labels=np.zeros(4, dtype=int))
    changes = {"data": str(tmp_path / "grey.npz"), "out": tmp_path / "out"}
    with pytest.raises(ImprintError, match=r"takes images of 3 channel\(s\), the images have 1"):
        train_study(dataclasses.replace(options, **changes))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("content", ["", "{", "[]", None])
def test_a_finished_run_whose_log_is_damaged_is_refused(options, tmp_path, content):
    options = dataclasses.replace(options, out=tmp_path / "out")
    train_study(options)
    log = tmp_path / "out" / "network" / "log.jsonl"
    log.unlink() if content is None else log.write_text(content)
    with pytest.raises(ImprintError, match=r"log\.jsonl is damaged or missing: delete"):
        train_study(options)
