import json
from pathlib import Path

import pytest

from imprint.cli import main
from imprint.commands.report import WriteReport


def test_the_page_and_its_plots_are_written_again(study: Path) -> None:
    written = WriteReport(out=study, plots=True).run()
    assert written == {"report": str(study / "report.html"), "plots": str(study / "plots")}
    names = {path.stem for path in (study / "plots").iterdir()}
    assert {path.suffix for path in (study / "plots").iterdir()} == {".png", ".svg"}
    assert names
    page = (study / "report.html").read_bytes()
    assert WriteReport(out=study).run() == {"report": str(study / "report.html")}
    assert (study / "report.html").read_bytes() == page


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda summary: summary.update(schema=1), "has layout 1"),
        (lambda summary: summary.pop("lenses"), "has no lenses"),
        (lambda summary: summary["lenses"].update(dejavu=7), "summary.json"),
        (lambda summary: summary["lenses"].update(dejavu={"two_model": 7}), "summary.json"),
    ],
)
def test_an_edited_summary_is_refused_in_one_sentence(
    study: Path, change, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = study / "summary.json"
    summary = json.loads(path.read_text())
    change(summary)
    path.write_text(json.dumps(summary))
    with pytest.raises(SystemExit) as exit_info:
        main(["report", "--out", str(study)])
    assert exit_info.value.code == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert message in lines[0]


def test_a_folder_without_a_study_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as exit_info:
        main(["report", "--out", str(tmp_path)])
    assert exit_info.value.code == 2
    assert "no summary.json" in capsys.readouterr().err
