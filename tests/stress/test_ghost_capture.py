"""Promise 5, and what a change is made of: the same bytes whatever a person has set, and nothing silently left out."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.ghosts import Ghosts, bytes_of, diff_of, sha1, tree_of
from tests.workdir import WorkDir

LINES = "".join(f"line {number}\n" for number in range(40))


def change_everything(work: WorkDir) -> None:
    """Every kind of change, in a working tree of :func:`base_files`."""
    work.write("text.py", LINES.replace("line 20", "def twenty():\n    return 20  ").replace("line 3\n", ""))
    work.write("dos.txt", "one\r\ntwo and more\r\nthree\r\n")
    work.write("lf-to-dos.txt", "a\r\nb\r\n")
    work.write("no-end.txt", "no final newline, still")
    work.write("binary.bin", bytes(range(256)) * 3)
    (work.path / "run.sh").chmod(0o755)
    work.git("mv", "old name.txt", "new name.txt")
    (work.path / "gone.txt").unlink()
    (work.path / "link").unlink()
    (work.path / "link").symlink_to("text.py")
    (work.path / "becomes-link").unlink()
    (work.path / "becomes-link").symlink_to("dos.txt")
    work.write("was-full.txt", "")
    work.write('tab\tand "quotes".txt', "changed\n")
    work.write("ümläut.txt", "changed\n")
    (work.path / os.fsdecode(b"latin-\xe9.txt")).write_bytes(b"changed\n")
    work.write("staged.txt", "staged and new\n")
    work.git("add", "staged.txt")
    work.write("half.txt", "staged\n")
    work.git("add", "half.txt")
    work.write("half.txt", "staged, and changed after that\n")


def base_files(work: WorkDir) -> None:
    work.write("text.py", LINES)
    work.write("dos.txt", "one\r\ntwo\r\nthree\r\n")
    work.write("lf-to-dos.txt", "a\nb\n")
    work.write("no-end.txt", "no final newline")
    work.write("binary.bin", bytes(range(256)))
    work.write("run.sh", "#!/bin/sh\n")
    work.write("old name.txt", LINES)
    work.write("gone.txt", "gone\n")
    (work.path / "link").symlink_to("dos.txt")
    work.write("becomes-link", "a file\n")
    work.write("was-full.txt", "full\n")
    work.write('tab\tand "quotes".txt', "x\n")
    work.write("ümläut.txt", "x\n")
    (work.path / os.fsdecode(b"latin-\xe9.txt")).write_bytes(b"x\n")
    work.write("half.txt", "x\n")
    work.write(".gitattributes", "*.py diff=python\n*.dat -diff\n")
    work.write("plain.dat", "x\n")


@pytest.fixture
def ghosts(tmp_path: Path) -> Ghosts:
    ghosts = Ghosts.create(tmp_path)
    base_files(ghosts.here)
    ghosts.here.commit("everything")
    ghosts.there.git("pull", "--quiet")
    change_everything(ghosts.here)
    return ghosts


Hostile = Callable[[Ghosts], dict[str, str]]


def settings(**keys: str) -> Hostile:
    """A user's global configuration; `__` in a key is a dot."""

    def make(ghosts: Ghosts) -> dict[str, str]:
        file = ghosts.folder / "gitconfig"
        for key, value in keys.items():
            ghosts.here.git("config", "--file", str(file), key.replace("__", "."), value)
        return {"GIT_CONFIG_GLOBAL": str(file)}

    return make


def own_settings(**keys: str) -> Hostile:
    """The same in the repository's own configuration."""

    def make(ghosts: Ghosts) -> dict[str, str]:
        for key, value in keys.items():
            ghosts.here.git("config", key.replace("__", "."), value)
        return {}

    return make


def program(ghosts: Ghosts, name: str, script: str) -> str:
    file = ghosts.folder / name
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)
    return str(file)


def external_diff(ghosts: Ghosts) -> dict[str, str]:
    tool = program(ghosts, "tool", "echo nonsense")
    return {"GIT_EXTERNAL_DIFF": tool, **settings(diff__external=tool)(ghosts)}


def drivers(ghosts: Ghosts) -> dict[str, str]:
    upper = program(ghosts, "upper", 'tr a-z A-Z <"$1"')
    return own_settings(diff__python__textconv=upper, diff__python__xfuncname="^line", diff__python__binary="true")(
        ghosts
    )


