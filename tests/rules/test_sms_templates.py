"""sms.toml names a template for each provider: what is compiled, what the words carry, what the lint refuses."""

from dataclasses import replace

import pytest

from campaigns.content import compile_content, render
from campaigns.errors import DefinitionError
from campaigns.folders import CampaignFolder, lint_folder, lint_together, render_sample
from campaigns.terms import ChannelName, SmsProvider, SmsTemplate, SmsWords
from tests.rules.test_folders import SERVICE, folder_of

ALIYUN = "template_code = 'SMS_1'\n"
WORDS = "text = '${name}有${count}份简历没看'\n[params]\nname = '{{ member.name }}'\ncount = '{{ member.unread }}'\n"
TENCENT = "[tencent]\ntemplate_id = '449739'\nparams = ['name', 'count']\n"
BOTH = ALIYUN + WORDS + TENCENT
VARIABLES = {"member": {"name": "晋北餐饮", "unread": 3}, "site": {"sign_name": "古城人才网"}}


def folder(sms: str, key: str = "unread") -> CampaignFolder:
    sample = SERVICE["_shared/sample.toml"].replace("[member]", "[member]\nunread = 12")
    return replace(folder_of({**SERVICE, "sms.toml": sms, "_shared/sample.toml": sample}), key=key)


def words(text: str) -> SmsWords:
    found = render(compile_content({"sms.toml": text}), ChannelName.SMS, VARIABLES)
    assert isinstance(found, SmsWords)
    return found


def problems(text: str) -> list[tuple[str, str]]:
    found = lint_folder(folder(text))
    return [(one.key, one.problem) for one in found if one.file == "sms.toml"]


def test_the_words_carry_the_template_of_each_provider() -> None:
    found = words(BOTH)
    assert found.template_at(SmsProvider.ALIYUN) == SmsTemplate("SMS_1")
    assert found.template_at(SmsProvider.TENCENT) == SmsTemplate("449739", ("name", "count"))
    assert found.template_at(SmsProvider.GENERIC) is None


def test_a_folder_of_before_names_aliyuns_template_alone() -> None:
    found = words(ALIYUN + WORDS)
    assert found.template_at(SmsProvider.ALIYUN)
    assert not found.templates
    assert problems(ALIYUN + WORDS) == []


def test_a_folder_may_name_tencents_template_alone() -> None:
    found = words(WORDS + TENCENT)
    assert found.template_at(SmsProvider.ALIYUN) is None
    assert found.template_at(SmsProvider.TENCENT)
    assert problems(WORDS + TENCENT) == []


@pytest.mark.parametrize(("longest", "fits"), [(4, True), (3, False), (0, True)])
def test_a_value_longer_than_a_provider_takes_keeps_the_words_from_it(longest: int, fits: bool) -> None:
    assert (words(f"{BOTH}longest = {longest}\n").template_at(SmsProvider.TENCENT) is not None) is fits


@pytest.mark.parametrize(
    ("wrong", "key"),
    [
        ("tencent = 3\n" + ALIYUN + WORDS, "tencent"),
        (BOTH.replace("params = ['name', 'count']", "params = 'name'"), "tencent.params"),
        (BOTH.replace("params = ['name', 'count']", "params = [1]"), "tencent.params"),
        (BOTH.replace("'count']", "'days']"), "tencent.params"),
        (BOTH + "longest = -1\n", "tencent.longest"),
        (BOTH + "longest = true\n", "tencent.longest"),
        (BOTH + "order = []\n", "order"),
        (BOTH.replace("[tencent]", "[huawei]"), "huawei"),
    ],
)
def test_what_cannot_be_read_is_refused_by_its_place(wrong: str, key: str) -> None:
    with pytest.raises(DefinitionError) as refused:
        compile_content({"sms.toml": wrong})
    assert (refused.value.file, refused.value.key) == ("sms.toml", key)


@pytest.mark.parametrize(
    ("text", "key"),
    [
        (BOTH.replace("'449739'", "''"), "tencent.template_id"),
        (BOTH.replace("'449739'", "'SMS_1'"), "tencent.template_id"),
        (BOTH.replace("['name', 'count']", "['name']"), "tencent.params"),
        (BOTH.replace("'count']", "'count', 'count']"), "tencent.params"),
        (BOTH.replace("[params]", "[params]\ncity = '大同'").replace("'count']", "'count', 'city']"), "tencent.params"),
        (WORDS, "template_code"),
    ],
)
def test_the_lint_names_what_a_provider_would_refuse(text: str, key: str) -> None:
    assert key in [where for where, _ in problems(text)]


def test_a_gateway_that_takes_the_words_as_they_stand_needs_no_order() -> None:
    assert problems(WORDS + "[generic]\ntemplate_id = 'T1'\n") == []


def test_two_campaigns_must_not_fill_the_same_template_of_any_provider() -> None:
    one = folder(BOTH, "one")
    two = folder(BOTH.replace("SMS_1", "SMS_2"), "two")
    three = folder(ALIYUN.replace("1", "449739") + WORDS, "three")
    found = lint_together({each.key: each.files["sms.toml"] for each in (one, two, three)})
    assert [(key, one.key) for key, one in found] == [("one", "tencent.template_id"), ("two", "tencent.template_id")]


def test_the_sample_shows_the_same_words_whoever_carries_them() -> None:
    shown = render_sample(folder(BOTH))["sms"]
    assert isinstance(shown, SmsWords)
    assert shown.text.startswith("【古城人才网】")
