"""What is measured: our wheel and GTO, each in a virtual environment of its own, made in the same way."""

from __future__ import annotations

import fcntl
import functools
import hashlib
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from benchmarks.options import PROJECT
from benchmarks.timing import BenchError
from tests.oracle.peers import GTO, PEERS, python_of

_OURS = PEERS / "ours"
_STAMP = _OURS / ".ready"
_INSTALL_TIMEOUT = 600


@dataclass(frozen=True, slots=True)
class Program:
    """An installed program; ``name`` is what tables call it."""

    name: str
    bin: Path

    @property
    def gto(self) -> str:
        """The path of its ``gto``."""
        return str(self.bin / "gto")

    @property
    def python(self) -> str:
        """The path of its interpreter."""
        return str(self.bin / "python")


@functools.cache
def ours() -> Program:
    """Install the project as users get it, as a wheel and not in place, unless it is there as the files are now.

    Raises:
        BenchError: it cannot be built or installed.
    """
    made_of = f"{digest()} Python {sys.version_info.major}.{sys.version_info.minor}\n"
    PEERS.mkdir(exist_ok=True)
    with (PEERS / "ours.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # released when the file is closed
        if not (_STAMP.is_file() and _STAMP.read_text() == made_of):
            shutil.rmtree(_OURS, ignore_errors=True)
            install(PROJECT, _OURS)
            _STAMP.write_text(made_of)
    return Program("gto-ci", _OURS / "bin")


def installed() -> str:
    """The :func:`digest` of what is installed as ours; another one later means that another bench has replaced it."""
    return _STAMP.read_text().split(" ")[0]


@functools.cache
def theirs() -> Program:
    """Install GTO, unless it is there.

    Raises:
        tests.oracle.peers.PeerError: it cannot be installed.
    """
    return Program(GTO.replace("==", " "), python_of(GTO).parent)


def install(source: Path, home: Path) -> None:
    """Make the virtual environment ``home`` with a wheel of the project in ``source``, and what it needs.

    pip compiles all modules to bytecode, as it does for GTO.

    Raises:
        BenchError: it cannot be built or installed.
    """
    pip = [str(home / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    for command in ([sys.executable, "-m", "venv", str(home)], [*pip, str(source)]):
        done = subprocess.run(command, capture_output=True, text=True, timeout=_INSTALL_TIMEOUT, check=False)
        if done.returncode:
            tail = "\n".join((done.stderr or done.stdout).strip().splitlines()[-10:])
            raise BenchError(f"{' '.join(command)}\n{tail}")


def digest() -> str:
    """Twelve hexadecimal digits that stand for the files of the program: what is the same has the same."""
    files = [PROJECT / "pyproject.toml", PROJECT / "entrypoint.py"]
    files += [file for file in (PROJECT / "gto_ci").rglob("*") if file.is_file() and file.suffix != ".pyc"]
    found = hashlib.sha256()
    for file in sorted(files):
        found.update(f"{file.relative_to(PROJECT)}\0{file.stat().st_size}\0".encode())
        found.update(file.read_bytes())
    return found.hexdigest()[:12]
