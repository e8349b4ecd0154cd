"""The verification of tags' signatures. A pure function parses the output of git and its helpers.

A signature proves who wrote a tag object, which contains the tag's name. If the ref has another name, a valid
signature proves nothing about that name, and counts as bad.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping
from typing import Literal, NamedTuple

from gto_ci.core.errors import GitError
from gto_ci.git.process import LOCAL_TIMEOUT
from gto_ci.git.repository import Repository

Status = Literal["good", "untrusted", "bad", "unknown", "expired", "revoked", "none"]
Format = Literal["gpg", "ssh", "x509"]


class Signature(NamedTuple):
    """The result of verifying a tag's signature.

    ``good``: valid, by a key that the user's keyring or allowed signers trust. ``untrusted``: valid, by a key that they
    do not trust. ``bad``: not a signature of this tag. ``unknown``: it could not be checked, because the key, a setting
    or a program is missing. ``expired``, ``revoked``: the key or the signature is. ``none``: the tag is not signed.

    ``signer`` and ``key`` are the names that the verifying program prints, ``format`` is the kind of signature; None if
    unknown.
    """

    status: Status
    signer: str | None = None
    key: str | None = None
    format: Format | None = None


UNSIGNED = Signature("none")
_FORMATS: dict[bytes, Format] = {
    b"PGP SIGNATURE": "gpg",
    b"PGP MESSAGE": "gpg",
    b"SSH SIGNATURE": "ssh",
    b"SIGNED MESSAGE": "x509",
}
_BEGIN = re.compile(rb"^-----BEGIN (" + b"|".join(_FORMATS) + rb")-----", re.MULTILINE)
# GnuPG, doc/DETAILS: exactly one of these appears for each signature
_GPG: dict[str, Status] = {
    "GOODSIG": "good",
    "BADSIG": "bad",
    "ERRSIG": "unknown",
    "EXPSIG": "expired",
    "EXPKEYSIG": "expired",
    "REVKEYSIG": "revoked",
}
_SSH_GOOD = re.compile(r'Good "git" signature (?:for (?P<signer>.+) )?with \S+ key (?P<key>\S+)')


def verify(repository: Repository, tags: Mapping[str, str]) -> dict[str, Signature]:
    """Return the signature of each of ``tags``, which maps names of refs to ids of tag objects.

    This takes one git process for all tags, and another for each signed tag.

    Raises:
        GitError: git cannot read the repository, or a signature cannot be checked in time.
    """
    found = repository.objects(list(tags.values())) if tags else []
    signatures: dict[str, Signature] = {}
    for tag, one in zip(tags, found, strict=True):
        begins = _BEGIN.findall(one.data) if one and one.kind == "tag" else []
        if one is None or not begins:
            signatures[tag] = UNSIGNED
            continue
        signature = parse_verification(*_verify_tag(repository, one.oid), _FORMATS[begins[-1]])
        header = one.data.partition(b"\n\n")[0].split(b"\n")
        if signature.status != "unknown" and b"tag " + tag.encode(errors="surrogateescape") not in header:
            signature = signature._replace(status="bad")
        signatures[tag] = signature
    return signatures


def parse_verification(said: str, accepted: bool, form: Format) -> Signature:
    """Return the signature that the output ``said`` of ``git verify-tag --raw`` describes.

    ``accepted``: its exit code was 0.
    """
    return _ssh(said, accepted) if form == "ssh" else _gpg(said, accepted, form)


def _gpg(said: str, accepted: bool, form: Format) -> Signature:
    lines = [line.split(" ", 3)[1:] for line in said.splitlines() if line.startswith("[GNUPG:] ")]
    verdicts = [line for line in lines if line[0] in _GPG]
    if len(verdicts) != 1:  # none, or several signatures, which git does not accept either
        return Signature("unknown", format=form)
    word, key, signer = (*verdicts[0], "", "")[:3]
    status = _GPG[word]
    trusted = not any(line[0] in ("TRUST_UNDEFINED", "TRUST_NEVER") for line in lines)
    if status == "good" and not (trusted and accepted):
        status = "untrusted"
    full = next((line[1] for line in lines if line[0] == "VALIDSIG" and len(line) > 1), None)
    if status in ("good", "untrusted") and full is None:
        status = "unknown"
    return Signature(status, None if status == "unknown" else signer or None, full or key or None, form)


def _ssh(said: str, accepted: bool) -> Signature:
    lines = said.splitlines()
    good = next((match for match in map(_SSH_GOOD.fullmatch, lines) if match), None)
    signer, key = (good["signer"], good["key"]) if good else (None, None)
    status: Status = "unknown"
    if good and signer and accepted:
        status = "good"
    elif any("has expired" in line for line in lines):
        status = "expired"
    elif good:
        status = "untrusted"
    elif any("incorrect signature" in line for line in lines):
        status = "bad"
    elif lines == ["Could not verify signature."]:
        status = "revoked"  # for everything else, ssh-keygen prints a reason
    return Signature(status, signer, key, "ssh")


def _verify_tag(repository: Repository, oid: str) -> tuple[str, bool]:
    """Return what git and its helper print on both streams, and whether they accept the signature."""
    args = ("verify-tag", "--raw", oid)
    with repository.runner.start(args, repository.root, stderr=subprocess.STDOUT) as process:
        try:
            output, _ = process.communicate(timeout=LOCAL_TIMEOUT)
        except subprocess.TimeoutExpired as error:
            process.kill()
            raise GitError(["git", *args], None, stderr=f"no answer within {LOCAL_TIMEOUT:g} seconds") from error
    return output.decode(errors="replace"), process.returncode == 0
