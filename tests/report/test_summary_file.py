import json
from pathlib import Path

import pytest

from imprint import __version__
from imprint.core.errors import ImprintError
from imprint.report.summary_file import SCHEMA, new_summary, read_object, read_summary


def test_a_new_summary_says_version_and_layout() -> None:
    summary = new_summary({"name": "cats"}, {"coverage": {}}, {"seed": 1})
    assert list(summary) == ["schema", "imprint", "data", "settings", "lenses"]
    assert (summary["schema"], summary["imprint"]) == (SCHEMA, __version__)
    assert "settings" not in new_summary({}, {})


def test_a_summary_is_read_again(tmp_path: Path) -> None:
    summary = new_summary({"name": "cats"}, {})
    (tmp_path / "summary.json").write_text(json.dumps(summary))
    assert read_summary(tmp_path) == summary


@pytest.mark.parametrize("schema", [None, 1, 3, "2"])
def test_another_layout_is_refused_in_one_sentence(tmp_path: Path, schema: object) -> None:
    summary = new_summary({}, {}) | {"schema": schema}
    if schema is None:
        del summary["schema"]
    (tmp_path / "summary.json").write_text(json.dumps(summary))
    with pytest.raises(ImprintError, match=r"has layout .* reads layout 2: run the study again"):
        read_summary(tmp_path)


def test_an_object_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"a": [1, 2]}')
    assert read_object(tmp_path / "a.json") == {"a": [1, 2]}


@pytest.mark.parametrize("content", [b"[1]", b"3", b"null", b"{", b"\xff"])
def test_anything_else_is_refused_by_name(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(ImprintError, match=r"a\.json"):
        read_object(tmp_path / "a.json")


def test_a_missing_file_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ImprintError, match=r"no a\.json in .*: run the audit to its end first"):
        read_object(tmp_path / "a.json")
