"""A key, its record in DNS, and another program's verifier that takes what we sign with it."""

import json
from datetime import UTC, datetime

import dkim
import pytest
from typer.testing import CliRunner

from bot.channels.dkim import DkimSigner
from bot.channels.dkim_record import make_key, problem_with, zone_value
from bot.cli import app
from bot.commands.signing import check_record
from bot.settings import load_settings
from campaigns.errors import OutreachError
from tests.channels.test_dkim import our_mail

SIGNED_AT = datetime(2025, 1, 2, tzinfo=UTC)  # the verifier goes by the machine's clock
DOMAIN, SELECTOR = "talent.example", "s2026"


def signed(kind: str) -> tuple[bytes, str]:
    signer = DkimSigner(DOMAIN, SELECTOR, make_key(kind))
    mail = our_mail()
    return signer.signature(mail, SIGNED_AT) + mail, signer.dns_record()


def is_taken(mail: bytes, record: str) -> bool:
    return bool(dkim.verify(mail, dnsfunc=lambda name, timeout=5: record.encode()))


@pytest.mark.parametrize("kind", ["rsa", "ed25519"])
def test_another_programs_verifier_takes_our_mail_by_the_record_we_publish(kind):
    assert is_taken(*signed(kind))


@pytest.mark.parametrize("kind", ["rsa", "ed25519"])
@pytest.mark.parametrize("name", [b"List-Unsubscribe: ", b"List-Unsubscribe-Post: ", b"Subject: ", b"From: "])
def test_it_refuses_a_mail_of_which_a_signed_header_was_changed_or_added(kind, name):
    mail, record = signed(kind)
    assert mail.count(name) == 1
    assert not is_taken(mail.replace(name, name + b"x"), record)
    assert not is_taken(mail.replace(name, name + b"x\r\n" + name), record)


def test_it_refuses_the_record_of_another_key():
    assert not is_taken(signed("rsa")[0], signed("rsa")[1])


RECORD = signed("rsa")[1]


@pytest.mark.parametrize(
    ("published", "words"),
    [
        ([], "no such record"),
        (["v=spf1 -all"], "no such record"),
        ([RECORD, RECORD], "two records"),
        (["v=DKIM1; k=rsa; p="], "revoked"),
        ([signed("rsa")[1]], "not that of DKIM_PRIVATE_KEY"),
        ([signed("ed25519")[1]], "another kind"),
        ([f"{RECORD}; t=y"], "testing"),
        ([RECORD.replace("DKIM1", "DKIM2")], "not DKIM1"),
        ([RECORD], ""),
        ([RECORD.replace("v=DKIM1; k=rsa; ", "")], ""),
        (["v=spf1 -all", RECORD.replace("p=", "p= ")], ""),
    ],
)
def test_what_is_wrong_with_a_published_record_is_said(published, words):
    problem = problem_with(published, RECORD)
    assert (words in problem) if words else problem == ""


def test_a_zone_file_takes_the_record_in_strings_of_255():
    pieces = zone_value(RECORD).strip('"').split('" "')
    assert "".join(pieces) == RECORD
    assert all(len(piece) <= 255 for piece in pieces)


def test_the_command_writes_a_key_for_its_owner_alone_and_never_over_another(tmp_path):
    command = ["dkim", "new", DOMAIN, str(tmp_path / "key.pem"), "--selector", SELECTOR, "--json"]
    found = json.loads(CliRunner().invoke(app, command).stdout)
    assert found["name"] == "s2026._domainkey.talent.example"
    assert (tmp_path / "key.pem").stat().st_mode & 0o777 == 0o600
    assert DkimSigner(DOMAIN, SELECTOR, (tmp_path / "key.pem").read_text()).dns_record() == found["value"]
    assert CliRunner().invoke(app, command).exit_code != 0


async def test_the_published_record_is_compared_with_the_key_in_the_settings():
    settings = load_settings(dkim_domain=DOMAIN, dkim_selector=SELECTOR, dkim_private_key=make_key("ed25519"))
    asked: list[str] = []

    def lookup(name: str) -> list[str]:
        asked.append(name)
        return [RECORD]

    with pytest.raises(OutreachError, match="another kind"):
        await check_record(settings, lookup)
    assert asked == ["s2026._domainkey.talent.example"]
