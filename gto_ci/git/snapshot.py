"""Edge, git: a scratch repository beside the user's.

Interpreting a tag needs the registry's other tags, which a CI checkout does not have. They are
fetched into a scratch repository that borrows the user's objects and is thrown away afterwards:
the user's refs, configuration and objects stay as they were. What travels are tag and commit
objects (``--depth=1 --filter=tree:0``); files are read from it on demand.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from gto_ci.errors import TagProblem, quote
from gto_ci.events import TagRecord
from gto_ci.git.parse import RemoteTag, parse_ls_remote
from gto_ci.git.remote import Remote, retrying
from gto_ci.git.repository import Repository
from gto_ci.git.runner import NETWORK_TIMEOUT
from gto_ci.names import match_tag

SCRATCH_REMOTE = "origin"
# Hooks and upkeep of the user's repository are not ours to run.
QUIET = (("core.hooksPath", os.devnull), ("gc.auto", "0"), ("maintenance.auto", "false"))


class Snapshot:
    """A scratch repository that sees the user's objects. Made by :meth:`beside`."""

    def __init__(self, repository: Repository, scratch: Repository, remote: Remote | None) -> None:
        self.repository = repository
        self.scratch = scratch
        self.remote = remote

    @classmethod
    @contextmanager
    def beside(cls, repository: Repository, remote: Remote | None) -> Iterator[Snapshot]:
        """Yield a snapshot in a temporary folder, which is removed afterwards.

        Raises:
            GitError: git cannot read ``repository``.
        """
        with tempfile.TemporaryDirectory(prefix="gto-ci-", ignore_cleanup_errors=True) as folder:
            root = Path(folder)
            objects, shallow, object_format = repository.rev_parse(
                *("--path-format=absolute", "--git-path", "objects", "--git-path", "shallow", "--show-object-format")
            )
            _lay_out(root, Path(objects), Path(shallow), object_format, remote)
            runner = repository.runner.with_config(*QUIET, ("safe.directory", str(root)))
            if remote is not None:
                runner = runner.with_config(*remote.config, secrets=remote.secrets)
            yield cls(repository, Repository(root, runner), remote)

    def fetch_registry(self) -> list[TagRecord]:
        """Bring the remote's registry tags here, only those, and return them.

        Raises:
            TagProblem: the repository has no remote.
            GitError: the remote cannot be reached or refuses.
        """
        if self.remote is None:
            raise TagProblem(
                f"Cannot fetch tags: the repository {quote(self.repository.root)} has no remote",
                "Set 'fetch-tags: false' to read only the tags that it has",
            )
        advertised = retrying(self._fetch_once)
        # a lightweight tag is no event, whatever it points to, so that need not come here
        lightweight = [TagRecord(tag.name, False, tag.target, "commit") for tag in advertised if tag.target == tag.oid]
        return self.scratch.tag_records() + lightweight

    def restore_tag(self, name: str) -> list[Path]:
        """Make the user's tag ``name`` the annotated one that the remote has.

        Only that ref and its tag object are written. Returns the files and folders that came into
        being or were replaced, so that a caller running as root can give them to the workspace's
        owner.

        Raises:
            GitError: git cannot write.
        """
        ref = f"refs/tags/{name}"
        (found,) = self.scratch.objects([ref])
        present = self.repository.git("for-each-ref", "--format=%(objectname)", "--", ref).decode().strip()
        if found is None or found.kind != "tag" or present == found.oid:
            return []
        asked = ("--path-format=absolute", "--git-common-dir", "--git-path", f"objects/{found.oid[:2]}")
        git_dir, object_path = (Path(line) for line in self.repository.rev_parse(*asked))
        places = (git_dir, git_dir / "refs", git_dir / "reftable", git_dir / "logs", object_path)
        before = _listing(places)
        quiet = Repository(self.repository.root, self.repository.runner.with_config(*QUIET))
        # --literally: a tag is what the remote says it is, an odd time zone included
        written = quiet.git("hash-object", "-t", "tag", "-w", "--stdin", "--literally", stdin=found.data)
        quiet.git("update-ref", "--no-deref", "-m", "gto-ci: annotated tag", "--", ref, written.decode().strip())
        return sorted(path for path, _ in _listing(places) - before)

    def _fetch_once(self) -> list[RemoteTag]:
        listed = self._network("ls-remote", "--tags", "--", SCRATCH_REMOTE)
        advertised = [tag for tag in parse_ls_remote(listed) if match_tag(tag.name)]
        annotated = [tag for tag in advertised if tag.target != tag.oid]
        here = set(self.repository.git("for-each-ref", "--format=%(objectname)", "--", "refs/tags").decode().split())
        wanted = [tag.oid for tag in annotated if tag.oid not in here]
        if wanted:
            # by id, not by name: git matches names against all the remote's refs, each name anew
            self._network(
                *("fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules"),
                *("--depth=1", "--filter=tree:0", "--stdin", "--", SCRATCH_REMOTE),
                stdin="".join(f"{oid}\n" for oid in wanted).encode(),
            )
        (self.scratch.root / "packed-refs").write_text(_packed_refs(annotated), encoding="ascii")
        return advertised

    def _network(self, *args: str, stdin: bytes | None = None) -> bytes:
        return self.scratch.runner.run(args, self.scratch.root, stdin=stdin, timeout=NETWORK_TIMEOUT)


