"""Promise 7: a ghost that is not what its name says, or writes where it may not, is refused, and nothing is written.

The ghosts are made with plain git, or by hand where git would not make such a thing.
"""

from __future__ import annotations

import base64
import hashlib
import re
import shutil
import subprocess
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.forking import Forks
from tests.ghosts import Ghosts, bytes_of, diff_of, sha1
from tests.running import Ran, observed
from tests.workdir import WorkDir

DATA = bytes(range(256)) * 256
DATA_ID = hashlib.sha1(b"blob %d\0%s" % (len(DATA), DATA), usedforsecurity=False).hexdigest()
GIB = 2**30


@dataclass
class World:
    """A patch repository, two clones, and around them what a patch could reach that leaves the working tree."""

    folder: Path
    ghosts: Ghosts
    forks: Forks

    @property
    def there(self) -> WorkDir:
        return self.ghosts.there

    @property
    def store(self) -> WorkDir:
        return self.ghosts.store

    @property
    def base(self) -> str:
        return self.there.head

    @property
    def working_dir(self) -> Path:
        return self.folder / "working"

    def branch(self, digest: str) -> str:
        return f"ghost/{self.base}/{digest}"

    def run(self, *args: str, max_size: str = "") -> Ran:
        limit = ["--max-size", max_size] if max_size else []
        options = ("--ghost-working-dir", str(self.working_dir), *limit)
        return self.forks.run(self.there, *options, *args, GIT_GHOST_REPO=self.ghosts.url)

    def everything(self) -> dict[str, object]:
        """All that one can notice: the working tree and its repository, the patch repository, and what is around."""
        around: dict[str, object] = {}
        for place in sorted(self.folder.rglob("*")):
            inside = place.relative_to(self.folder)
            if "objects" in inside.parts:
                continue
            around[str(inside)] = place.read_bytes() if place.is_file() and not place.is_symlink() else place.is_dir()
        return {**around, "there": observed(self.there), "refs": self.ghosts.refs()}

    def refuses(self, reason: str, *args: str, max_size: str = "") -> None:
        """One line with the reason, exit code 1, and everything is as it was, the folder for temporary files too."""
        before = self.everything()
        ran = self.run(*args, max_size=max_size)
        assert (ran.code, ran.out) == (1, ""), ran
        assert re.fullmatch(r"❌ [^\n]+\n", ran.err), ran
        assert re.search(reason, ran.err), ran
        assert "Unexpected" not in ran.err, ran
        assert self.everything() == before
        assert list(self.working_dir.iterdir()) == []


