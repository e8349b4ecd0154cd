"""The image that the Dockerfile makes: what is in it, what is not, and that a workspace cannot put code into it."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.image import compressed
from tests.e2e.conftest import ACTION_FILES, PROJECT
from tests.e2e.runner import Machine

Inside = Callable[..., "subprocess.CompletedProcess[str]"]
IMAGE = "localhost/gto-ci-e2e-action:latest"


@pytest.fixture(scope="module")
def inside(machine: Machine) -> Inside:
    """Build the image from the Dockerfile; run a program in it."""
    build = [*machine.engine, "build", "--quiet", "--tag", IMAGE, str(PROJECT)]
    subprocess.run(build, check=True, stdout=subprocess.DEVNULL)

    def run(*command: str, options: tuple[str, ...] = (), check: bool = True) -> subprocess.CompletedProcess[str]:
        entrypoint = ("--entrypoint", command[0]) if command else ()
        line = [*machine.engine, "run", "--rm", "--network=none", *options, *entrypoint, IMAGE, *command[1:]]
        done = subprocess.run(line, capture_output=True, text=True, check=False)
        assert not check or done.returncode == 0, done.stderr
        return done

    return run


def test_holds_exactly_the_locked_packages(inside: Inside) -> None:
    script = "import importlib.metadata as m, json; print(json.dumps({d.name: d.version for d in m.distributions()}))"
    found = json.loads(inside("/opt/gto-ci/bin/python", "-I", "-c", script).stdout)
    lock = (PROJECT / "requirements.lock").read_text()
    locked = dict(re.findall(r"^([a-z0-9-]+)==(\S+)", lock, flags=re.MULTILINE))
    assert len(locked) > 5
    own = {_normal(name): version for name, version in found.items()}
    own.pop("gto-ci")
    assert own == locked


def test_no_package_misses_another(inside: Inside) -> None:
    """The lock is complete: `--no-deps` left nothing out that the project or a dependency asks for."""
    script = """
import importlib.metadata as m, re
normal = lambda name: re.sub(r"[-_.]+", "-", name).lower()
have = {normal(d.name) for d in m.distributions()}
for distribution in m.distributions():
    for requirement in distribution.requires or ():
        needed = normal(re.match(r"[\\w.-]+", requirement)[0])
        if ";" not in requirement and needed not in have:
            print(distribution.name, "needs", needed)
print(len(have), "packages")
"""
    printed = inside("/opt/gto-ci/bin/python", "-I", "-c", script).stdout.splitlines()
    assert len(printed) == 1, printed
    assert int(printed[0].split()[0]) > 5


@pytest.mark.parametrize("program", ["pip", "pip3", "gcc", "cc", "make", "curl", "wget"])
def test_brings_no_tool_to_build_or_install_with(inside: Inside, program: str) -> None:
    assert inside("sh", "-c", f"command -v {program}", check=False).returncode != 0


@pytest.mark.parametrize("module", ["pip", "setuptools", "hatchling", "wheel"])
def test_no_python_of_the_image_has_an_installer(inside: Inside, module: str) -> None:
    for python in ("/usr/bin/python3", "/opt/gto-ci/bin/python"):
        assert "ModuleNotFoundError" in inside(python, "-c", f"import {module}", check=False).stderr


def test_keeps_no_caches(inside: Inside) -> None:
    folders = "/var/lib/apt/lists /var/cache/apt /root/.cache /tmp /var/log/apt"
    assert inside("sh", "-c", f"find {folders} -type f -size +0 2>/dev/null || true").stdout == ""


def test_every_module_is_compiled_and_needs_no_look_at_its_source(inside: Inside) -> None:
    script = """
import importlib.util, pathlib, struct, sys
folders = [p for p in sys.path if pathlib.Path(p).is_dir()]
sources = [s for f in folders for s in pathlib.Path(f).rglob("*.py")]
for source in sources:
    cached = pathlib.Path(importlib.util.cache_from_source(source))
    if not cached.exists():
        print("not compiled:", source)
    elif struct.unpack("<I", cached.read_bytes()[4:8])[0] != 0b01:
        print("not unchecked-hash:", source)
