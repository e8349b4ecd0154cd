"""The git room on real repositories of every shape."""

from __future__ import annotations

import os
import shutil
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from gto_ci.core.events import read_events
from gto_ci.errors import GitError, NoRepository
from gto_ci.git import Repository, Runner
from gto_ci.git.tag_objects import parse_tag_object
from tests.workdir import WorkDir


@pytest.fixture
def work(tmp_path: Path) -> WorkDir:
    work = WorkDir.init(tmp_path / "work")
    work.commit("one", file="1")
    work.tag("m@v1.0.0")
    work.tag("a/b=m#eu/prod#1")
    work.tag("mm@v1.0.0")
    work.lightweight("light@v1.0.0")
    return work


def tags(path: Path, artifact: str | None = None) -> list[str]:
    return sorted(record.name for record in Repository.open(path).tag_records(artifact))


ALL = ["a/b=m#eu/prod#1", "light@v1.0.0", "m@v1.0.0", "mm@v1.0.0"]


def test_a_work_tree_and_any_folder_in_it(work: WorkDir) -> None:
    (work.path / "deep/er").mkdir(parents=True)
    assert tags(work.path) == ALL
    assert tags(work.path / "deep/er") == ALL
    assert Repository.open(work.path / "deep/er").root == work.path


def test_bare_shallow_partial_linked_and_submodule(work: WorkDir, tmp_path: Path) -> None:
    work.commit("two", file="2")
    url = f"file://{work.path}"
    work.git("config", "uploadpack.allowFilter", "true")
    work.git("clone", "--quiet", "--bare", url, str(tmp_path / "bare.git"))
    work.git("clone", "--quiet", "--depth=1", url, str(tmp_path / "shallow"))
    work.git("-C", str(tmp_path / "shallow"), "fetch", "--quiet", "--depth=1", "origin", "refs/tags/*:refs/tags/*")
    work.git("clone", "--quiet", "--filter=blob:none", "--no-checkout", url, str(tmp_path / "partial"))
    work.git("worktree", "add", "--quiet", str(tmp_path / "linked"))
    outer = WorkDir.init(tmp_path / "outer")
    outer.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", url, "inner")
    for folder in ("bare.git", "shallow", "partial", "linked", "outer/inner"):
        assert tags(tmp_path / folder) == ALL, folder
    assert Repository.open(tmp_path / "outer/inner").root == tmp_path / "outer/inner"
    assert tags(tmp_path / "outer") == []
    assert tags(tmp_path / "work/.git") == ALL


def test_a_sha256_repository_packed_refs_and_no_tags(tmp_path: Path) -> None:
    work = WorkDir.init(tmp_path / "sha256", "--object-format=sha256")
    assert tags(work.path) == []
    commit = work.commit()
    work.tag("m@v1.0.0")
    work.git("pack-refs", "--all")
    (event,) = read_events(Repository.open(work.path).tag_records())
    assert (event.commit, len(commit)) == (commit, 64)


def test_one_artifacts_tags_are_read_by_name(work: WorkDir) -> None:
    assert tags(work.path, "m") == ["m@v1.0.0"]
    assert tags(work.path, "a/b:m") == ["a/b=m#eu/prod#1"]
    assert tags(work.path, "nothing") == []


def test_what_a_tag_says(work: WorkDir) -> None:
    work.zone = "-0330"
    oid = work.tag("m@v2.0.0", message="  first line\n\nüñí\n# not a comment\n")
    work.tag("m@v3.0.0", at=oid)  # a tag of a tag
    work.tag("m@v4.0.0", at="m@v3.0.0")  # … of a tag
    blob = work.git("hash-object", "-w", "--stdin", stdin=b"x")
    work.tag("m@v5.0.0", at=blob)
    records = {record.name: record for record in Repository.open(work.path).tag_records("m")}
    told = records["m@v2.0.0"]
    assert told.message == "first line\n\nüñí\n# not a comment"
    assert (told.author, told.author_email, told.zone) == ("Ada Lovelace", "ada@example.com", "-0330")
    assert {records[f"m@v{n}.0.0"].target for n in (2, 3, 4)} == {work.head}
    assert {records[f"m@v{n}.0.0"].target_type for n in (2, 3, 4)} == {"commit"}
    assert records["m@v5.0.0"].target_type == "blob"


def test_odd_tag_objects_break_nothing(work: WorkDir) -> None:
    head = work.head.encode()
    work.raw_tag("m@v6.0.0", b"object " + head + b"\ntype commit\ntag x\n\nno tagger\n")
    work.raw_tag("m@v7.0.0", b"object " + head + b"\ntype commit\ntag x\ntagger A <a> 99999999999999 +9999\n\nfar\n")
    work.raw_tag("m@v8.0.0", b"object " + head + b"\ntype commit\ntag x\ntagger A <a> 7 +0000\n\nbefore\0after\n")
    work.raw_tag("m@v9.0.0", b"object " + head + b"\ntype commit\ntag x\ntagger J\xf6 <a\xff> 8 +0000\n\n\xff\n")
    records = Repository.open(work.path).tag_records("m")
    assert [event.tag for event in read_events(records)] == ["m@v8.0.0", "m@v9.0.0", "m@v1.0.0"]
    assert [record.message for record in records if record.name == "m@v8.0.0"] == ["before"]


