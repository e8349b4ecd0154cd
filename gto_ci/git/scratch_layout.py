"""The files of an empty scratch repository, written without running git: gitrepository-layout(5)."""

from __future__ import annotations

import os
from pathlib import Path


def lay_out(
    root: Path,
    object_format: str,
    *,
    objects: Path | None = None,
    shallow: Path | None = None,
    include: Path | None = None,
) -> None:
    """Write an empty bare repository into the folder ``root``.

    ``objects`` is the object folder of another repository, whose objects are borrowed, and ``shallow`` the file that
    lists where its history ends. ``include`` is a configuration file that applies to the new repository too.
    """
    for folder in ("objects/info", "refs/tags"):
        (root / folder).mkdir(parents=True)
    (root / "HEAD").write_text("ref: refs/heads/none\n", encoding="ascii")
    extension = f"[extensions]\n\tobjectFormat = {object_format}\n" if object_format != "sha1" else ""
    included = f"[include]\n\tpath = {_quoted(include)}\n" if include else ""
    # the content need not survive a power cut, and waiting for the disk takes most of the time of writing
    text = f"[core]\n\trepositoryFormatVersion = 1\n\tbare = true\n\tfsync = none\n{extension}{included}"
    (root / "config").write_bytes(os.fsencode(text))
    if objects is not None:
        (root / "objects/info/alternates").write_bytes(_alternate(objects))
    if shallow is not None and shallow.exists():
        (root / "shallow").write_bytes(shallow.read_bytes())


def _alternate(objects: Path) -> bytes:
    # git reads a line that begins with a quote as a C string, and any other line as a path
    path = str(objects)
    return os.fsencode((_quoted(objects) if path.startswith(('"', "#")) or "\n" in path else path) + "\n")


def _quoted(path: Path) -> str:
    """Return ``path`` as a string of C, which git's configuration files and lists of alternates understand."""
    escaped = str(path).replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
