"""Processes of git.

Every process gets a list of arguments (never a shell), a scrubbed environment, the C locale, no prompt and a time
limit. Secrets are passed in the environment (``GIT_CONFIG_COUNT`` …), so no command line and no file holds them.
They are removed from the output that an error reports.
"""

from __future__ import annotations

import os
import re
import subprocess
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import IO, Any, Final

from gto_ci.core.errors import GitError

# What `git rev-parse --local-env-vars` lists, except the configuration that a caller may have set on purpose.
# A hook's GIT_DIR, for example, must not lead us to another repository than the one that was named.
_SCRUBBED = frozenset(
    {
        "GIT_ALTERNATE_OBJECT_DIRECTORIES",
        "GIT_COMMON_DIR",
        "GIT_DIR",
        "GIT_GRAFT_FILE",
        "GIT_IMPLICIT_WORK_TREE",
        "GIT_INDEX_FILE",
        "GIT_INTERNAL_SUPER_PREFIX",
        "GIT_NAMESPACE",
        "GIT_NO_REPLACE_OBJECTS",
        "GIT_OBJECT_DIRECTORY",
        "GIT_PREFIX",
        "GIT_REPLACE_REF_BASE",
        "GIT_SHALLOW_FILE",
        "GIT_WORK_TREE",
    }
)
_URL_PASSWORD = r"(?<=://)[^/@\s'\"]+@"  # noqa: S105  # a pattern
Watch = Callable[[str], None]

# For commands that must run no hook of the user's, and start no maintenance that goes on after them.
QUIET = (("core.hooksPath", os.devnull), ("gc.auto", "0"), ("maintenance.auto", "false"))
LOCAL_TIMEOUT = 300.0
NETWORK_TIMEOUT = 600.0
_PIPE = 1 << 18  # bytes; a pipe has 64 KB by default


