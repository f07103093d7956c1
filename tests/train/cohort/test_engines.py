import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from imprint.core.errors import ImprintError
from imprint.train.cohort import cohort, engines, step_timing
from imprint.train.cohort.engines import fastest
from imprint.train.cohort.plan import plan_models
from tests.train.cohort.small_cohort import (
    CNN,
    MLP,
    all_weights,
    furthest,
    train,
)


def test_worker_processes_train_the_same_models_and_leave_nothing_behind(images, tmp_path):
    alone = train(tmp_path / "alone", images, CNN)
    options = replace(CNN, engine="processes", workers=2)
    workers = train(tmp_path / "workers", images, options)
    assert furthest(all_weights(alone), all_weights(workers)) < 2e-5
    kept = sorted(set(os.listdir(tmp_path / "workers")) - {".tasks"})
    assert kept == sorted(os.listdir(tmp_path / "alone"))
    assert (workers.engine, workers.why, workers.trained) == ("processes", "asked for", 3)


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


def test_worker_processes_are_refused_beside_a_gpu():
    asked = SimpleNamespace(options=replace(MLP, engine="processes"))
    data = SimpleNamespace(device=torch.device("cuda"))
    with pytest.raises(ImprintError, match="worker processes train on the CPU, not on cuda"):
        engines.choose_engine(asked, [], data)
