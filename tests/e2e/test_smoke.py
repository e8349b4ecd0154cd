"""The main job, once over each transport: a pushed tag becomes outputs that a later step uses."""

from __future__ import annotations

import base64
import json

import pytest

from tests.e2e import events
from tests.e2e.conftest import Lab
from tests.e2e.runner import shell, step

ANNOTATION = """\
churn:
  type: model
  path: models/churn.pkl
  description: Who will leave – and when
  labels: [nlp, weekly]
  custom: {owner: data-science}
"""
MESSAGE = "Promote after the review\n\nSee the evaluation: AUC 0.91\n"


@pytest.mark.parametrize("transport", ["http", "file"])
def test_a_pushed_assignment_becomes_outputs(lab: Lab, transport: str) -> None:
    first = lab.remote.commit("Train", {"artifacts.yaml": ANNOTATION, "models/churn.pkl": b"\0weights"})
    lab.remote.tag("churn@v1.0.0", first, date="2024-03-01T10:00:00+01:00")
    lab.remote.tag("churn#prod#1", first, MESSAGE, date="2024-03-01T10:30:15+01:00")
    trigger = events.push(lab.remote, "churn#prod#1")
    if transport == "http":
        lab.check_out(trigger.ref, trigger.sha)
    else:
        lab.check_out_from_file(trigger.ref, trigger.sha)
    # as a user would: outputs go through the environment into a step's script
    names = ("event", "name", "version", "stage", "author", "message")
    values = {f"OUT_{name}": f"${{{{ steps.gto.outputs.{name} }}}}" for name in names}
    script = "\n".join(f'printf "%s" "$OUT_{name}" | base64 -w 0; echo' for name in names)
    script += '\n[ "$OUT_stage" = prod ] && echo deploying "$OUT_name" "$OUT_version"'

    run = lab.run(trigger, step("gto"), shell("deploy", script, env=values))

    assert run.succeeded, run.log
    printed = run["deploy"].printed
    assert printed.pop() == "deploying churn v1.0.0"
    expected = ("assignment", "churn", "v1.0.0", "prod", "Tess Tagger", MESSAGE.strip("\n"))
    assert tuple(_decode(line) for line in printed) == expected
    outputs = run["gto"].outputs
    assert outputs["created-at"] == "2024-03-01T10:30:15+01:00"
    assert outputs["commit"] == first
    assert (outputs["type"], outputs["path"]) == ("model", "models/churn.pkl")
    assert outputs["description"] == "Who will leave – and when"
    assert json.loads(outputs["labels"]) == ["nlp", "weekly"]
    assert json.loads(outputs["custom"]) == {"owner": "data-science"}
    assert (outputs["is-latest"], outputs["is-current"]) == ("true", "true")
    assert run["gto"].summary
    authorized = [request.authorized for request in lab.server.requests]
    assert all(authorized) if transport == "http" else not authorized


def _decode(line: str) -> str:
    return base64.b64decode(line).decode()