@pytest.fixture(scope="module")
def seed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What all tests begin with; each has a copy."""
    folder = tmp_path_factory.mktemp("seed")
    here = WorkDir.init(folder / "here")
    (here.path / "link").symlink_to("../outside")
    here.write("data.bin", DATA)
    here.write("dir/file", "in a folder\n")
    here.commit("one", foo="a\nb\nc\n", bar="1\n")
    WorkDir(folder).git("init", "--quiet", "--bare", "--initial-branch=main", "ghosts.git")
    WorkDir(folder).git("clone", "--quiet", "here", "there")
    (folder / "there/wild").symlink_to("../outside")
    for place in ("canary", "outside/canary"):
        WorkDir(folder).write(place, "as it was\n")
    (folder / "working").mkdir()
    for sample in folder.rglob("*.sample"):  # git's examples of hooks: they only take time to copy
        sample.unlink()
    return folder


@pytest.fixture(scope="module")
def forks() -> Iterator[Forks]:
    with Forks() as running:
        yield running


@pytest.fixture
def world(seed: Path, forks: Forks, tmp_path: Path) -> Iterator[World]:
    folder = Path(shutil.copytree(seed, tmp_path / "world", symlinks=True))
    now = WorkDir(folder).now + 60
    here, there = (WorkDir(folder / name, now=now) for name in ("here", "there"))
    yield World(folder, Ghosts(folder, str(folder / "ghosts.git"), WorkDir(folder / "ghosts.git"), here, there), forks)
    assert (folder / "canary").read_text() == (folder / "outside/canary").read_text() == "as it was\n"


# Patches that are what their names say, and must not be applied


def added(path: str, mode: str = "100644", line: str = "owned") -> bytes:
    """A patch that makes a file; `path` stands in it as it is given, with quotes if it begins with one."""
    names = (f'"a/{path[1:]}', f'"b/{path[1:]}') if path.startswith('"') else (f"a/{path}", f"b/{path}")
    head = f"diff --git {names[0]} {names[1]}\nnew file mode {mode}\n--- /dev/null\n+++ {names[1]}\n"
    return f"{head}@@ -0,0 +1 @@\n+{line}\n".encode()


def linked(path: str, target: str) -> bytes:
    return added(path, "120000", target) + b"\\ No newline at end of file\n"


def moved(verb: str, source: str, target: str) -> bytes:
    head = f"diff --git a/{source} b/{target}\nsimilarity index 100%\n"
    return f"{head}{verb} from {source}\n{verb} to {target}\n".encode()


def deleted(path: str, line: str) -> bytes:
    return f"diff --git a/{path} b/{path}\ndeleted file mode 100644\n--- a/{path}\n+++ /dev/null\n".encode() + (
        f"@@ -1 +0,0 @@\n-{line}\n".encode()
    )


def changed(path: str, old: str, new: str) -> bytes:
    return f"diff --git a/{path} b/{path}\n--- a/{path}\n+++ b/{path}\n@@ -1 +1 @@\n-{old}\n+{new}\n".encode()


GOOD = b"diff --git a/foo b/foo\n--- a/foo\n+++ b/foo\n@@ -1,3 +1,3 @@\n-a\n+x\n b\n c\n"


def binary(packed: bytes, head: str, path: str = "zeros", step: int = 52) -> bytes:
    """A patch that makes a file by a `literal` or `delta`, `step` bytes of what is `packed` on a line."""
    lines = []
    for at in range(0, len(packed), step):
        piece = packed[at : at + step]
        length = chr(ord("A") + len(piece) - 1) if len(piece) <= 26 else chr(ord("a") + len(piece) - 27)
        lines.append(length.encode() + base64.b85encode(piece, pad=True))
    if head.startswith("delta"):
        about = f"diff --git a/data.bin b/data.bin\nindex {DATA_ID}..{'1' * 40} 100644"
    else:
        about = f"diff --git a/{path} b/{path}\nnew file mode 100644\nindex {'0' * 40}..{'1' * 40}"
    start = f"{about}\nGIT binary patch\n{head}\n".encode()
    return start + b"\n".join(lines) + b"\n\n" + b"literal 0\nHcmV?d00001\n\n"


def zeros(size: int) -> bytes:
    """So many zeros, compressed: a MiB of them, over and over, and the checksum of all (RFC 1950, 1951)."""
    packer = zlib.compressobj(9, wbits=-15)
    block = packer.compress(bytes(2**20)) + packer.flush(zlib.Z_FULL_FLUSH)
    rest = packer.compress(bytes(size % 2**20)) + packer.flush()
    return b"\x78\xda" + block * (size // 2**20) + rest + (size % 65521).to_bytes(2, "big") + b"\0\1"


def varint(number: int, padding: int = 0) -> bytes:
    """A number as a delta holds it, in groups of seven bits, with some of zeros behind it."""
    groups = []
    while number > 0x7F or not groups:
        groups.append(number & 0x7F | 0x80)
        number >>= 7
    groups.append(number)
    return bytes(groups[:-1] + [groups[-1] | 0x80] + [0x80] * (padding - 1) + [0]) if padding else bytes(groups)


def growing(size: int, padding: int = 0) -> bytes:
    """A delta that makes `size` bytes of those in `data.bin`, by copying them again and again."""
    return varint(len(DATA), padding) + varint(size) + b"\x80" * (size // len(DATA))


def delta_bomb(level: int = 9, step: int = 52, padding: int = 0) -> bytes:
    delta = growing(GIB, padding)
    return binary(zlib.compress(delta, level), f"delta {len(delta)}", step=step)


def behind_empty_blocks() -> bytes:
    """The delta begins behind 100 blocks of nothing: the first lines hold no byte of it."""
    delta = growing(GIB)
    empty = b"\0\0\0\xff\xff" * 100
    packed = b"\x78\x01" + empty + zlib.compress(delta)[2:]
    return binary(packed, f"delta {len(delta)}")


HOOK = ".git/hooks/pre-commit"
FORBIDDEN = "writes where it may not"
PATCHES: dict[str, tuple[bytes, str]] = {
    # out of the working tree
    "parent": (added("../x"), FORBIDDEN),
    "parent-in-the-middle": (added("dir/../../x"), FORBIDDEN),
    "parent-that-stays-inside": (added("dir/../x"), FORBIDDEN),
    "parent-at-the-end": (added("dir/.."), FORBIDDEN),
    "parent-of-a-parent": (added("../../../../../../../../tmp/x"), FORBIDDEN),
    "parent-quoted": (added('"../x"'), FORBIDDEN),
    "parent-in-octal": (added('"\\056\\056/x"'), FORBIDDEN),
    "parent-after-a-good-file": (GOOD + added("../x"), FORBIDDEN),
    "parent-executable": (added("../x", "100755"), FORBIDDEN),
    "parent-as-a-link": (linked("../x", "/etc/passwd"), FORBIDDEN),
    "parent-as-a-submodule": (
        added("../x", "160000", f"Subproject commit {40 * '1'}"),
        f"{FORBIDDEN}|does not apply",
    ),
    "parent-empty-file": (b"diff --git a/../x b/../x\nnew file mode 100644\n", FORBIDDEN),
    "parent-binary": (binary(zlib.compress(b"owned"), "literal 5", "../x"), FORBIDDEN),
    "parent-changed": (changed("../canary", "as it was", "owned"), "not apply|may not"),
    "parent-deleted": (deleted("../canary", "as it was"), "not apply|may not"),
    "absolute": (added("/etc/x"), FORBIDDEN),
    "absolute-canary": (changed("/etc/passwd", "root", "owned"), "not apply|may not"),
    "absolute-without-git-s-header": (b"--- /dev/null\n+++ /etc/x\n@@ -0,0 +1 @@\n+owned\n", "absolute paths"),
    "absolute-after-a-good-file": (GOOD + b"--- /dev/null\n+++ /etc/x\n@@ -0,0 +1 @@\n+owned\n", "absolute paths"),
    "dot": (added("./x"), FORBIDDEN),
    "empty-folder-name": (added("dir//x"), "not apply|may not"),
    "renamed-to-outside": (moved("rename", "foo", "../foo"), FORBIDDEN),
    "renamed-from-outside": (moved("rename", "../canary", "mine"), "not apply|may not"),
    "copied-to-outside": (moved("copy", "foo", "../foo"), FORBIDDEN),
    "copied-from-outside": (moved("copy", "../../../../../../etc/passwd", "mine"), "not apply|may not"),
    # into .git
    "hook": (added(HOOK, "100755"), FORBIDDEN),
    "hook-renamed": (moved("rename", "foo", HOOK), FORBIDDEN),
    "hook-copied": (moved("copy", "foo", HOOK), FORBIDDEN),
    "config-in-capitals": (added(".GIT/config"), FORBIDDEN),
    "config-changed": (changed(".git/config", "[core]", "[owned]"), "not apply|may not"),
    "config-deleted": (deleted(".git/config", "[core]"), "not apply|may not"),
    "config-copied-out": (moved("copy", ".git/config", "mine"), "not apply|may not"),
    "git-in-a-folder": (added("dir/.git/hooks/x"), FORBIDDEN),
    "git-as-a-file": (added("dir/.git", line="gitdir: ../../outside"), FORBIDDEN),
    "git-as-a-link": (linked("dir/.git", "../../outside"), FORBIDDEN),
    "git-short-name": (added("git~1/hooks/x"), FORBIDDEN),
    "git-and-a-space": (added('".git /hooks/x"'), FORBIDDEN),
    "git-and-a-dot": (added(".git./hooks/x"), FORBIDDEN),
    "git-and-a-stream": (added(".git::$INDEX_ALLOCATION/hooks/x"), FORBIDDEN),
    "git-with-backslashes": (added('".git\\\\hooks\\\\x"'), FORBIDDEN),
    "git-with-an-ignored-letter": (added(".g\u200cit/hooks/x"), FORBIDDEN),
    "git-with-an-ignored-letter-in-octal": (added('".g\\342\\200\\214it/hooks/x"'), FORBIDDEN),
    "git-with-another-ignored-letter": (added(".git\ufeff/hooks/x"), FORBIDDEN),
    "gitmodules-as-a-link": (linked(".gitmodules", "foo"), FORBIDDEN),
    "gitmodules-as-a-link-in-capitals": (linked(".GITMODULES", "foo"), FORBIDDEN),
    # through a symbolic link
    "through-a-link": (added("link/x"), FORBIDDEN),
    "through-a-link-changed": (changed("link/canary", "as it was", "owned"), "not apply|may not"),
    "through-a-link-deleted": (deleted("link/canary", "as it was"), "not apply|may not"),
    "through-a-link-of-the-same-patch": (linked("way", "../outside") + added("way/x"), FORBIDDEN),
    "through-a-link-that-comes-later": (added("way/x") + linked("way", "../outside"), "not apply|may not"),
    "through-a-link-in-place-of-a-folder": (
        deleted("dir/file", "in a folder") + linked("dir", "../outside") + added("dir/x"),
        FORBIDDEN,
    ),
    "through-a-renamed-link": (moved("rename", "link", "way") + added("way/x"), "not apply|may not"),
    "through-an-untracked-link": (added("wild/x"), "in the way: 'wild'"),
    "over-an-untracked-link": (added("wild"), "in the way: 'wild'"),
    # no patch, or half of one
    "nothing-but-words": (b"this is no patch\n", "does not apply"),
    "bytes": (bytes(range(256)) * 4, "does not apply"),
    "a-cut-hunk": (GOOD[:-6], "does not apply"),
    "a-cut-header": (GOOD.partition(b"@@")[0], "does not apply"),
    "half-of-it-fits": (GOOD + changed("bar", "2", "3"), "does not apply.*bar"),
    "half-of-it-is-words": (GOOD + b"diff --git a/bar b/bar\n@@ what\n", "does not make: words"),
    "a-file-that-is-not-there": (changed("gone", "a", "b"), "does not apply.*gone"),
    "a-file-that-is-there": (added("foo"), "does not apply.*foo"),
    "a-file-below-a-file": (added("foo/x"), "does not apply|may not|in the way"),
    "a-file-over-a-folder": (added("dir"), "does not apply|may not|in the way"),
    "a-tree-where-a-file-should-be": (added("new", "040000"), "mode is '040000'"),
    "a-file-that-becomes-a-tree": (
        b"diff --git a/foo b/foo\nold mode 100644\nnew mode 040000\n",
        "mode is '040000'",
    ),
    "an-odd-mode": (added("new", "+100644"), "mode is '.100644'"),
    "two-names": (b"diff --git a/foo b/../foo\nold mode 100644\nnew mode 100755\n", "does not apply"),
    "a-binary-that-is-cut": (binary(zlib.compress(DATA)[:200], f"literal {len(DATA)}"), "does not apply"),
    "a-binary-that-is-more": (binary(zeros(2**20), "literal 5"), "does not apply"),
    # a few bytes that stand for many; the limit is 256 MiB unless one is given
    "literal-of-a-gibibyte": (binary(zeros(2**20), f"literal {GIB}"), r"would write 1,073,741,824 bytes"),
    "literal-with-a-sign": (binary(zeros(2**20), f"literal +{GIB}"), "would write"),
    "literal-with-spaces": (binary(zeros(2**20), f"literal  \t{GIB}"), "would write"),
    "literal-with-words": (binary(zeros(2**20), f"literal {GIB} bytes"), "would write"),
    "literal-with-zeros": (binary(zeros(2**20), f"literal {GIB:040}"), "would write"),
    "literal-below-nothing": (binary(zeros(2**20), "literal -1"), "would write"),
    "literal-with-many-digits": (binary(zeros(2**20), f"literal {'9' * 5000}"), "would write"),
    "literals-together": (
        b"".join(binary(zeros(2**20), f"literal {GIB // 8}", f"zeros{number}") for number in range(3)),
        "would write",
    ),
    "delta-of-a-gibibyte": (delta_bomb(), "would write 1,073,7"),
    "delta-not-compressed": (delta_bomb(level=0), "would write"),
    "delta-in-short-lines": (delta_bomb(step=1), "would write"),
    "delta-with-a-padded-number": (delta_bomb(padding=40), "would write"),
    "delta-behind-empty-blocks": (behind_empty_blocks(), "would write"),
}


@pytest.mark.parametrize("case", PATCHES)
def test_a_patch_that_must_not_be_applied(world: World, case: str) -> None:
    patch, reason = PATCHES[case]
    digest = world.ghosts.write_diff(world.base, patch)
    world.refuses(reason, "pull", digest)


def test_copies_that_stand_for_much(world: World) -> None:
    """A copy takes a hundred bytes of a patch, however large the file is."""
    patch = b"".join(moved("copy", "data.bin", f"copy{n}") for n in range(40))
    digest = world.ghosts.write_diff(world.base, patch)
    world.refuses("would write 2,621,440 bytes", "pull", digest, max_size="1M")
    world.refuses("would write 2,621,440 bytes", "checkout", digest, max_size="1M")


def test_show_prints_what_pull_refuses(world: World) -> None:
    """To look at a patch is how to find out what is wrong with it."""
    patch = added("../x")
    digest = world.ghosts.write_diff(world.base, patch)
    assert world.run("show", digest).out.encode() == patch


@pytest.mark.parametrize("command", ["checkout", "pull --force-base"])
@pytest.mark.parametrize("case", ["parent", "hook", "through-a-link", "through-a-link-of-the-same-patch"])
def test_other_ways_to_apply_it(world: World, command: str, case: str) -> None:
    patch, _ = PATCHES[case]
    digest = world.ghosts.write_diff(world.base, patch)
    if command.startswith("pull"):
        world.there.commit("two", other="2\n")
    base = [world.ghosts.here.head] if command.startswith("pull") else []
    world.refuses("not apply|not merge|may not", *command.split(), *base, digest)


# Ghosts of diffs that are not what their names say


def edited(world: World) -> bytes:
    world.ghosts.here.write("foo", "x\nb\nc\n")
    return diff_of(world.ghosts.here, "HEAD")


def tree(world: World, *entries: str) -> str:
    return world.store.git("mktree", "--missing", "-z", stdin="".join(f"{entry}\0" for entry in entries).encode())


def blob(world: World, data: bytes) -> str:
    return world.store.git("hash-object", "-w", "--stdin", stdin=data)


def point(world: World, branch: str, oid: str) -> None:
    """Make a branch, of whatever: git itself lets it be of a commit only."""
    file = world.store.path / "refs/heads" / branch
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"{oid}\n")


def commit(world: World, tree: str, *parents: str) -> str:
    options = [word for parent in parents for word in ("-p", parent)]
    return world.store.git("commit-tree", *options, "-m", "Create ghost commit", tree)


def raw(world: World, kind: str, data: bytes) -> str:
    return world.store.git("hash-object", "-t", kind, "-w", "--literally", "--stdin", stdin=data)


def raw_tree(world: World, *entries: tuple[bytes, str]) -> str:
    return raw(world, "tree", b"".join(head + b"\0" + bytes.fromhex(oid) for head, oid in entries))


def of_tree(*entries: str) -> Callable[[World, bytes], str]:
    """A ghost with this tree: in an entry, `PATCH` is the id of the patch, `TREE` that of a tree with it."""

    def make(world: World, patch: bytes) -> str:
        good = blob(world, patch)
        inner = tree(world, f"100644 blob {good}\tlocal-mod.patch")
        filled = [entry.replace("PATCH", good).replace("TREE", inner) for entry in entries]
        return commit(world, tree(world, *filled))

    return make


def with_parent(world: World, patch: bytes) -> str:
    good = tree(world, f"100644 blob {blob(world, patch)}\tlocal-mod.patch")
    return commit(world, good, commit(world, good))


def with_two_parents(world: World, patch: bytes) -> str:
    good = tree(world, f"100644 blob {blob(world, patch)}\tlocal-mod.patch")
    return commit(world, good, commit(world, good), commit(world, tree(world)))


def annotated_tag(world: World, patch: bytes) -> str:
    good = commit(world, tree(world, f"100644 blob {blob(world, patch)}\tlocal-mod.patch"))
    return raw(world, "tag", f"object {good}\ntype commit\ntag x\ntagger A <a@b> 1700000000 +0000\n\nx\n".encode())


def two_of_one_name(world: World, patch: bytes) -> str:
    entry = (b"100644 local-mod.patch", blob(world, patch))
    return commit(world, raw_tree(world, entry, (entry[0], blob(world, b"other\n"))))


def name_with_a_folder(world: World, patch: bytes) -> str:
    entries = [(b"100644 ../../x", blob(world, b"owned\n")), (b"100644 local-mod.patch", blob(world, patch))]
    return commit(world, raw_tree(world, *entries))


def mode_of_nothing(world: World, patch: bytes) -> str:
    return commit(world, raw_tree(world, (b"100000 local-mod.patch", blob(world, patch))))


def broken_tree(world: World, patch: bytes) -> str:
    return commit(world, raw(world, "tree", b"100644 local-mod.patch\0too short"))


def missing_patch(world: World, patch: bytes) -> str:
    return commit(world, tree(world, f"100644 blob {'1' * 40}\tlocal-mod.patch"))


SHAPES: dict[str, tuple[Callable[[World, bytes], str], str]] = {
    "extra-file": (
        of_tree("100644 blob PATCH\tevil", "100644 blob PATCH\tlocal-mod.patch"),
        "'evil'.* not belong",
    ),
    "extra-folder": (
        of_tree("040000 tree TREE\tevil", "100644 blob PATCH\tlocal-mod.patch"),
        "'evil'.* not belong",
    ),
    "extra-git": (name_with_a_folder, "'../../x'.* does not belong"),
    "extra-commits": (
        of_tree("100644 blob PATCH\tcommits.patch", "100644 blob PATCH\tlocal-mod.patch"),
        "'commits.patch'.* does not belong",
    ),
    "no-file": (of_tree(), "does not contain local-mod.patch"),
    "other-name": (of_tree("100644 blob PATCH\tLocal-Mod.patch"), "does not belong"),
    "other-kind": (of_tree("100644 blob PATCH\tcommits.patch"), "does not belong"),
    "in-a-folder": (of_tree("040000 tree TREE\tfolder"), "does not belong"),
    "executable": (of_tree("100755 blob PATCH\tlocal-mod.patch"), "100755"),
    "symbolic-link": (of_tree("120000 blob PATCH\tlocal-mod.patch"), "120000"),
    "submodule": (of_tree(f"160000 commit {'1' * 40}\tlocal-mod.patch"), "160000"),
    "tree-for-a-file": (of_tree("040000 tree TREE\tlocal-mod.patch"), "40000"),
    "tree-that-says-it-is-a-file": (
        lambda world, patch: commit(world, raw_tree(world, (b"100644 local-mod.patch", tree(world)))),
        "",
    ),
    "commit-that-says-it-is-a-file": (
        lambda world, patch: commit(world, raw_tree(world, (b"100644 local-mod.patch", commit(world, tree(world))))),
        "",
    ),
    "file-with-an-odd-mode": (mode_of_nothing, "100000|mode"),
    "two-files-of-one-name": (two_of_one_name, "two files|not a plain|SHA-1"),
    "with-a-parent": (with_parent, "has a parent"),
    "with-two-parents": (with_two_parents, "has a parent"),
    "annotated-tag": (annotated_tag, "git fetch failed: error: cannot update ref|is not a commit"),
    "branch-of-a-blob": (lambda world, patch: blob(world, patch), ""),
    "branch-of-a-tree": (lambda world, patch: tree(world, f"100644 blob {blob(world, patch)}\tlocal-mod.patch"), ""),
    "broken-tree": (broken_tree, ""),
    "patch-is-missing": (missing_patch, ""),
}


@pytest.mark.parametrize("case", SHAPES)
def test_a_ghost_of_another_shape(world: World, case: str) -> None:
    make, reason = SHAPES[case]
    patch = edited(world)
    point(world, world.branch(sha1(patch)), make(world, patch))
    world.ghosts.here.git("checkout", "--quiet", "--", ".")
    world.refuses(reason, "pull", sha1(patch))
    world.refuses(reason, "show", sha1(patch))


@pytest.mark.parametrize("change", ["other", "cut", "longer", "shorter", "empty", "case", "crlf"])
def test_another_patch_under_its_name(world: World, change: str) -> None:
    patch = edited(world)
    tampered = {
        "other": PATCHES["hook"][0],
        "cut": patch[: len(patch) // 2],
        "longer": patch + b"\n",
        "shorter": patch[:-1],
        "empty": b"",
        "case": patch.swapcase(),
        "crlf": patch.replace(b"\n", b"\r\n"),
    }[change]
    digest = world.ghosts.write_diff(world.base, tampered, digest=sha1(patch))
    for command in ("pull", "show", "checkout"):
        world.refuses(f"SHA-1 of its patch is {sha1(tampered)}, and not {digest}", command, digest)


@pytest.mark.parametrize(
    "people",
    [
        "",
        "author A <a@b> 9223372036854775 +0000\ncommitter A <a@b> 9223372036854775 +0000\n",
        "author A <a@b> 1700000000 +9999\ncommitter A <a@b> -1700000000 -9999\n",
        "author nobody\ncommitter \x1b[31mred\x1b[0m <> x\n",
    ],
    ids=["nobody", "end-of-time", "odd-zone", "odd-person"],
)
def test_a_ghost_made_by_nobody_at_no_time(world: World, people: str) -> None:
    """`log` and `gc` say when a ghost was made, and by whom: what is no answer is no reason to fall over."""
    patch = edited(world)
    good = tree(world, f"100644 blob {blob(world, patch)}\tlocal-mod.patch")
    point(world, world.branch(sha1(patch)), raw(world, "commit", f"tree {good}\n{people}\nhello\n".encode()))
    for command in (["log"], ["log", "--json"], ["gc", "--older-than", "1d", "--dry-run"]):
        ran = world.run(*command)
        assert "Unexpected" not in ran.err, ran
        assert "\x1b" not in ran.out + ran.err, ran
        assert ran.err.count("\n") == (1 if ran.code else 0), ran


# What is too large


@pytest.mark.parametrize("filters", ["true", "false"])
@pytest.mark.parametrize("address", ["path", "file"])
def test_a_patch_that_is_too_large(world: World, filters: str, address: str) -> None:
    """Whether or not the server can leave out large files."""
    world.store.git("config", "uploadpack.allowFilter", filters)
    if address == "file":
        world.ghosts.url = f"file://{world.store.path}"
    digest = world.ghosts.write_diff(world.base, added("zeros", line="0" * 3_000_000))
    for command in ("pull", "show"):
        reason = "at most 1,048,576 are allowed. If you trust it, raise the limit with --max-size"
        world.refuses(reason, command, digest, max_size="1M")
    ran = world.run("pull", digest)
    assert (ran.code, ran.err) == (0, "")


def test_a_patch_of_a_gibibyte_of_zeros(world: World) -> None:
    """As a file in the patch repository: where the server can leave it out, nothing of it comes here."""
    world.store.git("config", "uploadpack.allowFilter", "true")
    oid = "1" * 40
    packer = zlib.compressobj(9, wbits=-15)
    head = packer.compress(f"blob {GIB}\0".encode()) + packer.flush(zlib.Z_FULL_FLUSH)
    file = world.store.path / "objects" / oid[:2] / oid[2:]
    file.parent.mkdir()
    file.write_bytes(b"\x78\xda" + head + zeros(GIB)[2:])
    assert bytes_of(world.store, "cat-file", "-s", oid) == b"%d\n" % GIB
    point(world, world.branch("1" * 40), commit(world, tree(world, f"100644 blob {oid}\tlocal-mod.patch")))
    world.refuses("at most 268,435,456 are allowed", "pull", "1" * 40)


def test_a_gibibyte_of_zeros_inside_a_patch(world: World) -> None:
    """They are 1 MB compressed, and that, written down in a patch and compressed by git again, a few kB."""
    patch = binary(zeros(GIB), f"literal {GIB}")
    digest = world.ghosts.write_diff(world.base, patch)
    oid = world.store.git("rev-parse", f"{world.branch(digest)}:local-mod.patch")
    stored = world.store.path / "objects" / oid[:2] / oid[2:]
    assert stored.stat().st_size < 30_000
    world.refuses("would write 1,073,741,824 bytes", "pull", digest)
    world.refuses("would write 1,073,741,824 bytes", "show", digest)


# Ghosts of commits


@dataclass
class Series:
    """Two commits in `here`, and what a good ghost of them holds."""

    start: str
    end: str
    mailbox: bytes
    bundle: bytes

    def branch(self, start: str = "", end: str = "") -> str:
        return f"ghost/{start or self.start}-{end or self.end}"


MAILBOX = ("log", "-p", "--reverse", "--pretty=email", "--stat", "-m", "--first-parent", "--binary")


def series(world: World) -> Series:
    here = world.ghosts.here
    start = here.head
    here.commit("two", foo="x\nb\nc\n")
    end = here.commit("three", foo="x\ny\nc\n", new="1\n")
    return Series(start, end, bytes_of(here, *MAILBOX, f"{start}..{end}"), bundle_of(here, start, end))


def bundle_of(work: WorkDir, start: str, end: str, *, says: tuple[str, str] | None = None) -> bytes:
    """A bundle of the commits between the two, which may say that it is of others."""
    pack = packed(work, f"{end}\n^{start}\n")
    first, last = says or (start, end)
    return f"# v2 git bundle\n-{first} \n{last} refs/heads/ghost\n\n".encode() + pack


def packed(work: WorkDir, wanted: str) -> bytes:
    command = ["git", "pack-objects", "--revs", "--thin", "--stdout", "-q"]
    return subprocess.run(
        command, cwd=work.path, env=work.environ(), input=wanted.encode(), capture_output=True, check=True
    ).stdout


def grown(world: World, made: Series, tree: str, message: str = "evil") -> str:
    """A commit with any tree, after the series' first commit."""
    return world.ghosts.here.git("commit-tree", "-p", made.start, "-m", message, tree)


