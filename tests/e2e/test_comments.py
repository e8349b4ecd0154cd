"""Comments on pull requests by the real image: when there is one, what it says, and strangers' text in it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.e2e import events
from tests.e2e.conftest import TOKEN, Lab, open_lab
from tests.e2e.remote import Person, Remote, git
from tests.e2e.runner import Machine, Run, Step, Trigger, step
from tests.e2e.test_hostile import MESSAGES, TAGGERS
from tests.fake_github import FORK_TOKEN, LIMIT, PERSONAL_TOKEN, FakeGitHub, Pull
from tests.ghosts import Ghosts, bytes_of
from tests.rendered import HOSTILE, Rendered, words
from tests.workdir import WorkDir

NUMBER = 7  # of the pull request in the payloads
FILE = ".gto-policy.yaml"
RULES = {
    "rules": [
        {"name": "described", "require": {"annotation": ["description"]}},
        {"name": "old", "events": ["registration"], "require": {"versions": "<1.2.1"}},
        {"name": "staged", "stages": ["prod", "pre-prod"], "require": {"after": "staging"}},
    ]
}
# More findings than fit into a comment, each with all the words that it may have.
MANY = {"rules": [{"name": f"rule {n}: " + "x" * 400, "require": {"annotation": ["description"]}} for n in range(250)]}
NOTES = {"churn": {"type": "model", "path": "m.pkl"}, "gone": {"type": "model"}, "same": {"type": "model"}}
DVC = "artifacts: {segment: {path: s.pkl, type: model, desc: Segments}}\n"
CHANGED = {
    "artifacts.yaml": json.dumps(
        {
            "churn": {"type": "model", "path": "m.pkl", "description": "Who leaves"},
            "new": {"type": "model"},
            "same": NOTES["same"],
        }
    ),
    "models/nlp/dvc.yaml": DVC.replace("s.pkl", "t.pkl"),
    "models/bad/dvc.yaml": "artifacts: {x: [@acme/everyone #1 </code><script>\n::error::pwned\n",
    FILE: "rules: []\n",
}  # fmt: skip

# Those that go through the whole way, each in a step of its own; tests/unit/test_pages.py has all of them.
_CHOSEN = ("commands", "resume", "substitution", "terminal", "markup")
TEXTS = [str(MESSAGES[name]) for name in _CHOSEN] + HOSTILE[2:6]
FILE_NAMES = sorted(text.replace("/", "∕")[:80] for text in HOSTILE)


@dataclass(frozen=True)
class World:
    fake: FakeGitHub
    run: Run
    server: str

    def body(self, header: str = "gto") -> str:
        """The only comment under a header, as it was when the job ended."""
        (found,) = self.bodies(header)
        return found

    def bodies(self, header: str) -> list[str]:
        return [one.body for one in self.fake.comments(NUMBER) if one.body.startswith(f"<!-- gto-ci: {header} -->")]

    def shown(self, header: str = "gto") -> Rendered:
        """The same, with nobody's markup but ours in it."""
        page = Rendered(self.body(header))
        page.is_ours(f"{self.server}/acme/models/")
        return page


def _run(lab: Lab, fake: FakeGitHub, trigger: Trigger, steps: list[tuple[str, dict[str, str]]]) -> World:
    lab.environment["GITHUB_API_URL"] = fake.api_url
    lab.check_out(trigger.ref, trigger.sha)
    quiet = {"show": "false", "history": "false", "print-outputs": "false"}
    made = [step(name, {**quiet, **inputs}, **{"continue-on-error": True}) for name, inputs in steps]
    return World(fake, lab.run(trigger, *made), f"http://{lab.server.address}")


