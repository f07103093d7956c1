"""A launcher that runs tasks in the process of the test, pickled as for another one."""

import pickle
from dataclasses import dataclass, field


class Killed(BaseException):
    """Stands for the end of the process."""


@dataclass
class InlineLauncher:
    """Runs tasks one after the other.

    Attributes:
        survives: tasks that are done before the process is killed; None for all.
        keys: of the tasks that were run.
    """

    survives: int | None = None
    cpus: int = 0
    is_remote: bool = False
    keys: list[str] = field(default_factory=list)
    threads: list[int] = field(default_factory=list)

    def run(self, group):
        results = []
        for task in group.tasks:
            if self.survives is not None and len(self.keys) == self.survives:
                raise Killed
            function, arguments = pickle.loads(group.packed(task))
            results.append(function(*arguments))
            self.keys.append(task.key)
            self.threads.append(group.threads)
        return results

    def close(self):
        pass
