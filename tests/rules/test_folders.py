from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from campaigns.errors import DefinitionError
from campaigns.folders import (
    CampaignFolder,
    lint_folder,
    lint_together,
    load_site,
    parse_definition,
    read_folder,
    render_sample,
)
from campaigns.terms import ChannelName, Intent, MessageClass, SmsWords

CAMPAIGN = """
title = "未读简历提醒"
class = "{kind}"
segment = "unread_resumes >= 3"
channels = ["wechat", "email", "sms"]
goal = "unread_resumes < 3"
hold_out = 0.1
useless_after = "36h"
[links]
more = "https://hr.example.com/more"
[schedule]
kind = "recurring"
every = "week"
weekday = "tue"
at = "10:00"
"""
FOOT = "{{ site.name }} {{ site.phone }} {{ site.address }} {{ links.unsubscribe }}"
TEXT = "<mj-section><mj-column><mj-text>{}</mj-text></mj-column></mj-section>"
FRAME = f"<mjml><mj-body><!-- body -->{TEXT.format(FOOT)}</mj-body></mjml>"
MAIL = TEXT.format("{{ member.name }}")
SAMPLE = """
[member]
name = "晋北餐饮"
[site]
url = "https://hr.example.com"
name = "古城人才网"
sign_name = "古城人才网"
phone = "0352-5550100"
address = "平安街8号"
"""
SERVICE = {
    "campaign.toml": CAMPAIGN.replace("{kind}", "service"),
    "email.txt": "Subject: 简历\n\n{{ member.name }} " + FOOT,
    "email.mjml": MAIL,
    "sms.toml": "template_code = 'SMS_1'\ntext = '${name}有简历没看'\n[params]\nname = '{{ member.name }}'\n",
    "wechat.toml": "[custom]\ntext = '{{ member.name }}'\n"
    "[template]\ntemplate_id = 'T'\n[template.data]\nthing1 = '简历'\n",
    "_shared/mail.mjml": FRAME,
    "_shared/sample.toml": SAMPLE,
}
MARKETING = {
    **SERVICE,
    "campaign.toml": CAMPAIGN.replace("{kind}", "marketing"),
    "email.txt": SERVICE["email.txt"].replace("简历\n", "（广告）简历\n"),
    "sms.toml": SERVICE["sms.toml"].replace("没看", "没看，拒收请回复R"),
    "wechat.toml": "[custom]\ntext = '不想再收到就回“退订”。'",
}
GREETING = {
    **MARKETING,
    "campaign.toml": CAMPAIGN.replace("{kind}", "greeting"),
    "email.txt": SERVICE["email.txt"],
}

