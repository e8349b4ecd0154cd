"""The last step of a change, which must not be interrupted.

A change is prepared where it is not visible. To make it visible takes a few git processes and some milliseconds, in
which we could be killed. So a fork with its own session does it: a signal to us, or to our process group, does not
reach the fork. It finishes the step, or undoes it.
"""

from __future__ import annotations

import os
import pickle
import threading
from collections.abc import Callable
from contextlib import suppress

from gto_ci.core.errors import GitError, GtoError


def finish(steps: Callable[[], None]) -> None:
    """Run ``steps`` to their end, even if this process is killed.

    A fork has no other threads. So in a program with several threads, ``steps`` run in this process.

    Raises:
        GtoError: raised by ``steps``.
        KeyboardInterrupt: the user interrupted the program; ``steps`` were finished first.
    """
    if not hasattr(os, "fork") or threading.active_count() > 1:
        steps()
        return
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _in_child(steps, writing)
    os.close(writing)
    interrupted = False
    answer = b""
    while True:
        try:
            block = os.read(reading, 65536)
        except KeyboardInterrupt:
            interrupted = True
            continue
        if not block:
            break
        answer += block
    os.close(reading)
    os.waitpid(child, 0)
    if interrupted:
        raise KeyboardInterrupt
    _raise(answer)


def _in_child(steps: Callable[[], None], writing: int) -> None:
    answer: tuple[object, ...] = ("bug", "it was killed")
    try:
        os.setsid()
        steps()
        answer = ("done",)
    except GitError as error:
        answer = ("git", error.command, error.returncode, error.stdout, error.stderr, error.next_step)
    except GtoError as error:
        answer = ("user", error.cause, error.next_step)
    except BaseException as error:
        answer = ("bug", repr(error))
    finally:
        with suppress(OSError):  # our parent may be dead
            os.write(writing, pickle.dumps(answer))
        os._exit(0)  # without the exit handlers of our parent


def _raise(answer: bytes) -> None:
    kind, *rest = pickle.loads(answer) if answer else ("bug", "it was killed")  # noqa: S301  our own fork wrote it
    if kind == "git":
        raise GitError(*rest)
    if kind == "user":
        raise GtoError(*rest)
    if kind == "bug":
        raise GtoError(f"The last step failed: {rest[0]}", "Look at 'git status' before you go on")
