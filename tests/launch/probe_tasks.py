"""Functions that tests of the launchers run as tasks."""

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imprint.core.errors import ImprintError
from imprint.core.progress import track


def write_square(root: Path, number: int) -> int:
    """Write the square of a number as the task's artefact, through a step of the study."""
    from imprint.study.store import Study

    for _ in track([number], "square", 1, "square"):
        Study(root).step(f"squares/{number}.txt", {"number": number}, _writer(root, number))
    return number**2


def _writer(root, number):
    def write(path):
        with (root / f"built.{number}").open("a") as file:
            file.write("built\n")
        path.write_text(f"{number**2}\n")

    return write


def die_once(root: Path, number: int) -> int:
    """Kill the worker in the first attempt at an odd number, and square it in the second."""
    mark = root / f"died.{number}"
    if number % 2 and not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return write_square(root, number)


def die(*_):
    """Kill the worker in every attempt."""
    os.kill(os.getpid(), signal.SIGKILL)


def fail_if(root: Path, number: int, name: str = "fail") -> int:
    """Fail by itself as long as there is a file of that name."""
    print(f"look at \x1b[31m{number}")
    if (root / f"{name}.{number}").exists():
        raise ImprintError(f"number {number} is not wanted")
    return write_square(root, number)


def settings_of_worker() -> tuple[int, str, str]:
    """Return threads, working folder and the thread variable of the worker."""
    import torch

    return torch.get_num_threads(), os.getcwd(), os.environ["OMP_NUM_THREADS"]


@dataclass
class Held:
    """An object with an array."""

    array: Any


def sum_of(held, method: str) -> tuple[float, bool]:
    """Return the sum of an array, and whether it may be written to."""
    array = held.array if isinstance(held, Held) else held
    assert method == "sum"
    return float(array.sum()), bool(array.flags.writeable)


def sleep_first(root: Path, number: int, seconds: float) -> int:
    """Say which process this is, sleep, then square."""
    with (root / f"pids.{number}").open("a") as file:
        file.write(f"{os.getpid()}\n")
    time.sleep(seconds)
    return write_square(root, number)
