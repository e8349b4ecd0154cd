"""Two requests of git's protocol that no command of git makes.

The first fetches tag objects without the objects that they point to, from a server that does not support filters.
``git fetch`` cannot ask such a server for a tag without its commit's files. The protocol can: a client names what it
wants and what it has, and the server omits everything that can be reached from what the client has. The list of refs
tells a tag's commit before anything is fetched. So the request names the commit as something that we have, and the
server sends only the tag objects.

The second lists the refs whose names begin with a prefix. ``git ls-remote`` has all refs sent, and selects some of
them.

Git's own programs are the transport (``git remote-http``, ``git upload-pack``); only the request is ours. Protocol
version 2, gitprotocol-v2(5).
"""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, NamedTuple

from gto_ci.core.errors import GitError
from gto_ci.git.process import Runner
from gto_ci.git.remotes.settings import trust_settings

_FLUSH, _DELIMITER = b"0000", b"0001"


class RefListing(NamedTuple):
    """A server's answer: the id of each ref, the object format, and whether it supports filters."""

    refs: dict[str, str]
    object_format: str
    filters: bool


def fetch_tags(
    runner: Runner, repository: Path, url: str, folder: Path | None, tags: Iterable[tuple[str, str]], object_format: str
) -> None:
    """Fetch tag objects into ``repository``. ``tags`` are pairs of the id of a tag object and that of its target.

    ``folder`` is the remote's folder if it is on this machine; otherwise ``url`` is http or https.

    Raises:
        GitError: the server cannot be reached, or does not follow the protocol.
    """
    request = _request(tags, object_format)
    if folder is not None:
        answer = _here(runner, repository, folder, [], stdin=request)
    else:
        answer = _over_http(runner, repository, url, request)[1]
    runner.run(["index-pack", "--stdin"], repository, stdin=_pack_in(answer))


def list_refs(runner: Runner, repository: Path, url: str, folder: Path | None, prefixes: Sequence[str]) -> RefListing:
    """Return the refs whose names begin with one of ``prefixes``; the server sends few others.

    ``folder`` is the remote's folder if it is on this machine; otherwise ``url`` is http or https. ``repository``, in
    which git runs, may have another object format.

    Raises:
        GitError: the server cannot be reached, or does not follow the protocol.
    """
    if folder is not None:
        said = _here(runner, repository, folder, ["--advertise-refs"])
        answer = _here(runner, repository, folder, [], stdin=_listing_request(prefixes, _format_in(said)))
    else:
        said, answer = _over_http(runner, repository, url, prefixes)
    refs: dict[str, str] = {}
    for packet in _packets(answer):
        oid, _, name = packet.decode(errors="surrogateescape").rstrip("\n").partition(" ")
        if name.startswith(tuple(prefixes)):
            refs[name] = oid
    capable = [packet.decode(errors="replace").strip() for packet in _packets(said)]
    fetch = next((one for one in capable if one.startswith("fetch=")), "")
    return RefListing(refs, _format_in(said), "filter" in fetch.removeprefix("fetch=").split())


def _here(runner: Runner, repository: Path, folder: Path, options: Sequence[str], *, stdin: bytes = b"") -> bytes:
    trusting = _speaking(runner).with_config(*trust_settings(folder))
    command = ["upload-pack", "--stateless-rpc", *options, "--", str(folder)]
    return trusting.run(command, repository, stdin=stdin, timeout=runner.network_timeout)


def _speaking(runner: Runner) -> Runner:
    return Runner({**runner.environ, "GIT_PROTOCOL": "version=2"}, runner.config, runner.secrets)


def _listing_request(prefixes: Sequence[str], object_format: str) -> bytes:
    head = _packet("command=ls-refs\n") + _packet(f"object-format={object_format}\n")
    return head + _DELIMITER + b"".join(_packet(f"ref-prefix {prefix}\n") for prefix in prefixes) + _FLUSH


def _format_in(said: bytes) -> str:
    """Return the object format among the capabilities that a server has sent."""
    named = (packet.strip().partition(b"=") for packet in _packets(said))
    return next((value.decode(errors="replace") for key, _, value in named if key == b"object-format"), "sha1")


