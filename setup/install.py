"""Install gto-ci for the steps of a job. ``setup/action.yml`` runs this script; it needs only Python.

The dependencies are exactly those of ``requirements.lock``, and pip checks the hash of each file. The wheel of
gto-ci is built from the action's checkout, with the tools of ``requirements-build.lock``. Everything is installed
in the runner's temporary folder, which belongs to the job. A folder with only gto-ci's programs goes on the PATH,
because the virtual environment's folder would put another ``python`` before the job's.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

PROGRAMS = ("gto", "gto-ci", "git-ghost")
# only wheels with a known hash: nothing is compiled, and no third-party setup.py runs
CHECKED = ("--require-hashes", "--no-deps", "--only-binary", ":all:")


class Unable(Exception):
    """The installation failed. The text is the cause and the next step."""


@dataclass(frozen=True, slots=True)
class Layout:
    """The paths of an installation.

    ``python`` and ``programs`` are in the virtual environment ``venv``. ``bin`` goes on the PATH. ``tools``
    holds the build tools and ``wheels`` the wheel that they build.
    """

    venv: PurePath
    python: PurePath
    programs: tuple[PurePath, ...]
    bin: PurePath
    tools: PurePath
    wheels: PurePath

    @classmethod
    def under(cls, folder: PurePath, *, windows: bool) -> Layout:
        """Return the layout in ``folder``, for Windows or for other systems."""
        venv, suffix = folder / "venv", ".exe" if windows else ""
        scripts = venv / ("Scripts" if windows else "bin")
        return cls(
            venv=venv,
            python=scripts / f"python{suffix}",
            programs=tuple(scripts / f"{name}{suffix}" for name in PROGRAMS),
            bin=folder / "bin",
            tools=folder / "build" / "tools",
            wheels=folder / "build" / "wheels",
        )


def new_folder(environ: Mapping[str, str]) -> Path:
    """Create a folder to install into, and return it.

    Its name is always new, because an existing folder may belong to another program or be in use. The runner
    removes the folder after the job.

    Raises:
        Unable: the runner has no temporary folder.
        OSError: the folder cannot be created.
    """
    temp = environ.get("RUNNER_TEMP")
    if not temp:
        raise Unable("The variable RUNNER_TEMP is not set. Run this as a step of a workflow")
    folder = Path(tempfile.mkdtemp(prefix="gto-ci-", dir=temp))
    folder.chmod(0o755)  # a step may run as another user
    return folder


def commands(layout: Layout, source: PurePath) -> list[list[str]]:
    """Return the commands that install ``source`` into the virtual environment, in order."""
    pip = [str(layout.python), "-m", "pip", "--disable-pip-version-check", "--no-input", "--quiet"]
    return [
        [*pip, "install", *CHECKED, "-r", str(source / "requirements.lock")],
        [*pip, "install", *CHECKED, "--target", str(layout.tools), "-r", str(source / "requirements-build.lock")],
        [*pip, "wheel", "--no-index", "--no-deps", "--no-build-isolation", "-w", str(layout.wheels), str(source)],
        [*pip, "install", "--no-index", "--no-deps", "--find-links", str(layout.wheels), "gto-ci"],
    ]


def variables(environ: Mapping[str, str], layout: Layout) -> dict[str, str]:
    """Return the environment of these commands: the job's, but with its Python settings replaced."""
    kept = {name: value for name, value in environ.items() if not name.upper().startswith("PYTHON")}
    return {**kept, "PYTHONPATH": str(layout.tools), "PYTHONUTF8": "1"}


def install(source: Path, folder: Path, environ: Mapping[str, str], *, windows: bool) -> tuple[str, Path]:
    """Install ``source`` into the new ``folder`` and return its version and the folder with the programs.

    Raises:
        Unable: a command failed.
        OSError: a file cannot be written.
    """
    layout = Layout.under(folder, windows=windows)
    Path(layout.bin).mkdir()
    for step in ([sys.executable, "-I", "-m", "venv", str(layout.venv)], *commands(layout, source)):
        _run(step, variables(environ, layout), folder)
    shutil.rmtree(layout.tools.parent)  # the build tools are no longer needed
    for program in layout.programs:
        # scripts and Windows launchers contain the path of their Python, so copies work anywhere
        shutil.copy2(program, layout.bin)
    output = _run([str(layout.bin / layout.programs[1].name), "--version"], environ, folder)
    return output.split()[-1], Path(layout.bin)


def _run(command: Sequence[str], environ: Mapping[str, str], folder: Path) -> str:
    """Run a command in ``folder`` and return its output. In the workspace, `python -m` might import its modules."""
    done = subprocess.run(
        command, cwd=folder, env=dict(environ), stdin=subprocess.DEVNULL, capture_output=True, check=False
    )
    if done.returncode != 0:
        sys.stdout.write((done.stdout + done.stderr).decode(errors="replace"))
        if "venv" in command:
            raise Unable("Python's venv module does not work here. Run actions/setup-python before this step")
        shown = " ".join(command[-3:])
        raise Unable(f"A command failed with exit code {done.returncode}: {shown}. See its output above")
    return done.stdout.decode(errors="replace")


def tell(environ: Mapping[str, str], version: str, programs: Path) -> None:
    """Put ``programs`` on the PATH of later steps, and set the outputs."""
    for variable, lines in (
        ("GITHUB_PATH", f"{programs}\n"),
        ("GITHUB_OUTPUT", f"version={version}\npath={programs}\n"),
    ):
        with Path(environ[variable]).open("a", encoding="utf-8", newline="\n") as file:
            file.write(lines)


def main(environ: Mapping[str, str]) -> int:
    """Install from the action's own checkout; return the exit code."""
    try:
        folder = new_folder(environ)
        version, programs = install(Path(__file__).resolve().parents[1], folder, environ, windows=os.name == "nt")
    except (OSError, Unable) as error:
        text = str(error).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
        sys.stdout.write(f"::error title=gto-ci::{text}\n")
        return 1
    tell(environ, version, programs)
    sys.stdout.write(f"gto-ci {version}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(os.environ))
