"""How a command ends: one sentence, an exit code, and no text that controls the terminal."""

import errno
import os
import shutil
import subprocess
import sys
import textwrap

import numpy as np
import pytest
from PIL import Image

from imprint.cli import program as cli
from imprint.core.errors import ImprintError
from imprint.launch.launcher import run_tasks
from imprint.study.store import Study

HOSTILE_NAME = "\x1b[2Jcat\u202e[red]<b>"


def leave(words, capsys):
    """Return exit code, standard output and standard error of a command."""
    capsys.readouterr()
    with pytest.raises(SystemExit) as left:
        cli.main(words)
    streams = capsys.readouterr()
    return left.value.code, streams.out, streams.err


def fail_with(error):
    def run(words):
        raise error

    return run


def raise_in_worker(kind):
    raise kind("in a worker")


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (ImprintError("that is wrong"), 2, "imprint: that is wrong"),
        (KeyError("x"), 70, "internal error, a bug in imprint (KeyError: 'x'"),
        (RecursionError("deep"), 70, "internal error"),
        (ZeroDivisionError(), 70, "ZeroDivisionError"),
        (MemoryError(), 2, "not enough memory"),
        (RuntimeError("[enforce] DefaultCPUAllocator: can't allocate memory"), 2, "not enough"),
        (RuntimeError("CUDA out of memory. Tried"), 2, "not enough memory"),
        (OSError(errno.EIO, "Input/output error", "a/b"), 2, "cannot use a/b: Input/output error"),
        (UnicodeEncodeError("ascii", "é", 0, 1, "x"), 70, "internal error"),
    ],
)
def test_every_exception_is_one_sentence(monkeypatch, capsys, error, code, message):
    monkeypatch.setattr(cli, "run", fail_with(error))
    left, out, told = leave(["train"], capsys)
    assert (left, out) == (code, "")
    assert message in told
    assert told.count("\n") == 1
    assert ("run the same command with --debug" in told) == (code == 70)


def test_debug_shows_the_traceback(monkeypatch, capsys):
    monkeypatch.setattr(cli, "run", fail_with(KeyError("x")))
    _, _, told = leave(["train", "--debug"], capsys)
    assert "Traceback" in told
    assert "KeyError" in told


@pytest.mark.parametrize("kind", [KeyError, MemoryError])
def test_exceptions_of_workers_are_one_sentence_too(monkeypatch, capfd, kind):
    monkeypatch.setattr(cli, "run", lambda _: run_tasks(raise_in_worker, [(kind,)], "work", 1))
    with pytest.raises(SystemExit) as left:
        cli.main(["train"])
    told = capfd.readouterr().err
    assert left.value.code == {KeyError: 70, MemoryError: 2}[kind]
    assert told.count("\n") == 1


@pytest.fixture
def images(tmp_path):
    """Twelve images of two classes."""
    for row in range(12):
        file = tmp_path / "data" / "ab"[row % 2] / f"{row}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((8, 8, 3), 20 * row, np.uint8)).save(file)
    return tmp_path / "data"


@pytest.mark.parametrize(
    "out", ["x" * 300, "a\0b", "file/inside", "/proc/imprint", "/dev/null/x", "pipe"]
)
def test_folders_that_cannot_be_are_told(images, tmp_path, monkeypatch, capsys, out):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("x")
    os.mkfifo("pipe")
    code, _, told = leave(["data", "split", "--without-boxes", "--out", out, *DATA(images)], capsys)
    assert code == 2, told
    assert told.splitlines()[-1].startswith("imprint: ")
    assert "Traceback" not in told


def DATA(images):
    return ["--data", str(images), "--per-class", "1"]


def test_a_folder_deleted_meanwhile_is_told(tmp_path, monkeypatch, capsys):
    def delete(path):
        path.write_text("x")
        shutil.rmtree(tmp_path / "out")

    monkeypatch.setattr(cli, "run", lambda _: Study(tmp_path / "out").step("a", {}, delete))
    code, _, told = leave(["train"], capsys)
    assert code == 2
    assert "was deleted or moved while imprint wrote to it" in told
    assert told.count("\n") == 1


