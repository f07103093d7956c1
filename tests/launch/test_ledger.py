import json
import os
import subprocess
import sys
from dataclasses import asdict

import pytest

from imprint.core.errors import ImprintError
from imprint.core.progress import track
from imprint.launch.ledger import Ledger, State, ledgers_in


@pytest.fixture
def ledger(tmp_path):
    ledger = Ledger(tmp_path, "train")
    ledger.plan({"models/A": "1", "models/B": "2"})
    return ledger


def test_tasks_wait_run_and_are_done(ledger):
    entry = ledger.entry("models/A")
    assert entry.read().status == "waiting"
    assert not entry.is_held()
    with entry.recording("1", "epoch"):
        state = entry.read()
        assert (state.status, state.attempt, state.process) == ("running", 1, os.getpid())
        assert entry.is_held()
        for _ in track(range(3), "train", 3, "epoch"):
            pass
        for _ in track(range(3), "read", 3, "block"):
            pass
    state = entry.read()
    assert (state.status, state.items, state.attempt) == ("done", 3, 1)
    assert not entry.is_held()
    assert ledger.entry("models/B").read().status == "waiting"


def test_a_task_that_fails_leaves_its_sentence(ledger):
    entry = ledger.entry("models/A")
    with pytest.raises(ImprintError), entry.recording("1", "epoch"):
        raise ImprintError("no such file")
    assert ledger.failures({"models/A": "1", "models/B": "2"}) == {"models/A": "no such file"}
    assert ledger.failures({"models/A": "changed since"}) == {}
    ledger.plan({"models/A": "1"})
    assert entry.read().status == "waiting"


def test_a_plan_keeps_what_is_done(ledger):
    with ledger.entry("models/B").recording("2", "epoch"):
        pass
    ledger.plan({"models/C": "3"})
    assert ledger.planned() == ["models/B", "models/C"]


HOLDER = """
import sys, time
from pathlib import Path
from imprint.launch.ledger import Ledger

with Ledger(Path(sys.argv[1]), "train").entry("models/A").recording("1", "epoch"):
    print("held", flush=True)
    time.sleep(300)
"""


def test_a_killed_process_lets_its_task_go(ledger):
    command = [sys.executable, "-c", HOLDER, str(ledger.study)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as holder:
        holder.stdout.readline()
        entry = ledger.entry("models/A")
        assert entry.is_held()
        ledger.plan({"models/A": "1"})
        entry.wait_again()
        assert entry.read().status == "running"
        holder.kill()
        holder.wait()
    assert not entry.is_held()
    assert entry.read().status == "running"
    entry.wait_again()
    assert entry.read().status == "waiting"
    with entry.recording("1", "epoch"):
        assert entry.read().attempt == 2


@pytest.mark.parametrize("key", ["../../etc/passwd", "/root", "..", "", ".", "a" * 400, "ä\x1b\0"])
def test_no_key_leaves_the_folder(tmp_path, key):
    ledger = Ledger(tmp_path, "train")
    ledger.plan({key: "1"})
    assert ledger.entry(key).read().key == key
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert {path.parent for path in files} == {ledger.folder}
    assert len(files) == 2


def test_keys_that_read_alike_have_files_of_their_own(tmp_path):
    ledger = Ledger(tmp_path, "train")
    assert ledger.entry("a/b").name != ledger.entry("a_b").name


BAD = {
    "not JSON": "{",
    "a list": "[]",
    "another key": json.dumps(asdict(State("models/B", "done"))),
    "an unknown status": json.dumps(asdict(State("models/A", "nearly"))),
    "a number as a failure": json.dumps({**asdict(State("models/A", "done")), "failure": 3}),
    "more fields": json.dumps({**asdict(State("models/A", "done")), "run": "rm"}),
    "much": " " * (1 << 17),
    "deep": "[" * 50_000,
}


@pytest.mark.parametrize("text", BAD.values(), ids=BAD)
def test_a_state_of_others_is_one_sentence(ledger, text):
    entry = ledger.entry("models/A")
    entry.state_file.write_text(text)
    with pytest.raises(ImprintError):
        entry.read()
    assert entry.read_or_none() is None
    with entry.recording("1", "epoch"):
        pass
    assert entry.read().status == "done"


def test_links_are_neither_read_nor_written(tmp_path, ledger):
    target = tmp_path / "target"
    target.write_text("mine")
    entry = ledger.entry("models/A")
    entry.state_file.unlink()
    entry.state_file.symlink_to(target)
    with pytest.raises(ImprintError, match="is a link"):
        entry.read()
    with entry.recording("1", "epoch"):
        pass
    assert target.read_text() == "mine"
    other = Ledger(tmp_path / "other", "train")
    (tmp_path / "other").mkdir()
    (tmp_path / "other/.tasks").symlink_to(tmp_path)
    with pytest.raises(ImprintError, match="is a link: remove it"):
        other.plan({"a": "1"})
    assert ledgers_in(tmp_path / "other") == []


def test_a_plan_of_others_is_one_sentence(ledger):
    (ledger.folder / "plan.json").write_text('{"a": 1}')
    with pytest.raises(ImprintError, match="is not a plan of imprint"):
        ledger.planned()
    ledger.plan({"models/A": "1"})
    assert ledger.planned() == ["models/A"]
    assert [each.group for each in ledgers_in(ledger.study)] == ["train"]


@pytest.mark.parametrize("keys", ['["\\ud800"]', '["a","a"]', "[" + '"",' * 1_000_000 + '"a"]'])
def test_a_plan_of_keys_that_cannot_be_is_one_sentence(ledger, keys):
    ledger.plan({"a": "1"})
    (ledger.folder / "plan.json").write_text(keys)
    with pytest.raises(ImprintError, match=r"plan\.json is not a plan of imprint"):
        ledger.planned()


def test_tasks_without_a_state_are_known_by_one_look_at_the_folder(ledger):
    assert ledger.recorded(["a"]) == []
    ledger.plan({"a": "1"})
    assert ledger.recorded(["b", "a"]) == ["a"]
