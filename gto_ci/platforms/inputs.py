"""The action's inputs on every platform. The defaults are those of ``action.yml``."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Literal, cast

from gto_ci.core.errors import WrongInput, quote
from gto_ci.core.names import Kind

Read = Callable[[str], str]  # returns an input's text by name, "" if it is not set
When = Literal["never", "always", "on-failure"]

# The spellings of YAML 1.2's core schema, which are also those that GitHub's own actions accept.
_BOOLEANS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_WHEN = ("never", "always", "on-failure")


@dataclass(frozen=True, slots=True)
class GateInputs:
    """The conditions under which the step succeeds.

    ``events``, ``artifacts`` and ``stages`` are globs. The event must match one glob of each list that is
    not empty. ``policy`` is the path of the policy file; "" means the default path, where the file is
    optional. ``policy_ref`` is the branch, tag or commit to read it from, "" for the default branch.
    """

    events: tuple[str, ...] = ()
    artifacts: tuple[str, ...] = ()
    stages: tuple[str, ...] = ()
    policy: str = ""
    policy_ref: str = ""

    @property
    def requires(self) -> bool:
        """Whether the inputs require anything of the event."""
        return bool(self.events or self.artifacts or self.stages)


@dataclass(frozen=True, slots=True)
class GhostInputs:
    """The ghost to apply to the workspace, and how to fetch it.

    ``diff`` is (BASE, HASH) and ``commits`` is (FROM, TO). The first item is "" if it was not set; the
    whole value is None if the input was not set. ``allow`` are globs of protected paths that the ghost may
    change. ``allow_events`` are risky events, or ``fork``, on which a ghost may be applied.
    """

    repo: str = ""
    prefix: str = ""
    diff: tuple[str, str] | None = None
    commits: tuple[str, str] | None = None
    token: str = field(default="", repr=False)
    ssh_key: str = field(default="", repr=False)
    known_hosts: str = ""
    allow: tuple[str, ...] = ()
    allow_events: tuple[str, ...] = ()

    @property
    def wanted(self) -> bool:
        """Whether there is a ghost to apply."""
        return bool(self.diff or self.commits)


@dataclass(frozen=True, slots=True)
class Inputs:
    """All inputs of the action."""

    ref: str = ""
    path: str = "."
    fetch_tags: bool = True
    token: str = field(default="", repr=False)
    show: bool = True
    history: bool = True
    print_outputs: bool = True
    summary: bool = True
    comment: When = "never"
    comment_header: str = "gto"
    gate: GateInputs = GateInputs()
    pull: bool = False
    pull_extras: tuple[str, ...] = ()
    ghost: GhostInputs = GhostInputs()

    @property
    def secrets(self) -> list[str]:
        """The texts to mask in the log. A key counts line by line."""
        key = [line for line in self.ghost.ssh_key.splitlines() if not line.startswith("-----")]
        return [text for text in (self.token, self.ghost.token, *key) if text.strip()]

    @classmethod
    def read(cls, text: Read) -> Inputs:
        """Return the inputs, each read through ``text``. An empty input counts as not set.

        Raises:
            WrongInput: a value is invalid; the error names the input.
        """
        return cls(
            ref=text("ref"),
            path=text("path") or ".",
            fetch_tags=boolean(text, "fetch-tags", default=True),
            token=text("token"),
            show=boolean(text, "show", default=True),
            history=boolean(text, "history", default=True),
            print_outputs=boolean(text, "print-outputs", default=True),
            summary=boolean(text, "summary", default=True),
            comment=_when(text, "comment"),
            comment_header=text("comment-header") or "gto",
            gate=_gate(text),
            pull=boolean(text, "pull", default=False),
            pull_extras=listed(text("pull-extras")),
            ghost=_ghost(text),
        )


def boolean(text: Read, name: str, *, default: bool) -> bool:
    """Return a boolean input, spelled as in YAML 1.2's core schema.

    Raises:
        WrongInput: the input has another value.
    """
    value = text(name)
    if not value:
        return default
    if value not in _BOOLEANS:
        raise WrongInput(
            f"Input '{name}' must be true or false, not {quote(value)}", f"Write '{name}: true' or '{name}: false'"
        )
    return _BOOLEANS[value]


def listed(text: str) -> tuple[str, ...]:
    """Return the items of a list that commas or line ends separate."""
    return tuple(item for item in map(str.strip, re.split(r"[,\n]", text)) if item)


def _when(text: Read, name: str) -> When:
    value = text(name) or "never"
    if value not in _WHEN:
        raise WrongInput(f"Input '{name}' must be never, always or on-failure, not {quote(value)}", "Choose one")
    return cast(When, value)


def _gate(text: Read) -> GateInputs:
    events = listed(text("require-event"))
    known = [kind.word for kind in Kind if kind is not Kind.CREATION]
    for glob in events:
        if not any(fnmatchcase(word, glob) for word in known):
            raise WrongInput(
                f"Input 'require-event' matches no event: {quote(glob)}", f"Known events: {', '.join(known)}"
            )
    return GateInputs(
        events,
        listed(text("require-artifact")),
        listed(text("require-stage")),
        text("policy"),
        text("policy-ref"),
    )


def _ghost(text: Read) -> GhostInputs:
    ghost = GhostInputs(
        repo=text("ghost-repo"),
        prefix=text("ghost-prefix"),
        diff=_pair(text, "ghost-diff", "HASH' or 'BASE HASH"),
        commits=_pair(text, "ghost-commits", "TO' or 'FROM TO"),
        token=text("ghost-token"),
        ssh_key=text("ghost-ssh-key"),
        known_hosts=text("ghost-known-hosts"),
        allow=listed(text("ghost-allow")),
        allow_events=listed(text("ghost-allow-events")),
    )
    if ghost.wanted and not ghost.repo:
        name = "ghost-diff" if ghost.diff else "ghost-commits"
        raise WrongInput(f"Input '{name}' needs a patch repository", "Set 'ghost-repo' to its URL")
    return ghost


def _pair(text: Read, name: str, form: str) -> tuple[str, str] | None:
    words = text(name).split()
    if not words:
        return None
    if len(words) > 2:
        raise WrongInput(f"Input '{name}' must be '{form}', not {quote(text(name))}", "'git ghost list' prints both")
    return (words[0] if len(words) == 2 else "", words[-1])
