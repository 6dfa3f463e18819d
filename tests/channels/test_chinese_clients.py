"""What Chinese clients put under an answer goes, and what was typed stays to the letter."""

import re

import pytest

from bot.channels.new_words import new_words

TYPED = "收到，谢谢。\n\n简历请发到邮箱"

UNDER_IT = {
    "qq web 2023": (
        "\n\n\n\n\n\n李经理\nli@qq.example\n\n\n\n&nbsp;\n\n\n\n\n"
        "------------------&nbsp;原始邮件&nbsp;------------------\n"
        '发件人:          "大同人才网"          <reply@x.example&gt;;\n'
        '发送时间:&nbsp;2026年11月23日(星期一) 上午9:00\n收件人:&nbsp;"li"<li@qq.example&gt;;\n\n'
        "主题:&nbsp;简历\n\n您有 5 份简历\n回复 退订 不再接收"
    ),
    "qq android": (
        '\n\n---原始邮件---\n发件人: "大同"<reply@x.example>\n发送时间: 2026年11月23日(周一) 上午9:00\n'
        '收件人: "li"<li@qq.example>;\n主题: 简历\n\n您有 5 份简历\n回复 退订 不再接收'
    ),
    "qq ios": (
        "\n\n发自我的iPhone\n\n\n------------------ Original ------------------\n"
        "From: 大同 <reply@x.example>\nDate: Mon,Nov 23,2026 9:00 AM\nTo: li <li@qq.example>\n"
        "Subject: Re: x\n\n您有 5 份简历\n回复 退订 不再接收"
    ),
    "qq exmail": (
        "\n \n------------------\n祝好！\n李经理\n \n \n \n------------------ Original ------------------\n"
        'From:  "大同"<r@x.example>;\nDate:  Mon, Nov 23, 2026 09:00 AM\nTo:  "li"<li@x.example>;\n\n'
        "Subject:  x\n\n您有 5 份简历\n回复 退订 不再接收"
    ),
    "163 web": (
        "\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n"
        '在 2026-11-23 09:00:00，"大同人才网" <reply@x.example> 写道：\n\n您有 5 份简历\n回复 退订 不再接收'
    ),
    "163 web 2024": (
        "\n\n\n\n\n---- 回复的原邮件 ----\n| 发件人 | 大同人才网<reply@x.example> |\n"
        "| 发送日期 | 2026年11月23日 09:00 |\n| 收件人 | <li@163.example> |\n| 主题 | 简历 |\n"
        "您有 5 份简历\n回复 退订 不再接收"
    ),
    "163 sig": ("\n\n\n\n--\n\n李经理\n13900000000\n\n\n\n在 2026-11-23 09:00:00，大同 <reply@x.example> 写道：\n> x"),
    "netease master": (
        "\n\n\n| |\n李经理\n|\n|\nli@163.example\n|\n签名由网易邮箱大师定制\n"
        "在2026年11月23日 09:00，大同人才网<reply@x.example> 写道：\n您有 5 份简历\n回复 退订 不再接收"
    ),
    "netease master2": (
        "\n\n\n| |\nli\n|\n|\n邮箱：li@163.example\n|\n\n签名由 网易邮箱大师 定制\n\n"
        "在2026年11月23日 09:00，大同人才网 写道：\n您有 5 份简历\n回复 退订 不再接收"
    ),
    "netease master3": (
        "\n\n\n\n\n\n\n| |\nli\nli@163.example\n|\n---- 回复的原邮件 ----\n| 发件人 | 大同<r@x> |\n"
        "| 日期 | 2026年11月23日 09:00 |\n| 收件人 | li |\n| 主题 | x |\n您有 5 份简历\n回复 退订 不再接收"
    ),
    "netease master plain": (
        "\n发自 网易邮箱大师\n---- 回复的原邮件 ----\n发件人：大同<r@x>\n日期：x\n收件人：y\n主题：z\n"
        "您有 5 份简历\n回复 退订 不再接收"
    ),
    "foxmail": (
        "\n\n\n\nli@x.example\n \n发件人： 大同人才网\n发送时间： 2026-11-23 09:00\n收件人： li\n"
        "主题： 简历\n您有 5 份简历\n回复 退订 不再接收"
    ),
    "foxmail sig": (
        "\n\n\n\n李经理\nli@x.example\n\n \n发件人： 大同人才网\n发送时间： 2026-11-23 09:00\n收件人： li\n"
        "抄送： w\n主题： 简历\n您有 5 份简历\n回复 退订 不再接收"
    ),
    "outlook zh": (
        "\n\n发件人: 大同人才网 <reply@x.example>\n发送时间: 2026年11月23日 9:00\n"
        "收件人: 李经理 <li@x.example>\n主题: 简历\n\n您有 5 份简历\n回复 退订 不再接收"
    ),
    "outlook win": (
        "\n\n从 Windows 版邮件发送\n\n发件人: 大同\n发送时间: 2026年11月23日 9:00\n收件人: li\n主题: 简历\n"
        "\n您有 5 份简历\n回复 退订 不再接收"
    ),
    "outlook ios": (
        "\n\n获取 Outlook for iOS<https://aka.ms/o0ukef>\n________________________________\n"
        "发件人: 大同 <r@x>\n发送时间: Monday, November 23, 2026 9:00:00 AM\n收件人: li\n主题: 简历\n\n"
        "您有 5 份简历\n回复 退订 不再接收"
    ),
    "outlook android zh": (
        "\n\n获取适用于 Android 的 Outlook<https://aka.ms/x>\n________________________________\n"
        "发件人: 大同 <r@x>\n发送时间: x\n收件人: li\n主题: 简历\n\n您有 5 份简历\n回复 退订 不再接收"
    ),
    "outlook web zh": (
        "\n________________________________\n发件人: 大同 <r@x>\n发送时间: 2026年11月23日 9:00\n"
        "收件人: li\n主题: 简历\n\n您有 5 份简历\n回复 退订 不再接收"
    ),
    "apple zh": (
        "\n\n> 2026年11月23日 上午9:00，大同人才网 <reply@x.example> 写道：\n> \n> 您有 5 份简历\n> 回复 退订 不再接收"
    ),
    "apple zh2": (
        "\n\n> 在 2026年11月23日，09:00，大同人才网 <reply@x.example> 写道：\n> \n> 您有 5 份简历\n> 回复 退订 不再接收"
    ),
    "iphone": (
        "\n\n发自我的iPhone\n\n> 在 2026年11月23日，09:00，大同人才网 <reply@x.example> 写道：\n> \n"
        "> \ufeff\n> 您有 5 份简历\n> 回复 退订 不再接收"
    ),
    "iphone plain": (
        "\n发自我的 iPhone\n\n在 2026年11月23日，09:00，大同人才网 <reply@x.example> 写道：\n\n"
        "\ufeff您有 5 份简历\n回复 退订 不再接收"
    ),
    "gmail zh": (
        "\n\n大同人才网 <reply+k-7@reply.talent.example> 于2026年11月23日周一 09:00写道：\n\n"
        "> 您有 5 份简历\n> 回复 退订 不再接收"
    ),
    "gmail zh tw": (
        "\n\n大同人才網 <reply+k-7@reply.talent.example> 於 2026年11月23日 週一 上午9:00寫道：\n\n"
        "> 您有 5 份简历\n> 回复 退订 不再接收"
    ),
    "coremail": (
        '\n\n\n-----原始邮件-----\n发件人:"大同人才网" <reply@x.example>\n'
        "发送时间:2026-11-23 09:00:00 (星期一)\n收件人: li@x.example\n抄送: \n主题: 简历\n\n您有 5 份简历\n"
        "回复 退订 不再接收"
    ),
    "coremail2": (
        "\n\n\n> -----原始邮件-----\n> 发件人: 大同\n> 发送时间: 2026-11-23 09:00:00 (星期一)\n"
        "> 收件人: li\n> 主题: x\n> \n> 您有 5 份简历\n> 回复 退订 不再接收"
    ),
    "coremail sig": (
        "\n\n\n--\n\n李经理\n大同市某公司\n\n\n\n在 2026-11-23 09:00:00，大同 <r@x> 写道：\n您有 5 份简历\n"
        "回复 退订 不再接收"
    ),
    "aliyun": (
        "\n\n\n------------------------------------------------------------------\n"
        "发件人：大同人才网 <reply@x.example>\n日\u3000期：2026年11月23日 09:00:00\n"
        "收件人：li<li@x.example>\n主\u3000题：简历\n\n您有 5 份简历\n回复 退订 不再接收"
    ),
    "aliyun2": (
        "\n------------------------------------------------------------------\n发件人：大同\n"
        "发送时间：2026年11月23日(星期一) 09:00\n收件人：li\n主\u3000题：x\n\n您有 5 份简历\n"
        "回复 退订 不再接收"
    ),
    "aliyun app": (
        "\n发自我的 阿里邮箱 iPhone 版\n------------------原始邮件 ------------------\n发件人：大同\n"
        "日期：x\n收件人：li\n主题：x\n您有 5 份简历\n回复 退订 不再接收"
    ),
    "dingtalk": (
        "\n\n来自钉钉邮箱\n------------------------------------------------------------------\n"
        "发件人：大同\n日\u3000期：x\n收件人：li\n主\u3000题：x\n\n您有 5 份简历\n回复 退订 不再接收"
    ),
    "sina": (
        "\n----- 原始邮件 -----\n发件人：大同 <r@x>\n收件人：li\n主题：x\n日期：2026年11月23日 09点00分\n\n"
        "您有 5 份简历\n回复 退订 不再接收"
    ),
    "139": (
        "\n\n\n发件人:大同 <r@x>\n时间:2026-11-23 09:00:00\n收件人:li\n主题:x\n\n您有 5 份简历\n回复 退订 不再接收"
    ),
    "139 b": (
        "\n\n\n----回复邮件信息----\n发件人：大同 <r@x>\n发件时间：2026年11月23日 09:00:00\n收件人：li\n"
        "主题：x\n\n您有 5 份简历\n回复 退订 不再接收"
    ),
    "huawei": (
        "\n\n发自我的华为手机\n\n-------- 原始邮件 --------\n发件人： 大同\n"
        "日期： 2026年11月23日周一 09:00\n收件人： li\n主 题： x\n您有 5 份简历\n回复 退订 不再接收"
    ),
    "samsung": (
        "\n\n从我的 Galaxy 发送\n\n\n-------- 原始信息 --------\n发件人： 大同\n日期： x\n收件人： li\n"
        "主题： x\n您有 5 份简历\n回复 退订 不再接收"
    ),
    "xiaomi": (
        "\n发自我的小米手机\n在 大同人才网 <reply@x.example>，2026年11月23日 上午9:00写道：\n"
        "您有 5 份简历\n回复 退订 不再接收"
    ),
    "thunderbird": ("\n\n在 2026/11/23 9:00, 大同人才网 写道:\n> 您有 5 份简历\n> 回复 退订 不再接收"),
    "wecom": (
        "\n\n发自我的企业微信\n\n------------------ Original ------------------\nFrom: x\n您有 5 份简历\n"
        "回复 退订 不再接收"
    ),
    "tencent exmail web": (
        '\n\n \n \n------------------ 原始邮件 ------------------\n发件人: "大同"<r@x>; \n'
        '发送时间: 2026年11月23日(星期一) 上午9:00\n收件人: "li"<li@x>; \n主题: x\n \n您有 5 份简历\n'
        "回复 退订 不再接收"
    ),
    "outlook quoted from": (
        '\n\n\n\n\nAt 2026-11-23 09:00:00, "大同人才网" <reply@x.example> wrote:\n\n>您有 5 份简历\n>回复 退订 不再接收'
    ),
    "189": (
        "\n\n\n----------------------------------------\n发件人: 大同\n发送时间: x\n收件人: li\n主题: x\n"
        "您有 5 份简历\n回复 退订 不再接收"
    ),
    "outlook new zh": (
        "\n\n来自 Outlook\n\n________________________________\n发件人: 大同\n发送时间: x\n收件人: li\n"
        "主题: x\n您有 5 份简历\n回复 退订 不再接收"
    ),
    "outlook sender zh date": (
        "\n\n发件人: 大同 [mailto:r@x.example] \n发送时间: 2026年11月23日 9:00\n收件人: li\n主题: x\n\n"
        "您有 5 份简历\n回复 退订 不再接收"
    ),
    "outlook daibiao": (
        "\n\n发件人: 大同 <r@x.example> 代表 人才网\n日期: 2026年11月23日 星期一 09:00\n收件人: li\n"
        "主题: x\n\n您有 5 份简历\n回复 退订 不再接收"
    ),
    "mac outlook": (
        "\n\n发件人: 大同 <r@x.example>\n日期: 星期一, 2026年11月23日 09:00\n至: li <li@x.example>\n"
        "主题: x\n\n您有 5 份简历\n回复 退订 不再接收"
    ),
    "qq english web": (
        '\n\n\n------------------&nbsp;Original&nbsp;------------------\nFrom: &nbsp;"大同"<r@x>;\n'
        'Date: &nbsp;Mon, Nov 23, 2026 09:00 AM\nTo: &nbsp;"li"<li@x>;\n\nSubject: &nbsp;x\n\n'
        "您有 5 份简历\n回复 退订 不再接收"
    ),
}


@pytest.mark.parametrize("client", sorted(UNDER_IT))
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_exactly_what_was_typed_is_left(client, line_end):
    mail = TYPED + UNDER_IT[client]
    card = re.search(r"^(?:邮箱：)?(li@\S+)$", mail, re.MULTILINE)
    sender = card[1] if card else "li@x.example"
    assert new_words(mail.replace("\n", line_end), sender=sender) == TYPED


def test_an_address_that_is_not_the_writers_own_is_no_card():
    typed = "简历请发给她\n\n王经理\nwang@datong.example"
    assert new_words(typed, sender="li@datong.example") == typed
