"""A Git host over SSH for tests: a real OpenSSH server on 127.0.0.1, with keys of its own.

    with SshServer(folder_of_bare_repositories, tmp_path) as server:
        git("clone", server.url("acme/models.git"), env=server.environ)

Each connection gets its own `sshd`, as inetd would start it: the port is there when the server is, and nothing has to
wait for it. It runs as the user who runs the tests, lets in one key, and knows nothing of the user's own `~/.ssh`.
"""

from __future__ import annotations

import getpass
import os
import shlex
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

# sshd is no command for everybody, so its folder is often not on the PATH
_SBIN = os.pathsep.join(("/usr/sbin", "/usr/local/sbin", "/sbin"))


class NoSshServer(Exception):
    """OpenSSH's server cannot run here; the message says why."""


@contextmanager
def ssh_server(root: Path, folder: Path) -> Iterator[SshServer]:
    """An SSH server for the repositories below `root`; without one the test is skipped, in CI it fails."""
    server = SshServer(root, folder)
    try:
        server.__enter__()
    except NoSshServer as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(error))
    try:
        yield server
    finally:
        server.__exit__()


class SshServer:
    """Serves the bare repositories below `root`; keeps keys, settings and its log in `folder`.

    Raises `NoSshServer` on entering where there is no OpenSSH server, or where it lets nobody in.
    """

    def __init__(self, root: Path, folder: Path) -> None:
        self.root = root
        self.folder = folder
        self._stopping = False
        self._listener: socket.socket | None = None
        self._children: list[subprocess.Popen[bytes]] = []
        self._thread = threading.Thread(target=self._accept, daemon=True)

    def __enter__(self) -> SshServer:
        self._sshd = _find("sshd")
        self.folder.mkdir(parents=True, exist_ok=True)
        for key in ("host", "client"):
            command = [_find("ssh-keygen"), "-q", "-t", "ed25519", "-N", "", "-C", key, "-f", str(self.folder / key)]
            subprocess.run(command, check=True, capture_output=True)
        self._configure()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        host_key = (self.folder / "host.pub").read_text()
        (self.folder / "known_hosts").write_text(f"[127.0.0.1]:{self.port} {host_key}")
        self._thread.start()
        try:
            self._try_out()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        assert self._listener is not None
        self._stopping = True
        with suppress(OSError):  # wakes the thread up, which would wait for a connection for ever
            socket.create_connection(("127.0.0.1", self.port)).close()
        self._thread.join()
        self._listener.close()
        for child in self._children:
            child.terminate()
            child.wait()

    def url(self, repository: str) -> str:
        return f"ssh://{getpass.getuser()}@127.0.0.1:{self.port}{self.root / repository}"

    @property
    def environ(self) -> dict[str, str]:
        """What a client's git needs in its environment to be let in."""
        return {"GIT_SSH_COMMAND": shlex.join(self._client()), "GIT_SSH_VARIANT": "ssh"}

    def _client(self) -> list[str]:
        options = [
            "BatchMode=yes",
            "IdentitiesOnly=yes",
            "IdentityAgent=none",
            "LogLevel=ERROR",
            "StrictHostKeyChecking=yes",
            f"UserKnownHostsFile={self.folder / 'known_hosts'}",
        ]
        # the user's own ~/.ssh/config is not read
        command = [_find("ssh"), "-F", os.devnull, "-i", str(self.folder / "client")]
        return [*command, *(word for option in options for word in ("-o", option))]

    def _configure(self) -> None:
        git = shutil.which("git")
        assert git is not None
        settings = {
            "HostKey": self.folder / "host",
            "AuthorizedKeysFile": self.folder / "client.pub",
            "StrictModes": "no",  # the folder for temporary files is open to all
            "UsePAM": "no",
            "PidFile": "none",
            "PermitRootLogin": "prohibit-password",
            "PasswordAuthentication": "no",
            "KbdInteractiveAuthentication": "no",
            "AllowUsers": getpass.getuser(),
            "AcceptEnv": "GIT_PROTOCOL",
            "SetEnv": f"GIT_CONFIG_GLOBAL={os.devnull} GIT_CONFIG_NOSYSTEM=1 PATH={Path(git).parent}:{os.defpath}",
            "KexAlgorithms": "curve25519-sha256",  # half the time of what it would prefer
            "MaxStartups": "100",
        }
        lines = [f"{name} {value}\n" for name, value in settings.items()]
        (self.folder / "sshd_config").write_text("".join(lines))
        if os.geteuid() == 0:
            # where sshd's unprivileged half is locked into; on Debian the service makes it when it starts
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)

    def _accept(self) -> None:
        assert self._listener is not None
        command = [self._sshd, "-i", "-f", str(self.folder / "sshd_config"), "-E", str(self.folder / "log")]
        while True:
            connection, _ = self._listener.accept()
            with connection:
                if self._stopping:
                    return
                # stderr too is the connection: inetd gives its servers nothing else
                child = subprocess.Popen(command, stdin=connection, stdout=connection, stderr=subprocess.DEVNULL)
            self._children.append(child)

    def _try_out(self) -> None:
        command = [*self._client(), "-p", str(self.port), f"{getpass.getuser()}@127.0.0.1", "git", "--version"]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        if done.returncode:
            log = self.folder / "log"
            raise NoSshServer(f"{done.stderr.strip()}; sshd says: {log.read_text().strip() if log.exists() else ''}")


def _find(program: str) -> str:
    found = shutil.which(program) or shutil.which(program, path=_SBIN)
    if found is None:
        raise NoSshServer(f"{program} is not installed (on Debian: apt-get install openssh-server)")
    return found
