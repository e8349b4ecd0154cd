"""A mirror of a remote's registry, in a scratch repository.

To interpret a tag, the registry's other tags are needed, which a CI checkout does not have. They are fetched into a
scratch repository that borrows the user's objects and is removed afterwards. The user's refs, configuration and objects
do not change. Only tag objects, and with some servers their commits, are fetched; files are fetched when they are read.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from gto_ci.core.errors import GitError, Remedies, TagProblem, quote
from gto_ci.core.events import TagRecord
from gto_ci.core.names import match_tag, tag_prefixes
from gto_ci.git.output import GitObject, RemoteTag, allows_filters, parse_ls_remote, parse_ref, parse_symref_listing
from gto_ci.git.process import QUIET, Runner
from gto_ci.git.remotes import protocol_v2
from gto_ci.git.remotes.network_retries import retrying
from gto_ci.git.remotes.push import CounterRef, mark_of
from gto_ci.git.remotes.settings import Remote
from gto_ci.git.repository import Repository
from gto_ci.git.scratch_folders import temporary_folder
from gto_ci.git.scratch_layout import lay_out
from gto_ci.git.tag_objects import name_in, parse_tag_object

SCRATCH_REMOTE = "origin"
FETCH = ("--quiet", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules")
WHOLE_HISTORY = "--depth=2147483647"  # the depth that git takes for infinite


class RemoteMirror:
    """A scratch repository with the registry's tags of a remote. Made by :meth:`borrowing` or :meth:`in_folder`."""

    def __init__(self, repository: Repository, scratch: Repository, remote: Remote | None, object_format: str) -> None:
        self.repository = repository
        self.scratch = scratch
        self.remote = remote
        self._object_format = object_format
        self._lazy = False
        self._advertised: dict[str, RemoteTag] = {}
        self._here: set[str] = set()  # the ids of tag objects that need not be fetched
        self.listed = b""  # a fresh listing of the remote, which replaces the next one
        self.head = ""  # the commit of the remote's default branch when all tags were listed
        self.mark: CounterRef | None = None  # the artifact's mark when its tags were listed

    @classmethod
    @contextmanager
    def borrowing(cls, repository: Repository, remote: Remote | None) -> Iterator[RemoteMirror]:
        """Yield a mirror that borrows the objects of ``repository``, in a temporary folder.

        Raises:
            GitError: git cannot read ``repository``.
        """
        with temporary_folder() as root:
            (objects, shallow), object_format = repository.paths_and_format("objects", "shallow")
            lay_out(root, object_format, objects=objects, shallow=shallow)
            runner = repository.runner.with_config(*QUIET, ("safe.directory", str(root)))
            if remote is not None:
                runner = runner.with_config(*remote.config, secrets=remote.secrets)
            mirror = cls(repository, Repository(root, runner), remote, object_format)
            if remote is not None and remote.promisor:
                mirror.fetch_on_demand()
            yield mirror

    @classmethod
    def in_folder(cls, root: Path, runner: Runner, remote: Remote, object_format: str) -> RemoteMirror:
        """Return a mirror in the empty folder ``root`` that borrows no objects."""
        lay_out(root, object_format)
        runner = runner.with_config(*QUIET, ("safe.directory", str(root)), *remote.config, secrets=remote.secrets)
        # otherwise git would tell the server that we have the files of each commit that is here
        runner = runner.with_config(("fetch.negotiationAlgorithm", "noop"))
        scratch = Repository(root, runner)
        return cls(scratch, scratch, remote, object_format)

    def fetch_registry(self, artifact: str | None = None) -> list[TagRecord]:
        """Fetch the remote's registry tags, all or those of one artifact, and return them.

        A later call fetches only new tags.

        Raises:
            TagProblem: the repository has no remote.
            GitError: the remote cannot be reached or refuses.
        """
        if self.remote is None:
            raise TagProblem(
                f"Cannot fetch tags: the repository {quote(self.repository.root)} has no remote",
                Remedies.READ_LOCAL_TAGS,
            )
        remote = self.remote
        advertised = retrying(lambda: self._fetch_once(remote, artifact))
        self._advertised = {tag.name: tag for tag in advertised}
        # a lightweight tag is never an event, so its target is not fetched
        lightweight = [TagRecord(tag.name, False, tag.target, "commit") for tag in advertised if tag.target == tag.oid]
        return self._read(_annotated(advertised)) + lightweight

    def objects(self, names: Sequence[str]) -> list[GitObject | None]:
        """Return the objects called ``names`` (``COMMIT:PATH``), None for each that does not exist.

        Missing commits are fetched.

        Raises:
            GitError: git cannot read or fetch them.
        """
        if not self._lazy and self.remote is not None and self._advertised:
            commits = sorted({name.partition(":")[0] for name in names})
            lacking = [
                commit for commit, found in zip(commits, self.scratch.objects(commits), strict=True) if not found
            ]
            if lacking:
                self.fetch(lacking)
        return self.scratch.objects(names)

    def fetch(self, objects: Sequence[str], *options: str) -> None:
        """Fetch ``objects``, by ids or refspecs; without other ``options``, commits come without their parents.

        Filters are ignored if the server would not send the missing objects later.

        Raises:
            GitError: the remote cannot be reached or refuses.
        """
        wanted = [one for one in options or ["--depth=1"] if self._lazy or not one.startswith("--filter=")]
        command = ["fetch", *FETCH, *wanted, "--stdin", "--", SCRATCH_REMOTE]
        lines = "".join(f"{name}\n" for name in objects).encode()
        retrying(lambda: self._network(*command, stdin=lines))

    def list_refs(self, *patterns: str) -> dict[str, str]:
        """Return the objects that the remote's refs finally point to, by full name, if it matches git's ``patterns``.

        Raises:
            GitError: the remote cannot be reached or refuses.
        """
        listed = retrying(lambda: self._network("ls-remote", "--", SCRATCH_REMOTE, *patterns))
        return parse_symref_listing(listed)[0]

    def all_commits(self) -> set[str]:
        """Return the ids of all commits in the history of the remote's refs; only commits are fetched.

        Raises:
            GitError: the remote cannot be reached.
        """
        self.fetch(["+refs/*:refs/*"], WHOLE_HISTORY, "--filter=tree:0")
        return set(self.scratch.git("rev-list", "--all").decode().split())

    @property
    def lazy(self) -> bool:
        """Whether git fetches missing objects when they are read; the remote must support filters."""
        return self._lazy

    def restore_tag(self, name: str) -> list[Path]:
        """Replace the user's tag ``name`` by the remote's annotated tag, if it is missing or lightweight.

        A lightweight tag says only what the annotated one says too, its commit. The user's own tag object is not
        replaced. Only the ref and its tag object are written. Returns the new and replaced files and folders, so that a
        caller running as root can give them to the workspace's owner.

        Raises:
            GitError: git cannot write.
        """
        ref, tag = f"refs/tags/{name}", self._advertised[name]
        present = self.repository.git("for-each-ref", "--format=%(objectname)", "--", ref).decode().strip()
        (found,) = self.scratch.objects([tag.oid])
        if found is None or present not in ("", tag.target):
            return []
        asked = ("--path-format=absolute", "--git-common-dir", "--git-path", f"objects/{tag.oid[:2]}")
        git_dir, object_path = (Path(line) for line in self.repository.rev_parse(*asked))
        places = (git_dir, git_dir / "refs", git_dir / "reftable", git_dir / "logs", object_path)
        before = _listing(places)
        quiet = Repository(self.repository.root, self.repository.runner.with_config(*QUIET))
        # --literally: the tag must have the remote's content, also an odd time zone
        written = quiet.git("hash-object", "-t", "tag", "-w", "--stdin", "--literally", stdin=found.data)
        new, old = written.decode().strip(), present or "0" * len(tag.oid)
        quiet.git("update-ref", "--no-deref", "-m", "gto-ci: annotated tag", "--", ref, new, old)
        return sorted(path for path, _ in _listing(places) - before)

    def _fetch_once(self, remote: Remote, artifact: str | None) -> list[RemoteTag]:
        trace = self.scratch.root / "trace"
        trace.unlink(missing_ok=True)  # in our own scratch folder
        listed, self.listed = self.listed, b""
        if not listed:
            asked = ["--", SCRATCH_REMOTE, "HEAD", "refs/tags/*"]
            if artifact:
                marks = [mark_of(artifact), f"{mark_of(artifact)}^{{}}"]
                asked = ["--", SCRATCH_REMOTE, *marks, *(f"refs/tags/{p}*" for p in tag_prefixes(artifact))]
            listed = self._network("ls-remote", *asked, GIT_TRACE_PACKET=str(trace))
        self.head = "" if artifact else parse_ref(listed, "HEAD")
        names = ((tag, match_tag(tag.name)) for tag in parse_ls_remote(listed))
        advertised = [tag for tag, name in names if name and artifact in (None, name.artifact)]
        mark = _mark(listed, artifact) if artifact else None
        unlisted = [mark] if mark and mark.oid not in {tag.oid for tag in advertised} else []
        if not self._here:
            have = self.repository.git("for-each-ref", "--format=%(objectname)", "--", "refs/tags")
            self._here = set(have.decode().split())
        wanted = [tag for tag in _annotated([*advertised, *unlisted]) if tag.oid not in self._here]
        self._fetch(remote, wanted, trace)
        self._here |= {tag.oid for tag in wanted}
        if mark:
            self.mark = CounterRef(mark.name, mark.oid, self._counter(unlisted, artifact))
        return advertised

    def _fetch(self, remote: Remote, wanted: Sequence[RemoteTag], trace: Path) -> None:
        said = trace.read_text(encoding="utf-8", errors="replace") if trace.exists() else ""
        if self._lazy or allows_filters(said, on_demand=True):
            self.fetch_on_demand()
        elif wanted and (remote.folder or remote.url.startswith(("http://", "https://"))):
            pairs = [(tag.oid, tag.target) for tag in wanted]
            runner, root = self.scratch.runner, self.scratch.root
            with suppress(GitError):  # for example, the server knows only older protocols; then git fetches more
                protocol_v2.fetch_tags(runner, root, remote.url, remote.folder, pairs, self._object_format)
                return
        if wanted:
            # by id, because git compares each name with all refs of the remote
            oids = "".join(f"{tag.oid}\n" for tag in wanted).encode()
            # git fetches what a filter left out when it is read, which not every server allows
            filters = ["--filter=tree:0"] if self._lazy else []
            self._network("fetch", *FETCH, "--depth=1", *filters, "--stdin", "--", SCRATCH_REMOTE, stdin=oids)

    def fetch_on_demand(self) -> None:
        """Make git fetch missing objects from now on, when they are read."""
        if not self._lazy:
            self._lazy = True
            with (self.scratch.root / "config").open("a", encoding="ascii") as config:
                config.write(f"[extensions]\n\tpartialClone = {SCRATCH_REMOTE}\n")
                config.write(f'[remote "{SCRATCH_REMOTE}"]\n\tpromisor = true\n\tpartialCloneFilter = tree:0\n')

    def _read(self, tags: Sequence[RemoteTag]) -> list[TagRecord]:
        """Return the records of annotated tags, whose objects have been fetched."""
        found = self.scratch.objects([tag.oid for tag in tags]) if tags else []
        records = [
            parse_tag_object(tag.name, tag.target, one.data) for tag, one in zip(tags, found, strict=True) if one
        ]
        if len(records) < len(tags):
            lost = next(tag.name for tag, one in zip(tags, found, strict=True) if not one)
            raise TagProblem(f"The remote did not send the tag {quote(lost)}", "Run the job again")
        nested = [number for number, record in enumerate(records) if record.target_type == "tag"]
        if nested:
            inner = self.objects([records[number].target for number in nested])
            for number, one in zip(nested, inner, strict=True):
                records[number] = records[number]._replace(target_type=one.kind if one else "missing object")
        return records

    def _counter(self, tags: Sequence[RemoteTag], artifact: str | None) -> int:
        """Return the greatest counter of ``tags``, from the names in their objects, if these name ``artifact``."""
        found = self.scratch.objects([tag.oid for tag in tags]) if _annotated(tags) else []
        names = [match_tag(name_in(one.data)) for one in found if one and one.kind == "tag"]
        return max((name.counter or 0 for name in names if name and name.artifact == artifact), default=0)

    def _network(self, *args: str, stdin: bytes | None = None, **environ: str) -> bytes:
        runner = self.scratch.runner
        runner = Runner({**runner.environ, **environ}, runner.config, runner.secrets)
        return runner.run(args, self.scratch.root, stdin=stdin, timeout=runner.network_timeout)


def _mark(listed: bytes, artifact: str) -> RemoteTag:
    """Return the artifact's mark as if it were a tag; its id is "" if there is none."""
    ref = mark_of(artifact)
    oid = parse_ref(listed, ref)
    return RemoteTag(ref, oid, parse_ref(listed, f"{ref}^{{}}") or oid)


def _annotated(tags: Sequence[RemoteTag]) -> list[RemoteTag]:
    return [tag for tag in tags if tag.target != tag.oid]


def _listing(places: Sequence[Path]) -> set[tuple[Path, int]]:
    """Return ``places`` and everything below them, with inode numbers, because git replaces files by renaming.

    The first place is large, so only its direct entries are returned.
    """
    found = [place for place in places if place.exists()]
    found += places[0].iterdir()
    for place in places[1:]:
        found += place.rglob("*")
    return {(path, path.lstat().st_ino) for path in found}
