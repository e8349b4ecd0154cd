"""The files through which a job passes values to later jobs.

Each output is a file of the same name, complete and exact, in a folder that the job keeps as an artifact. Beside
the folder is a dotenv report, which sets variables in later jobs. Its format cannot quote values, and GitLab expands
variables in them, so the text of a tag could name a secret. The report therefore contains only values that GitLab
leaves unchanged (:func:`is_word`).

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

# With GTO_OUTPUTS these are 20 variables, the limit of self-managed GitLab. On gitlab.com the limit is 50 or more.
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
LIMIT = 5_000  # bytes; GitLab rejects a report of 5 KB or more


def variable(name: str) -> str:
    """Return the name of the variable for the output or input called ``name``."""
    return f"GTO_{name.upper().replace('-', '_')}"


def is_word(value: str) -> bool:
    """Return whether GitLab leaves ``value`` unchanged: it is not empty, is printable, and has no space, $ or %."""
    return bool(value) and value.isprintable() and not set(value) & set(" $%")


def render(values: Mapping[str, str], folder: str) -> tuple[bytes, list[str]]:
    """Return the dotenv report of the outputs ``values``, and the names of those that do not fit into it.

    ``folder`` is the path of the output files, relative to the project. An empty output has no variable.
    """
    wanted = {name: values[name] for name in VARIABLES if values.get(name)}
    plain = {name: value for name, value in wanted.items() if is_word(value)}
    lines = {"": f"GTO_OUTPUTS={folder}\n", **{name: f"{variable(name)}={value}\n" for name, value in plain.items()}}
    while sum(len(line.encode()) for line in lines.values()) > LIMIT:
        lines.pop(max((name for name in lines if name), key=lambda name: len(lines[name].encode())))
    return "".join(lines.values()).encode(), [name for name in wanted if name not in lines]


def outputs_file(project: Path, wanted: str) -> Path:
    """Return the path of the dotenv report, from ``GTO_OUTPUTS_FILE`` (``wanted``).

    Raises:
        WrongInput: GitLab cannot store the report, or the folder beside it, as an artifact.
    """
    file = project / (wanted or "gto.env")
    folder = outputs_folder(file)
    if not file.parent.resolve().is_relative_to(project.resolve()) or file.name in ("", "..") or not file.stem:
        raise WrongInput(
            f"GTO_OUTPUTS_FILE is outside the project: {quote(wanted)}", "Use a path inside the project's folder"
        )
    if not is_word(relative(folder, project)):
        raise WrongInput(
            f"GTO_OUTPUTS_FILE cannot be passed to later jobs: {quote(wanted)}", "Use a path without spaces, $ and %"
        )
    return file


def outputs_folder(file: Path) -> Path:
    """Return the folder of the output files, beside the dotenv report."""
    return file.with_name(f"{file.stem}-outputs")


def relative(path: Path, project: Path) -> str:
    """Return ``path`` relative to the project, whose location may differ in later jobs."""
    return Path(os.path.relpath(path, project)).as_posix()


def check_free(file: Path, project: Path) -> None:
    """Check that ``file`` and its outputs folder are missing, or hold only what an earlier run wrote.

    Raises:
        WrongInput: a file, folder or link that gto-ci did not write is there. It stays unchanged.
    """
    for place, is_ours in ((file, _is_our_report), (outputs_folder(file), _is_our_folder)):
        if os.path.lexists(place) and not is_ours(place):
            raise WrongInput(
                f"{quote(relative(place, project))} already exists and was not written by gto-ci",
                "Set GTO_OUTPUTS_FILE to an unused path, or move the existing file or folder away",
            )


def write(values: Mapping[str, str], report: bytes, file: Path, project: Path) -> None:
    """Write the output files and the dotenv report, and replace those of an earlier run.

    If anything fails, the earlier files stay in place.

    Raises:
        WrongInput: other files are in their place; see :func:`check_free`.
        OSError: the files cannot be written.
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
            folder.rename(old)  # ours: check_free made sure
        try:
            fresh.rename(folder)
            new_file.replace(file)  # ours or missing
        except OSError:
            if not fresh.exists():
                folder.rename(fresh)
            if old.exists():
                old.rename(folder)
            raise
    except OSError:
        # these random names were unused
        shutil.rmtree(fresh, ignore_errors=True)
        new_file.unlink(missing_ok=True)
        raise
    _discard(old)


def _manifest(contents: Mapping[str, bytes]) -> bytes:
    """Return the manifest by which a later run recognizes its own files, in the format of ``sha256sum --check``."""
    return "".join(f"{sha256(content).hexdigest()}  {name}\n" for name, content in contents.items()).encode()


def _is_our_folder(folder: Path) -> bool:
    """Return whether ``folder`` holds only files that an earlier run wrote, unchanged."""
    if folder.is_symlink() or not folder.is_dir():
        return False
    found: dict[str, bytes] = {}
    for place in folder.iterdir():
        content = _content(place, outputs.LIMIT) if place.name in (MANIFEST, *outputs.NAMES) else None
        if content is None:
            return False
        found[place.name] = content
    manifest = found.pop(MANIFEST, b"")
    return sorted(manifest.splitlines()) == sorted(_manifest(found).splitlines())


def _is_our_report(file: Path) -> bool:
    """Return whether ``file`` is a dotenv report in the form that :func:`render` returns."""
    names = [line.partition(b"=")[0].decode(errors="replace") for line in (_content(file, LIMIT) or b"").splitlines()]
    return names[:1] == ["GTO_OUTPUTS"] and {*names[1:]} <= {variable(name) for name in VARIABLES}


def _content(file: Path, limit: int) -> bytes | None:
    """Return the content of ``file``, or None if it is not a plain file or is larger than ``limit`` bytes."""
    if file.is_symlink() or not file.is_file() or file.stat().st_size > limit:
        return None
    return file.read_bytes()


def _discard(old: Path) -> None:
    """Remove a replaced outputs folder, unless someone has changed it since."""
    if old.exists() and _is_our_folder(old):
        shutil.rmtree(old, ignore_errors=True)
