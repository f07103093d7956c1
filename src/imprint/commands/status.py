"""``imprint status``: how far the tasks of a study are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from imprint.study.command import command
from imprint.study.counted import uncounted
from imprint.study.options import Common

if TYPE_CHECKING:
    from imprint.launch.status import GroupStatus, StudyStatus

MOST_NAMED = 10


@command("status", "how far the tasks of a study are", example="--out runs/first", operand="out")
@dataclass(frozen=True, kw_only=True)
class ShowStatus(Common):
    """Show which tasks of the study in --out are done, running, failed or waiting.

    Tasks are the models of a cohort, the encoders of a sweep and the like, wherever they run
    (--launcher). Failed ones are shown with the last lines of their logs. A task is interrupted
    when the process that was at it is gone: run its command again, and it goes on. imprint status
    STUDY is short for --out STUDY.
    """

    out: Path = uncounted()
    """Study whose tasks are shown; nothing is written."""

    def run(self) -> StudyStatus:
        """Print the status; return it."""
        from imprint.core.errors import printable
        from imprint.launch.status import study_status

        status = study_status(self.out)
        if not self.json:
            for group in status.groups:
                for line in _lines(group):
                    print(line)
            if not status.groups:
                print(
                    printable(f"{self.out}: no tasks: no command with this --out has launched any")
                )
        return status


def _lines(group: GroupStatus) -> Iterator[str]:
    counts = {
        "done": group.done,
        "running": len(group.running),
        "failed": len(group.failed),
        "interrupted": len(group.interrupted),
        "waiting": group.waiting,
        "unreadable": len(group.unreadable),
    }
    shown = [f"{count} {what}" for what, count in counts.items() if count or what == "done"]
    place = "" if group.study == "." else f"{group.study}: "
    tasks = "1 task" if group.tasks == 1 else f"{group.tasks} tasks"
    yield f"{place}{group.group}, {tasks}: {', '.join(shown)}"
    for task in group.running[:MOST_NAMED]:
        again = f", attempt {task.attempt}" if task.attempt > 1 else ""
        yield f"  running      {task.key} on {task.host} for {_spelled(task.seconds)}{again}"
    yield from _more(len(group.running))
    for failed in group.failed[:MOST_NAMED]:
        place = f" on {failed.host}" if failed.host else ""
        yield f"  failed       {failed.key}{place}: {failed.failure}"
        yield from (f"    | {line}" for line in failed.log)
    yield from _more(len(group.failed))
    for key in group.interrupted[:MOST_NAMED]:
        yield f"  interrupted  {key}: goes on when its command is run again"
    yield from _more(len(group.interrupted))
    for sentence in group.unreadable[:MOST_NAMED]:
        yield f"  unreadable   {sentence}"
    yield from _more(len(group.unreadable))


def _more(count: int) -> Iterator[str]:
    if count > MOST_NAMED:
        yield f"  … and {count - MOST_NAMED} more"


def _spelled(seconds: float) -> str:
    """Return a duration to its two largest units.

    >>> _spelled(12.4), _spelled(125), _spelled(7300)
    ('12 s', '2 min 5 s', '2 h 1 min')
    """
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(int(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"
