"""gto's bugs that a random change can meet: when each shows, and what is done about it.

The numbers are those of ``docs/differences-from-gto.md``. A bug's function answers, from the story
and the change that is asked for alone, whether the bug can show. Then either gto is mended for this
change, by the repair in ``serve.py`` that has the function's name, or ours refuses the change, whatever
gto does with it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations

from tests.oracle.programs import Repair
from tests.oracle.registries import Story
from tests.oracle.writing import NAMES_GIT_REFUSES, NOT_COMMITS, STAGES_GIT_REFUSES, Step

# True, or the arguments of the repair, where a bug can show
Known = Callable[[Story, Step], bool | Sequence[str]]
MENDED: list[Known] = []
REFUSED: list[Known] = []


def mended(function: Known) -> Known:
    MENDED.append(function)
    return function


def refused(function: Known) -> Known:
    REFUSED.append(function)
    return function


@mended
def one_version_per_commit(story: Story, step: Step) -> bool:
    """5: a stage tag on a commit without a version makes two versions there, and neither is found again."""
    stages = [tag for tag in story.events(step.name) if tag.stage]
    return any(not story.versions_at(step.name, tag.commit) for tag in stages)


@mended
def free_versions(story: Story, step: Step) -> bool:
    """11: a deregistered version that was the greatest is taken for the next free one."""
    return step.action in ("register", "assign") and any(tag.kind == "deregister" for tag in story.events(step.name))


@mended
def order_within_a_second(story: Story, step: Step | None) -> bool:
    """45: of two tags of one second, it is luck which counts as the later one.

    Without a step, the question is about the whole registry.
    """
    return any(
        one.time == other.time
        and (one.kind == other.kind or (one.artifact == other.artifact and one.commit != other.commit))
        for one, other in combinations(story.events(step and step.name), 2)
    )


@mended
def stages_of_commits(story: Story, step: Step) -> bool:
    """43: a stage that was assigned to a commit without a version cannot be taken away."""
    return step.action == "unassign" and not step.wanted.get("version")


@refused
def unassigned_already(story: Story, step: Step) -> bool:
    """10: a stage can be taken from a version that has left it."""
    if step.action != "unassign" or step.wanted.get("force") or step.wanted.get("delete"):
        return False
    at, stage = step.at(story), step.wanted.get("stage")
    life = [tag.kind for tag in story.events(step.name) if (tag.commit, tag.stage) == (at, stage)]
    return life[-1:] == ["unassign"]


@refused
def half_done(story: Story, step: Step) -> bool:
    """14: where the assignment cannot be made, the registration for it is left."""
    at, wanted = step.at(story), step.wanted
    if step.action != "assign" or wanted.get("skip_registration") or story.versions_at(step.name, at):
        return False
    stage = wanted.get("stage")
    life = [tag.kind for tag in story.events(step.name) if (tag.commit, tag.stage) == (at, stage)]
    if life[-1:] == ["assign"] and not wanted.get("force"):
        return True
    tag = f"{step.name.replace(':', '=')}#{stage}"
    names = [one.name for one in story.tags] if wanted.get("simple") else []
    return any(one == tag or one.startswith(f"{tag}/") or tag.startswith(f"{one}/") for one in names)


@refused
def unneeded_arguments(story: Story, step: Step) -> bool:
    """44: an argument that is not needed is not looked at, so that it may be wrong."""
    wanted = step.wanted
    return step.action == "deprecate" and bool(wanted.get("delete")) and "ref" in wanted and not step.commit


@mended
def author_of_both(story: Story, step: Step) -> bool:
    """40: the registration that an assignment needs is by git's user, not by the author that is given."""
    return step.action == "assign" and not {"author", "author_email"}.isdisjoint(step.wanted)


@refused
def not_a_commit(story: Story, step: Step) -> bool:
    """41: a tree is tagged, and everything breaks."""
    return step.wanted.get("ref") in NOT_COMMITS


@refused
def empty_arguments(story: Story, step: Step) -> bool:
    """15: an empty argument is taken for none."""
    return any(step.wanted.get(key) == "" for key in ("ref", "version", "name_version", "stage"))


@refused
def names_that_git_refuses(story: Story, step: Step) -> bool:
    """16: a name is accepted of which git can make no tag."""
    return step.name in NAMES_GIT_REFUSES or step.wanted.get("stage") in STAGES_GIT_REFUSES


def repairs_for(story: Story, step: Step) -> list[Repair]:
    """Return what has to be mended in gto before it makes a change."""
    found = ((bug.__name__, bug(story, step)) for bug in MENDED)
    return [(name, *([] if met is True else met)) for name, met in found if met]


def why_refused(story: Story, step: Step) -> list[str]:
    """Return the names of the bugs for which ours refuses a change."""
    return [bug.__name__ for bug in REFUSED if bug(story, step)]
