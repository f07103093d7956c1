"""What every cluster launcher must do, for the tests of each."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from imprint.core.errors import ImprintError
from imprint.launch.driving import Policy
from imprint.launch.launcher import run_tasks, using
from imprint.launch.ledger import Ledger
from imprint.study.store import Study
from imprint.train.cohort.cohort import train_cohort
from imprint.train.cohort.masks import balanced_masks
from imprint.train.cohort.options import CohortOptions
from tests.launch.probe_tasks import Held, die, die_once, fail_if, settings_of_worker, sum_of


class Kept:
    """A launcher that stays open from test to test."""

    is_remote = True

    def __init__(self, launcher, **changes):
        self.launcher = replace(launcher, **changes)
        self.cpus, self.gpus = self.launcher.cpus, self.launcher.gpus

    def run(self, group):
        return self.launcher.run(group)

    def close(self):
        pass


def numbered(count):
    return [f"number/{number}" for number in range(count)]


def check_crashes(launcher, root):
    """Eight tasks of which four kill their worker once: all done, nothing made twice."""
    with using(Kept(launcher)):
        tasks = [(root, number) for number in range(8)]
        values = run_tasks(
            die_once, tasks, "square", 8, unit="square", study=root, keys=numbered(8)
        )
    assert values == [number**2 for number in range(8)]
    for number in range(8):
        assert (root / f"squares/{number}.txt").read_text() == f"{number**2}\n"
        assert (root / f"built.{number}").read_text() == "built\n"
    ledger = Ledger(root, "square")
    states = [ledger.entry(key).read() for key in ledger.planned()]
    assert [state.attempt for state in states] == [1, 2] * 4
    assert {(state.status, state.items) for state in states} == {("done", 1)}


def check_failures(launcher, root):
    """One task of three fails by itself: the others are done; it runs again when asked to."""
    (root / "fail.1").touch()

    def run(**policy):
        tasks, keys = [(root, number) for number in range(3)], numbered(3)
        with using(Kept(launcher, policy=Policy(**policy))):
            return run_tasks(fail_if, tasks, "square", 3, unit="square", study=root, keys=keys)

    with pytest.raises(ImprintError) as raised:
        run()
    sentence = str(raised.value)
    assert sentence.startswith("1 of 3 tasks of 'square' failed; the first, number/1: number 1 is ")
    assert "imprint status --out" in sentence
    assert sorted(path.name for path in (root / "squares").glob("?.txt")) == ["0.txt", "2.txt"]
    log = Ledger(root, "square").entry("number/1").log.read_text()
    assert "look at \x1b[31m1" in log
    assert log.endswith("imprint: number 1 is not wanted\n")
    (root / "fail.1").unlink()
    with pytest.raises(ImprintError, match=r"failed \(1 in an earlier run, left alone now\)"):
        run()
    assert run(retry_failed=True) == [0, 1, 4]


def check_deaths(launcher, root):
    """A task that kills every worker fails after its retries."""
    with pytest.raises(ImprintError, match="the first, number/0: its worker died 2 times"):
        run_one(launcher, root)
    assert Ledger(root, "die").entry("number/0").read().status == "failed"


def run_one(launcher, root):
    """Run a task that kills every worker."""
    with using(Kept(launcher, policy=Policy(retries=1))):
        run_tasks(die, [()], "die", 1, study=root, keys=numbered(1))


def check_settings(launcher, root, monkeypatch):
    """Threads are those of the tasks, wherever they run; relative paths start where they did."""
    monkeypatch.chdir(root)
    with using(Kept(launcher, cpus=2)):
        (settings,) = run_tasks(settings_of_worker, [()], "ask", 0, study=root, keys=["a"])
    assert settings == (2, str(root), "2")


def check_arrays(launcher, root):
    """Large arrays arrive as they are, within other objects too; return which may be written."""
    array = np.arange(200_000, dtype=np.float64)
    tasks = [(array, "sum"), (array[:3], "sum"), (Held(array), "sum")]
    with using(Kept(launcher)):
        sums = run_tasks(sum_of, tasks, "sum", 0, study=root, keys="abc")
    assert [value for value, _ in sums] == [array.sum(), 3.0, array.sum()]
    return [is_writeable for _, is_writeable in sums]


def train_tiny_cohort(images, root, launcher=None):
    """Train a cohort of four, and return the bytes of its artefacts."""
    options = CohortOptions(
        architecture="mlp",
        architecture_options=(("widths", "8"),),
        input_size=8,
        epochs=2,
        batch_size=16,
        engine="processes",
    )
    masks = balanced_masks(len(images), 4, 0)
    arguments = Study(root), images, masks, options, 3, torch.device("cpu")
    if launcher is None:
        train_cohort(*arguments)
    else:
        with using(Kept(launcher)):
            train_cohort(*arguments)
    files = (path for path in root.rglob("*") if path.is_file() and ".tasks" not in path.parts)
    return {str(path.relative_to(root)): path.read_bytes() for path in files}
