"""Promise 1: every command in the announcement of Git Ghost, from top to bottom, with its output."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

from tests.ghosts import Ghosts
from tests.running import BIN, environ
from tests.workdir import WorkDir

PATCH = """\
diff --git a/foo b/foo
index 7898192..6178079 100644
--- a/foo
+++ b/foo
@@ -1 +1 @@
-a
+b
"""


def shell(ghosts: Ghosts, work: WorkDir, line: str) -> str:
    """Run a line that starts with `$ git ghost`, and return its output. Git finds the program on the PATH."""
    program, *words = line.removeprefix("$ ").split(" ")
    assert program == "git"
    path = f"{BIN}{os.pathsep}{os.environ['PATH']}"
    variables = environ(work, GIT_GHOST_REPO=ghosts.url, PATH=path)
    done = subprocess.run(["git", *words], cwd=work.path, env=variables, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_the_announcement(tmp_path: Path) -> None:
    """Send a change of the file foo from a to b to a directory on a remote server."""
    ghosts = Ghosts.create(tmp_path, foo="a\n")
    local, remote = ghosts.here, ghosts.there
    local.write("foo", "b\n")

    # First, create a patch of the local modification.
    pushed = shell(ghosts, local, "$ git ghost push")
    assert re.fullmatch(r"[0-9a-f]{40} [0-9a-f]{40}\n", pushed)
    base, digest = pushed.split()
    assert base == local.head
    assert shell(ghosts, local, f"$ git ghost show {digest}") == PATCH

    # Then, you can sync the local modification in a remote server.
    assert shell(ghosts, remote, "$ git ghost diff HEAD") == ""
    assert shell(ghosts, remote, f"$ git ghost pull {digest}") == ""
    assert shell(ghosts, remote, "$ git ghost diff HEAD") == PATCH

    # There you go! The modifications in the local machine were synchronized to the remote server.
    assert (remote.path / "foo").read_text() == "b\n"


def test_the_architecture(tmp_path: Path) -> None:
    """Commits and modifications are separate: a modification is still usable after its commits were pushed."""
    ghosts = Ghosts.create(tmp_path, foo="a\n")
    local, remote = ghosts.here, ghosts.there
    pushed_before = remote.head
    local.commit("A commit made locally", bar="1\n")
    local.write("foo", "b\n")
    commits, diff = shell(ghosts, local, f"$ git ghost push all {pushed_before}").splitlines()
    assert commits == f"{pushed_before} {local.head}"
    base, digest = diff.split()
    assert base == local.head

    # downloads the base commit in a remote place and applies the patches
    shell(ghosts, remote, f"$ git ghost pull all {local.head} {digest}")
    assert remote.head == local.head
    assert shell(ghosts, remote, "$ git ghost diff HEAD") == PATCH

    # the same modification, after git itself fetched the commit
    other = WorkDir(tmp_path / "other")
    local.git("clone", "--quiet", str(local.path), str(other.path))
    shell(ghosts, other, f"$ git ghost pull {digest}")
    assert shell(ghosts, other, "$ git ghost diff HEAD") == PATCH
