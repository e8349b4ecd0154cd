"""The two programs, asked the same questions: gto in a process of its own, ours in this one."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Any, NamedTuple
from unittest.mock import patch

from click.testing import CliRunner

from gto_ci import api
from gto_ci.cli import gto
from gto_ci.core.events import Event
from gto_ci.core.registry import Version, VersionStage
from gto_ci.errors import GtoError
from gto_ci.git import Runner
from gto_ci.render import views
from tests.oracle import peers
from tests.workdir import ISOLATED

Json = Any
Repair = tuple[str, ...]  # the name of a function in serve.py, and its arguments
NAMES = {"InvalidTagName": "InvalidTag"}  # gto's errors that ours calls otherwise


class Question(NamedTuple):
    """What to ask: arguments of the command line, or the name of a function in the API and its arguments."""

    ask: tuple[str, ...] | str
    kwargs: Mapping[str, Any] = MappingProxyType({})

    @property
    def command(self) -> str:
        """The command; a function of the API by the command that it is behind."""
        names = {"get_stages": "stages", "check_ref": "check-ref"}
        return names.get(self.ask, self.ask) if isinstance(self.ask, str) else self.ask[0]

    @property
    def about(self) -> str | None:
        """The artifact that is asked about, by its name or a shortcut; None where it is the registry."""
        if isinstance(self.ask, str):
            name = self.kwargs.get("name", self.kwargs.get("artifact"))
        else:
            name = self.ask[1] if len(self.ask) > 1 and not self.ask[1].startswith("-") else None
        return re.split("[@#]", name)[0] if isinstance(name, str) else None

    def concerns(self, artifact: str) -> bool:
        """Whether this artifact can be part of the answer."""
        return self.about in (None, artifact)

    @property
    def is_table(self) -> bool:
        """Whether the answer comes from a table, or is one."""
        if isinstance(self.ask, str):
            return bool(self.kwargs.get("table"))
        return self.command in ("show", "history") and "--json" not in self.ask

    def option(self, *names: str) -> bool:
        """Whether one of these options is given."""
        return any(name in self.ask for name in names) if isinstance(self.ask, tuple) else False

    def number(self, option: str, keyword: str, default: int) -> int:
        """The value of an option that takes a number."""
        if isinstance(self.ask, str):
            return int(self.kwargs.get(keyword, default))
        return int(self.ask[self.ask.index(option) + 1]) if option in self.ask else default


@dataclass(frozen=True)
class Answer:
    """What a command line did. ``stdout`` is parsed where it is JSON; the words of errors are not compared."""

    code: int
    stdout: Json
    stderr: str = field(default="", compare=False)


class Moment(NamedTuple):
    """Who asks for a change, and when: variables of the environment, and the seconds since 1970."""

    environ: Mapping[str, str]
    clock: int


@dataclass(frozen=True)
class Refusal:
    """An exception of the API, compared by its class's name."""

    kind: str
    message: str = field(compare=False)


