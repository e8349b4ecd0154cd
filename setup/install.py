"""Installs gto-ci for the steps of a job: what ``setup/action.yml`` runs, with nothing but Python itself.

Dependencies are exactly those of ``requirements.lock``, each file checked against its hash; our own wheel
is built from the checkout of the action, by the tools of ``requirements-build.lock``. All of it lies in
the runner's temporary folder, which is the job's own. The PATH gets a folder with our programs alone:
that of a virtual environment would put another ``python`` before the job's.
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
# the hash of a wheel is what is checked: nothing is compiled, and no setup.py of a third party runs
CHECKED = ("--require-hashes", "--no-deps", "--only-binary", ":all:")


class Unable(Exception):
    """The installation cannot be made; the text is the cause and the next step."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Where what is: ``python`` and the ``programs`` as installed, the ``bin`` that goes on the PATH.

    ``tools`` is where what builds our wheel lies, and ``wheels`` where the wheel is put.
    """

    venv: PurePath
    python: PurePath
    programs: tuple[PurePath, ...]
    bin: PurePath
    tools: PurePath
    wheels: PurePath

    @classmethod
    def under(cls, folder: PurePath, *, windows: bool) -> Layout:
        """Return the layout in ``folder`` on this system."""
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
    """Make a folder to install into, and return it.

    Its name is new each time: a folder that is there already is somebody else's, or one whose programs run.
    The runner removes all of them with the job.

    Raises:
        Unable: the runner gives no folder for temporary files.
        OSError: nothing can be made in it.
    """
    temp = environ.get("RUNNER_TEMP")
    if not temp:
        raise Unable("The variable RUNNER_TEMP is not set. Run this as a step of a workflow")
    folder = Path(tempfile.mkdtemp(prefix="gto-ci-", dir=temp))
    folder.chmod(0o755)  # a step may run as another user
    return folder


def commands(layout: Layout, source: PurePath) -> list[list[str]]:
    """Return the commands that install what is in ``source`` into the virtual environment, one after the other."""
    pip = [str(layout.python), "-m", "pip", "--disable-pip-version-check", "--no-input", "--quiet"]
    return [
        [*pip, "install", *CHECKED, "-r", str(source / "requirements.lock")],
        [*pip, "install", *CHECKED, "--target", str(layout.tools), "-r", str(source / "requirements-build.lock")],
        [*pip, "wheel", "--no-index", "--no-deps", "--no-build-isolation", "-w", str(layout.wheels), str(source)],
        [*pip, "install", "--no-index", "--no-deps", "--find-links", str(layout.wheels), "gto-ci"],
    ]


def variables(environ: Mapping[str, str], layout: Layout) -> dict[str, str]:
    """Return the environment of these commands: no setting of the job's for Python, only our tools to build with."""
    kept = {name: value for name, value in environ.items() if not name.upper().startswith("PYTHON")}
    return {**kept, "PYTHONPATH": str(layout.tools), "PYTHONUTF8": "1"}


def install(source: Path, folder: Path, environ: Mapping[str, str], *, windows: bool) -> tuple[str, Path]:
    """Install what is in ``source`` into the new ``folder``; return its version, and the folder with the programs.

    Raises:
        Unable: it does not go.
    """
    layout = Layout.under(folder, windows=windows)
    Path(layout.bin).mkdir()
    for step in ([sys.executable, "-I", "-m", "venv", str(layout.venv)], *commands(layout, source)):
        _run(step, variables(environ, layout), folder)
    shutil.rmtree(layout.tools.parent)  # in the new folder: what built our wheel
    for program in layout.programs:
        # both a script and Windows' starter know the path of their Python, wherever they lie
        shutil.copy2(program, layout.bin)
    said = _run([str(layout.bin / layout.programs[1].name), "--version"], environ, folder)
    return said.split()[-1], Path(layout.bin)


def _run(command: Sequence[str], environ: Mapping[str, str], folder: Path) -> str:
    """Run a command in our own folder: `python -m` would find a module in the job's workspace first."""
    done = subprocess.run(
        command, cwd=folder, env=dict(environ), stdin=subprocess.DEVNULL, capture_output=True, check=False
    )
    if done.returncode != 0:
        sys.stdout.write((done.stdout + done.stderr).decode(errors="replace"))
        if "venv" in command:
            raise Unable("Python's venv module does not work here. Run actions/setup-python before this step")
        what = " ".join(command[-3:])
        raise Unable(f"This has failed with exit code {done.returncode}: {what}. What it said stands above")
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