def attributes_of_the_user(ghosts: Ghosts) -> dict[str, str]:
    file = ghosts.folder / "attributes"
    file.write_text("* -diff\n*.txt text=auto eol=crlf diff=upper\n*.py binary\n")
    upper = program(ghosts, "upper", 'tr a-z A-Z <"$1"')
    return settings(core__attributesFile=str(file), diff__upper__textconv=upper)(ghosts)


def attributes_of_the_repository(ghosts: Ghosts) -> dict[str, str]:
    (ghosts.here.path / ".git/info/attributes").write_text("* -diff\n*.py diff=upper\n")
    return own_settings(diff__upper__textconv=program(ghosts, "upper", 'tr a-z A-Z <"$1"'))(ghosts)


def variables(ghosts: Ghosts) -> dict[str, str]:
    return {
        "GIT_DIFF_OPTS": "--unified=0",
        "GIT_PAGER": "cat -A",
        "PAGER": "false",
        "LC_ALL": "de_DE.UTF-8",
        "LANGUAGE": "de",
        "GIT_LITERAL_PATHSPECS": "1",
        "GIT_ICASE_PATHSPECS": "1",
        "GIT_CONFIG_PARAMETERS": "'diff.noprefix'='true' 'core.autocrlf'='true' 'core.quotePath'='false'",
        "TERM": "xterm-256color",
        "GIT_INDEX_FILE": "/nowhere/index",
        "GIT_DIR": "/nowhere",
    }


def fsmonitor(ghosts: Ghosts) -> dict[str, str]:
    nothing = program(ghosts, "monitor", "exit 0")  # claims that no file has changed
    return settings(core__fsmonitor=nothing, core__untrackedCache="true", core__hooksPath=str(ghosts.folder))(ghosts)


HOSTILE: dict[str, Hostile] = {
    "colours": settings(color__ui="always", color__diff="always", diff__colorMoved="zebra", core__pager="cat -A"),
    "external": external_diff,
    "drivers": drivers,
    "noprefix": settings(diff__noprefix="true"),
    "prefixes": settings(diff__mnemonicPrefix="true", diff__srcPrefix="x/", diff__dstPrefix="y/"),
    "line ends": settings(core__autocrlf="true", core__eol="crlf", core__safecrlf="warn"),
    "line ends on input": settings(core__autocrlf="input", core__safecrlf="true"),
    "quoting": settings(core__quotePath="false", core__abbrev="40", core__precomposeUnicode="true"),
    "algorithm": settings(
        diff__algorithm="minimal", diff__indentHeuristic="false", diff__context="0", diff__interHunkContext="20"
    ),
    "renames": settings(diff__renames="copies", diff__renameLimit="1", diff__orderFile="/dev/null"),
    "order": settings(diff__suppressBlankEmpty="true", diff__submodule="log", diff__ignoreSubmodules="all"),
    "whitespace": settings(
        core__whitespace="trailing-space,space-before-tab", apply__whitespace="fix", diff__wsErrorHighlight="all"
    ),
    "modes": own_settings(core__fileMode="false", core__trustctime="false", core__checkStat="minimal"),
    "links": own_settings(core__symlinks="false", core__ignoreCase="true"),
    "user's attributes": attributes_of_the_user,
    "repository's attributes": attributes_of_the_repository,
    "variables": variables,
    "monitor": fsmonitor,
    "signing": settings(commit__gpgSign="true", tag__gpgSign="true", log__showSignature="true", gpg__program="false"),
    "mail": settings(format__pretty="oneline", log__date="iso", log__mailmap="true", i18n__logOutputEncoding="latin1"),
}


@pytest.mark.parametrize("hostile", HOSTILE)
def test_one_and_the_same_hash(ghosts: Ghosts, hostile: str) -> None:
    ghosts.here.write("new.txt", "new\r\nfile\r\n")
    more = HOSTILE[hostile](ghosts)
    base, digest = ghosts.push("-I", "new.txt")
    ghosts.store.git("update-ref", "-d", f"refs/heads/ghost/{base}/{digest}")
    pushed = ghosts.ok(ghosts.here, "push", "-I", "new.txt", **more)
    assert pushed == f"{base} {digest}\n"
    # nor do they matter where it is pulled
    for name in ("config", "info/attributes"):
        source = ghosts.here.path / ".git" / name
        if source.exists() and name != "config":
            (ghosts.there.path / ".git" / name).write_bytes(source.read_bytes())
    ghosts.ok(ghosts.there, "pull", digest, **more)
    assert tree_of(ghosts.there) == tree_of(ghosts.here)


