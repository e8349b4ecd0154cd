"""Tag objects, and transactions that create and delete tags.

A tag object is not visible until a ref points to it. So the objects are written first. Then one transaction of git
writes all refs, or none.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

from gto_ci.core.errors import GitError, Remedies
from gto_ci.core.events import TagRecord
from gto_ci.core.names import ref_part
from gto_ci.git.repository import Repository
from gto_ci.git.scratch_folders import temporary_folder
from gto_ci.git.scratch_layout import lay_out
from gto_ci.git.tag_objects import parse_tag_object

_WRITING = "refs/gto-ci/writing/"
_KEYS = Remedies.SIGN_WITHOUT_KEY.after("Check user.signingkey and gpg.format")
CLOCKS_DIFFER = 600  # seconds; a tag whose date is further ahead has a wrong date, which is not followed
_PATIENCE = "30000"  # milliseconds to wait for a lock: its holder may be pushing


@dataclass(frozen=True, slots=True)
class Tagger:
    """The person who creates tags, and whether the tags are signed.

    An empty name or address stands for what git's environment and configuration say, ``sign=None`` for the setting
    ``tag.gpgSign``.
    """

    name: str = ""
    email: str = ""
    sign: bool | None = None

    @property
    def environ(self) -> dict[str, str]:
        """The variables by which git learns the name and address."""
        given = {"GIT_COMMITTER_NAME": self.name, "GIT_COMMITTER_EMAIL": self.email}
        return {variable: value for variable, value in given.items() if value}


class MadeTag(NamedTuple):
    """A tag object that was written: its id and its content."""

    oid: str
    record: TagRecord


def make_tags(
    repository: Repository, tagger: Tagger, tags: Sequence[tuple[str, str, str]], earliest: int = 0
) -> list[MadeTag]:
    """Write a tag object for each (name, commit, message), and return the objects. No ref is written.

    Messages are written unchanged. The tagger's date is ``GIT_COMMITTER_DATE``, in any form that git reads, by default
    now. If now is a few minutes before ``earliest`` (seconds since the epoch), because clocks differ, the date is
    ``earliest``.

    Raises:
        GitError: git knows no identity, or no key to sign with, or there is no such commit.
    """
    who = _not_before(earliest, _identity(repository, tagger), repository.runner.environ)
    sign = _wants_signatures(repository) if tagger.sign is None else tagger.sign
    if sign:
        date = " ".join(who.decode(errors="replace").rsplit(" ", 2)[1:])
        return [_signed(repository, {**tagger.environ, "GIT_COMMITTER_DATE": f"@{date}"}, *tag) for tag in tags]
    return [_plain(repository, who, *tag) for tag in tags]


@contextmanager
def prepared(
    repository: Repository, artifact: str, create: Mapping[str, str], delete: Mapping[str, str]
) -> Iterator[Callable[[], None]]:
    """Lock the tags to create (name: object id) and to delete (name: present id), and yield the function ``commit``.

    ``artifact`` is locked too while the context lasts: only one writer at a time gets past this point for an artifact
    of this repository.

    Only a call of ``commit`` writes the refs. If the context is left without it, or this process dies, git releases
    the locks. The git process has its own session, so it finishes a commit even if we are killed.

    Raises:
        GitError: a tag exists already, has changed, or cannot be locked; nothing was changed.
    """
    # git locks this ref to verify that it does not exist; it is never created
    lines = ["start", f"verify {_WRITING}{ref_part(artifact)}\0"]
    lines += [f"create refs/tags/{name}\0{oid}" for name, oid in create.items()]
    lines += [f"delete refs/tags/{name}\0{oid}" for name, oid in delete.items()]
    command = ["update-ref", "--stdin", "-z"]
    with tempfile.TemporaryFile() as stderr:

        def failed() -> GitError:
            stderr.seek(0)
            said = stderr.read().decode(errors="replace")
            return GitError(["git", *command], git.wait(), stderr=said, next_step=_lock_advice(said))

        def send(*words: str) -> None:
            assert git.stdin is not None
            assert git.stdout is not None
            try:
                git.stdin.write(b"".join(os.fsencode(word) + b"\0" for word in words))
                git.stdin.flush()
            except BrokenPipeError:
                raise failed() from None
            answers = [git.stdout.readline() for word in words if word in ("start", "prepare", "commit")]
            if not all(answer.endswith(b": ok\n") for answer in answers):
                raise failed()

        patient = (("core.filesRefLockTimeout", _PATIENCE), ("reftable.lockTimeout", _PATIENCE))
        runner = repository.runner.with_config(*patient)
        with runner.start(command, repository.root, stderr=stderr, detached=True) as git:
            send(*lines, "prepare")
            yield partial(send, "commit")


def _identity(repository: Repository, tagger: Tagger) -> bytes:
    """Return the tagger's line as git would write it: ``NAME <EMAIL> SECONDS ZONE``."""
    try:
        said = repository.runner.run(["var", "GIT_COMMITTER_IDENT"], repository.root, environ=tagger.environ)
    except GitError as error:
        step: str = Remedies.NAME_TAGGER.after(
            "Set your name: git config --global user.name 'Your Name', and user.email likewise"
        )
        if "invalid date format" in error.stderr:
            step = "Set GIT_COMMITTER_DATE to a date with a time, such as 2024-05-06T12:00:00Z, or unset it"
        raise GitError(error.command, error.returncode, error.stdout, error.stderr, step) from error
    return said.rstrip(b"\n")


