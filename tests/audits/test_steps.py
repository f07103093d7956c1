import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch

from imprint.audits import steps
from imprint.audits.options import AuditOptions
from imprint.core.errors import ImprintError
from imprint.data.choice import open_choice
from imprint.data.split import load_partition
from imprint.launch.launcher import run_tasks
from imprint.lenses.dejavu.study import encoders
from imprint.study.step import card_of
from imprint.study.store import Study
from imprint.train.options import TrainOptions
from imprint.train.probe_options import ProbeOptions

CPU = torch.device("cpu")
TRAIN = TrainOptions(
    architecture_options=(("width", "8"), ("depth", "1")),
    projector="16-8",
    epochs=2,
    warmup_epochs=1,
    resume_every=1,
)
PROBE = ProbeOptions(epochs=1)


def options(out, **changes):
    settings = {"per_class": 4, "composite_count": 200, "train": TRAIN, "probe": PROBE, **changes}
    return AuditOptions(out=out, json=True, **settings)


@pytest.fixture(scope="module")
def images():
    audit = options("unused")
    return open_choice(audit, audit.seed)


def split(study, images, chosen):
    """Write the partition; return it."""
    return load_partition(study.run(steps.split_step(images, chosen)), chosen.per_class)


@pytest.fixture(scope="module")
def trained(images, tmp_path_factory):
    """A study with both encoders."""
    out = tmp_path_factory.mktemp("encoders") / "study"
    partition = split(Study(out), images, options(out))
    checkpoints = steps.train_step(Study(out), images, partition, options(out), CPU)
    return out, partition, checkpoints


def encoder(out, images, partition, device, **changes):
    """Return the step that trains A."""
    chosen = options(out, **changes)
    return steps.encoder_step(Study(out), images, "A", partition.train_a, chosen, device)


def test_a_and_b_are_disjoint_and_of_the_size_asked_for(trained, images):
    _, partition, checkpoints = trained
    sets = steps.encoder_sets(partition)
    assert not set(sets["A"]) & set(sets["B"])
    for indices in sets.values():
        assert np.bincount(images.labels[indices]).tolist() == [4] * len(images.classes)
    assert {"A", "B"} <= set(checkpoints)


def test_one_encoder_left_to_train_ends_with_the_same_bytes(trained, images, tmp_path, monkeypatch):
    study, _, _ = trained
    left = tmp_path / "study"
    for name in ("split", "models/A"):
        shutil.copytree(study / name, left / name)
        shutil.copy(study / f"{name}.card.json", left / f"{name}.card.json")
    monkeypatch.setattr(encoders, "run_tasks", run_tasks)
    monkeypatch.setattr(encoders, "train", lambda *_: pytest.fail("trained in this process"))
    partition = split(Study(left), images, options(left))
    steps.train_step(Study(left), images, partition, options(left), CPU)
    names = sorted(path.name for path in (study / "models" / "B").iterdir())
    assert sorted(path.name for path in (left / "models" / "B").iterdir()) == names
    for name in names:
        assert (left / "models/B" / name).read_bytes() == (study / "models/B" / name).read_bytes()


def test_the_card_of_an_encoder_holds_its_training_and_not_its_device(trained, images):
    out, partition, _ = trained
    cards = [
        card_of(encoder(out, images, partition, device)) for device in (CPU, torch.device("meta"))
    ]
    assert cards[0] == cards[1]
    assert set(cards[0]) == {"train", "seed", "indices", "held_out", "online"}
    other = options(out, train=replace(TRAIN, epochs=3))
    with pytest.raises(ImprintError, match=r"made with other settings \(.*epochs.* 3"):
        steps.train_step(Study(out), images, partition, other, CPU)


def test_an_attack_while_training_counts_on_the_card(trained, images):
    out, partition, _ = trained
    card = card_of(encoder(out, images, partition, CPU, attack_every=1, layer="backbone"))
    assert card["online"]["every"] == 1
    assert card["online"]["attack"]["layer"] == "backbone"


def test_another_split_is_refused(trained, images):
    out, _, _ = trained
    with pytest.raises(ImprintError, match="sizes"):
        Study(out).run(steps.split_step(images, options(out, per_class=5)))


def test_probes_are_measured_on_seen_and_on_public_images(trained, images):
    out, partition, checkpoints = trained
    accuracies = steps.probe_step(Study(out), images, partition, checkpoints, options(out))
    assert set(accuracies) == {"A", "B"}
    for name, indices in steps.encoder_sets(partition).items():
        assert accuracies[name].train.n == len(indices)
        for part in (accuracies[name].train, accuracies[name].held_out):
            assert 0 <= part.top1 <= part.top5 <= 1
