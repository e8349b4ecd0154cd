"""Runs a workflow with the real `act` in a prepared workspace, and reads back everything a test can ask about it.

What stands on GitHub's machines and what stands here:

==========================  ==========================================  ===========================================
                            GitHub                                      here
==========================  ==========================================  ===========================================
workspace in the action     /github/workspace                           the same: act mounts the workspace under the
                                                                        host's own path, so the test's folder is bound
                                                                        to /github/workspace for act alone
workspace's owner           the runner's user, 1001                     the first step gives it to 1001
home, runner's temporary    /github/home, /github/runner_temp           the same, mounted; RUNNER_TEMP is /tmp though
folder
`actions/checkout`          fetches                                     act copies the prepared folder in its place
GITHUB_REF, GITHUB_SHA      from the event                              `Trigger` says them. By itself, act would read
                                                                        GITHUB_SHA from `after` of a push (on GitHub
                                                                        that is the tag object, the variable the
                                                                        commit) and else from the workspace's HEAD,
                                                                        GITHUB_REF of a `create` would lack refs/tags/.
                                                                        It takes both from `--env GITHUB_REF` and
                                                                        `--env SHA_REF` (sic), and derives
                                                                        GITHUB_REF_NAME and GITHUB_REF_TYPE.
GITHUB_EVENT_NAME, _PATH    the event, its payload                      act's first argument, and its `-e` file as it is
GITHUB_REPOSITORY,          the repository, https://github.com          `--env`; the server is the test's own
GITHUB_SERVER_URL
network                     the host's, by a bridge                     the host's
==========================  ==========================================  ===========================================
"""

from __future__ import annotations

import base64
import itertools
import json
import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.e2e.checkout import CONTAINER_TEMP, CONTAINER_WORKSPACE

OWNER = 1001
_TIMEOUT = 600
_REPORT = "report"
_RESULTS = "/results"
_RUNNERS = ("ubuntu-latest", "ubuntu-24.04")
_numbers = itertools.count(1)


@dataclass(frozen=True)
class Trigger:
    """What GitHub tells a job about the event that started it."""

    event: str
    ref: str
    sha: str
    payload: Mapping[str, Any]


@dataclass(frozen=True)
class Command:
    """A workflow command (`::name properties::argument`) that the runner took from a step's output and obeyed."""

    name: str
    argument: str
    properties: Mapping[str, str]


@dataclass
class Step:
    """What a step did. `ignored` are the commands that it printed while commands were stopped."""

    outcome: str = "skipped"
    outputs: dict[str, str] = field(default_factory=dict)
    printed: list[str] = field(default_factory=list)
    commands: list[Command] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)
    summary: str = ""
    ended: bool = False

    def issued(self, name: str) -> list[str]:
        """The arguments of the commands of this name."""
        return [command.argument for command in self.commands if command.name == name]


@dataclass(frozen=True)
class Run:
    """A finished run. `workspace` and `home` are copies of what the job left, with their owners."""

    succeeded: bool
    steps: Mapping[str, Step]
    workspace: Path
    home: Path
    log: str

    def __getitem__(self, step: str) -> Step:
        return self.steps[step]


@dataclass
class Job:
    """What a job of a workflow did: the steps that ran, by id or else by name; `matrix` is its part of one."""

    matrix: Mapping[str, Any]
    steps: dict[str, Step] = field(default_factory=dict)

    def __getitem__(self, step: str) -> Step:
        return self.steps[step]


@dataclass(frozen=True)
class WorkflowRun:
    """A finished run of a whole workflow, and its jobs that ran.

    They are found by id; those of a workflow that a job calls by that job's name and their id (`Deploy/gate`). The
    jobs of a matrix share an id.
    """

    succeeded: bool
    jobs: Mapping[str, Sequence[Job]]
    log: str

    def __getitem__(self, name: str) -> Job:
        """The only job of this name."""
        (job,) = self.jobs[name]
        return job


