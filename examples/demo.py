"""The main job, end to end, on an example that is made on the spot: what a pushed tag does in a workflow.

Everything happens in a temporary folder, with git and this project alone: no network, no account.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
PERSON = {
    "GIT_AUTHOR_NAME": "Ada Lovelace",
    "GIT_AUTHOR_EMAIL": "ada@example.com",
    "GIT_COMMITTER_NAME": "Ada Lovelace",
    "GIT_COMMITTER_EMAIL": "ada@example.com",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
}
ARTIFACTS = """\
churn:
  type: model
  path: models/churn.pkl
  labels: [tabular, weekly]
  description: Which customers are about to leave
"""
# what happened so far, in order: commits, and annotated tags on the newest one
HISTORY = (
    ("commit", "Train the first model", {"artifacts.yaml": ARTIFACTS, "models/churn.pkl": "weights 1"}),
    ("tag", "churn@v1.0.0", "First model that beats the baseline"),
    ("tag", "churn#prod#1", "Ship it"),
    ("tag", "models/nlp=topics@v0.3.0", "Topics of support tickets"),
    ("commit", "Train on a year of data", {"models/churn.pkl": "weights 2"}),
    ("tag", "churn@v1.1.0", "A year of data"),
    ("tag", "churn#staging#2", "Try it in staging"),
    ("tag", "segment@v2.0.0-rc.1", "Candidate"),
)
PUSHED, MESSAGE = "churn#prod#3", "Two weeks in staging without an incident"


def say(text: str) -> None:
    """Explain what comes next."""
    print(f"\n\033[1m» {text}\033[0m" if sys.stdout.isatty() else f"\n» {text}", flush=True)


def show(text: str) -> None:
    """Print what a program left behind."""
    print(textwrap.indent(text.rstrip(), "  "), flush=True)


def git(folder: Path, *args: str, minute: int = 0) -> str:
    """Run git in ``folder``; dates are ``minute`` minutes after a fixed one."""
    date = f"{1_767_258_000 + 60 * minute} +0000"
    environ = {**os.environ, **PERSON, "GIT_AUTHOR_DATE": date, "GIT_COMMITTER_DATE": date}
    done = subprocess.run(["git", *args], cwd=folder, env=environ, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def make_remote(folder: Path) -> tuple[Path, Path]:
    """Make a bare repository with the history so far; return it and the clone that wrote it."""
    remote, work = folder / "remote.git", folder / "work"
    git(folder, "init", "--quiet", "--bare", "--initial-branch=main", str(remote))
    git(remote, "config", "uploadpack.allowFilter", "true")
    git(folder, "clone", "--quiet", str(remote), str(work))
    git(work, "checkout", "--quiet", "-B", "main")
    for minute, (kind, text, content) in enumerate(HISTORY):
        if kind == "commit":
            for name, lines in dict(content).items():  # type: ignore[arg-type]  # of a commit these are its files
                (work / name).parent.mkdir(parents=True, exist_ok=True)
                (work / name).write_text(lines)
            git(work, "add", "--all")
            git(work, "commit", "--quiet", "-m", text, minute=minute)
        else:
            git(work, "tag", "-a", "-m", str(content), text, minute=minute)
    git(work, "push", "--quiet", "origin", "main", "--tags")
    return remote, work


def push_assignment(work: Path) -> str:
    """Make and push the tag that starts the workflow; return the commit that it is on."""
    git(work, "tag", "-a", "-m", MESSAGE, PUSHED, minute=60)
    git(work, "push", "--quiet", "origin", PUSHED)
    return git(work, "rev-parse", f"{PUSHED}^{{commit}}")


def check_out(folder: Path, remote: Path, commit: str) -> Path:
    """Leave a workspace as actions/checkout does: depth 1, one tag, and that one lightweight."""
    workspace = folder / "workspace"
    workspace.mkdir()
    git(workspace, "init", "--quiet")
    git(workspace, "remote", "add", "origin", f"file://{remote}")
    ref = f"refs/tags/{PUSHED}"
    git(workspace, "fetch", "--quiet", "--no-tags", "--depth=1", "origin", f"+{commit}:{ref}")
    git(workspace, "checkout", "--quiet", "--force", ref)
    return workspace


def run_action(folder: Path, workspace: Path, commit: str) -> dict[str, Path]:
    """Start the action as the runner would, with the variables and files that it gives a step."""
    files = {name: folder / name for name in ("event.json", "output", "summary")}
    files["output"].touch()
    files["summary"].touch()
    files["event.json"].write_text(json.dumps({"ref": f"refs/tags/{PUSHED}", "created": True, "after": commit}))
    environ = {
        **os.environ,
        **PERSON,
        "GITHUB_EVENT_NAME": "push",
        "GITHUB_EVENT_PATH": str(files["event.json"]),
        "GITHUB_REF": f"refs/tags/{PUSHED}",
        "GITHUB_SHA": commit,
        "GITHUB_REPOSITORY": "acme/models",
        "GITHUB_WORKSPACE": str(workspace),
        "GITHUB_OUTPUT": str(files["output"]),
        "GITHUB_STEP_SUMMARY": str(files["summary"]),
        "INPUT_PRINT-OUTPUTS": "false",
    }
    entrypoint = [sys.executable, "-I", str(PROJECT / "entrypoint.py")]
    done = subprocess.run(entrypoint, cwd=workspace, env=environ, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        sys.exit(f"the action failed:\n{done.stdout}")
    # the switches that keep text in the log from being taken for commands tell a reader nothing
    lines = [line for line in done.stdout.splitlines() if not line.startswith("::") or line.startswith("::group::")]
    say("The action has run. Its log, which GitHub folds by group:")
    show("\n".join(line.replace("::group::", "▼ ") for line in lines))
    return files


def outputs_in(file: Path) -> dict[str, str]:
    """The outputs as the runner reads them: a name and a delimiter, then lines up to the delimiter."""
    values: dict[str, str] = {}
    lines = iter(file.read_text().splitlines())
    for line in lines:
        name, _, delimiter = line.partition("<<")
        values[name] = "\n".join(iter(lambda: next(lines), delimiter))
    return values


def brief(value: str) -> str:
    """The first line of a value, and whether there is more."""
    first, _, rest = value.partition("\n")
    return f"{first} … ({rest.count(chr(10)) + 1} more lines)" if rest else first


def main() -> None:
    """Tell the story."""
    with tempfile.TemporaryDirectory(prefix="gto-ci-demo-") as name:
        folder = Path(name)
        say("A remote repository: three artifacts, one of them annotated, and what happened to them so far.")
        remote, work = make_remote(folder)
        tags = ("--sort=taggerdate", "--format=%(align:26)%(refname:strip=2)%(end)%(contents:subject)", "refs/tags")
        show(git(remote, "for-each-ref", *tags))

        say("A colleague assigns the stage prod to version v1.1.0 by pushing an annotated tag:")
        show(f"$ git tag -a -m '{MESSAGE}' '{PUSHED}'\n$ git push origin '{PUSHED}'")
        commit = push_assignment(work)

        say("The workflow starts. Its checkout is shallow; the pushed tag is there, but lightweight:")
        workspace = check_out(folder, remote, commit)
        show(git(workspace, "for-each-ref", "--format=%(objecttype)  %(refname)"))
        show(f"commits here: {git(workspace, 'rev-list', '--all', '--count')}")

        files = run_action(folder, workspace, commit)

        say("The outputs, which later steps of the job use as ${{ steps.gto.outputs.NAME }}:")
        outputs = outputs_in(files["output"])
        show("\n".join(f"{key:17} {brief(value)}" for key, value in outputs.items()))

        say("The summary, which GitHub shows on the page of the run:")
        show(files["summary"].read_text())

        say("In the workspace the annotated tag is back, and nothing else has changed:")
        show(git(workspace, "for-each-ref", "--format=%(objecttype)  %(refname)  %(taggername): %(contents:subject)"))

        deployed = (outputs["name"], outputs["version"], outputs["stage"], outputs["previous-version"])
        if deployed != ("churn", "v1.1.0", "prod", "v1.0.0"):
            sys.exit(f"\nnot what was expected: {deployed}")
        say("Done: a later step would now deploy churn v1.1.0 to prod, and roll back to v1.0.0 if it had to.\n")


if __name__ == "__main__":
    main()
