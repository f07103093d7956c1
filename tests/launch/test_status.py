import json
import os
import subprocess
import sys
from dataclasses import asdict, replace

import pytest

from imprint.core.errors import ImprintError
from imprint.launch.ledger import Ledger, State
from imprint.launch.status import log_tail, study_status


@pytest.fixture
def ledger(tmp_path):
    """Return a ledger with a task of every status."""
    ledger = Ledger(tmp_path, "train-cohort")
    keys = ("done", "held", "failed", "dead", "new", "lost")
    ledger.plan({f"models/{key}": key for key in keys})
    with ledger.entry("models/done").recording("done", "model"):
        pass
    entry = ledger.entry("models/failed")
    with pytest.raises(ValueError, match="bad"), entry.recording("failed", "model"):
        raise ValueError("bad \x1b[2J loss")
    entry.log.write_text("".join(f"line {number} \x1b[31m\u202e\n" for number in range(100)))
    dead = ledger.entry("models/dead")
    dead.write(replace(dead.read(), status="running", host="node7", since=1e9))
    ledger.entry("models/lost").state_file.write_text("{")
    return ledger


def test_tasks_are_told_by_what_became_of_them(ledger):
    with ledger.entry("models/held").recording("held", "model"):
        (group,) = study_status(ledger.study).groups
    assert (group.study, group.group, group.tasks) == (".", "train-cohort", 6)
    assert (group.done, group.waiting) == (1, 1)
    assert [task.key for task in group.running] == ["models/held"]
    assert 0 <= group.running[0].seconds < 600
    assert group.interrupted == ("models/dead",)
    (failed,) = group.failed
    assert failed.failure == "ValueError: bad \\x1b[2J loss"
    assert failed.log == tuple(f"line {n} \\x1b[31m\\u202e" for n in range(92, 100))
    assert len(group.unreadable) == 1


def test_studies_within_are_found_and_others_have_none(ledger, tmp_path):
    Ledger(tmp_path / "seeds/1", "train-encoders").plan({"models/A": "1"})
    groups = study_status(tmp_path).groups
    assert [(group.study, group.group) for group in groups] == [
        (".", "train-cohort"),
        ("seeds/1", "train-encoders"),
    ]
    assert study_status(ledger.folder).groups == ()
    with pytest.raises(ImprintError, match="there is no folder"):
        study_status(tmp_path / "missing")


@pytest.mark.parametrize("since", [1e308, -1e308, 0.0])
def test_times_of_others_do_not_break_the_page(ledger, since):
    entry = ledger.entry("models/held")
    with entry.recording("held", "model"):
        entry.write(replace(entry.read(), since=since))
        (group,) = study_status(ledger.study).groups
    assert 0 <= group.running[0].seconds <= 10 * 365 * 24 * 3600


def test_logs_that_are_links_pipes_or_huge_are_read_no_further(tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("secret")
    (tmp_path / "link.log").symlink_to(secret)
    os.mkfifo(tmp_path / "pipe.log")
    with (tmp_path / "huge.log").open("wb") as file:
        file.truncate(1 << 40)
        file.seek(0, os.SEEK_END)
        file.write(b"\nlast\xff line\n")
    assert log_tail(tmp_path / "link.log") == log_tail(tmp_path / "pipe.log") == ()
    assert log_tail(tmp_path / "missing.log") == ()
    assert log_tail(tmp_path / "huge.log")[-1] == "last� line"


def test_states_hold_no_more_than_they_should():
    assert json.loads(json.dumps(asdict(State("a", "done")))) == asdict(State("a", "done"))


def test_status_loads_no_torch(ledger):
    words = ["status", str(ledger.study), "--json"]
    code = f"import sys; from imprint.cli import main; main({words!r}); "
    code += "sys.exit('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["groups"][0]["done"] == 1


@pytest.mark.parametrize("name", ["since", "items", "process"])
def test_numbers_that_no_clock_counts_to_are_no_state(ledger, name):
    entry = ledger.entry("models/held")
    with entry.recording("held", "model"):
        entry.write(replace(entry.read(), **{name: 10**400}))
        (group,) = study_status(ledger.study).groups
    assert not group.running
    assert any("is not the state of a task" in sentence for sentence in group.unreadable)
