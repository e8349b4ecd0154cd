"""The examples in docstrings are true."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import gto_ci

MODULES = [module.name for module in pkgutil.walk_packages(gto_ci.__path__, "gto_ci.")]


@pytest.mark.parametrize("name", MODULES)
def test_examples(name: str) -> None:
    result = doctest.testmod(importlib.import_module(name))
    assert result.failed == 0
    if name == "gto_ci.api":
        assert result.attempted


def test_importing_the_package_imports_nothing_else() -> None:
    import subprocess
    import sys

    code = "import sys; before = set(sys.modules); import gto_ci; print(*sorted(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["gto_ci"]
