"""Signatures read back by a verifier that goes by the RFC line by line and is tried on the RFC's own example."""

import base64
import re
from datetime import UTC, datetime
from hashlib import sha256

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_public_key,
)
from hypothesis import example, given
from hypothesis import strategies as st

from bot.channels.dkim import DkimSigner, relaxed_body
from bot.channels.mime import MailFrame, build_mail
from campaigns.errors import ConfigError
from campaigns.terms import MailWords, MessageClass, Outbound

NOW = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)
FRAME = MailFrame("大同人才网", "service@talent.example", "reply.talent.example", "mail.talent.example")
WORDS = MailWords(
    "（广告）大同机械：您有 5 份简历未读", "您好。\n有 5 份简历。\n", "<p>您好，<b>大同机械</b>。</p>" * 40
)

# RFC 8463, appendix A: two signatures of one mail and the public keys, the first with its private half.
RFC_ED25519_SEED = "nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A="
RFC_RSA_PUBLIC = (
    "MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWRiGs5V6NpP3idY6Wk08a5qhdR6wy5bdOKb2jLQiY/J16JYi0Qvx/byYzCNb3W91"
    "y3FutACDfzwQ/BC/e/8uBsCR+yz1Lxj+PL6lHvqMKrM3rG4hstT5QjvHO9PzoxZyVYLzBfO2EeC3Ip3G+2kryOTIKT+l/K4w3QIDAQAB"
)
RFC_SIGNATURES = """\
DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed;
 d=football.example.com; i=@football.example.com;
 q=dns/txt; s=brisbane; t=1528637909; h=from : to :
 subject : date : message-id : from : subject : date;
 bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;
 b=/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11Bus
 Fa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw==
DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed;
 d=football.example.com; i=@football.example.com;
 q=dns/txt; s=test; t=1528637909; h=from : to : subject :
 date : message-id : from : subject : date;
 bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;
 b=F45dVWDfMbQDGHJFlXUNB2HKfbCeLRyhDXgFpEL8GwpsRe0IeIixNTe3
 DhCVlUrSjV4BwcVcOF6+FF3Zo9Rpo1tFOeS9mPYQTnGdaSGsgeefOsk2Jz
 dA+L10TeYt9BgDfQNZtKdN1WO//KgIqXP7OdEFE4LjFYNcUxZQ4FADY+8=
"""
RFC_MAIL = """\
From: Joe SixPack <joe@football.example.com>
To: Suzie Q <suzie@shopping.example.net>
Subject: Is dinner ready?
Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)
Message-ID: <20030712040037.46341.5F8J@football.example.com>

Hi.

We lost the game.  Are you hungry yet?

Joe.

"""

ED25519 = Ed25519PrivateKey.from_private_bytes(base64.b64decode(RFC_ED25519_SEED))
RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
KEYS = {"ed25519": ED25519, "rsa": RSA}


def pem(key: Ed25519PrivateKey | rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey, password: bytes = b"") -> str:
    encryption = BestAvailableEncryption(password) if password else NoEncryption()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption).decode()


def wire(text: str) -> bytes:
    return text.replace("\n", "\r\n").encode()


# ---- the verifier ---------------------------------------------------------------------------------------------------


def verify(mail: bytes, key: Ed25519PublicKey | RSAPublicKey) -> dict[str, str]:
    """The tags of the first header, a DKIM-Signature. Raises InvalidSignature."""
    head, _, body = mail.partition(b"\r\n\r\n")
    fields = unfolded(head)
    name, own = fields.pop(0)
    assert name.lower() == "dkim-signature"
    tags = {tag.strip(): re.sub(r"[ \t]", "", value) for tag, _, value in (t.partition("=") for t in own.split(";"))}
    assert (tags["v"], tags["c"]) == ("1", "relaxed/relaxed")
    if base64.b64decode(tags["bh"]) != sha256(slow_body(body)).digest():
        raise InvalidSignature("the body was changed")
    text = ""
    for wanted in tags["h"].split(":"):
        places = [place for place, (found, _) in enumerate(fields) if found.strip().lower() == wanted.lower()]
        if places:  # the lowest first, each once; none left is nothing
            text += relaxed_header(*fields.pop(places[-1]))
    text += relaxed_header(name, own[: own.rindex("b=") + 2]).removesuffix("\r\n")
    signature = base64.b64decode(tags["b"])
    if isinstance(key, RSAPublicKey):
        assert tags["a"] == "rsa-sha256"
        key.verify(signature, text.encode("latin-1"), PKCS1v15(), SHA256())
    else:
        assert tags["a"] == "ed25519-sha256"
        key.verify(signature, sha256(text.encode("latin-1")).digest())
    return tags


def unfolded(head: bytes) -> list[tuple[str, str]]:
    lines: list[str] = []
    for line in head.decode("latin-1").split("\r\n"):
        if line[:1] in (" ", "\t") and lines:
            lines[-1] += line
        else:
            lines.append(line)
    return [(line.partition(":")[0], line.partition(":")[2]) for line in lines]


