"""Check an artifact's event against the rules of a policy.

A :class:`Policy` is a list of rules, which :mod:`gto_ci.files.policy_file` reads. :func:`applying` returns the
rules for an event, :func:`needs` says which evidence they require, and :func:`judge` checks the event against
them. Each finding names its evidence and what would satisfy the rule.

:mod:`rules` defines policies and rules. :mod:`event_requirements` defines requirements on the event itself,
:mod:`history_requirements` those on the artifact's history. :mod:`judgement` defines the input and the result of a
check, and :mod:`approvals` the names of approval tags. :mod:`freeze_windows`, :mod:`version_ranges`,
:mod:`durations` and :mod:`globs` define the notations that rules use.
"""

from gto_ci.core.policy.approvals import approval_of
from gto_ci.core.policy.judgement import AssignCommand, Evidence, Finding, Requirement, Signed, Verdict
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
