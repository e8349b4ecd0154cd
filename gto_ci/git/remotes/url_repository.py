"""A repository at a URL, read and written without a clone.

Each question fetches the objects that it needs into a scratch repository: tag objects and their commits, the names of a
commit's files, single files. The scratch repository is removed at the end. Writes go to the remote.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from gto_ci.core.errors import GitError, RefNotFound, Remedies
from gto_ci.core.events import TagRecord
from gto_ci.git.output import GitObject, allows_filters, parse_symref_listing
from gto_ci.git.process import Runner
from gto_ci.git.remotes.mirror import WHOLE_HISTORY, RemoteMirror
from gto_ci.git.remotes.network_retries import retrying
from gto_ci.git.remotes.push import MARKS
from gto_ci.git.remotes.settings import Remote, remote_at
from gto_ci.git.repository import Repository
from gto_ci.git.scratch_folders import temporary_folder

_URL = re.compile(r"[a-z][a-z0-9+.-]*://.+|(?:[\w.-]+@)?[\w.-]+:(?!\\).+", re.IGNORECASE)
_ID = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


def is_url(text: str) -> bool:
    """Tell whether ``text`` is a URL or git's ``HOST:PATH``, and not a folder on this machine."""
    return _URL.fullmatch(text) is not None and not Path(text).exists()


@dataclass(slots=True)
class _Link:
    """The mirror of a remote, and what is known about it. ``refs`` maps names to commits, also those of tags.

    ``brought`` has the fetches that were made already.
    """

    mirror: RemoteMirror
    remote: Remote
    refs: dict[str, str]
    branch: str | None
    brought: set[str] = field(default_factory=set)


