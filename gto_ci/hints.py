"""The wording of each remedy for each interface: a command's option, the action's input or the library's keyword.

An error may hold a :class:`gto_ci.core.errors.Remedy` as its next step. Only an interface knows what its user can
type, so lower layers name no option, input or keyword. This module does.
"""

from __future__ import annotations

import shlex
from enum import Enum
from typing import TYPE_CHECKING

from gto_ci.core.errors import GtoError, Remedies, Remedy

if TYPE_CHECKING:
    from gto_ci.core.policy import AssignCommand


class Interface(Enum):
    """The interface that shows an error. The value is the index of its wording in the table."""

    COMMAND = 0
    ACTION = 1
    LIBRARY = 2


_JOB_LOGIN = (
    "Check the input 'ghost-repo' and its credentials, 'ghost-token' or 'ghost-ssh-key'; "
    "the job's own token has no access to other repositories"
)
_KNOWN_HOSTS = "Set the input 'ghost-known-hosts' to the host's known_hosts lines (ssh-keyscan prints them)"
_REDIRECTED = "Set the input 'ghost-repo' to the URL that its server redirects to: the action does not follow redirects"
_CHECKOUT = "Run actions/checkout before this step, or set the input 'path' to its folder"
_GIVE_KEY = "Set 'ghost-ssh-key' to the complete private key that 'ssh-keygen' wrote, without a passphrase"

# the wording for commands, for the action and for the library; None means the remedy's own text
_REMEDY_WORDINGS: dict[Remedy, tuple[str | None, str | None, str | None]] = {
    Remedies.USE_SIMPLE_TAG: ("Use '--simple true'", None, "Pass simple=True"),
    Remedies.USE_COUNTED_TAG: (
        "Use '--simple false' for a tag with a counter, or delete the existing one",
        None,
        "Pass simple=False for a tag with a counter, or delete the existing one",
    ),
    Remedies.FORCE_NEW_TAG: (
        "Use '--force' to create a new tag anyway",
        None,
        "Pass force=True to create a new tag anyway",
    ),
    Remedies.FORCE_DEPRECATION: (
        "Use '--force' to deprecate it anyway",
        None,
        "Pass force=True to deprecate it anyway",
    ),
    Remedies.OMIT_VERSION: (
        "Omit --version to assign the registered one",
        None,
        "Omit name_version to assign the registered one",
    ),
    Remedies.NAME_VERSION: ("Name one with --version", None, "Pass version"),
    Remedies.NAME_COMMIT: ("Name a commit with --{fact}", None, "Pass {fact}"),
    Remedies.SIGN_WITHOUT_KEY: ("Use --no-sign", None, "Pass sign=False"),
    Remedies.NAME_TAGGER: ("Use --author and --author-email", None, "Pass author and author_email"),
    Remedies.NAME_POLICY: ("Name another: --policy-ref or --policy", None, "Pass policy_ref or policy"),
    Remedies.NAME_REPOSITORY: ("{text} with --repo", _CHECKOUT, "{text} as repo"),
    Remedies.CLONE_REPOSITORY: ("{text} with --repo", None, "{text} as repo"),
    Remedies.NAME_WORKING_FOLDER: (
        "Name a writable folder with --ghost-working-dir",
        None,
        "Pass a writable folder as working_dir",
    ),
    Remedies.READ_LOCAL_TAGS: (None, "Set 'fetch-tags: false' to read only the local tags", None),
    Remedies.CHECK_REMOTE_LOGIN: (
        None,
        "Check the credentials: the 'token' input needs read access to the contents of this repository",
        None,
    ),
    Remedies.CHECK_REMOTE: (
        None,
        "Check that the runner can reach the remote; 'fetch-tags: false' reads only the workspace's tags",
        None,
    ),
    Remedies.CHECK_PATCH_LOGIN: (None, _JOB_LOGIN, None),
    Remedies.CHECK_PATCH_REPOSITORY: (
        "Check --ghost-repo (or GIT_GHOST_REPO) and the network",
        "Check the input 'ghost-repo', and that the runner can reach it",
        "Check repo (or GIT_GHOST_REPO) and the network",
    ),
    Remedies.TRUST_PATCH_HOST: (None, _KNOWN_HOSTS, None),
    Remedies.FOLLOW_PATCH_REPOSITORY: (None, _REDIRECTED, None),
    Remedies.NAME_PATCH_REPOSITORY: (
        "Set GIT_GHOST_REPO or use --ghost-repo URL",
        "Set 'ghost-repo' to its URL",
        "Set GIT_GHOST_REPO or pass repo",
    ),
    Remedies.NAME_PREFIX: ("For example: --ghost-prefix ghost", "For example: 'ghost-prefix: ghost'", None),
    Remedies.CHOOSE_PREFIX: (
        "Use letters, digits, '-', '_' and '/', for example: --ghost-prefix team/ghost",
        "Use letters, digits, '-', '_' and '/', for example: 'ghost-prefix: team/ghost'",
        None,
    ),
    Remedies.NAME_SOURCE: (
        "Run this inside a repository, or name one with --src-dir",
        _CHECKOUT,
        "Pass a folder inside a repository as source",
    ),
    Remedies.NAME_UNTRACKED_FILE: ("Name an untracked file with --include", None, "Pass untracked files as include"),
    Remedies.MERGE_GHOST: (
        "Use --force-base to merge it into the working tree",
        None,
        "Pass force_base=True to merge it",
    ),
    Remedies.PUSH_LARGER: ("Raise the limit with --max-size", None, "Pass a larger max_size"),
    Remedies.PULL_LARGER: (
        "If you trust it, raise the limit with --max-size",
        None,
        "If you trust it, pass a larger max_size",
    ),
    Remedies.FORCE_REMOVAL: ("Add --force", None, "Pass force=True"),
    Remedies.CHOOSE_GHOST: (
        "Name one with --from and --to, or add --all; --dryrun lists them",
        None,
        "Pass start and end, or several=True; dry_run=True lists them",
    ),
    Remedies.CHOOSE_GHOSTS_TO_DELETE: (
        "For example: git ghost gc --older-than 30d --dry-run",
        None,
        "Pass older_than, unreachable or keep_last",
    ),
    Remedies.ALLOW_PATHS: (None, "If you trust the author, list the paths in the input 'ghost-allow'", None),
    Remedies.GIVE_PRIVATE_KEY: (None, _GIVE_KEY, None),
    Remedies.CHECK_TOKEN: (None, "Check the input 'token'; it may have expired", None),
    Remedies.ASK_NO_COMMENT: (None, "Set 'comment: never'", None),
    Remedies.NAME_DVC_EXTRA: (None, "Add it to the step's inputs: 'pull-extras: {fact}'", None),
    Remedies.PULL_NO_DATA: (None, "Set 'pull: false'", None),
}


