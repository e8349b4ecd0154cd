"""What others on the machine can see of a program while it runs: command lines, environments, files. For Linux."""

from __future__ import annotations

import base64
import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote


def forms(token: str) -> list[bytes]:
    """A token as it is, in the header that carries it, and as a part of a URL."""
    header = base64.b64encode(f"x-access-token:{token}".encode())
    return list({token.encode(), header, quote(token, safe="").encode()})


@dataclass(frozen=True)
class Process:
    """A program that was started: its words and its variables."""

    words: tuple[bytes, ...]
    environ: dict[bytes, bytes]

    @classmethod
    def read(cls, words: bytes, environ: bytes) -> Process:
        """What /proc has of it: each word ends in a NUL."""
        variables = (entry.partition(b"=")[::2] for entry in environ.split(b"\0"))
        return cls(tuple(words.split(b"\0")[:-1]), dict(variables))

    @property
    def program(self) -> str:
        return Path(os.fsdecode(self.words[0])).name if self.words else ""

    def names(self, secret: bytes) -> list[bytes]:
        """The variables that hold `secret`."""
        return [name for name, value in self.environ.items() if secret in value]


def processes() -> Iterator[Process]:
    """All processes that run now, except this one."""
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal() and folder.name != str(os.getpid()):
            with suppress(OSError):  # it has ended meanwhile
                yield Process.read(folder.joinpath("cmdline").read_bytes(), folder.joinpath("environ").read_bytes())


def holding(folder: Path, *secrets: bytes) -> list[Path]:
    """The files below `folder` that hold one of `secrets`, in their content or in their name."""
    found = []
    for path in folder.rglob("*"):
        data = os.fsencode(path.name)
        with suppress(OSError):  # it has been removed meanwhile
            data += os.fsencode(path.readlink()) if path.is_symlink() else path.read_bytes() if path.is_file() else b""
        if any(secret in data for secret in secrets):
            found.append(path)
    return found


class Recorder:
    """Programs that stand on the PATH before those of the same name, and write down how they were started.

    While `program` is one of `keeping`, they also keep a copy of all that is in the folder `temp` at that moment.
    """

    def __init__(self, folder: Path, temp: Path, *programs: str, keeping: str = "") -> None:
        self._seen = folder / "seen"
        self._bin = folder / "bin"
        self.copies = folder / "copies"
        for place in (self._seen, self._bin, self.copies):
            place.mkdir(parents=True)
        for program in programs:
            real = shutil.which(program)
            assert real is not None, program
            lines = [f"cat /proc/$$/cmdline >'{self._seen}'/$$.words; cat /proc/$$/environ >'{self._seen}'/$$.environ"]
            if program == keeping:
                lines.append(f"cp -R '{temp}' '{self.copies}'/$$")
            script = self._bin / program
            script.write_text("\n".join(["#!/bin/sh", *lines, f'exec {real} "$@"', ""]))
            script.chmod(0o755)

    @property
    def path(self) -> str:
        """The PATH on which they are found."""
        return f"{self._bin}{os.pathsep}{os.environ['PATH']}"

    @property
    def started(self) -> list[Process]:
        """What was started so far. The first two words are the shell and the script."""
        found = []
        for file in sorted(self._seen.glob("*.words")):
            one = Process.read(file.read_bytes(), file.with_suffix(".environ").read_bytes())
            found.append(Process(one.words[1:], one.environ))
        return found


class Watch(threading.Thread):
    """Looks at all processes, again and again while the context lasts, for `secrets` on a command line.

    `programs` are the names of those that were seen, `found` the command lines with a secret.
    """

    def __init__(self, *secrets: bytes) -> None:
        super().__init__(daemon=True)
        self.found: set[tuple[bytes, ...]] = set()
        self.programs: set[str] = set()
        self._secrets = secrets
        self._ended = threading.Event()

    def __enter__(self) -> Watch:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self.join()

    def run(self) -> None:
        while not self._ended.wait(0.01):
            self.look()

    def look(self) -> None:
        """Look once more: for moments in which something is known to run."""
        for process in processes():
            self.programs.add(process.program)
            if any(secret in word for secret in self._secrets for word in process.words):
                self.found.add(process.words)