class Runner:
    """Runs git in one environment. Immutable.

    ``environ`` is the caller's environment. ``config`` is configuration for these processes only; it overrides the
    configuration files. ``secrets`` are removed from every error.
    """

    # no dataclass: importing that module takes longer than a git process, and each command needs this class
    __slots__ = ("config", "environ", "secrets")

    def __init__(
        self, environ: Mapping[str, str], config: tuple[tuple[str, str], ...] = (), secrets: tuple[str, ...] = ()
    ) -> None:
        self.environ: Final = environ
        self.config: Final = config
        self.secrets: Final = secrets

    def with_config(self, *config: tuple[str, str], secrets: Sequence[str] = ()) -> Runner:
        """Return a runner with additional configuration and secrets."""
        return Runner(self.environ, (*self.config, *config), (*self.secrets, *secrets))

    def run(
        self,
        args: Sequence[str],
        cwd: Path | None = None,
        *,
        stdin: bytes | None = None,
        timeout: float = LOCAL_TIMEOUT,
        next_step: str = "",
        environ: Mapping[str, str] | None = None,
        detached: bool = False,
        watch: Watch | None = None,
    ) -> bytes:
        """Run ``git ARGS`` in ``cwd`` and return its standard output.

        ``environ`` adds variables for this process only, also those that are scrubbed from the caller's environment.
        ``detached`` starts the process in its own session: a signal to our process group does not reach it, so it
        finishes its work. ``watch`` is called with each block of its standard error as it arrives.

        Raises:
            GitError: git is missing, failed, or took longer than ``timeout`` seconds. Its next step is ``next_step``,
                if given.
        """
        command = ["git", *args]
        options: dict[str, Any] = {"cwd": cwd, "env": self._environment(environ), "start_new_session": detached}
        run = _run if watch is None else partial(_run_watched, watch)
        with _startable(command, cwd), _timely(command, next_step):
            done = run(command, stdin, timeout, options)
        self._check(done, next_step)
        return done.stdout

    @contextmanager
    def stream(
        self,
        args: Sequence[str],
        cwd: Path | None = None,
        *,
        stdin: Iterable[bytes] | None = None,
        timeout: float = LOCAL_TIMEOUT,
    ) -> Iterator[Iterator[bytes]]:
        """Start ``git ARGS`` in ``cwd``, and yield its standard output in blocks while git is running.

        The caller's work runs at the same time as git. A thread iterates over ``stdin`` and writes the blocks to
        git. Leaving the context before the last block kills git.

        Raises:
            GitError: as in :meth:`run`, raised after the last block. An error of ``stdin`` is raised there too.
        """
        command = ["git", *args]
        pipe = subprocess.PIPE
        with _startable(command, cwd):
            process = subprocess.Popen(
                command,
                cwd=cwd,
                env=self._environment(),
                stdin=subprocess.DEVNULL if stdin is None else pipe,
                stdout=pipe,
                stderr=pipe,
            )
        with process, _timely(command, ""), _limited(process, timeout):
            assert process.stdout is not None
            _widen(process.stdout.fileno())
            conversation = _Conversation(process, stdin)
            try:
                yield self._blocks(command, process, conversation)
            finally:
                process.kill()  # does nothing if it has ended
                conversation.join()

    def _blocks(
        self, command: Sequence[str], process: subprocess.Popen[bytes], conversation: _Conversation
    ) -> Iterator[bytes]:
        assert process.stdout is not None
        while block := os.read(process.stdout.fileno(), _PIPE):
            yield block
        conversation.join()
        if conversation.failure is not None:
            raise conversation.failure
        self._check(subprocess.CompletedProcess(command, process.wait(), b"", conversation.said), "")

    @contextmanager
    def start(
        self, args: Sequence[str], cwd: Path, *, stderr: int | IO[bytes] = subprocess.DEVNULL, detached: bool = False
    ) -> Iterator[subprocess.Popen[bytes]]:
        """Start ``git ARGS`` in ``cwd``, yield the process, and wait for its end.

        The caller writes to its standard input and reads its standard output. Its standard error is discarded unless
        ``stderr`` is given: it may contain secrets, which :meth:`run` would remove.
        """
        with subprocess.Popen(
            ["git", *args],
            cwd=cwd,
            env=self._environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            start_new_session=detached,
        ) as process:
            yield process

    @property
    def network_timeout(self) -> float:
        """The number of seconds that a command may talk to a remote: ``GTO_NETWORK_TIMEOUT``, by default 600."""
        given = self.environ.get("GTO_NETWORK_TIMEOUT", "")
        return float(given) if re.fullmatch(r"[0-9]{1,6}(\.[0-9]{1,3})?", given) else NETWORK_TIMEOUT

    def patient(self) -> Runner:
        """Return a runner for commands that talk to a remote over HTTP: they fail if it sends nothing for too long.

        Then git's HTTP helper ends too. If only git were killed, the helper would keep our pipes open.
        """
        seconds = str(max(1, int(self.network_timeout)))
        return self.with_config(("http.lowSpeedLimit", "1"), ("http.lowSpeedTime", seconds))

    def _check(self, done: subprocess.CompletedProcess[bytes], next_step: str) -> None:
        if done.returncode != 0:
            stdout, stderr = (self._redact(stream.decode(errors="replace")) for stream in (done.stdout, done.stderr))
            words = [self._redact(word) for word in done.args]
            raise GitError(words, done.returncode, stdout, stderr, next_step or _advice(stderr))

    def _environment(self, more: Mapping[str, str] | None = None) -> dict[str, str]:
        environment = {name: value for name, value in self.environ.items() if name not in _SCRUBBED}
        environment.update(LC_ALL="C", LANGUAGE="", GIT_OPTIONAL_LOCKS="0")
        environment.setdefault("GIT_TERMINAL_PROMPT", "0")
        environment.update(more or {})
        given = environment.get("GIT_CONFIG_COUNT", "")
        count = int(given) if given.isdecimal() else 0
        for number, (key, value) in enumerate(self.config, count):
            environment[f"GIT_CONFIG_KEY_{number}"] = key
            environment[f"GIT_CONFIG_VALUE_{number}"] = value
        if self.config:
            environment["GIT_CONFIG_COUNT"] = str(count + len(self.config))
        return environment

    def _redact(self, text: str) -> str:
        from base64 import b64encode  # late: only failures need it
        from urllib.parse import quote

        for secret in self.secrets:
            code = b64encode(f"x-access-token:{secret}".encode()).decode()
            for form in (secret, quote(secret, safe=""), code):
                text = text.replace(form, "***")
        return without_password(text)