def relaxed_header(name: str, value: str) -> str:
    return f"{name.strip().lower()}:{re.sub('[ 	]+', ' ', value).strip(' ')}\r\n"


def slow_body(body: bytes) -> bytes:
    lines = [re.sub(rb"[ \t]+", b" ", line).rstrip(b" ") for line in body.split(b"\r\n")]
    while lines and not lines[-1]:
        lines.pop()
    return b"".join(line + b"\r\n" for line in lines)


def test_the_verifier_takes_the_signatures_of_rfc_8463() -> None:
    first, second = (f"DKIM-Signature:{one}" for one in RFC_SIGNATURES.split("DKIM-Signature:")[1:])
    assert verify(wire(first + second + RFC_MAIL), ED25519.public_key())["s"] == "brisbane"
    key = load_der_public_key(base64.b64decode(RFC_RSA_PUBLIC))
    assert isinstance(key, RSAPublicKey)
    assert verify(wire(second + RFC_MAIL), key)["s"] == "test"
    with pytest.raises(InvalidSignature):
        verify(wire(second + RFC_MAIL.replace("dinner", "supper")), key)


# ---- the signer -----------------------------------------------------------------------------------------------------


def signed(mail: bytes, kind: str = "ed25519") -> bytes:
    return DkimSigner("talent.example", "s2026", pem(KEYS[kind])).signature(mail, NOW) + mail


def our_mail(words: MailWords = WORDS, unsubscribe_url: str = "https://talent.example/u/tok") -> bytes:
    outbound = Outbound(1, "k-77-A", "li@datong.example", MessageClass.MARKETING, words, unsubscribe_url)
    return build_mail(outbound, words, FRAME, NOW)


@pytest.mark.parametrize("kind", KEYS)
def test_our_mails_are_verified_with_the_public_key(kind: str) -> None:
    tags = verify(signed(our_mail(), kind), KEYS[kind].public_key())
    assert (tags["a"], tags["d"], tags["s"]) == (f"{kind}-sha256", "talent.example", "s2026")
    assert tags["t"] == str(int(NOW.timestamp()))


def test_the_mail_of_the_rfc_has_the_body_hash_that_the_rfc_gives() -> None:
    tags = verify(signed(wire(RFC_MAIL)), ED25519.public_key())
    assert tags["bh"] == "2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8="


def test_two_signatures_stand_one_before_the_other_and_both_hold() -> None:
    mail = our_mail()
    both = DkimSigner("talent.example", "r1", pem(RSA)).signature(mail, NOW) + signed(mail)
    assert verify(both, RSA.public_key())["s"] == "r1"
    assert verify(both[both.index(b"DKIM", 4) :], ED25519.public_key())["s"] == "s2026"


@pytest.mark.parametrize(
    "change",
    [
        (b"From: ", b"From: x"),
        (b"Subject: ", b"Subject: x"),
        (b"To: <li@", b"To: <lu@"),
        (b"Reply-To: <reply+", b"Reply-To: <x+"),
        (b"https://talent.example/u/tok", b"https://phish.example/u/tok"),
        (b"List-Unsubscribe-Post: List", b"List-Unsubscribe-Post: x"),
        (b"base64\r\n\r\n", b"base64\r\n\r\nxxxx"),
        (b"From: ", b"From: =?utf-8?B?YmFuaw==?= <bank@phish.example>\r\nFrom: "),
        (b"To: <li@", b"Cc: everybody@phish.example\r\nTo: <li@"),
        (b"MIME-Version", b"Content-Type: text/plain\r\nMIME-Version"),
    ],
)
def test_whatever_is_changed_or_added_in_what_counts_is_found_out(change: tuple[bytes, bytes]) -> None:
    raw = signed(our_mail())
    assert change[0] in raw
    with pytest.raises(InvalidSignature):
        verify(raw.replace(*change, 1), ED25519.public_key())


def test_one_click_unsubscribe_is_signed_as_rfc_8058_asks() -> None:
    names = verify(signed(our_mail()), ED25519.public_key())["h"].split(":")
    assert {"from", "list-unsubscribe", "list-unsubscribe-post"} <= set(names)


def test_nobody_can_add_an_unsubscribe_link_to_a_mail_without_one() -> None:
    raw = signed(our_mail(unsubscribe_url=""))
    verify(raw, ED25519.public_key())
    with pytest.raises(InvalidSignature):
        verify(raw.replace(b"To: <li@", b"List-Unsubscribe: <https://phish.example>\r\nTo: <li@"), ED25519.public_key())


def test_what_relays_add_and_rewrap_breaks_nothing() -> None:
    raw = signed(our_mail()).replace(b"Subject: ", b"subject:  ").replace(b">,\r\n <mailto", b">,  \r\n\t<mailto")
    verify(raw.replace(b"To: <li@", b"Received: from a by b\r\nTo: <li@") + b"\r\n\r\n", ED25519.public_key())