@pytest.fixture(scope="module")
def proposed(machine: Machine, seed: Remote, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A pull request that changes artifacts, breaks a file, and would do away with the rules."""
    with (
        open_lab(machine, seed, tmp_path_factory.mktemp("proposed")) as lab,
        FakeGitHub(job_token=TOKEN) as fake,
    ):
        yield _run(
            *(lab, fake, _pull_request(lab.remote)),
            [
                ("always", {"comment": "always"}),
                ("again", {"comment": "always"}),
                ("fork", {"comment": "always", "comment-header": "fork", "token": FORK_TOKEN}),
                ("never", {"comment": "never", "token": PERSONAL_TOKEN}),
                ("quiet", {"comment": "on-failure", "comment-header": "quiet"}),
                ("closed", {"comment": "on-failure", "comment-header": "gate", "require-stage": "prod"}),
                ("mended", {"comment": "on-failure", "comment-header": "gate"}),
                ("failed", {"comment": "on-failure", "comment-header": "error", "policy": "missing.yaml"}),
                ("long", {"comment": "always", "comment-header": "long", "policy": "many.yaml"}),
            ],
        )


def _pull_request(remote: Remote) -> Trigger:
    remote.allow_filters()
    files = {"artifacts.yaml": json.dumps(NOTES), "models/nlp/dvc.yaml": DVC, FILE: json.dumps(RULES)}
    first = remote.commit("First", files)
    remote.tag("churn@v1.2.0", first, date="2024-03-01T12:00:00Z")
    remote.tag("churn#prod#2", first, date="2024-03-02T12:00:00Z")
    head = remote.commit("Tune", CHANGED, branch="tune")
    # meanwhile, on the default branch: not the pull request's doing
    notes = {**NOTES, "same": {"type": "dataset"}}
    base = remote.commit("Meanwhile", {"artifacts.yaml": json.dumps(notes), "many.yaml": json.dumps(MANY)})
    merged = CHANGED["artifacts.yaml"].replace('"same": {"type": "model"}', '"same": {"type": "dataset"}')
    tree = remote.resolve(f"{remote.commit('Merge', {**CHANGED, 'artifacts.yaml': merged}, branch='merge')}^{{tree}}")
    who = {f"GIT_{role}_{what}": "x@y.z" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    merge = git(remote.path, "commit-tree", "-m", "Merge", "-p", base, "-p", head, tree, environment=who)
    git(remote.path, "update-ref", "-d", "refs/heads/merge")
    git(remote.path, "update-ref", "refs/pull/7/merge", merge)
    return events.pull_request(remote, "tune", merge)


def test_what_a_pull_request_changes(proposed: World) -> None:
    shown = proposed.shown()
    assert "Artifacts in this pull request" in shown.text
    assert shown.tables[0] == [
        ["artifact", "change", "what"],
        ["churn", "changed", "description"],
        ["gone", "removed", ""],
        ["models/nlp:segment", "changed", "path"],
        ["new", "added", ""],
    ]
    assert proposed.run["always"].outputs["comment-url"].endswith(f"#issuecomment-{proposed.fake.comments(7)[0].id}")


def test_what_the_gate_would_say_by_the_rules_that_are_in_force(proposed: World) -> None:
    shown = proposed.shown()
    assert "What the gate would say after the merge" in shown.text
    assert f"'{FILE}' of the default branch" in shown.text
    said = {(artifact, stage): verdict for artifact, stage, verdict in shown.tables[1][1:]}
    assert set(said) == {
        (name, stage)
        for name in ("churn", "models/nlp:segment", "new")
        for stage in ("registration", "pre-prod", "prod")
    }
    assert said["models/nlp:segment", "prod"] == "⏳ after (checked when the tag is pushed)\n✅ annotation"
    assert "❌ annotation: the annotation of 'new' at commit" in said["new", "registration"]
    # the versions that would be next are v1.2.1, which is too high, and v0.0.1
    assert "⏳ versions" in said["churn", "registration"]
    assert "✅ versions" in said["new", "registration"]


def test_a_broken_file_of_a_pull_request_is_named(proposed: World) -> None:
    (problem,) = [code for code in proposed.shown().codes if "models/bad/dvc.yaml" in code]
    assert "Malformed annotations in 'models/bad/dvc.yaml', line 1" in problem


def test_run_again_it_leaves_the_comment_alone(proposed: World) -> None:
    assert len(proposed.bodies("gto")) == 1
    assert proposed.run["again"].outputs["comment-url"] == proposed.run["always"].outputs["comment-url"]
    changed = [one for one in proposed.fake.requests if one.method == "PATCH"]
    assert len(changed) == 1, "only what was mended"


def test_a_forks_token_may_not_comment(proposed: World) -> None:
    one = proposed.run["fork"]
    assert (one.outcome, one.outputs["comment-url"], proposed.bodies("fork")) == ("success", "", [])
    assert [request.status for request in proposed.fake.requests if FORK_TOKEN in str(request.headers)][-1] == 403
    notices = [text for text in one.issued("notice") if "No comment was posted" in text]
    assert len(notices) == 1
    assert "pull-requests: write" in notices[0]
    assert one.issued("error") == []
    assert "What the gate would say after the merge" in one.summary


def test_never_asks_nobody(proposed: World) -> None:
    assert proposed.run["never"].outcome == "success"
    assert [one for one in proposed.fake.requests if PERSONAL_TOKEN in str(one.headers)] == []


def test_on_failure(proposed: World) -> None:
    assert (proposed.run["quiet"].outcome, proposed.bodies("quiet")) == ("success", [])
    assert proposed.run["quiet"].outputs["comment-url"] == ""
    # a failure's comment is brought up to date by the success
    closed, mended = proposed.run["closed"], proposed.run["mended"]
    assert (closed.outcome, mended.outcome) == ("failure", "success")
    assert closed.outputs["comment-url"] == mended.outputs["comment-url"] != ""
    written = [
        one.body["body"] for one in proposed.fake.requests if one.method in ("POST", "PATCH") and one.status < 300
    ]
    before, after = [Rendered(text) for text in written if text.startswith("<!-- gto-ci: gate -->")]
    assert "❌ The gate is closed" in before.text
    assert "require-stage" in before.text
    assert "❌ The gate is closed" not in after.text
    assert proposed.shown("gate").text == after.text


def test_an_error_is_told(proposed: World) -> None:
    one = proposed.run["failed"]
    assert (one.outcome, one.outputs) == ("failure", {})
    (error,) = one.issued("error")
    shown = proposed.shown("error")
    assert "The GTO action failed" in shown.text
    assert ". ".join(shown.codes) == error
    assert "'missing.yaml'" in error


def test_what_does_not_fit_is_in_the_summary(proposed: World) -> None:
    one, body = proposed.run["long"], proposed.body("long")
    assert one.outcome == "success", one.issued("error")
    assert 10_000 < len(body) <= LIMIT
    shown = proposed.shown("long")
    run = f"{proposed.server}/acme/models/actions/runs/1"
    assert (run, "the job summary") in shown.links
    assert len(one.summary) > LIMIT


@pytest.fixture(scope="module")
def pushed(machine: Machine, seed: Remote, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A tag was pushed on a commit that a pull request brought in; and tags of hostile people."""
    with (
        open_lab(machine, seed, tmp_path_factory.mktemp("pushed")) as lab,
        FakeGitHub(job_token=TOKEN) as fake,
    ):
        first = _hostile(lab.remote)
        second = lab.remote.commit("Second", {"m.pkl": "2"})
        lab.remote.tag("churn@v1.0.0", first, date="2024-03-01T12:00:00Z")
        lab.remote.tag("churn#prod#1", first, date="2024-03-02T12:00:00Z")
        lab.remote.tag("churn@v1.1.0", second, date="2024-03-03T12:00:00Z")
        lab.remote.tag("churn#prod#2", second, "Ship it", date="2024-03-04T12:00:00Z")
        lone = lab.remote.commit("Lone", {"m.pkl": "3"})
        lab.remote.tag("lone@v1.0.0", lone)
        for commit in (first, second):
            other = Pull(3, "2024-02-01T12:00:00Z", "0" * 40)
            fake.pulls[commit] = [Pull(9), other, Pull(NUMBER, "2024-03-01T12:00:00Z", commit)]
        fake.pulls[lone] = []
        steps = [
            ("tag", {"comment": "always"}),
            ("lone", {"ref": "lone@v1.0.0", "comment": "always", "comment-header": "lone"}),
        ]
        for n in range(len(TEXTS)):
            inputs = {"ref": f"h{n}@v1.0.0", "policy": f"rules/h{n}.yaml"}
            steps.append((f"h{n}", {**inputs, "comment": "on-failure", "comment-header": f"h{n}"}))
        ghost = {
            "ghost-repo": lab.server.url("acme/ghosts.git"),
            "ghost-diff": _ghost(lab, second),
            "ghost-token": TOKEN,
        }
        steps.append(("ghost", {**ghost, "comment": "always", "comment-header": "ghost"}))
        yield _run(lab, fake, events.push(lab.remote, "churn#prod#2"), steps)


def _hostile(remote: Remote) -> str:
    """Each text as a tag's message, in its annotation, as the name of a rule that stops it, and in a deputy's name."""
    remote.allow_filters()
    files = {"artifacts.yaml": ""}
    for n, text in enumerate(TEXTS):
        note, word = _in_yaml(text), _in_yaml(_line(text))
        files["artifacts.yaml"] += f"h{n}: {{type: {note}, path: {note}, description: {note}, labels: [{note}]}}\n"
        require = f"{{taggers: [nobody@example.com], signed: {{by: [{word}]}}}}"
        files[f"rules/h{n}.yaml"] = f"allowed-signers: signers\nrules: [{{name: {word}, require: {require}}}]\n"
    commit = remote.commit("Hostile", {**files, "signers": ""})
    taggers = list(TAGGERS.values())
    for n, text in enumerate(TEXTS):
        name = "".join(c for c in _line(text) if c not in "<>")
        tagger = taggers[n % len(taggers)] if n % 2 else Person(name or "x", taggers[n % len(taggers)].email)
        remote.tag(f"h{n}@v1.0.0", commit, text, tagger=tagger)
    return commit


def _ghost(lab: Lab, base: str) -> str:
    """Store a change that adds files of hostile names; its hash."""
    store = WorkDir(lab.server.root / "acme/ghosts.git")
    here = WorkDir(lab.folder / "here")
    lab.folder.mkdir(exist_ok=True)
    git(lab.folder, "init", "--quiet", "--bare", str(store.path))
    git(lab.folder, "clone", "--quiet", str(lab.remote.path), str(here.path))
    here.git("checkout", "--quiet", base)
    for name in FILE_NAMES:
        here.write(name, "x\n")
    here.git("add", "--all")
    patch = bytes_of(here, "diff", "--cached", "--binary", "HEAD")
    return Ghosts(lab.folder, str(store.path), store, here, here).write_diff(base, patch)


def _line(text: str) -> str:
    """What of a text a policy takes as one line."""
    return "".join(c for c in text if c.isprintable()).strip()[:500] or "-"


def _in_yaml(text: str) -> str:
    """A text in YAML's double quotes, with whatever is not plain written by its number."""
    plain = (c if c.isalnum() and c.isascii() else f"\\U{ord(c):08x}" for c in text)
    return f'"{"".join(plain)}"'


def test_a_tag_is_told_where_its_commit_came_from(pushed: World) -> None:
    one = pushed.run["tag"]
    assert one.outcome == "success"
    (comment,) = [c for c in pushed.fake.comments(NUMBER) if c.body.startswith("<!-- gto-ci: gto -->")]
    assert one.outputs["comment-url"].endswith(f"/pull/{NUMBER}#issuecomment-{comment.id}")
    shown = pushed.shown()
    assert "Stage prod was assigned to version v1.1.0 of artifact churn" in shown.text
    facts = dict(shown.tables[0])
    assert (facts["Tag"], facts["Message"], facts["Previous version"]) == ("churn#prod#2", "Ship it", "v1.0.0")
    home = f"{pushed.server}/acme/models"
    commit, previous = one.outputs["commit"], one.outputs["previous-commit"]
    assert shown.links == [
        (f"{home}/actions/runs/1", "This run"),
        (f"{home}/tree/churn%23prod%232", "The tag"),
        (f"{home}/commit/{commit}", "The commit"),
        (f"{home}/compare/{previous}...{commit}", "Changes since v1.0.0"),
    ]


def test_a_commit_of_no_pull_request(pushed: World) -> None:
    one = pushed.run["lone"]
    assert (one.outcome, one.outputs["comment-url"], pushed.bodies("lone")) == ("success", "", [])
    assert [text for text in one.issued("notice") if "No comment was posted: this job has no pull request" in text]


@pytest.mark.parametrize("number", range(len(TEXTS)), ids=[ascii(text)[:40] for text in TEXTS])
def test_strangers_text_stays_text(pushed: World, number: int) -> None:
    one, text = pushed.run[f"h{number}"], TEXTS[number]
    assert one.outcome == "failure"
    assert one.outputs["gate"] == "failed"
    first, second = json.loads(one.outputs["gate-reasons"])
    assert first["rule"] == second["rule"] == _line(text)
    (error,) = one.issued("error")
    assert error.isprintable()
    _obeyed_nothing(one)
    comment, summary = pushed.shown(f"h{number}"), Rendered(one.summary)
    summary.is_ours()
    for page in (comment, summary):
        facts, checks = dict(page.tables[0]), page.tables[1]
        assert facts["Tag"] == f"h{number}@v1.0.0"
        assert words(facts.get("Message", "")) == words(text)
        assert [row[0] for row in checks[1:]] == ["❌", "❌"]
        assert [row[2] for row in checks[1:]] == ["taggers", "signed"]
        for row, reason in zip(checks[1:], (first, second), strict=True):
            assert words(row[1]) in (words(reason["rule"]), words(reason["rule"][:60] + "…"))
            assert words(row[3]) == words(f"{reason['evidence']} → {reason['remedy']}")
    about = dict(summary.tables[0])
    assert {name: words(about.get(name, "")) for name in ("Type", "Path", "Description")} == dict.fromkeys(
        ("Type", "Path", "Description"), words(text)
    )


def test_the_names_of_a_ghosts_files_stay_names(pushed: World) -> None:
    one = pushed.run["ghost"]
    assert one.outcome == "success", one.issued("error")
    assert sorted(json.loads(one.outputs["ghost-files"])) == FILE_NAMES
    _obeyed_nothing(one)
    comment, summary = pushed.shown("ghost"), Rendered(one.summary)
    summary.is_ours()
    for page in (comment, summary):
        assert f"A ghost was applied: {len(FILE_NAMES)} files, +{len(FILE_NAMES)} −0" in page.text
        (files,) = [table for table in page.tables if table[0] == ["file", "+", "−"]]
        shown = sorted(words(name) for name, *_ in files[1:])
        assert shown == sorted(words(name) for name in FILE_NAMES)


def _obeyed_nothing(one: Step) -> None:
    tokens = one.issued("stop-commands")
    known = {"add-mask", "group", "endgroup", "notice", "warning", "error", "stop-commands", *tokens}
    assert [command for command in one.commands if command.name not in known] == []
    assert set(one.issued("add-mask")) <= {TOKEN}
    assert "pwned" not in "".join(one.issued("notice"))
