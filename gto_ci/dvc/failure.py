"""Explain the errors of DVC to the reader of a job's log."""

from __future__ import annotations

import re
from collections.abc import Sequence

from gto_ci.core.errors import PullFailed, Remedies, one_line, quote

# Messages of DVC 3, each with the next step. A cause stands before its consequences, and a pattern for a line with a
# file's name before the patterns that could match that name.
_KNOWN = (
    (
        r"^No remote provided and no default remote set|no remote specified|remote '.+' (?:doesn't|does not) exist",
        "Commit a default remote: dvc remote add --default NAME URL",
    ),
    (
        r"Can't remove the following unsaved files",
        "The path holds other data, which DVC does not track; remove it before this step",
    ),
    (
        r"does not exist as an output or a stage name",
        "Add the data to DVC ('dvc add', or an output in dvc.yaml) and commit that, or correct the artifact's 'path'",
    ),
    (
        r"(?i)^ERROR: .*(?:credential|accessdenied|accesskeyid|signature|forbidden|unauthori[sz]ed|denied|authenticat)",
        "Give the step the remote's credentials as variables, under 'env'",
    ),
    (
        r"^ERROR: failed to connect",
        "Check the remote's URL in .dvc/config, and that the job reaches it",
    ),
    (
        r"^WARNING: Some of the cache files do not exist|Checkout failed",
        "Run 'dvc push' where the data is, and check that the job reaches that remote",
    ),
    (
        r"^ERROR: configuration error",
        "Correct .dvc/config; 'dvc config --list --show-origin' shows the file of each setting",
    ),
    (r"validation failed|unable to read|[Ii]nvalid YAML", "Correct that file and commit it"),
    (r"No space left on device", "Make room on the runner"),
)
_PLUGIN = re.compile(r"requires 'dvc-([a-z0-9]+)'")
_PREAMBLE = re.compile(r"(?:(?:ERROR|WARNING): |failed to pull data from the cloud - |unexpected error - )+")
# lines that do not tell the cause
_NOISE = re.compile(r"failed to collect|Having any troubles|Everything is up to date|<https://error\.dvc\.org|^\s*$")


def explain(path: str, code: int, lines: Sequence[str], extras: Sequence[str]) -> PullFailed:
    """Return the error for a ``dvc pull`` of ``path`` that said ``lines``; ``extras`` can be installed."""
    said, next_step = _reason([line for line in lines if not _NOISE.search(line)], extras)
    gist = one_line(_PREAMBLE.sub("", said, count=1) or f"exit code {code}", 400)
    return PullFailed(f"DVC cannot pull {quote(path)}: {gist}", next_step)


def _reason(lines: Sequence[str], extras: Sequence[str]) -> tuple[str, str]:
    """Return the cause, in DVC's words, and the next step."""
    for line in lines:
        plugin = _PLUGIN.search(line)
        if plugin:
            return line, _for_plugin(plugin[1], extras)
    for pattern, next_step in _KNOWN:
        for number, line in enumerate(lines):
            if re.search(pattern, line):
                return _with_continuation(lines, number), next_step
    errors = [number for number, line in enumerate(lines) if line.startswith("ERROR")]
    said = _with_continuation(lines, errors[0]) if errors else "".join(lines[-1:])
    return said, "Run 'dvc pull --verbose' in a clone of the repository to see more"


def _with_continuation(lines: Sequence[str], number: int) -> str:
    """Return a line, and the next one if the line announces it."""
    announces = lines[number].endswith((":", "validation failed.", "to force."))
    return " ".join(lines[number : number + 2] if announces else lines[number : number + 1])


def _for_plugin(extra: str, extras: Sequence[str]) -> str:
    if extra in extras:
        return Remedies.NAME_DVC_EXTRA.about(extra)
    return f"DVC's extra {quote(extra)} cannot be installed here; run 'dvc pull' in a step of your own"
