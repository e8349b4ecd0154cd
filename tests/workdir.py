"""A Git repository for tests that reads as a script: write, commit, tag, expect.

Authors and dates are fixed; each commit or tag comes one minute after the one before, unless a
date is given, so no test sleeps and no result depends on the clock.
"""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

FIRST_DATE = 1_700_000_000
ISOLATED = {
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_TEST_FSYNC": "0",  # git's own switch for tests: no repository here has to outlive a power cut
    "LC_ALL": "C",
}


@dataclass
class WorkDir:
    """A repository in ``path``, and the identity and clock with which it is written."""

    path: Path
    author: str = "Ada Lovelace"
    email: str = "ada@example.com"
    zone: str = "+0000"
    now: int = field(default=FIRST_DATE)

    @classmethod
    def init(cls, path: Path, *options: str) -> WorkDir:
        path.mkdir(parents=True, exist_ok=True)
        workdir = cls(path)
        workdir.git("init", "--quiet", "--initial-branch=main", *options)
        return workdir

    def environ(self, date: int | None = None) -> dict[str, str]:
        moment = f"{self.now if date is None else date} {self.zone}"
        person = {f"GIT_{role}_NAME": self.author for role in ("AUTHOR", "COMMITTER")}
        person |= {f"GIT_{role}_EMAIL": self.email for role in ("AUTHOR", "COMMITTER")}
        dates = {f"GIT_{role}_DATE": moment for role in ("AUTHOR", "COMMITTER")}
        outer = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
        return outer | ISOLATED | person | dates

    def git(self, *args: str, stdin: bytes | None = None, date: int | None = None) -> str:
        done = subprocess.run(
            ["git", *args], cwd=self.path, env=self.environ(date), input=stdin, capture_output=True, check=False
        )
        if done.returncode:
            raise AssertionError(f"git {' '.join(args)}: {done.stderr.decode(errors='replace')}")
        return done.stdout.decode(errors="surrogateescape").rstrip("\n")

    def write(self, name: str, content: str | bytes) -> Path:
        file = self.path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else content)
        return file

    def commit(self, message: str = "a commit", **files: str) -> str:
        """Write ``files`` (``__`` in a keyword is a dot), commit everything, return the commit's id."""
        for name, content in files.items():
            self.write(name.replace("__", "."), content)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--no-verify", "-m", message)
        self.now += 60
        return self.head

    @property
    def head(self) -> str:
        return self.git("rev-parse", "HEAD")

    def tag(self, name: str, at: str = "HEAD", message: str = "a message", *, date: int | None = None) -> str:
        """Make an annotated tag with exactly this message, and return the tag object's id."""
        self.git(
            "tag", "--annotate", "--cleanup=verbatim", "-F", "-", "--", name, at, stdin=message.encode(), date=date
        )
        if date is None:
            self.now += 60
        return self.git("rev-parse", f"refs/tags/{name}")

    def lightweight(self, name: str, at: str = "HEAD") -> None:
        self.git("tag", "--", name, at)

    def raw_tag(self, name: str, body: bytes) -> str:
        """Make a tag whose object holds exactly ``body``, well-formed or not."""
        oid = self.git("hash-object", "-t", "tag", "-w", "--stdin", "--literally", stdin=body)
        self.git("update-ref", f"refs/tags/{name}", oid)
        return oid

    def tags(self) -> dict[str, str]:
        """The id that each ref under refs/tags/ holds."""
        lines = self.git("for-each-ref", "--format=%(objectname) %(refname:strip=2)", "refs/tags").splitlines()
        return {name: oid for oid, _, name in (line.partition(" ") for line in lines)}
