import os
import signal
import time
from pathlib import Path

import pytest

from imprint.core.errors import ImprintError
from imprint.core.progress import track
from imprint.launch import launcher as launch
from imprint.launch.launcher import run_tasks

FOREVER = 300


def double(number):
    return sum(2 * item for item in track([number], "double", 1))


def fail_beside_a_sleeper(folder, name):
    """Fail in one process once another is at work; that one leaves its number and sleeps."""
    if name == "sleeper":
        (folder / "sleeper.part").write_text(str(os.getpid()))
        (folder / "sleeper.part").rename(folder / "sleeper")
        time.sleep(FOREVER)
    while not (folder / "sleeper").exists():
        time.sleep(0.01)
    if name == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    raise ImprintError("the second task failed")


def threads():
    import torch

    return torch.get_num_threads(), os.environ["OMP_NUM_THREADS"]


def is_alive(process):
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def test_results_come_in_the_order_of_the_tasks():
    before = dict(os.environ)
    assert run_tasks(double, [(3,), (1,), (2,)], "double", 3, workers=2) == [6, 2, 4]
    assert dict(os.environ) == before


def test_threads_are_those_of_the_tasks_that_share_the_cores(monkeypatch):
    monkeypatch.setattr(launch, "usable_cores", lambda: 6)
    assert run_tasks(threads, [()], "count", 0) == [(6, "6")]
    assert run_tasks(threads, [()], "count", 0, sharing=2) == [(3, "3")]


def test_the_first_failure_ends_all_workers(tmp_path: Path):
    tasks = [(tmp_path, "sleeper"), (tmp_path, "failing")]
    with pytest.raises(ImprintError, match="the second task failed"):
        run_tasks(fail_beside_a_sleeper, tasks, "fail", 2, workers=2)
    assert not is_alive(int((tmp_path / "sleeper").read_text()))


def test_a_worker_killed_from_outside_is_an_error(tmp_path: Path):
    tasks = [(tmp_path, "sleeper"), (tmp_path, "killed")]
    with pytest.raises(ImprintError, match=r"a worker process .* died, perhaps for lack of memory"):
        run_tasks(fail_beside_a_sleeper, tasks, "fail", 2, workers=2)
    assert not is_alive(int((tmp_path / "sleeper").read_text()))
