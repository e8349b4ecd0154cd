"""Patch repositories of any size, and two clones between which a change is carried."""

from __future__ import annotations

import random
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha1
from pathlib import Path

from benchmarks.timing import environment

CHANGE = 5_000  # bytes, about, of the patch that is carried
OF_OUR_BASE = 100  # each so many-th ghost starts from the commit that is checked out
OF_COMMITS = 10  # each so many-th holds commits, the others uncommitted changes
_AUTHOR = "Git Ghost <git-ghost@example.com>"
_START = 1_700_000_000  # seconds since the epoch; a ghost every minute from then on
_FILES = 50  # in the source repository
_LINES = 120  # of each
_WORDS = ("batch", "layers", "rate", "seed", "epochs", "path", "model", "scores", "labels", "split", "fold", "width")
_LARGEST = 60  # changed lines of a ghost; 1 to 3 kB


@dataclass(frozen=True, slots=True)
class Carried:
    """A patch repository with ``ghosts`` in it, all packed; ``here`` holds a change, ``there`` has the same commit."""

    ghosts: int
    store: Path
    here: Path
    there: Path

    def forget_pushed(self) -> None:
        """Take out of the patch repository what was pushed: all that is not packed."""
        for folder in ("refs/heads", *(f"objects/{number:02x}" for number in range(256))):
            shutil.rmtree(self.store / folder, ignore_errors=True)
        (self.store / "refs/heads").mkdir()

    def forget_pulled(self) -> None:
        """Make the working tree of ``there`` as it was checked out."""
        _git(self.there, "reset", "--quiet", "--hard")
        _git(self.there, "clean", "--quiet", "-fdx")


def prepare(folder: Path, ghosts: int, seed: int) -> Carried:
    """Make a patch repository of so many ghosts and two clones in ``folder``; what was in it is gone."""
    shutil.rmtree(folder, ignore_errors=True)
    carried = Carried(ghosts, folder / "ghosts.git", folder / "here", folder / "there")
    folder.mkdir(parents=True)
    draw = random.Random(seed)  # noqa: S311  # nothing secret is drawn
    _git(folder, "init", "--quiet", "--initial-branch=main", str(carried.here))
    _pour(carried.here, [_source(draw)])
    _git(carried.here, "reset", "--quiet", "--hard")
    _git(folder, "clone", "--quiet", str(carried.here), str(carried.there))
    base = _git(carried.here, "rev-parse", "HEAD").decode().strip()
    _git(folder, "init", "--quiet", "--bare", "--initial-branch=main", str(carried.store))
    _git(carried.store, "config", "uploadpack.allowFilter", "true")  # as GitHub, GitLab and Forgejo do
    _pour(carried.store, _stream(draw, base, ghosts))
    _git(carried.store, "pack-refs", "--all")  # as git's own maintenance does
    changed = carried.here / "src/part_00.py"
    lines = changed.read_text().splitlines()
    changed.write_text("\n".join(_changed(draw, lines, CHANGE)) + "\n")
    return carried


def _source(draw: random.Random) -> bytes:
    """A commit of a few source files."""
    text = f"commit refs/heads/main\ncommitter {_AUTHOR} {_START} +0000\n{_data('Start')}"
    for number in range(_FILES):
        lines = "".join(f"{_line(draw)}\n" for _ in range(_LINES))
        text += f"M 100644 inline src/part_{number:02}.py\n{_data(lines)}"
    return f"{text}\n".encode()


def _changed(draw: random.Random, lines: list[str], size: int) -> list[str]:
    """Other lines in the place of the first, so that a diff of about ``size`` bytes comes out."""
    spent, count = 300, 0  # heads and context
    new = []
    while spent < size and count < len(lines):
        new.append(_line(draw))
        spent += len(lines[count]) + len(new[-1]) + 4
        count += 1
    return new + lines[count:]


def _stream(draw: random.Random, base: str, ghosts: int) -> Iterator[bytes]:
    """Ghosts as Git Ghost makes them: each a branch of one commit without a parent, with one file."""
    for number in range(ghosts):
        start = base if number % OF_OUR_BASE == 0 else draw.randbytes(20).hex()
        patch = _patch(draw)
        if number % OF_COMMITS == 1:
            ghost, file = f"{start}-{draw.randbytes(20).hex()}", "commits.patch"
            patch = f"From {ghost[41:]} Mon Sep 17 00:00:00 2001\nSubject: [PATCH] Step {number}\n\n---\n{patch}--\n"
        else:
            file = "local-mod.patch"
            ghost = f"{start}/{sha1(patch.encode(), usedforsecurity=False).hexdigest()}"
        head = f"commit refs/heads/ghost/{ghost}\ncommitter {_AUTHOR} {_START + 60 * number} +0000\n"
        yield f"{head}{_data('Create ghost commit')}M 100644 inline {file}\n{_data(patch)}\n".encode()


def _patch(draw: random.Random) -> str:
    """A diff such as ``git diff`` prints."""
    name, count = f"src/part_{draw.randrange(_FILES):02}.py", draw.randrange(1, _LARGEST)
    ids = f"index {draw.randbytes(4).hex()[:7]}..{draw.randbytes(4).hex()[:7]} 100644"
    lines = [f"diff --git a/{name} b/{name}", ids, f"--- a/{name}", f"+++ b/{name}", f"@@ -1,{count} +1,{count} @@"]
    for _ in range(count):
        lines += [f"-{_line(draw)}", f"+{_line(draw)}"]
    return "\n".join(lines) + "\n"


def _line(draw: random.Random) -> str:
    return f"{draw.choice(_WORDS)}_{draw.choice(_WORDS)} = {draw.choice(_WORDS)}({draw.random():.12f})"


def _data(text: str) -> str:
    return f"data {len(text.encode())}\n{text}\n"


def _git(folder: Path, *args: str) -> bytes:
    command = ["git", "-C", str(folder), *args]
    return subprocess.run(command, env=environment(), check=True, stdout=subprocess.PIPE).stdout


def _pour(folder: Path, parts: Iterable[bytes]) -> None:
    command = ["git", "-C", str(folder), "-c", "fastimport.unpackLimit=0", "fast-import", "--quiet"]
    with subprocess.Popen(command, env=environment(), stdin=subprocess.PIPE) as importing:
        assert importing.stdin is not None
        importing.stdin.writelines(parts)
    if importing.returncode:
        raise subprocess.CalledProcessError(importing.returncode, command)