def _not_before(earliest: int, who: bytes, environ: Mapping[str, str]) -> bytes:
    person, seconds, zone = who.rsplit(b" ", 2)
    late = earliest - int(seconds)
    if 0 < late <= CLOCKS_DIFFER and not environ.get("GIT_COMMITTER_DATE"):
        return b"%s %d %s" % (person, earliest, zone)
    return who


def _wants_signatures(repository: Repository) -> bool:
    return repository.git_or_none("config", "--type=bool", "--get", "tag.gpgSign") == "true"


def _plain(repository: Repository, who: bytes, name: str, commit: str, message: str) -> MadeTag:
    header = f"object {commit}\ntype commit\ntag {name}\ntagger ".encode()
    data = header + who + b"\n\n" + os.fsencode(message) + b"\n"
    oid = repository.git("mktag", stdin=data).decode().strip()
    return MadeTag(oid, parse_tag_object(name, commit, data))


def _signed(repository: Repository, environ: Mapping[str, str], name: str, commit: str, message: str) -> MadeTag:
    """Run ``git tag --sign`` in a scratch repository, so that it writes no ref of the user's repository.

    It reads the user's configuration, and writes the object into the user's repository.
    """
    (config, objects), object_format = repository.paths_and_format("config", "objects")
    with temporary_folder() as root:
        lay_out(root, object_format, include=config)
        try:
            repository.runner.run(
                ["tag", "--sign", "--cleanup=verbatim", "--file=-", "--", name, commit],
                root,
                stdin=os.fsencode(message) + b"\n",
                environ={**environ, "GIT_DIR": str(root), "GIT_OBJECT_DIRECTORY": str(objects)},
            )
        except GitError as error:
            raise GitError(error.command, error.returncode, error.stdout, error.stderr, _KEYS) from error
        oid = (root / "refs/tags" / name).read_text(encoding="ascii").strip()
    (made,) = repository.objects([oid])
    record = parse_tag_object(name, commit, made.data if made else b"")
    if not record.signed:  # git before 2.45 ignores a key that it cannot load
        said = "the key could not be used, and nothing was signed"
        raise GitError(["git", "tag"], None, stderr=said, next_step=_KEYS)
    return MadeTag(oid, record)


def _lock_advice(stderr: str) -> str:
    if "File exists" in stderr:
        return "If no other git works in this repository, remove that .lock file"
    if "exists; cannot create" in stderr:
        return "Git cannot hold a tag and another one below its name; choose another stage or name"
    if "Read-only file system" in stderr or "Permission denied" in stderr:
        return "This repository cannot be written to"
    return ""