class UrlRepository(Repository):
    """A repository at a URL. Made by :func:`open_url`."""

    __slots__ = ("link",)

    def __init__(self, root: Path, runner: Runner, link: _Link) -> None:
        super().__init__(root, runner)
        self.link: Final = link

    @property
    def remote(self) -> Remote:
        """The remote, as ``origin`` of the scratch repository."""
        return self.link.remote

    @property
    def branch(self) -> str | None:
        """The name of HEAD's branch, None if there is no branch yet or HEAD is detached."""
        return self.link.branch

    @contextmanager
    def reading_tags(self, artifact: str | None = None) -> Iterator[Iterator[TagRecord]]:
        """Yield all tags of the remote, or only those of one artifact.

        Raises:
            GitError: the remote cannot be reached.
        """
        yield iter(self.link.mirror.fetch_registry(artifact))

    def tag_ids(self, names: Sequence[str]) -> dict[str, str]:
        """Return nothing: the scratch repository has no tags."""
        return {}

    def objects(self, names: Sequence[str]) -> list[GitObject | None]:
        """Return the objects called ``names`` (``REV``, ``REV:PATH``), None for each missing one.

        Raises:
            GitError: the remote cannot be reached.
        """
        if any(name.startswith("HEAD") for name in names):
            self._bring_head()
        if self.link.mirror.lazy:
            commits = {name.partition(":")[0] for name in names if _ID.match(name) and ":" in name}
            self._fetch(sorted(commits), "--depth=1", "--filter=blob:none")
        else:
            lacking = [name for name in names if _ID.fullmatch(name)]
            lacking += [name.partition(":")[0] for name in names if _ID.match(name) and ":" in name]
            self._fetch(sorted(set(lacking)), "--depth=1")
        return self.link.mirror.scratch.objects(names)

    def fetch(self, what: Literal["branches", "history"]) -> None:
        """Fetch the names of the files in all branches' heads, or in all their commits.

        Raises:
            GitError: the remote cannot be reached, or does not support filters.
        """
        if what == "history" and not self.link.mirror.lazy:
            raise GitError(
                ["git", "fetch"], None, stderr="the server knows no filters", next_step=Remedies.CLONE_REPOSITORY
            )
        depth = WHOLE_HISTORY if what == "history" else "--depth=1"
        self._fetch(["+refs/heads/*:refs/heads/*"], depth, "--filter=blob:none")
        self._bring_head()

    def bring_commits(self, commits: Sequence[str]) -> None:
        """Fetch ``commits``, by their ids.

        Raises:
            GitError: the remote cannot be reached, or does not have them.
        """
        self._fetch(commits, "--depth=1", "--filter=tree:0")

    def bring_blobs(self, blobs: Sequence[str]) -> None:
        """Fetch files by their ids, all at once. Otherwise git would fetch each when it is read.

        Raises:
            GitError: the remote cannot be reached.
        """
        if self.link.mirror.lazy:
            self._fetch(blobs, "--depth=1", "--filter=blob:none")

    def commit_id(self, rev: str) -> str:
        """Return the id of the commit that ``rev`` names on the remote.

        Raises:
            RefNotFound: it names no commit there.
            GitError: the remote cannot be reached.
        """
        places = ("HEAD",) if rev == "HEAD" else (rev, f"refs/{rev}", f"refs/tags/{rev}", f"refs/heads/{rev}")
        known = next((self.link.refs[place] for place in places if place in self.link.refs), None)
        if known is None and rev != "HEAD" and not _ID.fullmatch(rev):
            self.fetch("history")  # an abbreviated id, or a revision relative to a ref
            self._fetch(["+refs/tags/*:refs/tags/*"], WHOLE_HISTORY, "--filter=blob:none")
            return self._resolved(rev)
        if known is None and rev == "HEAD":
            raise RefNotFound("Ref 'HEAD' was not found: the repository has no commit yet", "Make a first commit")
        commit = known or rev
        try:
            self.bring_commits([commit])
        except GitError as error:
            if "not our ref" not in error.stderr and "unadvertised" not in error.stderr:
                raise
        return self._resolved(commit)

    def remote_name(self) -> str:
        """Return the remote's name in the scratch repository."""
        return self.link.remote.name

    def _resolved(self, rev: str) -> str:
        return self.link.mirror.scratch.commit_id(rev)

    def _bring_head(self) -> None:
        head = self.link.refs.get("HEAD")
        if head is not None:
            self._fetch([head], "--depth=1", "--filter=blob:none")
            (self.root / "HEAD").write_text(f"{head}\n", encoding="ascii")

    def _fetch(self, wanted: Sequence[str], *options: str) -> None:
        keys = {name: " ".join((name, *options)) for name in wanted}
        lacking = [name for name in wanted if keys[name] not in self.link.brought]
        if lacking:
            self.link.mirror.fetch(lacking, *options)
            self.link.brought |= {keys[name] for name in lacking}


@contextmanager
def open_url(url: str, runner: Runner) -> Iterator[UrlRepository]:
    """Yield the repository at ``url``, for as long as the context lasts.

    Raises:
        GitError: it cannot be reached.
    """
    remote = remote_at(url)
    with temporary_folder() as folder:
        root, trace = folder / "scratch", folder / "trace"
        root.mkdir()
        runner = Runner({**runner.environ, "GIT_CEILING_DIRECTORIES": str(folder)}, runner.config, runner.secrets)
        asked = ("HEAD", "refs/heads/*", "refs/tags/*", f"{MARKS}*")
        listed = retrying(
            lambda: runner.run(
                ["ls-remote", "--symref", "--", url, *asked],
                root,
                timeout=runner.network_timeout,
                environ={"GIT_TRACE_PACKET": str(trace)},
            ),
        )
        refs, branch = parse_symref_listing(listed)
        longest = max((len(oid) for oid in refs.values()), default=40)
        mirror = RemoteMirror.in_folder(root, runner, remote, "sha256" if longest == 64 else "sha1")
        if trace.exists() and allows_filters(trace.read_text(encoding="utf-8", errors="replace")):
            mirror.fetch_on_demand()
        mirror.listed = listed
        scratch = mirror.scratch
        yield UrlRepository(scratch.root, scratch.runner, _Link(mirror, remote, refs, branch))
