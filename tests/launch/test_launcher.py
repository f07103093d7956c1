import pytest

from imprint.core.errors import ImprintError
from imprint.launch import launcher as launch
from imprint.launch.launcher import run_tasks, using
from tests.launch.probe_tasks import settings_of_worker


class Recorder:
    """A launcher that keeps the group it is asked to run."""

    gpus = 0.0
    is_remote = True

    def __init__(self, cpus=0):
        self.cpus = cpus

    def run(self, group):
        self.group = group
        return [None for _ in group.tasks]

    def close(self):
        pass


def group_of(monkeypatch, recorder, study, **settings):
    monkeypatch.setattr(launch, "usable_cores", lambda: 8)
    with using(recorder):
        run_tasks(settings_of_worker, [()] * 2, "ask a b", 3, study=study, keys="ab", **settings)
    return recorder.group


def test_threads_do_not_depend_on_the_launcher(monkeypatch, tmp_path):
    group = group_of(monkeypatch, Recorder(), tmp_path)
    assert (group.threads, group.workers) == (4, 2)
    assert group.ledger.group == "ask-a-b"
    assert [task.key for task in group.tasks] == ["a", "b"]
    assert group_of(monkeypatch, Recorder(), tmp_path, sharing=8).threads == 1
    assert group_of(monkeypatch, Recorder(3), tmp_path, sharing=8).threads == 3
    assert group_of(monkeypatch, Recorder(), tmp_path, threads=8).workers == 1


def test_tasks_without_a_study_stay_on_this_machine():
    recorder = Recorder(cpus=1)
    with using(recorder):
        ((threads, _, _),) = run_tasks(settings_of_worker, [()], "ask", 0)
    assert threads == 1
    assert not hasattr(recorder, "group")


def test_functions_of_a_script_are_refused(tmp_path):
    def task():
        pass

    task.__module__ = "__main__"
    with using(Recorder()), pytest.raises(ImprintError, match="move it into a module"):
        run_tasks(task, [()], "ask", 0, study=tmp_path, keys="a")
