"""Groups, additions and records at one another from the command line, against real refits."""

import json
import shutil

import numpy as np
import pytest

from imprint.cli import main, run
from imprint.core.errors import ImprintError
from imprint.report.wording import significant
from tests.lenses.leave_one_out.study.query_refits import ask
from tests.lenses.leave_one_out.study.refits import (
    MEASURES,
    QUERIES,
    refused,
    words,
)


def test_earlier_queries_stay_in_the_summary_and_on_the_page(data, tmp_path):
    root, _ = data
    out = tmp_path / "out"
    ask(root, out, "--groups", "classes")
    page = (out / "report.html").read_text()
    assert 'id="leave-one-out-groups"' in page
    assert "Queries of a finished fit" in page
    ask(root, out, "--add", root / "add.npz")
    ask(root, out, "--among-records")
    lens = json.loads((out / "summary.json").read_text())["lenses"]["leave_one_out"]
    assert set(lens) == {"groups", "additions", "among_records"}
    page = (out / "report.html").read_text()
    for part in ("groups", "additions", "among"):
        assert f'id="leave-one-out-{part}"' in page


def test_other_mistakes(data, tmp_path):
    root, arrays = data
    with pytest.raises(ImprintError, match="nothing to query: give --queries, --groups"):
        ask(root, tmp_path / "out")
    with pytest.raises(ImprintError, match="no arrays at nonsense"):
        ask(root, tmp_path / "out", "--groups", "nonsense")
    np.savez(tmp_path / "add.npz", x=arrays["new"], y=[3, 1, 2])
    with pytest.raises(ImprintError, match=r"y\[2\] is 2, not one of the classes"):
        ask(root, tmp_path / "out", "--add", tmp_path / "add.npz")
    np.savez(tmp_path / "add.npz", x=arrays["new"][:, :3], y=[3, 1, 1])
    with pytest.raises(ImprintError, match=r"x is of shape \[3\], but the records of \[5\]"):
        ask(root, tmp_path / "out", "--add", tmp_path / "add.npz")


def test_a_file_of_records_without_queries_is_told_what_it_lacks(data, tmp_path):
    root, arrays = data
    np.savez(tmp_path / "records.npz", x=arrays["x"], y=arrays["y"])
    with pytest.raises(ImprintError, match="has no array 'queries'; it needs queries"):
        ask(root, tmp_path / "out", "--queries", tmp_path / "records.npz")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("card", ["[]", "3", "null", "{}"])
def test_a_fit_whose_card_was_edited_is_refused(data, tmp_path, card):
    root, _ = data
    fit = shutil.copytree(root / "fit", tmp_path / "fit")
    (fit / "leave_one_out.card.json").write_text(card)
    words = ["leave-one-out", "query", "--fit", str(fit), "--out", str(tmp_path / "out")]
    with pytest.raises(ImprintError, match="have changed: fit again"):
        run([*words, "--among-records"])


def test_the_terminal_shows_groups_additions_and_pairs(data, tmp_path, capsys):
    root, _ = data
    start = ["leave-one-out", "query", "--fit", str(root / "fit"), "--out", str(tmp_path / "out")]
    run([*start, "--groups", "classes", "--add", str(root / "add.npz"), "--among-records"])
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    lens = summary["lenses"]["leave_one_out"]
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    first = lens["groups"]["first"][0]
    row = [first["group"], str(first["records"]), significant(first["kl_out_in"])]
    assert [*row, f"{100 * first['auc']:.1f}%"] in [line[:4] for line in lines]
    last = lens["additions"]["first"][2]
    assert ["2", last["label"], last["prediction_out"], significant(last["kl_out_in"])] in [
        line[:4] for line in lines
    ]
    for pair in lens["among_records"]["most"]:
        ends = [str(pair["removed"]), str(pair["query"])]
        assert [*ends, significant(pair["kl_out_in"])] in lines


def test_query_asks_a_fit_what_fit_itself_would(arrays, study, tmp_path, capsys):
    np.savez(tmp_path / "queries.npz", queries=arrays["queries"])
    ask = ["leave-one-out", "query", "--fit", str(study), "--out", str(tmp_path / "queried")]
    main([*ask, "--queries", str(tmp_path / "queries.npz"), "--json"])
    assert json.loads(capsys.readouterr().out)["queries"] == QUERIES
    for name in MEASURES:
        one, other = (
            (root / "leave_one_out" / "queries" / f"{name}.npy").read_bytes()
            for root in (study, tmp_path / "queried")
        )
        assert one == other


def test_query_writes_a_page_of_its_own_or_adds_to_that_of_the_fit(arrays, tmp_path):
    np.savez(tmp_path / "arrays.npz", x=arrays["x"], y=arrays["y"])
    fit, alone = tmp_path / "fit", tmp_path / "alone"
    main(words(tmp_path / "arrays.npz", fit))
    assert 'id="leave-one-out-queries"' not in (fit / "report.html").read_text()
    labels = np.array([1, 3, 3, 1, 1])
    np.savez(tmp_path / "queries.npz", queries=arrays["queries"], query_labels=labels)
    for out in (alone, fit):
        ask = ["leave-one-out", "query", "--fit", str(fit), "--out", str(out)]
        main([*ask, "--queries", str(tmp_path / "queries.npz"), "--json"])
        page = (out / "report.html").read_text()
        assert 'id="leave-one-out-queries"' in page
        assert "Raised by" in page
    assert 'id="leave-one-out-result"' in page
    summaries = [json.loads((out / "summary.json").read_text()) for out in (alone, fit)]
    one, other = (summary["lenses"]["leave_one_out"]["queries"] for summary in summaries)
    assert one == other


def test_query_refuses_a_fit_whose_records_have_changed(arrays, study, tmp_path, capsys):
    file = tmp_path / "arrays.npz"
    np.savez(file, x=arrays["x"], y=arrays["y"])
    np.savez(tmp_path / "queries.npz", queries=arrays["queries"])
    main(words(file, tmp_path / "fit"))
    capsys.readouterr()
    np.savez(file, x=arrays["x"] + 1e-9, y=arrays["y"])
    ask = ["leave-one-out", "query", "--fit", str(tmp_path / "fit")]
    shown = refused([*ask, "--queries", str(tmp_path / "queries.npz"), "--out", "x"], capsys)
    assert "have changed: fit again" in shown
    shown = refused(
        [*ask[:-1], str(tmp_path), "--queries", "none.npz", "--out", str(tmp_path / "x")], capsys
    )
    assert "no finished fit" in shown


def test_a_fit_can_be_queried_from_another_folder(arrays, tmp_path, monkeypatch):
    np.savez(tmp_path / "arrays.npz", x=arrays["x"], y=arrays["y"])
    np.savez(tmp_path / "queries.npz", queries=arrays["queries"])
    monkeypatch.chdir(tmp_path)
    main(words("arrays.npz", "fit"))
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    main(["leave-one-out", "query", "--fit", "../fit", "--queries", "../queries.npz", "--out", "o"])
    summary = json.loads((tmp_path / "elsewhere" / "o" / "summary.json").read_text())
    assert summary["data"]["fit"] == "fit"
