import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from imprint.core import user_code
from imprint.core.errors import ImprintError
from imprint.data.augmentation import UNCHANGED
from imprint.data.imageset import ArrayImages
from imprint.nets.load import load_model, read_card
from imprint.nets.registry import ARCHITECTURES
from imprint.study.store import Study
from imprint.train.cohort import cohort, engines, job, step_timing
from imprint.train.cohort.cohort import train_cohort
from imprint.train.cohort.engines import fastest
from imprint.train.cohort.masks import Masks, balanced_masks, read_masks
from imprint.train.cohort.options import CohortOptions
from imprint.train.cohort.plan import cohort_card, plan_models, views_of
from imprint.train.cohort.resident import load_resident, map_resident, write_resident
from imprint.train.cohort.step_timing import makespan
from imprint.train.cohort.training import Training, can_stack

CPU = torch.device("cpu")
MLP = CohortOptions(
    architecture="mlp",
    architecture_options=(("widths", "16"),),
    input_size=12,
    epochs=3,
    batch_size=8,
    learning_rate=0.5,
    engine="sequential",
)
CNN = replace(
    MLP,
    architecture="patch_convnet",
    architecture_options=(("width", "4"), ("depth", "1"), ("stages", "2"), ("patch", "3")),
    weight_decay=0.01,
    label_smoothing=0.1,
)


@pytest.fixture(scope="module")
def images():
    draw = np.random.default_rng(0)
    labels = np.arange(48) % 3
    pixels = draw.integers(0, 120, (48, 3, 12, 12), dtype=np.uint8)
    pixels[np.arange(48), labels] += 100
    return ArrayImages(pixels, labels, ("red", "green", "blue"))


MASKS = Masks(
    np.stack([np.arange(48) % 2 == 0, np.arange(48) % 2 == 1, np.arange(48) < 25]), {"kind": "test"}
)


def train(root, images, options, masks=MASKS, seed=3):
    return train_cohort(Study(root), images, masks, options, seed, CPU)


def all_weights(run):
    return [load_file(file) for file in run.weights]


def furthest(one, other):
    return max(
        float((a[name].double() - b[name].double()).abs().max())
        for a, b in zip(one, other, strict=True)
        for name in a
    )


@pytest.mark.parametrize("options", [MLP, CNN, replace(CNN, optimizer="adamw", learning_rate=0.05)])
def test_stacked_models_are_those_trained_alone(images, tmp_path, options):
    alone = train(tmp_path / "alone", images, options)
    stacked = train(tmp_path / "stacked", images, replace(options, engine="stacked", stack=3))
    assert furthest(all_weights(alone), all_weights(stacked)) < 2e-5
    # The bound above means something: the models of one cohort are far from one another.
    first, second, _ = all_weights(alone)
    assert furthest([first], [second]) > 1e-2


def test_worker_processes_train_the_same_models_and_leave_nothing_behind(images, tmp_path):
    alone = train(tmp_path / "alone", images, CNN)
    options = replace(CNN, engine="processes", workers=2)
    workers = train(tmp_path / "workers", images, options)
    assert furthest(all_weights(alone), all_weights(workers)) < 2e-5
    assert sorted(os.listdir(tmp_path / "workers")) == sorted(os.listdir(tmp_path / "alone"))
    assert (workers.engine, workers.why, workers.trained) == ("processes", "asked for", 3)


def test_batch_statistics_are_those_of_the_members_alone(images, tmp_path):
    dark = np.flatnonzero(MASKS.members[0])
    pixels = images.pixels.copy()
    pixels[dark] = 0
    halves = replace(images, pixels=pixels)
    options = replace(CNN, engine="stacked", view=UNCHANGED)
    run = train(tmp_path, halves, options)
    black, other, _ = (weights["network.stages.0.0.1.running_var"] for weights in all_weights(run))
    # Black images alone have no variance: nine steps leave 0.9 ** 9 of the initial 1.
    assert torch.allclose(black, torch.full_like(black, 0.9**9))
    assert (other > 0.9**9 + 0.01).all()


def test_a_model_does_not_depend_on_its_company(images, tmp_path):
    whole = train(tmp_path / "whole", images, MLP)
    two = train(tmp_path / "two", images, MLP, Masks(MASKS.members[:2]))
    assert furthest(all_weights(whole)[:2], all_weights(two)) == 0
    other = train(tmp_path / "other", images, MLP, seed=4)
    assert furthest(all_weights(whole), all_weights(other)) > 1e-2


