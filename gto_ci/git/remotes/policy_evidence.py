"""Evidence about a commit and its tags, for the gate.

It says which branches contain the commit, which tags approve it, and who signed those tags. A :class:`RemoteEvidence`
fetches each piece of evidence on request into the scratch repository of a remote mirror.
"""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import NamedTuple

from gto_ci.core.errors import GitError, RefNotFound, quote
from gto_ci.core.events import TagRecord
from gto_ci.git.output import TAG_FORMAT, GitObject, parse_tags
from gto_ci.git.remotes.mirror import WHOLE_HISTORY, RemoteMirror
from gto_ci.git.repository import Repository
from gto_ci.git.scratch_folders import temporary_folder
from gto_ci.git.signatures import Signature, verify

_HEADS = "refs/heads/"
_KEPT = "refs/gto-ci/"  # in scratch repositories, for the remote's branches and the commit with the rules


class FileAt(NamedTuple):
    """A file at the commit that ``ref`` names ("": the default branch). ``data`` is None if there is no such file."""

    ref: str
    commit: str
    path: str
    data: bytes | None

    @property
    def place(self) -> str:
        """The ref and the commit, for a message."""
        return f"{quote(self.ref) if self.ref else 'the default branch'} ({self.commit[:7]})"


class EvidenceSource:
    """Evidence from ``repository`` itself, with the branches that were fetched from ``remote``.

    ``default_branch`` is the default branch of the ``remote``; "" if only the repository can tell.
    """

    def __init__(self, repository: Repository, remote: str = "origin", default_branch: str = "") -> None:
        self.repository = repository
        self.default_branch = default_branch
        self.prefixes: tuple[str, ...] = (f"refs/remotes/{remote}/", _HEADS)

    def objects(self, names: Sequence[str]) -> Sequence[GitObject | None]:
        """Return the objects called ``names``, None for each missing one."""
        return self.repository.objects(names)

    def commit(self, name: str) -> str:
        """Return the commit that ``name`` means; "" means the default branch.

        Raises:
            RefNotFound: it names no commit here, or two; or the default branch is not known here.
        """
        if name:
            return self.repository.commit_id(self._rev(name))
        ref = f"{self.prefixes[0]}{self.default_branch or 'HEAD'}"
        if not self._here(ref):
            raise RefNotFound("The default branch is not known here", "Name a commit or branch")
        return self.repository.commit_id(ref)

    def find(self, ref: str, path: str) -> FileAt:
        """Return the file ``path`` at the commit that ``ref`` names; "" means the default branch.

        Raises:
            RefNotFound: there is no such commit.
            GitError: git cannot read it.
        """
        commit, path = self.commit(ref), posixpath.normpath(path)
        return FileAt(ref, commit, path, self.file(commit, path))

    def file(self, commit: str, path: str) -> bytes | None:
        """Return the content of ``path`` in ``commit``, None if there is no such file."""
        if path.split("/")[0] in (".", ".."):
            return None  # git would resolve it from its current folder
        (found,) = self.objects([f"{commit}:{path}"])
        return found.data if found is not None and found.kind == "blob" else None

    def branches(self, globs: Sequence[str], commit: str) -> list[str]:
        """Return the branches that match one of ``globs`` and contain ``commit``.

        Raises:
            GitError: git cannot read the repository.
        """
        refs = [prefix.rstrip("/") for prefix in self.prefixes]
        try:
            listed = self.repository.git("for-each-ref", f"--contains={commit}", "--format=%(refname)", "--", *refs)
        except GitError:
            if self.repository.objects([commit]) == [None]:
                return []
            raise
        found = {self._short(ref) for ref in listed.decode(errors="surrogateescape").splitlines()}
        return sorted(name for name in found if any(fnmatchcase(name, glob) for glob in globs))

    def approvals(self, artifact: str, stage: str) -> list[TagRecord]:
        """Return the tags whose names have the prefix of approvals of ``artifact`` for ``stage``.

        Raises:
            GitError: git cannot read the repository.
        """
        beginning = f"refs/tags/{approval_prefix(artifact, stage)}"
        patterns = (f"{beginning}*", f"{beginning}*/**")  # `*` stops at a slash
        listed = self.repository.git("for-each-ref", f"--format={TAG_FORMAT}", "--", *patterns)
        return [record for record in parse_tags(listed) if record.target_type == "commit"]

    def signatures(self, records: Sequence[TagRecord], signers: bytes) -> Mapping[str, Signature]:
        """Return the signatures of tags by name; ``signers`` is the content of ssh's file of allowed signers.

        Raises:
            GitError: git cannot read the repository.
        """
        with temporary_folder() as folder:
            file = folder / "allowed_signers"
            file.write_bytes(signers)
            runner = self.repository.runner.with_config(("gpg.ssh.allowedSignersFile", str(file)))
            asking = Repository(self.repository.root, runner)
            return verify(asking, {record.name: record.signed for record in records if record.signed})

    def _rev(self, name: str) -> str:
        """Return a full ref or revision for git, which would prefer a tag to a branch, or to a missing ref."""
        if name == "HEAD":
            return name
        if name.startswith("refs/"):
            if not self._here(name):
                raise RefNotFound(f"There is no {quote(name)} here", "Check the name, or fetch it")
            return name
        tags = self._here(f"refs/tags/{name}")
        branches = self._here(f"{_HEADS}{name}", f"{self.prefixes[0]}{name}")
        if tags and branches:
            raise _ambiguous(name)
        return next(iter([*tags, *branches]), name)

    def _here(self, *refs: str) -> list[str]:
        """Return those of the full names ``refs`` that exist."""
        listed = self.repository.git("for-each-ref", "--format=%(refname)", "--", *refs)
        return [ref for ref in listed.decode(errors="surrogateescape").splitlines() if ref in refs]

    def _short(self, ref: str) -> str:
        return next(ref.removeprefix(prefix) for prefix in self.prefixes if ref.startswith(prefix))


