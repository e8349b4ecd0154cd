"""A Git repository, with one method per question."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from operator import itemgetter
from pathlib import Path
from typing import Final, Literal

from gto_ci.core.errors import GitError, GtoError, NoRepository, RefNotFound, Remedies, quote
from gto_ci.core.events import TagRecord
from gto_ci.core.names import tag_prefixes
from gto_ci.git.output import TAG_FORMAT, GitObject, parse_batch, parse_show_ref, parse_tag_stream
from gto_ci.git.process import Runner


class Repository:
    """An existing repository: with a working tree, a linked worktree, a submodule, bare, shallow or partial.

    ``root`` is the top of the working tree, or the repository's own folder if it is bare.
    """

    __slots__ = ("root", "runner")

    def __init__(self, root: Path, runner: Runner) -> None:
        self.root: Final = root
        self.runner: Final = runner

    @classmethod
    def open(cls, path: str | Path = ".", runner: Runner | None = None) -> Repository:
        """Return the repository that contains ``path``.

        This does not start git, because every command needs it. If git does not accept the repository, the first
        question fails.

        Raises:
            NoRepository: neither ``path`` nor a folder above it is a Git repository.
        """
        if "://" in str(path):
            raise NoRepository(
                f"No Git repo found in {quote(path)}: it is a URL", "Clone it, and name the clone's folder"
            )
        start = Path(os.path.abspath(path))
        if not start.is_dir():
            reason = "is a file, not a folder" if start.exists() else "does not exist"
            raise NoRepository(f"No Git repo found in {quote(path)}: it {reason}", "Name a folder inside a repository")
        for folder in (start, *start.parents):
            if (folder / ".git").exists() or _is_bare(folder):
                _check_git_file(folder / ".git")
                return cls(folder, _staying_below(folder, runner or Runner(os.environ)))
        raise NoRepository(f"No Git repo found in {quote(path)}", Remedies.NAME_REPOSITORY)

    def tag_records(self, artifact: str | None = None) -> list[TagRecord]:
        """Return all tags, or only those of one artifact, sorted by name; see :meth:`reading_tags`.

        Raises:
            GitError: git cannot read the repository.
        """
        with self.reading_tags(artifact) as records:
            return sorted(records, key=itemgetter(0))

    @contextmanager
    def reading_tags(self, artifact: str | None = None) -> Iterator[Iterator[TagRecord]]:
        """Yield all tags, or only those of one artifact, in no particular order, while git reads them.

        With ``artifact``, git looks its tags up by the beginning of their names, so the cost does not depend on the
        rest of the registry.

        Raises:
            GitError: git cannot read the repository.
        """
        if artifact is None:
            with self._reading_all_tags() as records:
                yield self._peeled(records)
            return
        command = ["for-each-ref", f"--format={TAG_FORMAT}", "--", *_patterns(artifact)]
        with self.runner.stream(command, self.root) as blocks:
            yield self._peeled(parse_tag_stream(blocks))

    @contextmanager
    def _reading_all_tags(self) -> Iterator[Iterator[TagRecord]]:
        # for-each-ref takes twice as long as these two, and before git 2.44 writes nothing until it has read all tags
        from gto_ci.git.tag_objects import parse_tag_objects  # late: not needed for one artifact

        lightweight: list[tuple[str, str]] = []
        names: list[str] = []

        def wanted() -> Iterator[bytes]:
            light, annotated = parse_show_ref(self._listed_tags())
            lightweight.extend(light)
            names.extend(name for _, name in annotated)
            yield _lines([oid for oid, _ in annotated])

        with self.runner.stream(["cat-file", "--batch", "--buffer"], self.root, stdin=wanted()) as blocks:
            yield chain(parse_tag_objects(names, blocks), self._lightweight(lightweight))

    def _listed_tags(self) -> bytes:
        try:
            return self.git("show-ref", "--tags", "--dereference")
        except GitError as error:
            if error.returncode == 1 and not error.stderr:  # it has none
                return b""
            raise

    def _lightweight(self, tags: Iterable[tuple[str, str]]) -> Iterator[TagRecord]:
        from gto_ci.git.tag_objects import damaged

        tags = list(tags)
        asked = _lines([oid for oid, _ in tags])
        kinds = self.git("cat-file", "--batch-check=%(objecttype)", "--buffer", stdin=asked) if tags else b""
        for (oid, name), kind in zip(tags, kinds.decode().splitlines(), strict=True):
            if kind == f"{oid} missing":  # show-ref lists damaged objects too
                raise damaged(oid, name)
            yield TagRecord(name, False, oid, kind)

    @contextmanager
    def reading_ahead(self, artifact: str | None = None) -> Iterator[Repository]:
        """Start :meth:`reading_tags`, and yield a repository whose first call of that method continues it.

        Until then, git reads while the caller does other work.

        Raises:
            GitError: git is missing.
        """
        with self.reading_tags(artifact) as records:
            yield _ReadingAhead(self, artifact, records)

    def _peeled(self, records: Iterator[TagRecord]) -> Iterator[TagRecord]:
        nested = []
        for record in records:
            if record.target_type == "tag":  # git before 2.45 follows a tag of a tag only one step
                nested.append(record)
            else:
                yield record
        answers = self.objects([f"{record.target}^{{}}" for record in nested]) if nested else []
        for record, answer in zip(nested, answers, strict=True):
            yield record if answer is None else record._replace(target=answer.oid, target_type=answer.kind)

    def objects(self, names: Sequence[str]) -> list[GitObject | None]:
        """Return the objects called ``names`` (``REV``, ``REV:PATH``), None for each missing one.

        One git process reads them all.

        Raises:
            GitError: git cannot read the repository.
        """
        asked = [name for name in names if "\n" not in name]
        found = iter(parse_batch(self.git("cat-file", "--batch", stdin=_lines(asked))))
        return [None if "\n" in name else next(found) for name in names]

    def file_at(self, commit: str, path: str) -> bytes | None:
        """Return the content of ``path`` in ``commit``, None if the commit has no such file.

        Raises:
            GitError: git cannot read the repository.
        """
        (found,) = self.objects([f"{commit}:{path}"])
        return found.data if found is not None and found.kind == "blob" else None

    def tag_ids(self, names: Sequence[str]) -> dict[str, str]:
        """Return the ids of the tags ``names``, without those that do not exist here.

        Raises:
            GitError: git cannot read the repository.
        """
        refs = [f"refs/tags/{name}" for name in names]
        listed = self.git("for-each-ref", "--format=%(objectname) %(refname:strip=2)", "--", *refs) if refs else b""
        pairs = (line.partition(" ") for line in listed.decode(errors="surrogateescape").splitlines())
        found = {name: oid for oid, _, name in pairs}
        return {name: found[name] for name in names if name in found}

    def tag_names(self, artifact: str) -> set[str]:
        """Return the names of the tags of one artifact, the same that :meth:`tag_records` reads.

        Raises:
            GitError: git cannot read the repository.
        """
        listed = self.git("for-each-ref", "--format=%(refname:strip=2)", "--", *_patterns(artifact))
        return set(listed.decode(errors="surrogateescape").splitlines())

    def remote_name(self) -> str:
        """Return the name of the remote to push to: the only remote, else ``origin``."""
        names = self.remote_names()
        return names[0] if len(names) == 1 else "origin"

    def remote_names(self) -> list[str]:
        """Return the names of all remotes."""
        return self.git("remote").decode(errors="surrogateescape").split()

    def tracked_files(self, name: str) -> list[str]:
        """Return the paths of the tracked files called ``name`` in all folders, relative to the working tree.

        Raises:
            GitError: git cannot read the repository, or it has no working tree.
        """
        listed = self.git("ls-files", "-z", "--", f":(top,glob)**/{name}").decode(errors="surrogateescape")
        return list(filter(None, listed.split("\0")))

    def commit_id(self, rev: str) -> str:
        """Return the id of the commit that ``rev`` names: any revision of git, or a branch that only one remote has.

        Raises:
            RefNotFound: it names no commit here.
        """
        found = self._commit(rev)
        if found is not None:
            return found
        elsewhere = self.git("for-each-ref", "--format=%(objectname)", "--", f"refs/remotes/*/{rev}").decode().split()
        if rev and len(set(elsewhere)) == 1:
            return elsewhere[0]
        step = "Make a first commit" if rev == "HEAD" else "Name a commit, branch or tag of this repository"
        raise RefNotFound(f"Ref {quote(rev)} was not found in the repository history", step)

    def find_commit(self, rev: str) -> str | None:
        """Return the id of the commit that the revision ``rev`` names here, None if it names no commit.

        Raises:
            GtoError: it is empty, or git would read it as an option, or as the exclusion of a commit.
            GitError: git cannot read the repository.
        """
        if not rev or rev.startswith(("-", "^")) or "\0" in rev or "\n" in rev:
            raise GtoError(f"{quote(rev)} is not a commit", "Name a commit, branch or tag")
        return self._commit(rev)

    def _commit(self, rev: str) -> str | None:
        return self.git_or_none("rev-parse", "--verify", "--quiet", "--end-of-options", f"{rev}^{{commit}}")

    def is_ancestor(self, one: str, other: str) -> bool:
        """Tell whether the commit ``one`` is an ancestor of ``other``, or the same commit.

        Raises:
            GitError: git cannot read the repository.
        """
        return self.git_or_none("merge-base", "--is-ancestor", one, other) is not None

    def fetch(self, what: Literal["branches", "history"]) -> None:
        """Fetch the commits and trees of all branches' heads, or of all their commits. Nothing is missing here."""

    def bring_blobs(self, blobs: Sequence[str]) -> None:
        """Fetch files, by their ids. In a partial clone, git does so itself."""

    def bring_commits(self, commits: Sequence[str]) -> None:
        """Fetch ``commits``. A repository of the user's fetches nothing: only what it has can be tagged."""

    def paths_and_format(self, *names: str) -> tuple[list[Path], str]:
        """Return the absolute paths of the repository's own files ``names``, and its object format.

        Raises:
            GitError: git cannot read the repository.
        """
        asked = (word for name in names for word in ("--git-path", name))
        *paths, object_format = self.rev_parse("--path-format=absolute", *asked, "--show-object-format")
        return [Path(path) for path in paths], object_format

    def rev_parse(self, *args: str) -> list[str]:
        """Return the lines that ``git rev-parse ARGS`` prints.

        Raises:
            GitError: git refuses.
        """
        return self.git("rev-parse", *args).decode(errors="surrogateescape").splitlines()

    def git(self, *args: str, stdin: bytes | None = None, next_step: str = "") -> bytes:
        """Run git in this repository; see :meth:`Runner.run`."""
        return self.runner.run(args, self.root, stdin=stdin, next_step=next_step)

    def git_or_none(self, *args: str) -> str | None:
        """Return what ``git ARGS`` prints, without white space around it; None if the exit code is 1 (not found).

        Raises:
            GitError: git failed otherwise.
        """
        try:
            return self.git(*args).decode(errors="surrogateescape").strip()
        except GitError as error:
            if error.returncode == 1:
                return None
            raise