_WORDINGS = {remedy.kind: wordings for remedy, wordings in _REMEDY_WORDINGS.items()}


def next_step(step: str, interface: Interface) -> str:
    """Return the next step in the wording of ``interface``, empty if there is none."""
    wording = _WORDINGS[step.kind][interface.value] if isinstance(step, Remedy) else None
    if not isinstance(step, Remedy) or wording is None:
        return step
    wording = wording.format(fact=step.fact, text=getattr(Remedies, step.kind))
    return f"{step.first}; or {wording[:1].lower()}{wording[1:]}" if step.first else wording


def sentence(error: GtoError, interface: Interface) -> str:
    """Return the cause and the next step, in the wording of ``interface``."""
    step = next_step(error.next_step, interface)
    return f"{error.cause}. {step}" if step else error.cause


def assign_command(wanted: AssignCommand) -> str:
    """Return the shell command that makes an assignment and pushes its tag."""
    target = ["--version", wanted.version] if wanted.version else [wanted.commit]
    command = ["gto", "assign", wanted.artifact, *target, "--stage", wanted.stage]
    command += [] if wanted.version else ["--skip-registration"]
    return shlex.join([*command, *(["--force"] if wanted.again else []), "--push"])


def for_library(error: GtoError) -> GtoError:
    """Return ``error`` with a ``str()`` in the library's wording. Commands still use their own wording for it."""
    error.args = (sentence(error, Interface.LIBRARY),)
    return error
