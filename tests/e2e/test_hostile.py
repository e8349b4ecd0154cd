"""Text that wants to be more than text: in refs, tag messages, taggers' names and annotation files.

Whatever it says, it stays the value of its own output. It changes no other output, gives the runner no command, and
reaches no shell. Each group of cases is one job with a step per case; the tests then look at the steps.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e import events
from tests.e2e.conftest import OUTPUTS, TOKEN, Lab, open_lab
from tests.e2e.remote import Person, Remote, git
from tests.e2e.runner import Machine, Run, Step, shell, step

CANARY = "canary"
# where commands would leave it: in the workspace, which is the action's current directory, or the home folder
_TOUCH = f"touch${{IFS}}{CANARY}"
NOTHING = dict.fromkeys(OUTPUTS, "")
MESSAGE_LIMIT = 10_000

# Names that git takes for a tag. None is in the registry's format, and none may become anything else.
TAG_NAMES = [
    f"$({_TOUCH})", f"`{_TOUCH}`", f";{_TOUCH};", f"x&&{_TOUCH}", f"x||{_TOUCH}", f"x|{_TOUCH}", f"x&{_TOUCH}&",
    f"x>{CANARY}", f"x<(${{IFS}}{_TOUCH})", f"'$({_TOUCH})'", f'"$({_TOUCH})"', f"churn@v1.0.0$({_TOUCH})",
    f"churn@v1.0.0;{_TOUCH}", f"churn#prod`{_TOUCH}`", "--upload-pack=touch", "-d", "##]error]pwned", "event<<EOF",
    "churn@v1.0.0%0A%3A%3Aerror%3A%3Apwned", "churn@v1.0.0%0Aevent=pwned", "churn@v1.0.0<script>alert(1)</script>",
    "модель@v1.0.0", "churn@v1.0.0é", "churn@v１.0.0", "churn\N{RIGHT-TO-LEFT OVERRIDE}dorp#",
    "EOF", "x" * 200, "churn@v1.0.0-" + "x" * 186 + "_",
]  # fmt: skip

# What git does not take for a ref, and a person may type all the same.
TYPED_REFS = [
    f"churn@v1.0.0 ; touch {CANARY}", f"$(touch {CANARY})", "churn@v1.0.0\nevent=pwned", "churn@v1.0.0\n::error::pwned",
    "churn@v1.0.0\r\n::set-output name=event::pwned", "refs/tags/../../HEAD", "refs/tags/churn@v1.0.0^{commit}",
    "HEAD~1", "@{-1}", ":/pwned", "churn@v1.0.0\x1b[2J\x1b]0;pwned\x07", "../../etc/passwd", "*", "refs/tags/*", "\t",
    "churn\N{NO-BREAK SPACE}@v1.0.0", "churn@v1.0.0\N{LINE SEPARATOR}event=pwned",
]  # fmt: skip

# Messages of proper registrations.
MESSAGES: dict[str, str | bytes] = {
    "commands": "::set-output name=event::pwned\n::add-mask::v1.0.0\n::error::pwned\n::notice::pwned\n::group::pwned",
    "old commands": "##[set-output name=event;]pwned\n##[error]pwned\n##[add-mask]churn",
    "commands to the environment": "::set-env name=LD_PRELOAD::/x\n::add-path::/tmp\n::save-state name=a::b",
    "end of a group": "::endgroup::\n::error::pwned",
    "resume": "::stop-commands::pwned\nshielded?\n::pwned::\n::error::pwned",
    "command after a carriage return": "text\r::error::pwned\rmore\r\n::error::pwned\r\n",
    "command after white space": "  ::error::pwned\n\t::error::pwned\n\N{NO-BREAK SPACE}::error::pwned",
    "command in a line": "look here ::error::pwned and ::set-output name=event::pwned",
    "command after other line ends": "\x0b::error::pwned\x0c::error::pwned\x85::error::pwned\u2028::error::pwned\u2029",
    "escaped command": "100%25 %0A::error::pwned%0D%0A::error::pwned",
    "outputs": "x\nevent=pwned\nversion=v6.6.6\nevent<<EOF\npwned\nEOF",
    "usual delimiters": "EOF\n_EOF_\nDELIMITER\nghadelimiter\nghadelimiter_00000000-0000-0000-0000-000000000000\nEOF",
    "empty delimiter": "\n\nevent<<\npwned\n\n",
    "expression": "$" + "{{ secrets.GITHUB_TOKEN }} $" + "{{ github.token }}",
    "substitution": f"$(touch {CANARY}) `touch {CANARY}` ${{IFS}} \"'; touch {CANARY}; #",
    "terminal": "\x1b[31mred\x1b[0m\x1b[2J\x1b]0;title\x07\x1b]8;;http://pwned\x1b\\link\x1b]8;;\x1b\\ \x9b31m",
    "bells and nothings": "\x01\x02\x07\x08\x7f\x1f",
    "direction": "\N{RIGHT-TO-LEFT OVERRIDE}gpj.exe\N{ZERO WIDTH SPACE}\N{ZERO WIDTH NO-BREAK SPACE}",
    "languages": "Модель обучена · 模型 · نموذج · 🚀👩‍💻 · é e\N{COMBINING ACUTE ACCENT}",
    "markup": "</pre></details><script>alert(1)</script><img src=x onerror=alert(1)>\n# heading\n| a | b |\n[x](http://pwned)",
    "table": "a | b | c\n| --- | --- |\n\\| \\\\ `code` ``` \n```\n~~~",
    "json": '"}], "event": "pwned", {"\\u0000\\"',
    "white space": " \t leading and trailing \t ",
    "blank lines": "first\n\n\n\nlast",
    "comments": "# one\n#two\n; three",
    "quotes": "'\"'\"'\\'\\\"",
    "a token": f"the token is {TOKEN}",
    "a megabyte": "All work and no play. " * 50_000,
    "a megabyte of lines": "::error::pwned\n" * 70_000,
    "a megabyte of one character": "\N{GRINNING FACE}" * 260_000,
}
# Bytes that are no text.
RAW_MESSAGES: dict[str, str | bytes] = {
    "not utf-8": b"caf\xe9 \xff\xfe \xc3\x28 ::error::pwned",
    "utf-16, big": "\n::error::pwned\n".encode("utf-16-be").replace(b"\0", b"\x01"),
    "a signature": b"signed\n-----BEGIN PGP SIGNATURE-----\n\n::error::pwned\n-----END PGP SIGNATURE-----\n",
}

TAGGERS = {
    "substitution": Person(f"$(touch {CANARY})", f"`touch {CANARY}`@example.com"),
    "command": Person("::error::pwned", "::set-output name=event::pwned"),
    "escaped command": Person("%0A::error::pwned", "%0D::error::pwned"),
    "terminal": Person("\x1b[31mred", "\x1b[2J@example.com"),
    "outputs": Person("event=pwned", "version=v6.6.6"),
    "markup": Person("[x](http://pwned) | # `", "a|b@example.com"),
    "languages": Person("Ольга 李", "ольга@пример.рф"),
}

# Values of an annotation, as YAML writes them down, and as they should come out.
DESCRIPTIONS = {
    "commands": "::set-output name=event::pwned\n::add-mask::churn\n::stop-commands::x\n::error::pwned",
    "old commands": "##[error]pwned",
    "outputs": "x\nevent=pwned\nevent<<EOF\npwned\nEOF",
    "substitution": f"$(touch {CANARY}) `touch {CANARY}`; touch {CANARY}",
    "terminal": "\x1b[31mred\x1b[2J\x07",
    "carriage returns": "a\r::error::pwned\rb",
    "expression": "$" + "{{ github.token }}",
    "markup": "</details><script>alert(1)</script> | ` |",
    "20 kB": "long " * 4_000,
}
# Files that are no annotation at all, or none that may be believed: the event stands, the annotation is empty.
FILES = {
    "python object": "churn: !!python/object/apply:os.system ['touch canary']\n",
    "python name": "churn: {type: !!python/name:os.system , path: x}\n",
    "billion laughs": "a: &a [x,x,x,x,x,x,x,x,x]\n"
    + "".join(f"{chr(98 + i)}: &{chr(98 + i)} [{','.join(['*' + chr(97 + i)] * 9)}]\n" for i in range(9))
    + "churn: {type: model, custom: *j}\n",
    "endless depth": "churn: {custom: " + "[" * 5000 + "]" * 5000 + "}\n",
    "itself": "churn: &self {type: model, custom: *self}\n",
    "a list": "- ::error::pwned\n",
    "a word": "::error::pwned\n",
    "broken, with a command": "churn: {type: 'x\n::error::pwned\n",
    "two documents": "churn: {type: model}\n---\nchurn: {type: pwned}\n",
    "other types": "churn: {type: [1], path: {a: b}, labels: ::error::pwned, description: 12}\n",
    "not utf-8": "churn: {description: \udcff\udcfe}\n",
    "a megabyte": "churn: {type: model, description: " + "x" * 1_000_000 + "}\n",
}

_ALLOWED = {"add-mask", "group", "endgroup", "notice", "warning", "error", "stop-commands"}


def _keeps_to_itself(one: Step, *, errors: int = 0, notices: int = 0) -> None:
    """The step gave the runner its own commands and no others."""
    tokens = one.issued("stop-commands")
    assert all(len(token) >= 32 for token in tokens)
    assert len(set(tokens)) == len(tokens), "a token that was printed before can be known to what comes after it"
    other = [c for c in one.commands if c.name not in _ALLOWED and c.name not in tokens]
    assert other == []
    assert set(one.issued("add-mask")) <= {TOKEN}
    assert len(one.issued("error")) == errors
    assert len(one.issued("notice")) == notices
    said = [c for c in one.commands if c.name in {"error", "notice", "warning"}]
    assert all(set(c.properties) <= {"title", "file", "line"} for c in said)
    # a message is one line: no terminal code, no line end that somebody's reader takes for one
    assert all(c.argument.isprintable() for c in said)
    assert len(one.issued("group")) == len(one.issued("endgroup"))
    assert not any("\x1b" in line or "\x9b" in line for line in one.printed)


@pytest.fixture(scope="module")
def world(machine: Machine, seed: Remote, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with open_lab(machine, seed, tmp_path_factory.mktemp("hostile")) as lab:
        first = lab.remote.commit("First", {"artifacts.yaml": "churn: {type: model, path: model.pkl}\n"})
        lab.remote.tag("churn@v1.0.0", first)
        yield lab


def _run(lab: Lab, folder: str, inputs: list[dict[str, str]]) -> Run:
    """Run the action once per set of inputs, on a schedule: no tag started the job."""
    lab = Lab(lab.machine, lab.server, lab.remote, lab.folder / folder)
    trigger = events.schedule(lab.remote)
    lab.check_out(trigger.ref, trigger.sha)
    steps = [step(f"case{n}", one, **{"continue-on-error": True}) for n, one in enumerate(inputs)]
    look = shell("look", f"find /github -name '{CANARY}'; ls -A /github/home")
    run = lab.run(trigger, *steps, look)
    assert run["look"].printed == [], "something was run"
    assert not list(run.workspace.rglob(CANARY))
    assert git(run.workspace, "status", "--porcelain") == ""
    return run


@pytest.fixture(scope="module")
def tag_names(world: Lab) -> Run:
    for name in TAG_NAMES:
        world.remote.tag(name)
    return _run(world, "tag-names", [{"ref": f"refs/tags/{name}"} for name in TAG_NAMES])


@pytest.mark.parametrize("number", range(len(TAG_NAMES)), ids=[ascii(name)[:60] for name in TAG_NAMES])
def test_tag_names(tag_names: Run, number: int) -> None:
    one = tag_names[f"case{number}"]
    assert one.outcome == "success"
    assert one.outputs == NOTHING
    _keeps_to_itself(one, notices=1)


@pytest.fixture(scope="module")
def typed_refs(world: Lab) -> Run:
    return _run(world, "typed-refs", [{"ref": ref} for ref in TYPED_REFS])


@pytest.mark.parametrize("number", range(len(TYPED_REFS)), ids=[ascii(ref)[:60] for ref in TYPED_REFS])
def test_typed_refs(typed_refs: Run, number: int) -> None:
    """Nothing that the registry knows, so either a notice and empty outputs, or an error and none."""
    one = typed_refs[f"case{number}"]
    if one.outcome == "success":
        assert one.outputs == NOTHING
        _keeps_to_itself(one, notices=1)
    else:
        assert one.outputs == {}
        _keeps_to_itself(one, errors=1)


@pytest.fixture(scope="module")
def messages(world: Lab) -> Run:
    for number, text in enumerate(MESSAGES.values()):
        world.remote.tag(f"message{number}@v1.0.0", "main", text)
    return _run(world, "messages", [{"ref": f"message{n}@v1.0.0"} for n in range(len(MESSAGES))])


@pytest.mark.parametrize("number", range(len(MESSAGES)), ids=list(MESSAGES))
def test_tag_messages(messages: Run, world: Lab, number: int) -> None:
    text = list(MESSAGES.values())[number]
    _is_registration(messages[f"case{number}"], world, f"message{number}", message=text)


@pytest.fixture(scope="module")
def taggers(world: Lab) -> Run:
    for number, tagger in enumerate(TAGGERS.values()):
        world.remote.tag(f"tagger{number}@v1.0.0", "main", tagger=tagger)
    return _run(world, "taggers", [{"ref": f"tagger{number}@v1.0.0"} for number in range(len(TAGGERS))])


@pytest.mark.parametrize("number", range(len(TAGGERS)), ids=list(TAGGERS))
def test_taggers(taggers: Run, world: Lab, number: int) -> None:
    tagger = list(TAGGERS.values())[number]
    _is_registration(taggers[f"case{number}"], world, f"tagger{number}", tagger=tagger)


@pytest.fixture(scope="module")
def descriptions(world: Lab) -> Run:
    for number, text in enumerate(DESCRIPTIONS.values()):
        note = {"type": text, "path": text, "description": text, "labels": [text, text], "custom": {text[:500]: text}}
        # JSON is YAML, but for characters that YAML wants escaped: json.dumps escapes all that are not ASCII
        commit = world.remote.commit(f"Note {number}", {"artifacts.yaml": json.dumps({f"note{number}": note})})
        world.remote.tag(f"note{number}@v1.0.0", commit)
    return _run(world, "descriptions", [{"ref": f"note{number}@v1.0.0"} for number in range(len(DESCRIPTIONS))])


@pytest.mark.parametrize("number", range(len(DESCRIPTIONS)), ids=list(DESCRIPTIONS))
def test_annotations(descriptions: Run, world: Lab, number: int) -> None:
    text = list(DESCRIPTIONS.values())[number]
    one = descriptions[f"case{number}"]
    _is_registration(one, world, f"note{number}", annotated=True)
    for output in ("type", "path", "description"):
        assert one.outputs[output] == _as_output(text)
    assert json.loads(one.outputs["labels"]) == [text, text]
    # a key only as long as YAML allows
    assert json.loads(one.outputs["custom"]) == {text[:500]: text}


@pytest.fixture(scope="module")
def files(world: Lab) -> Run:
    for number, text in enumerate(FILES.values()):
        content = text.replace("churn:", f"file{number}:").encode("utf-8", "surrogateescape")
        world.remote.tag(f"file{number}@v1.0.0", world.remote.commit(f"File {number}", {"artifacts.yaml": content}))
    return _run(world, "files", [{"ref": f"file{number}@v1.0.0"} for number in range(len(FILES))])


@pytest.mark.parametrize("number", range(len(FILES)), ids=list(FILES))
def test_annotation_files(files: Run, world: Lab, number: int) -> None:
    one = files[f"case{number}"]
    _is_registration(one, world, f"file{number}", annotated=True)
    assert "pwned" not in one.outputs["type"]
    assert len(one.outputs["custom"]) < 100_000
    assert one.issued("warning"), "nobody is told"


def test_a_pushed_tag_with_a_hostile_name(machine: Machine, seed: Remote, tmp_path: Path) -> None:
    """Through the runner's own variables this time: GITHUB_REF and the payload hold the name."""
    name = f"$({_TOUCH})`{_TOUCH}`;{_TOUCH};%0A"
    with open_lab(machine, seed, tmp_path) as lab:
        lab.remote.tag("churn@v1.0.0")
        lab.remote.tag(name, message=MESSAGES["commands"])
        trigger = events.push(lab.remote, name)
        lab.check_out(trigger.ref, trigger.sha)
        run = lab.run(trigger, step("gto"))
    assert run.succeeded, run.log
    assert run["gto"].outputs == NOTHING
    _keeps_to_itself(run["gto"], notices=1)
    assert not list(run.workspace.rglob(CANARY))


