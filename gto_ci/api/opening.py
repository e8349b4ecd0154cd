"""Job: from what a caller calls a repository to an open one and its settings."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from gto_ci import config
from gto_ci.config import Settings
from gto_ci.git import Repository, Runner

RepoLike = str | Path | Repository


@contextmanager
def opened(repo: RepoLike, environ: Mapping[str, str] | None = None) -> Iterator[tuple[Repository, Settings]]:
    """Yield the repository and the settings in effect there.

    Raises:
        NoRepository, WrongConfig: there is none, or its configuration is wrong.
    """
    environ = os.environ if environ is None else environ
    repository = repo if isinstance(repo, Repository) else Repository.open(repo, Runner(environ))
    yield repository, config.load(repository.root, environ)
