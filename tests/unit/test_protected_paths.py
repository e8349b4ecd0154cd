"""What a ghost may not touch in a job: by its path, by what it is, and by where a link leads."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import cast

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gto_ci import hints
from gto_ci.errors import GhostRefused
from gto_ci.ghost.protected_paths import refuse_protected, why_protected
from gto_ci.ghost.session import Session
from gto_ci.git.worktree.sandbox import TreeChange

FILE, LINK, SUBMODULE, NOTHING = "100644", "120000", "160000", "000000"
NO_SESSION = cast(Session, None)  # it is asked for the targets of links alone


def change(path: str, mode: str = FILE, old_mode: str = NOTHING) -> TreeChange:
    return TreeChange(path, old_mode, mode, "0" * 40, "1" * 40)


@pytest.mark.parametrize("path", [".github", ".github/workflows/ci.yml", ".GitHub/actions/x/action.yml", ".GITHUB/x"])
@pytest.mark.parametrize(("old", "new"), [(NOTHING, FILE), (FILE, FILE), (FILE, NOTHING), (NOTHING, LINK)])
def test_workflows_and_actions(path: str, old: str, new: str) -> None:
    assert "secrets" in why_protected(change(path, new, old), "x")


@pytest.mark.parametrize(
    ("path", "old", "new"),
    [
        (".gitmodules", NOTHING, FILE),
        (".GitModules", FILE, FILE),
        ("lib", NOTHING, SUBMODULE),
        ("lib", SUBMODULE, SUBMODULE),
        ("lib", SUBMODULE, NOTHING),
        ("lib", SUBMODULE, FILE),
    ],
)
def test_submodules(path: str, old: str, new: str) -> None:
    assert "submodule" in why_protected(change(path, new, old))


@pytest.mark.parametrize(
    "path", ["a", "src/.github/x", ".githubs/x", "github/x", "lib/.gitmodules", ".gitignore", ".gitattributes", "é\n"]
)
def test_other_files(path: str) -> None:
    assert why_protected(change(path)) == ""


@pytest.mark.parametrize(
    ("path", "target"),
    [
        ("l", "/etc/passwd"),
        ("l", ".."),
        ("l", "../.."),
        ("a/l", "../../x"),
        ("l", "a/../../.."),
        ("l", "a/../b"),  # `a` may be a link itself
        ("a/l", "../b/../c"),
        ("l", ".git"),
        ("l", "./.git/hooks"),
        ("a/l", "../.GIT/config"),
        ("l", "lib/.git/config"),  # another repository in the workspace
        ("l", "\\\\host\\share"),
        ("l", ".../../etc"),  # three dots are a name, and may be a link to `.`
        ("l", "..a/../../etc"),
        ("a/l", "../.../../../etc"),
    ],
)
def test_links_that_leave(path: str, target: str) -> None:
    assert "points outside the working tree" in why_protected(change(path, LINK), target)


@pytest.mark.parametrize(
    ("path", "target"),
    [
        ("l", "a"),
        ("l", "."),
        ("l", "./a/b"),
        ("a/l", "../b"),
        ("a/b/l", "../../c"),
        ("a/l", ".././b"),
        ("l", "..."),
        ("l", "a..b"),
    ],
)
def test_links_that_stay(path: str, target: str) -> None:
    assert why_protected(change(path, LINK), target) == ""


steps = st.sampled_from(["..", ".", "", "...", "..a", "a", "b", "c", ".git"])
places = st.sampled_from(["a", "b", "...", "..a", "c/a", "c/b", "c/d/a"])
links = st.dictionaries(places, st.lists(steps, min_size=1, max_size=6).map("/".join), min_size=1, max_size=4)


class Left(Exception):
    """A link has led out of the working tree, or into `.git`."""


class Loop(Exception):
    """Links lead in a circle: nothing is there."""


def follow(links: Mapping[str, str], folder: list[str], target: str) -> list[str]:
    """Where `target` is, seen from `folder`, as the kernel finds it; a list of names below the working tree."""
    if target.startswith("/"):
        raise Left
    at = list(folder)
    ahead = target.split("/")
    patience = 40
    while ahead:
        step = ahead.pop(0)
        if step == "..":
            if not at:
                raise Left
            at.pop()
        elif step in ("", "."):
            continue
        elif (onwards := links.get("/".join([*at, step]))) is None:
            at.append(step)
        elif onwards.startswith("/"):
            raise Left
        else:
            patience -= 1
            if not patience:
                raise Loop
            ahead = [*onwards.split("/"), *ahead]
        if ".git" in at:
            raise Left
    return at


@given(links)
@example({"...": ".", "a": ".../../etc"})
@example({"a": ".", "b": "a/.git/hooks"})
def test_links_that_are_let_through_never_lead_out_whatever_they_lead_through(links: dict[str, str]) -> None:
    """Three dots were taken for steps back, and `.git` was seen at the beginning alone."""
    links = {path: to for path, to in links.items() if not why_protected(change(path, LINK), to)}
    for path, target in links.items():
        with suppress(Loop):
            follow(links, path.split("/")[:-1], target)


# All changes together


def refused(*paths: str, allow: tuple[str, ...] = ()) -> GhostRefused:
    with pytest.raises(GhostRefused) as caught:
        refuse_protected(NO_SESSION, [change(path) for path in paths], allow)
    return caught.value


def test_all_paths_are_named_once() -> None:
    error = refused("a", ".gitmodules", ".github/b", ".github/b", ".github/a")
    assert error.cause == (
        "The ghost touches protected paths: '.github/a' (workflows and actions run with the job's secrets), "
        "'.github/b' (workflows and actions run with the job's secrets), '.gitmodules' (it says where submodules come "
        "from)"
    )
    assert "'ghost-allow'" in hints.next_step(error.next_step, hints.Interface.ACTION)


def test_many_paths_are_counted() -> None:
    error = refused(*(f".github/{number}" for number in range(9)))
    assert "'.github/4'" in error.cause
    assert "'.github/5'" not in error.cause
    assert error.cause.endswith("and 4 more")


def test_what_is_allowed_and_nothing_else() -> None:
    paths = [".github/workflows/a.yml", ".github/workflows/deep/b.yml", "src/x"]
    for allow in ((".github/**",), ("**",), (".github/workflows/a.yml", "*/deep/*")):
        refuse_protected(NO_SESSION, [change(path) for path in paths], allow)
    for allow in ((), ("src/**",), (".github/actions/**",), (".github/workflows/a.yml",), (".GITHUB/**",), ("",)):
        assert "b.yml" in refused(*paths, allow=allow).cause


def test_a_path_cannot_forge_a_line_of_the_log() -> None:
    assert "\n" not in refused(".github/\n::add-path::/tmp").cause