print(len(sources), "sources")
"""
    printed = inside("/opt/gto-ci/bin/python", "-I", "-c", script).stdout.splitlines()
    assert len(printed) == 1, printed[:10]
    assert int(printed[0].split()[0]) > 500


def test_python_may_write_bytecode(inside: Inside) -> None:
    assert "PYTHONDONTWRITEBYTECODE" not in inside("env").stdout


def test_the_standard_library_is_whole(inside: Inside) -> None:
    modules = "json, ssl, urllib.request, http.client, email, zoneinfo, tomllib, sqlite3, ctypes, lzma, bz2, asyncio"
    inside("/opt/gto-ci/bin/python", "-I", "-W", "error", "-c", f"import {modules}")


def test_certificates_of_public_authorities_are_there(inside: Inside) -> None:
    script = "import ssl; print(len(ssl.create_default_context().get_ca_certs()))"
    assert int(inside("/opt/gto-ci/bin/python", "-I", "-c", script).stdout) > 50


@pytest.mark.parametrize("command", ["gto --version", "gto-ci --version", "git ghost version", "ssh -V"])
def test_programs_are_on_the_path(inside: Inside, command: str) -> None:
    inside(*command.split())


def test_the_workspace_cannot_put_code_into_the_action(inside: Inside, tmp_path: Path) -> None:
    """Modules in the current directory and in what PYTHON* variables name are not imported."""
    canary = 'import pathlib; pathlib.Path("/github/workspace/canary").touch()\n'
    modules = ("json", "click", "yaml", "gto_ci", "sitecustomize", "usercustomize", "actions_toolkit", "entrypoint")
    for module in modules:
        (tmp_path / f"{module}.py").write_text(canary)
    names = ("PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP", "PYTHONUSERBASE", "PYTHONPLATLIBDIR", "PYTHONINSPECT")
    variables = [f"--env={name}=/github/workspace" for name in names]
    variables.append("--env=PYTHONBREAKPOINT=canary.touch")
    mount = (f"--volume={tmp_path}:/github/workspace", "--workdir=/github/workspace")
    done = inside(options=(*variables, *mount, "--env=GITHUB_WORKSPACE=/github/workspace"), check=False)
    # it went wrong, for no runner's variables are set: with our own message
    assert done.returncode != 0
    assert "GITHUB_OUTPUT" in done.stdout + done.stderr
    assert not (tmp_path / "canary").exists()


def test_a_change_of_our_code_rebuilds_no_dependency(machine: Machine, inside: Inside, tmp_path: Path) -> None:
    """The layers below our own code come from the cache when a source file changes."""
    for name in ACTION_FILES:
        subprocess.run(["cp", "-a", PROJECT / name, tmp_path / name], check=True)
    module = tmp_path / "gto_ci/errors.py"
    module.write_text(module.read_text() + f"\n# {os.urandom(8).hex()}\n")
    build = [*machine.engine, "build", "--tag", f"{IMAGE}-changed", str(tmp_path)]
    done = subprocess.run(build, check=True, capture_output=True, text=True)
    said = done.stdout + done.stderr
    assert "hatchling" not in said, "the build backend was installed again"
    assert "apt-get" in said
    assert "Setting up" not in said, "Debian's packages were installed again"
    assert "Successfully installed gto-ci" in said


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_refs_in_a_table(inside: Inside) -> None:
    """The image's git knows reftable (2.45 and newer), where no ref is a file: everything that writes works there."""
    script = r"""
set -e
cd "$(mktemp -d)"
git init --quiet --initial-branch=main --ref-format=reftable .
test "$(git rev-parse --show-ref-format)" = reftable
git config user.name Ada && git config user.email ada@example.com
git commit --quiet --allow-empty -m one
gto register m >/dev/null
git commit --quiet --allow-empty -m two
gto assign m --stage prod >/dev/null
gto annotate m --type model --commit >/dev/null
gto deprecate m v0.0.2 prod >/dev/null
gto deprecate m v0.0.1 --delete >/dev/null
gto show m@latest --ref
gto describe m --type
git for-each-ref --format='%(refname)' refs/tags
git status --porcelain
"""
    lines = inside("/bin/sh", "-c", script, options=("--env", "PATH=/opt/gto-ci/bin:/usr/bin:/bin")).stdout.splitlines()
    assert lines == ["m@v0.0.2", "model", "refs/tags/m#prod!#2", "refs/tags/m#prod#1", "refs/tags/m@v0.0.2"]


