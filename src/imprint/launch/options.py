"""Options of the commands that are many tasks: where the tasks run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

from imprint.core.bounds import Bounds, Checked, OptionError
from imprint.study.counted import uncounted
from imprint.study.option_types import Settings

if TYPE_CHECKING:
    from imprint.launch.launcher import Launcher


@dataclass(frozen=True)
class SlurmOptions(Checked):
    """What SLURM is asked for, with --launcher submitit."""

    partition: str = uncounted(default="")
    """Partition; default: that of the cluster."""
    account: str = uncounted(default="")
    """Account that is charged; default: the user's."""
    minutes: Annotated[int, Bounds(least=1)] = uncounted(default=1440)
    """Minutes that a task may take before it is queued again to go on."""
    parallel: Annotated[int, Bounds(least=1)] = uncounted(default=100)
    """Tasks of an array that run at once."""
    grace: Annotated[int, Bounds(least=1)] = uncounted(default=90)
    """Seconds between the warning to a job and its end."""
    extra: Settings = uncounted(default=())
    """Further options of sbatch, as name=value,name=value: qos=low,constraint=a100."""


@dataclass(frozen=True, kw_only=True)
class ManyTasks(Checked):
    """Where the tasks of a command run; no result depends on it."""

    launcher: Literal["local", "ray", "submitit"] = uncounted(default="local")
    """Where tasks run: processes of this machine, Ray, or SLURM through submitit."""
    ray_address: str = uncounted(default="")
    """Address of a running Ray cluster, whose token is RAY_AUTH_TOKEN; default: one is started on
    this machine."""
    retry_failed: bool = uncounted(default=False)
    """With ray and submitit, run tasks again that failed by themselves in an earlier run."""
    task_retries: Annotated[int, Bounds(least=0)] = uncounted(default=2)
    """With ray and submitit, how often a task is tried again whose worker died."""
    task_cpus: Annotated[int, Bounds(least=0)] = uncounted(default=0)
    """Cores of a task, and threads it computes with; 0: the tasks share those of this machine
    evenly."""
    task_gpus: Annotated[int, Bounds(least=0)] = uncounted(default=0)
    """GPUs of a task, with ray and submitit."""
    task_memory: Annotated[float, Bounds(least=0)] = uncounted(default=0.0)
    """GiB of a task, with ray and submitit; 0: not reserved."""
    shards: Annotated[int, Bounds(least=1)] = uncounted(default=1)
    """Tasks that a pass over many inputs is cut into; 1: it runs in this process."""
    slurm: SlurmOptions = uncounted(default_factory=SlurmOptions)
    """What SLURM is asked for."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.ray_address and self.launcher != "ray":
            raise OptionError(type(self), "ray_address", "goes with --launcher ray alone")

    def open_launcher(self) -> Launcher:
        """Return the launcher that is asked for; nothing is started before the first task."""
        from imprint.launch.driving import Policy
        from imprint.launch.local import LocalLauncher
        from imprint.launch.ray_cluster import RayLauncher
        from imprint.launch.slurm import Allocation, SubmititLauncher

        policy = Policy(self.task_retries, self.retry_failed)
        resources = (self.task_cpus, self.task_gpus, self.task_memory)
        if self.launcher == "ray":
            return RayLauncher(self.ray_address, *resources, policy)
        if self.launcher == "submitit":
            slurm = self.slurm
            allocation = Allocation(
                slurm.partition,
                slurm.account,
                slurm.minutes,
                slurm.parallel,
                slurm.grace,
                extra=slurm.extra,
            )
            return SubmititLauncher(*resources, allocation, policy)
        return LocalLauncher(self.task_cpus)
