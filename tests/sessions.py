"""The console blocks of a document, typed into one shell from the top of the page to its end.

A block that shows what its commands print shows all of it, letter for letter; one that shows nothing is only run. A
block of YAML whose first line is ``# FILE`` is that file. A command succeeds, unless what it prints is shown.

``python -m tests.sessions --write`` brings what the documents show up to date; without ``--write`` the exit code tells
whether it is (``tests/stress/test_sessions.py`` does the same).
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.readme_tables import PROJECT, example_registry
from tests.workdir import WorkDir

DOCS = PROJECT / "docs"
_BLOCK = re.compile(r"^```(console|yaml)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_FILE = re.compile(r"# ([\w./-]+)\n")
_BIN = Path(sys.executable).parent


# Blocks that cannot be run, by their first line, and why.
NOT_RUN = {
    "$ pip install gto-ci": "from a package index; tests/e2e/test_wheel.py installs the wheel",
    "$ pip uninstall --yes gto": "as above",
    "$ pip download --no-deps gto-ci==1.2.3": "as above; of a release that is a placeholder",
    "$ git show v1.2.3:action.yml | grep image:": "of a release that is a placeholder",
    "$ gh attestation verify oci://ghcr.io/org/gto-action@sha256:… --repo org/gto-action": "of a placeholder account",
    "$ docker buildx imagetools inspect ghcr.io/org/gto-action@sha256:… --format '{{ json .SBOM }}'": "as above",
    "$ gto show gto-action -r https://github.com/org/gto-action": "as above",
}


@dataclass
class Command:
    """A command, what the document shows of it, None where it shows nothing, and what came out."""

    line: str
    shown: str | None
    printed: str = ""
    code: int = 0

    @property
    def holds(self) -> bool:
        """Whether the document is right about it."""
        return self.code == 0 if self.shown is None else self.printed == self.shown


def commands(block: str) -> list[Command]:
    """Return the commands of a console block."""
    parts = re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", block, re.MULTILINE)
    silent = not any(shown for _, shown in parts)
    return [Command(line, None if silent else shown) for line, shown in parts]


def run(document: str, work: WorkDir) -> list[Command]:
    """Run what ``document`` shows, but for :data:`NOT_RUN`, in the folder of ``work``, and return the commands."""
    found: list[Command] = []
    script: list[str] = []
    for kind, block in _BLOCK.findall(document):
        if reason_not_to_run(block):
            continue
        if kind == "console":
            added = commands(block)
            script += [_typed(command.line, work.now + 60 * n) for n, command in enumerate(added, start=len(found))]
            found += added
        elif name := _FILE.match(block):
            script.append(
                f"mkdir -p \"$(dirname '{name[1]}')\" && cat > '{name[1]}' <<'END OF FILE'\n{block}END OF FILE"
            )
    for command, (printed, code) in zip(found, _outcomes("\n".join(script), work), strict=True):
        command.printed, command.code = _anywhere_at_any_time(printed, work), int(code)
    return found


def reason_not_to_run(block: str) -> str | None:
    """Return why ``block`` cannot be run, None where it can."""
    return NOT_RUN.get(block.partition("\n")[0])


def updated(document: str, ran: Sequence[Command]) -> str:
    """Return ``document`` with what ``ran`` has printed, where it shows what is printed."""
    rest = iter(ran)

    def shown(found: re.Match[str]) -> str:
        if found[1] != "console" or reason_not_to_run(found[2]):
            return found[0]
        here = [next(rest) for _ in commands(found[2])]
        text = "".join(f"$ {one.line}\n{'' if one.shown is None else one.printed}" for one in here)
        return f"```console\n{text}```"

    return _BLOCK.sub(shown, document)


def _typed(line: str, now: int) -> str:
    """A command a minute after the one before, with what it prints and its exit code set off by zeros."""
    dates = f"export GIT_AUTHOR_DATE='{now} +0100' GIT_COMMITTER_DATE='{now} +0100'"
    return f"{dates}\n{line}\nprintf '\\0%d\\0' $?"


def _anywhere_at_any_time(printed: str, work: WorkDir) -> str:
    """What a gate reads from the clock, and where the folder is, are the same in every run."""
    return re.sub(r"for [\d a-z]+, since", "for 2 min, since", printed).replace(str(work.path.parent), "/home/ada")


def _outcomes(script: str, work: WorkDir) -> Iterator[tuple[str, str]]:
    environ = {name: value for name, value in work.environ().items() if not name.startswith("GTO_")}
    environ |= {"PATH": f"{_BIN}:{environ['PATH']}", "PYTHONUTF8": "1"}
    file = work.path.parent / "session.sh"
    file.write_text(script, encoding="utf-8")
    done = subprocess.run(
        ["bash", str(file)],
        cwd=work.path,
        env=environ | {"GIT_GHOST_REPO": "../ghosts.git"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        check=False,
    )
    parts = done.stdout.split("\0")
    return zip(parts[::2], parts[1::2], strict=False)


def empty_folder(folder: Path) -> WorkDir:
    """Where the tutorial begins."""
    (folder / "home").mkdir()
    return WorkDir(folder / "home", now=1_710_147_600)


def registry(folder: Path) -> WorkDir:
    """What the other documents are about: the example registry, with a remote."""
    work = example_registry(folder / "registry")
    work.now += 60
    work.git("init", "--quiet", "--bare", "--initial-branch=main", "../hub.git")
    work.git("remote", "add", "origin", str(folder / "hub.git"))
    work.git("push", "--quiet", "--tags", "origin", "main")
    return work


def documents() -> dict[Path, Callable[[Path], WorkDir]]:
    """Return the documents that are run, each with what makes the folder that it begins in."""
    return {DOCS / "tutorial.md": empty_folder, **dict.fromkeys(sorted((DOCS / "how-to").glob("*.md")), registry)}


def main(arguments: Sequence[str]) -> int:
    """Check, or with ``--write`` update, the documents; return the exit code."""
    if [*arguments] not in ([], ["--write"]):
        print("usage: python -m tests.sessions [--write]", file=sys.stderr)
        return 2
    old = 0
    for file, begin in documents().items():
        before = file.read_text(encoding="utf-8")
        with tempfile.TemporaryDirectory() as folder:
            after = updated(before, run(before, begin(Path(folder))))
        if after != before:
            old += 1
            print(f"{file.relative_to(PROJECT)} was not up to date", file=sys.stderr)
            if arguments:
                file.write_text(after, encoding="utf-8")
    return 1 if old and not arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
