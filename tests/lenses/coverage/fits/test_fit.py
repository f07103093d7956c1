"""``imprint coverage fit``, ``measure --fitted`` and ``merge``: the same numbers as ``measure``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from imprint.cli import main
from imprint.lenses.coverage.fits.fitted_file import FITTED, VERSION
from imprint.nets.tensor_file import read_tensor_file, write_tensor_file
from imprint.study.json_io import read_json
from imprint.study.tables import read_table
from tests.lenses.coverage.commands_on_files import arrays, saved, words_of

SETTINGS = ("--criteria", "all", "--param", "kmnc.k=10")


def findings(out: Path) -> dict[str, Any]:
    found: dict[str, Any] = read_json(out / "summary.json")["lenses"]["coverage"]
    return found


def without_training(out: Path) -> dict[str, Any]:
    """Return findings without what needs training activations or a network that ranks neurons."""
    found = findings(out)
    for name in ("clusters", "listed"):
        assert found["cells"]["idc"].pop(name)
    found["cells"]["idc"].pop("scores", None)
    return found


def run(*words: object) -> dict[str, Any]:
    """Run a command of coverage, its folder the last word, and return its findings."""
    main(["coverage", *map(str, words[:-1]), "--out", str(words[-1])])
    return findings(Path(str(words[-1])))


def refusal(capsys: pytest.CaptureFixture[str], *words: object) -> str:
    with pytest.raises(SystemExit) as exit_of:
        main(["coverage", *map(str, words)])
    assert exit_of.value.code == 2
    return capsys.readouterr().err.strip().splitlines()[-1]


def part(given: dict[str, np.ndarray], start: str, rows: slice = slice(None)) -> Any:
    """Return the arrays of training or of some tests."""
    return {name: array[rows] for name, array in given.items() if name.startswith(start)}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of arrays, the criteria fitted to them, and two measured shards."""
    root, given = tmp_path_factory.mktemp("files"), arrays()
    whole = saved(root / "whole.npz", given)
    train = saved(root / "train.npz", part(given, "train"))
    run("measure", "--arrays", whole, *SETTINGS, root / "plain")
    run("fit", "--arrays", train, *SETTINGS, root / "fit")
    for name, rows in (("a", slice(0, 25)), ("b", slice(25, 60))):
        shard = saved(root / f"{name}.npz", part(given, "test", rows))
        run("measure", "--arrays", shard, "--fitted", root / "fit/fitted.safetensors", root / name)
    return root


def fitted(files: Path) -> tuple[str, Path]:
    return "--fitted", files / "fit" / "fitted.safetensors"


def test_a_fit_says_which_criteria_are_in_its_file(files: Path) -> None:
    fit = findings(files / "fit")["fit"]
    assert fit["training"] == 120
    assert fit["criteria"]["kmnc"]["k"] == 10
    assert list(fit["missing"]) == ["wisdom"]
    assert "need the network" in fit["missing"]["wisdom"]


def test_fitted_criteria_measure_the_same_numbers(files: Path, tmp_path: Path) -> None:
    tests = saved(tmp_path / "tests.npz", part(arrays(), "test"))
    measured = run("measure", "--arrays", tests, *fitted(files), tmp_path / "out")
    assert measured == without_training(files / "plain")


def test_shards_merge_to_the_measurement_of_all(files: Path, tmp_path: Path) -> None:
    studies = f"{files / 'a'},{files / 'b'}"
    merged = run("merge", "--studies", studies, *fitted(files), tmp_path / "merged")["criteria"]
    plain = findings(files / "plain")["criteria"]
    assert "order of the inputs" in merged.pop("cc")["missing"]
    for name in merged.keys() - {"nlc", "wisdom"}:
        assert merged[name] == plain[name], name
    assert merged["nlc"]["value"] == pytest.approx(plain["nlc"]["value"])
    again = run(
        "measure", "--arrays", files / "b.npz", *fitted(files), "--earlier", files / "a",
        tmp_path / "added",
    )["criteria"]  # fmt: skip
    assert {k: v for k, v in again.items() if k != "cc"} == merged


def test_what_cannot_merge_is_refused_in_one_sentence(
    files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = ("--out", tmp_path / "out")
    given = arrays(seed=1)
    other = saved(tmp_path / "other.npz", part(given, "train"))
    run("fit", "--arrays", other, "--criteria", "nc", tmp_path / "fit")
    by_other = ("--fitted", tmp_path / "fit" / "fitted.safetensors")
    both = f"{files / 'a'},{files / 'b'}"
    assert "other fitted criteria" in refusal(capsys, "merge", "--studies", both, *by_other, *out)
    twice = ("measure", "--arrays", files / "a.npz", *fitted(files), "--earlier", files / "a")
    assert "the same tests" in refusal(capsys, *twice, *out)
    plain = f"{files / 'a'},{files / 'plain'}"
    assert "--fitted" in refusal(capsys, "merge", "--studies", plain, *fitted(files), *out)
    alone = refusal(capsys, "merge", "--studies", files / "a", *fitted(files), *out)
    assert "two folders" in alone


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--criteria", "nc"), "--criteria was decided by imprint coverage fit"),
        (("--per", "class"), "--per needs the activations of training inputs"),
        (("--correct-only", "build"), "is about training inputs"),
        (("--model", "net.safetensors"), "give either --arrays or --model"),
    ],
)
def test_options_that_the_fit_decided_are_refused(
    files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], words: Any, message: str
) -> None:
    measure = ("measure", "--arrays", files / "a.npz", *fitted(files), "--out", tmp_path)
    assert message in refusal(capsys, *measure, *words)


