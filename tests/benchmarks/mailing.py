"""The campaign the mail figures are taken with: Chinese HTML of 4.9 kB, a person's name, a company, three attributes,
an unsubscribe link and two tracked ones, of class marketing, so that it carries List-Unsubscribe."""

import shutil
from pathlib import Path

KEY, WARM_UP = "benchmark", "warm_up"
_SHIPPED = Path(__file__).resolve().parents[2] / "templates"

_DEFINITION = """\
title = "秋季招聘计划"
class = "marketing"
segment = "{segment}"
channels = ["email"]
goal = "{goal}"

[links]
plan = "https://hr.example.com/plan"
prices = "https://hr.example.com/prices"

[schedule]
kind = "recurring"
every = "day"
at = "00:00"
days = "all"
"""

# The limits of a real mailing, but at any hour: a benchmark may be run at night.
# segment and goal of each
_SEGMENTS = {
    KEY: ("idle_days >= 90", "idle_days < 90"),
    WARM_UP: ("idle_days >= 30 and idle_days < 60", "idle_days < 30"),
}

_POLICY = """\
[hours.marketing]
from = "00:00"
to = "23:59"
days = "all"
"""

_FRAME = """\
<mjml lang="zh-CN">
  <mj-head></mj-head>
  <mj-body>
    <!-- body -->
  </mj-body>
</mjml>
"""

_HTML = """\
<mj-section>
  <mj-column>
    <mj-text font-size="15px" line-height="26px">
      <p>{{ contact.name }}您好：</p>
      <p>{{ member.name }}在{{ site.name }}登记的行业是{{ member.trade }}，所在的{{ member.attr["园区"] }}今年秋天
      用工紧，同一个园区里{{ member.attr["产业"] }}的企业已经有一半排好了招聘计划。您这边由{{ member.attr["网格"] }}的
      同事对接，他们上个月走访的时候听说，车间和门店的缺口多在普工、焊工、叉车工和店长这几个岗位上。</p>
      <p>我们把这个季度的安排整理成了一页，里面有四场线下招聘会的日期和展位、两次直播带岗的报名办法，还有大同、朔州两地
      技工学校的到校时间表。看一眼就知道哪几天合适，不合适的也可以把岗位交给我们代收简历，每天下午五点以前发给您一份
      汇总，上面写明每位求职者的工种、年限、期望工资和最早到岗的日子。</p>
      <p><a href="{{ links.click }}/plan">看这个季度的招聘安排</a></p>
      <p>职位多少天没有刷新，求职者就多少天看不到。去年同一时间，按时刷新的企业平均七天收到十八份简历，没有刷新的只有
      三份。刷新不收费，打开职位列表点一下就行；忘了密码直接回复这封信，工作时间半个小时以内给您办好。</p>
      <p>套餐到期的企业这个月续费，原来的职位、简历和沟通记录都留着，发票当天寄出。价格一分没有涨，比去年还多了两次
      置顶和一场校园双选会的展位，写在下面这一页里，先到先得。要开增值税专用发票的，回信里写上税号和收件地址就行，三个工作日内寄到。</p>
      <p><a href="{{ links.click }}/prices">看套餐和价格</a></p>
      <p>{{ site.name }} · {{ site.phone }} · {{ site.address }}<br />
      您同意过接收招聘信息，所以收到这封信。<a href="{{ links.unsubscribe }}">不想再收到</a></p>
    </mj-text>
  </mj-column>
</mj-section>
"""

_TEXT = """\
Subject: （广告）{{ member.short_name }}这个季度的招聘安排

{{ contact.name }}您好：

{{ member.name }}在{{ site.name }}登记的行业是{{ member.trade }}，所在的{{ member.attr["园区"] }}今年秋天用工紧，\
{{ member.attr["产业"] }}的企业已经有一半排好了招聘计划，您这边由{{ member.attr["网格"] }}的同事对接。

这个季度的招聘安排：
{{ links.click }}/plan

套餐和价格：
{{ links.click }}/prices

{{ site.name }} {{ site.phone }} {{ site.address }}
不想再收到：{{ links.unsubscribe }}
"""


def write_templates(templates: Path) -> None:
    """Lay the campaign, its double for members who looked in lately, the policy and who we are into a new folder."""
    shared = templates / "_shared"
    shared.mkdir(parents=True)
    shutil.copy(_SHIPPED / "_shared" / "sample.toml", shared)
    shutil.copy(_SHIPPED / "site.toml", templates)
    shutil.copytree(_SHIPPED / "auto_replies", templates / "auto_replies")  # by it answers are understood
    (shared / "mail.mjml").write_text(_FRAME, encoding="utf-8")
    (templates / "policy.toml").write_text(_POLICY, encoding="utf-8")
    for key, (segment, goal) in _SEGMENTS.items():
        folder = templates / key
        folder.mkdir()
        (folder / "campaign.toml").write_text(_DEFINITION.format(segment=segment, goal=goal), encoding="utf-8")
        (folder / "sample.toml").write_text(_SAMPLE, encoding="utf-8")
        (folder / "email.mjml").write_text(_HTML, encoding="utf-8")
        (folder / "email.txt").write_text(_TEXT, encoding="utf-8")


_SAMPLE = """\
[member.attr]
"园区" = "御东产业园3区"
"产业" = "机械制造"
"网格" = "第12网格"
"""
