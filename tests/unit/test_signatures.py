"""What git, GnuPG and ssh-keygen say of signatures, as they said it: git 2.39, GnuPG 2.2, OpenSSH 9.2."""

from __future__ import annotations

import pytest

from gto_ci.git.signatures import Format, Signature, parse_verification
from gto_ci.render import views

FPR, KEY, WHO = "BE2175A0849FC06464E162A3AFC685A5FFF1F393", "AFC685A5FFF1F393", "Ada <ada@example.com>"
VALID = f"VALIDSIG {FPR} 2026-11-22 1795332245 0 4 0 22 8 00 {FPR}"
SSH = "SHA256:4s+9lcyJIA4XBbdSKI/ohZP05YhnWJegduHZjM+OLNo"
SSH_GOOD = f'Good "git" signature with ED25519 key {SSH}'


def gpg(*lines: str) -> str:
    said = ("NEWSIG ada@example.com", f"KEY_CONSIDERED {FPR} 0", *lines)
    return "".join(f"[GNUPG:] {line}\n" for line in said)


@pytest.mark.parametrize(
    ("said", "accepted", "form", "signature"),
    [
        (gpg(f"GOODSIG {KEY} {WHO}", VALID, "TRUST_ULTIMATE 0 pgp"), True, "gpg", ("good", WHO, FPR)),
        (gpg(f"GOODSIG {KEY} {WHO}", VALID, "TRUST_MARGINAL 0 pgp"), True, "gpg", ("good", WHO, FPR)),
        (gpg(f"GOODSIG {KEY} {WHO}", VALID, "TRUST_UNDEFINED 0 pgp"), True, "gpg", ("untrusted", WHO, FPR)),
        (gpg(f"GOODSIG {KEY} {WHO}", VALID, "TRUST_NEVER 0 pgp"), True, "gpg", ("untrusted", WHO, FPR)),
        # gpg.minTrustLevel asks for more
        (gpg(f"GOODSIG {KEY} {WHO}", VALID, "TRUST_MARGINAL 0 pgp"), False, "gpg", ("untrusted", WHO, FPR)),
        (gpg(f"BADSIG {KEY} {WHO}"), False, "gpg", ("bad", WHO, KEY)),
        (gpg(f"ERRSIG {KEY} 22 8 00 1795332245 9 {FPR}", f"NO_PUBKEY {KEY}"), False, "gpg", ("unknown", None, KEY)),
        (gpg(f"EXPKEYSIG {KEY} {WHO}", VALID, "KEYEXPIRED 1"), False, "gpg", ("expired", WHO, FPR)),
        (gpg(f"EXPSIG {KEY} {WHO}", VALID), False, "gpg", ("expired", WHO, FPR)),
        (gpg(f"REVKEYSIG {KEY} {WHO}", VALID, "TRUST_ULTIMATE 0 pgp"), False, "gpg", ("revoked", WHO, FPR)),
        (gpg(f"GOODSIG {KEY} {WHO}", VALID, "TRUST_FULLY 0"), True, "x509", ("good", WHO, FPR)),
        (gpg(f"GOODSIG {KEY} {WHO}", f"GOODSIG {KEY} {WHO}"), False, "gpg", ("unknown", None, None)),
        (gpg(f"GOODSIG {KEY} {WHO}", f"BADSIG {KEY} {WHO}"), False, "gpg", ("unknown", None, None)),
        ("fatal: cannot run /nonexistent: No such file or directory\n", False, "gpg", ("unknown", None, None)),
        (f"GOODSIG {KEY} said by nobody\n", True, "gpg", ("unknown", None, None)),
        (gpg(f"GOODSIG {KEY} {WHO}"), True, "gpg", ("unknown", None, KEY)),  # without VALIDSIG it is not valid
        ("[GNUPG:] GOODSIG\n", True, "gpg", ("unknown", None, None)),
        ("", False, "gpg", ("unknown", None, None)),
        (f'Good "git" signature for a@b with ED25519 key {SSH}\n', True, "ssh", ("good", "a@b", SSH)),
        (f'Good "git" signature for a b with RSA key {SSH}\n', True, "ssh", ("good", "a b", SSH)),
        (f'Good "git" signature for a@b with ED25519 key {SSH}\n', False, "ssh", ("untrusted", "a@b", SSH)),
        (f"{SSH_GOOD}\nNo principal matched.\n", False, "ssh", ("untrusted", None, SSH)),
        (
            f"{SSH_GOOD}\n/a:1: key has expired: verify time 2026 > valid-before 2020\nNo principal matched.\n",
            *(False, "ssh", ("expired", None, SSH)),
        ),
        (
            "Signature verification failed: incorrect signature\nCould not verify signature.\n",
            *(False, "ssh", ("bad", None, None)),
        ),
        ("Could not verify signature.\n", False, "ssh", ("revoked", None, None)),
        (
            "error: gpg.ssh.allowedSignersFile needs to be configured and exist for ssh signature verification\n",
            *(False, "ssh", ("unknown", None, None)),
        ),
    ],
)
def test_what_is_said_of_a_signature(
    said: str, accepted: bool, form: Format, signature: tuple[str, str | None, str | None]
) -> None:
    assert parse_verification(said, accepted, form) == Signature(*signature, form)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("signature", "sentence"),
    [
        (Signature("good", WHO, FPR, "gpg"), f"Signature: good (gpg), by '{WHO}' with the key '{FPR}'"),
        (Signature("untrusted", None, SSH, "ssh"), f"Signature: untrusted (ssh), with the key '{SSH}'"),
        (Signature("bad", "A\x1b[31m", None, "gpg"), "Signature: bad (gpg), by 'A\\x1b[31m'"),
        (Signature("none"), "Signature: none"),
    ],
)
def test_a_signature_as_a_sentence(signature: Signature, sentence: str) -> None:
    assert views.signature_sentence(signature) == sentence
