"""Rules as code: what must hold before an artifact's event is acted upon.

A :class:`Policy` is a list of rules; :mod:`gto_ci.files.policy_file` reads one. :func:`applying` finds the
rules for an event, :func:`needs` says which evidence they ask for, and :func:`judge` holds them
against it. Each finding names its evidence and what would satisfy the rule.

:mod:`rules` has the policy and its rules. :mod:`event_requirements` and :mod:`history_requirements` have the
requirements, on what somebody found out about the event and on what the registry knows. :mod:`case` has what
goes into a judgement and comes out of it, :mod:`approvals` the tags that approve. :mod:`windows`, :mod:`ranges`,
:mod:`spans` and :mod:`globs` have the small words that rules are written in.
"""

from gto_ci.core.policy.approvals import approval_of
from gto_ci.core.policy.case import AssignCommand, Evidence, Finding, Requirement, Signed, Verdict
from gto_ci.core.policy.rules import Needs, Policy, Rule, applying, judge, needs

__all__ = [
    "AssignCommand",
    "Evidence",
    "Finding",
    "Needs",
    "Policy",
    "Requirement",
    "Rule",
    "Signed",
    "Verdict",
    "applying",
    "approval_of",
    "judge",
    "needs",
]