class _Conversation:
    """Threads that write a process's standard input, and read its standard error."""

    def __init__(self, process: subprocess.Popen[bytes], stdin: Iterable[bytes] | None) -> None:
        self.said = b""
        self.failure: Exception | None = None
        self._threads = [threading.Thread(target=self._listen, args=(process.stderr,))]
        if stdin is not None:
            self._threads.append(threading.Thread(target=self._tell, args=(process.stdin, stdin)))
        for thread in self._threads:
            thread.start()

    def join(self) -> None:
        for thread in self._threads:
            thread.join()

    def _listen(self, stderr: IO[bytes]) -> None:
        self.said = stderr.read()

    def _tell(self, pipe: IO[bytes], words: Iterable[bytes]) -> None:
        try:
            # a process that ends before it has read everything reports why
            with suppress(BrokenPipeError), pipe:
                for word in words:
                    pipe.write(word)
        except Exception as error:  # raised where the stream is read
            self.failure = error


@contextmanager
def _startable(command: Sequence[str], cwd: Path | None) -> Iterator[None]:
    """Turn the exception for a git that cannot start into a GitError."""
    try:
        yield
    except FileNotFoundError as error:
        if cwd is not None and not cwd.is_dir():
            raise GitError(command, None, stderr=f"no such folder: {cwd}") from error
        step = "Install git 2.31 or newer"
        raise GitError(command, None, stderr="git is not installed", next_step=step) from error


@contextmanager
def _timely(command: Sequence[str], next_step: str) -> Iterator[None]:
    """Turn the exception for a time limit into a GitError."""
    try:
        yield
    except subprocess.TimeoutExpired as error:
        said = f"no answer within {error.timeout:g} seconds"
        raise GitError(command, None, stderr=said, next_step=next_step) from error


def _widen(pipe: int) -> None:
    """Enlarge a pipe, so that git need not wait for us; on systems that can and may do so."""
    with suppress(ImportError, AttributeError, OSError):
        import fcntl

        fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _PIPE)


@contextmanager
def _limited(process: subprocess.Popen[bytes], timeout: float) -> Iterator[None]:
    """Kill ``process`` after ``timeout`` seconds, or if the block raises an exception."""
    expired = threading.Event()

    def expire() -> None:
        expired.set()
        process.kill()

    watchdog = threading.Timer(timeout, expire)
    watchdog.start()
    try:
        yield
    except BaseException as error:
        process.kill()
        if expired.is_set():
            raise subprocess.TimeoutExpired(process.args, timeout) from error
        raise
    finally:
        watchdog.cancel()
        watchdog.join()  # a later fork must find no other thread
    if expired.is_set():
        raise subprocess.TimeoutExpired(process.args, timeout)


def _run(
    command: Sequence[str], stdin: bytes | None, timeout: float, options: Mapping[str, Any]
) -> subprocess.CompletedProcess[bytes]:
    source = {"stdin": subprocess.DEVNULL} if stdin is None else {"input": stdin}
    return subprocess.run(command, capture_output=True, timeout=timeout, check=False, **source, **options)


def _run_watched(
    watch: Watch, command: Sequence[str], stdin: bytes | None, timeout: float, options: Mapping[str, Any]
) -> subprocess.CompletedProcess[bytes]:
    import tempfile  # late: only transfers that are watched need it

    with tempfile.TemporaryFile() as source, tempfile.TemporaryFile() as output:
        source.write(stdin or b"")
        source.seek(0)
        with (
            subprocess.Popen(command, stdin=source, stdout=output, stderr=subprocess.PIPE, **options) as process,
            _limited(process, timeout),
        ):
            assert process.stderr is not None
            said = b""
            while block := os.read(process.stderr.fileno(), 4096):
                said += block
                watch(block.decode(errors="replace"))
            process.wait()
        output.seek(0)
        return subprocess.CompletedProcess(command, process.returncode, output.read(), said)


def without_password(text: str) -> str:
    """Return ``text`` with the user and password of each URL in it replaced by ``***``."""
    return re.sub(_URL_PASSWORD, "***@", text)


def _advice(stderr: str) -> str:
    """Return the next step for failures that can occur with any command of git, "" for others."""
    owner = re.search(r"dubious ownership in repository at '(.+)'", stderr)
    if owner:
        import shlex

        return f"If you trust it: git config --global --add safe.directory {shlex.quote(owner[1])}"
    if "bad config" in stderr:
        return "Correct that line; 'git config --list --show-origin' shows which file each setting is from"
    if "not a git repository" in stderr:
        return "Its .git is damaged or incomplete; clone it again, or repair it"
    if re.search(r"insufficient permission|Permission denied$|Read-only file system", stderr, re.MULTILINE):
        return "This repository cannot be written to; check who owns its files"
    return ""