Write = Callable[[dict[str, str]], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write_folder(files: dict[str, str]) -> Path:
        folder = tmp_path / "templates" / "unread"
        for name, text in files.items():
            path = folder.parent / name if name.startswith("_shared/") else folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return folder

    return write_folder


def folder_of(files: dict[str, str]) -> CampaignFolder:
    return CampaignFolder("unread", files, "", parse_definition(files))


def changed(files: dict[str, str], file: str, old: str, new: str) -> dict[str, str]:
    assert old in files[file]
    return {**files, file: files[file].replace(old, new)}


# ---- reading ------------------------------------------------------------------------------------------------------


def test_a_definition_says_what_campaign_toml_says() -> None:
    found = parse_definition(SERVICE)
    assert found.title == "未读简历提醒"
    assert found.message_class is MessageClass.SERVICE
    assert found.channels == (ChannelName.WECHAT, ChannelName.EMAIL, ChannelName.SMS)
    assert (found.segment, found.goal) == ("unread_resumes >= 3", "unread_resumes < 3")
    assert (found.action, found.hold_out, found.useless_after) == ("message", 0.1, timedelta(hours=36))
    assert found.schedule["weekday"] == "tue"


def test_a_folder_holds_the_shared_files_and_so_everything_its_words_need(write: Write) -> None:
    folder = read_folder(write({**SERVICE, "email.mjml~": "old", "keywords.toml": "x = 1"}))
    assert folder.key == "unread"
    assert set(folder.files) == set(SERVICE)
    assert set(render_sample(folder)) == {"wechat.custom", "wechat.template", "email", "sms"}


def test_the_digest_changes_with_any_file_and_with_nothing_else(write: Write) -> None:
    first = read_folder(write(SERVICE)).digest
    assert read_folder(write(SERVICE)).digest == first
    assert read_folder(write({**SERVICE, "_shared/mail.mjml": FRAME + " "})).digest != first


def test_a_folder_that_is_not_there_or_not_utf8_is_refused_by_name(write: Write) -> None:
    path = write(SERVICE)
    (path / "email.txt").write_bytes("简历".encode("gb18030"))
    with pytest.raises(DefinitionError, match=r"email\.txt: encoding"):
        read_folder(path)
    with pytest.raises(DefinitionError, match="nowhere: folder"):
        read_folder(path.parent / "nowhere")


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ('title = "未读简历提醒"', "title = 3", "title"),
        ('class = "service"', 'class = "spam"', "class"),
        ('class = "service"', 'clas = "service"', "clas"),
        ('"sms"]', '"fax"]', "channels"),
        ('"sms"]', "3]", "channels"),
        ('"sms"]', "[]]", "channels"),
        ('channels = ["wechat", "email", "sms"]', "channels = []", "channels"),
        ('segment = "unread_resumes >= 3"', 'segment = "unread_resumes >="', "segment"),
        ('goal = "unread_resumes < 3"', 'goal = "unred < 3"', "goal"),
        ("hold_out = 0.1", "hold_out = 10", "hold_out"),
        ("hold_out = 0.1", "hold_out = true", "hold_out"),
        ('"36h"', '"soon"', "useless_after"),
        ('"36h"', '"99999999999w"', "useless_after"),
        ("hold_out = 0.1", "hold_out = nan", "hold_out"),
        ('at = "10:00"', 'at = "25:00"', "schedule"),
        ('weekday = "tue"', 'weekday = "dienstag"', "schedule"),
        ("[schedule]", 'action = "call"\n[schedule]', "links.action"),
        ('more = "https:', 'more = "javascript:', "links.more"),
        ('title = "未读简历提醒"', 'title = "未读', "toml"),
        ('title = "未读简历提醒"', 'title = "未读"\naction = "call"', "action"),
    ],
)
def test_a_mistake_in_campaign_toml_is_named_by_its_key(old: str, new: str, key: str) -> None:
    with pytest.raises(DefinitionError) as caught:
        parse_definition(changed(SERVICE, "campaign.toml", old, new))
    assert (caught.value.file, caught.value.key) == ("campaign.toml", key)


@pytest.mark.parametrize("file", ["campaign.toml", "email.txt", "email.mjml", "sms.toml", "wechat.toml"])
def test_a_missing_file_is_named(file: str) -> None:
    with pytest.raises(DefinitionError, match=file):
        parse_definition({name: text for name, text in SERVICE.items() if name != file})


def test_answers_need_no_date_but_a_known_intent_and_no_sms() -> None:
    files = {"campaign.toml": 'title = "答"\nclass = "answer"\nchannels = ["wechat"]', "answer.call_me.txt": "收到"}
    assert parse_definition(files).answers == {Intent.CALL_ME}
    with pytest.raises(DefinitionError, match=r"answer\.hello\.txt"):
        parse_definition({**files, "answer.hello.txt": "收到"})
    with pytest.raises(DefinitionError, match="channels"):
        parse_definition(changed({**files, "sms.toml": ""}, "campaign.toml", '"wechat"', '"sms"'))


def test_the_site_must_say_who_it_is(tmp_path: Path) -> None:
    (tmp_path / "site.toml").write_text('name = "古城人才网"', encoding="utf-8")
    with pytest.raises(DefinitionError, match=r"site\.toml: sign_name"):
        load_site(tmp_path)


# ---- lint ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("files", [SERVICE, MARKETING, GREETING], ids=["service", "marketing", "greeting"])
def test_a_folder_in_order_passes(files: dict[str, str]) -> None:
    assert lint_folder(folder_of(files)) == []


