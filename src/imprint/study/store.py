"""A study folder: artefacts, the cards that say how each was made, resume.

An artefact is a file or a folder made by one step. It is written under a temporary name and
renamed when complete, after its card, ``NAME.card.json``, which holds the step's settings, the
hashes of the artefacts it was made from, and one hash over all that. So a name that exists is
whole, and a step whose artefact exists with the same hash need not run again. Cards hold no
times or paths: the same study has the same bytes wherever and however often it was interrupted.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, Any

from imprint.core.durable import (
    make_folder,
    replacing,
    telling_disk_errors,
    unfinished_path,
    watching,
)
from imprint.core.errors import ImprintError
from imprint.core.progress import log_step
from imprint.study.fingerprint import fingerprints_in
from imprint.study.hashing import hash_json
from imprint.study.json_io import read_json, write_json
from imprint.study.kept_fingerprints import changed_images, fingerprint_file, write_fingerprint
from imprint.study.step import Step, card_of

NAMED_DIFFERENCES = 4
"""Settings that a refusal names at most; it counts the rest."""


@dataclass(frozen=True)
class Study:
    """A folder of artefacts.

    Args:
        root: the folder; made when the first artefact is written.
    """

    root: Path

    def path(self, name: str) -> Path:
        """Return the path of the artefact ``name``."""
        return self.root / name

    def hash_of(self, name: str) -> str:
        """Return the hash on the card of an artefact that exists."""
        card = read_json(card_path(self.path(name)))
        if not isinstance(card, dict) or not isinstance(card.get("hash"), str):
            raise ImprintError(
                f"{card_path(self.path(name))} is not a card of imprint: delete {self.path(name)} "
                "and run again"
            )
        return str(card["hash"])

    def is_done(self, name: str, settings: Mapping[str, Any], inputs: tuple[str, ...] = ()) -> bool:
        """Return whether the artefact exists, made with these very settings and inputs.

        Raises:
            ImprintError: it exists but was made otherwise; the message says what differs.
        """
        path = self.path(name)
        if not path.exists():
            return False
        wanted = self._card(settings, inputs)
        try:
            card = read_json(card_path(path))
        except FileNotFoundError:
            raise ImprintError(
                f"{path} has no card beside it, so imprint did not make it: "
                "choose another --out or move it away"
            ) from None
        if not isinstance(card, dict):
            raise ImprintError(
                f"{card_path(path)} is not a card of imprint: delete {path} and run again"
            )
        if card.get("hash") == wanted["hash"]:
            return True
        changed = {
            str(each): partial(changed_images, self.root, now=each)
            for each in fingerprints_in(settings)
        }
        differences = list(_differences(card, wanted, changed)) or ["its card was edited"]
        if len(differences) > NAMED_DIFFERENCES:
            rest = len(differences) - NAMED_DIFFERENCES
            differences[NAMED_DIFFERENCES:] = [f"{rest} more differ"]
        difference = "; ".join(differences)
        raise ImprintError(
            f"{path} was made with other settings ({difference}): "
            "choose another --out, or delete this folder to start anew"
        )

    def run(self, step: Step) -> Path:
        """Return the artefact of a step, building it unless it is done.

        Raises:
            ImprintError: it exists with other settings, or the disk is full.
        """
        return self.step(step.artefact, card_of(step), step.build, step.inputs, step.resumable)

    def step(
        self,
        name: str,
        settings: Mapping[str, Any],
        build: Callable[[Path], None],
        inputs: tuple[str, ...] = (),
        resumable: bool = False,
    ) -> Path:
        """Return the artefact ``name``, building it unless it is done.

        Args:
            name: relative path of the artefact.
            settings: everything its content depends on, as JSON values.
            build: writes the artefact, a file or a folder, at the path it is given.
            inputs: names of the artefacts it is made from.
            resumable: ``build`` can go on from what an earlier, killed call of it left behind at
                the path it is given; only work under the same settings is ever handed on.

        Raises:
            ImprintError: the artefact exists with other settings, or the disk is full.
        """
        path = self.path(name)
        if self.is_done(name, settings, inputs):
            log_step(name, None)
            return path
        start = time.monotonic()
        card = self._card(settings, inputs)
        resume = card["hash"][:12] if resumable else ""
        with replacing(path, resume) as temporary, watching(path.parent) as check_it_is_there:
            build(temporary)
            check_it_is_there()
            self.keep_fingerprints(settings)
            write_json(card_path(path), card)
        log_step(name, time.monotonic() - start)
        return path

    def unfinished(
        self, name: str, settings: Mapping[str, Any], inputs: tuple[str, ...] = ()
    ) -> Path:
        """Return where a resumable step keeps its unfinished work, for processes that share it."""
        return unfinished_path(self.path(name), self._card(settings, inputs)["hash"][:12])

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the folder for one process; the lock goes with the process, however it ends.

        A folder made here in which nothing was written is removed again.

        Raises:
            ImprintError: another process is at work in this folder.
        """
        new = not self.root.exists()
        make_folder(self.root)
        lock = self.root / ".lock"
        with _open_lock(lock) as file:
            if not _lock(file):
                raise ImprintError(
                    f"another imprint process is at work in {self.root}: "
                    "wait for it or choose another --out"
                )
            try:
                yield
            finally:
                if new and list(self.root.iterdir()) == [lock]:
                    lock.unlink()
                    self.root.rmdir()

    def keep_fingerprints(self, settings: Any) -> None:
        """Keep the hash of each image that a step is made from, to name one that changes.

        Processes that share a study know the hash of the set alone: what starts them keeps it.
        """
        for fingerprint in fingerprints_in(settings):
            file = fingerprint_file(self.root, fingerprint)
            if not file.exists():
                with replacing(file) as temporary:
                    write_fingerprint(temporary, fingerprint)

    def _card(self, settings: Mapping[str, Any], inputs: tuple[str, ...]) -> dict[str, Any]:
        card: dict[str, Any] = {
            "settings": json.loads(json.dumps(settings, sort_keys=True)),
            "inputs": {name: self.hash_of(name) for name in inputs},
        }
        return {"hash": hash_json(card), **card}