def test_other_layers_are_refused_and_other_orders_are_not(
    files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tests = part(arrays(), "test")
    turned = {"test/block/fc": tests["test/block/fc"], **tests}
    file = saved(tmp_path / "turned.npz", turned)
    again = run("measure", "--arrays", file, *fitted(files), tmp_path / "turned")
    assert again == without_training(files / "plain")
    for name, changed, message in (
        ("absent", {k: v for k, v in tests.items() if k != "test/conv1"}, "got none"),
        ("wider", {**tests, "test/conv1": np.ones((60, 7))}, "got 7 neurons"),
    ):
        file = saved(tmp_path / f"{name}.npz", changed)
        words = ("measure", "--arrays", file, *fitted(files), "--out", tmp_path / name)
        assert message in refusal(capsys, *words)


def test_a_damaged_file_is_refused(
    files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content = bytearray((files / "fit" / "fitted.safetensors").read_bytes())
    content[-1] ^= 1
    damaged = tmp_path / "damaged.safetensors"
    damaged.write_bytes(content)
    words = ("measure", "--arrays", files / "a.npz", "--fitted", damaged, "--out", tmp_path / "o")
    assert "does not have its hash" in refusal(capsys, *words)
    seen = files / "a" / "coverage" / "seen.safetensors"
    words = ("measure", "--arrays", files / "a.npz", "--fitted", seen, "--out", tmp_path / "o")
    assert "holds no fitted coverage criteria" in refusal(capsys, *words)


def test_a_network_is_measured_as_without_the_file(
    world: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tests = ("--tests", str(world / "test.npz"), "--test-records", "40")
    criteria = ("--criteria", "idc,kmnc,lsc", "--member-records", "90")
    main(words_of(world, "measure", *tests, *criteria, "--out", str(tmp_path / "plain")))
    main(words_of(world, "fit", *criteria, "--out", str(tmp_path / "fit")))
    file = tmp_path / "fit" / "fitted.safetensors"
    network = ("--model", world / "net.safetensors", *tests)
    measured = run("measure", *network, "--fitted", file, tmp_path / "by-file")
    assert measured["gaps"]
    assert measured == without_training(tmp_path / "plain")
    changed = (world / "net.json").read_text().replace("0.25", "0.5")
    (tmp_path / "card.json").write_text(changed)
    other = (*network, "--card", tmp_path / "card.json", "--fitted", file)
    message = refusal(capsys, "measure", *other, "--out", tmp_path / "other")
    assert "was fitted to another network" in message
    same = ("--model", world / "net.safetensors", "--tests", world / "train.npz", "--fitted", file)
    message = refusal(capsys, "measure", *same, "--out", tmp_path / "same")
    assert "which criteria were fitted to" in message
    forged = tmp_path / "forged.safetensors"
    content = read_tensor_file(file, FITTED, VERSION, "")
    widths = content.facts["layers"]["widths"]
    layers = content.facts["layers"] | {"widths": widths[::-1]}
    write_tensor_file(forged, FITTED, VERSION, {**content.facts, "layers": layers}, content.tensors)
    message = refusal(capsys, "measure", *network, "--fitted", forged, "--out", tmp_path / "forged")
    assert "was fitted to other layers" in message


def test_a_table_of_every_test_is_the_same_with_and_without_the_file(
    files: Path, tmp_path: Path
) -> None:
    tests = saved(tmp_path / "tests.npz", part(arrays(), "test"))
    run("measure", "--arrays", files / "whole.npz", *SETTINGS, "--per-input", tmp_path / "plain")
    run("measure", "--arrays", tests, *fitted(files), "--per-input", tmp_path / "by-file")
    plain, by_file = (
        read_table(tmp_path / name / "per_input.parquet") for name in ("plain", "by-file")
    )
    assert plain.keys() == by_file.keys() >= {"index", "label", "novelty", "dsc_surprise"}
    for name, column in plain.items():
        np.testing.assert_array_equal(column, by_file[name], err_msg=name)
    total = findings(files / "plain")["criteria"]["kmnc"]["value"]
    assert plain["kmnc_gain"].sum() == pytest.approx(total)
