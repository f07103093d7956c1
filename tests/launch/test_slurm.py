import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from imprint.core.errors import ImprintError
from imprint.data.sources.composite import composite
from imprint.launch import slurm
from imprint.launch.launcher import run_tasks, using
from imprint.launch.ledger import Ledger
from imprint.launch.slurm import Allocation, SubmititLauncher, render_sbatch
from tests.launch import fake_slurm
from tests.launch import launcher_checks as checks
from tests.launch.probe_tasks import sleep_first, write_square


@pytest.fixture
def launcher():
    launcher = SubmititLauncher()
    yield launcher
    folders = list(launcher._folders)
    launcher.close()
    assert not any(folder.exists() for folder in folders)


def test_tasks_whose_workers_are_killed_are_done_once(launcher, tmp_path):
    checks.check_crashes(launcher, tmp_path)


def test_a_failed_task_is_left_alone_until_it_is_asked_for(launcher, tmp_path):
    checks.check_failures(launcher, tmp_path)


def test_a_task_that_kills_its_workers_fails(launcher, tmp_path):
    checks.check_deaths(launcher, tmp_path)


def test_workers_are_set_up_like_the_command(launcher, tmp_path, monkeypatch):
    checks.check_settings(launcher, tmp_path, monkeypatch)


def test_a_cohort_has_the_same_bytes_as_on_this_machine(launcher, tmp_path):
    images = composite(40)
    alone = checks.train_tiny_cohort(images, tmp_path / "alone")
    assert checks.train_tiny_cohort(images, tmp_path / "submitit", launcher) == alone


DRIVER = """
import sys
from pathlib import Path
from imprint.launch.launcher import run_tasks, using
from imprint.launch.slurm import SubmititLauncher
from tests.launch.probe_tasks import sleep_first

root = Path(sys.argv[1])
with using(SubmititLauncher(cpus=1)):
    tasks = [(root, number, 3.0) for number in range(2)]
    print(run_tasks(sleep_first, tasks, "square", 2, study=root, keys=["a", "b"]))
"""


def test_a_killed_command_is_run_again_beside_the_orphans_of_its_tasks(tmp_path):
    """The second command waits for the orphan, or does what it left: nothing is made twice."""
    script = tmp_path / "driver.py"
    script.write_text(DRIVER)
    root = tmp_path / "study"
    root.mkdir()
    place = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, str(script), str(root)]
    first = subprocess.Popen(command, env=place)
    while not list(root.glob("pids.*")):
        time.sleep(0.05)
    first.send_signal(signal.SIGKILL)
    first.wait()
    done = subprocess.run(command, env=place, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "[0, 1]\n"
    for number in range(2):
        assert (root / f"built.{number}").read_text() == "built\n"


def test_the_script_of_an_array_holds_what_was_asked_for():
    allocation = Allocation("gpu", "lab", 90, 32, extra=(("qos", "low"), ("constraint", "a b")))
    launcher = SubmititLauncher(gpus=1, memory=7.5, allocation=allocation)
    text = render_sbatch(launcher, Path("/study/.tasks/submitit/x"), 4, 200)
    for line in (
        "--array=0-199%32",
        "--partition=gpu",
        "--account=lab",
        "--time=90",
        "--cpus-per-task=4",
        "--gpus-per-node=1",
        "--mem=7680M",
        "--nodes=1",
        "--requeue",
        "--signal=USR2@90",
        "--qos=low",
        "--constraint='a b'",
        "--job-name=imprint",
    ):
        assert f"#SBATCH {line}\n" in text
    assert "export SUBMITIT_EXECUTOR=slurm" in text


@pytest.fixture
def slurm_programs(tmp_path, monkeypatch):
    programs = fake_slurm.install(tmp_path / "programs")
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    return programs


def test_jobs_of_slurm_are_an_array_and_return_their_values(launcher, tmp_path, slurm_programs):
    launcher.memory = 7.5
    tasks, keys = [(tmp_path, number) for number in range(2)], ["a", "b"]
    with using(launcher):
        values = run_tasks(write_square, tasks, "square", 2, study=tmp_path, keys=keys)
    assert values == [0, 1]
    text = (slurm_programs / "sbatch.txt").read_text()
    assert "#SBATCH --array=0-1%2\n" in text
    assert "#SBATCH --mem=7680M\n" in text
    assert "#SBATCH --requeue\n" in text


def test_jobs_that_slurm_refuses_are_one_sentence(launcher, tmp_path, slurm_programs, monkeypatch):
    monkeypatch.setenv("FAKE_SLURM", "refuse")
    with pytest.raises(ImprintError, match=r"sbatch refused the tasks .*invalid partition"):
        checks.run_one(launcher, tmp_path)


def test_a_preempted_task_goes_on_in_the_same_job(launcher, tmp_path):
    """SLURM warns a job by SIGUSR2; here submitit's local executor starts it again."""

    def preempt():
        while not (pids := list(tmp_path.glob("pids.*"))):
            time.sleep(0.05)
        time.sleep(0.2)
        os.kill(int(pids[0].read_text()), signal.SIGUSR2)

    thread = threading.Thread(target=preempt)
    thread.start()
    with using(launcher):
        tasks, keys = [(tmp_path, 3, 1.5)], ["a"]
        values = run_tasks(sleep_first, tasks, "sleep", 1, study=tmp_path, keys=keys)
    thread.join()
    assert values == [9]
    assert len((tmp_path / "pids.3").read_text().split()) == 2
    assert (tmp_path / "built.3").read_text() == "built\n"
    assert Ledger(tmp_path, "sleep").entry("a").read().attempt == 2


def test_a_job_that_is_taken_away_is_queued_again_as_it_is(monkeypatch):
    monkeypatch.setattr(slurm.worker, "preempted", False)
    again = slurm.Attempt().checkpoint("request")
    assert isinstance(again.function, slurm.Attempt)
    assert again.args == ("request",)
    assert slurm.worker.preempted


def test_without_the_extra_it_says_how_to_install_it(monkeypatch):
    def refuse(name):
        raise ImportError(f"No module named {name!r}")

    monkeypatch.setattr(slurm.importlib, "import_module", refuse)
    with pytest.raises(ImprintError, match=r"pip install 'imprint\[slurm\]'"):
        slurm._import_submitit()


def test_a_folder_of_submitit_that_is_a_link_is_refused(launcher, tmp_path):
    (tmp_path / ".tasks").mkdir()
    (tmp_path / ".tasks/submitit").symlink_to(tmp_path)
    with pytest.raises(ImprintError, match="is a link: remove it and run again"):
        checks.run_one(launcher, tmp_path)
