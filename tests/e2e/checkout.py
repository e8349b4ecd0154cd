"""What `actions/checkout` leaves in a workspace, step by step as that action does it.

The action itself is a JavaScript program from the network; these are the git commands that it runs. Where a release
differs in what it leaves behind, there is an option for it.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from enum import Enum
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from tests.e2e.remote import git

# Where a container action sees what the runner keeps elsewhere.
CONTAINER_WORKSPACE = PurePosixPath("/github/workspace")
CONTAINER_TEMP = PurePosixPath("/github/runner_temp")


class Credentials(Enum):
    """How the job's token reaches git commands of later steps."""

    LOCAL = "up to v5: in the repository's own configuration"
    INCLUDED = "from v6 on: in a file in the runner's temporary folder, which the configuration includes by path"
    NONE = "persist-credentials: false"


@dataclass(frozen=True)
class Checkout:
    """The inputs of the checkout step. `depth` 0 is the whole history, as there.

    `keeps_annotation` is the behaviour from v6.0.2 on; before it, the triggering tag points to the commit.
    """

    depth: int = 1
    filter: str | None = None
    credentials: Credentials = Credentials.LOCAL
    keeps_annotation: bool = False


def check_out(
    workspace: Path, url: str, ref: str, commit: str, how: Checkout, *, token: str, temp: Path, path: str = "."
) -> Path:
    """Check out `ref` at `commit` into `workspace/path`, and return that folder.

    `temp` is the folder that containers see as `CONTAINER_TEMP`.
    """
    folder = workspace / path
    folder.mkdir(parents=True, exist_ok=True)
    git(folder, "init", "--quiet", ".")
    git(folder, "remote", "add", "origin", url)
    git(folder, "config", "--local", "gc.auto", "0")
    environment = {}
    if urlsplit(url).scheme.startswith("http"):
        environment = _configure_token(folder, url, how.credentials, token, temp, path)

    local_ref, targeted = _refspec(ref, commit, how)
    if how.depth == 0:
        everything = ("+refs/heads/*:refs/remotes/origin/*", "+refs/tags/*:refs/tags/*")
        _fetch(folder, how, environment, *everything)
        # checkout asks whether the ref is at the triggering commit. An annotated tag never is, for it compares the
        # tag object's id, so it fetches again and puts the commit in the tag's place.
        if git(folder, "rev-parse", local_ref) != commit and not how.keeps_annotation:
            _fetch(folder, how, environment, targeted)
    else:
        _fetch(folder, how, environment, "--no-tags", f"--depth={how.depth}", targeted)
    git(folder, "sparse-checkout", "disable", environment=environment)
    git(folder, "config", "--local", "--unset-all", "extensions.worktreeConfig")
    if ref.startswith("refs/heads/"):
        branch = ref.removeprefix("refs/heads/")
        git(folder, "checkout", "--quiet", "--force", "-B", branch, local_ref, environment=environment)
    else:
        git(folder, "checkout", "--quiet", "--force", local_ref, environment=environment)
    assert git(folder, "rev-parse", "HEAD") == commit
    return folder


def _refspec(ref: str, commit: str, how: Checkout) -> tuple[str, str]:
    """The local ref that stands for `ref`, and what is fetched into it."""
    if ref.startswith("refs/heads/"):
        local = "refs/remotes/origin/" + ref.removeprefix("refs/heads/")
    elif ref.startswith("refs/pull/"):
        local = "refs/remotes/pull/" + ref.removeprefix("refs/pull/")
    else:
        local = ref
        if how.keeps_annotation:
            return local, f"+{ref}:{local}"
    return local, f"+{commit}:{local}"


def _fetch(folder: Path, how: Checkout, environment: dict[str, str], *arguments: str) -> None:
    options = ["--quiet", "--prune", "--no-recurse-submodules"]
    if how.filter:
        options.append(f"--filter={how.filter}")
    flags = [argument for argument in arguments if argument.startswith("--")]
    refspecs = [argument for argument in arguments if not argument.startswith("--")]
    git(folder, "-c", "protocol.version=2", "fetch", *options, *flags, "origin", *refspecs, environment=environment)


def _authorization(token: str) -> str:
    return "AUTHORIZATION: basic " + base64.b64encode(f"x-access-token:{token}".encode()).decode()


def _configure_token(
    folder: Path, url: str, credentials: Credentials, token: str, temp: Path, path: str
) -> dict[str, str]:
    """Leave the token where this release leaves it; what checkout's own git commands need besides."""
    server = urlsplit(url)
    key = f"http.{server.scheme}://{server.netloc}/.extraheader"
    if credentials is Credentials.NONE:
        return {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": key, "GIT_CONFIG_VALUE_0": _authorization(token)}
    if credentials is Credentials.LOCAL:
        git(folder, "config", "--local", key, _authorization(token))
        return {}
    name = "git-credentials-1b4e28ba-2fa1-11d2-883f-0016d3cca427.config"
    git(folder, "config", "--file", str(temp / name), key, _authorization(token))
    # first where the runner sees the repository, then where a container does
    seen = ((folder / ".git", temp / name), (CONTAINER_WORKSPACE / path / ".git", CONTAINER_TEMP / name))
    for git_dir, file in seen:
        for pattern in (git_dir, git_dir / "worktrees/*"):
            git(folder, "config", "--local", f"includeIf.gitdir:{pattern}.path", str(file))
    return {}
