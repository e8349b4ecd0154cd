"""Install DVC in a venv of its own, once a job; later steps of the job use it."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from gto_ci.core.errors import PullFailed, one_line
from gto_ci.dvc.requirements_lock import Lock
from gto_ci.dvc.run_as_owner import Account, Say

# The job decides where packages come from, and how. The other PIP_* variables (another target, other versions) would
# change the venv itself.
_PIP_SETTINGS = frozenset(
    f"PIP_{name}"
    for name in (
        "CACHE_DIR",
        "CERT",
        "CLIENT_CERT",
        "CONFIG_FILE",
        "DEFAULT_TIMEOUT",
        "EXTRA_INDEX_URL",
        "FIND_LINKS",
        "INDEX_URL",
        "KEYRING_PROVIDER",
        "NO_INDEX",
        "PROXY",
        "RETRIES",
        "TIMEOUT",
        "TRUSTED_HOST",
    )
)
_HOW = (
    "--quiet",
    "--no-input",
    "--disable-pip-version-check",
    "--progress-bar=off",
    "--no-compile",  # Python compiles the few modules that are imported
    "--no-warn-script-location",
    "--no-deps",
    "--require-hashes",
    "--only-binary=:all:",
)


def installed(lock: Lock, extras: Sequence[str], folder: Path, account: Account, say: Say) -> Path:
    """Return the Python of the venv in ``folder`` that holds DVC with ``extras``; create the venv if necessary.

    The venv gets its name when it is complete, so a venv of that name is always complete.

    Raises:
        PullFailed: DVC cannot be installed.
    """
    requirements = lock.requirements(extras)
    venv = folder / _venv_name(lock, extras, requirements, account)
    if not venv.exists():
        say(f"Installing DVC {lock.dvc.version}{' with ' + ', '.join(extras) if extras else ''}")
        _make(venv, requirements, account)
    return venv / "bin" / "python"


def _venv_name(lock: Lock, extras: Sequence[str], requirements: str, account: Account) -> str:
    python = f"py{sys.version_info.major}.{sys.version_info.minor}"
    exactly = "\n".join((requirements, sys.base_prefix, str(account.uid)))
    digest = hashlib.sha256(exactly.encode()).hexdigest()[:8]
    return "-".join(("gto-ci-dvc", lock.dvc.version, *extras, python, digest))


def _make(venv: Path, requirements: str, account: Account) -> None:
    pip = _packaged_pip()
    with account.new_folder(venv.parent, f"{venv.name}.") as building:
        listed = account.private / "requirements.txt"
        with listed.open("x", encoding="utf-8") as file:  # not through another user's link
            file.write(requirements)
        python = building / "bin" / "python"
        without = ["--without-pip"] if pip else []
        _run([sys.executable, "-I", "-m", "venv", *without, building], account)
        runs_pip: list[str | Path] = [pip / "pip"] if pip else ["-m", "pip"]
        _run([python, "-I", *runs_pip, "install", *_HOW, "-r", listed], account)
        try:
            building.rename(venv)  # this replaces an empty folder only
        except OSError:
            if not venv.exists():  # otherwise another step of the job has created it
                raise


def _packaged_pip() -> Path | None:
    """Return the wheel of pip in the image, whose Python cannot install pip; pip runs from the wheel itself."""
    return next((Path(sys.prefix) / "share" / "gto-ci").glob("pip-*.whl"), None)


def _run(command: Sequence[str | Path], account: Account) -> None:
    code, lines = account.run(command, account.private, _pip_environment(account.environ))
    if code != 0:
        said = one_line(telling_line(lines) or f"exit code {code}", 400)
        raise PullFailed(f"DVC cannot be installed: {said}", _next_step(said))


def _pip_environment(environ: Mapping[str, str]) -> dict[str, str]:
    kept = {name: value for name, value in environ.items() if not name.startswith("PIP_") or name in _PIP_SETTINGS}
    if "PIP_CACHE_DIR" not in kept:
        kept["PIP_NO_CACHE_DIR"] = "1"
    return {**kept, "PIP_USER": "0"}


def telling_line(lines: Sequence[str]) -> str:
    """Return the line in which pip or venv tells the cause of a failure, "" if there is none.

    If pip cannot reach the index, only a warning says so; the last line says that there is no such package.
    """
    broken = [line.partition("connection broken by ")[2] for line in lines if "connection broken by " in line]
    errors = [line.partition(": ")[2] for line in lines if line.startswith(("ERROR: ", "Error: "))]
    said = broken or errors or [line for line in lines if line.strip()]
    return said[-1] if said else ""


def _next_step(said: str) -> str:
    if "ensurepip" in said:
        return "Install what the venv module of this Python needs; on Debian: apt-get install python3-venv"
    if "No space left" in said:
        return "DVC takes 120 MB, with all its extras 300 MB; make room where the runner keeps temporary files"
    if "DO NOT MATCH" in said:
        return "The package index serves other files than PyPI; set PIP_INDEX_URL to one that serves the same"
    return "Check that the runner reaches PyPI, or set PIP_INDEX_URL (PIP_CERT, HTTPS_PROXY) in the step's 'env'"