LONG = "字" * 200
WRONG = {
    "missing variable": (SERVICE, "email.txt", "member.name", "member.nam", "email.txt", "nam"),
    "missing variable in mjml": (SERVICE, "email.mjml", "member.name", "membr.name", "email.mjml", "membr"),
    "broken template": (SERVICE, "email.txt", "{{ member.name }}", "{% if %}", "email.txt", "template"),
    "no subject": (SERVICE, "email.txt", "Subject: 简历", "Subject: ", "email.txt", "Subject"),
    "no 广告": (MARKETING, "email.txt", "（广告）", "", "email.txt", "Subject"),
    "no refusal in the text": (MARKETING, "email.txt", "{{ links.unsubscribe }}", "", "email.txt", "links.unsubscribe"),
    "no refusal in html": (
        MARKETING,
        "_shared/mail.mjml",
        "{{ links.unsubscribe }}",
        "",
        "email.mjml",
        "links.unsubscribe",
    ),
    "no refusal in a greeting": (
        GREETING,
        "email.txt",
        "{{ links.unsubscribe }}",
        "",
        "email.txt",
        "links.unsubscribe",
    ),
    "sender not named": (MARKETING, "email.txt", "{{ site.phone }}", "", "email.txt", "site.phone"),
    "unknown link": (SERVICE, "email.mjml", "member.name }}", "links.click }}/mre", "email.mjml", "links.click/mre"),
    "sms over 500": (SERVICE, "sms.toml", "没看", LONG + LONG + LONG, "sms.toml", "text"),
    "sms of 4 segments": (SERVICE, "sms.toml", "没看", LONG, "sms.toml", "text"),
    "sms with brackets": (SERVICE, "sms.toml", "没看", "【没看】", "sms.toml", "text"),
    "sms value over 35": (SERVICE, "sms.toml", "{{ member.name }}", LONG, "sms.toml", "name"),
    "sms value empty": (SERVICE, "sms.toml", "{{ member.name }}", "", "sms.toml", "name"),
    "sms value a link": (SERVICE, "sms.toml", "{{ member.name }}", "hr.example.com", "sms.toml", "name"),
    "sms value an address": (SERVICE, "sms.toml", "{{ member.name }}", "http://x.test/a", "sms.toml", "name"),
    "sms value unused": (SERVICE, "sms.toml", "[params]", "[params]\ncity = '大同'", "sms.toml", "city"),
    "sms slot unknown": (SERVICE, "sms.toml", "没看", "${days}", "sms.toml", "days"),
    "sms slots adjacent": (SERVICE, "sms.toml", "没看", "${name}${name}", "sms.toml", "text"),
    "sms slots adjacent but for a blank": (SERVICE, "sms.toml", "没看", "${name} ${name}", "sms.toml", "text"),
    "sms slot in Chinese": (SERVICE, "sms.toml", "没看", "${名字}", "sms.toml", "text"),
    "sms slot not closed": (SERVICE, "sms.toml", "没看", "没看${name", "sms.toml", "text"),
    "sms expression in the text": (SERVICE, "sms.toml", "没看", "没看{% if 1 %}了{% endif %}", "sms.toml", "text"),
    "sms with another phone": (SERVICE, "sms.toml", "没看", "没看，致电0352-5550199", "sms.toml", "text"),
    "sms with another hotline": (SERVICE, "sms.toml", "没看", "没看，致电400-555-0100", "sms.toml", "text"),
    "sms with another site": (SERVICE, "sms.toml", "没看", "没看，登录 hr.example.org 看", "sms.toml", "text"),
    "sms nothing but a slot": (SERVICE, "sms.toml", "有简历没看", "", "sms.toml", "text"),
    "marketing sms without the line": (MARKETING, "sms.toml", "，拒收请回复R", "", "sms.toml", "text"),
    "greeting sms without the line": (GREETING, "sms.toml", "，拒收请回复R", "", "sms.toml", "text"),
    "marketing sms, line not last": (MARKETING, "sms.toml", "拒收请回复R", "拒收请回复R。", "sms.toml", "text"),
    "service sms with the line": (SERVICE, "sms.toml", "没看", "没看，拒收请回复R", "sms.toml", "text"),
    "sms template not named": (SERVICE, "sms.toml", "'SMS_1'", "''", "sms.toml", "template_code"),
    "wechat template not named": (SERVICE, "wechat.toml", "'T'", "''", "wechat.toml", "template.template_id"),
    "marketing by template": (
        MARKETING,
        "wechat.toml",
        "[custom]",
        "[template]\ntemplate_id = 'T'\ntext = '甲'\n[custom]",
        "wechat.toml",
        "template",
    ),
    "greeting by template": (
        GREETING,
        "wechat.toml",
        "[custom]",
        "[template]\ntemplate_id = 'T'\ntext = '甲'\n[custom]",
        "wechat.toml",
        "template",
    ),
    "marketing wechat without a way out": (MARKETING, "wechat.toml", "退订", "", "wechat.toml", "custom.text"),
    "wechat field over its limit": (SERVICE, "wechat.toml", "'简历'", f"'{LONG}'", "wechat.toml", "thing1"),
    "wechat field of no kind": (SERVICE, "wechat.toml", "thing1", "keyword1", "wechat.toml", "keyword1"),
    "wechat field without a number": (SERVICE, "wechat.toml", "thing1", "thing", "wechat.toml", "thing"),
    "wechat field empty": (SERVICE, "wechat.toml", "'简历'", "''", "wechat.toml", "thing1"),
    "typo where the sample does not go": (
        SERVICE,
        "email.txt",
        "{{ member.name }}",
        "{% if not member.name %}{{ member.nmae }}{% endif %}",
        "email.txt",
        "nmae",
    ),
    "unknown fact where the sample does not go": (
        SERVICE,
        "sms.toml",
        "{{ member.name }}",
        "{% if member.name %}甲{% else %}{{ membr.name }}{% endif %}",
        "sms.toml",
        "membr",
    ),
    "link without a target": (SERVICE, "email.mjml", "member.name }}", "links.click }}", "email.mjml", "links.click"),
    "words of a channel it does not use": (SERVICE, "campaign.toml", ', "sms"]', "]", "sms.toml", "channels"),
    "wechat text over 2048 bytes": (
        SERVICE,
        "wechat.toml",
        "{{ member.name }}",
        "字" * 700,
        "wechat.toml",
        "custom.text",
    ),
}

