import pytest

from imprint.cli import main
from imprint.core.errors import ImprintError
from imprint.launch.ledger import Ledger


def test_status_names_what_failed_with_the_end_of_its_log(tmp_path, capsys):
    ledger = Ledger(tmp_path, "train-cohort")
    ledger.plan({f"models/{number}": "x" for number in range(3)})
    with ledger.entry("models/0").recording("x", "model"):
        pass
    entry = ledger.entry("models/1")
    with pytest.raises(ImprintError), entry.recording("x", "model"):
        raise ImprintError("the loss is not finite")
    entry.log.write_text("epoch 3\nloss nan\n")
    host = entry.read().host
    main(["status", str(tmp_path)])
    assert capsys.readouterr().out.splitlines() == [
        "train-cohort, 3 tasks: 1 done, 1 failed, 1 waiting",
        f"  failed       models/1 on {host}: the loss is not finite",
        "    | epoch 3",
        "    | loss nan",
    ]
    main(["status", "--out", str(tmp_path), "--json"])
    assert '"interrupted": []' in capsys.readouterr().out


def test_a_folder_without_tasks_says_so(tmp_path, capsys):
    main(["status", str(tmp_path)])
    expected = f"{tmp_path}: no tasks: no command with this --out has launched any\n"
    assert capsys.readouterr().out == expected


def test_many_tasks_are_counted_and_the_first_named(tmp_path, capsys):
    ledger = Ledger(tmp_path, "fuzz")
    ledger.plan({f"round/{number}": "x" for number in range(30)})
    for number in range(30):
        ledger.entry(f"round/{number}").fail("no")
    main(["status", str(tmp_path)])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "fuzz, 30 tasks: 0 done, 30 failed"
    assert len(lines) == 12
    assert lines[1] == "  failed       round/0: no"
    assert lines[-1] == "  … and 20 more"


def test_an_interrupted_task_says_how_it_goes_on(tmp_path, capsys):
    ledger = Ledger(tmp_path, "fuzz")
    ledger.plan({"round/0": "x"})
    entry = ledger.entry("round/0")
    with entry.recording("x", "input"):
        running = entry.read()
    entry.write(running)
    main(["status", str(tmp_path)])
    assert capsys.readouterr().out.splitlines() == [
        "fuzz, 1 task: 0 done, 1 interrupted",
        "  interrupted  round/0: goes on when its command is run again",
    ]
