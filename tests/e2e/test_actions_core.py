"""Our outputs file against the one that GitHub's own library writes for the same values (npm @actions/core)."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from gto_ci.platforms import outputs
from gto_ci.platforms.github import files

PROJECT = Path(__file__).resolve().parents[2]
DELIMITER = re.compile(rb"ghadelimiter_[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
WRITE = """
import {setOutput} from '@actions/core';
for (const [name, value] of JSON.parse(process.env.VALUES)) setOutput(name, value);
"""
VALUES = {
    "name": "churn",
    "version": "",
    "description": "  spaces kept  \ttab ",
    "message": "one\n\ntwo\r\nthree\rfour\nghadelimiter_x\nevent<<EOF\n::set-output name=event::x\n%0A %25 \u2028 🌱 é",
    "custom": '{"a": [1, null, "\\u0000"]}',
    "labels": "x=y\n<<\n=",
    "registry": "{\n    " + "x" * 100_000 + "\n}",
}


@pytest.fixture(scope="module")
def node() -> Path:
    subprocess.run(["bash", PROJECT / "tests/lint/workflows.sh", "--install"], check=True)
    return PROJECT / ".node"


def test_the_file_is_what_actions_core_writes(node: Path, tmp_path: Path) -> None:
    fitted, left_out = outputs.fit(VALUES)
    assert not left_out
    ours = files.render(fitted)
    theirs = tmp_path / "output"
    theirs.touch()
    script = node / "write-outputs.mjs"
    script.write_text(WRITE)
    environ = {**os.environ, "GITHUB_OUTPUT": str(theirs), "VALUES": json.dumps(list(fitted.items()))}
    subprocess.run(["node", script], env=environ, check=True)
    assert DELIMITER.sub(b"D", ours) == DELIMITER.sub(b"D", theirs.read_bytes())
    # one delimiter for each output, at its beginning and its end, and never the same twice
    delimiters = DELIMITER.findall(ours)
    assert len(delimiters) == 2 * len(fitted)
    assert len(set(delimiters)) == len(fitted)