@dataclass
class Gto:
    """``gto`` of the peer's environment, in one process that serves any number of questions."""

    version: str = peers.GTO
    _process: subprocess.Popen[str] | None = field(default=None, repr=False)
    _asked: Json = field(default=None, repr=False)

    def __enter__(self) -> Gto:
        python = peers.python_of(self.version)
        self._process = subprocess.Popen(
            [str(python), "-W", "ignore", str(Path(__file__).with_name("serve.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            env=environment(),
        )
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._process is not None:
            self._process.communicate(timeout=30)  # closes its input, which ends it

    def ask(self, repo: Path, question: Question, repairs: Sequence[Repair] = ()) -> Json:
        """Return the answer to a question; see :meth:`run` and :meth:`call`."""
        if isinstance(question.ask, str):
            return self.call(repo, question.ask, repairs, **question.kwargs)
        return self.run(repo, *question.ask, repairs=repairs)

    def run(self, repo: Path, *argv: str, repairs: Sequence[Repair] = (), environ: Mapping[str, str] = {}) -> Answer:
        """Return what ``gto ARGV --repo REPO`` does."""
        return self._run(repo, argv, repairs=repairs, environ=environ)()

    def call(self, repo: Path, function: str, repairs: Sequence[Repair] = (), **kwargs: Json) -> Json:
        """Return what ``gto.api.FUNCTION`` returns, or how it refuses."""
        return self._call(repo, function, kwargs, repairs=repairs)()

    def start(
        self, repo: Path, question: Question, moment: Moment | None = None, repairs: Sequence[Repair] = ()
    ) -> Callable[[], Json]:
        """Ask a question, or (``moment``) for a change, and return what waits for the answer: ours works meanwhile."""
        options = {**(moment._asdict() if moment else {}), "repairs": repairs}
        if isinstance(question.ask, str):
            return self._call(repo, question.ask, question.kwargs, **options)
        return self._run(repo, question.ask, **options)

    def _run(self, repo: Path, argv: Sequence[str], **options: Json) -> Callable[[], Answer]:
        argv = argv if argv[0] == "parse-tag" else (*argv, "--repo", str(repo))
        self._send({"repo": str(repo), "argv": argv, **options})

        def answer() -> Answer:
            said = self._receive()
            return Answer(said["code"], parsed(argv, said["stdout"]), said["stderr"])

        return answer

    def _call(self, repo: Path, function: str, kwargs: Mapping[str, Json], **options: Json) -> Callable[[], Json]:
        calls = calls_of(repo, function, kwargs)
        self._send({"repo": str(repo), "call": function, "kwargs": calls, **options})

        def answer() -> Json:
            answers = [
                one["value"] if "value" in one else Refusal(NAMES.get(one["type"], one["type"]), one["error"])
                for one in self._receive()
            ]
            return answers[0] if len(calls) == 1 else answers

        return answer

    def _send(self, question: Json) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        self._asked = question
        print(json.dumps(question), file=self._process.stdin, flush=True)

    def _receive(self) -> Json:
        assert self._process is not None
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise AssertionError(f"the oracle ended (exit {self._process.wait(30)}) over {self._asked}")
        return json.loads(line)


class Ours:
    """Our ``gto``, by the same questions.

    What git answered is kept, unless the repositories change (``keep=False``).
    """

    def __init__(self, keep: bool = True) -> None:
        self._keep = keep
        self._known: dict[Json, bytes] = {}
        self._run = Runner.run
        self._patches = ExitStack()

    def __enter__(self) -> Ours:
        def run(runner: Runner, args: Sequence[str], cwd: Path | None = None, **options: Json) -> bytes:
            key = (*args, cwd, *sorted(options.items()))
            if key not in self._known:
                self._known[key] = self._run(runner, args, cwd, **options)
            return self._known[key]

        outer = {name: text for name, text in os.environ.items() if not name.startswith(("GIT_", "GTO_"))}
        if self._keep:
            self._patches.enter_context(patch.object(Runner, "run", run))
        self._patches.enter_context(patch.dict(os.environ, outer | ISOLATED, clear=True))
        return self

    def __exit__(self, *_: object) -> None:
        self._patches.close()

    def ask(self, repo: Path, question: Question, environ: Mapping[str, str] = {}) -> Json:
        """Return the answer to a question; see :meth:`run` and :meth:`call`."""
        if isinstance(question.ask, str):
            with patch.dict(os.environ, environ):
                return self.call(repo, question.ask, **question.kwargs)
        return self.run(repo, *question.ask, environ=environ)

    def run(self, repo: Path, *argv: str, environ: Mapping[str, str] = {}) -> Answer:
        """Return what our ``gto ARGV --repo REPO`` does."""
        argv = argv if argv[0] == "parse-tag" else (*argv, "--repo", str(repo))
        result = CliRunner(env=environ).invoke(gto.app, argv)
        if isinstance(result.exception, GtoError):
            return Answer(1, parsed(argv, result.stdout), str(result.exception))
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Answer(result.exit_code, parsed(argv, result.stdout), result.stderr)

    def call(self, repo: Path, function: str, **kwargs: Json) -> Json:
        """Return what ``gto_ci.api.FUNCTION`` returns, or how it refuses."""
        answers: list[Json] = []
        for arguments in calls_of(repo, function, kwargs):
            try:
                answers.append(json.loads(views.to_json(plain(getattr(api, function)(**arguments)))))
            except GtoError as error:
                answers.append(Refusal(type(error).__name__, str(error)))
        return answers[0] if len(answers) == 1 else answers


def calls_of(repo: Path, function: str, kwargs: Mapping[str, Json]) -> list[dict[str, Json]]:
    """Return the arguments of each call: where one argument is a list, there is a call for each of its items."""
    fixed = {} if function == "parse_tag" else {"repo": str(repo)}
    for key, value in kwargs.items():
        if isinstance(value, list):
            return [{**fixed, **kwargs, key: item} for item in value]
    return [{**fixed, **kwargs}]


def environment() -> dict[str, str]:
    """Return the environment for the peer: no settings of the person who runs the tests, and wide lines."""
    outer = {name: text for name, text in os.environ.items() if not name.startswith(("GIT_", "GTO_", "PYTHON"))}
    return outer | ISOLATED | {"COLUMNS": "1000", "PYTHONIOENCODING": "utf-8", "TERM": "dumb"}


def parsed(argv: Sequence[str], stdout: str) -> Json:
    """Return JSON as values, so that the order of keys does not count, and other text as it is."""
    return json.loads(stdout) if stdout and ("--json" in argv or argv[0] == "parse-tag") else stdout


def plain(value: Json) -> Json:
    """Return versions, stages and events by what both programs call the same."""
    if isinstance(value, Event):
        return views.event_view(value)
    if isinstance(value, Version | VersionStage):
        fields = ("artifact", "version", "commit_hexsha", "stage")
        return {name: getattr(value, name) for name in fields if hasattr(value, name)}
    return [plain(one) for one in value] if isinstance(value, list | tuple) else value