def test_raw_tag_objects_are_read_as_git_reads_them(work: WorkDir) -> None:
    """The two ways of reading a tag, by for-each-ref and from the object itself, say the same."""
    head = work.head.encode()
    start = b"object " + head + b"\ntype commit\ntag x\n"
    signature = b"-----BEGIN PGP SIGNATURE-----\n\nabc\n-----END PGP SIGNATURE-----\n"
    bodies = [
        b"\nno tagger\n",
        b"tagger A B <a@b> 1700000000 -0330\n\nsubject\n\nbody\n\n",
        b"tagger A <a> 99999999999999 +9999\n\nfar\n",
        b"tagger A <a@b> 7 +0000\n\nbefore\0after\n",
        b"tagger J\xf6 <a\xff> 8 +0000\n\n\xff\n",
        b"tagger  <> 9 +0000\n\n",
        b"tagger A <a@b> 10 +0000\n\nsigned\n" + signature,
        b"tagger A <a@b> 11 +0000\n\nquoted\n" + signature + b"and signed\n" + signature,
        b"tagger  A  B  < a@b > 13 +0000\n\n\n\n  spaces \r\n\n",
        b"tagger \xc2\xa0A <> 14 +0000\nencoding latin1\n\n\xe9\n",
        b"tagger A <a@b> 0015 -0000\n\nnot signed: -----BEGIN PGP SIGNATURE-----\n",
        b"tagger A <a@b> 12 +0000\n\nssh\n-----BEGIN SSH SIGNATURE-----\nx\n-----END SSH SIGNATURE-----\n",
    ]
    for number, body in enumerate(bodies):
        work.raw_tag(f"raw@v{number}.0.0", start + body)
    repository = Repository.open(work.path)
    listed = repository.tag_records("raw")
    objects = repository.objects([f"refs/tags/{record.name}" for record in listed])
    raw = [parse_tag_object(r.name, r.target, o.data) for r, o in zip(listed, objects, strict=True) if o]
    assert raw == listed
    assert len(raw) == len(bodies)
    assert [record for record in repository.tag_records() if record.name.startswith("raw@")] == listed


def test_files_at_a_commit(work: WorkDir) -> None:
    repository = Repository.open(work.path)
    assert repository.file_at(work.head, "file") == b"1"
    assert repository.file_at(work.head, "missing") is None
    assert repository.file_at(work.head, "") is None  # a tree
    assert repository.file_at("0" * 40, "file") is None
    assert repository.objects(["HEAD:file", "bad\nname", "nope"])[1:] == [None, None]


@pytest.mark.parametrize("damage", ["HEAD", "refs", "objects"])
def test_a_damaged_repository_is_not_taken_for_the_one_around_it(work: WorkDir, damage: str) -> None:
    inner = WorkDir.init(work.path / "inner")
    part = inner.path / ".git" / damage
    shutil.rmtree(part) if part.is_dir() else part.unlink()
    with pytest.raises(GitError, match=r"not a git repository.*damaged or incomplete"):
        Repository.open(inner.path).tag_records()
    assert tags(work.path) == ALL


@pytest.mark.parametrize(
    "content", [b"", b"gitdir: ", b"gitdir: gone\n", b"gitdir: file\n", b"gitdir: \xff\0", b"\0" * 9000]
)
def test_a_git_file_that_leads_to_no_repository(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / ".git").write_bytes(content)
    (tmp_path / "deep").mkdir()
    with pytest.raises(
        NoRepository, match=r"'\.git' is a file that leads to no repository\. Run 'git worktree repair'"
    ):
        Repository.open(tmp_path / "deep")


def test_a_url_is_said_to_be_one(tmp_path: Path) -> None:
    with pytest.raises(NoRepository, match=r"it is a URL.*Clone it"):
        Repository.open("https://example.com/acme/models.git")


@pytest.mark.parametrize("path", ["", "file", "missing"])
def test_no_repository(tmp_path: Path, path: str) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(NoRepository, match="No Git repo found in"):
        Repository.open(tmp_path / path)


def test_a_git_error_says_what_failed_without_secrets(work: WorkDir) -> None:
    runner = Runner(os.environ, secrets=("s3cret",))
    with pytest.raises(GitError) as raised:
        runner.run(["fetch", "https://user:s3cret@localhost:1/x"], work.path)
    error = raised.value
    assert error.returncode == 128
    assert "git fetch failed" in str(error)
    assert "s3cret" not in f"{error} {error.command} {error.stdout} {error.stderr}"