def evil_tree(world: World, *entries: tuple[bytes, str]) -> str:
    data = b"".join(head + b"\0" + bytes.fromhex(oid) for head, oid in entries)
    return world.ghosts.here.git("hash-object", "-t", "tree", "-w", "--literally", "--stdin", stdin=data)


def evil_bundle(name: bytes, mode: bytes = b"100644", content: bytes = b"owned\n") -> Callable[[World, Series], None]:
    """Commits whose ids are what the name says, with a tree that git would not make."""

    def write(world: World, made: Series) -> None:
        here = world.ghosts.here
        oid = here.git("hash-object", "-w", "--stdin", stdin=content)
        if mode == b"40000":
            oid = evil_tree(world, (b"100644 x", oid))
        made.end = grown(world, made, evil_tree(world, (mode + b" " + name, oid)))
        files = {"commits.patch": made.mailbox, "commits.bundle": bundle_of(here, made.start, made.end)}
        world.ghosts.write(made.branch(), files)

    return write


def files(**changed: Callable[[World, Series], bytes | tuple[str, bytes] | None]) -> Callable[[World, Series], None]:
    """The good ghost, some of its files made otherwise: `patch`, `bundle`, or `more`; None leaves one out."""

    def write(world: World, made: Series) -> None:
        content: dict[str, bytes | tuple[str, bytes] | None] = {
            "commits.patch": made.mailbox,
            "commits.bundle": made.bundle,
        }
        for name, make in changed.items():
            content["more" if name == "more" else f"commits.{name}"] = make(world, made)
        world.ghosts.write(made.branch(), {name: data for name, data in content.items() if data is not None})

    return write


