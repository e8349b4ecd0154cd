"""The files by which a job gives something to later ones.

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
from hashlib import sha256
from pathlib import Path

from gto_ci.core.errors import WrongInput, quote
from gto_ci.platforms import outputs

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
MANIFEST = ".gto-ci"  # in the outputs folder
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


def check_free(file: Path, project: Path) -> None:
    """Make sure that nothing is at ``file`` and in its outputs folder but what an earlier run of ours wrote there.

    Raises:
        WrongInput: somebody else's file, folder or link is there. It stays.
    """
    for place, ours in ((file, _is_our_report), (outputs_folder(file), _is_our_folder)):
        if os.path.lexists(place) and not ours(place):
            raise WrongInput(
                f"{quote(relative(place, project))} is there already, and is not what gto-ci writes there",
                "Set GTO_OUTPUTS_FILE to a path that is free, or move this away",
            )


def write(values: Mapping[str, str], report: bytes, file: Path, project: Path) -> None:
    """Write the outputs' files and the dotenv report, in place of our own earlier ones: all or, on failure, nothing.

    Raises:
        WrongInput: something else is in their place; see :func:`check_free`.
        OSError: they cannot be written.
    """
    check_free(file, project)
    folder = outputs_folder(file)
    fresh = folder.with_name(f".{folder.name}-{secrets.token_hex(8)}")
    old, new_file = fresh.with_suffix(".old"), fresh.with_suffix(".env")
    contents = {name: value.encode() for name, value in values.items()}
    try:
        fresh.mkdir(parents=True)
        for name, content in {**contents, MANIFEST: _manifest(contents)}.items():
            (fresh / name).write_bytes(content)
        new_file.write_bytes(report)
        if folder.exists():
            folder.rename(old)  # ours, as check_free has found
        try:
            fresh.rename(folder)
            new_file.replace(file)  # ours, or missing
        except OSError:
            if not fresh.exists():
                folder.rename(fresh)
            if old.exists():
                old.rename(folder)
            raise
    except OSError:
        # random names that were free
        shutil.rmtree(fresh, ignore_errors=True)
        new_file.unlink(missing_ok=True)
        raise
    _discard(old)


def _manifest(contents: Mapping[str, bytes]) -> bytes:
    """Return the lines by which a later run tells its own files, as ``sha256sum --check`` reads them."""
    return "".join(f"{sha256(content).hexdigest()}  {name}\n" for name, content in contents.items()).encode()


def _is_our_folder(folder: Path) -> bool:
    """Tell whether ``folder`` holds nothing but files that we wrote, unchanged."""
    if folder.is_symlink() or not folder.is_dir():
        return False
    found: dict[str, bytes] = {}
    for place in folder.iterdir():
        content = _content(place, outputs.LIMIT) if place.name in (MANIFEST, *outputs.NAMES) else None
        if content is None:
            return False
        found[place.name] = content
    said = found.pop(MANIFEST, b"")
    return sorted(said.splitlines()) == sorted(_manifest(found).splitlines())


def _is_our_report(file: Path) -> bool:
    """Tell whether ``file`` is a dotenv report as :func:`render` makes it."""
    names = [line.partition(b"=")[0].decode(errors="replace") for line in (_content(file, LIMIT) or b"").splitlines()]
    return names[:1] == ["GTO_OUTPUTS"] and {*names[1:]} <= {variable(name) for name in VARIABLES}


def _content(file: Path, most: int) -> bytes | None:
    """Return what ``file`` holds, None if it is no file, or larger than ``most`` bytes: we write none so large."""
    if file.is_symlink() or not file.is_file() or file.stat().st_size > most:
        return None
    return file.read_bytes()


def _discard(old: Path) -> None:
    """Remove an outputs folder of ours that has been replaced, if it is ours still."""
    if old.exists() and _is_our_folder(old):
        shutil.rmtree(old, ignore_errors=True)
