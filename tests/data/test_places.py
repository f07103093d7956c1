"""What may be written for where images are, and that commands keep it."""

from pathlib import Path

from imprint.data.choice import open_choice
from imprint.data.places import as_absolute, as_layout, is_there
from imprint.study.options import DataChoice
from tests.data.one_set import as_saved, as_shards, samples, table_of


def test_a_prefix_says_the_layout():
    assert as_layout(Path("hf:a/b"), "auto") == (Path("a/b"), "huggingface")
    assert as_layout(Path("a/b"), "folder") == (Path("a/b"), "folder")


def test_a_folder_of_that_name_comes_first(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("hf:x").mkdir()
    assert as_layout(Path("hf:x"), "auto") == (Path("hf:x"), "auto")


def test_absolute_places_keep_what_they_say(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    root = tmp_path.resolve()
    assert as_absolute("hf:pets#label=y") == f"hf:{root}/pets#label=y"
    assert as_absolute("s-{0..9}.tar") == f"{root}/s-{{0..9}}.tar"
    assert as_absolute("pets") == f"{root}/pets"


def test_patterns_and_choices_count_as_there(tmp_path):
    assert is_there(Path("s-{0..9}.tar"))
    assert is_there(Path(f"{tmp_path}#label=y"))
    assert not is_there(tmp_path / "x")


def test_the_options_of_a_command_open_them(tmp_path):
    images = samples()
    as_saved(tmp_path / "hf", table_of(images))
    as_shards(tmp_path / "tars", images)
    places = (f"hf:{tmp_path}/hf", f"{tmp_path}/tars/s-{{000..001}}.tar")
    opened = [open_choice(DataChoice(data=place), 0) for place in places]
    assert opened[0].fingerprint() == opened[1].fingerprint()