def test_a_pushed_tag_of_two_hundred_characters(machine: Machine, seed: Remote, tmp_path: Path) -> None:
    """Long, but in the registry's format: it works."""
    artifact, stage = "a" * 120, "s" * 77
    name = f"{artifact}#{stage}#1"
    assert len(name) == 200
    with open_lab(machine, seed, tmp_path) as lab:
        lab.remote.tag(f"{artifact}@v1.0.0")
        lab.remote.tag(name)
        trigger = events.push(lab.remote, name)
        lab.check_out(trigger.ref, trigger.sha)
        run = lab.run(trigger, step("gto"))
    assert run.succeeded, run.log
    outputs = run["gto"].outputs
    assert (outputs["name"], outputs["stage"], outputs["version"]) == (artifact, stage, "v1.0.0")


def _is_registration(
    one: Step,
    lab: Lab,
    artifact: str,
    *,
    message: str | bytes | None = None,
    tagger: Person | None = None,
    annotated: bool = False,
) -> None:
    """All outputs are those of this artifact's first registration, whatever its texts say."""
    _keeps_to_itself(one)
    assert one.outcome == "success"
    outputs = dict(one.outputs)
    text = f"About {artifact}@v1.0.0" if message is None else message
    if isinstance(text, bytes):
        text = text.partition(b"-----BEGIN PGP")[0].decode(errors="replace")
    text = _as_output(text.strip())
    said = outputs.pop("message")
    if len(text) > MESSAGE_LIMIT:
        assert said.startswith(text[:MESSAGE_LIMIT])
        assert len(said) < MESSAGE_LIMIT + 100
    else:
        assert said == text
    who = tagger or Person()
    assert (outputs.pop("author"), outputs.pop("author-email")) == (_as_output(who.name), _as_output(who.email))
    event = json.loads(outputs.pop("json"))
    assert (event["artifact"], event["version"], event["event"]) == (artifact, "v1.0.0", "registration")
    registry = json.loads(outputs.pop("registry"))
    assert registry[artifact]["version"] == "v1.0.0"
    assert "pwned" not in registry
    for output in ("type", "path", "description", "labels", "custom") if annotated else ():
        outputs.pop(output)
    commit = lab.remote.peel(f"refs/tags/{artifact}@v1.0.0")
    expected = {
        "event": "registration", "name": artifact, "version": "v1.0.0", "tag": f"{artifact}@v1.0.0", "commit": commit,
        "created-at": "2024-03-01T12:00:00+02:00", "deleted": "false", "is-latest": "true",
        "ghost-applied": "false",
    }  # fmt: skip
    assert {name: value for name, value in outputs.items() if value} == expected


def _as_output(text: str) -> str:
    """A text as an output: with line feeds for all line ends, and none of them at its ends."""
    return text.replace("\r\n", "\n").replace("\r", "\n").strip("\n")
