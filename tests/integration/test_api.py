"""Tests of the API's write functions on real repositories: a read afterwards returns the same as the write."""

from __future__ import annotations

from pathlib import Path

import pytest

from gto_ci import api
from tests.workdir import WorkDir


@pytest.mark.parametrize("at_a_url", [False, True])
def test_what_is_returned_is_what_is_read_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at_a_url: bool
) -> None:
    work = WorkDir.init(tmp_path / "work")
    work.commit("one")
    for name, value in work.environ().items():
        monkeypatch.setenv(name, value)
    repo = f"file://{work.path}" if at_a_url else str(work.path)
    message = "# not a comment\n\n\ntwo paragraphs \u00e9  \n"
    made = [
        api.register(repo, "m", message=message, author="\u00c9mile Borel", author_email="e@example.org"),
        api.assign(repo, "m", "prod", version="v0.0.1"),
        api.unassign(repo, "m", version="v0.0.1", stage="prod"),
        api.assign(repo, "x/y", "dev", ref="HEAD"),
        api.deregister(repo, "m", version="v0.0.1"),
        api.deprecate(repo, "m"),
    ]
    assert [event and event.event for event in made] == [
        *("registration", "assignment", "unassignment", "assignment", "deregistration", "deprecation"),
    ]
    assert [[event] for event in made] == [api.check_ref(repo, event.tag) for event in made if event]
    assert api.deprecate(repo, "x/y", delete=True) is None
    assert api.register(repo, "n", dry_run=True) is None
