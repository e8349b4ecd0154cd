"""Room, gitlab: the files by which a job gives something to later ones.

Each output is a file of its name, whole and exact, in a folder that the job keeps as an artifact.
Beside it is the file of a dotenv report, which makes variables of later jobs. That file has no way to
quote anything, and GitLab replaces what looks like a variable in a value by that variable's value:
the text of a tag could name a secret. So it holds only words that mean nothing but themselves.

Sources: GitLab's "GitLab CI/CD artifacts reports types", dotenv; "Use CI/CD variables", expansion.
"""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Mapping
from pathlib import Path

from gto_ci.errors import WrongInput, quote

# With the folder, as many as every GitLab takes: 20 on one's own server, 50 and more on gitlab.com.
VARIABLES = (
    "event",
    "name",
    "version",
    "stage",
    "type",
    "path",
    "tag",
    "commit",
    "author-email",
    "created-at",
    "previous-version",
    "previous-commit",
    "deleted",
    "is-latest",
    "is-current",
    "gate",
    "ghost-applied",
    "ghost-diff",
    "ghost-tree",
)
LIMIT = 5_000  # bytes; a report has to be smaller than 5 KB


def variable(name: str) -> str:
    """Return the name of the variable for the output or input called ``name``."""
    return f"GTO_{name.upper().replace('-', '_')}"


def is_word(value: str) -> bool:
    """Tell whether ``value`` is a printable word that GitLab leaves as it is."""
    return bool(value) and value.isprintable() and not set(value) & set(" $%")


def render(values: Mapping[str, str], folder: str) -> tuple[bytes, list[str]]:
    """Return the dotenv report of the outputs ``values``, and the names of those that it cannot hold.

    ``folder`` is where their files are, relative to the project. An output that is empty has no variable.
    """
    wanted = {name: values[name] for name in VARIABLES if values.get(name)}
    held = {name: value for name, value in wanted.items() if is_word(value)}
    lines = {"": f"GTO_OUTPUTS={folder}\n", **{name: f"{variable(name)}={value}\n" for name, value in held.items()}}
    while sum(len(line.encode()) for line in lines.values()) > LIMIT:
        lines.pop(max((name for name in lines if name), key=lambda name: len(lines[name].encode())))
    return "".join(lines.values()).encode(), [name for name in wanted if name not in lines]


def outputs_file(project: Path, wanted: str) -> Path:
    """Return the path of the dotenv report, from ``GTO_OUTPUTS_FILE`` (``wanted``).

    Raises:
        WrongInput: GitLab could not take it, or the folder beside it, as an artifact.
    """
    file = project / (wanted or "gto.env")
    folder = outputs_folder(file)
    if not file.parent.resolve().is_relative_to(project.resolve()) or file.name in ("", "..") or not file.stem:
        raise WrongInput(
            f"GTO_OUTPUTS_FILE leaves the project: {quote(wanted)}", "Give a path relative to the project's folder"
        )
    if not is_word(relative(folder, project)):
        raise WrongInput(
            f"GTO_OUTPUTS_FILE cannot be given to later jobs: {quote(wanted)}", "Give a path without spaces, $ and %"
        )
    return file


def outputs_folder(file: Path) -> Path:
    """Return the folder for the outputs' own files, beside the dotenv report."""
    return file.with_name(f"{file.stem}-outputs")


def relative(path: Path, project: Path) -> str:
    """Return ``path`` as later jobs, whose project may lie elsewhere, can use it."""
    return Path(os.path.relpath(path, project)).as_posix()


def write(values: Mapping[str, str], report: bytes, file: Path) -> None:
    """Write the outputs' files and the dotenv report, in place of what is there: all of it or, on failure, nothing.

    A link that stands in their place is replaced, and not followed.

    Raises:
        OSError: they cannot be written.
    """
    folder = outputs_folder(file)
    fresh = folder.with_name(f".{folder.name}-{secrets.token_hex(4)}")
    new_file = fresh.with_suffix(".env")
    try:
        fresh.mkdir(parents=True)
        for name, value in values.items():
            (fresh / name).write_bytes(value.encode())
        new_file.write_bytes(report)
        if folder.is_symlink() or folder.is_file():
            folder.unlink()
        elif folder.exists():
            shutil.rmtree(folder)
        fresh = fresh.rename(folder)
        new_file.replace(file)
    except OSError:
        shutil.rmtree(fresh, ignore_errors=True)
        new_file.unlink(missing_ok=True)
        raise