@dataclass
class Machine:
    """A machine that runs workflows in containers of `job_image`, with the engine at `docker_host`.

    `engine` is the engine's own command line, for what act has no word for.
    """

    act: Path
    docker_host: str
    engine: tuple[str, ...]
    job_image: str

    def build(self, workspace: Path, scratch: Path) -> None:
        """Have act build the image of the action in `workspace`, as each job on GitHub does.

        `run` takes what is built here. To build it again for each of some hundred steps would take minutes, only to
        show that the layers are in the cache.
        """
        trigger = Trigger("workflow_dispatch", "refs/heads/main", "0" * 40, {})
        built = self.run(
            workspace, trigger, [step("build", {"entrypoint": "/bin/true"})], scratch=scratch, rebuild=True
        )
        assert built.succeeded, built.log

    def tag(self, name: str) -> None:
        """Give the action's image, which `build` has made, another name."""
        subprocess.run([*self.engine, "tag", "act-dockeraction:latest", name], check=True)

    def run(
        self,
        workspace: Path,
        trigger: Trigger,
        steps: Sequence[Mapping[str, Any]],
        *,
        scratch: Path,
        token: str = "",
        environment: Mapping[str, str] | None = None,
        temp: Path | None = None,
        rebuild: bool = False,
    ) -> Run:
        """Run one job with these steps after a checkout that left `workspace`.

        `scratch` is an empty folder for this run's files; `temp` becomes the runner's temporary folder.
        """
        folders = {name: scratch / name for name in ("results", "home", "temp")}
        for folder in folders.values():
            folder.mkdir(parents=True)
        folders["temp"] = temp or folders["temp"]
        mounts = {"results": _RESULTS, "home": "/github/home", "temp": str(CONTAINER_TEMP)}
        succeeded, printed = self._act(
            *(workspace, trigger, _workflow(trigger.event, steps)),
            scratch=scratch,
            secrets={"GITHUB_TOKEN": token} if token else {},
            environment={"HOME": "/github/home", **(environment or {})},
            options=(
                f"--rebuild={str(rebuild).lower()}",
                *("--container-options", " ".join(f"-v {folders[name]}:{at}" for name, at in mounts.items())),
            ),
        )
        log, found = _read(printed)
        return Run(succeeded, found, folders["results"], folders["home"], log)

    def run_workflow(
        self,
        workspace: Path,
        trigger: Trigger,
        workflow: Mapping[str, Any],
        *,
        scratch: Path,
        secrets: Mapping[str, str],
        environment: Mapping[str, str],
    ) -> WorkflowRun:
        """Run a whole workflow, whose jobs each find a copy of `workspace` where they check it out.

        Home, temporary folder and owner of the workspace are here as act has them; the workflows that it calls are
        those in `workspace`.
        """
        scratch.mkdir(parents=True)
        workflow = {**workflow, "name": _unique(workflow["name"])}
        succeeded, printed = self._act(
            *(workspace, trigger, workflow),
            scratch=scratch,
            secrets=secrets,
            environment=environment,
            options=("--rebuild=false", "--actor", trigger.payload.get("sender", {}).get("login", "")),
        )
        return WorkflowRun(succeeded, *_read_jobs(printed, workflow["name"]))

    def _act(
        self,
        workspace: Path,
        trigger: Trigger,
        workflow: Mapping[str, Any],
        *,
        scratch: Path,
        secrets: Mapping[str, str],
        environment: Mapping[str, str],
        options: Sequence[str],
    ) -> tuple[bool, str]:
        """Run act on a workflow with `workspace` at its place; whether all went well, and act's log."""
        file, event, home = scratch / "workflow.yml", scratch / "event.json", scratch / "act-home"
        home.mkdir()
        file.write_text(json.dumps(workflow))  # JSON is YAML
        event.write_text(json.dumps(trigger.payload))
        variables = {"GITHUB_REF": trigger.ref, "SHA_REF": trigger.sha, **environment}
        command = [
            *("unshare", "--mount", "--propagation", "private", "sh", "-c"),
            'mount --bind "$1" "$2" && shift 2 && exec "$@"',
            *("sh", str(workspace), str(CONTAINER_WORKSPACE)),
            *(str(self.act), trigger.event, "--json", "--directory", str(CONTAINER_WORKSPACE)),
            *("--workflows", str(file), "--eventpath", str(event)),
            *itertools.chain.from_iterable(("--platform", f"{name}={self.job_image}") for name in _RUNNERS),
            *("--pull=false", "--action-offline-mode", "--rm"),
            *("--no-cache-server", "--use-gitignore=false", "--container-daemon-socket", "-"),
            *options,
            *itertools.chain.from_iterable(("--env", f"{name}={value}") for name, value in variables.items()),
            *itertools.chain.from_iterable(("--secret", name) for name in secrets),
        ]
        done = subprocess.run(
            command,
            cwd=scratch,
            env={"PATH": os.environ["PATH"], "HOME": str(home), "DOCKER_HOST": self.docker_host, **secrets},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=_TIMEOUT,
            check=False,
        )
        return done.returncode == 0, done.stdout


def step(name: str, inputs: Mapping[str, str] | None = None, **keys: Any) -> dict[str, Any]:
    """A step that uses the action."""
    return {"id": name, "name": name, "uses": "./", "with": dict(inputs or {}), **keys}


