"""Open a repository by its path or URL, and load its settings."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from gto_ci.core.errors import GtoError
from gto_ci.files import config
from gto_ci.files.config import Settings
from gto_ci.git import Repository, Runner

RepoLike = str | Path | Repository


@contextmanager
def opened(repo: RepoLike, environ: Mapping[str, str] | None = None) -> Iterator[tuple[Repository, Settings]]:
    """Yield the open repository and its settings. For a URL, the settings come from the remote's HEAD.

    If the ``with`` block raises a :class:`GtoError`, its next step is reworded with the library's keywords.

    Raises:
        NoRepository, WrongConfig: there is no repository, or its configuration is wrong.
        GitError: ``repo`` is a URL, and the remote cannot be reached.
    """
    try:
        with _opened(repo, os.environ if environ is None else environ) as found:
            yield found
    except GtoError as error:
        from gto_ci.hints import for_library  # late: only needed after an error

        for_library(error)
        raise


@contextmanager
def _opened(repo: RepoLike, environ: Mapping[str, str]) -> Iterator[tuple[Repository, Settings]]:
    if isinstance(repo, str) and ":" in repo:
        from gto_ci.git.remotes.url_repository import is_url, open_url  # late: most repositories are local

        if is_url(repo):
            with open_url(repo, Runner(environ)) as remote:
                source = f"HEAD:{config.CONFIG_FILE}"
                (found,) = remote.objects([source])
                yield remote, config.settings_in(found.data if found else None, source, environ)
            return
    repository = repo if isinstance(repo, Repository) else Repository.open(repo, Runner(environ))
    yield repository, config.load(repository.root, environ)
