"""Which words of a mail are new, whatever program it was written with."""

import re

import pytest

from bot.channels.new_words import new_words

FOOTER = "回复 退订 不再接收"
WHO = "大同人才网 <reply+k-7@reply.talent.example>"
GMAIL = f"> 您有 5 份简历\n> {FOOTER}\n"
HEADER_CN = f"发件人: {WHO}\n发送时间: 2026年11月23日 9:00\n收件人: <li@datong.example>\n主题: 简历\n\n{FOOTER}"
HEADER_EN = f"From: {WHO}\nSent: Monday, November 23, 2026\nTo: Li <li@datong.example>\nSubject: x\n\n{FOOTER}"

QUOTED = {
    "gmail": f"好的\n\nOn Mon, Nov 23, 2026 at 9:00 AM {WHO} wrote:\n\n{GMAIL}",
    "gmail wrapped": f"好的\n\nOn Mon, Nov 23, 2026 at 9:00 AM 大同人才网 <\nr@x.example> wrote:\n\n{GMAIL}",
    "gmail chinese": f"好的\n\n{WHO} 于2026年11月23日周一 09:00写道:\n\n{GMAIL}",
    "gmail chinese wrapped": f"好的\n\n{WHO}\n于2026年11月23日周一 09:00写道:\n\n{GMAIL}",
    "apple": f"好的\n\n发自我的 iPhone\n\n> 在 2026年11月23日,上午9:00,{WHO} 写道:\n> \n{GMAIL}",
    "apple english": f"好的\n\nSent from my iPhone\n\n> On Nov 23, 2026, at 9:00 AM, {WHO} wrote:\n> \n{GMAIL}",
    "apple no quote mark": f"好的\n\n在 2026年11月23日,09:00,{WHO} 写道:\n\n{FOOTER}",
    "outlook": f"好的\n\n-----Original Message-----\n{HEADER_EN}",
    "outlook line": f"好的\n\n________________________________\n{HEADER_EN}",
    "outlook chinese": f"好的\n\n-----邮件原件-----\n{HEADER_CN}",
    "outlook phone": f"好的\n\n获取 Outlook for iOS<https://x.example>\n______________________\n{HEADER_CN}",
    "outlook bold": f"好的\n\n*发件人:* x\n*发送时间:* 2026年11月23日\n*收件人:* li\n*主题:* x\n{FOOTER}",
    "qq": f"好的\n\n\n\n------------------ 原始邮件 ------------------\n{HEADER_CN}",
    "qq hard blanks": f"好的\n\n------------------\u00a0原始邮件\u00a0------------------\n{FOOTER}",
    "qq english": f"好的\n\n------------------ Original ------------------\nFrom:  x\n{FOOTER}",
    "qq mobile": f"好的\n---Original---\nFrom: x\nDate: x\n{FOOTER}",
    "163": f"好的\n\n\n\n\n在 2026-11-23 09:00:00,{WHO} 写道:\n\n{FOOTER}",
    "163 english": f"好的\n\nAt 2026-11-23 09:00:00, {WHO} wrote:\n{GMAIL}",
    "163 mobile": "好的\n\n\n| |\n李经理\n|\n|\n邮箱:li@163.example\n|\n签名由 网易邮箱大师 定制\n\n"
    f"---- 回复的原邮件 ----\n| 发件人 | x |\n| 日期 | y |\n{FOOTER}",
    "163 replied": f"好的\n---- Replied Message ----\n| From | x |\n{FOOTER}",
    "foxmail": f"好的\n\n \n发件人: x\n发送时间: 2026-11-23 09:00\n收件人: li\n主题: 简历\n{FOOTER}",
    "foxmail english": f"好的\n \nFrom: x\nDate: 2026-11-23 09:00\nTo: li\nSubject: x\n{FOOTER}",
    "dingtalk": f"好的\n{'-' * 60}\n发件人:x\n发送时间:2026年11月23日 09:00\n收件人:li\n主\u3000题:x\n{FOOTER}",
    "marks only": f"好的\n\n{GMAIL}",
    "below": f"On Mon, Nov 23, 2026 at 9:00 AM {WHO} wrote:\n\n{GMAIL}\n好的",
    "signature": "好的\n\n-- \n李经理\n退订 请找王经理",
    "qq signature": "好的\n\n\n------------------\n李经理\n退订热线",
    "phone": "好的\n发自我的华为手机",
    "windows": "好的\n\n从 Windows 版邮件发送",
}


