"""The parts of the README that are made, not written: the tables of ``action.yml``, the transcripts of the programs.

``python -m tests.readme_tables --write`` brings the README up to date; without ``--write`` the
exit code tells whether it is (``tests/test_readme.py`` does the same).
"""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from tests.workdir import WorkDir

PROJECT = Path(__file__).resolve().parents[1]
README, ACTION = PROJECT / "README.md", PROJECT / "action.yml"
_TRANSCRIPT = re.compile(r"^(```console\n)(\$ (?:gto|git ghost) .*?\n)(```)$", re.DOTALL | re.MULTILINE)
_PROGRAMS = {"gto": "gto", "git ghost": "git_ghost"}


def with_tables(readme: str, action: Mapping[str, Any]) -> str:
    """Return ``readme`` with what stands between ``<!-- inputs -->`` and ``<!-- /inputs -->``, likewise outputs, anew.

    Raises:
        ValueError: a pair of markers is not there exactly once.
    """
    for name, table in (("inputs", inputs_table(action["inputs"])), ("outputs", outputs_table(action["outputs"]))):
        first, last = f"<!-- {name} -->", f"<!-- /{name} -->"
        parts = re.split(f"{re.escape(first)}.*?{re.escape(last)}", readme, flags=re.DOTALL)
        if len(parts) != 2:
            raise ValueError(f"the README must have {first} and {last} once")
        readme = f"{parts[0]}{first}\n\n{table}\n{last}{parts[1]}"
    return readme


def inputs_table(inputs: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the table of inputs: name, default, meaning."""
    rows = [(f"`{name}`", _default(one.get("default", "")), _cell(one["description"])) for name, one in inputs.items()]
    return _table(("input", "default", "meaning"), rows)


def outputs_table(outputs: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the table of outputs: name, meaning."""
    return _table(("output", "meaning"), [(f"`{name}`", _cell(one["description"])) for name, one in outputs.items()])


def with_transcript(readme: str, repository: WorkDir) -> str:
    """Return ``readme`` with every command of its transcripts run anew in ``repository``."""
    return _TRANSCRIPT.sub(lambda block: f"{block[1]}{_transcript(block[2], repository)}{block[3]}", readme)


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
    """One line of Markdown that shows ``text`` as it stands."""
    return re.sub(r"([\\`*_\[\]<>|])", r"\\\1", " ".join(text.split()))


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
    """Check, or with ``--write`` update, the README; return the exit code."""
    if [*arguments] not in ([], ["--write"]):
        print("usage: python -m tests.readme_tables [--write]", file=sys.stderr)
        return 2
    before = README.read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder:
        after = with_transcript(before, example_registry(Path(folder, "registry")))
    after = with_tables(after, yaml.safe_load(ACTION.read_text(encoding="utf-8")))
    if after == before:
        return 0
    if not arguments:
        print("README.md is not up to date: python -m tests.readme_tables --write", file=sys.stderr)
        return 1
    README.write_text(after, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