TEXT = "text = '{{ member.name }}'"
NEWS = "kind = 'news'\ntitle = '{{ member.name }}'\nurl = '{{ links.way_in }}'"
MENU = "kind = 'msgmenu'\nhead = '{{ member.name }}'\nlist = ['已看', '稍后']"
WRONG_CARDS = {
    "article without a title": (NEWS.replace("{{ member.name }}", ""), "title"),
    "article with a title too long": (NEWS.replace("{{ member.name }}", "题" * 65), "title"),
    "article with a description too long": (f"{NEWS}\ndescription = '{'说' * 121}'", "description"),
    "article without a page": (NEWS.replace("{{ links.way_in }}", ""), "url"),
    "article with a page in the clear": (NEWS.replace("{{ links.way_in }}", "http://site.example.com/"), "url"),
    "article with a picture in the clear": (f"{NEWS}\npicurl = 'http://site.example.com/p.png'", "picurl"),
    "article with a page too long": (NEWS.replace("{{ links.way_in }}", f"https://x.example/{'p' * 1024}"), "url"),
    "menu without a head": (MENU.replace("{{ member.name }}", ""), "head"),
    "menu of nothing": (MENU.replace("'已看', '稍后'", ""), "list"),
    "menu of eleven": (MENU.replace("'已看', '稍后'", ", ".join(f"'第{n}项'" for n in range(11))), "list"),
    "menu with an item twice": (MENU.replace("稍后", "已看"), "list"),
    "menu with an item too long": (MENU.replace("稍后", "后" * 21), "list"),
    "menu over 2048 bytes": (MENU.replace("{{ member.name }}", "字" * 690), "text"),
}


@pytest.mark.parametrize("card", [NEWS, MENU], ids=["news", "msgmenu"])
def test_a_card_that_wechat_takes_has_nothing_wrong_with_it(card: str) -> None:
    assert lint_folder(folder_of(changed(SERVICE, "wechat.toml", TEXT, card))) == []


@pytest.mark.parametrize(("card", "key"), WRONG_CARDS.values(), ids=WRONG_CARDS)
def test_the_lint_says_what_wechat_would_refuse_of_a_card(card: str, key: str) -> None:
    found = lint_folder(folder_of(changed(SERVICE, "wechat.toml", TEXT, card)))
    assert [(problem.file, problem.key) for problem in found] == [("wechat.toml", f"custom.{key}")]