def _lay_out(root: Path, objects: Path, shallow: Path, object_format: str, remote: Remote | None) -> None:
    """Write an empty bare repository that borrows ``objects``: gitrepository-layout(5), without a process."""
    for folder in ("objects/info", "refs/tags"):
        (root / folder).mkdir(parents=True)
    (root / "HEAD").write_text("ref: refs/heads/none\n", encoding="ascii")
    extensions = f"\tobjectFormat = {object_format}\n" if object_format != "sha1" else ""
    config = ""
    if remote is not None:
        # what the filter leaves out, git then fetches when it is read
        extensions += f"\tpartialClone = {SCRATCH_REMOTE}\n"
        config = f'[remote "{SCRATCH_REMOTE}"]\n\tpromisor = true\n\tpartialCloneFilter = tree:0\n'
    config += f"[extensions]\n{extensions}" if extensions else ""
    (root / "config").write_text(f"[core]\n\trepositoryFormatVersion = 1\n\tbare = true\n{config}", encoding="ascii")
    (root / "objects/info/alternates").write_bytes(_alternate(objects))
    if shallow.exists():
        (root / "shallow").write_bytes(shallow.read_bytes())


def _alternate(objects: Path) -> bytes:
    # a line that begins with a quote is read as a C string; any other is a path as it stands
    raw = os.fsencode(objects)
    if raw.startswith((b'"', b"#")) or b"\n" in raw:
        escaped = raw.replace(b"\\", b"\\\\").replace(b'"', b'\\"').replace(b"\n", b"\\n")
        return b'"' + escaped + b'"\n'
    return raw + b"\n"


def _packed_refs(tags: Sequence[RemoteTag]) -> str:
    """The content of a ``packed-refs`` file; ``tags`` are annotated, sorted by name and pure ASCII."""
    lines = (f"{tag.oid} refs/tags/{tag.name}\n^{tag.target}\n" for tag in tags)
    return "# pack-refs with: peeled fully-peeled sorted \n" + "".join(lines)


def _listing(places: Sequence[Path]) -> set[tuple[Path, int]]:
    """All that is in ``places``, themselves included, with inode numbers, for git replaces files by renaming.

    Of the first place, which is large, only the direct entries.
    """
    found = [place for place in places if place.exists()]
    found += places[0].iterdir()
    for place in places[1:]:
        found += place.rglob("*")
    return {(path, path.lstat().st_ino) for path in found}
