"""Pull the artifact's data with DVC."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from gto_ci.action.interpret_ref import Meaning
from gto_ci.core.errors import PullFailed, quote
from gto_ci.git import Repository
from gto_ci.platforms.inputs import Inputs
from gto_ci.platforms.platform import Platform

if TYPE_CHECKING:
    from gto_ci.dvc import PulledData


def choose(inputs: Inputs, repository: Repository, meaning: Meaning) -> str:
    """Return the path to pull. Call this before anything changes in the workspace.

    Raises:
        PullFailed: there is no event or no annotated path, or the workspace is not at the event's commit.
        WrongInput: an extra is unknown.
    """
    from gto_ci.dvc import check_extras  # late: most jobs pull nothing

    check_extras(inputs.pull_extras)
    event, note = meaning.event, meaning.annotation
    if event is None:
        raise PullFailed(
            "There is nothing to pull: the ref does not name an event",
            "Run the job on registry tags, or set input 'ref'",
        )
    if note is None or not note.path:
        lacks = "no path" if note is not None else "no annotation"
        raise PullFailed(
            meaning.problem or f"Artifact {quote(event.artifact)} has {lacks} at commit {event.commit}",
            f"Annotate the path before you tag: gto annotate {event.artifact} --path PATH",
        )
    head = repository.commit_id("HEAD")
    if head != event.commit:
        raise PullFailed(
            f"The workspace is at {head}, but the event is at {event.commit}, whose data may differ",
            f"Check out that commit: actions/checkout with 'ref: {event.commit}'",
        )
    return note.path


def pull(
    path: str, inputs: Inputs, platform: Platform, repository: Repository, environ: Mapping[str, str]
) -> PulledData:
    """Pull ``path``, and return the size and number of its files.

    Raises:
        PullFailed: DVC could not be installed, or failed to pull the path.
    """
    from gto_ci import dvc  # late: most jobs pull nothing

    folder = platform.job.temp or Path(tempfile.gettempdir())
    with platform.log.group(f"dvc pull {path}"):
        return dvc.pull(
            repository.root, path, inputs.pull_extras, environ=environ, folder=folder, say=platform.log.text
        )
