"""Requirements on the event itself, its commit, and the time of the check."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from gto_ci.core.errors import quote
from gto_ci.core.policy.freeze_windows import Window, thaw
from gto_ci.core.policy.globs import all_of, fits, fits_person, one_of
from gto_ci.core.policy.judgement import Case, Finding, Signed
from gto_ci.core.policy.version_ranges import Range
from gto_ci.core.versions import is_version, precedence

_SIGNATURE_PROBLEMS = {
    "none": "is not signed",
    "untrusted": "is signed with a key that no allowed signer has",
    "bad": "has a bad signature",
    "expired": "is signed with an expired key",
    "revoked": "is signed with a revoked key",
}


@dataclass(frozen=True, slots=True)
class Versions:
    """The version is registered and in ``range``, if set. With ``prerelease=False`` it is also a release."""

    check: ClassVar[str] = "versions"
    range: Range | None = None
    prerelease: bool = True

    def describe(self) -> str:
        noun = "a version" if self.prerelease else "a release"
        return f"is for {noun} in the range {quote(self.range.text)}" if self.range else f"is for {noun}"

    def judge(self, case: Case) -> Finding:
        version = case.event.version
        if version is None or not is_version(version):
            commit = case.event.commit
            evidence = f"no version of {quote(case.event.artifact)} is registered at commit {commit[:7]}"
            return case.failed(self.check, evidence, "register a version there first")
        wanted = f"a version in the range {quote(self.range.text)}" if self.range else "a release"
        if self.range and not self.range.holds(version):
            return case.failed(self.check, f"{case.subject} is outside {quote(self.range.text)}", f"use {wanted}")
        if not self.prerelease and precedence(version)[2]:
            return case.failed(self.check, f"{case.subject} is a pre-release", "use a release")
        within = f"{case.subject} is within {quote(self.range.text)}" if self.range else f"it is {case.subject}"
        return case.passed(self.check, within if self.prerelease else f"{within}, and not a pre-release")


@dataclass(frozen=True, slots=True)
class Taggers:
    """The tagger's email matches a glob. A tagger can claim any email; only :class:`SignedBy` proves it."""

    check: ClassVar[str] = "taggers"
    globs: tuple[str, ...]

    def describe(self) -> str:
        return f"is tagged by {one_of(self.globs)}"

    def judge(self, case: Case) -> Finding:
        if case.proposed:
            return case.later(self.check)
        evidence = f"the tagger is {quote(case.event.author_email)}"
        if fits_person(case.event.author_email, self.globs):
            return case.passed(self.check, evidence)
        return case.failed(self.check, evidence, f"ask a tagger who matches {one_of(self.globs)} to create the tag")


@dataclass(frozen=True, slots=True)
class SignedBy:
    """The tag has a good signature, and its signer's principal matches a glob. Case does not matter."""

    check: ClassVar[str] = "signed"
    globs: tuple[str, ...] = ("*",)

    def describe(self) -> str:
        return f"is signed by {self._signer}"

    def judge(self, case: Case) -> Finding:
        if case.proposed:
            return case.later(self.check)
        tag = case.event.tag
        signed = case.evidence.signatures.get(tag)
        remedy = f"delete the tag and create it again, signed by {self._signer} (git tag -s)"
        if signed is None or signed.status != "good":
            return case.failed(self.check, f"tag {quote(tag)} {signature_problem(signed)}", remedy)
        evidence = f"tag {quote(tag)} is signed by {quote(signed.signer)}"
        if fits_person(signed.signer, self.globs):
            return case.passed(self.check, evidence)
        return case.failed(self.check, evidence, remedy)

    @property
    def _signer(self) -> str:
        return "an allowed signer" if self.globs == ("*",) else one_of(self.globs)


