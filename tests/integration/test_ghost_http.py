"""Tests of a patch repository behind HTTP with a password."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.ghosts import Ghosts, tree_of
from tests.git_server import GitServer


@pytest.mark.parametrize("elsewhere", [False, True])
def test_a_change_goes_there_and_comes_back(tmp_path: Path, elsewhere: bool) -> None:
    """Regression: git did not know the remote, so HTTP failed. With `elsewhere`, a setting rewrites the URL."""
    ghosts = Ghosts.create(tmp_path, foo="a\n", bar="b\n")
    ghosts.here.write("foo", "c\n")
    with GitServer(tmp_path, token="s3cret") as server:
        there = server.url("ghosts.git", password="s3cret")
        ghosts.url = "https://git.example.com/ghosts.git" if elsewhere else there
        if elsewhere:
            for work in (ghosts.here, ghosts.there):
                work.git("config", f"url.{there}.insteadOf", ghosts.url)
        base, digest = ghosts.push()
        assert f"{base} {digest}" in ghosts.ok(ghosts.here, "list", "--no-headers")
        ghosts.ok(ghosts.there, "pull", base, digest)
        assert tree_of(ghosts.there) == tree_of(ghosts.here)
        ghosts.ok(ghosts.here, "delete", "--from", base, "--to", digest)
        assert ghosts.refs() == {}
