from dataclasses import dataclass

import pytest
import torch

from imprint.launch.launcher import using
from imprint.launch.local import LocalLauncher
from imprint.launch.steps import run_steps
from imprint.study.step import Step
from imprint.study.store import Study
from tests.launch.inline import InlineLauncher, Killed


@dataclass(frozen=True)
class Square(Step):
    number: int

    @property
    def artefact(self):
        return f"squares/{self.number}.txt"

    def build(self, path):
        path.write_text(f"{self.number**2} by {torch.get_num_threads()}")


STEPS = [Square(number) for number in (5, 2, 3)]


def test_without_a_cluster_steps_are_done_here(tmp_path):
    launcher = InlineLauncher()
    with using(launcher):
        files = run_steps(Study(tmp_path), STEPS, "square", "number")
    assert launcher.keys == []
    assert [file.read_text().split()[0] for file in files] == ["25", "4", "9"]


def test_tasks_of_one_core_compute_with_one_thread_here_as_well(tmp_path):
    one, many = Study(tmp_path / "one"), Study(tmp_path / "many")
    with using(LocalLauncher(1)):
        files = run_steps(one, STEPS[:1], "square", "number")
        files += run_steps(many, STEPS[1:], "square", "number")
    assert [file.read_text() for file in files] == ["25 by 1", "4 by 1", "9 by 1"]


def test_on_a_cluster_each_missing_step_is_a_task(tmp_path):
    study, before = Study(tmp_path), torch.get_num_threads()
    killed, again = InlineLauncher(survives=1, is_remote=True), InlineLauncher(is_remote=True)
    with using(killed), pytest.raises(Killed):
        run_steps(study, STEPS, "square", "number")
    with using(again):
        files = run_steps(study, STEPS, "square", "number")
    assert [killed.keys, again.keys] == [["squares/5.txt"], ["squares/2.txt", "squares/3.txt"]]
    assert [file.read_text() for file in files] == [f"{n} by {before}" for n in (25, 4, 9)]
    assert killed.threads == [before]
