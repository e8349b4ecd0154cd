"""Generate parts of the documents: the tables of ``action.yml`` and the transcripts of the programs.

``python -m tests.readme_tables --write`` updates the documents. Without ``--write`` the exit code tells
whether they are up to date (``tests/test_readme.py`` checks the same).
"""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from tests.workdir import WorkDir

PROJECT = Path(__file__).resolve().parents[1]
README, ACTION = PROJECT / "README.md", PROJECT / "action.yml"
DOCS = PROJECT / "docs"
REFERENCE = DOCS / "reference/action.md"
# The README shows the inputs and outputs that most workflows need; the reference shows all of them.
OFTEN_USED = {
    "inputs": ("ref", "require-stage", "policy", "comment", "pull", "ghost-diff"),
    "outputs": ("event", "name", "version", "stage", "path", "is-current", "previous-version", "gate-reasons"),
}
TABLES = {README: ("often used inputs", "often used outputs"), REFERENCE: ("inputs", "outputs")}
_TRANSCRIPT = re.compile(r"^(```console\n)(\$ (?:gto|git ghost) .*?\n)(```)$", re.DOTALL | re.MULTILINE)
_PROGRAMS = {"gto": "gto", "git ghost": "git_ghost"}


def with_tables(document: str, action: Mapping[str, Any], tables: Sequence[str] = TABLES[REFERENCE]) -> str:
    """Return ``document`` with each table anew, between ``<!-- NAME -->`` and ``<!-- /NAME -->``.

    Raises:
        ValueError: a pair of markers is missing, or occurs more than once.
    """
    for name in tables:
        first, last = f"<!-- {name} -->", f"<!-- /{name} -->"
        parts = re.split(f"{re.escape(first)}.*?{re.escape(last)}", document, flags=re.DOTALL)
        if len(parts) != 2:
            raise ValueError(f"the document must have {first} and {last} once")
        document = f"{parts[0]}{first}\n\n{_tables(action)[name]}\n{last}{parts[1]}"
    return document


def _tables(action: Mapping[str, Any]) -> dict[str, str]:
    often = {part: {name: action[part][name] for name in names} for part, names in OFTEN_USED.items()}
    return {
        "inputs": inputs_table(action["inputs"]),
        "outputs": outputs_table(action["outputs"]),
        "often used inputs": inputs_table(often["inputs"]),
        "often used outputs": outputs_table(often["outputs"]),
    }