def test_names_that_control_a_terminal_are_escaped(images, tmp_path, capsys):
    (images / "a").rename(images / HOSTILE_NAME)
    cli.main(["data", "describe", "--out", str(tmp_path / "out"), *DATA(images)[:2]])
    streams = capsys.readouterr()
    (images / HOSTILE_NAME / "x.png").write_bytes(b"no image")
    code, out, told = leave(
        ["data", "describe", "--out", str(tmp_path / "out2"), *DATA(images)[:2]], capsys
    )
    for text in (streams.out, streams.err, out, told):
        assert not set("\x1b\u202e") & set(text)
    assert code == 2
    assert r"\x1b[2Jcat\u202e[red]<b>" in told


def test_names_that_are_not_utf_8_are_told(images, tmp_path, capsys):
    os.rename(images / "a" / "0.png", os.fsencode(images / "a") + b"/\xff.png")
    words = ["data", "describe", "--out", str(tmp_path / "out"), *DATA(images)[:2]]
    code, _, told = leave(words, capsys)
    assert code == 2
    assert r"holds a file or folder '\udcff.png', whose name is not UTF-8" in told


def test_a_pipe_among_the_images_is_told(images, tmp_path, capsys):
    os.mkfifo(images / "a" / "pipe.png")
    words = ["data", "describe", "--out", str(tmp_path / "out"), *DATA(images)[:2]]
    code, _, told = leave(words, capsys)
    assert code == 2
    assert "is a pipe, socket or device" in told


def test_an_image_of_a_small_file_and_many_pixels_is_told(tmp_path, capsys):
    for name in ("a/0.png", "b/1.png"):
        (tmp_path / "data" / name).parent.mkdir(parents=True)
        Image.new("1", (13_000, 13_000)).save(tmp_path / "data" / name)
    words = ["data", "describe", "--out", str(tmp_path / "out"), "--data", str(tmp_path / "data")]
    code, _, told = leave(words, capsys)
    assert code == 2
    assert "13000 × 13000 pixels, more than 120,000,000" in told


SCRIPT = """
import sys
from imprint.cli import main
main(["data", "describe", "--data", sys.argv[1], "--out", sys.argv[2], "--json"])
"""


def test_an_ascii_locale_is_no_obstacle(images, tmp_path):
    renamed = images.rename(tmp_path / "dätä")
    environment = {**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    command = [sys.executable, "-c", SCRIPT, str(renamed), str(tmp_path / "out é")]
    done = subprocess.run(command, env=environment, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert b"Traceback" not in done.stderr


WORKERS = """
import os, signal, sys, threading, time
from imprint.cli import main
import imprint.cli.program as cli
from imprint.launch.launcher import run_tasks

if __name__ == "__main__":
    cli.run = lambda words: run_tasks(time.sleep, [(60,), (60,)], "sleep", 2)
    threading.Timer(4, lambda: os.killpg(0, signal.SIGINT)).start()
    main(["train"])
"""


def test_an_interrupt_is_one_line(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(textwrap.dedent(WORKERS))
    done = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, start_new_session=True,
        check=False, timeout=600,
    )  # fmt: skip
    assert done.returncode == 130
    assert done.stderr.count("\n") == 1


EVIL = "<script>alert(1)</script><img src=x onerror=alert(2)>$\\frac$\x1b[2J\u202e{{7*7}}"


def test_names_of_layers_do_not_reach_the_page_or_the_terminal_as_code(tmp_path, capsys):
    random = np.random.default_rng(0)
    arrays = {f"train/{EVIL}": random.random((30, 3)), f"test/{EVIL}": random.random((12, 3))}
    np.savez(tmp_path / "a.npz", **arrays)
    out = tmp_path / "out"
    cli.main(["coverage", "measure", "--arrays", str(tmp_path / "a.npz"), "--out", str(out)])
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "&lt;script&gt;alert(1)" in page
    assert "<script>alert" not in page
    assert "<img src=x" not in page
    assert not set("\x1b\u202e") & set("".join(capsys.readouterr()))
