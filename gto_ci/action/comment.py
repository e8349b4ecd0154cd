"""Comment on the job's pull request, or on the pull request that introduced the tagged commit.

If the platform refuses the comment, the log gets a notice and the step goes on.
"""

from __future__ import annotations

from urllib.parse import quote as percent

from gto_ci.action import report
from gto_ci.action.outcome import Outcome
from gto_ci.core.errors import CommentRefused, GtoError
from gto_ci.hints import Interface, next_step, sentence
from gto_ci.platforms.inputs import Inputs
from gto_ci.platforms.platform import Job, Platform, Posted
from gto_ci.render import summary_page
from gto_ci.render.markdown import link


def comment(inputs: Inputs, platform: Platform, outcome: Outcome) -> Posted | None:
    """Post the step's results, or update the comment of an earlier run. Return None if there is no comment.

    With ``on-failure``, a step that succeeds posts no comment, but updates the comment of an earlier failure.
    """
    failed = outcome.gate is not None and not outcome.gate.passed
    if inputs.comment == "never":
        return None
    sections = [summary_page.facts(_event_facts(outcome)), *report.result_sections(outcome)]
    sections += [
        summary_page.warnings([*outcome.meaning.warnings, *outcome.warnings]),
        summary_page.registry(outcome.rows),
        summary_page.links(_links(platform.job, outcome)),
    ]
    title = f"{'❌ ' if failed else ''}{report.title(outcome)}"
    body = summary_page.compose(title, sections, summary_page.COMMENT_LIMIT, _link_to_summary(platform.job))
    commit = outcome.meaning.event.commit if outcome.meaning.event else ""
    return _post(inputs, platform, commit, body, create=failed or inputs.comment == "always")


def post_failure(inputs: Inputs, platform: Platform, error: GtoError) -> None:
    """Post a comment that says why the step failed."""
    if inputs.comment != "never":
        body = summary_page.failure(error.cause, next_step(error.next_step, Interface.ACTION)) + summary_page.links(
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
            log.notice("No comment was posted: this job has no pull request, and no pull request introduced the commit")
            return None
        posted = platform.comment(number, inputs.comment_header, body, inputs.token, create=create)
    except CommentRefused as error:
        where = " The job summary has the same results" if platform.has_summary else ""
        log.notice(f"No comment was posted. {sentence(error, Interface.ACTION)}.{where}")
        return None
    return posted if posted.action != "none" else None


def _event_facts(outcome: Outcome) -> dict[str, str]:
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
            pages.append((f"Changes since {previous[0][:40]}", since))
    return pages


def _link_to_summary(job: Job) -> str:
    return f"\nThis comment is truncated. See {link('the job summary', job.run_url)} for the rest.\n"
