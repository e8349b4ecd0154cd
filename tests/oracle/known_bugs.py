"""gto's bugs that a random registry can meet: when each shows, and what mends it.

The numbers are those of ``docs/differences-from-gto.md``. A bug's function answers, from the
story alone, whether it can touch the answer to a question; its name is that of the repair in
``serve.py`` that is then asked for.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from tests.oracle.programs import Question, Repair
from tests.oracle.registries import NOT_EVENTS, Story

# True, or the arguments of the repair, where a bug can touch the answer
Known = Callable[[Story, Question], bool | Sequence[str]]
KNOWN_BUGS: list[Known] = []


def known(function: Known) -> Known:
    KNOWN_BUGS.append(function)
    return function


@known
def one_version_per_commit(story: Story, question: Question) -> bool:
    """5: each stage tag on a commit without a version makes two versions, and no unassignment meets its assignment.

    HEAD's annotation makes one more.
    """
    asks = ("show", "stages", "find_latest_version", "find_versions_in_stage", "print-state")
    return question.command in asks and any(
        tag.stage and question.concerns(tag.artifact) and not story.versions_at(tag.artifact, tag.commit)
        for tag in story.events()
    )


@known
def many_registrations(story: Story, question: Question) -> bool:
    """6: the tables of ``show NAME`` fail where a version was registered twice."""
    registrations = Counter((t.version, t.commit) for t in story.events(question.about) if t.kind == "register")
    asks = question.command == "show" and question.is_table and question.about is not None
    return asks and any(number > 1 for number in registrations.values())


@known
def last_assignments(story: Story, question: Question) -> bool:
    """7: ``--av N`` keeps the oldest N stages."""
    return question.number("--av", "assignments_per_version", -1) > 0


@known
def registered_only(story: Story, question: Question) -> bool:
    """8: ``show NAME --ro`` lists unregistered versions."""
    return question.command == "show" and question.about is not None and question.option("--ro")


@known
def copies_apart(story: Story, question: Question) -> bool:
    """23: a version that is registered at two commits counts once in a stage, and has the stages of both."""
    asks = question.command in ("show", "find_versions_in_stage")
    return asks and any(question.concerns(artifact) for artifact, _ in story.copies())


@known
def tags_before_commits(story: Story, question: Question) -> bool:
    """24: a commit's own date counts among the dates of tags."""
    registered = {(tag.artifact, tag.version, tag.commit) for tag in story.events() if tag.kind == "register"}
    deregistered = {(t.artifact, t.version, t.commit) for t in story.events(question.about) if t.kind == "deregister"}
    deprecated = {tag.artifact for tag in story.events(question.about) if tag.kind == "deprecate"}
    return question.command == "show" and (
        story.commits_are_newer or bool(deregistered - registered) or bool(deprecated & {*story.annotated})
    )


@known
def unseen_tags(story: Story, question: Question) -> Sequence[str]:
    """1, 25: ``@created`` stops every command; a counter may be zero, or begin with it."""
    return [] if question.command == "parse-tag" else [tag.name for tag in story.tags if tag.name in NOT_EVENTS]


@known
def used_stages(story: Story, question: Question) -> bool:
    """9: ``stages --used`` leaves out stages that hold nothing any more."""
    return question.option("--used") and any(tag.kind in ("unassign", "deregister") for tag in story.events())


@known
def text_in_tables(story: Story, question: Question) -> bool:
    """12: tables print what looks like a number in another form."""
    texts = [
        text
        for tag in story.events(question.about)
        for text in (tag.artifact, tag.stage, story.commits[tag.commit - 1][:7])
    ]
    return question.is_table and any(map(_is_number, [*texts, story.commits[-1][:7]]))


@known
def whole_versions(story: Story, question: Question) -> bool:
    """22: the table of ``show`` cuts versions to 7 characters."""
    asks = question.command == "show" and question.is_table and question.about is None
    return asks and any(len(tag.version) > 7 for tag in story.events())


def repairs_for(story: Story, question: Question) -> list[Repair]:
    """Return what has to be mended in gto before it answers ``question``."""
    found = ((bug.__name__, bug(story, question)) for bug in KNOWN_BUGS)
    return [(name, *([] if met is True else met)) for name, met in found if met]


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