class RemoteEvidence(EvidenceSource):
    """Evidence from the remote of ``mirror``."""

    def __init__(self, mirror: RemoteMirror) -> None:
        super().__init__(mirror.scratch)
        self.prefixes = (f"{_KEPT}heads/",)
        self._mirror = mirror

    def objects(self, names: Sequence[str]) -> Sequence[GitObject | None]:
        """Return the objects called ``names``; missing ones are fetched."""
        return self._mirror.objects(names)

    def commit(self, name: str) -> str:
        """Return the commit that ``name`` means on the remote; "" means its default branch.

        Raises:
            RefNotFound: it names no commit there.
            GitError: the remote cannot be reached.
        """
        if not name:
            head = self._mirror.head or self._mirror.list_refs("HEAD").get("HEAD", "")
            if not head:  # git would fetch a tag called HEAD
                raise RefNotFound("The remote has no default branch", "Name a commit or branch")
            if self._has(head):
                return head  # a job usually runs at the head of the branch
        ref = self._ref(name) if name else "HEAD"
        kept = f"{_KEPT}rules"
        self._mirror.fetch([f"+{ref}:{kept}"], "--depth=1", "--filter=tree:0")
        return self.repository.commit_id(kept)

    def branches(self, globs: Sequence[str], commit: str) -> list[str]:
        """Return the remote's branches that match one of ``globs`` and contain ``commit``; only commits are fetched."""
        listed = self._mirror.list_refs(f"{_HEADS}*")
        names = [ref.removeprefix(_HEADS) for ref in listed if ref.startswith(_HEADS)]
        fitting = [name for name in names if any(fnmatchcase(name, glob) for glob in globs)]
        if not fitting:
            return []
        self._mirror.fetch(
            [f"+{_HEADS}{name}:{_KEPT}heads/{name}" for name in fitting], WHOLE_HISTORY, "--filter=tree:0"
        )
        return super().branches(globs, commit)

    def approvals(self, artifact: str, stage: str) -> list[TagRecord]:
        """Return the remote's tags whose names have the prefix of approvals of ``artifact`` for ``stage``."""
        beginning = f"refs/tags/{approval_prefix(artifact, stage)}"
        found = list(self._mirror.list_refs(f"{beginning}*"))
        if not found:
            return []
        self._mirror.fetch([f"+{ref}:{ref}" for ref in found], "--depth=1", "--filter=tree:0")
        return super().approvals(artifact, stage)

    def _has(self, commit: str) -> bool:
        """Tell whether the workspace has ``commit``. In a partial clone only HEAD counts: git would fetch others."""
        here, remote = self._mirror.repository, self._mirror.remote
        if remote is not None and remote.promisor:
            return here.rev_parse("--verify", "--quiet", "HEAD") == [commit]
        return here.objects([commit]) != [None]

    def _ref(self, name: str) -> str:
        if len(name) in (40, 64) and not name.strip("0123456789abcdef"):
            return name
        meant = (name,) if name.startswith("refs/") else (f"{_HEADS}{name}", f"refs/tags/{name}")
        found = sorted(self._mirror.list_refs(*meant).keys() & set(meant))
        if len(found) > 1:
            raise _ambiguous(name)
        if not found:
            raise RefNotFound(
                f"{quote(name)} is neither a branch nor a tag of the remote", "Check the name, or push it"
            )
        return found[0]


def approval_prefix(artifact: str, stage: str) -> str:
    """Return the prefix of the names of tags that approve ``artifact`` for ``stage``."""
    return f"{artifact.replace(':', '=')}#{stage}+"


def _ambiguous(name: str) -> RefNotFound:
    return RefNotFound(f"{quote(name)} is both a branch and a tag", "Name it in full, for example refs/heads/main")
