"""Report a step's results: tables in the log, outputs for later steps, and the summary."""

from __future__ import annotations

from gto_ci.action.outcome import Outcome
from gto_ci.action.output_values import output_values
from gto_ci.core.registry import StageLimits
from gto_ci.platforms.inputs import Inputs
from gto_ci.platforms.outputs import fit
from gto_ci.platforms.platform import Log, Platform
from gto_ci.render import summary_page, table, views

HISTORY_ROWS = 1000


def report(inputs: Inputs, platform: Platform, outcome: Outcome) -> None:
    """Print the tables, write the outputs, and write the summary."""
    log = platform.log
    values, left_out = fit(output_values(outcome))
    for name in left_out:
        outcome.warnings.append(
            f"The output '{name}' is empty because this step's outputs exceed the size limit of a job"
        )
        log.warning(outcome.warnings[-1])
    _print_tables(inputs, log, outcome)
    _print_results(log, outcome)
    if inputs.print_outputs:
        with log.group("Outputs"):
            log.text("\n".join(f"{name}: {value}" for name, value in values.items()))
    if inputs.summary and platform.has_summary:
        platform.write_summary(summary(outcome, values))
    platform.write_outputs(values)  # last: outputs exist only if the step did everything else


def summary(outcome: Outcome, values: dict[str, str]) -> str:
    """Return the job summary, in Markdown."""
    warnings = summary_page.warnings([*outcome.meaning.warnings, *outcome.warnings])
    sections = [summary_page.facts(values), *result_sections(outcome), warnings, summary_page.registry(outcome.rows)]
    return summary_page.compose(title(outcome), sections, summary_page.SUMMARY_LIMIT)


def result_sections(outcome: Outcome) -> list[summary_page.Section]:
    """Return the sections on the gate's verdict, the ghost, the pulled data and the pull request's effect."""
    sections: list[summary_page.Section] = []
    gate, applied, proposal = outcome.gate, outcome.applied, outcome.proposal
    if gate is not None:
        sections.append(summary_page.gate(gate.verdict.findings, gate.where))
    if applied is not None:
        sections.append(summary_page.ghost(str(applied), applied.files, applied.notes))
    if outcome.pulled is not None:
        size = views.human_size(outcome.pulled.size)
        sections.append(summary_page.pulled(outcome.pulled.path, size, outcome.pulled.files))
    if proposal is not None:
        sections += [summary_page.changes(proposal.changes), summary_page.forecasts(proposal.forecasts, proposal.where)]
        sections.append(summary_page.warnings(proposal.problems))
    return sections


def title(outcome: Outcome) -> str:
    """Return the event as a sentence, or a title for a job without one."""
    meaning = outcome.meaning
    if meaning.event is not None:
        return str(meaning.event)
    if meaning.deleted is not None:
        return f'Tag "{meaning.deleted}" was deleted'
    if outcome.proposal is not None:
        return "Artifacts in this pull request"
    return "A ghost in this job" if outcome.applied is not None else "No registry tag"


def _print_tables(inputs: Inputs, log: Log, outcome: Outcome) -> None:
    name = outcome.meaning.artifact
    artifact = outcome.registry.artifacts.get(name) if name else None
    if inputs.show:
        if artifact is not None:
            chosen = views.choose_versions(artifact, None, StageLimits(), deprecated=not artifact.active)
            with log.group(f"gto show {artifact.name}"):
                log.text(table.table(views.versions_table(chosen)))
        with log.group("gto show"):
            log.text(table.table(outcome.rows))
    if inputs.history:
        events = outcome.registry.history(name)
        with log.group(f"gto history {name}" if name else "gto history"):
            log.text(table.lay_out(views.HISTORY, views.history_cells(events[:HISTORY_ROWS])))
            if len(events) > HISTORY_ROWS:
                log.text(f"… and {len(events) - HISTORY_ROWS} earlier events. Run `gto history` to see them all")


def _print_results(log: Log, outcome: Outcome) -> None:
    """Print the gate's verdict, the ghost and the pulled data, outside the folded groups."""
    lines = []
    if outcome.gate is not None:
        where = f" (rules: {outcome.gate.where})" if outcome.gate.where else ""
        lines.append(f"Gate: {'open' if outcome.gate.passed else 'closed'}{where}")
        for finding in outcome.gate.verdict.findings:
            status = "ok" if finding.passed else "FAILED"
            lines.append(f"  {status}  {finding.rule}, {finding.check}: {finding.evidence}")
            lines += [f"          {finding.remedy}"] if finding.remedy else []
    if outcome.applied is not None:
        lines.append(f"Ghost: applied {outcome.applied}, {len(outcome.applied.files)} files")
        lines += [f"  {note}" for note in outcome.applied.notes]
    if outcome.pulled is not None:
        size = views.human_size(outcome.pulled.size)
        lines.append(f"DVC {outcome.pulled.version}: pulled {outcome.pulled.path}, {size}")
    if lines:
        log.text("\n".join(lines))