def card_path(path: Path) -> Path:
    """Return where the card of an artefact lies."""
    return path.with_name(path.name + ".card.json")


def _differences(
    stored: Any,
    wanted: Any,
    changed: Mapping[str, Callable[[str], str]],
    where: str = "",
) -> Iterator[str]:
    """Yield what differs between two cards.

    Args:
        stored: the card that is there, or a part of it.
        wanted: likewise of the card that is asked for.
        changed: by fingerprint of a data set as it is now, what says which of its images differ
            from those of an earlier fingerprint.
        where: place of the part.
    """
    if isinstance(stored, dict) and isinstance(wanted, dict):
        for key in sorted(stored.keys() | wanted.keys()):
            if where == "" and key == "hash":
                continue
            missing = "nothing"
            inner = key if where in ("", "settings", "inputs") else f"{where}.{key}"
            parts = stored.get(key, missing), wanted.get(key, missing)
            yield from _differences(*parts, changed, inner)
    elif stored != wanted:
        images = changed[wanted](stored) if isinstance(wanted, str) and wanted in changed else ""
        if images:
            yield f"{where}: {images}"
            return
        yield f"{where}: {_short(stored)} there, {_short(wanted)} now"


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= 40 else text[:12] + "…"


def _open_lock(path: Path) -> IO[str]:
    """Return the file of a lock, opened for writing; never a pipe, which would wait.

    Raises:
        ImprintError: it cannot be written.
    """
    if path.exists() and not path.is_file():
        raise ImprintError(f"{path} is not a regular file: remove it or choose another --out")
    with telling_disk_errors(path):
        return path.open("w", encoding="utf-8")


def _lock(file: IO[str]) -> bool:
    """Take the exclusive lock of a file, where the system has such locks."""
    try:
        import fcntl
    except ImportError:
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
