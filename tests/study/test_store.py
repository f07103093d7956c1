import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from imprint.core.durable import replacing
from imprint.core.errors import ImprintError
from imprint.study.hashing import hash_json
from imprint.study.json_io import read_json, write_json
from imprint.study.store import Study
from tests.study.steps import write_text


def test_a_step_is_built_once(tmp_path):
    study, calls = Study(tmp_path), []
    for _ in range(2):
        path = study.step("a.txt", {"x": 1}, write_text("one", calls))
    assert path.read_text() == "one"
    assert calls == ["one"]
    assert study.hash_of("a.txt") == hash_json({"settings": {"x": 1}, "inputs": {}})


def test_other_settings_are_an_error_that_says_what_differs(tmp_path):
    study = Study(tmp_path)
    study.step("a.txt", {"x": 1, "deep": {"y": [1, 2]}}, write_text("one"))
    with pytest.raises(ImprintError, match=r"deep\.y: \[1, 2\] there, \[1, 3\] now"):
        study.step("a.txt", {"x": 1, "deep": {"y": [1, 3]}}, write_text("two"))
    assert (tmp_path / "a.txt").read_text() == "one"


def test_many_differences_are_counted_and_the_first_named(tmp_path):
    study = Study(tmp_path)
    study.step("a.txt", {f"option{i}": 1 for i in range(9)}, write_text("one"))
    with pytest.raises(ImprintError, match=r"option3: 1 there, 2 now; 5 more differ\)") as refused:
        study.step("a.txt", {f"option{i}": 2 for i in range(9)}, write_text("two"))
    assert "option4" not in str(refused.value)


def test_inputs_are_part_of_the_hash(tmp_path):
    for name, content in (("first", 1), ("second", 2)):
        study = Study(tmp_path / name)
        study.step("in", {"content": content}, write_text("in"))
        study.step("out", {}, write_text("out"), inputs=("in",))
    assert Study(tmp_path / "first").hash_of("out") != Study(tmp_path / "second").hash_of("out")


def test_a_file_that_imprint_did_not_make_is_left_alone(tmp_path):
    (tmp_path / "a.txt").write_text("mine")
    with pytest.raises(ImprintError, match="no card beside it"):
        Study(tmp_path).step("a.txt", {}, write_text("yours"))
    assert (tmp_path / "a.txt").read_text() == "mine"


def test_a_failed_step_leaves_nothing(tmp_path):
    def build(path):
        path.mkdir()
        (path / "half").write_text("half")
        raise ValueError("stop")

    with pytest.raises(ValueError, match="stop"):
        Study(tmp_path).step("folder", {}, build)
    assert os.listdir(tmp_path) == []


def test_a_resumable_step_goes_on_from_what_was_left(tmp_path):
    study = Study(tmp_path)

    def killed(path):
        path.mkdir()
        (path / "state").write_text("half")
        raise KeyboardInterrupt

    def resumed(path):
        assert (path / "state").read_text() == "half"
        (path / "state").write_text("whole")

    with pytest.raises(KeyboardInterrupt):
        study.step("folder", {"x": 1}, killed, resumable=True)
    study.step("folder", {"x": 1}, resumed, resumable=True)
    assert (tmp_path / "folder" / "state").read_text() == "whole"
    assert sorted(os.listdir(tmp_path)) == ["folder", "folder.card.json"]


def test_unfinished_work_under_other_settings_is_not_handed_on(tmp_path):
    study = Study(tmp_path)

    def killed(path):
        path.mkdir()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        study.step("folder", {"x": 1}, killed, resumable=True)

    def build(path):
        assert not path.exists()
        path.mkdir()

    study.step("folder", {"x": 2}, build, resumable=True)


def test_a_full_disk_is_one_sentence_and_leaves_the_old_file(tmp_path):
    path = tmp_path / "a.json"
    write_json(path, {"old": 1})

    def fill():
        with replacing(path) as temporary:
            temporary.write_text("half")
            raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(ImprintError, match=r"the disk is full: .*a\.json was not written"):
        fill()
    assert read_json(path) == {"old": 1}
    assert os.listdir(tmp_path) == ["a.json"]


def test_two_processes_do_not_share_a_study(tmp_path):
    script = (
        "from imprint.study.store import Study; from imprint.core.errors import ImprintError; "
        "from pathlib import Path; import sys\n"
        "try:\n    Study(Path(sys.argv[1])).locked().__enter__()\n"
        "except ImprintError as error:\n    print(error)\n"
    )
    with Study(tmp_path).locked():
        command = [sys.executable, "-c", script, str(tmp_path)]
        told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "another imprint process is at work" in told
    with Study(tmp_path).locked():
        pass


def test_a_failed_study_leaves_no_empty_folder(tmp_path):
    with pytest.raises(ImprintError), Study(tmp_path / "new").locked():
        raise ImprintError("nothing was done")
    assert not (tmp_path / "new").exists()
    with Study(tmp_path / "new").locked():
        Study(tmp_path / "new").step("a", {}, write_text("a"))
    assert (tmp_path / "new" / "a").exists()


def test_folders_and_links_of_others_are_left_alone(tmp_path):
    outside = tmp_path / "outside"
    (outside / "empty").mkdir(parents=True)
    study = Study(tmp_path / "study")
    (study.root / "mine").mkdir(parents=True)
    (study.root / "link").symlink_to(outside)
    with pytest.raises(ImprintError), study.locked():
        raise ImprintError("nothing was done")
    with study.locked():
        study.step("tables/a", {}, write_text("a"))
    assert (study.root / "mine").is_dir()
    assert (outside / "empty").is_dir()


def test_a_failed_step_removes_the_folders_it_made_and_no_others(tmp_path):
    (tmp_path / "old").mkdir()

    def build(path):
        raise ValueError("stop")

    for name in ("old/a", "new/deep/a"):
        with pytest.raises(ValueError, match="stop"):
            Study(tmp_path).step(name, {}, build)
    assert os.listdir(tmp_path) == ["old"]


@pytest.mark.parametrize("inside", ["summary.json", "deeper/summary.json"])
def test_a_file_in_the_place_of_a_folder_is_rejected(tmp_path, inside):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(ImprintError, match="cannot"):
        write_json(tmp_path / "file" / inside, {})
    assert (tmp_path / "file").read_text() == "mine"


def test_a_folder_that_cannot_be_made_is_rejected():
    with pytest.raises(ImprintError, match="cannot"):
        write_json(Path("/proc/imprint/summary.json"), {})