@pytest.mark.parametrize("name", sorted(QUOTED))
def test_only_the_new_words_are_read(name):
    left = new_words(QUOTED[name])
    assert "退订" not in left
    assert left in ("好的", "好的\n\n李经理")


@pytest.mark.parametrize("name", sorted(QUOTED))
def test_windows_line_ends_and_full_width_marks_change_nothing(name):
    text = re.sub(r"(?<=[道人间题箱]):", "\uff1a", QUOTED[name].replace("\n", "\r\n")).replace(",", "\uff0c")
    assert new_words(text) == new_words(QUOTED[name])


@pytest.mark.parametrize(
    "text",
    [
        "退订",
        "在 10 月之前不要再写道歉信了,退订",
        "from: 我们公司不需要了",
        "来自大同的客户要求退订",
        "发自我的手机,退订",
        "主题:退订",
        ">_< 别发了",
        "您好\n-----\n退订",
        "我 2026 年写道:不再招聘",
    ],
)
def test_what_a_person_typed_is_kept(text):
    assert new_words(text) == text.replace("\n-----", "")


@pytest.mark.parametrize("mark", ['id="isReplyContent"', 'type="cite"', 'class="gmail_quote"'])
def test_a_quotation_of_html_alone_has_no_new_words(mark):
    rich = f"<div><br></div><blockquote {mark}><blockquote>a</blockquote>回复 退订</blockquote>"
    assert new_words("", rich) == ""


def test_a_quotation_alone_has_no_new_words():
    assert new_words(QUOTED["qq"].replace("好的", "")) == ""
    assert new_words(GMAIL) == ""


HTML_QUOTED = {
    "gmail": '<div dir="ltr">好的</div><br><div class="gmail_quote"><div class="gmail_attr">On Mon, Nov 23, 2026 '
    'at 9:00 AM Talent &lt;<a href="mailto:r@x.example">r@x.example</a>&gt; wrote:<br></div>'
    "<blockquote>回复 退订</blockquote></div>",
    "qq": "<div>好的</div><div><includetail><div>------------------&nbsp;原始邮件&nbsp;------------------</div>"
    "<div>发件人: x</div></includetail></div><div>回复 退订</div>",
    "163": '<div>好的</div><p>在 2026-11-23 09:00:00,"x" &lt;r@x.example&gt; 写道:</p>'
    '<blockquote id="isReplyContent">回复 退订</blockquote>',
    "outlook": "<!--[if mso]><p>退订</p><![endif]--><p class=MsoNormal>好的<o:p></o:p></p>"
    '<div style="border-top:solid"><p><b>发件人:</b> x<br><b>发送时间:</b> y<br>'
    "<b>收件人:</b> z<br><b>主题:</b> t</p></div><p>回复 退订</p>",
    "foxmail": "<div>好的</div><hr><blockquote><div>发件人: x</div><div>发送时间: y</div>"
    "<div>回复 退订</div></blockquote>",
    "own words in a blockquote": '<blockquote style="margin:0 0 0 40px">好的</blockquote>',
}


@pytest.mark.parametrize("name", sorted(HTML_QUOTED))
def test_only_the_new_words_of_html_are_read(name):
    assert new_words("", HTML_QUOTED[name]) == "好的"


def test_the_plain_text_is_asked_first_and_html_where_it_says_nothing_new():
    assert new_words("纯文本", "<p>网页</p>") == "纯文本"
    assert new_words(GMAIL, HTML_QUOTED["qq"]) == "好的"