@dataclass(frozen=True, slots=True)
class OnBranch:
    """The commit is on a branch that matches a glob."""

    check: ClassVar[str] = "branches"
    globs: tuple[str, ...]

    def describe(self) -> str:
        return f"is on branch {one_of(self.globs)}"

    def judge(self, case: Case) -> Finding:
        branches, commit = case.evidence.branches, f"commit {case.event.commit[:7]}"
        if branches is None:
            unknown = f"the branches that contain {commit} are unknown"
            return case.later(self.check, unknown) if case.proposed else case.failed(self.check, unknown, self._remedy)
        fitting = [branch for branch in branches if fits(branch, self.globs)]
        if fitting:
            return case.passed(self.check, f"{commit} is on {all_of(fitting)}")
        others = f", only on {all_of(branches)}" if branches else ""
        return case.failed(self.check, f"{commit} is not on {one_of(self.globs)}{others}", self._remedy)

    @property
    def _remedy(self) -> str:
        return f"merge the commit into {one_of(self.globs)}, then run the job again"


@dataclass(frozen=True, slots=True)
class Annotated:
    """The artifact's annotation has all ``fields``, and none is empty. ``custom.a.b`` names a nested field."""

    check: ClassVar[str] = "annotation"
    fields: tuple[str, ...]

    def describe(self) -> str:
        return f"is annotated with {all_of(self.fields)}"

    def judge(self, case: Case) -> Finding:
        name, commit = quote(case.event.artifact), f"commit {case.event.commit[:7]}"
        if case.evidence.annotation_problem:
            problem = quote(case.evidence.annotation_problem, 300)[1:-1]
            evidence = f"the annotation at {commit} cannot be read: {problem}"
            return case.failed(self.check, evidence, "fix the file, commit it, and tag the new commit")
        found = case.evidence.fields
        missing = [path for path in self.fields if _empty(_value(found, path.split(".")))]
        if not missing:
            return case.passed(self.check, f"{name} is annotated with {all_of(self.fields)} at {commit}")
        remedy = f"annotate {name} with {all_of(missing)}, commit the change, and tag the new commit"
        if found is None:
            return case.failed(self.check, f"nothing annotates {name} at {commit}", remedy)
        return case.failed(self.check, f"the annotation of {name} at {commit} lacks {all_of(missing)}", remedy)


@dataclass(frozen=True, slots=True)
class WithoutGhost:
    """No ghost was applied in this job, so the job runs only committed code."""

    check: ClassVar[str] = "ghost"

    def describe(self) -> str:
        return "is handled by a job in which no ghost was applied"

    def judge(self, case: Case) -> Finding:
        if not case.evidence.ghost:
            return case.passed(self.check, "no ghost was applied in this job")
        evidence = f"a ghost was applied in this job: {quote(case.evidence.ghost)}"
        return case.failed(self.check, evidence, "run the job without it; commit the change if you want to keep it")


@dataclass(frozen=True, slots=True)
class Freeze:
    """No freeze window is open. The time of the check counts, not the tag's date."""

    check: ClassVar[str] = "freeze"
    windows: tuple[Window, ...]

    def describe(self) -> str:
        return f"does not happen {'; '.join(window.describe() for window in self.windows)}"

    def judge(self, case: Case) -> Finding:
        window = next((window for window in self.windows if window.closes(case.now)), None)
        if window is None:
            return case.passed(self.check, "no freeze is in effect")  # without the time, so a comment stays the same
        reason = f" ({quote(window.reason)})" if window.reason else ""
        evidence = f"{case.now.astimezone(window.zone)} is in the freeze {window.describe()}{reason}"
        opens = thaw(self.windows, case.now).astimezone(window.zone)
        return case.failed(self.check, evidence, f"wait until {opens}, then run the job again")


def signature_problem(signed: Signed | None) -> str:
    """Return why a signature is not good, as a predicate whose subject is the tag."""
    if signed is None:
        return "has a signature that was not checked"
    problem = _SIGNATURE_PROBLEMS.get(signed.status, "has a signature that could not be checked")
    return f"{problem}: {quote(signed.reason, 300)[1:-1]}" if signed.reason else problem


def _value(fields: object, path: Sequence[str]) -> object:
    value = fields
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def _empty(value: object) -> bool:
    """Return whether ``value`` is None, blank text or an empty collection. Numbers and ``false`` are not empty."""
    if isinstance(value, str):
        return not value.strip()
    return value is None or (isinstance(value, (Mapping, Sequence)) and not value)