def nothing(world: World, made: Series) -> None:
    return None


def mails(*changes: tuple[bytes, bytes]) -> Callable[[World, Series], None]:
    """A ghost as Git Ghost makes it, without a bundle; some words of its mails are others."""

    def mailbox(world: World, made: Series) -> bytes:
        text = made.mailbox
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        return text

    return files(bundle=nothing, patch=mailbox)


def mail_with(patch: bytes) -> Callable[[World, Series], None]:
    head = b"From 1111111111111111111111111111111111111111 Mon Sep 17 00:00:00 2001\nFrom: A <a@b>\n"
    rest = b"Date: Tue, 14 Nov 2023 22:13:20 +0000\nSubject: [PATCH] evil\n\n---\n\n"
    return files(bundle=nothing, patch=lambda world, made: head + rest + patch)


def other_commits(world: World, made: Series) -> bytes:
    world.ghosts.here.git("checkout", "--quiet", "-b", "other", made.start)
    other = world.ghosts.here.commit("other", foo="other\n")
    return bundle_of(world.ghosts.here, made.start, other, says=(made.start, made.end))


def other_start(world: World, made: Series) -> bytes:
    return bundle_of(world.ghosts.here, f"{made.end}^", made.end, says=(f"{'1' * 40}", made.end))


def without_a_commit(world: World, made: Series) -> bytes:
    """Of the two commits, the first is not in it."""
    return bundle_of(world.ghosts.here, f"{made.end}^", made.end, says=(made.start, made.end))


