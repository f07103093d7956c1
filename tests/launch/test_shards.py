from dataclasses import dataclass

import pytest
import torch

from imprint.core.errors import ImprintError
from imprint.launch.launcher import using
from imprint.launch.local import LocalLauncher
from imprint.launch.shards import (
    PARTS,
    cut_into,
    make_parts,
    name_of,
    of_one_task,
    remove_parts,
    shards_of,
)
from imprint.launch.slurm import SubmititLauncher
from imprint.study.counted import uncounted
from imprint.study.step import Step
from imprint.study.store import Study
from tests.launch.inline import InlineLauncher, Killed


@dataclass(frozen=True)
class Squares(Step):
    """The squares of the first numbers, a line each."""

    count: int
    power: int = 2

    artefact = "tables/squares"
    resumable = True

    def build(self, path):
        path.mkdir(exist_ok=True)
        shards = shards_of(self.count, 2)
        parts = [SomeSquares(rows.start, rows.stop, self.power, rows) for rows in shards]
        if len(parts) == 1:
            parts[0].build(path / "all.txt")
            return
        files = make_parts(self.artefact, path, parts, "square", len(parts))
        (path / "all.txt").write_text("".join(file.read_text() for file in files))
        remove_parts(path)


@dataclass(frozen=True)
class SomeSquares(Step):
    start: int
    stop: int
    power: int
    rows: slice = uncounted()

    @property
    def artefact(self):
        return f"{name_of(self.rows)}.txt"

    def build(self, path):
        path.write_text("".join(f"{n**self.power}\n" for n in range(self.start, self.stop)))


@pytest.mark.parametrize("shards", [1, 2, 3, 7, 100])
@pytest.mark.parametrize("count", [0, 1, 8, 9, 41])
def test_shards_are_even_runs_of_whole_batches_in_order(count, shards):
    with cut_into(shards):
        runs = shards_of(count, 4)
    rows = [row for run in runs for row in range(run.start, run.stop)]
    assert rows == list(range(count))
    assert all(run.start % 4 == 0 for run in runs)
    assert len(runs) == max(1, min(shards, -(-count // 4)))
    lengths = [run.stop - run.start for run in runs]
    assert max(lengths) - min(lengths) <= 7
    assert len(shards_of(count, 4)) == 1


@pytest.mark.parametrize(
    "launcher",
    [InlineLauncher(), LocalLauncher(1), SubmititLauncher()],
    ids=["inline", "local", "slurm"],
)
def test_the_parts_make_the_same_artefact_and_are_gone(tmp_path, launcher):
    whole = Study(tmp_path / "one").run(Squares(9))
    with using(launcher), cut_into(3):
        parts = Study(tmp_path / "three").run(Squares(9))
    assert (parts / "all.txt").read_bytes() == (whole / "all.txt").read_bytes()
    assert [file.name for file in parts.iterdir()] == ["all.txt"]
    names = {path.name for path in (tmp_path / "three/tables").iterdir()}
    assert names == {"squares", "squares.card.json"}
    cards = [tmp_path / name / "tables/squares.card.json" for name in ("one", "three")]
    assert cards[0].read_bytes() == cards[1].read_bytes()


def test_a_killed_pass_goes_on_with_the_parts_that_are_missing(tmp_path):
    killed, again = InlineLauncher(survives=2), InlineLauncher()
    with using(killed), cut_into(4), pytest.raises(Killed):
        Study(tmp_path).run(Squares(9))
    with using(again), cut_into(4):
        folder = Study(tmp_path).run(Squares(9))
    assert killed.keys == ["tables/squares/0-4.txt", "tables/squares/4-6.txt"]
    assert again.keys == ["tables/squares/6-8.txt", "tables/squares/8-9.txt"]
    assert (folder / "all.txt").read_text().split() == [str(n**2) for n in range(9)]


def test_parts_of_other_settings_are_never_read(tmp_path):
    with using(InlineLauncher(survives=1)), cut_into(2), pytest.raises(Killed):
        Study(tmp_path).run(Squares(4, power=3))
    (unfinished,) = (tmp_path / "tables").glob(".squares.*.part")
    other, launcher = Squares(4), InlineLauncher()
    with using(launcher), cut_into(2):
        folder = Study(tmp_path).run(other)
    assert (folder / "all.txt").read_text().split() == ["0", "1", "4", "9"]
    assert len(launcher.keys) == 2
    # A part that somebody put there, made otherwise, is refused.
    (part,) = (unfinished / PARTS).glob("*.txt")
    with pytest.raises(ImprintError, match="power: 3 there, 2 now"):
        make_parts("tables/squares", unfinished, [SomeSquares(0, 2, 2, slice(0, 2))], "square", 1)
    assert part.name == "0-2.txt"


def test_a_task_computes_with_the_threads_of_this_process_unless_it_has_fewer(tmp_path):
    before = torch.get_num_threads()
    for cpus, expected in ((0, before), (1, 1)):
        launcher = InlineLauncher(cpus=cpus)
        with using(launcher), cut_into(2):
            Study(tmp_path / str(cpus)).run(Squares(4))
            with of_one_task():
                assert torch.get_num_threads() == expected
        assert set(launcher.threads) == {expected}
        assert torch.get_num_threads() == before
