import json
from pathlib import Path

import pytest

from imprint import __version__
from imprint.core.errors import ImprintError
from imprint.report.summary_file import SCHEMA, new_summary, read_summary


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