def bomb(world: World, made: Series) -> None:
    """A file of 3 MB, of which nothing is left in a bundle."""
    here = world.ghosts.here
    oid = here.git("hash-object", "-w", "--stdin", stdin=bytes(3_000_000))
    made.end = grown(world, made, evil_tree(world, (b"100644 zeros", oid)))
    bundle = bundle_of(here, made.start, made.end)
    assert len(bundle) < 10_000
    world.ghosts.write(made.branch(), {"commits.patch": made.mailbox, "commits.bundle": bundle})


def unrelated(world: World, made: Series) -> None:
    """A commit that does not come after the one that its name says."""
    here = world.ghosts.here
    made.end = here.git("commit-tree", "-m", "no parent", f"{made.end}^{{tree}}")
    bundle = bundle_of(here, made.start, made.end)
    world.ghosts.write(made.branch(), {"commits.patch": made.mailbox, "commits.bundle": bundle})


COMMITS: dict[str, tuple[Callable[[World, Series], None], str]] = {
    "bundle-of-other-commits": (files(bundle=other_commits), "bundle is broken"),
    "bundle-that-says-other-commits": (
        files(bundle=lambda _, made: made.bundle.replace(made.end.encode(), b"1" * 40, 1)),
        "of other commits",
    ),
    "bundle-that-needs-another-commit": (files(bundle=other_start), "of other commits"),
    "bundle-that-needs-nothing": (
        files(bundle=lambda _, made: made.bundle.replace(f"-{made.start} \n".encode(), b"", 1)),
        "of other commits",
    ),
    "bundle-of-two-branches": (
        files(bundle=lambda _, made: made.bundle.replace(b"\n\n", b"\n" + b"1" * 40 + b" refs/heads/evil\n\n", 1)),
        "of other commits",
    ),
    "bundle-without-a-commit": (files(bundle=without_a_commit), "bundle is broken"),
    "bundle-cut": (files(bundle=lambda _, made: made.bundle[:-30]), "bundle is broken"),
    "bundle-cut-after-its-head": (
        files(bundle=lambda _, made: made.bundle.partition(b"\n\n")[0] + b"\n\n"),
        "bundle is broken",
    ),
    "bundle-with-a-flipped-bit": (
        files(bundle=lambda _, made: made.bundle[:-25] + bytes([made.bundle[-25] ^ 1]) + made.bundle[-24:]),
        "bundle is broken",
    ),
    "bundle-of-words": (files(bundle=lambda *_: b"no bundle\n"), "bundle is not a bundle"),
    "bundle-of-nothing": (files(bundle=lambda *_: b""), "bundle is not a bundle"),
    "bundle-of-bytes": (files(bundle=lambda *_: bytes(range(256)) * 9), "bundle is not a bundle"),
    "bundle-that-is-a-link": (files(bundle=lambda *_: ("120000", b"/etc/passwd")), "120000"),
    "bundle-that-is-executable": (files(bundle=lambda _, made: ("100755", made.bundle)), "100755"),
    "bundle-without-mails": (files(patch=nothing), "does not contain commits.patch"),
    "bundle-of-no-descendant": (unrelated, "of other commits"),
    "mails-that-are-a-link": (files(patch=lambda *_: ("120000", b"/etc/passwd")), "120000"),
    "something-more": (files(more=lambda *_: b"owned\n"), "'more'.* does not belong"),
    "tree-with-git": (evil_bundle(b".git", b"40000"), "bundle is broken.*[.]git"),
    "tree-with-git-in-capitals": (evil_bundle(b".GIT", b"40000"), "bundle is broken.*[.]git"),
    "tree-with-git-short-name": (evil_bundle(b"git~1", b"40000"), "bundle is broken.*[.]git"),
    "tree-with-git-and-an-ignored-letter": (evil_bundle(".g\u200cit".encode(), b"40000"), "bundle is broken.*[.]git"),
    "tree-with-a-git-file": (evil_bundle(b".git"), "bundle is broken.*[.]git"),
    "tree-with-parent": (evil_bundle(b"..", b"40000"), "bundle is broken"),
    "tree-with-a-slash": (evil_bundle(b"../../x"), "bundle is broken"),
    "tree-with-gitmodules-as-a-link": (evil_bundle(b".gitmodules", b"120000", b"foo"), "bundle is broken"),
    "tree-with-gitmodules-that-run": (
        evil_bundle(b".gitmodules", b"100644", b'[submodule "x"]\n\tpath = x\n\turl = --upload-pack=touch\n'),
        "bundle is broken",
    ),
    "mails-of-nothing": (files(bundle=nothing, patch=lambda *_: b""), ""),
    "mails-of-words": (files(bundle=nothing, patch=lambda *_: b"these are no mails\n"), ""),
    "mails-of-bytes": (files(bundle=nothing, patch=lambda *_: bytes(range(256)) * 9), ""),
    "mail-without-a-date": (mails((b"\nDate: ", b"\nX-Date: ")), "has no date"),
    "mail-with-an-odd-date": (
        files(bundle=nothing, patch=lambda _, made: re.sub(rb"(?m)^Date: .*", b"Date: whenever", made.mailbox)),
        "",
    ),
    "mail-without-a-patch": (mail_with(b""), ""),
    "mail-that-does-not-apply": (mails((b"-a\n", b"-z\n")), "does not apply"),
    "second-mail-does-not-apply": (mails((b"-b\n", b"-z\n")), "three.* does not apply"),
    "mail-cut": (files(bundle=nothing, patch=lambda _, made: made.mailbox.rpartition(b"+1\n")[0]), "does not apply"),
    **{
        f"mail-{case}": (mail_with(PATCHES[case][0]), PATCHES[case][1])
        for case in (
            "parent",
            "absolute",
            "absolute-without-git-s-header",
            "hook",
            "git-with-an-ignored-letter",
            "through-a-link",
            "through-a-link-of-the-same-patch",
            "through-an-untracked-link",
            "renamed-to-outside",
            "gitmodules-as-a-link",
            "half-of-it-fits",
            "a-file-that-becomes-a-tree",
            "literal-with-a-sign",
            "delta-in-short-lines",
        )
    },
}