def shell(name: str, script: str, **keys: Any) -> dict[str, Any]:
    """A step that runs a shell script."""
    return {"id": name, "name": name, "run": script, "shell": "bash", **keys}


def _workflow(event: str, steps: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    # Quoted and with an end that no value holds: JSON has no line `END…`, for its strings have no line breaks.
    report = f"base64 -w 0 <<'END-OF-STEPS'\n${{{{ toJSON(steps) }}}}\nEND-OF-STEPS\necho\ncp -a . {_RESULTS}/\n"
    return {
        "name": _unique("e2e"),
        "on": event,
        "jobs": {
            "job": {
                "runs-on": "ubuntu-latest",
                "steps": [
                    {"name": "checkout", "uses": "actions/checkout@v4"},
                    shell("owner", f"chown -R {OWNER}:{OWNER} ."),
                    *steps,
                    shell(_REPORT, report, **{"if": "always()"}),
                ],
            }
        },
    }


def _unique(name: str) -> str:
    """act names its containers after the workflow: each run has its own."""
    return f"{name}-{os.getpid()}-{next(_numbers)}"


def _read(text: str) -> tuple[str, dict[str, Step]]:
    """The log for a person, and the steps of a run, from act's log."""
    steps: dict[str, Step] = {}
    lines = []
    for entry in _entries(text):
        identity = entry.get("stepID", [""])[0]
        lines.append(f"{identity:>10} | {entry['msg'].rstrip()}")
        if identity:
            _add(steps.setdefault(identity, Step()), entry)
    log = "\n".join(lines)
    assert steps.get(_REPORT, Step()).printed, f"the job did not reach its last step:\n{log}"
    for name, state in json.loads(base64.b64decode(steps[_REPORT].printed[0])).items():
        one = steps.setdefault(name, Step())
        one.outcome = state["outcome"]
        one.outputs = {key: str(value) for key, value in state["outputs"].items()}
    return log, steps


def _read_jobs(text: str, workflow: str) -> tuple[dict[str, list[Job]], str]:
    """The jobs of a run of `workflow`, and the log for a person, from act's log."""
    jobs: dict[tuple[str, str], Job] = {}
    lines = []
    for entry in _entries(text):
        title = entry.get("job", "")
        lines.append(f"{title} | {entry.get('step', '')} | {entry['msg'].rstrip()}")
        if not title:
            continue
        caller = "" if title.startswith(f"{workflow}/") else f"{title.partition('/')[0]}/"
        name = f"{caller}{entry['jobID']}"
        job = jobs.setdefault((name, json.dumps(entry["matrix"])), Job(entry["matrix"]))
        if "stepID" not in entry:
            continue
        identity = entry["stepID"][0]
        # a step without an id has its number for one
        one = job.steps.setdefault(entry["step"] if identity.isdigit() else identity, Step())
        one.outcome = entry.get("stepResult", one.outcome)
        if entry.get("command") == "set-output":
            one.outputs[entry["name"]] = entry["arg"]
        _add(one, entry)
    found: dict[str, list[Job]] = {}
    for (name, _), job in jobs.items():
        job.steps = {key: one for key, one in job.steps.items() if one.ended}
        if job.steps:
            found.setdefault(name, []).append(job)
    return found, "\n".join(lines)


def _entries(text: str) -> Iterator[dict[str, Any]]:
    """The entries of act's log, a JSON object per line; what else it prints are messages."""
    for line in text.splitlines():
        try:
            yield json.loads(line)
        except ValueError:
            yield {"msg": line}


def _add(one: Step, entry: Mapping[str, Any]) -> None:
    command = entry.get("command")
    if "stepResult" in entry:
        one.ended = True
    elif entry.get("raw_output"):
        one.printed.append(entry["msg"].removesuffix("\n"))
    elif command == "ignored":
        one.ignored.append(entry["raw"].removesuffix("\n"))
    elif command == "summary":
        one.summary = entry["content"]
    elif command and not one.ended:
        # what is read from the step's files (outputs, environment) is logged in the same way, after the step's end
        properties = entry.get("kvPairs") or {key: entry[key] for key in ("name",) if key in entry}
        one.commands.append(Command(command, _argument(entry), properties))


def _argument(entry: Mapping[str, Any]) -> str:
    """A command's argument, decoded. act does so in an order left to chance, and %250A may become a line feed."""
    raw = str(entry.get("raw", "")).removesuffix("\n")
    if not raw.startswith("::"):
        return str(entry.get("arg", ""))
    argument = raw[2:].partition("::")[2]
    for code, character in (("%0D", "\r"), ("%0A", "\n"), ("%25", "%")):
        argument = argument.replace(code, character)
    return argument
