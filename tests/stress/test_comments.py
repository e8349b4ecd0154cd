"""Comments on pull requests: one per header, whatever fails. The fake GitHub can be made to fail.

Each of its responses, and each request, is checked against GitHub's OpenAPI description.
"""

from __future__ import annotations

import http.client
import logging
import os
import socket
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import pytest

from gto_ci import hints
from gto_ci.errors import CommentRefused
from gto_ci.platforms.github import comments
from gto_ci.platforms.github.comments import COMMENT_LIMIT, CommentTarget, marker
from gto_ci.platforms.platform import Posted
from tests.fake_github import FORK_TOKEN, JOB_TOKEN, PERSONAL_TOKEN, Comment, FakeGitHub, Pull, Token, User

HEADER = "gto"
PULL = 7
SHA = "1" * 40
UPDATE = ["GET user", "GET comments", "PATCH"]


@pytest.fixture(autouse=True)
def silence(capfd: pytest.CaptureFixture[str]) -> Iterator[None]:
    """Check that nothing is printed."""
    yield
    assert capfd.readouterr() == ("", "")


@pytest.fixture(params=["", "/api/v3"], ids=["github.com", "enterprise"])
def any_fake(request: pytest.FixtureRequest) -> Iterator[FakeGitHub]:
    with FakeGitHub(prefix=request.param) as fake:
        yield fake


@pytest.fixture
def fake() -> Iterator[FakeGitHub]:
    with FakeGitHub() as fake:
        yield fake


class Writer:
    """Posts comments with one header and one token, and records the pauses."""

    def __init__(self, fake: FakeGitHub, token: str = JOB_TOKEN, header: str = HEADER) -> None:
        self.place = CommentTarget(fake.api_url, fake.repository, token)
        self.header = header
        self.pauses: list[float] = []

    def post(self, body: str = "Hello", *, create: bool = True) -> Posted:
        return comments.post(self.place, PULL, self.header, body, create=create, pause=self.pauses.append)

    def merged(self, commit: str = SHA) -> int | None:
        return comments.merged_pull_request(self.place, commit, pause=self.pauses.append)

    def refused(self, work: Callable[[], object] | None = None) -> str:
        """Return the error of a refused comment, after checking that it does not contain the token."""
        with pytest.raises(CommentRefused) as refusal:
            (work or self.post)()
        shown = "".join(traceback.format_exception(refusal.value)) + repr(refusal.value)
        assert not self.place.token or self.place.token not in shown
        assert "\n" not in str(refusal.value)
        return hints.sentence(refusal.value, hints.Interface.ACTION)


def ours(fake: FakeGitHub, header: str = HEADER) -> list[Comment]:
    """Return the comments that begin with the marker line, by any author."""
    return [comment for comment in fake.comments(PULL) if comment.body.startswith(marker(header))]


def bodies(fake: FakeGitHub, header: str = HEADER) -> list[str]:
    return [comment.body.removeprefix(marker(header)).strip() for comment in ours(fake, header)]


def copy(body: str, header: str = HEADER) -> str:
    return f"{marker(header)}\n{body}"


def address(comment: Comment) -> str:
    return f"https://github.com/acme/models/pull/{PULL}#issuecomment-{comment.id}"


# One comment


def test_one_comment_per_header_however_often_a_job_runs(any_fake: FakeGitHub) -> None:
    fake = any_fake
    for number in range(50):
        fake.comment(PULL, fake.person, f"I think {number}")
        fake.comment(PULL, fake.person, copy(f"copied {number}"))
        fake.comment(PULL, fake.other_bot, f"bump {number}\n{marker(HEADER)}")
    fake.comment(PULL, fake.bot, "another action of the same job")
    fake.comment(PULL + 1, fake.bot, copy("of another pull request"))
    before = [comment.body for comment in fake.comments(PULL)]
    writers = [Writer(fake), Writer(fake, header="gto-2")]
    first = [writer.post("run 0") for writer in writers]
    assert [posted.action for posted in first] == ["created", "created"]
    for run in range(1, 11):
        again = [writer.post(f"run {run}") for writer in writers]
        assert again == [Posted(posted.url, "updated") for posted in first]
    assert [comment.body for comment in fake.comments(PULL)] == [*before, copy("run 10"), copy("run 10", "gto-2")]
    assert [address(comment) for comment in fake.comments(PULL)[-2:]] == [posted.url for posted in first]
    assert fake.comments(PULL + 1)[0].body == copy("of another pull request")


