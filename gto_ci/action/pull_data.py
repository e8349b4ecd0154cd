"""The artifact's data, pulled with DVC."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from gto_ci.action.interpret import Meaning
from gto_ci.core.errors import PullFailed, quote
from gto_ci.git import Repository
from gto_ci.platforms.inputs import Inputs
from gto_ci.platforms.platform import Platform

if TYPE_CHECKING:
    from gto_ci.dvc import PulledData


def choose(inputs: Inputs, repository: Repository, meaning: Meaning) -> str:
    """Return the path that is to be pulled, before anything has been changed.

    Raises:
        PullFailed: nothing says which, or the workspace holds another commit than the event's.
        WrongInput: an extra is not known.
    """
    from gto_ci.dvc import check_extras  # late: most jobs pull nothing

    check_extras(inputs.pull_extras)
    event, note = meaning.event, meaning.annotation
    if event is None:
        raise PullFailed(
            "There is nothing to pull: the ref is no event of an artifact", "Run on its tags, or set the input 'ref'"
        )
    if note is None or not note.path:
        lacks = "no path" if note is not None else "no annotation"
        raise PullFailed(
            meaning.problem or f"Artifact {quote(event.artifact)} has {lacks} at commit {event.commit}",
            f"Say where it is before you tag: gto annotate {event.artifact} --path PATH",
        )
    head = repository.commit_id("HEAD")
    if head != event.commit:
        raise PullFailed(
            f"The workspace is at {head}, and the event is about {event.commit}: its data may be other data",
            f"Have that commit checked out: actions/checkout with 'ref: {event.commit}'",
        )
    return note.path


def pull(
    path: str, inputs: Inputs, platform: Platform, repository: Repository, environ: Mapping[str, str]
) -> PulledData:
    """Pull ``path``, and return what came.

    Raises:
        PullFailed: DVC could not be installed, or did not pull it.
    """
    from gto_ci import dvc  # late: most jobs pull nothing

    folder = platform.job.temp or Path(tempfile.gettempdir())
    with platform.log.group(f"dvc pull {path}"):
        return dvc.pull(
            repository.root, path, inputs.pull_extras, environ=environ, folder=folder, say=platform.log.text
        )