@pytest.mark.parametrize(("files", "file", "old", "new", "where", "key"), WRONG.values(), ids=WRONG)
def test_the_lint_names_file_and_key(
    files: dict[str, str], file: str, old: str, new: str, where: str, key: str
) -> None:
    found = lint_folder(folder_of(changed(files, file, old, new)))
    assert {(problem.file, problem.key) for problem in found} == {(where, key)}


def test_the_lint_reports_every_channel_and_not_only_the_first() -> None:
    files = changed(changed(SERVICE, "sms.toml", "member.name", "x"), "email.txt", "member.name", "y")
    assert {problem.key for problem in lint_folder(folder_of(files))} == {"x", "y"}


def test_a_sample_of_the_folder_overrides_the_shared_one() -> None:
    words = render_sample(folder_of({**SERVICE, "sample.toml": '[member]\nname = "新平装饰"'}))["sms"]
    assert isinstance(words, SmsWords)
    assert words.text == "【古城人才网】新平装饰有简历没看"


def test_a_sample_of_the_folder_leaves_the_rest_of_the_shared_one() -> None:
    files = changed(SERVICE, "sms.toml", "{{ member.name }}", "{{ member.name }}{{ member.attr.园区 }}")
    words = render_sample(folder_of({**files, "sample.toml": "[member.attr]\n'园区' = '开发区'"}))["sms"]
    assert isinstance(words, SmsWords)
    assert words.params == {"name": "晋北餐饮开发区"}


def test_the_sample_speaks_for_the_site_of_site_toml(write: Write) -> None:
    path = write(SERVICE)
    before = read_folder(path)
    site = before.files["_shared/sample.toml"].partition("[site]\n")[2].replace("0352-5550100", "0352-5550111")
    (path.parent / "site.toml").write_text(site.replace("古城", "新城"), encoding="utf-8")
    folder = read_folder(path)
    assert folder.digest != before.digest
    words = render_sample(folder)["sms"]
    assert isinstance(words, SmsWords)
    assert words.sign_name == "新城人才网"
    files = changed(dict(folder.files), "sms.toml", "没看", "没看，致电0352-5550100")
    assert [problem.key for problem in lint_folder(folder_of(files))] == ["text"]


def test_the_phone_and_site_of_site_toml_may_stand_in_an_sms_as_they_are() -> None:
    text = "没看，登录 HR.example.com 或致电03525550100"
    assert lint_folder(folder_of(changed(SERVICE, "sms.toml", "没看", text))) == []


def test_two_campaigns_that_fill_one_sms_template_are_both_named() -> None:
    first, second, third = SERVICE, MARKETING, changed(SERVICE, "sms.toml", "SMS_1", "SMS_3")
    sms = {"unread": first, "other": second, "third": third}
    found = lint_together({key: one["sms.toml"] for key, one in sms.items()})
    assert [(key, problem.file, problem.key) for key, problem in found] == [
        ("unread", "sms.toml", "template_code"),
        ("other", "sms.toml", "template_code"),
    ]
    assert lint_together({"unread": first["sms.toml"], "third": third["sms.toml"]}) == []


def test_a_file_saved_by_a_windows_editor_is_read(write: Write) -> None:
    path = write(SERVICE)
    for name in ("campaign.toml", "email.txt", "sms.toml"):
        (path / name).write_bytes(b"\xef\xbb\xbf" + SERVICE[name].replace("\n", "\r\n").encode())
    assert read_folder(path).files == SERVICE


def test_what_else_lies_in_the_folders_is_left_alone(write: Write) -> None:
    path = write(SERVICE)
    (path / "old.txt").mkdir()
    (path.parent / "_shared" / "logo.png").write_bytes(b"\x89PNG")
    assert set(read_folder(path).files) == set(SERVICE)


def test_an_sms_over_the_providers_limit_is_told_from_one_that_only_costs_much() -> None:
    found = [lint_folder(folder_of(changed(SERVICE, "sms.toml", "没看", LONG * n))) for n in (1, 3)]
    assert ["最多500字" in problem.problem for problems in found for problem in problems] == [False, True]