def test_a_repository_that_git_refuses_is_an_error(work: WorkDir) -> None:
    (work.path / ".git/config").write_text("[core\n")
    with pytest.raises(GitError, match="bad config"):
        Repository.open(work.path).tag_records()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder to another user")
def test_a_repository_of_another_user_is_refused_with_the_way_out(work: WorkDir, tmp_path: Path) -> None:
    os.chown(work.path, 1001, 1001)
    os.chown(work.path / ".git", 1001, 1001)
    environ = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull}
    with pytest.raises(GitError, match=r"dubious ownership.*git config --global --add safe\.directory"):
        Repository.open(work.path, Runner(environ)).tag_records()
    trusted = Runner(environ).with_config(("safe.directory", str(work.path)))
    assert Repository.open(work.path, trusted).tag_records()


def test_a_hooks_environment_does_not_redirect_us(work: WorkDir, tmp_path: Path) -> None:
    other = WorkDir.init(tmp_path / "other")
    environ = {**os.environ, "GIT_DIR": str(other.path / ".git"), "GIT_INDEX_FILE": "/x", "GIT_WORK_TREE": "/y"}
    records = Repository.open(work.path, Runner(environ)).tag_records()
    assert sorted(record.name for record in records) == ALL


@pytest.mark.parametrize("content", [None, b"garbage", b"cut"])
def test_a_damaged_tag_object_is_not_passed_over(work: WorkDir, content: bytes | None) -> None:
    """Whatever is left of it: a registry without that tag would be another one."""
    oid = work.tag("damaged@v1.0.0")
    file = work.path / ".git/objects" / oid[:2] / oid[2:]
    whole = file.read_bytes()
    file.chmod(0o644)
    file.unlink()
    if content is not None:
        file.write_bytes(whole[:40] if content == b"cut" else content)
    repository = Repository.open(work.path)
    for artifact in (None, "damaged"):
        with pytest.raises(GitError, match=oid):
            repository.tag_records(artifact)


def test_git_missing_and_git_slow(work: WorkDir, tmp_path: Path) -> None:
    with pytest.raises(GitError, match="not installed"):
        Runner({"PATH": str(tmp_path)}).run(["version"])
    slow = tmp_path / "git"
    slow.write_text("#!/bin/sh\nexec sleep 60\n")
    slow.chmod(0o755)
    with pytest.raises(GitError, match="no answer within"):
        Runner({"PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"}).run(["version"], timeout=0.2)


def test_a_stream_says_what_went_wrong(work: WorkDir, tmp_path: Path) -> None:
    def streamed(runner: Runner, *args: str, cwd: Path = work.path) -> bytes:
        with runner.stream(args, cwd) as blocks:
            return b"".join(blocks)

    assert streamed(Runner(os.environ), "version").startswith(b"git version")
    with pytest.raises(GitError, match="ambiguous argument") as caught:
        streamed(Runner(os.environ), "log", "gone")
    assert caught.value.returncode == 128
    with pytest.raises(GitError, match="no such folder"):
        streamed(Runner(os.environ), "version", cwd=tmp_path / "gone")
    with pytest.raises(GitError, match="not installed"):
        streamed(Runner({"PATH": str(tmp_path)}), "version")
    slow = tmp_path / "git"
    slow.write_text("#!/bin/sh\necho begun\nexec sleep 60\n")
    slow.chmod(0o755)
    slowly = Runner({"PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"})
    seen: list[bytes] = []

    def wait() -> None:
        with slowly.stream(["version"], timeout=0.5) as blocks:
            seen.extend(blocks)

    with pytest.raises(GitError, match=r"no answer within 0\.5 seconds"):
        wait()
    assert seen == [b"begun\n"]


def test_a_stream_leaves_the_errors_of_its_reader_alone() -> None:
    with pytest.raises(FileNotFoundError), Runner(os.environ).stream(["version"]):
        raise FileNotFoundError


@pytest.mark.parametrize("how", ["early", "at once", "by an error"])
def test_who_leaves_a_stream_ends_git(tmp_path: Path, how: str) -> None:
    before = threading.active_count()
    told = tmp_path / "told"
    endless = tmp_path / "git"
    endless.write_text(
        f"#!/bin/sh\necho $$ >{told}.new; mv {told}.new {told}\nwhile :; do echo more; echo said >&2; done\n"
    )
    endless.chmod(0o755)
    runner = Runner({"PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"})
    with suppress(ZeroDivisionError), runner.stream(["version"]) as blocks:
        if how != "at once":
            assert next(blocks).startswith(b"more")
        if how == "by an error":
            raise ZeroDivisionError
    if told.exists():
        with pytest.raises(ProcessLookupError):
            os.kill(int(told.read_text()), 0)
    assert threading.active_count() == before
