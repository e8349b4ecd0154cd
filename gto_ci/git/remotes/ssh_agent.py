"""A private key for ssh that is in no file, on no command line and in no variable.

A separate ssh-agent holds the key. ssh-add reads the key from its standard input, and the agent ends with this program.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from gto_ci.core.errors import Remedies, WrongInput, quote
from gto_ci.git.scratch_folders import temporary_folder

# https://docs.github.com/authentication/keeping-your-account-and-data-secure/githubs-ssh-key-fingerprints
GITHUB = "github.com ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl\n"
_PATIENCE = 10.0  # seconds for the agent to start and to take the key


@contextmanager
def ssh_key(key: str, known_hosts: str, environ: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """Yield the variables with which git's ssh uses only ``key``, while the context lasts.

    ``known_hosts`` has the lines of ssh's file of that name; github.com is always known. Unknown hosts are refused.

    Raises:
        WrongInput: ssh's programs are missing, or do not accept the key.
    """
    with temporary_folder() as folder:
        hosts, socket = folder / "known_hosts", folder / "agent"
        hosts.write_text(f"{GITHUB}{known_hosts}\n", encoding="utf-8", errors="surrogateescape")
        with _agent(socket, environ):
            _add(key, {**environ, "SSH_AUTH_SOCK": str(socket)})
            options = {  # paths in quotes, because they may contain spaces
                "IdentityAgent": f'"{socket}"',
                "IdentityFile": "none",
                "UserKnownHostsFile": f'"{hosts}"',
                "StrictHostKeyChecking": "yes",
                "BatchMode": "yes",
            }
            words = [word for option, value in options.items() for word in ("-o", f"{option}={value}")]
            yield {"GIT_SSH_COMMAND": shlex.join(["ssh", *words]), "GIT_SSH_VARIANT": "ssh"}


@contextmanager
def _agent(socket: Path, environ: Mapping[str, str]) -> Iterator[None]:
    command = ["ssh-agent", "-D", "-a", str(socket)]
    quiet = subprocess.DEVNULL
    try:
        agent = subprocess.Popen(command, env=dict(environ), stdin=quiet, stdout=quiet, stderr=quiet)
    except OSError as error:
        raise WrongInput("A key for ssh was given, and ssh-agent is not installed", "Install OpenSSH") from error
    try:
        until = time.monotonic() + _PATIENCE
        while not socket.exists() and agent.poll() is None and time.monotonic() < until:
            time.sleep(0.01)
        yield
    finally:
        agent.terminate()
        agent.wait()


def _add(key: str, environ: Mapping[str, str]) -> None:
    # ssh-add has no terminal and no window to ask for a passphrase, so it refuses a key that has one
    environ = {**environ, "SSH_ASKPASS": os.devnull, "SSH_ASKPASS_REQUIRE": "never", "LC_ALL": "C"}
    text = key.replace("\r\n", "\n").strip() + "\n"
    try:
        done = subprocess.run(
            ["ssh-add", "-q", "-"],
            input=text.encode(errors="surrogateescape"),
            env=environ,
            capture_output=True,
            timeout=_PATIENCE,
            check=False,
            start_new_session=True,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise WrongInput("The key for ssh could not be given to ssh-agent", Remedies.GIVE_PRIVATE_KEY) from error
    if done.returncode != 0:
        said = (done.stderr.decode(errors="replace").strip().splitlines() or ["no reason given"])[-1]
        reason = "it has a passphrase" if "passphrase" in said else quote(said)[1:-1]
        raise WrongInput(f"The key for ssh was not taken: {reason}", Remedies.GIVE_PRIVATE_KEY)
