"""The repository on the server: a bare one, with commits and tags whose people and dates the test decides."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

# Git that knows nothing of the person or machine that runs the tests, and never asks a question.
PLAIN_GIT: Mapping[str, str] = {
    "PATH": os.environ.get("PATH", os.defpath),
    "LC_ALL": "C.UTF-8",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_TERMINAL_PROMPT": "0",
    # a workspace handed to another user is still this test's own
    "GIT_CONFIG_COUNT": "1",
    "GIT_CONFIG_KEY_0": "safe.directory",
    "GIT_CONFIG_VALUE_0": "*",
}


def git(folder: Path, *arguments: str, stdin: bytes = b"", environment: Mapping[str, str] | None = None) -> str:
    """Run git in `folder`; its output without the last newline. Raises with git's own words when it fails."""
    done = subprocess.run(
        ["git", *arguments],
        cwd=folder,
        env={**PLAIN_GIT, **(environment or {})},
        input=stdin,
        capture_output=True,
        check=False,
    )
    if done.returncode:
        raise AssertionError(f"git {' '.join(arguments)} in {folder}: {done.stderr.decode(errors='replace')}")
    return done.stdout.decode("utf-8", "surrogateescape").removesuffix("\n")


@dataclass(frozen=True)
class Person:
    name: str = "Tess Tagger"
    email: str = "tess@example.com"


TAGGER = Person()
DATE = "2024-03-01T12:00:00+02:00"


@dataclass(frozen=True)
class Remote:
    """A bare repository at `path`, named as on GitHub (`acme/models`)."""

    path: Path
    name: str = "acme/models"

    @classmethod
    def create(cls, path: Path, name: str = "acme/models") -> Remote:
        path.mkdir(parents=True)
        git(path, "init", "--quiet", "--bare", "--initial-branch=main")
        return cls(path, name)

    @property
    def file_url(self) -> str:
        return f"file://{self.path}"

    def allow_filters(self) -> None:
        git(self.path, "config", "uploadpack.allowFilter", "true")

    def commit(
        self, message: str, files: Mapping[str, str | bytes] | None = None, *, branch: str = "main", date: str = DATE
    ) -> str:
        """Add a commit with these files to a branch, which starts where `main` stands when it is new; its id."""
        refs = git(self.path, "for-each-ref", "--format=%(objectname)", f"refs/heads/{branch}", "refs/heads/main")
        parent = refs.splitlines()[0] if refs else None
        who = _identity(Person("Ada Author", "ada@example.com"), date)
        index = {"GIT_INDEX_FILE": str(self.path / "test-index")}
        git(self.path, "read-tree", parent or "--empty", environment=index)
        entries = [
            f"100644 {git(self.path, 'hash-object', '-w', '--stdin', stdin=_bytes(content))}\t{name}\0"
            for name, content in (files or {}).items()
        ]
        git(self.path, "update-index", "-z", "--index-info", stdin="".join(entries).encode(), environment=index)
        tree = git(self.path, "write-tree", environment=index)
        parents = ["-p", parent] if parent else []
        commit = git(self.path, "commit-tree", tree, *parents, stdin=message.encode(), environment=who)
        git(self.path, "update-ref", f"refs/heads/{branch}", commit)
        return commit

    def tag(
        self,
        name: str,
        target: str = "main",
        message: str | bytes | None = None,
        *,
        tagger: Person = TAGGER,
        date: str = DATE,
    ) -> str:
        """Make an annotated tag with exactly this message and tagger; the id of the tag object.

        It is written by hand, for `git tag` would tidy what the test wants untidy.
        """
        when = datetime.fromisoformat(date.replace("Z", "+00:00"))
        head = (
            f"object {self.peel(target)}\ntype commit\ntag {name}\n"
            f"tagger {tagger.name} <{tagger.email}> {when.timestamp():.0f} {when:%z}\n\n"
        )
        text = _bytes(f"About {name}\n" if message is None else message)
        written = ("hash-object", "-t", "tag", "-w", "--stdin", "--literally")
        oid = git(self.path, *written, stdin=head.encode() + text)
        git(self.path, "update-ref", f"refs/tags/{name}", oid)
        return oid

    def lightweight_tag(self, name: str, target: str = "main") -> None:
        git(self.path, "update-ref", f"refs/tags/{name}", self.resolve(target))

    def delete_tag(self, name: str) -> None:
        git(self.path, "update-ref", "-d", f"refs/tags/{name}")

    def resolve(self, revision: str) -> str:
        return git(self.path, "rev-parse", "--verify", "--end-of-options", revision)

    def peel(self, revision: str) -> str:
        return self.resolve(f"{revision}^{{commit}}")


def _bytes(text: str | bytes) -> bytes:
    return text.encode() if isinstance(text, str) else text


def _identity(who: Person, date: str) -> dict[str, str]:
    return {
        "GIT_AUTHOR_NAME": who.name, "GIT_AUTHOR_EMAIL": who.email, "GIT_AUTHOR_DATE": date,
        "GIT_COMMITTER_NAME": who.name, "GIT_COMMITTER_EMAIL": who.email, "GIT_COMMITTER_DATE": date,
    }  # fmt: skip
