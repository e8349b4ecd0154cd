"""One comment on the pull request at hand, or on the one that brought in the tagged commit.

A comment that is refused is said, and does not fail the step.
"""

from __future__ import annotations

from urllib.parse import quote as percent

from gto_ci.action import report
from gto_ci.action.outcome import Outcome
from gto_ci.core.errors import CommentRefused, GtoError
from gto_ci.hints import Door, next_step, sentence
from gto_ci.platforms.inputs import Inputs
from gto_ci.platforms.platform import Job, Platform, Posted
from gto_ci.render import page
from gto_ci.render.markdown import link


def comment(inputs: Inputs, platform: Platform, outcome: Outcome) -> Posted | None:
    """Post what the step found out, or bring the comment of an earlier run up to date; None where there is none.

    With ``on-failure``, a step that succeeds makes no comment, but corrects the one of a failure.
    """
    failed = outcome.gate is not None and not outcome.gate.passed
    if inputs.comment == "never":
        return None
    sections = [page.facts(_few_facts(outcome)), *report.deeds(outcome)]
    sections += [
        page.warnings([*outcome.meaning.warnings, *outcome.warnings]),
        page.registry(outcome.rows),
        page.links(_links(platform.job, outcome)),
    ]
    title = f"{'❌ ' if failed else ''}{report.title(outcome)}"
    body = page.compose(title, sections, page.COMMENT_LIMIT, _rest(platform.job))
    commit = outcome.meaning.event.commit if outcome.meaning.event else ""
    return _post(inputs, platform, commit, body, create=failed or inputs.comment == "always")


def say_failure(inputs: Inputs, platform: Platform, error: GtoError) -> None:
    """Post that the step has failed, and why."""
    if inputs.comment != "never":
        body = page.failure(error.cause, next_step(error.next_step, Door.ACTION)) + page.links(
            _links(platform.job, None)
        )(1000)
        _post(inputs, platform, platform.job.commit, body, create=True)


def _post(inputs: Inputs, platform: Platform, commit: str, body: str, *, create: bool) -> Posted | None:
    job, log = platform.job, platform.log
    try:
        number = job.change.number if job.change else platform.merged_change(commit, inputs.token) if commit else None
        if number is None and not create:
            return None
        if number is None:
            log.notice("There is no pull request to comment on: none is at hand, and none brought in the commit")
            return None
        posted = platform.comment(number, inputs.comment_header, body, inputs.token, create=create)
    except CommentRefused as error:
        where = " What it would have said is in the summary of this job" if platform.has_summary else ""
        log.notice(f"No comment was made. {sentence(error, Door.ACTION)}.{where}")
        return None
    return posted if posted.action != "none" else None


def _few_facts(outcome: Outcome) -> dict[str, str]:
    event = outcome.meaning.event
    if event is None:
        return {}
    previous = outcome.previous
    return {
        "tag": event.tag,
        "commit": event.commit,
        "author": event.author,
        "created-at": event.created_at.isoformat(),
        "message": event.message,
        "previous-version": previous[0] if previous else "",
    }


def _links(job: Job, outcome: Outcome | None) -> list[tuple[str, str]]:
    home = f"{job.server_url}/{job.repository}" if job.server_url and job.repository else ""
    event = outcome.meaning.event if outcome else None
    pages = [("This run", job.run_url)]
    if home and event is not None and outcome is not None:
        pages.append(("The tag", f"{home}/tree/{percent(event.tag, safe='')}"))
        pages.append(("The commit", f"{home}/commit/{event.commit}"))
        previous = outcome.previous
        if previous and previous[1] != event.commit:
            since = f"{home}/compare/{previous[1]}...{event.commit}"
            pages.append((f"What has changed since {previous[0][:40]}", since))
    return pages


def _rest(job: Job) -> str:
    return f"\nMore than fits here is in {link('the summary of the job', job.run_url)}.\n"
