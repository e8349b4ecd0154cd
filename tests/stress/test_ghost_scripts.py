"""Scripts that were written for Git Ghost: what they pass on, what they read, and where they work.

Git Ghost's own end-to-end tests are such a script: their folders are in the one for temporary files and are
called `git-ghost-…`, their patch repository has a working tree, and a line goes on as it was printed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.ghosts import Ghosts
from tests.running import observed
from tests.workdir import WorkDir

ENDS = ("", "\n", " ", "\r\n", " \n", "\t", "\n\n")


@pytest.fixture
def ghosts(tmp_path: Path) -> Ghosts:
    """A second commit, and a change of it."""
    ghosts = Ghosts.create(tmp_path, foo="a\n")
    ghosts.here.commit("two", foo="b\n")
    ghosts.here.write("foo", "c\n")
    return ghosts


# As in Git Ghost's own tests


@pytest.fixture
def own_tests(tmp_path: Path) -> Iterator[Ghosts]:
    """Their places: three repositories side by side in the folder for temporary files, named as theirs are."""
    temp = tmp_path / "temporary"
    store = WorkDir.init(temp / "git-ghost-e2e-test-111")
    here = WorkDir.init(temp / "git-ghost-e2e-test-222")
    here.commit("initial commit", sample__txt="a\n")
    here.commit("second commit", sample__txt="b\n")
    there = WorkDir(temp / "git-ghost-e2e-test-333", now=here.now)
    here.git("clone", "--quiet", str(here.path), str(there.path))
    yield Ghosts(temp, str(store.path), store, here, there, {"TMPDIR": str(temp)})
    assert sorted(place.name for place in temp.iterdir()) == [work.path.name for work in (store, here, there)]
    assert store.git("status", "--porcelain") == ""


@pytest.mark.parametrize("kind", [(), ("diff",)])
def test_a_diff(own_tests: Ghosts, kind: tuple[str, ...]) -> None:
    here, there = own_tests.here, own_tests.there
    here.write("sample.txt", "c\n")
    base, digest = own_tests.ok(here, "push", *kind).rstrip("\n").split(" ")
    assert base == here.head
    assert "-b\n+c\n" in own_tests.ok(here, "show", *kind, digest)
    own_tests.ok(there, "pull", *kind, digest)
    assert (there.path / "sample.txt").read_text() == "c\n"
    assert f"{base} {digest}" in own_tests.ok(there, "list", *kind)
    assert f"{base} {digest}" in own_tests.ok(there, "delete", *kind, "--all")
    assert f"{base} {digest}" not in own_tests.ok(there, "list", *kind)


def test_commits_whose_line_goes_on_as_it_was_printed(own_tests: Ghosts) -> None:
    """`push commits` prints a line; its second word ends in a line feed, and was refused."""
    here, there = own_tests.here, own_tests.there
    base, target = own_tests.ok(here, "push", "commits", "HEAD~1").split(" ")
    assert target.endswith("\n")
    assert "-a\n+b\n" in own_tests.ok(here, "show", "commits", base, target)
    there.git("checkout", "--quiet", base)
    own_tests.ok(there, "pull", "commits", base, target)
    assert (there.path / "sample.txt").read_text() == "b\n"
    assert f"{base} {target}" in own_tests.ok(there, "list", "commits")
    assert f"{base} {target}" in own_tests.ok(there, "delete", "commits", "--all")
    assert f"{base} {target}" not in own_tests.ok(there, "list", "commits")


def test_all(own_tests: Ghosts) -> None:
    here, there = own_tests.here, own_tests.there
    here.write("sample.txt", "c\n")
    first, second = own_tests.ok(here, "push", "all", "HEAD~1").splitlines()
    (base, target), (diff_base, digest) = first.split(" "), second.split(" ")
    assert diff_base == target
    shown = own_tests.ok(here, "show", "all", base, target, digest)
    assert "-a\n+b\n" in shown
    assert "-b\n+c\n" in shown
    there.git("checkout", "--quiet", base)
    own_tests.ok(there, "pull", "all", base, target, digest)
    assert (there.path / "sample.txt").read_text() == "c\n"
    listed = own_tests.ok(there, "list", "all")
    assert own_tests.ok(there, "delete", "all", "-v", "--all").replace("Deleted ", "") == listed
    assert first not in own_tests.ok(there, "list", "all")


def test_an_included_link(own_tests: Ghosts) -> None:
    here, there = own_tests.here, own_tests.there
    here.write("included_file", "this is an included file\n")
    (here.path / "included_link").symlink_to("included_file")
    _, digest = own_tests.ok(here, "push", "--include", "included_link", "--follow-symlinks").split()
    own_tests.ok(there, "pull", digest)
    assert (there.path / "included_link").read_text() == "this is an included file\n"


# No commits between


@pytest.mark.parametrize("pair", [("HEAD", "HEAD"), ("HEAD",), ("main", "HEAD"), ("HEAD\n", "HEAD \n")])
def test_all_without_commits(ghosts: Ghosts, pair: tuple[str, ...]) -> None:
    """Two lines, as with Git Ghost: a script takes the first one for the commits, and the second one for the diff."""
    head = ghosts.here.head
    ran = ghosts.run(ghosts.here, "push", "all", *pair)
    first, second = ran.out.splitlines()
    base, digest = second.split(" ")
    assert (ran.code, first, base) == (0, f"{head} {head}", head)
    assert ran.err == f"Note: There are no commits between {pair[0].strip()} and {pair[-1].strip()}\n"
    assert list(ghosts.refs()) == [f"ghost/{head}/{digest}"], "what holds nothing is not stored"
    ghosts.there.git("pull", "--quiet")
    assert ghosts.ok(ghosts.there, "show", "all", *first.split(" "), digest) == ghosts.ok(ghosts.there, "show", digest)
    ghosts.ok(ghosts.there, "pull", "all", *first.split(" "), digest)
    assert (ghosts.there.path / "foo").read_text() == "c\n"
    assert ghosts.there.head == head


def test_commits_without_commits(ghosts: Ghosts) -> None:
    head = ghosts.here.head
    assert ghosts.ok(ghosts.here, "push", "commits", "HEAD", "HEAD") == ""
    assert ghosts.refs() == {}
    before = observed(ghosts.here)
    assert ghosts.ok(ghosts.here, "show", "commits", head, head) == ""
    ghosts.ok(ghosts.here, "pull", "commits", head, head)
    assert observed(ghosts.here) == before


def test_as_json(ghosts: Ghosts) -> None:
    head = ghosts.here.head
    first, second = json.loads(ghosts.ok(ghosts.here, "push", "all", "HEAD", "--json"))
    assert first == {"kind": "commits", "from": head, "to": head, "created": False, "size": 0}
    assert (second["kind"], second["from"], second["created"]) == ("diff", head, True)


def test_a_note_on_nothing(ghosts: Ghosts) -> None:
    """Nothing is said of a note that commits would keep which are none."""
    ran = ghosts.run(ghosts.here, "push", "all", "HEAD", "-m", "why", "-v")
    assert ran.err.count("no commits between") == 1
    assert "keeps its note" not in ran.err
    assert "Already exists" not in ran.err


# White space at the end of an argument


@pytest.mark.parametrize("end", ENDS)
def test_white_space_at_the_end(ghosts: Ghosts, end: str) -> None:
    """What `$(…)` would have cut off is there where a script passes a line on by itself."""
    here, there = ghosts.here, ghosts.there
    there.git("pull", "--quiet")
    start, head = here.git("rev-parse", "HEAD~1"), here.head
    pushed = ghosts.ok(here, "push", f"HEAD{end}")
    base, digest = pushed.split()
    assert ghosts.ok(here, "push", "commits", f"HEAD~1{end}", f"main{end}") == f"{start} {head}\n"
    assert ghosts.ok(here, "push", "all", f"{start}{end}", f"{head}{end}") == f"{start} {head}\n{pushed}"
    assert ghosts.ok(here, "diff", f"HEAD{end}") == ghosts.ok(here, "show", f"{base}{end}", f"{digest}{end}")
    assert ghosts.ok(here, "show", f"{digest[:10]}{end}") == ghosts.ok(here, "show", digest)
    assert ghosts.ok(here, "show", "commits", f"{start}{end}", f"{head}{end}")
    assert ghosts.ok(here, "list", "all", "--from", f"{start}{end}", "--to", f"{head}{end}", "--no-headers") == (
        f"{start} {head}\n"
    )
    assert digest[:12] in ghosts.ok(here, "log", f"HEAD{end}")
    folder = ghosts.ok(there, "checkout", f"{base}{end}", f"{digest}{end}").rstrip("\n")
    assert (Path(folder) / "foo").read_text() == "c\n"
    assert ghosts.ok(there, "checkout", "--remove", f"{digest}{end}") == f"{folder}\n"
    ghosts.ok(there, "pull", "diff", f"{base}{end}", f"{digest}{end}")
    assert (there.path / "foo").read_text() == "c\n"
    assert ghosts.ok(here, "delete", "--from", f"{base}{end}", "--to", f"{digest}{end}").count(digest) == 1


@pytest.mark.parametrize("text", ["\n", " ", "\nHEAD", "HE\nAD", "HEAD\nHEAD", "HEAD\n--all"])
def test_white_space_elsewhere_is_refused(ghosts: Ghosts, text: str) -> None:
    for command in (("push",), ("push", "commits"), ("diff",), ("show", "commits"), ("pull",)):
        ran = ghosts.run(ghosts.here, *command, text)
        assert ran.code == 1, ran
        assert ran.err.count("\n") == 1, ran
    assert ghosts.refs() == {}
