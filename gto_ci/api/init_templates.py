"""The files that a repository starts with: settings, rules, and a workflow. Text, and nothing else."""

from __future__ import annotations

import re
from collections.abc import Sequence

from gto_ci.core.errors import WrongArguments, quote
from gto_ci.files.annotations.yaml_writer import scalar
from gto_ci.files.config import POLICY_FILE

WORKFLOW_FILE = ".github/workflows/gto.yml"
ACTION = "org/gto-action@v1"  # a placeholder: whoever publishes the action has another account

_ACTION = re.compile(r"[\w.-]+/[\w.-]+(?:/[\w.-]+)*@[\w./-]+", re.ASCII)

# Ends in a concrete step for each kind of event: what is to happen is the one thing that nobody can know.
_WORKFLOW = """\
# Runs when a tag of the registry is pushed: says what the tag means, holds it against the rules in .gto-policy.yaml,
# where there are some, and then does what the last steps say.
name: Registry

on:
  push:
    # `**` matches slashes too, as in models/churn@v1.0.0; the quotes keep YAML from reading a comment
    tags: ["**@**", "**#**"]

permissions: {}

concurrency: # of runs for the same tag, which somebody may start again
  group: registry-${{ github.ref }}
  cancel-in-progress: false

jobs:
  registry:
    name: Registry
    runs-on: ubuntu-24.04
    timeout-minutes: 15
    permissions:
      contents: read # to check out and to fetch tags
    steps:
      - uses: actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1
        with:
          persist-credentials: false
      - id: gto
@USES@
      - name: Publish what was registered
        if: steps.gto.outputs.event == 'registration'
        # outputs reach the script as variables: written into it, their text would be run as code
        env:
          NAME: ${{ steps.gto.outputs.name }}
          VERSION: ${{ steps.gto.outputs.version }}
          FILE: ${{ steps.gto.outputs.path }}
        run: echo "publishing $NAME $VERSION from $FILE"
      - name: Deploy what was assigned
        # a run that waited may be too late: another version may be in the stage by now
        if: steps.gto.outputs.event == 'assignment' && steps.gto.outputs.is-current == 'true'
        env:
          NAME: ${{ steps.gto.outputs.name }}
          VERSION: ${{ steps.gto.outputs.version }}
          STAGE: ${{ steps.gto.outputs.stage }}
        run: echo "deploying $NAME $VERSION to $STAGE"
"""
_PLACEHOLDER = (
    "        # zizmor: ignore[unpinned-uses] a placeholder: pin the release that you use by its full commit hash\n"
)

_RULES = f"""\
# Rules that have to hold before a version enters a stage, in {POLICY_FILE} of the default branch, whatever is tagged.
# `gto-ci gate explain NAME --stage STAGE` shows which apply; all that there are: docs/gates.md of gto-ci.
rules:
  - name: what is in effect
    events: [assignment]
    require:
      deprecated: false # the artifact is in use
      current: true # no later assignment has taken the stage over
"""
_ORDER = """\

  - name: one stage after the other
    stages: [{last}]
    require:
      after: {before} # the same version was there before
      versions: {{prerelease: false}}
"""


def settings_text(stages: Sequence[str], types: Sequence[str]) -> str:
    """Return a ``.gto`` that allows these stages and types, and where there are none, any."""
    lines = ["# Settings of the artifact registry"]
    for key, allowed in (("stages", stages), ("types", types)):
        if allowed:
            lines.append(f"{key}: [{', '.join(scalar(name, flow=True) for name in allowed)}]")
    return "\n".join(lines) + "\n"


def policy_text(stages: Sequence[str]) -> str:
    """Return a policy: nothing deprecated or overtaken, and the last of ``stages`` only after the one before it."""
    if len(stages) < 2:
        return _RULES
    before, last = stages[-2:]
    return _RULES + _ORDER.format(last=scalar(last, flow=True), before=scalar(before))


def workflow_text(action: str, *, policy: bool) -> str:
    """Return a workflow for GitHub, on the push of a tag; ``action`` is ``OWNER/NAME@REF``.

    With ``policy``, the file with rules has to be there: to delete it opens nothing.
    """
    note = "" if is_pinned(action) else _PLACEHOLDER
    uses = f"{note}        uses: {action}"
    if policy:
        uses += f"\n        with:\n          policy: {POLICY_FILE} # of the default branch; it has to be there"
    return _WORKFLOW.replace("@USES@", uses)


def check_action(text: str) -> str:
    """Return ``text`` when it can stand behind ``uses:``.

    Raises:
        WrongArguments: it is not of the form ``OWNER/NAME@REF``.
    """
    if not _ACTION.fullmatch(text):
        raise WrongArguments(
            f"{quote(text)} names no action", "Write OWNER/NAME@REF, where REF is best a commit's hash"
        )
    return text


def is_pinned(action: str) -> bool:
    """Tell whether ``action`` names a commit, which nobody can move."""
    return re.search(r"@[0-9a-f]{40}$", action) is not None
