"""Templates for the files that ``gto-ci init`` writes: settings, a policy and a workflow."""

from __future__ import annotations

import re
from collections.abc import Sequence

from gto_ci.core.errors import WrongArguments, quote
from gto_ci.files.annotations.yaml_writer import scalar
from gto_ci.files.config import POLICY_FILE

WORKFLOW_FILE = ".github/workflows/gto.yml"
ACTION = "org/gto-action@v1"  # a placeholder until the action is published

_ACTION = re.compile(r"[\w.-]+/[\w.-]+(?:/[\w.-]+)*@[\w./-]+", re.ASCII)

# The last steps only print: how to publish and deploy is up to the user.
_WORKFLOW = """\
# When a registry tag is pushed, this workflow interprets it, checks it against the rules in .gto-policy.yaml (if the
# file exists), and then runs the last steps. Replace these with your own.
name: Registry

on:
  push:
    # `**` also matches slashes, as in models/churn@v1.0.0. Without quotes, YAML may read # as a comment.
    tags: ["**@**", "**#**"]

permissions: {}

concurrency: # one run at a time for each tag, because a user may run the workflow again
  group: registry-${{ github.ref }}
  cancel-in-progress: false

jobs:
  registry:
    name: Registry
    runs-on: ubuntu-24.04
    timeout-minutes: 15
    permissions:
      contents: read # to check out the commit and fetch tags
    steps:
      - uses: actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1
        with:
          persist-credentials: false
      - id: gto
@USES@
      - name: Publish the registered version
        if: steps.gto.outputs.event == 'registration'
        # pass outputs as variables: inside the script, the shell would run their text as code
        env:
          NAME: ${{ steps.gto.outputs.name }}
          VERSION: ${{ steps.gto.outputs.version }}
          FILE: ${{ steps.gto.outputs.path }}
        run: echo "publishing $NAME $VERSION from $FILE"
      - name: Deploy the assigned version
        # if the run had to wait, a later assignment may have superseded this one
        if: steps.gto.outputs.event == 'assignment' && steps.gto.outputs.is-current == 'true'
        env:
          NAME: ${{ steps.gto.outputs.name }}
          VERSION: ${{ steps.gto.outputs.version }}
          STAGE: ${{ steps.gto.outputs.stage }}
        run: echo "deploying $NAME $VERSION to $STAGE"
"""
_PLACEHOLDER = (
    "        # zizmor: ignore[unpinned-uses] a placeholder: pin the release that you use to its full commit hash\n"
)

_RULES = f"""\
# Rules for the assignment of a stage. The gate reads {POLICY_FILE} on the default branch, not at the tagged commit.
# To see which rules apply, run `gto-ci gate explain NAME --stage STAGE`. docs/gates.md of gto-ci lists all rules.
rules:
  - name: in effect
    events: [assignment]
    require:
      deprecated: false # the artifact is not deprecated
      current: true # no later assignment has superseded this one
"""
_ORDER = """\

  - name: stages in order
    stages: [{last}]
    require:
      after: {before} # the same version was in this stage before
      versions: {{prerelease: false}}
"""


def settings_text(stages: Sequence[str], types: Sequence[str]) -> str:
    """Return a ``.gto`` that allows only these stages and types. An empty sequence sets no limit."""
    lines = ["# Settings of the artifact registry"]
    for key, allowed in (("stages", stages), ("types", types)):
        if allowed:
            lines.append(f"{key}: [{', '.join(scalar(name, flow=True) for name in allowed)}]")
    return "\n".join(lines) + "\n"


def policy_text(stages: Sequence[str]) -> str:
    """Return a policy that refuses deprecated artifacts and superseded assignments.

    If there are two ``stages`` or more, a version may enter the last stage only after the stage before it.
    """
    if len(stages) < 2:
        return _RULES
    before, last = stages[-2:]
    return _RULES + _ORDER.format(last=scalar(last, flow=True), before=scalar(before))


def workflow_text(action: str, *, policy: bool) -> str:
    """Return a GitHub workflow that runs when a tag is pushed. ``action`` is ``OWNER/NAME@REF``.

    With ``policy``, the workflow requires the policy file, so that deleting the file does not open the gate.
    """
    note = "" if is_pinned(action) else _PLACEHOLDER
    uses = f"{note}        uses: {action}"
    if policy:
        uses += f"\n        with:\n          policy: {POLICY_FILE} # read from the default branch; required"
    return _WORKFLOW.replace("@USES@", uses)


def check_action(text: str) -> str:
    """Return ``text`` if a workflow can use it as an action.

    Raises:
        WrongArguments: ``text`` does not have the form ``OWNER/NAME@REF``.
    """
    if not _ACTION.fullmatch(text):
        raise WrongArguments(
            f"{quote(text)} is not an action", "Write OWNER/NAME@REF, with a full commit hash as REF if possible"
        )
    return text


def is_pinned(action: str) -> bool:
    """Return whether ``action`` is pinned to a full commit hash, which cannot move like a tag or branch."""
    return re.search(r"@[0-9a-f]{40}$", action) is not None
