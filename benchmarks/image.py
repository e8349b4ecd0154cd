"""The image: how large it is compressed, and what in it is large."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.options import PROJECT, Options
from benchmarks.report import Entry, Figure, NotMeasured, Row, Table, at_most
from benchmarks.timing import BenchError

GROUP = "image"
_TARGET = 75.0  # MB, as everywhere here of 1,000,000 bytes
_LARGEST = 10
_IMAGE = "localhost/gto-ci-bench:latest"
_CHUNK = 1 << 20
_WEIGH = Path(__file__).with_name("weigh.py")


class NoEngineError(Exception):
    """Nothing here runs containers; the message is the reason, without a full stop."""


def rows(options: Options) -> Iterator[Entry]:
    """Build the image; its compressed size, that of its base, and the largest things in it."""
    del options  # neither sizes nor seeds matter
    try:
        run = engine()
    except NoEngineError as error:
        yield NotMeasured(GROUP, "the image", str(error))
        return
    image, base = build(run), base_in((PROJECT / "Dockerfile").read_text())
    size = f"`{run[0]} save | gzip`"
    yield Row(
        *(GROUP, "image, compressed", size, Figure(compressed(run, image) / 1e6, "MB")),
        target=at_most(_TARGET),
        note="1 MB is 1,000,000 bytes.",
    )
    yield Row(
        *(GROUP, f"of which the base, `{base}`", size, Figure(compressed(run, base) / 1e6, "MB")),
        note="If no container registry is reachable, `tests/e2e/host.sh` builds the base from the same packages.",
    )
    yield _largest(run, image, base)


def engine() -> tuple[str, ...]:
    """Return the command line of the engine that the end-to-end tests use, made ready as they do it.

    Raises:
        NoEngineError: there is none, or it cannot be used.
    """
    if os.geteuid() != 0:
        raise NoEngineError("containers are run as root here")
    if not any(map(shutil.which, ("docker", "podman"))):
        raise NoEngineError("no container engine is installed; `bash tests/e2e/host.sh` installs one")
    done = subprocess.run(["bash", PROJECT / "tests/e2e/host.sh"], capture_output=True, text=True, check=False)
    if done.returncode:
        raise NoEngineError((done.stderr.strip().splitlines() or ["tests/e2e/host.sh failed"])[-1])
    settings = dict(line.split("=", 1) for line in done.stdout.splitlines())
    return tuple(settings["ENGINE"].split())


def build(run: Sequence[str]) -> str:
    """Build the project's image with the engine ``run``; its name."""
    _checked([*run, "build", "--quiet", "--tag", _IMAGE, str(PROJECT)])
    return _IMAGE


def compressed(run: Sequence[str], image: str) -> int:
    """Return how many bytes ``save | gzip`` makes of the image."""
    size = 0
    with (
        subprocess.Popen([*run, "save", image], stdout=subprocess.PIPE) as saving,
        subprocess.Popen(["gzip"], stdin=saving.stdout, stdout=subprocess.PIPE) as zipping,
    ):
        assert saving.stdout is not None
        assert zipping.stdout is not None
        saving.stdout.close()  # gzip alone reads it, and the engine hears of it if gzip ends
        while chunk := zipping.stdout.read(_CHUNK):
            size += len(chunk)
    if saving.returncode or zipping.returncode:
        raise BenchError(f"{' '.join(run)} save {image} | gzip\nended with {saving.returncode}, {zipping.returncode}")
    return size


def entrypoint(run: Sequence[str], image: str) -> list[str]:
    """Return the words that a container of the image starts with."""
    said = _checked([*run, "image", "inspect", "--format", "{{json .Config.Entrypoint}}", image])
    return list(json.loads(said))


def unpack(run: Sequence[str], image: str, folder: Path) -> Path:
    """Write the image's files into ``folder``, in place of whatever it holds; the folder."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    container = _checked([*run, "create", image]).strip()
    archive = folder.with_suffix(".tar")
    try:
        with archive.open("wb") as file:
            subprocess.run([*run, "export", container], stdout=file, check=True)
        _checked(["tar", "--extract", "--file", str(archive), "--directory", str(folder)])
    finally:
        _checked([*run, "rm", container])
        archive.unlink(missing_ok=True)
    return folder


def base_in(dockerfile: str) -> str:
    """Return the name of the image that the first stage begins with; an argument stands for its default."""
    found = re.search(r"^FROM (\S+)", dockerfile, re.MULTILINE)
    assert found
    arguments = dict(re.findall(r"^ARG (\w+)=(\S+)", dockerfile[: found.start()], re.MULTILINE))
    return re.sub(r"\$\{(\w+)\}", lambda named: arguments[named[1]], found[1])


def _largest(run: Sequence[str], image: str, base: str) -> Table:
    """The table of the largest things, by what they add to the compressed image."""
    inside = [*run, "run", "--rm", "--interactive", "--network=none", "--entrypoint"]
    weighed = json.loads(_checked([*inside, "/opt/gto-ci/bin/python", image, "-I", "-"], _WEIGH.read_text()))
    names = _checked([*inside, "dpkg-query", base, "--show", "--showformat", "${Package} (Debian)\\n"])
    of_base = set(names.splitlines())
    weighed.sort(key=lambda entry: entry["compressed"], reverse=True)
    lines = tuple(
        (
            entry["thing"],
            f"{entry['compressed'] / 1e6:.1f} MB",
            f"{entry['bytes'] / 1e6:.1f} MB",
            "the base" if entry["thing"] in of_base else "gto-ci",
        )
        for entry in weighed[:_LARGEST]
    )
    note = "Each is compressed separately. Bytecode counts with its source."
    return Table(GROUP, "The ten largest packages", ("package", "compressed", "on disk", "added by"), lines, note)


def _checked(command: Sequence[str], stdin: str = "") -> str:
    """What the command prints; a :class:`BenchError` if it fails."""
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BenchError(f"{' '.join(command)}\nended with {done.returncode}\n{done.stderr[-2000:]}")
    return done.stdout