def inputs_table(inputs: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the table of inputs: name, default, meaning."""
    rows = [(f"`{name}`", _default(one.get("default", "")), _cell(one["description"])) for name, one in inputs.items()]
    return _table(("input", "default", "meaning"), rows)


def outputs_table(outputs: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the table of outputs: name, meaning."""
    return _table(("output", "meaning"), [(f"`{name}`", _cell(one["description"])) for name, one in outputs.items()])


def with_transcript(document: str, repository: WorkDir) -> str:
    """Return ``document`` with every command of its transcripts run anew in ``repository``."""
    return _TRANSCRIPT.sub(lambda block: f"{block[1]}{_transcript(block[2], repository)}{block[3]}", document)


def documents() -> dict[Path, Callable[[Path], WorkDir]]:
    """Return the documents with transcripts, each with what makes the repository in which its commands run."""
    return {
        README: new_project,
        DOCS / "reference/gto.md": example_registry,
        DOCS / "reference/git-ghost.md": example_registry,
    }


def new_project(folder: Path) -> WorkDir:
    """Return a repository with a model, a remote, and no registry yet."""
    repository = WorkDir.init(folder)
    repository.zone, repository.now = "+0100", 1_710_151_200
    repository.write("models/churn.pkl", "weights 1\n")
    repository.commit("Train the first model", features="1\n")
    for name in ("hub.git", "ghosts.git"):
        repository.git("init", "--quiet", "--bare", "--initial-branch=main", f"../{name}")
    repository.git("remote", "add", "origin", "../hub.git")
    repository.git("push", "--quiet", "--set-upstream", "origin", "main")
    # for `git ghost`: a change that is not committed
    repository.write("features", "1, normalised\n")
    return repository


def example_registry(folder: Path) -> WorkDir:
    """Return a small registry, the same whenever and wherever it is made."""
    repository = WorkDir.init(folder)
    repository.zone, repository.now = "+0100", 1709283600
    repository.commit("Train", artifacts__yaml="churn: {type: model, path: models/churn.pkl, labels: [weekly]}\n")
    repository.tag("churn@v1.0.0", message="First model, AUC 0.88")
    repository.now += 86400
    repository.tag("churn#prod#1", message="Approved in the review of 1 March")
    repository.now += 9 * 86400
    repository.commit("Train on more data", features="2")
    repository.tag("churn@v1.1.0", message="AUC 0.91")
    repository.tag("churn#dev#2", message="Try it")
    repository.tag("data=customers@v0.3.0", message="Snapshot of February")
    repository.now += 3600
    repository.tag("churn#prod#3", message="Promote after the review")
    # what `git ghost` is shown with: a change that is not committed, and a place for it
    repository.write("features", "2, normalised\n")
    repository.git("init", "--quiet", "--bare", "../ghosts.git")
    return repository


def _default(value: str) -> str:
    return f"`{value}`" if value else "–"


def _cell(text: str) -> str:
    """One line of Markdown that shows ``text``, with commands as code.

    Names with ``@`` are code, too, because GitHub would make links of them.
    """
    escaped = re.sub(r"([\\`*_\[\]<>|])", r"\\\1", " ".join(text.split()))
    return re.sub(r"\w+[@#]\w+(?:\.\w+)*|\bgto [a-z-]+(?: --[a-z]+)?", r"`\g<0>`", escaped)


def _table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [headings, ["---"] * len(headings), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _transcript(old: str, repository: WorkDir) -> str:
    return transcript([line[2:] for line in old.splitlines() if line.startswith("$ ")], repository)


def transcript(commands: Sequence[str], repository: WorkDir, **environ: str) -> str:
    """Run ``commands`` in ``repository``, and return what a terminal would show.

    Raises:
        ValueError: one of them is none of ours.
    """
    return "".join(f"$ {command}\n{_run(command, repository, environ)}" for command in commands)


def _run(command: str, repository: WorkDir, more: Mapping[str, str]) -> str:
    program = next((name for name in _PROGRAMS if command.startswith(f"{name} ")), None)
    if program is None:
        raise ValueError(f"not a command of ours: {command}")
    arguments = shlex.split(command.removeprefix(program))
    main = f"from gto_ci.cli.{_PROGRAMS[program]} import main; main()"
    start = [sys.executable, "-X", "utf8", "-c", main, *arguments]
    environ = {name: value for name, value in repository.environ().items() if not name.startswith("GTO_")}
    environ |= {"PYTHONPATH": str(PROJECT), "GIT_GHOST_REPO": str(repository.path.with_name("ghosts.git")), **more}
    done = subprocess.run(
        start,
        cwd=repository.path,
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        check=False,
    )
    return done.stdout


def main(arguments: Sequence[str]) -> int:
    """Check, or with ``--write`` update, the documents; return the exit code."""
    if [*arguments] not in ([], ["--write"]):
        print("usage: python -m tests.readme_tables [--write]", file=sys.stderr)
        return 2
    action = yaml.safe_load(ACTION.read_text(encoding="utf-8"))
    old = 0
    for file in sorted({*TABLES, *documents()}):
        before = after = file.read_text(encoding="utf-8")
        if begin := documents().get(file):
            with tempfile.TemporaryDirectory() as folder:
                after = with_transcript(after, begin(Path(folder, "registry")))
        after = with_tables(after, action, TABLES.get(file, ()))
        if after != before:
            old += 1
            print(f"{file.relative_to(PROJECT)} was not up to date", file=sys.stderr)
            if arguments:
                file.write_text(after, encoding="utf-8")
    return 1 if old and not arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