class _ReadingAhead(Repository):
    """A repository that has started to read the tags of one artifact, or all tags."""

    __slots__ = ("_artifact", "_records")

    def __init__(self, repository: Repository, artifact: str | None, records: Iterator[TagRecord]) -> None:
        super().__init__(repository.root, repository.runner)
        self._artifact = artifact
        self._records: Iterator[TagRecord] | None = records

    @contextmanager
    def reading_tags(self, artifact: str | None = None) -> Iterator[Iterator[TagRecord]]:
        """Continue the reading that was started, if it is for the same ``artifact``."""
        records, self._records = self._records, None
        if records is not None and artifact == self._artifact:
            yield records
        else:
            with super().reading_tags(artifact) as records:
                yield records


def _staying_below(root: Path, runner: Runner) -> Runner:
    """Return a runner that does not look for a repository above ``root`` if the one there is damaged."""
    return Runner({**runner.environ, "GIT_CEILING_DIRECTORIES": str(root.parent)}, runner.config, runner.secrets)


def _check_git_file(path: Path) -> None:
    """Refuse a ``.git`` file that names no folder; linked worktrees have such files (gitrepository-layout(5))."""
    if path.is_file():
        try:
            with path.open("rb") as file:
                said = os.fsdecode(file.read(8192))
        except OSError:  # git will report it
            return
        kind, _, target = said.rstrip("\r\n").partition(": ")
        if kind != "gitdir" or not target or not (path.parent / target).is_dir():
            raise NoRepository(
                f"No Git repo found in {quote(path.parent)}: its '.git' is a file that leads to no repository",
                "Run 'git worktree repair' in the main worktree, or remove that file",
            )


def _is_bare(folder: Path) -> bool:
    return (folder / "HEAD").is_file() and (folder / "objects").is_dir() and (folder / "refs").is_dir()


def _patterns(artifact: str) -> list[str]:
    version_tag, stage_tag = tag_prefixes(artifact)
    # `*` stops at a slash, and a stage may hold some: m#eu/prod#1
    return [f"refs/tags/{version_tag}*", f"refs/tags/{stage_tag}*", f"refs/tags/{stage_tag}*/**"]


def _lines(names: Sequence[str]) -> bytes:
    return b"".join(os.fsencode(name) + b"\n" for name in names)
