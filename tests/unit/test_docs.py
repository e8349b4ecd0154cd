"""The examples in docstrings are true, and every public function of the API has one, with types and errors."""

from __future__ import annotations

import doctest
import importlib
import inspect
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import gto_ci
from gto_ci import api, ghost
from tests.workdir import WorkDir

MODULES = [module.name for module in pkgutil.walk_packages(gto_ci.__path__, "gto_ci.")]
EXAMPLES = [
    test
    for name in MODULES
    for test in doctest.DocTestFinder(exclude_empty=True).find(importlib.import_module(name))
    if test.examples
]


@pytest.fixture
def repo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The repository of the examples, and an identity for those that write."""
    work = WorkDir.init(tmp_path / "repo")
    work.commit("one", artifacts__yaml="churn: {type: model, path: churn.pkl}\n")
    work.tag("churn@v1.0.0", message="Registering artifact churn version v1.0.0")
    work.tag("churn#prod#1")
    work.commit("two")
    work.tag("churn@v1.1.0")
    work.commit("three")
    for name, value in work.environ().items():
        monkeypatch.setenv(name, value)
    return str(work.path)


@pytest.fixture
def ghosts(repo: str) -> str:
    """The patch repository of the examples."""
    path = Path(repo).with_name("ghosts.git")
    WorkDir(Path(repo)).git("init", "--quiet", "--bare", str(path))
    return str(path)


@pytest.mark.parametrize("test", EXAMPLES, ids=lambda test: test.name)
def test_examples(test: doctest.DocTest, repo: str, ghosts: str) -> None:
    test.globs.update(repo=repo, ghosts=ghosts, api=api)
    said: list[str] = []
    result = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(test, out=said.append)
    assert result.failed == 0, "".join(said)


@pytest.mark.parametrize("name", api.__all__)
def test_the_api_is_documented(name: str) -> None:
    function = getattr(api, name)
    text = inspect.getdoc(function) or ""
    assert "Raises:" in text
    assert ">>>" in text
    hints = inspect.get_annotations(function)
    assert set(hints) == {*inspect.signature(function).parameters, "return"}


@pytest.mark.parametrize("name", ghost.__all__)
def test_the_library_of_ghosts_is_documented(name: str) -> None:
    thing = getattr(ghost, name)
    text = inspect.getdoc(thing) or ""
    assert text
    if inspect.isfunction(thing):
        assert "Raises:" in text
        assert set(inspect.get_annotations(thing)) == {*inspect.signature(thing).parameters, "return"}


def test_importing_the_package_imports_nothing_else() -> None:
    code = "import sys; before = set(sys.modules); import gto_ci; print(*sorted(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["gto_ci"]