@pytest.mark.parametrize("case", COMMITS)
def test_commits_that_are_not_what_their_name_says(world: World, case: str) -> None:
    write, reason = COMMITS[case]
    made = series(world)
    write(world, made)
    world.refuses(reason, "pull", "commits", made.end)


def test_a_diff_after_commits_that_are_refused(world: World) -> None:
    """`pull all` is all or nothing: neither the commits nor the diff, whichever of them is wrong."""
    made = series(world)
    files()(world, made)
    digest = world.ghosts.write_diff(made.end, added("../x"))
    world.refuses(FORBIDDEN, "pull", "all", made.end, digest)
    files(bundle=lambda _, one: one.bundle[:-30])(world, made)
    good = world.ghosts.write_diff(made.end, added("good"))
    world.refuses("bundle is broken", "pull", "all", made.end, good)
    world.refuses("bundle is broken", "checkout", made.end, good)


def test_commits_that_stand_for_much(world: World) -> None:
    made = series(world)
    bomb(world, made)
    world.refuses("would write 2,9[0-9,]+ bytes", "pull", "commits", made.end, max_size="1M")
    digest = world.ghosts.write_diff(made.end, added("good"))
    world.refuses("would write 2,9[0-9,]+ bytes", "checkout", made.end, digest, max_size="1M")


def test_what_is_as_its_name_says(world: World) -> None:
    """Else the tests above would prove nothing: the same helpers, nothing tampered with."""
    made = series(world)
    files()(world, made)
    digest = world.ghosts.write_diff(made.end, added("good") + binary(zeros(2**20 - 9), f"literal {2**20 - 9}"))
    ran = world.run("pull", "all", made.end, digest, max_size="1M")
    assert ran.code == 1  # the id of the zeros is not what `binary` claims
    assert "creates incorrect result" in ran.err
    digest = world.ghosts.write_diff(made.end, added("good") + linked("other", "foo"))
    ran = world.run("pull", "all", made.end, digest, max_size="1M")
    assert (ran.code, ran.err) == (0, "")
    assert (world.there.head, (world.there.path / "good").read_text()) == (made.end, "owned\n")
