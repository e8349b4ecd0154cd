"""`setup/` in a real job: the programs are on the PATH of later steps, and nothing else is."""

from __future__ import annotations

from pathlib import Path

from tests.e2e import events
from tests.e2e.conftest import PROJECT, Lab
from tests.e2e.runner import shell

FILES = ("setup/action.yml", "setup/install.py")
# A module of the workspace that must not come before Python's own installer.
IN_THE_WAY = {
    "pip/__init__.py": "raise SystemExit('the workspace is in the way')\n",
    "venv.py": "raise SystemExit(1)\n",
}
USE = """\
before=$(command -v python3)
command -v gto gto-ci git-ghost
git ghost -h >/dev/null  # git itself would take --help, for a manual page
[ "$before" = /usr/bin/python3 ] && echo own python
git config --global user.name Ada && git config --global user.email ada@example.com
git config --global --add safe.directory '*'
gto register churn --version v2.0.0 >/dev/null
gto show churn@latest --version
"""


def test_the_programs_are_on_the_path(lab: Lab) -> None:
    files = {name: (PROJECT / name).read_bytes() for name in FILES} | {
        name: text.encode() for name, text in IN_THE_WAY.items()
    }
    lab.remote.commit("Set up", files)
    trigger = events.push_branch(lab.remote)
    lab.check_out(trigger.ref, trigger.sha)

    run = lab.run(trigger, {"id": "setup", "name": "setup", "uses": "./setup"}, shell("use", USE))

    assert run.succeeded, run.log
    folder = Path(run["setup"].outputs["path"])
    printed = run["use"].printed
    assert printed[:3] == [str(folder / name) for name in ("gto", "gto-ci", "git-ghost")]
    assert printed[3] == "own python"
    assert printed[4] == "v2.0.0"
    version = run["setup"].outputs["version"]
    assert f'__version__ = "{version}"' in (PROJECT / "gto_ci/__init__.py").read_text()
