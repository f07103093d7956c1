import pytest

from imprint.core.errors import ImprintError
from imprint.launch.launcher import launcher_in_use, task_device, using
from imprint.launch.local import LocalLauncher
from imprint.launch.options import ManyTasks, SlurmOptions
from imprint.launch.ray_cluster import RayLauncher
from imprint.launch.slurm import SubmititLauncher
from imprint.study.command import COMMANDS
from imprint.study.config import parse
from imprint.study.counted import counts


def test_options_choose_the_launcher():
    assert ManyTasks().open_launcher() == LocalLauncher()
    ray = ManyTasks(launcher="ray", ray_address="a:1", task_cpus=2, task_gpus=1, task_memory=3.5)
    launcher = ray.open_launcher()
    assert isinstance(launcher, RayLauncher)
    assert (launcher.address, launcher.cpus, launcher.gpus, launcher.memory) == ("a:1", 2, 1, 3.5)
    slurm = SlurmOptions(partition="p", account="a", minutes=5, parallel=7, extra=(("qos", "low"),))
    launcher = ManyTasks(launcher="submitit", slurm=slurm, task_retries=5).open_launcher()
    assert isinstance(launcher, SubmititLauncher)
    assert launcher.parameters(2)["partition"] == "p"
    assert launcher.parameters(2)["additional_parameters"] == {"requeue": True, "qos": "low"}
    assert launcher.policy.retries == 5


def test_a_ray_address_needs_ray():
    with pytest.raises(ImprintError, match="ray_address goes with --launcher ray alone"):
        ManyTasks(ray_address="a:1")


def test_no_option_of_a_launcher_counts():
    import dataclasses

    for kind in (ManyTasks, SlurmOptions):
        assert not any(counts(field) for field in dataclasses.fields(kind))


@pytest.mark.parametrize(
    "name",
    [
        "audit",
        "coverage fit",
        "coverage measure",
        "coverage monitor",
        "data boxes",
        "data tag",
        "dejavu one-model",
        "dejavu sweep",
        "dejavu two-model",
        "leave-one-out compare",
        "leave-one-out retrain",
        "membership audit",
        "membership cohort",
        "membership privacy",
        "membership study",
        "reconstruct sample",
    ],
)
def test_commands_of_many_tasks_take_them(name):
    assert issubclass(COMMANDS.get(name).options, ManyTasks)


def test_they_are_typed_like_all_options(tmp_path):
    words = ["--out", str(tmp_path), "--launcher", "submitit", "--retry-failed", "--task-cpus", "1"]
    words += ["--slurm.partition", "gpu", "--slurm.extra", "qos=low,constraint=a100"]
    options = parse(COMMANDS.get("membership cohort").options, words, "imprint")
    assert (options.launcher, options.retry_failed, options.task_cpus) == ("submitit", True, 1)
    assert options.slurm.extra == (("qos", "low"), ("constraint", "a100"))


def test_a_launcher_is_in_use_within_its_block_and_closed_after():
    closed = []

    class Other(LocalLauncher):
        def close(self):
            closed.append(self)

    with using(Other(3)) as _:
        assert launcher_in_use().cpus == 3
        assert not closed
    assert launcher_in_use() == LocalLauncher()
    assert len(closed) == 1


def test_tasks_with_gpus_compute_there_wherever_the_command_runs():
    assert task_device("cpu") == "cpu"
    with using(SubmititLauncher(gpus=1)):
        assert task_device("cpu") == "cuda"