def test_no_unnecessary_requests(fake: FakeGitHub) -> None:
    writer = Writer(fake)
    writer.post("one")
    assert fake.calls == ["GET user", "GET comments", "POST comments"]
    fake.forget()
    writer.post("two")
    assert fake.calls == [*UPDATE[:2], f"PATCH {ours(fake)[0].id}"]
    assert {request.query for request in fake.requests[1:2]} == {"per_page=100"}
    assert writer.pauses == []


def test_an_equal_comment_is_not_written_again(fake: FakeGitHub) -> None:
    writer = Writer(fake)
    posted = writer.post("one\n\ntwo\n")
    ours(fake)[0].body = ours(fake)[0].body.strip().replace("\n", "\r\n")
    fake.forget()
    assert writer.post("one\n\ntwo\n") == Posted(posted.url, "unchanged")
    assert fake.calls == UPDATE[:2]


@pytest.mark.parametrize("before", [0, 98, 99, 100, 101, 199, 200, 250])
def test_it_is_found_on_any_page(fake: FakeGitHub, before: int) -> None:
    for number in range(before):
        fake.comment(PULL, fake.person, f"I think {number}")
    comment = fake.comment(PULL, fake.bot, copy("old"))
    fake.comment(PULL, fake.person, "so there")
    pages = -(-(before + 2) // 100)
    assert Writer(fake).post("new") == Posted(address(comment), "updated")
    assert fake.calls == ["GET user", *["GET comments"] * pages, f"PATCH {comment.id}"]
    assert bodies(fake) == ["new"]


def test_without_create_only_an_earlier_one_is_updated(fake: FakeGitHub) -> None:
    writer = Writer(fake)
    assert writer.post("all is well", create=False) == Posted("", "none")
    assert fake.comments(PULL) == []
    posted = writer.post("it failed")
    assert writer.post("all is well", create=False) == Posted(posted.url, "updated")
    assert bodies(fake) == ["all is well"]


def test_of_several_the_oldest_is_updated(fake: FakeGitHub) -> None:
    oldest, _ = fake.comment(PULL, fake.bot, copy("first")), fake.comment(PULL, fake.bot, copy("second"))
    assert Writer(fake).post("new") == Posted(address(oldest), "updated")
    assert bodies(fake) == ["new", "second"]


# Own comments


def test_a_person_with_a_token_has_a_comment_of_their_own(fake: FakeGitHub) -> None:
    fake.comment(PULL, fake.bot, copy("by the job"))
    fake.comment(PULL, None, copy("by somebody who is gone"))
    fake.comment(PULL, User(4, "octo-cat"), copy("by somebody else"))
    writer = Writer(fake, PERSONAL_TOKEN)
    assert [writer.post(text).action for text in ("one", "two")] == ["created", "updated"]
    assert bodies(fake) == ["by the job", "by somebody who is gone", "by somebody else", "two"]
    assert ours(fake)[-1].user == fake.person


def test_the_account_counts_and_not_its_name(fake: FakeGitHub) -> None:
    renamed = User(fake.person.id, "octocat-formerly")
    comment = fake.comment(PULL, renamed, copy("old"))
    assert Writer(fake, PERSONAL_TOKEN).post("new") == Posted(address(comment), "updated")


def test_the_jobs_bot_comes_before_other_bots(fake: FakeGitHub) -> None:
    fake.comment(PULL, fake.other_bot, copy("by another bot"))
    comment = fake.comment(PULL, fake.bot, copy("old"))
    assert Writer(fake).post("new") == Posted(address(comment), "updated")
    assert bodies(fake) == ["by another bot", "new"]


def test_an_apps_token_finds_what_the_app_wrote(fake: FakeGitHub) -> None:
    app = User(5, "acme-releases[bot]", "Bot")
    fake.tokens["ghs_anApp"] = Token(app, installation=True)
    fake.comment(PULL, fake.person, copy("by a person"))
    writer = Writer(fake, "ghs_anApp")
    assert [writer.post(text).action for text in ("one", "two")] == ["created", "updated"]
    assert bodies(fake) == ["by a person", "two"]


# Texts


def test_hostile_headers_live_side_by_side(fake: FakeGitHub) -> None:
    headers = ["", " ", "-->", "--!>", "--", "-", "<!--", "a\nb", "a\r\nb", "*", "%2D%2D", "ü🌱", "\udc80", "x" * 9999]
    for header in headers:
        writer = Writer(fake, header=header)
        assert [writer.post(text).action for text in ("one", "two", "two")] == ["created", "updated", "unchanged"]
    assert [comment.body for comment in fake.comments(PULL)] == [copy("two", header) for header in headers]


def test_the_limit_is_githubs(fake: FakeGitHub) -> None:
    room = COMMENT_LIMIT - len(copy(""))
    assert Writer(fake).post("🌱" * room).action == "created"
    fake.forget()
    with pytest.raises(ValueError, match="65537 characters"):
        Writer(fake).post("🌱" * (room + 1))
    assert fake.calls == []


def test_text_with_broken_unicode_is_posted(fake: FakeGitHub) -> None:
    assert [Writer(fake).post("a\udc80b").action for _ in range(2)] == ["created", "unchanged"]
    assert bodies(fake) == ["a?b"]


# Concurrent deletion and lost responses


def test_a_comment_deleted_meanwhile_is_created_again(fake: FakeGitHub) -> None:
    comment = fake.comment(PULL, fake.bot, copy("old"))
    fake.before("PATCH", lambda: fake.delete(comment))
    writer = Writer(fake)
    assert writer.post("new").action == "created"
    assert bodies(fake) == ["new"]
    assert writer.pauses == [1.0]


def test_a_comment_deleted_again_and_again_is_given_up(fake: FakeGitHub) -> None:
    fake.comment(PULL, fake.bot, copy("old"))
    fake.fail_always(404, on="PATCH", message="Not Found")
    writer = Writer(fake)
    assert "the comment was deleted before it could be updated" in writer.refused()
    assert writer.pauses == [1.0, 3.0]


@pytest.mark.parametrize("status", [None, 500, 502, 504])
def test_a_lost_response_creates_no_second_comment(fake: FakeGitHub, status: int | None) -> None:
    fake.lose_answer("POST", status=status)
    writer = Writer(fake)
    posted = writer.post("one")
    assert [address(comment) for comment in ours(fake)] == [posted.url]
    assert writer.pauses == [1.0]
    fake.lose_answer("PATCH", status=status)
    assert writer.post("two").url == posted.url
    assert bodies(fake) == ["two"]


# Refusals


def test_a_forks_token_is_refused_once_with_the_next_step(fake: FakeGitHub) -> None:
    writer = Writer(fake, FORK_TOKEN)
    said = writer.refused()
    assert said.startswith(
        "Cannot comment on pull request 7 of 'acme/models': GitHub denies this token access: "
        "'Resource not accessible by integration' (403). Give the job 'permissions: pull-requests: write'"
    )
    assert "fork" in said
    assert fake.calls == ["GET user", "GET comments", "POST comments"]
    assert writer.pauses == []


def test_a_wrong_token_is_refused_at_once(fake: FakeGitHub) -> None:
    writer = Writer(fake, "ghp_expired")
    assert "does not accept the token: 'Bad credentials' (401). Check the input 'token'" in writer.refused()
    assert fake.calls == ["GET user"]


@pytest.mark.parametrize("token", ["", "two words", "line\n", "tökén"])
def test_an_invalid_token_is_sent_nowhere(fake: FakeGitHub, token: str) -> None:
    assert "Check the input 'token'" in Writer(fake, token).refused()
    assert fake.calls == []


@pytest.mark.parametrize(
    ("place", "variable"),
    [
        (CommentTarget("", "acme/models", JOB_TOKEN), "GITHUB_API_URL"),
        (CommentTarget("ftp://example.com", "acme/models", JOB_TOKEN), "GITHUB_API_URL"),
        (CommentTarget("https://", "acme/models", JOB_TOKEN), "GITHUB_API_URL"),
        (CommentTarget("https://example.com:port", "acme/models", JOB_TOKEN), "GITHUB_API_URL"),
        (CommentTarget("http://127.0.0.1", "", JOB_TOKEN), "GITHUB_REPOSITORY"),
        (CommentTarget("http://127.0.0.1", "../models", JOB_TOKEN), "GITHUB_REPOSITORY"),
        (CommentTarget("http://127.0.0.1", "acme/models/x?y", JOB_TOKEN), "GITHUB_REPOSITORY"),
    ],
)
def test_an_invalid_target_is_refused(place: CommentTarget, variable: str) -> None:
    with pytest.raises(CommentRefused, match=f"Check {variable}"):
        comments.post(place, PULL, HEADER, "Hello")


@pytest.mark.parametrize(
    ("status", "message", "said"),
    [
        (404, "Not Found", "it does not exist on GitHub, or this token cannot see it: 'Not Found' (404)"),
        (403, "Unable to create comment because issue is locked.", "because issue is locked.' (403)"),
        (410, "This issue was deleted", "rejects the request: 'This issue was deleted' (410)"),
        (403, "a\n::error::b", r"'a\n::error::b' (403)"),
    ],
)
def test_other_refusals_are_passed_on(fake: FakeGitHub, status: int, message: str, said: str) -> None:
    fake.fail_next(status, on="POST", message=message)
    writer = Writer(fake)
    assert said in writer.refused()
    assert writer.pauses == []


def test_the_details_of_a_refusal_are_passed_on(fake: FakeGitHub) -> None:
    fake.fail_next(
        422, body={"message": "Validation Failed", "errors": [{"message": "body is too long"}, "spam"]}, on="POST"
    )
    assert "'Validation Failed; body is too long' (422)" in Writer(fake).refused()


# Rate limits


def test_a_short_rate_limit_is_waited_for(fake: FakeGitHub) -> None:
    fake.limit(20, on="GET user")
    fake.slow_down(60, on="POST", status=429)
    writer = Writer(fake)
    assert writer.post().action == "created"
    assert writer.pauses == [20.0, 60.0]
    assert bodies(fake) == ["Hello"]


def test_a_rate_limit_without_a_time_is_waited_for_a_minute(fake: FakeGitHub) -> None:
    fake.slow_down(None, on="GET comments")
    writer = Writer(fake)
    assert writer.post().action == "created"
    assert writer.pauses == [60.0]


def test_a_rate_limit_that_is_over_is_not_waited_for_long(fake: FakeGitHub) -> None:
    fake.limit(-5)
    fake.slow_down(0)
    writer = Writer(fake)
    assert writer.post().action == "created"
    assert writer.pauses == [1.0, 3.0]


@pytest.mark.parametrize("kind", ["limit", "slow_down"])
def test_a_long_rate_limit_is_refused_at_once(fake: FakeGitHub, kind: str) -> None:
    getattr(fake, kind)(61, on="GET user")
    writer = Writer(fake)
    assert "used up until 2024-05-01 12:01:01 UTC (403). Run the job again after that" in writer.refused()
    assert fake.calls == ["GET user"]
    assert writer.pauses == []


def test_rate_limits_are_waited_for_twice_at_most(fake: FakeGitHub) -> None:
    fake.slow_down(10, times=9)
    writer = Writer(fake)
    assert "rate limit" in writer.refused()
    assert writer.pauses == [10.0, 10.0]


# Servers in trouble


@pytest.mark.parametrize("on", ["GET user", "GET comments", "POST"])
@pytest.mark.parametrize("status", [500, 502, 503])
def test_two_failures_of_the_server_are_survived(fake: FakeGitHub, status: int, on: str) -> None:
    fake.fail_next(status, on=on)
    fake.fail_next(status, on=on, body=b"<html>Unicorn!</html>")
    writer = Writer(fake)
    assert writer.post().action == "created"
    assert bodies(fake) == ["Hello"]
    assert writer.pauses == [1.0, 3.0]


def test_a_server_that_always_fails_is_given_up(fake: FakeGitHub) -> None:
    fake.fail_always(503)
    writer = Writer(fake)
    assert "GitHub has a server error: 'Server Error' (503). Run the job again later" in writer.refused()
    assert fake.calls == ["GET user"] * 3


def test_a_connection_that_breaks_is_tried_again(fake: FakeGitHub) -> None:
    fake.drop(on="GET comments")
    writer = Writer(fake)
    assert writer.post().action == "created"
    fake.drop(times=3)
    assert "does not answer: 'Remote end closed connection without response'" in writer.refused()


def test_a_server_that_hangs_is_left(fake: FakeGitHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comments, "TIMEOUT", 2)
    fake.hang(on="POST")
    writer = Writer(fake)
    assert writer.post().action == "created"
    assert fake.calls.count("POST comments") == 2
    assert bodies(fake) == ["Hello"]


def test_a_server_that_is_not_there_is_named() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # the port is taken, but nothing listens
        pauses: list[float] = []
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
        with pytest.raises(CommentRefused) as refusal:
            comments.post(CommentTarget(url, "acme/models", JOB_TOKEN), PULL, HEADER, "Hello", pause=pauses.append)
    assert f"'{url}' does not answer: " in str(refusal.value)
    assert "Connection refused" in str(refusal.value)
    assert JOB_TOKEN not in "".join(traceback.format_exception(refusal.value))
    assert pauses == [1.0, 3.0]


@pytest.mark.parametrize("on", ["GET user", "GET comments", "POST", "PATCH"])
@pytest.mark.parametrize(
    "body", [b"<html>Log in to the proxy", b'{"half', [1], {"html_url": 1}, [{"id": "x", "body": 1}]]
)
def test_a_response_that_is_not_githubs_is_not_a_success(fake: FakeGitHub, on: str, body: object) -> None:
    if on == "PATCH":
        fake.comment(PULL, fake.bot, copy("old"))
    before = bodies(fake)
    fake.fail_next(200, on=on, body=body)
    assert "does not answer like GitHub" in Writer(fake).refused()
    assert bodies(fake) == before


# A repository that moves


def test_a_renamed_repository_keeps_its_comment(fake: FakeGitHub) -> None:
    for number in range(150):
        fake.comment(PULL, fake.person, f"I think {number}")
    comment = fake.comment(PULL, fake.bot, copy("old"))
    writer = Writer(fake)
    fake.rename("acme/renamed")
    assert writer.post("new").action == "updated"
    assert comment.body == copy("new")


def test_a_redirected_write_is_not_a_success(fake: FakeGitHub) -> None:
    writer = Writer(fake)
    fake.rename("acme/renamed")
    assert "the repository has moved to 'http://127.0.0.1:" in writer.refused()
    assert fake.comments(PULL) == []


def test_a_write_that_is_redirected_stays_a_write(fake: FakeGitHub) -> None:
    writer = Writer(fake)
    fake.rename("acme/renamed", write_status=301)
    assert writer.post("new").action == "created"
    assert bodies(fake) == ["new"]
    assert fake.calls[-2:] == ["POST comments", "POST comments"]


@pytest.mark.parametrize("on", ["GET user", "GET comments", "POST"])
def test_the_token_does_not_follow_to_another_server(fake: FakeGitHub, on: str) -> None:
    with FakeGitHub() as other:
        elsewhere = other.api_url.replace("127.0.0.1", "localhost") + "/user"
        fake.fail_next(301, on=on, headers={"Location": elsewhere})
        assert "localhost" in Writer(fake).refused()
        assert other.requests == []


# Which pull request introduced a commit


MAY, JUNE, JULY = (f"2024-0{month}-01T12:00:00Z" for month in (5, 6, 7))


@pytest.mark.parametrize(
    ("pulls", "number"),
    [
        ([], None),
        ([Pull(1), Pull(2, merge_commit_sha=SHA)], None),
        ([Pull(1), Pull(2, MAY, "2" * 40)], 2),
        ([Pull(1, MAY, "2" * 40), Pull(2, JUNE, SHA), Pull(3, JULY, None)], 2),
        ([Pull(1, JULY, "2" * 40), Pull(2, JUNE, "3" * 40), Pull(3)], 2),
        ([Pull(2, MAY), Pull(1, MAY)], 1),
        ([*(Pull(n, MAY, "2" * 40) for n in range(1, 101)), Pull(101, JUNE, SHA)], 101),
    ],
    ids=["none", "open", "only", "its merge", "first", "same moment", "second page"],
)
def test_the_pull_request_of_a_commit(any_fake: FakeGitHub, pulls: list[Pull], number: int | None) -> None:
    any_fake.pulls[SHA] = pulls
    assert Writer(any_fake).merged() == number
    assert any_fake.calls == ["GET pulls"] * max(1, -(-len(pulls) // 100))


def test_an_unknown_commit_has_no_pull_request(fake: FakeGitHub) -> None:
    assert Writer(fake).merged() is None


def test_looking_up_is_retried_and_refused_like_posting(fake: FakeGitHub) -> None:
    fake.pulls[SHA] = [Pull(3, MAY, SHA)]
    writer = Writer(fake)
    fake.fail_next(502)
    fake.slow_down(7)
    assert writer.merged() == 3
    assert writer.pauses == [1.0, 7.0]
    fake.fail_next(403, message="Resource not accessible by integration")
    said = writer.refused(writer.merged)
    assert said.startswith(f"Cannot look up the pull request of commit '{SHA}' in 'acme/models': ")
    assert "permissions: pull-requests: write" in said


# What must not be visible


def test_logs_do_not_hold_the_token(fake: FakeGitHub, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, logger="github")
    Writer(fake).post()
    assert "/issues/7/comments" in caplog.text
    Writer(fake, FORK_TOKEN).refused(lambda: Writer(fake, FORK_TOKEN).post("new"))
    assert JOB_TOKEN not in caplog.text
    assert FORK_TOKEN not in caplog.text


def test_pygithub_does_not_print_redirections(fake: FakeGitHub) -> None:
    """By default PyGithub logs to standard error. It binds the stream at import, so this runs in its own process."""
    program = (
        "import os; from gto_ci.platforms.github import comments\n"
        "place = comments.CommentTarget(os.environ['API'], 'acme/models', os.environ['TOKEN'])\n"
        f"print(comments.post(place, {PULL}, '{HEADER}', 'Hello', create=False).action)"
    )
    environment = {**os.environ, "API": fake.api_url, "TOKEN": JOB_TOKEN}
    fake.rename("acme/renamed")
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("none\n", "")
    assert [request.status for request in fake.requests] == [403, 301, 200]


def test_the_token_is_sent_only_as_a_header(fake: FakeGitHub) -> None:
    Writer(fake).post()
    for request in fake.requests:
        assert request.headers["authorization"].endswith(f" {JOB_TOKEN}")
        assert JOB_TOKEN not in f"{request.path}?{request.query} {request.body}"


def test_a_step_without_a_comment_does_not_pay_for_one() -> None:
    program = (
        "import sys, gto_ci.action, gto_ci.platforms.github.runner; print({'github', 'requests'} & set(sys.modules))"
    )
    assert subprocess.check_output([sys.executable, "-c", program], text=True).strip() == "set()"


@pytest.mark.parametrize(
    ("path", "body", "fault"),
    [
        (f"/repos/acme/models/issues/{PULL}/comments", '{"text": "x"}', "'body' is a required property"),
        (f"/repos/acme/models/issues/{PULL}/comments", '{"body": "x", "to": 1}', "unknown in the body: to"),
        (f"/repos/acme/models/issues/{PULL}/comments?since=now", '{"body": "x"}', "unknown query parameter since"),
        ("/repos/acme/models/issues/seven/comments", '{"body": "x"}', "'seven' is not of type 'integer'"),
        ("/repos/acme/models/comments", '{"body": "x"}', "there is no such operation"),
    ],
)
def test_the_stand_in_reports_what_github_does_not_describe(path: str, body: str, fault: str) -> None:
    with pytest.raises(AssertionError, match=fault), FakeGitHub() as fake:
        send(fake, path, body)


def send(fake: FakeGitHub, path: str, body: str) -> None:
    connection = http.client.HTTPConnection(urlsplit(fake.api_url).netloc)
    headers = {"Authorization": f"token {JOB_TOKEN}", "User-Agent": "test", "Content-Type": "application/json"}
    connection.request("POST", path, body, headers)
    connection.getresponse().read()
    connection.close()