def test_the_hash_is_that_of_somebody_who_has_set_nothing(ghosts: Ghosts) -> None:
    """Git Ghost, run with no configuration, makes the same patch."""
    ghosts.here.write("new.txt", "new\n")
    ghosts.here.write("other.txt", "other\n")
    patch = diff_of(ghosts.here, "HEAD", "other.txt", "new.txt")
    _, digest = ghosts.push("-I", "other.txt", "-I", "new.txt")
    assert bytes_of(ghosts.here, "diff", "--patience", "--binary", "HEAD") in patch
    assert ghosts.file(f"ghost/{ghosts.here.head}/{digest}", "local-mod.patch") == patch
    assert digest == sha1(patch)


@pytest.mark.parametrize("hostile", ["noprefix", "colours", "algorithm", "mail", "external", "variables", "quoting"])
def test_commits_are_the_same_too(ghosts: Ghosts, hostile: str) -> None:
    ghosts.here.commit("A commit\n\nof everything, by Jürgen")
    branch = f"ghost/{ghosts.there.head}-{ghosts.here.head}"
    ghosts.push("commits", ghosts.there.head)
    mailbox = ghosts.file(branch, "commits.patch")
    ghosts.store.git("update-ref", "-d", f"refs/heads/{branch}")
    more = HOSTILE[hostile](ghosts)
    ghosts.ok(ghosts.here, "push", "commits", ghosts.there.head, **more)
    assert ghosts.file(branch, "commits.patch") == mailbox


def test_the_source_is_left_alone(ghosts: Ghosts) -> None:
    """Neither the index nor another file of the source repository changes, and no object is added to it."""

    def everything() -> dict[str, object]:
        files = sorted(ghosts.here.path.rglob("*"))
        # git sets the time of an object that it was about to write, and found there
        times = {str(file): file.lstat().st_mtime_ns for file in files if "objects" not in file.parts}
        return {str(file): (file.lstat().st_ino, file.lstat().st_mode) for file in files} | {"times": times}

    ghosts.here.write("new.txt", "new\n")
    before = everything()
    ghosts.push("-u")
    ghosts.push("all", f"{ghosts.here.head}~1")
    assert everything() == before


# Untracked files


def test_what_was_left_out_is_listed(ghosts: Ghosts) -> None:
    ghosts.here.write("data/one.csv", "1\n")
    ghosts.here.write("evil\x1b[31m.txt", "1\n")
    ghosts.here.write(".gitignore", "*.log\n")
    ghosts.here.git("add", ".gitignore")
    ghosts.here.write("x.log", "1\n")
    ran = ghosts.run(ghosts.here, "push")
    assert ran.code == 0
    assert re.fullmatch(r"[0-9a-f]{40} [0-9a-f]{40}\n", ran.out), "scripts read this line"
    said = ran.err.splitlines()
    assert "2 untracked files" in said[0]
    assert said[1:] == ["  data/one.csv", "  evil\\x1b[31m.txt"]
    assert json.loads(ghosts.ok(ghosts.here, "push", "--json"))[0]["left_out"] == ["data/one.csv", "evil\x1b[31m.txt"]


def test_many_that_were_left_out_are_counted(ghosts: Ghosts) -> None:
    for number in range(50):
        ghosts.here.write(f"data/{number:02}.csv", "1\n")
    said = ghosts.run(ghosts.here, "push").err.splitlines()
    assert "50 untracked files" in said[0]
    assert len(said) < 30
    assert "30 more" in said[-1]


@pytest.fixture
def plain(tmp_path: Path) -> Ghosts:
    """A repository with untracked files of all sorts."""
    ghosts = Ghosts.create(tmp_path, **{"foo": "a\n", ".gitignore": "*.log\nbuild/\n"})
    for name in ("one.txt", "data/a.csv", "data/b.csv", "data/deep/c.csv", "data/x.log", "build/out", "-dash", "[a]"):
        ghosts.here.write(name, f"{name}\n")
    (ghosts.here.path / "data/link").symlink_to("a.csv")
    return ghosts


