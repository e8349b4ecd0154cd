"""The last step of a change, which must be done as a whole.

What is to be seen in a user's repository is prepared where nobody sees it. To make it visible takes a
few git processes and some milliseconds, in which we could be killed. So it is done by a fork in a
session of its own: a signal to us, or to our process group, does not reach it, and what it has begun
it ends, or takes back.
"""

from __future__ import annotations

import os
import pickle
import threading
from collections.abc import Callable
from contextlib import suppress

from gto_ci.core.errors import GitError, GtoError


def finish(steps: Callable[[], None]) -> None:
    """Run ``steps`` to their end, whatever happens to this process meanwhile.

    In a program with several threads, which a fork would not carry over, they run here.

    Raises:
        GtoError: what ``steps`` raised.
        KeyboardInterrupt: somebody asked for a stop; the steps were done first.
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
        with suppress(OSError):  # nobody may be there to read it
            os.write(writing, pickle.dumps(answer))
        os._exit(0)  # without a copy of what our parent does at its end


def _raise(answer: bytes) -> None:
    kind, *rest = pickle.loads(answer) if answer else ("bug", "it was killed")  # noqa: S301  our own fork wrote it
    if kind == "git":
        raise GitError(*rest)
    if kind == "user":
        raise GtoError(*rest)
    if kind == "bug":
        raise GtoError(f"The last step failed: {rest[0]}", "Look at 'git status' before you go on")