def test_is_small(machine: Machine, inside: Inside) -> None:
    """What a machine that has nothing of it pulls: at most 75 MB, git and ssh in it."""
    inside("git", "--version")
    inside("ssh", "-V")
    assert compressed(machine.engine, IMAGE) <= 75_000_000


def test_what_git_does_without_the_files_that_were_left_out(inside: Inside) -> None:
    """No perl but perl-base, one copy of git: every kind of work and of transport still has its program."""
    script = r"""
set -e
cd "$(mktemp -d)"
export HOME="$PWD" GIT_CONFIG_GLOBAL="$PWD/config"
git config --global user.name Ada && git config --global user.email ada@example.com
git config --global protocol.file.allow always && git config --global init.defaultBranch main
git init --quiet other && git -C other commit --quiet --allow-empty -m one
git init --quiet work && cd work
printf '1\n' >file && git add file && git commit --quiet -m one
printf '2\n' >file && echo y | git add -p >/dev/null && git commit --quiet -m two
git format-patch --quiet -1 --stdout >../two.patch
git checkout --quiet HEAD~1 && git am --quiet ../two.patch && git apply --reverse --index ../two.patch
git stash --quiet && git stash pop --quiet && git reset --quiet --hard
GIT_SEQUENCE_EDITOR=true git rebase --quiet --interactive HEAD~1
git submodule --quiet add "$PWD/../other" sub && git commit --quiet -m sub && git submodule --quiet foreach pwd
git bundle create --quiet ../all.bundle --all && git fetch --quiet ../all.bundle main
git clone --quiet --bare . ../bare.git && git push --quiet "file://$PWD/../bare.git" HEAD:refs/heads/pushed
git filter-branch --force --msg-filter cat HEAD~1..HEAD >/dev/null 2>&1
git request-pull HEAD~1 . HEAD >/dev/null
git worktree add --quiet ../linked && git gc --quiet && git fsck --no-progress
ssh-keygen -q -t ed25519 -N "" -f ../key && echo "ada@example.com $(cat ../key.pub)" >../signers
eval "$(ssh-agent)" >/dev/null && ssh-add -q ../key && ssh-add -l >/dev/null && kill "$SSH_AGENT_PID"
git config gpg.format ssh && git config user.signingkey "$PWD/../key"
git config gpg.ssh.allowedSignersFile "$PWD/../signers"
git tag -s -m one signed && git verify-tag signed
for scheme in http https ftp ftps git ssh; do
  echo "$scheme: $(git ls-remote "$scheme://127.0.0.1:1/x" 2>&1)"
done
"""
    done = inside("/bin/sh", "-c", script, options=("--env", "FILTER_BRANCH_SQUELCH_WARNING=1"))
    refused = [line for line in done.stdout.splitlines() if re.match("[a-z]+: .*(127.0.0.1)", line)]
    assert [line.partition(":")[0] for line in refused] == ["http", "https", "ftp", "ftps", "git", "ssh"], done.stdout
    assert "Could not connect" in refused[1]
    assert 'Good "git" signature' in done.stderr


def test_debian_finds_its_packages_in_order(inside: Inside) -> None:
    """What is installed on top of the image by apt finds no dependency broken."""
    assert inside("sh", "-c", "dpkg --audit && apt-get check -qq").stdout == ""


def test_links_of_git_lead_somewhere(inside: Inside) -> None:
    assert inside("find", "/usr/lib/git-core", "/usr/bin", "/usr/local/bin", "-xtype", "l").stdout == ""


def test_starting_compiles_nothing(inside: Inside) -> None:
    """Neither the way in nor any module, when it is wanted, reads a source; `-v` makes Python say what it reads."""
    script = """
import importlib, pkgutil, gto_ci
for module in pkgutil.walk_packages(gto_ci.__path__, "gto_ci."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
import github, ruamel.yaml
"""
    python = ("/opt/gto-ci/bin/python", "-I", "-X", "utf8", "-v")
    # the first goes wrong for want of a runner's variables, when it has imported what every start does
    for arguments, code in ((("/opt/gto-ci/entrypoint.py",), 1), (("-c", script), 0)):
        done = inside(*python, *arguments, check=False)
        assert done.returncode == code, done.stderr[-1000:]
        read = re.findall("^# code object from (.*)", done.stderr, flags=re.MULTILINE)
        assert any("gto_ci/core/__pycache__/errors." in file for file in read)
        assert [file for file in read if not file.strip("'").endswith(".pyc")] == []