CHOICES: dict[str, tuple[list[str], list[str]]] = {
    "a file": (["-I", "one.txt"], ["one.txt"]),
    "two, in their order": (["--include", "one.txt", "-I", "data/b.csv", "-I", "one.txt"], ["one.txt", "data/b.csv"]),
    "a folder": (["-I", "data"], ["data/a.csv", "data/b.csv", "data/deep/c.csv", "data/link"]),
    "a folder with a slash": (["-I", "data/deep/"], ["data/deep/c.csv"]),
    "an ignored file, named": (["-I", "data/x.log"], ["data/x.log"]),
    "an ignored folder, named": (["-I", "build"], ["build/out"]),
    "a pattern": (["-I", "data/*.csv"], ["data/a.csv", "data/b.csv"]),
    "a deep pattern": (["-I", "data/**/*.csv"], ["data/a.csv", "data/b.csv", "data/deep/c.csv"]),
    "a name that looks like a pattern": (["-I", "[a]"], ["[a]"]),
    "a name that looks like an option": (["-I", "./-dash"], ["-dash"]),
    "a link alone": (["-I", "data/link"], ["data/link"]),
    "a link and its target": (["-I", "data/link", "--follow-symlinks"], ["data/link", "data/a.csv"]),
    "a tracked file": (["-I", "foo"], []),
    "all": (["-u"], ["-dash", "[a]", "data/a.csv", "data/b.csv", "data/deep/c.csv", "data/link", "one.txt"]),
    "all, and an ignored one first": (
        ["-u", "-I", "build/out"],
        ["build/out", "-dash", "[a]", "data/a.csv", "data/b.csv", "data/deep/c.csv", "data/link", "one.txt"],
    ),
}


@pytest.mark.parametrize("choice", CHOICES)
def test_untracked_files(plain: Ghosts, choice: str) -> None:
    options, expected = CHOICES[choice]
    _, digest = plain.push(*options)
    patch = plain.file(f"ghost/{plain.here.head}/{digest}", "local-mod.patch")
    assert patch == diff_of(plain.here, "HEAD", *[name.replace("-dash", "./-dash") for name in expected]).replace(
        b"b/./-dash", b"b/-dash"
    ).replace(b"a/./-dash", b"a/-dash")
    plain.ok(plain.there, "pull", digest)
    for name in expected:
        assert (plain.there.path / name).is_symlink() == (plain.here.path / name).is_symlink()
        assert os.path.lexists(plain.there.path / name)


def test_names_are_relative_to_the_folder(plain: Ghosts) -> None:
    """As Git Ghost has it: to --src-dir, or the folder in which it is run."""
    deep = WorkDir(plain.here.path / "data")
    _, digest = plain.push("-I", "a.csv", work=deep)
    assert (_, digest) == plain.push("-I", "data/a.csv")
    elsewhere = WorkDir(plain.folder)
    assert plain.push("--src-dir", "here/data", "-I", "a.csv", work=elsewhere) == (_, digest)


@pytest.mark.parametrize(
    ("names", "why"),
    [
        (["nothing"], "does not exist"),
        (["*.nothing"], "matches no untracked file"),
        (["../outside"], "not located in the source directory"),
        (["/etc/passwd"], "not located in the source directory"),
        ([".git/config"], "not located in the source directory"),
        ([""], "no name"),
        (["one.txt", "nothing"], "does not exist"),
        (["folder-link/a.csv"], "symbolic link"),
        (["absolute-link", "--follow-symlinks"], "absolute"),
        (["outside-link", "--follow-symlinks"], "not located in the source directory"),
        (["dangling-link", "--follow-symlinks"], "leads to nothing"),
        (["chain-0", "--follow-symlinks"], "more than 3"),
        (["empty"], "holds no untracked file"),
    ],
)
def test_names_that_cannot_be_included(plain: Ghosts, names: list[str], why: str) -> None:
    root = plain.here.path
    (plain.folder / "outside").write_text("secret\n")
    (root / "folder-link").symlink_to("data")
    (root / "absolute-link").symlink_to("/etc/passwd")
    (root / "outside-link").symlink_to("../outside")
    (root / "dangling-link").symlink_to("nowhere")
    for number in range(4):
        (root / f"chain-{number}").symlink_to(f"chain-{number + 1}")
    (root / "chain-4").write_text("end\n")
    (root / "empty").mkdir()
    options = [word for name in names for word in ([name] if name.startswith("--") else ["-I", name])]
    ran = plain.run(plain.here, "push", *options)
    assert (ran.code, ran.out, ran.err.count("\n")) == (1, "", 1)
    assert why in ran.err
    assert plain.refs() == {}


