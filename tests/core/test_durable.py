import os
import shutil

import pytest

from imprint.core.durable import flush_tree, replacing
from imprint.core.errors import ImprintError
from imprint.study.json_io import write_json
from imprint.study.store import Study


@pytest.fixture
def calls(monkeypatch):
    """Return what is flushed and renamed, in order, by the names of files and folders."""
    done = []
    fsync, replace = os.fsync, os.replace

    def flushed(handle):
        done.append(("flush", os.path.basename(os.readlink(f"/proc/self/fd/{handle}"))))
        fsync(handle)

    def renamed(old, new):
        done.append(("rename", os.path.basename(new)))
        replace(old, new)

    monkeypatch.setattr(os, "fsync", flushed)
    monkeypatch.setattr(os, "replace", renamed)
    return done


def test_a_folder_is_on_the_disk_before_it_has_its_name(tmp_path, calls):
    with replacing(tmp_path / "new" / "table") as temporary:
        (temporary / "inner").mkdir(parents=True)
        for name in ("a", "inner/b"):
            (temporary / name).write_text(name)
    before, after = calls[: calls.index(("rename", "table"))], calls[-2:]
    names = [name for _, name in before]
    assert sorted(names) == [".table.part", "a", "b", "inner"]
    assert names.index("b") < names.index("inner") < names.index(".table.part")
    assert after == [("flush", "new"), ("flush", tmp_path.name)]


def test_a_json_file_is_on_the_disk_before_it_has_its_name(tmp_path, calls):
    write_json(tmp_path / "a.json", {})
    assert calls == [("flush", ".a.json.part"), ("rename", "a.json"), ("flush", tmp_path.name)]


def test_a_card_is_on_the_disk_before_its_artefact(tmp_path, calls):
    Study(tmp_path).step("a", {}, lambda path: path.write_text("a"))
    renamed = [name for kind, name in calls if kind == "rename"]
    assert renamed == ["a.card.json", "a"]
    card = calls.index(("rename", "a.card.json"))
    assert ("flush", tmp_path.name) in calls[card : calls.index(("rename", "a"))]


@pytest.mark.parametrize("resumable", [True, False])
def test_parts_of_an_artefact_are_flushed_with_it_or_by_themselves(tmp_path, calls, resumable):
    def build(folder):
        folder.mkdir()
        write_json(folder / "part.json", {})

    Study(tmp_path).step("a", {}, build, resumable=resumable)
    flushed = [name for kind, name in calls if kind == "flush"]
    assert flushed.count(".part.json.part") == resumable
    assert flushed.count("part.json") == 1


def test_a_disk_that_fails_is_an_error(tmp_path, monkeypatch):
    def broken(handle):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fsync", broken)
    with pytest.raises(OSError, match="Input/output"):
        write_json(tmp_path / "a.json", {})
    assert not (tmp_path / "a.json").exists()


def test_file_systems_that_cannot_flush_folders_are_written_to(tmp_path, monkeypatch):
    def refused(handle):
        raise OSError(22, "Invalid argument")

    monkeypatch.setattr(os, "fsync", refused)
    write_json(tmp_path / "a.json", {})
    assert (tmp_path / "a.json").exists()


def test_links_are_not_followed(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "nothing")
    flush_tree(tmp_path)


@pytest.mark.parametrize("again", [True, False])
def test_a_study_that_is_deleted_meanwhile_is_an_error_and_nothing_half_written(tmp_path, again):
    def build(path):
        path.mkdir()
        (path / "first").write_text("1")
        shutil.rmtree(tmp_path / "study")
        if again:
            write_json(path / "second.json", 2)

    with pytest.raises(ImprintError, match="study was deleted or moved while imprint wrote to it"):
        Study(tmp_path / "study").step("a", {}, build)
    assert not (tmp_path / "study").exists()


def test_the_error_that_a_library_makes_of_a_deleted_folder_is_translated(tmp_path):
    def build(path):
        shutil.rmtree(tmp_path / "study")
        path.write_text("1")

    with pytest.raises(ImprintError, match="was deleted or moved"):
        Study(tmp_path / "study").step("a", {}, build)


def test_no_other_file_is_written_through_a_link_in_unfinished_work(tmp_path):
    def build(path):
        path.mkdir(exist_ok=True)
        (path / "a").write_text("written")

    def killed(path):
        build(path)
        raise KeyboardInterrupt

    study = Study(tmp_path / "study")
    with pytest.raises(KeyboardInterrupt):
        study.step("a", {}, killed, resumable=True)
    unfinished = study.unfinished("a", {})
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "a").write_text("kept")
    (unfinished / "a").unlink()
    (unfinished / "a").symlink_to(outside / "a")
    with pytest.raises(ImprintError, match="is a link in unfinished work"):
        study.step("a", {}, build, resumable=True)
    shutil.rmtree(unfinished)
    unfinished.symlink_to(outside)
    with pytest.raises(ImprintError, match="is a link in unfinished work"):
        study.step("a", {}, build, resumable=True)
    assert (outside / "a").read_text() == "kept"


def test_a_link_to_a_folder_where_a_file_is_to_be_is_replaced(tmp_path):
    (tmp_path / "outside").mkdir()
    for name in ("a.json", ".a.json.part"):
        (tmp_path / name).symlink_to(tmp_path / "outside")
    write_json(tmp_path / "a.json", 1)
    assert (tmp_path / "a.json").read_text() == "1\n"
    assert not (tmp_path / "a.json").is_symlink()
    assert list((tmp_path / "outside").iterdir()) == []


def begin_and_fail(path, begun):
    with replacing(path, "key") as temporary:
        (temporary / "parts").mkdir(parents=True)
        if begun:
            (temporary / "parts" / "0").touch()
        raise ImprintError("it cannot be done")


@pytest.mark.parametrize("begun", [False, True])
def test_resumable_work_is_kept_where_there_is_any(tmp_path, begun):
    with pytest.raises(ImprintError):
        begin_and_fail(tmp_path / "new" / "table", begun)
    assert (tmp_path / "new").exists() == begun
