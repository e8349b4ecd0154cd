"""What a release does to this repository: checks before it, and the commit that users of the action get.

    python3 .github/release.py check TAG            TAG registers the version that the files say
    python3 .github/release.py notes VERSION        what the changelog says of it
    python3 .github/release.py commit VERSION IMAGE make the release's commit and tags; IMAGE is named by digest

A release is registered with our own registry: `gto register gto-action --version v1.2.3 --push`. The workflow that this
starts builds and signs, then makes a commit in which `action.yml` names the image by digest, tagged `v1.2.3`; `v1` is
moved there too, unless the version is a pre-release or an older one. Only Python's standard library, and git.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
ARTIFACT = "gto-action"
_VERSION = re.compile(r"(?P<major>\d+)\.(?P<minor>\d+)\.(?P<patch>\d+)(?P<pre>-[0-9A-Za-z.-]+)?")
_IMAGE = re.compile(r"[a-z0-9.:-]+(/[a-z0-9._-]+)+@sha256:[0-9a-f]{64}")
_BOT = ("github-actions[bot]", "41898282+github-actions[bot]@users.noreply.github.com")


class Refused(Exception):
    """Why there is no release, for a person."""


def check(tag: str, project: Path = PROJECT) -> str:
    """Return the version that ``tag`` registers, which has to be that of the files."""
    name, _, version = tag.partition("@v")
    if name != ARTIFACT or not _VERSION.fullmatch(version):
        raise Refused(f"{tag!r} is no release; register one: gto register {ARTIFACT} --version vX.Y.Z --push")
    said = re.search(r'^__version__ = "(.+)"$', (project / "gto_ci/__init__.py").read_text(encoding="utf-8"), re.M)
    if said is None or said[1] != version:
        raise Refused(f"The tag says {version}, gto_ci/__init__.py {said[1] if said else 'nothing'}")
    notes(version, project)
    return version


def notes(version: str, project: Path = PROJECT) -> str:
    """Return the changelog's section on ``version``."""
    text = (project / "CHANGELOG.md").read_text(encoding="utf-8")
    found = re.search(
        rf"^## \[{re.escape(version)}\] - \d{{4}}-\d\d-\d\d\n(.*?)(?=^## \[|^\[[^\]]+\]: |\Z)", text, re.M | re.S
    )
    if found is None or not found[1].strip():
        raise Refused(f"CHANGELOG.md has no section '## [{version}] - YYYY-MM-DD' with something in it")
    return found[1].strip()


def pinned(manifest: str, image: str) -> str:
    """Return ``action.yml`` with the image named by digest instead of being built from the Dockerfile."""
    if not _IMAGE.fullmatch(image):
        raise Refused(f"{image!r} does not name an image by digest (registry/name@sha256:…)")
    changed, count = re.subn(r"(?m)^  image: Dockerfile$", f"  image: docker://{image}", manifest)
    if count != 1:
        raise Refused("action.yml has no line '  image: Dockerfile'")
    return changed


def commit(version: str, image: str, project: Path = PROJECT) -> list[str]:
    """Commit ``action.yml`` with the image pinned, tag the commit, and return the refs to be pushed, all at once.

    HEAD and the branch stay where they are; only the tags lead to the commit.
    """
    match = _VERSION.fullmatch(version)
    if match is None:
        raise Refused(f"{version!r} is no version")
    blob = _git(project, "hash-object", "-w", "--stdin", stdin=pinned(_at_head(project, "action.yml"), image))
    entries = [
        line if line.partition("\t")[2] != "action.yml" else f"100644 blob {blob}\taction.yml"
        for line in _git(project, "ls-tree", "-z", "HEAD", strip=False).split("\0")
    ]
    tree = _git(project, "mktree", "-z", stdin="\0".join(entries))
    made = _git(project, "commit-tree", tree, "-p", "HEAD", "-m", f"Release {version}\n\naction.yml names {image}")
    refs = [f"refs/tags/v{version}"]
    _git(project, "tag", "--annotate", f"v{version}", made, "--message", f"gto-ci {version}")
    if not match["pre"] and not _newer_exists(project, match):
        _git(project, "tag", "--annotate", "--force", f"v{match['major']}", made, "--message", f"gto-ci {version}")
        refs.append(f"+refs/tags/v{match['major']}")
    return refs


def _newer_exists(project: Path, match: re.Match[str]) -> bool:
    """Whether the same major version has a release already that is newer: what is mended later moves no one back."""
    own = (int(match["minor"]), int(match["patch"]))
    tags = _git(project, "tag", "--list", f"v{match['major']}.*").split()
    others = [found for tag in tags if (found := _VERSION.fullmatch(tag[1:])) and not found["pre"]]
    return any((int(other["minor"]), int(other["patch"])) > own for other in others)


def _at_head(project: Path, path: str) -> str:
    return _git(project, "cat-file", "blob", f"HEAD:{path}", strip=False)


def _git(project: Path, *args: str, stdin: str = "", strip: bool = True) -> str:
    name, email = _BOT
    person = {
        "GIT_AUTHOR_NAME": name,
        "GIT_AUTHOR_EMAIL": email,
        "GIT_COMMITTER_NAME": name,
        "GIT_COMMITTER_EMAIL": email,
    }
    done = subprocess.run(
        ["git", *args],
        cwd=project,
        env={**os.environ, **person},
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise Refused(f"git {args[0]}: {done.stderr.strip()}")
    return done.stdout.strip() if strip else done.stdout


def main(args: list[str]) -> int:
    try:
        match args:
            case ["check", tag]:
                print(check(tag))
            case ["notes", version]:
                print(notes(version))
            case ["commit", version, image]:
                print("\n".join(commit(version, image)))
            case _:
                print(__doc__, file=sys.stderr)
                return 2
    except Refused as refused:
        print(f"release.py: {refused}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
