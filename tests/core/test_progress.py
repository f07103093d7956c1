import pytest

from imprint.cli import main
from imprint.core import progress
from imprint.core.progress import Verbosity, log, log_step, set_verbosity, track, warn


@pytest.fixture(autouse=True)
def _restored():
    yield
    set_verbosity(Verbosity.NORMAL)


def test_items_are_passed_on_and_logged_once_in_a_while(monkeypatch, capsys):
    monkeypatch.setattr(progress, "LOG_EVERY_SECONDS", 0.0)
    assert list(track("abc", "read", 3, "letter")) == ["a", "b", "c"]
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2
    assert lines[0].startswith("read: 1/3, ")
    assert lines[0].endswith(" s left")


@pytest.mark.parametrize(
    ("verbosity", "expected"),
    [
        (Verbosity.QUIET, []),
        (Verbosity.NORMAL, ["news", "imprint: careful"]),
        (
            Verbosity.VERBOSE,
            ["news", "imprint: careful", "step models/A: already done", "step split: 1.5 s"],
        ),
    ],
)
def test_the_log_is_as_verbose_as_chosen(verbosity, expected, monkeypatch, capsys):
    monkeypatch.setattr(progress, "LOG_EVERY_SECONDS", 100.0)
    set_verbosity(verbosity)
    log("news")
    warn("careful")
    log_step("models/A", None)
    log_step("split", 1.5)
    assert list(track([1, 2], "count", 2)) == [1, 2]
    assert capsys.readouterr().err.splitlines() == expected


WORDS = ["data", "split", "--composite-count", "40", "--per-class", "1"]


def test_quiet_prints_nothing_but_the_json_that_was_asked_for(tmp_path, capsys):
    main([*WORDS, "--out", str(tmp_path), "--quiet"])
    assert capsys.readouterr() == ("", "")
    main([*WORDS, "--out", str(tmp_path), "--quiet", "--json"])
    streams = capsys.readouterr()
    assert streams.out.startswith("{")
    assert streams.err == ""


def test_quiet_still_says_what_is_wrong(tmp_path, capsys):
    with pytest.raises(SystemExit) as left:
        main(["data", "split", "--out", str(tmp_path), "--quiet", "--composite-count", "0"])
    assert left.value.code == 2
    assert capsys.readouterr().err.startswith("imprint: --composite-count must be at least 10")


def test_verbose_names_each_step_and_whether_it_was_done(tmp_path, capsys):
    main([*WORDS, "--out", str(tmp_path), "--verbose"])
    assert capsys.readouterr().err.startswith("step split: 0.")
    main([*WORDS, "--out", str(tmp_path), "--verbose"])
    assert capsys.readouterr().err == "step split: already done\n"


def test_quiet_and_verbose_exclude_each_other(tmp_path, capsys):
    with pytest.raises(SystemExit) as left:
        main([*WORDS, "--out", str(tmp_path), "--verbose", "--quiet"])
    assert left.value.code == 2
    assert "--quiet and --verbose exclude each other" in capsys.readouterr().err