@pytest.mark.parametrize("kind", KEYS)
def test_the_header_is_folded_ascii(kind: str) -> None:
    header = DkimSigner("talent.example", "s2026", pem(KEYS[kind])).signature(our_mail(), NOW)
    lines = header.split(b"\r\n")
    assert lines.pop() == b""
    assert header.isascii()
    assert max(map(len, lines)) <= 78
    assert lines[0].startswith(b"DKIM-Signature: ")
    assert all(line.startswith(b" ") for line in lines[1:])


LOOSE = st.lists(st.sampled_from([b"a", b" ", b"\t", b"\r\n", b"\r", b"\n", b"=", b"\r\n\r\n", b"--"]), max_size=24)
NAMES = st.sampled_from([b"From", b"SUBJECT", b"to ", b"X-Odd", b"Date", b"Cc\t"])
VALUES = st.lists(
    st.sampled_from([b"a", b" ", b"\t", b"\r\n ", b"\r\n\t", b":", b"\xe7\x94\xb2", b"; b=x"]), max_size=8
)


@given(LOOSE.map(b"".join))
@example(b"")
@example(b"\r\n")
@example(b"a")
def test_a_body_is_relaxed_as_the_rfc_says_line_by_line(body: bytes) -> None:
    assert relaxed_body(body) == slow_body(body)


def test_a_body_of_ours_is_relaxed_already() -> None:
    body = our_mail().partition(b"\r\n\r\n")[2]
    assert relaxed_body(body) is body


@given(st.lists(st.tuples(NAMES, VALUES.map(b"".join)), min_size=1, max_size=6), LOOSE.map(b"".join))
def test_any_mail_with_crlf_lines_is_signed_so_that_it_verifies(fields: list[tuple[bytes, bytes]], body: bytes) -> None:
    head = b"\r\n".join(b"%b:%b" % field for field in fields)
    verify(signed(head + b"\r\n\r\n" + body), ED25519.public_key())


@given(st.builds(MailWords, st.text(max_size=40), st.text(max_size=200), st.text(max_size=200)))
def test_mails_with_any_words_verify(words: MailWords) -> None:
    verify(signed(our_mail(words)), ED25519.public_key())


# ---- the key --------------------------------------------------------------------------------------------------------


WEAK = rsa.generate_private_key(public_exponent=65537, key_size=1024)
OTHER = ec.generate_private_key(ec.SECP256R1())


@pytest.mark.parametrize(
    ("domain", "selector", "key", "setting"),
    [
        ("", "s", pem(ED25519), "DKIM_DOMAIN"),
        ("talent", "s", pem(ED25519), "DKIM_DOMAIN"),
        ("人才.example", "s", pem(ED25519), "DKIM_DOMAIN"),
        ("talent.example; x=1", "s", pem(ED25519), "DKIM_DOMAIN"),
        ("talent.example\r\nBcc: x", "s", pem(ED25519), "DKIM_DOMAIN"),
        ("talent.example\n", "s", pem(ED25519), "DKIM_DOMAIN"),
        (f"{'a' * 63}.{'b' * 63}.{'c' * 63}.{'d' * 63}", "s", pem(ED25519), "DKIM_DOMAIN"),
        ("talent.example", "", pem(ED25519), "DKIM_SELECTOR"),
        ("talent.example", "s_1", pem(ED25519), "DKIM_SELECTOR"),
        ("talent.example", "s\n", pem(ED25519), "DKIM_SELECTOR"),
        ("talent.example", "s", "", "DKIM_PRIVATE_KEY"),
        ("talent.example", "s", "secret words", "DKIM_PRIVATE_KEY"),
        ("talent.example", "s", pem(ED25519).replace("A", "", 1), "DKIM_PRIVATE_KEY"),
        ("talent.example", "s", pem(ED25519, b"password"), "DKIM_PRIVATE_KEY"),
        ("talent.example", "s", pem(OTHER), "DKIM_PRIVATE_KEY"),
        ("talent.example", "s", pem(WEAK), "DKIM_PRIVATE_KEY: RSA 只有 1024 位"),
    ],
)
def test_what_cannot_sign_is_refused_by_its_setting_and_never_shown(
    domain: str, selector: str, key: str, setting: str
) -> None:
    with pytest.raises(ConfigError, match=f"^{setting}") as caught:
        DkimSigner(domain, selector, key)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    assert not key or max(key.splitlines(), key=len) not in str(caught.value)


@pytest.mark.parametrize("kind", KEYS)
def test_the_key_is_in_no_repr(kind: str) -> None:
    signer = DkimSigner("talent.example", "s2026", pem(KEYS[kind]))
    assert repr(signer) == str(signer) == "DkimSigner('talent.example', 's2026')"