def test_a_repository_inside_is_no_file(plain: Ghosts) -> None:
    inner = WorkDir.init(plain.here.path / "inner")
    inner.commit("one", x="1\n")
    ran = plain.run(plain.here, "push", "-u")
    assert ran.code == 0
    assert "  inner/" in ran.err
    base, digest = ran.out.split()
    assert b"inner" not in plain.file(f"ghost/{base}/{digest}", "local-mod.patch")


# What a patch mentions, and does not contain


def test_submodules_are_reported(tmp_path: Path) -> None:
    library = WorkDir.init(tmp_path / "library")
    library.commit("one", x="1\n")
    ghosts = Ghosts.create(tmp_path)
    allow = ("-c", "protocol.file.allow=always")
    ghosts.here.git(*allow, "submodule", "--quiet", "add", str(library.path), "lib")
    ghosts.here.commit("with a submodule")
    ghosts.there.git("pull", "--quiet")
    ghosts.there.git(*allow, "submodule", "--quiet", "update", "--init")
    inner = WorkDir(ghosts.here.path / "lib", now=ghosts.here.now)
    moved = inner.commit("two", x="2\n")
    inner.write("x", "3\n")
    ran = ghosts.run(ghosts.here, "push")
    assert ran.code == 0
    assert f"'lib': the patch records that it is at {moved}" in ran.err
    assert "'lib': the patch does not contain its uncommitted changes" in ran.err
    pulled = ghosts.run(ghosts.there, "pull", ran.out.split()[1])
    assert pulled.code == 0
    assert f"'lib' was at {moved}" in pulled.err
    assert (ghosts.there.path / "lib/x").read_text() == "1\n"


def test_pointers_of_git_lfs_are_reported(tmp_path: Path) -> None:
    """With a filter that keeps content elsewhere, the patch contains what git stores: the pointer."""
    ghosts = Ghosts.create(tmp_path, **{".gitattributes": "*.bin filter=lfs -text\n", "foo": "a\n"})
    clean = program(
        ghosts,
        "clean",
        "echo version https://git-lfs.github.com/spec/v1; echo oid sha256:$(sha256sum | cut -c1-64); echo size 1",
    )
    for key, value in (("clean", clean), ("smudge", "cat"), ("required", "true")):
        ghosts.here.git("config", f"filter.lfs.{key}", value)
    ghosts.here.write("model.bin", b"\0weights 1")
    ghosts.here.commit("weights")
    ghosts.there.git("pull", "--quiet")
    ghosts.here.write("model.bin", b"\0weights 2")
    ran = ghosts.run(ghosts.here, "push")
    assert ran.code == 0
    assert "Git LFS: the patch contains the pointer of 'model.bin'" in ran.err
    pulled = ghosts.run(ghosts.there, "pull", ran.out.split()[1])
    assert pulled.code == 0
    assert "'model.bin' is a pointer" in pulled.err
    assert b"weights" not in bytes_of(ghosts.store, "log", "-p", "--all")


def test_what_a_filter_encrypts_goes_out_encrypted(tmp_path: Path) -> None:
    ghosts = Ghosts.create(tmp_path, **{".gitattributes": "*.key filter=crypt\n", "foo": "a\n"})
    for key, value in (("clean", "tr a-z n-za-m"), ("smudge", "tr a-z n-za-m"), ("required", "true")):
        for work in (ghosts.here, ghosts.there):
            work.git("config", f"filter.crypt.{key}", value)
    ghosts.here.write("api.key", "secret one\n")
    ghosts.here.commit("a key")
    ghosts.there.git("pull", "--quiet")
    ghosts.here.write("api.key", "secret two\n")
    ghosts.here.write("new.key", "secret three\n")
    _, digest = ghosts.push("-u")
    assert b"secret" not in ghosts.file(f"ghost/{ghosts.here.head}/{digest}", "local-mod.patch")
    ghosts.ok(ghosts.there, "pull", digest)
    assert (ghosts.there.path / "api.key").read_text() == "secret two\n"
    assert (ghosts.there.path / "new.key").read_text() == "secret three\n"


