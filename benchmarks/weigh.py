"""Runs inside the image, from stdin, and prints what takes its room: a JSON list of objects.

Each has ``thing`` (a package of Debian or of Python, else a folder), ``bytes`` and ``compressed`` (by itself, as gzip
would). Bytecode counts with its source.
"""

import importlib.metadata
import json
import os
import zlib
from collections.abc import Iterator
from pathlib import Path

_SKIPPED = {Path("/proc"), Path("/sys"), Path("/dev")}
_LISTS = Path("/var/lib/dpkg/info")


class Weight:
    """The files of one thing, as they are added."""

    def __init__(self) -> None:
        self.bytes = self.compressed = 0
        self._stream = zlib.compressobj(6)

    def add(self, content: bytes) -> None:
        """Count a file in."""
        self.bytes += len(content)
        self.compressed += len(self._stream.compress(content))

    def end(self) -> dict[str, int]:
        """Return the sums, in bytes."""
        self.compressed += len(self._stream.flush())
        return {"bytes": self.bytes, "compressed": self.compressed}


def owners() -> dict[Path, str]:
    """Return which package each file belongs to."""
    found: dict[Path, str] = {}
    for listed in _LISTS.glob("*.list"):
        package = f"{listed.stem.partition(':')[0]} (Debian)"
        for path in map(Path, listed.read_text().splitlines()):
            # some packages name files by way of /lib, which is a link to /usr/lib
            found[path.parent.resolve() / path.name] = package
    for distribution in importlib.metadata.distributions():
        for file in distribution.files or ():
            found[Path(str(file.locate())).resolve()] = f"{distribution.name} (Python)"
    return found


def source(path: Path) -> Path:
    """Return the file that a file of bytecode was made of; any other stands for itself."""
    if path.parent.name != "__pycache__":
        return path
    return path.parent.parent / f"{path.name.partition('.')[0]}.py"


def files() -> Iterator[Path]:
    """Yield all files of the image, each once, whatever names it has."""
    seen = set()
    for folder, folders, names in os.walk("/"):
        folders[:] = sorted(name for name in folders if Path(folder, name) not in _SKIPPED)
        for path in (Path(folder, name) for name in sorted(names)):
            status = path.lstat()
            if path.is_file() and not path.is_symlink() and status.st_ino not in seen:
                seen.add(status.st_ino)
                yield path


def main() -> None:
    """Print the weights."""
    owner = owners()
    weights: dict[str, Weight] = {}
    for path in files():
        thing = owner.get(source(path)) or str(Path(*path.parts[:4]))
        weights.setdefault(thing, Weight()).add(path.read_bytes())
    print(json.dumps([{"thing": thing, **weight.end()} for thing, weight in weights.items()]))  # noqa: T201


main()
