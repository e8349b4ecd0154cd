"""Rows: the whole job after a tag was pushed, ours beside what the existing action for GTO does."""

from __future__ import annotations

import functools
import json
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from benchmarks.options import PROJECT, Options
from benchmarks.programs import ours, theirs
from benchmarks.registries import Made, Shape, kept
from benchmarks.report import Entry, at_least, faster
from benchmarks.timing import BenchError, Command, Sample, alternate, environment
from benchmarks.writing import copy_anew
from tests.e2e.checkout import Checkout, check_out

GROUP = "job"
_TARGETS = {10: at_least(10), 1_000: at_least(40)}
_THEIRS_UP_TO = 2_000  # tags; beyond, one of their jobs takes minutes
_NOTE = (
    "Both jobs start from the state that `actions/checkout` leaves (one commit, one tag), which is restored before "
    "each run; the remote is a folder, reached by `file://`. GTO's job: `git fetch --tags --force`, four `gto "
    "check-ref`, `gto show NAME`, `gto history NAME`, `gto show`, `gto history`; whatever else iterative/gto-action "
    "does (branches, annotations) is left out. gto-ci's job: `entrypoint.py` with the inputs' defaults: tables, "
    "outputs, job summary"
)
_SAME = (
    "gto-ci's job prints the history of the tagged artifact, not of all artifacts; the rows with the same tables "
    "leave the last `gto history` out of GTO's job"
)
_ANSWERS = ("name", "version", "stage", "event")
# What the existing action (iterative/gto-action) runs for an assignment. $1 is gto; where $2 is `same`, it prints no
# table that ours does not print.
_THEIR_JOB = """
set -eu
git fetch --tags --force --quiet origin
name=$("$1" check-ref "$GITHUB_REF" --name)
version=$("$1" check-ref "$GITHUB_REF" --version)
event=$("$1" check-ref "$GITHUB_REF" --event)
stage=$("$1" check-ref "$GITHUB_REF" --stage)
"$1" show "$name"
"$1" history "$name"
"$1" show
[ "$2" = same ] || "$1" history
printf '%s\\n' "name=$name" "version=$version" "stage=$stage" "event=$event" >>"$GITHUB_OUTPUT"
"""


def rows(options: Options) -> Iterator[Entry]:
    """Compare the jobs of a push of the busiest artifact's newest assignment."""
    for tags in options.tags:
        if tags > _THEIRS_UP_TO:
            continue
        made = kept(options.registries, Shape.usual(tags, options.seed))
        template = options.scratch / "checkout"
        sha = check_out_tag(made, template, options.scratch)
        for tables in ("all", "same"):
            found = _compare(options, made, template, sha, tables)
            more = {"target": _TARGETS.get(tags), "note": _NOTE} if tables == "all" else {"note": _SAME}
            what = f"the whole job{', the same tables' if tables == 'same' else ''}"
            yield faster(GROUP, what, str(made.shape), found, theirs().name, **more)


def _compare(options: Options, made: Made, template: Path, sha: str, tables: str) -> tuple[Sample, Sample]:
    jobs = {name: Job(options.scratch / f"job-{name}", template, made.stage_tag, sha) for name in ("ours", "theirs")}
    entrypoint = (ours().python, "-I", "-X", "utf8", str(PROJECT / "entrypoint.py"))
    commands = {
        "ours": jobs["ours"].command(entrypoint, default_inputs()),
        "theirs": jobs["theirs"].command(("sh", "-c", _THEIR_JOB, "sh", theirs().gto, tables), {}),
    }
    found = alternate(commands, options.runs, budget=options.budget)
    answers = {name: job.answers() for name, job in jobs.items()}
    if answers["ours"] != answers["theirs"] or len(answers["ours"]) != len(_ANSWERS):
        raise BenchError(f"The jobs answer differently: {answers}")
    return found["ours"], found["theirs"]


def check_out_tag(made: Made, workspace: Path, temp: Path) -> str:
    """Make what ``actions/checkout`` leaves for a push of the tag asked about; the commit's id."""
    shutil.rmtree(workspace, ignore_errors=True)
    ref = f"refs/tags/{made.stage_tag}"
    asked = ["git", "-C", str(made.folder), "rev-parse", f"{ref}^{{commit}}"]
    sha = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()
    check_out(workspace, f"file://{made.folder}", ref, sha, Checkout(), token="", temp=temp)
    return sha


def default_inputs() -> dict[str, str]:
    """The action's inputs as GitHub hands them over where a workflow sets none; there is no token."""
    inputs = yaml.safe_load((PROJECT / "action.yml").read_text(encoding="utf-8"))["inputs"]
    found = {name: str(about.get("default", "")) for name, about in inputs.items()}
    return {f"INPUT_{name.upper()}": "" if "${{" in value else value for name, value in found.items()}


@dataclass(frozen=True, slots=True)
class Job:
    """A job's folder: its workspace, and the files that a runner gives it."""

    home: Path
    template: Path
    tag: str
    sha: str

    def command(self, words: tuple[str, ...], inputs: Mapping[str, str]) -> Command:
        """The step ``words``, as a runner starts it."""
        self.home.mkdir(exist_ok=True)
        ref = f"refs/tags/{self.tag}"
        event = self.home / "event.json"
        event.write_text(json.dumps({"ref": ref, "created": True, "repository": {"default_branch": "main"}}))
        environ = environment(
            GITHUB_ACTIONS="true",
            GITHUB_WORKSPACE=str(self.home / "workspace"),
            GITHUB_REPOSITORY="acme/models",
            GITHUB_SERVER_URL="https://github.com",
            GITHUB_EVENT_NAME="push",
            GITHUB_EVENT_PATH=str(event),
            GITHUB_REF=ref,
            GITHUB_SHA=self.sha,
            GITHUB_OUTPUT=str(self.home / "output"),
            GITHUB_STEP_SUMMARY=str(self.home / "summary"),
            RUNNER_TEMP=str(self.home),
            **inputs,
        )
        return Command(words, self.home / "workspace", environ, self._prepare, stdout=self.home / "log")

    def _prepare(self) -> None:
        copy_anew(self.template, self.home / "workspace")
        for name in ("output", "summary"):
            (self.home / name).write_bytes(b"")

    def answers(self) -> dict[str, str]:
        """What the job's outputs say of the tag."""
        return {name: value for name, value in read_outputs(self.home / "output").items() if name in _ANSWERS}


def read_outputs(file: Path) -> dict[str, str]:
    """Read an outputs file, in either way of writing one: ``name=value``, or ``name<<END``, lines, ``END``."""
    lines = iter(file.read_text(encoding="utf-8").splitlines())
    found = {}
    for line in lines:
        name, mark, end = line.partition("<<")
        if mark:
            found[name] = "\n".join(iter(functools.partial(next, lines, end), end))
        else:
            name, _, found_value = line.partition("=")
            found[name] = found_value
    return found
