"""gto 0.2.4 in a process of its own, and ours in this one, as writers of annotations."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any
from unittest.mock import patch

from tests.oracle import peers
from tests.oracle.programs import Answer, Ours, environment

# What is mended in gto 0.2.4 in every comparison: the names of functions in serve_old.py.
# The numbers are those of docs/differences-from-gto.md; test_old_known_bugs.py shows each.
MENDED = {
    "no_corrupted_index": 3,
    "one_version_per_commit": 5,
    "many_registrations": 6,
    "last_assignments": 7,
    "registered_only": 8,
    "text_in_tables": 12,
    "whole_versions": 22,
    "tags_before_commits": 24,
    "dates_with_zones": 60,
    "deprecated_are_hidden": 61,
    "verbatim": 62,
}


@dataclass
class OldGto:
    """``gto`` 0.2.4, in one process that serves any number of questions."""

    _process: subprocess.Popen[str] | None = field(default=None, repr=False)
    _unread: int = field(default=0, repr=False)

    def __enter__(self) -> OldGto:
        python = peers.python_of(peers.OLD_GTO)
        self._process = subprocess.Popen(
            [str(python), "-W", "ignore", str(Path(__file__).with_name("serve_old.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            env=environment() | {"TZ": "UTC"},
        )
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._process is not None:
            self._process.communicate(timeout=30)  # closes its input, which ends it

    def run(
        self, repo: Path, *argv: str, mended: Sequence[str] = tuple(MENDED), environ: Mapping[str, str] = {}
    ) -> Answer:
        """Return what ``gto ARGV --repo REPO`` does."""
        return self.start(repo, *argv, mended=mended, environ=environ)()

    def start(
        self, repo: Path, *argv: str, mended: Sequence[str] = tuple(MENDED), environ: Mapping[str, str] = {}
    ) -> Callable[[], Answer]:
        """Ask, and return what waits for the answer: ours can work meanwhile."""
        question = {
            "repo": str(repo),
            "argv": [*argv, "--repo", str(repo)],
            "mended": list(mended),
            "environ": dict(environ),
        }
        process = self._process
        assert process is not None
        assert process.stdin is not None
        assert process.stdout is not None
        for _ in range(self._unread):  # a test failed before it read its answer
            process.stdout.readline()
        print(json.dumps(question), file=process.stdin, flush=True)
        self._unread = 1

        def answer() -> Answer:
            assert process.stdout is not None
            line = process.stdout.readline()
            self._unread = 0
            if not line:
                raise AssertionError(f"gto 0.2.4 ended (exit {process.wait(30)}) over {question}")
            said = json.loads(line)
            return Answer(said["code"], values(said["stdout"]), said["stderr"])

        return answer


class Writer:
    """Our ``gto``, where it writes: each command meets the repository as it is, and finds ``environ``."""

    def run(self, repo: Path, *argv: str, environ: Mapping[str, str]) -> Answer:
        outer = {name: text for name, text in os.environ.items() if not name.startswith(("GIT_", "GTO_"))}
        with patch.dict(os.environ, {**outer, **environ}, clear=True):
            answer = Ours().run(repo, *argv)
        return Answer(answer.code, values(answer.stdout), answer.stderr)


def values(text: Any) -> Any:
    """Return JSON as values, so that the order of keys does not count, and other text as it is."""
    if not isinstance(text, str) or text[:1] not in ("{", "["):
        return text
    try:
        return json.loads(text)
    except ValueError:
        return text
