"""Other programs that read the same tags, each in a virtual environment of its own.

They live under ``.peers/`` in the project's root, are made the first time a test asks for them,
and are used again afterwards. ``make clean`` removes them.
"""

from __future__ import annotations

import fcntl
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
PEERS = PROJECT / ".peers"
GTO = "gto==1.10.1"
OLD_GTO = "gto==0.2.4"
# What a peer needs besides what it asks for: a release that did not know what came after it.
WITH = {OLD_GTO: ("pydantic<2", "click<8.1", "typer<0.7")}
INSTALL_TIMEOUT = 600


class PeerError(Exception):
    """A peer cannot be installed; the message says what was tried, what pip said, and what to do."""


def python_of(requirement: str, peers: Path = PEERS) -> Path:
    """Return the interpreter of a virtual environment that holds ``requirement`` (``NAME==VERSION``).

    What :data:`WITH` names for it is installed, too. A stamp is written last and names what the
    environment was made for: one that was interrupted, or made with another Python, is made again.
    A lock lets only one process make it.

    Raises:
        PeerError: it cannot be made.
    """
    home = peers / requirement.replace("==", "-")
    python, stamp = home / "bin" / "python", home / ".ready"
    wanted = (requirement, *WITH.get(requirement, ()))
    made_for = f"{' '.join(wanted)} Python {sys.version_info.major}.{sys.version_info.minor}\n"
    peers.mkdir(parents=True, exist_ok=True)
    with _locked(peers / f"{home.name}.lock"):
        if not (stamp.is_file() and stamp.read_text() == made_for and python.exists()):
            shutil.rmtree(home, ignore_errors=True)
            _run([sys.executable, "-m", "venv", str(home)], requirement, home)
            pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *wanted]
            _run(pip, requirement, home)
            stamp.write_text(made_for)
    return python


def _run(command: list[str], requirement: str, home: Path) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=INSTALL_TIMEOUT, check=False)
        said = "" if done.returncode == 0 else (done.stderr or done.stdout)
    except subprocess.TimeoutExpired:
        said = f"no answer within {INSTALL_TIMEOUT} seconds"
    except OSError as error:
        said = str(error)
    if said:
        tail = "\n".join(said.strip().splitlines()[-10:])
        raise PeerError(
            f"Cannot install {requirement} into {home}\n{' '.join(command)}\n{tail}\n"
            "The tests in tests/oracle compare with it. They need a package index the first time;"
            " without one, run the others: pytest --ignore=tests/oracle"
        )


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # released when the file is closed, whatever happens
        yield