@pytest.mark.parametrize("engine", ["sequential", "stacked"])
def test_a_killed_cohort_goes_on_with_the_models_it_lacks(images, tmp_path, monkeypatch, engine):
    options = replace(CNN, engine=engine, stack=1)
    whole = train(tmp_path / "whole", images, options)
    saved = job.Job.save

    def killed(job, plan, trained):
        saved(job, plan, trained)
        if len(os.listdir(tmp_path / "killed" / "models")) == 4:
            raise KeyboardInterrupt

    monkeypatch.setattr(job.Job, "save", killed)
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path / "killed", images, options)
    monkeypatch.setattr(job.Job, "save", saved)
    resumed = train(tmp_path / "killed", images, options)
    assert resumed.trained == 1
    for one, other in zip(whole.weights, resumed.weights, strict=True):
        assert one.read_bytes() == other.read_bytes()
        assert one.with_suffix(".json").read_bytes() == other.with_suffix(".json").read_bytes()
    again = train(tmp_path / "killed", images, options)
    assert (again.trained, again.engine) == (0, None)


def test_other_settings_are_told_and_another_engine_is_none(images, tmp_path):
    train(tmp_path, images, MLP)
    assert train(tmp_path, images, replace(MLP, engine="stacked", stack=2)).trained == 0
    with pytest.raises(ImprintError, match=r"train\.epochs: 3 there, 4 now"):
        train(tmp_path, images, replace(MLP, epochs=4))
    with pytest.raises(ImprintError, match="members: "):
        train(tmp_path, images, MLP, Masks(~MASKS.members))


def test_the_card_says_what_a_model_was_trained_on_and_how_well(images, tmp_path):
    run = train(tmp_path, images, replace(MLP, epochs=30))
    card = read_card(run.weights[2]).training
    assert (card["model"], card["members"], card["epochs"]) == (2, 25, 30)
    assert card["accuracy"] > 0.9
    assert 0 < card["loss"] < 0.5
    assert np.array_equal(read_masks(tmp_path / "masks" / "members.npy").members, MASKS.members)
    model = load_model(run.weights[2])
    logits = model(torch.from_numpy(images.pixels).float() / 255)
    assert float((logits.argmax(1).numpy() == images.labels).mean()) > 0.9


