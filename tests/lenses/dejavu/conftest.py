"""Studies that several tests of the lens read, each made once."""

import json

import numpy as np
import pytest
import torch

from imprint.data.choice import open_choice
from imprint.data.split import partition_images, save_partition
from imprint.lenses.dejavu.study.one_model import one_model_audit
from imprint.train.loop import train
from tests.lenses.dejavu.made_networks import DATA, TRAIN, VARY, one_model_options, sweep


@pytest.fixture(scope="session")
def encoder(tmp_path_factory):
    """A folder with a tiny encoder trained on set A, and the partition."""
    root = tmp_path_factory.mktemp("given")
    images = open_choice(DATA, 0)
    partitions = partition_images(images, images.boxes(), sizes=(4,))
    save_partition(root / "split", partitions, images.fingerprint())
    part = partitions.by_size[4]
    train(images, part.train_a, TRAIN, root / "A", 0, torch.device("cpu"))
    np.save(root / "train_a.npy", part.train_a)
    np.save(root / "public.npy", part.public)
    return root


@pytest.fixture(scope="session")
def one_model_study(encoder, tmp_path_factory):
    """A one-model test of the encoder."""
    out = tmp_path_factory.mktemp("one") / "study"
    one_model_audit(one_model_options(encoder, out, export_legacy=True))
    return out


@pytest.fixture(scope="session")
def one_model_findings(one_model_study):
    """Its findings, as JSON."""
    summary = json.loads((one_model_study / "summary.json").read_text())
    return summary["lenses"]["dejavu"]["one_model"]


@pytest.fixture(scope="session")
def swept(tmp_path_factory):
    """A sweep, and the points of its summary."""
    out = tmp_path_factory.mktemp("sweep") / "study"
    return out, sweep(out, "--vary", VARY)
