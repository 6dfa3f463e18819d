"""The file that describes an SMS gateway: what is filled in, what is refused by its key, what the answers mean."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qs

import pytest

from bot.channels.base import InboundRequest
from bot.channels.sms_generic import GenericSmsChannel
from bot.channels.sms_generic_file import Gateway, load_gateway
from campaigns.errors import ChannelUnavailable, DefinitionError
from campaigns.terms import Reaction, Receipt, SendResult
from tests.channels.contract import GATEWAY, WORDS, _message
from tests.channels.strict_tencent import NOW
from tests.scripted import Answer, Told, answer, serving

FORM = """
url = "{url}/sms"
body = "phone=$number&msg=$body_text&sign=$sign&args=$values&pwd=${{env:KEY}}"
[success]
code = "text"
accepted = ["OK"]
"""
SECRETS = {"KEY": "p&w=1$", "TOKEN": "t-1"}


def load(folder: Path, text: str) -> Gateway:
    (folder / "gateway.toml").write_text(text, encoding="utf-8")
    return load_gateway(folder / "gateway.toml", SECRETS)


@asynccontextmanager
async def told(folder: Path, text: str, says: Told) -> AsyncIterator[tuple[GenericSmsChannel, list]]:
    async with serving(lambda seen: says) as server:
        channel = GenericSmsChannel(load(folder, text.format(url=server.url)), lambda: NOW)
        try:
            yield channel, server.seen
        finally:
            await channel.close()


async def send(folder: Path, says: Told, text: str = GATEWAY) -> SendResult:
    async with told(folder, text, says) as (channel, _):
        return (await channel.send([_message(1)]))[0]


async def test_a_json_body_is_filled_so_that_no_value_can_end_its_place(tmp_path: Path) -> None:
    words = replace(WORDS, params={"name": '","x":"', "count": "3"}, text='【签】"\\\n')
    async with told(tmp_path, GATEWAY, answer({"result": {"code": 0}})) as (channel, seen):
        await channel.send([replace(_message(1), words=words)])
    asked = json.loads(seen[0].body)
    assert asked["args"] == ['","x":"', "3"]
    assert (asked["content"], asked["template"], asked["uid"]) == ('【签】"\\\n', "G1", "key-1")
    assert (asked["key"], seen[0].headers["x-token"]) == ("p&w=1$", "t-1")
    assert (seen[0].path, seen[0].form["v"]) == ("/send", "2")


async def test_a_form_is_filled_escaped_and_a_bare_word_is_an_answer(tmp_path: Path) -> None:
    async with told(tmp_path, FORM, Answer(b"OK\n")) as (channel, seen):
        [result] = await channel.send([_message(1)])
    assert result.accepted
    form = parse_qs(seen[0].body.decode(), strict_parsing=True)
    assert form["phone"] == ["15483500001"]
    assert form["msg"] == ["张三您好，有 3 份简历等您查看。"]
    assert form["pwd"] == ["p&w=1$"]


@pytest.mark.parametrize(
    ("says", "reaction"),
    [
        (answer({"result": {"code": 7}}), Reaction.PAUSE_TEMPLATE),
        (answer({"result": {"code": 12345}}), Reaction.DROP),
        (answer({"result": {}}), Reaction.UNKNOWN),
        (answer({"result": {"code": 0}}, status=500), Reaction.UNKNOWN),
        (Answer(b"<html>", 502), Reaction.UNKNOWN),
        (Answer(b"", 429), Reaction.SLOW),
    ],
)
async def test_what_an_answer_means(says: Told, reaction: Reaction, tmp_path: Path) -> None:
    assert (await send(tmp_path, says)).reaction is reaction


async def test_a_gateway_that_is_not_there_says_so(tmp_path: Path) -> None:
    channel = GenericSmsChannel(load(tmp_path, GATEWAY.format(url="http://127.0.0.1:9")), lambda: NOW)
    with pytest.raises(ChannelUnavailable):
        await channel.send([_message(1)])
    await channel.close()


@pytest.mark.parametrize(
    ("state", "delivered", "reaction"),
    [("DELIVRD", True, None), ("MK:0001", False, Reaction.SUPPRESS), ("7", False, Reaction.PAUSE_TEMPLATE)],
)
def test_a_failure_means_what_the_file_or_the_carrier_says(
    state: str, delivered: bool, reaction: Reaction | None, tmp_path: Path
) -> None:
    channel = GenericSmsChannel(load(tmp_path, GATEWAY.format(url="https://sms.example.com")), lambda: NOW)
    query = {"mobile": "15483500001", "id": "g-1", "state": state}
    [receipt] = channel.parse(InboundRequest("POST", "report", body=json.dumps({"list": [query, 3]}).encode()))
    assert isinstance(receipt, Receipt)
    assert (receipt.delivered, receipt.reaction, receipt.provider_id) == (delivered, reaction, "g-1")


def test_secrets_stand_in_no_text_of_ours(tmp_path: Path) -> None:
    assert "p&w=1" not in repr(load(tmp_path, GATEWAY.format(url="https://sms.example.com")))
    assert "t-1" not in repr(load(tmp_path, GATEWAY.format(url="https://sms.example.com")))


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ("https://sms.example.com", "http://sms.example.com", "url"),
        ("https://sms.example.com", "sms.example.com", "url"),
        ("timeout = 2", 'timeout = "2"', "timeout"),
        ("timeout = 2", "timeout = 600", "timeout"),
        ("timeout = 2", "retries = 2", "retries"),
        ("$number", "15483500001", "body"),
        ("$text", "$content", "body"),
        ("env:KEY", "env:NOBODY", "body"),
        ("env:TOKEN", "env:NOBODY", "headers.X-Token"),
        ('code = "result.code"', 'code = ""', "success.code"),
        ("accepted = [0]", "accepted = []", "success.accepted"),
        ('"pause_template"', '"panic"', "codes.7"),
        ('number = "mobile"\nid', "id", "report.number"),
        ('id = "id"\nname = "uid"\n', "", "report.id"),
        ('text = "content"', "", "reply.text"),
        ('text = "content"', 'words = "content"', "reply.words"),
    ],
)
def test_a_mistake_is_named_by_its_key(old: str, new: str, key: str, tmp_path: Path) -> None:
    text = GATEWAY.format(url="https://sms.example.com")
    assert old in text
    with pytest.raises(DefinitionError) as refused:
        load(tmp_path, text.replace(old, new))
    assert (refused.value.file, refused.value.key) == ("gateway.toml", key)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(DefinitionError, match=r"nowhere\.toml"):
        load_gateway(tmp_path / "nowhere.toml", {})