def _request(tags: Iterable[tuple[str, str]], object_format: str) -> bytes:
    pairs = list(tags)
    lines = [f"want {tag}\n" for tag, _ in pairs]
    lines += [f"have {target}\n" for target in sorted({target for _, target in pairs})]
    arguments = b"".join(_packet(line) for line in ("no-progress\n", "ofs-delta\n", *lines, "done\n"))
    head = _packet("command=fetch\n") + _packet(f"object-format={object_format}\n")
    return head + _DELIMITER + arguments + _FLUSH


def _over_http(runner: Runner, repository: Path, url: str, request: bytes | Sequence[str]) -> tuple[bytes, bytes]:
    """Send ``request`` through git's HTTP helper, and return the server's capabilities and its answer.

    If ``request`` is not bytes, it is a list of prefixes of refs to list. gitremote-helpers(7).
    """
    command = [f"remote-{url.partition(':')[0]}", "origin", url]
    with _speaking(runner.patient()).start(command, repository, detached=True) as helper:
        assert helper.stdin is not None
        assert helper.stdout is not None
        watchdog = threading.Timer(runner.network_timeout, _end, [helper])
        watchdog.start()
        try:
            helper.stdin.write(b"stateless-connect git-upload-pack\n")
            helper.stdin.flush()
            if helper.stdout.readline() != b"\n":
                raise _broken(command, "the server does not speak protocol version 2")
            said = _read_section(helper.stdout)
            if not isinstance(request, bytes):
                request = _listing_request(request, _format_in(said))
            helper.stdin.write(request)
            helper.stdin.flush()
            return said, _read_section(helper.stdout)
        except (OSError, ValueError) as error:
            raise _broken(command, f"the connection ended ({error})") from error
        finally:
            watchdog.cancel()
            watchdog.join()  # a later fork must find no other thread
            _end(helper)


def _end(helper: subprocess.Popen[bytes]) -> None:
    """Kill the helper and the process that git has started for it, which would keep our pipes open."""
    if not hasattr(os, "killpg"):
        helper.kill()
        return
    with suppress(ProcessLookupError):
        os.killpg(helper.pid, signal.SIGKILL)


def _read_section(stream: IO[bytes]) -> bytes:
    """Return the raw packets up to a flush or response-end packet, and this packet."""
    read = b""
    chunks: list[bytes] = []
    while read not in (_FLUSH, b"0002"):
        read = stream.read(4)
        size = int(read, 16)  # ValueError where the stream ended
        chunks.append(read + stream.read(max(size - 4, 0)))
    return b"".join(chunks)


def _packets(answer: bytes) -> Iterator[bytes]:
    """Yield the contents of the packets in ``answer``, without delimiters."""
    at = 0
    while at < len(answer):
        try:
            size = int(answer[at : at + 4], 16)
        except ValueError as error:
            raise _broken(["git-upload-pack"], "the answer is not in packets") from error
        packet = answer[at + 4 : at + max(size, 4)]
        at += max(size, 4)
        if packet.startswith(b"ERR "):
            raise _broken(["git-upload-pack"], packet[4:].decode(errors="replace").strip())
        if packet:
            yield packet


def _pack_in(answer: bytes) -> bytes:
    """Return the pack in the ``packfile`` section of an answer, without its side band."""
    pack: list[bytes] = []
    started = False
    for packet in _packets(answer):
        if not started:
            started = packet == b"packfile\n"
        elif packet[:1] == b"\x01":
            pack.append(packet[1:])
        elif packet[:1] == b"\x03":
            raise _broken(["git-upload-pack"], packet[1:].decode(errors="replace").strip())
    if not pack:
        raise _broken(["git-upload-pack"], "no pack came")
    return b"".join(pack)


def _packet(line: str) -> bytes:
    data = line.encode()
    return b"%04x%s" % (len(data) + 4, data)


def _broken(command: list[str], reason: str) -> GitError:
    return GitError(["git", *command[:1]], None, stderr=reason)