def test_batches_hold_members_alone_each_once_an_epoch():
    plans = plan_models(balanced_masks(100, 4, 0).members, range(4), MLP, run=1)
    for plan in plans:
        epochs = [plan.epoch(epoch) for epoch in range(2)]
        assert epochs[0].shape == (len(plan.members) // 8, 8)
        assert len(np.unique(epochs[0])) == epochs[0].size
        assert np.isin(epochs[0], plan.members).all()
        assert not np.array_equal(*epochs)
    assert len({plan.seed for plan in plans}) == 4


def test_views_are_drawn_for_model_and_record_whatever_the_batch(images):
    data = load_resident(images, 12, CPU)
    plans = plan_models(MASKS.members, range(2), MLP, run=1)
    records = np.array([[0, 1, 2, 3], [3, 2, 1, 0]])
    views, labels = views_of(data, records, plans, 0, MLP)
    alone, _ = views_of(data, records[1:, 2:], plans[1:], 0, MLP)
    assert torch.equal(views[1, 2:], alone[0])
    assert not torch.equal(views[0], views[1].flip(0))
    assert labels.tolist() == [[0, 1, 2, 0], [0, 2, 1, 0]]
    later, _ = views_of(data, records, plans, 1, MLP)
    assert not torch.equal(views, later)


def test_a_resident_set_comes_back_from_its_files(images, tmp_path):
    data = load_resident(images, 6, CPU)
    write_resident(tmp_path, data)
    mapped = map_resident(tmp_path)
    assert mapped.pixels.shape == (48, 3, 6, 6)
    assert torch.equal(mapped.pixels, data.pixels)
    assert torch.equal(mapped.labels, data.labels)


def test_stacks_hold_models_of_one_schedule_as_even_as_can_be():
    members = np.arange(40)[None] < np.array([40, 40, 16, 40, 40, 40])[:, None]
    plans = plan_models(members, range(6), MLP, run=0)
    stacks = list(engines.cut_stacks(plans, 4))
    assert sorted(len(stack) for stack in stacks) == [1, 2, 3]
    assert sorted(plan.model for stack in stacks for plan in stack) == list(range(6))
    assert all(len({plan.schedule for plan in stack}) == 1 for stack in stacks)


def test_a_choice_is_the_least_time_and_needs_a_margin():
    assert fastest({"sequential": 100.0, "processes": 55.0, "stacked": 200.0}).engine == "processes"
    assert fastest({"sequential": 100.0, "stacked": 95.0}).engine == "sequential"
    assert fastest({"sequential": 100.0, "stacked": 20.0, "processes": 60.0}).engine == "stacked"


def test_makespan_is_that_of_workers_taking_the_next_task():
    assert makespan([3, 3, 3], 2) == 6
    assert makespan([4, 2, 1, 1], 2) == 4
    assert makespan([1.5], 3) == 1.5


def test_the_probe_times_every_engine_and_the_choice_is_kept(images, tmp_path, monkeypatch):
    monkeypatch.setattr(engines, "WORTH_A_PROBE_SECONDS", 0.0)
    monkeypatch.setattr(step_timing, "PROBE_SECONDS", 0.02)
    monkeypatch.setattr(engines, "run_tasks", in_threads)
    monkeypatch.setattr(engines, "MARGIN", 1.0)
    options = replace(MLP, engine="auto", workers=2)
    run = train(tmp_path, images, options)
    assert set(run.seconds) == {"sequential", "stacked", "processes"}
    assert all(seconds > 0 for seconds in run.seconds.values())
    assert run.engine == "sequential"
    monkeypatch.setattr(cohort, "choose_engine", lambda *_: pytest.fail("timed again"))
    for name in ("0001", "0001.card.json"):
        path = tmp_path / "models" / name
        if path.is_dir():
            for file in path.iterdir():
                file.unlink()
            path.rmdir()
        else:
            path.unlink()
    assert train(tmp_path, images, options).engine == run.engine


def in_threads(function, tasks, what, total, workers):
    with ThreadPoolExecutor(workers) as pool:
        return [future.result() for future in [pool.submit(function, *task) for task in tasks]]


def test_a_short_cohort_is_trained_without_a_probe(images, tmp_path):
    run = train(tmp_path, images, replace(MLP, engine="auto"))
    assert (run.engine, run.why) == ("sequential", "too little work to be worth a probe")
    assert set(run.seconds) == {"sequential"}


def test_networks_that_draw_noise_are_not_stacked(images, tmp_path, monkeypatch):
    monkeypatch.setattr(user_code, "_trusted", {f"{__name__}:noisy"})
    assert can_stack(cohort_card(images, CNN))
    noisy_options = replace(MLP, architecture=f"{__name__}:noisy", architecture_options=())
    assert not can_stack(cohort_card(images, noisy_options))
    options = replace(noisy_options, engine="stacked")
    with pytest.raises(ImprintError, match="draws noise in its layers"):
        train(tmp_path, images, options)


def noisy(channels, outputs, input_size):
    plain = ARCHITECTURES.get("mlp")(channels, outputs, input_size, widths="8")
    return torch.nn.Sequential(plain, torch.nn.Dropout(0.5))


def test_worker_processes_are_refused_beside_a_gpu():
    asked = SimpleNamespace(options=replace(MLP, engine="processes"))
    data = SimpleNamespace(device=torch.device("cuda"))
    with pytest.raises(ImprintError, match="worker processes train on the CPU, not on cuda"):
        engines.choose_engine(asked, [], data)


def test_a_loss_that_is_not_finite_names_the_model(images):
    options = replace(MLP, learning_rate=1e30)
    plans = plan_models(MASKS.members, [1], options, run=0)
    training = Training(
        plans, load_resident(images, 12, CPU), cohort_card(images, options), options
    )
    with pytest.raises(ImprintError, match="loss of model 1 is nan"):
        list(training.steps())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"batch_size": 1}, "batch_size must be at least 2, got 1"),
        ({"warmup": 1.5}, r"warmup must be in \[0, 1\], got 1.5"),
        ({"epsilon": 1.0, "noise_multiplier": 1.0}, "exclude each other"),
        ({"epsilon": 1.0, "engine": "stacked"}, "gradients of single examples"),
        ({"delta": 0.0}, r"delta must be in \(0, 1\), got 0"),
    ],
)
def test_impossible_options_are_refused(change, message):
    with pytest.raises(ImprintError, match=message):
        replace(MLP, **change)


def test_masks_of_another_set_and_empty_models_are_refused(images, tmp_path):
    with pytest.raises(ImprintError, match="masks are of 10 records, but arrays has 48 images"):
        train(tmp_path, images, MLP, Masks(np.ones((2, 10), dtype=bool)))
    with pytest.raises(ImprintError, match=r"model 1 has 1 member\(s\)"):
        train(tmp_path, images, MLP, Masks(np.arange(48) < np.array([[4], [1]])))