# Bases


def test_no_change_is_a_ghost_too(tmp_path: Path) -> None:
    ghosts = Ghosts.create(tmp_path)
    base, digest = ghosts.push()
    assert (base, digest) == (ghosts.here.head, "da39a3ee5e6b4b0d3255bfef95601890afd80709")
    assert ghosts.file(f"ghost/{base}/{digest}", "local-mod.patch") == b""
    assert ghosts.ok(ghosts.here, "show", digest) == ""
    assert ghosts.ok(ghosts.there, "pull", digest) == ""
    assert tree_of(ghosts.there) == tree_of(ghosts.here)


def test_a_change_of_an_older_commit(tmp_path: Path) -> None:
    ghosts = Ghosts.create(tmp_path)
    older = ghosts.here.head
    ghosts.here.commit("two", bar="1\n")
    ghosts.here.write("foo", "b\n")
    base, digest = ghosts.push("HEAD~1")
    assert base == older
    ghosts.ok(ghosts.there, "pull", digest)
    assert tree_of(ghosts.there) == tree_of(ghosts.here)


@pytest.mark.parametrize("kind", ["partial", "shallow", "linked", "subfolder", "sparse", "submodule"])
def test_kinds_of_repository(tmp_path: Path, kind: str) -> None:
    """Where a change is made, and where it is pulled."""
    ghosts = Ghosts.create(tmp_path, **{"foo": LINES, "dir/bar": "x\n", "far/away": "x\n"})
    ghosts.here.commit("two", **{"dir/bar": "y\n"})
    ghosts.there.git("pull", "--quiet")
    ghosts.here.git("config", "uploadpack.allowFilter", "true")
    url = f"file://{ghosts.here.path}"
    other = WorkDir(tmp_path / "other", now=ghosts.here.now)
    if kind == "partial":
        ghosts.here.git("clone", "--quiet", "--filter=blob:none", "--no-checkout", url, str(other.path))
        other.git("checkout", "--quiet", "HEAD")
    elif kind == "shallow":
        ghosts.here.git("clone", "--quiet", "--depth=1", url, str(other.path))
    elif kind == "sparse":
        ghosts.here.git("clone", "--quiet", "--sparse", url, str(other.path))
        other.git("sparse-checkout", "set", "dir")
    elif kind == "linked":
        ghosts.there.git("worktree", "add", "--quiet", "--detach", str(other.path))
    elif kind == "submodule":
        outer = WorkDir.init(tmp_path / "outer")
        outer.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(ghosts.here.path), "inner")
        other = WorkDir(outer.path / "inner")
    else:
        other = WorkDir(ghosts.there.path / "dir")
    root = other.path.parent if kind == "subfolder" else other.path
    (root / "dir/bar").write_text("changed\n")
    (root / "foo").write_text(LINES.replace("line 7", "seven"))
    _, digest = ghosts.push(work=other)
    ghosts.ok(ghosts.here, "pull", digest)
    assert (ghosts.here.path / "dir/bar").read_text() == "changed\n"
    # and the other way round, a file too that is not checked out
    ghosts.here.write("far/away", "changed\n")
    _, digest = ghosts.push()
    WorkDir(root).git("checkout", "--quiet", "--", ".")
    ghosts.ok(other, "pull", digest)
    assert (root / "far/away").read_text() == "changed\n"
    assert (root / "foo").read_text() == LINES.replace("line 7", "seven")


def test_a_merge_that_is_not_finished(tmp_path: Path) -> None:
    """What is in the files is what is captured, conflict marks included."""
    ghosts = Ghosts.create(tmp_path)
    ghosts.here.git("checkout", "--quiet", "-b", "side")
    ghosts.here.commit("side", foo="side\n")
    ghosts.here.git("checkout", "--quiet", "main")
    base = ghosts.here.commit("main", foo="main\n")
    ghosts.there.git("pull", "--quiet")
    with pytest.raises(AssertionError):
        ghosts.here.git("merge", "side")
    _, digest = ghosts.push(base)
    ghosts.ok(ghosts.there, "pull", digest)
    assert (ghosts.there.path / "foo").read_bytes() == (ghosts.here.path / "foo").read_bytes()
    assert "<<<<<<<" in (ghosts.there.path / "foo").read_text()
