"""The action without its container: the real steps in this process, in the environment that a runner sets."""

from __future__ import annotations

import io
import json
import os
from dataclasses import dataclass, field
from pathlib import Path

from gto_ci.cli import action
from tests.workdir import ISOLATED


def read_outputs(data: bytes) -> dict[str, str]:
    """Read an outputs file as the runner does: lines end at line feeds only, a value at its delimiter's line."""
    lines = data.decode().split("\n")
    values: dict[str, str] = {}
    at = 0
    while at < len(lines) - 1:
        name, _, delimiter = lines[at].partition("<<")
        end = lines.index(delimiter, at + 1)
        values[name] = "\n".join(lines[at + 1 : end])
        at = end + 1
    return values


@dataclass(frozen=True)
class Outcome:
    """What a step leaves: its exit code, log, outputs file and summary."""

    code: int
    log: str
    output_file: bytes
    summary: str

    @property
    def outputs(self) -> dict[str, str]:
        """The outputs as the runner reads them."""
        return read_outputs(self.output_file)

    def commands(self, name: str) -> list[str]:
        """The workflow commands called ``name`` in the log, those in text that is not to be obeyed left out."""
        found: list[str] = []
        stopped = ""
        for line in self.log.split("\n"):
            if stopped:
                stopped = "" if line.strip() == f"::{stopped}::" else stopped
            elif line.startswith("::stop-commands::"):
                stopped = line.removeprefix("::stop-commands::")
            elif line.startswith((f"::{name}::", f"::{name} ")):
                found.append(line)
        return found

    @property
    def error(self) -> str:
        """The one error of a step that failed, with no outputs at all."""
        assert self.code == 1
        assert self.output_file == b""
        (error,) = self.commands("error")
        return error


@dataclass
class FakeRunner:
    """Stands in for GitHub's runner: the variables and files that it gives a step, and nothing else of it."""

    workspace: Path
    temp: Path
    environ: dict[str, str] = field(default_factory=dict)

    def run(
        self,
        event: str = "push",
        ref: str = "refs/heads/main",
        sha: str = "",
        payload: dict[str, object] | None = None,
        /,
        **inputs: str,
    ) -> Outcome:
        """Run the action; an input's name is written with ``_`` for ``-``."""
        self.temp.mkdir(parents=True, exist_ok=True)
        files = {name: self.temp / name for name in ("output", "summary", "event.json")}
        for file in files.values():
            file.write_bytes(b"")
        files["event.json"].write_text(json.dumps(payload or {"ref": ref}))
        outer = {
            name: value for name, value in os.environ.items() if not name.startswith(("GIT_", "GITHUB_", "INPUT_"))
        }
        environ = {
            **outer,
            **ISOLATED,
            "HOME": str(self.temp),
            "GITHUB_WORKSPACE": str(self.workspace),
            "GITHUB_REPOSITORY": "acme/models",
            "GITHUB_SERVER_URL": "https://github.com",
            "GITHUB_EVENT_NAME": event,
            "GITHUB_EVENT_PATH": str(files["event.json"]),
            "GITHUB_REF": ref,
            "GITHUB_SHA": sha,
            "GITHUB_OUTPUT": str(files["output"]),
            "GITHUB_STEP_SUMMARY": str(files["summary"]),
            **{f"INPUT_{name.replace('_', '-').upper()}": value for name, value in inputs.items()},
            **self.environ,
        }
        stream = io.StringIO()
        code = action.run(environ, stream)
        return Outcome(code, stream.getvalue(), files["output"].read_bytes(), files["summary"].read_text())
