"""What a person sees on the terminal: plain lines, tables, progress bars. Text from outside is never markup."""

import contextlib
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from bot.wording import NO_WORKER, NOT_SENT, channel_words, fate_words, obstacle_words, reach_left, reason_words
from campaigns.folders import place_of
from campaigns.terms import SHANGHAI

Shown = str | Table
_STEERING = re.compile("[\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f\\u200e\\u200f\\u202a-\\u202e\\u2066-\\u2069]")


def show(shown: Iterable[Shown]) -> None:
    console = Console(file=sys.stdout, highlight=False, soft_wrap=True)
    for one in shown:
        console.print(Text(visible(one)) if isinstance(one, str) else one)


def visible(text: str) -> str:
    """Signs that steer a terminal, or turn the direction of writing, as their numbers: names come from strangers."""
    return _STEERING.sub(lambda sign: f"<U+{ord(sign[0]):04X}>", text)


@contextlib.contextmanager
def bars(quiet: bool) -> Iterator[Callable[[str, int, int], None]]:
    """A progress callback (name, done, total) that draws one bar for each name on stderr."""
    if quiet:
        yield lambda name, done, total: None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    progress = Progress(*columns, console=Console(file=sys.stderr), transient=False)
    tasks: dict[str, TaskID] = {}

    def report(name: str, done: int, total: int) -> None:
        progress.start()  # not before there is a bar: without one its end is an empty line in front of an error
        if name not in tasks:
            tasks[name] = progress.add_task(Text(name).plain.replace("[", "\\["), total=total)
        progress.update(tasks[name], completed=done)

    try:
        yield report
    finally:
        if tasks:
            progress.stop()


def table(columns: Sequence[str], rows: Iterable[Sequence[Any]], title: str = "") -> Table:
    """A table whose cells are plain text; numbers end right."""
    made = Table(*columns, title=title or None, title_justify="left", box=None, pad_edge=False, header_style="bold")
    body = [list(row) for row in rows]
    for index, column in enumerate(made.columns):
        if body and all(isinstance(row[index], int | float) for row in body):
            column.justify = "right"
    for row in body:
        made.add_row(*[Text(_cell(value)) for value in row])
    return made


def pairs(found: Mapping[str, Any]) -> list[Shown]:
    return [f"{name:24} {_cell(value)}" for name, value in found.items()]


def import_lines(found: Mapping[str, Any]) -> list[Shown]:
    rows = [
        [
            Path(report["file"]).name, report["kind"], report["offered"], report["duplicates"], report["added"],
            report["changed"], report["unchanged"], report["rejected"], report["problems"],
        ]
        for report in found["files"]
        if not report["refused"]
    ]  # fmt: skip
    columns = ("文件", "表", "读到", "重复", "新增", "更新", "不变", "拒绝", "丢掉的值")
    shown: list[Shown] = [table(columns, rows)] if rows else []
    shown += [
        f"{Path(report['file']).name}：只有表头，没有数据 (only a header, no rows)"
        for report in found["files"]
        if not report["offered"] and not report["refused"]
    ]
    shown += [f"没有导入 (refused): {report['refused']}" for report in found["files"] if report["refused"]]
    shown += [f"拒绝和丢掉的内容写在 {report['rejects_file']}" for report in found["files"] if report["rejects_file"]]
    return [*shown, f"库：{found['database']}"]


def site_lines(found: Mapping[str, Any]) -> list[Shown]:
    """What was found of the site, then what became of it."""
    probed = [
        [one["source"], one["table"] or "—", len(one["found"]), one["unreadable"] or "、".join(one["missing"]) or "—"]
        for one in found["probe"]
    ]
    shown: list[Shown] = [
        f"{found['site']}  {found['dsn']}{'  只试算，没有写入 (dry run)' if found['dry_run'] else ''}",
        table(("读什么", "表", "有的列", "没有的"), probed),
        *import_lines(found),
    ]
    names = {"follow_ups": "历史跟进", "blacklist": "短信黑名单"}
    shown += [
        f"{names[one['source']]}：读到 {one['offered']}，新增 {one['added']}，已有 {one['known']}，"
        f"不认识的会员 {one['strangers']}，用不了 {one['unusable']}"
        for one in found["history"]
    ]
    if found["gone"]:
        shown.append(f"网站上已没有的职位 {found['gone']} 个，已算下线 (postings the site no longer has: offline)")
    if found["undecodable"]:
        shown.append(f"有 {found['undecodable']} 处文字认不出编码；用 --charset 试试 (undecodable text)")
    return shown


def field_lines(found: Sequence[Mapping[str, str]]) -> list[Shown]:
    rows = [[field["name"], field["label"], field["explanation"], field["example"]] for field in found]
    return [table(("字段", "名称", "意思", "例子"), rows)]


def member_table(found: Sequence[Mapping[str, Any]]) -> list[Shown]:
    rows = [
        [row["no"], row["name"], row["tier"], row["city"], row["trade"], row["unread_resumes"], _day(row["idle_since"])]
        for row in found
    ]
    return [table(("编号", "企业", "分级", "地区", "行业", "未读", "最近动静"), rows)]


def member_lines(found: Mapping[str, Any]) -> list[Shown]:
    shown: list[Shown] = [
        f"{found['name']}  {found['no']}  {found['tier']}  {found['city']} {found['trade']} {found['size']}",
        f"分级原因：{'；'.join(found['tier_reasons']) or '—'}",
        f"套餐 {found['plan'] or '—'} 到 {found['plan_expires_on'] or '—'}  负责 {found['owner'] or '—'}  "
        f"最近登录 {_when(found['last_login_at'])}  未读 {found['unread_resumes']} 份",
    ]
    contacts = [
        [
            one["no"],
            one["name"],
            one["title"],
            one["mobile"],
            one["email"],
            "有" if one["openid"] else "",
            one["consent"],
        ]
        for one in found["contacts"]
    ]
    shown.append(table(("联系人", "姓名", "职务", "手机", "邮箱", "微信", "同意"), contacts))
    shown.append(table(("联系人", "渠道", "服务", "营销", "还能发"), [_reach_row(one) for one in found["reach"]]))
    posts = [[one["no"], one["title"], one["city"], one["state"], one["unread"]] for one in found["posts"]]
    if posts:
        shown.append(table(("职位", "名称", "地区", "状态", "未读"), posts))
    shown += [f"屏蔽 {_when(one['at'])} {one['channel'] or '全部'} {one['reason']}" for one in found["suppressions"]]
    shown += [
        f"任务 {one['id']} {_when(one['opened_at'])} {one['category']} {one['state']} {one['note']}"
        for one in found["visits"]
    ]
    shown += [_touch_line(touch) for touch in found["timeline"]]
    return shown


def _reach_row(one: Mapping[str, Any]) -> list[Any]:
    ways = [reason_words(one[kind]) if one[kind] else "✓" for kind in ("service", "marketing")]
    return [one["contact"], channel_words(one["channel"]), *ways, reach_left(one)]


def _touch_line(touch: Mapping[str, Any]) -> str:
    if touch["kind"] == NOT_SENT:
        ways = f"（{obstacle_words(touch['obstacles'])}）" if touch["obstacles"] else ""
        return f"{_when(touch['at'])} × {touch['campaign']} {_fate(touch)}{ways}"
    arrow = "→" if touch["direction"] == "out" else "←"
    about = " ".join(part for part in (touch["state"], touch["intent"], touch["evidence"]) if part)
    subject = f"《{touch['subject']}》 " if touch.get("subject") else ""
    return f"{_when(touch['at'])} {arrow} {touch['medium']} {touch['kind']} [{about}] {subject}{touch['text']}"


def _fate(touch: Mapping[str, Any]) -> str:
    return fate_words(f"{touch['state']}:{touch['reason']}" if touch["reason"] else touch["state"])


def reading_lines(found: Sequence[Mapping[str, Any]]) -> list[Shown]:
    return [table(("原文", "意思", "停发", "依据"), [[r["text"], r["intent"], r["stop"], r["matched"]] for r in found])]


def sms_lines(found: Mapping[str, Any]) -> list[Shown]:
    return [f"{found['length']}字，按{found['segments']}条计费", *(f"- {problem}" for problem in found["problems"])]


def day_lines(found: Mapping[str, Any]) -> list[Shown]:
    kind = "上班" if found["workday"] else "放假"
    sure = "" if found["announced"] else "（这一年的放假还没有公布，按法律推算）"
    return [f"{kind}{sure}", f"节日：{'、'.join(found['festivals']) or '—'}", f"季节：{found['season'] or '—'}"]


def campaign_table(found: Sequence[Mapping[str, Any]]) -> list[Shown]:
    rows = [
        [row["campaign"], row["title"], row["class"], " ".join(row["channels"]), row["state"], row["note"]]
        for row in found
    ]
    shown: list[Shown] = [table(("活动", "名称", "类别", "渠道", "状态", "说明"), rows)]
    return shown + [f"写错了：{row['error']}" for row in found if row["error"]]


def campaign_lines(found: Mapping[str, Any]) -> list[Shown]:
    shown: list[Shown] = [*pairs(found["definition"]), ""]
    for name, words in found["words"].items():
        shown.append(f"—— {name} ——")
        shown += [f"{key}: {value}" for key, value in words.items() if key != "html"]
    return shown


def lint_lines(found: Mapping[str, Any]) -> list[Shown]:
    if not found["problems"]:
        return [f"{len(found['checked'])} 个活动没有问题：{'、'.join(found['checked'])}"]
    places = (f"{place_of(one['campaign'], one['file'])}: {one['key']}: {one['problem']}" for one in found["problems"])
    return list(dict.fromkeys(places))  # what all share is wrong once


def approved_lines(found: Mapping[str, Any]) -> list[Shown]:
    twice = (
        f"注意：{one['title']}（{one['key']}）也在发同样的话，{one['both']:,}家两边都选中，会收到两遍："
        "先停掉一个，或者改条件 (they would get the same words twice)"
        for one in found["says_the_same"]
    )
    return [f"{found['campaign']} 已批准。下一步：huifang campaign start {found['campaign']}", *twice]


def preview_lines(found: Mapping[str, Any]) -> list[Shown]:
    rows: list[list[Any]] = []
    for fate, count in sorted(found["fates"].items(), key=lambda pair: -pair[1]):
        until = "、".join(f"{_when(datetime.fromisoformat(at))} {n}家" for at, n in _until(found, fate))
        rows.append([fate_words(fate), count, until])
    columns = 3 if any(row[2] for row in rows) else 2
    planned = ["这一期已经计划好，再开始也不会多发 (already planned)"] if found["already_planned"] else []
    return [
        f"{found['campaign']} {_when(found['at'])}：目标人群 {found['audience']:,}家",
        table(("结果", "家", "到什么时候")[:columns], [row[:columns] for row in rows]),
        f"渠道：{_counts(found['channels'])}",
        *_reach_lines(found),
        *_price_lines(found.get("sms")),
        *planned,
    ]


def _reach_lines(found: Mapping[str, Any]) -> list[Shown]:
    """Per channel how many can be reached, and why not the others; then who can be reached by none."""
    if not found.get("reach"):
        return []
    rows = [[channel_words(name), one["can"], _reasons(one["why_not"])] for name, one in found["reach"].items()]
    nobody = found["unreachable"]
    line = f"哪条路都不通 {sum(nobody.values()):,}家 (no one reachable)：{_reasons(nobody)}"
    return [table(("渠道", "能到", "不能到的"), rows), *([line] if nobody else [])]


def _reasons(counts: Mapping[str, int]) -> str:
    most_first = sorted(counts.items(), key=lambda pair: -pair[1])
    return "、".join(f"{reason_words(name)} {count:,}" for name, count in most_first)


def _price_lines(sms: Mapping[str, Any] | None) -> list[str]:
    if not sms:
        return []
    return [
        f"短信：{sms['messages']:,}条，按样例每条{sms['segments_each']}段，共{sms['segments']:,}段，"
        f"每段{sms['yuan_each']}元，约{sms['yuan']}元"
    ]


def _until(found: Mapping[str, Any], fate: str) -> list[tuple[str, int]]:
    return list(found.get("deferred_until", {}).get(fate, {}).items())[:3]


def start_lines(found: Mapping[str, Any]) -> list[Shown]:
    if "occurrence" not in found:
        return [f"{found['campaign']} 开始，对方来了消息就答", f"看进度：huifang campaign status {found['campaign']}"]
    rows = [[fate_words(fate), count] for fate, count in sorted(found["fates"].items(), key=lambda pair: -pair[1])]
    return [
        f"{found['campaign']} 开始，第一期 {found['occurrence']}：目标人群 {found['audience']:,}家",
        table(("结果", "家"), rows),
        f"库：{found['database']}",
        "正在发出" if found["worker_alive"] else NO_WORKER,
        f"看进度：huifang campaign status {found['campaign']}",
    ]


def status_lines(found: Any) -> list[Shown]:
    reports = found if isinstance(found, list) else [found]
    rows = [
        [
            one["key"], one["state"], one["audience"], one["sent"], one["delivered"], one["waiting"], one["unknown"],
            one["replies"], one["refusals"], one["returns"],
        ]
        for one in reports
    ]  # fmt: skip
    shown: list[Shown] = [
        table(("活动", "状态", "人群", "已发", "已到", "待发", "不确定", "回复", "退订", "回流"), rows)
    ]
    if not isinstance(found, list):
        shown.append(table(("计划", "家"), [[fate_words(name), n] for name, n in found["planned"].items()]))
        shown.append(table(("现在", "家"), [[fate_words(name), n] for name, n in found["now"].items()]))
        if found["later"]:
            shown.append(f"计划之后才不发的：{_counts({fate_words(k): v for k, v in found['later'].items()})}")
    if any(one["state"] == "running" and not one.get("worker_alive", True) for one in reports):
        shown.append(NO_WORKER)
    return shown


def _counts(found: Mapping[str, int]) -> str:
    return "  ".join(f"{name} {count:,}" for name, count in found.items()) or "—"


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "是" if value else "否"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, datetime):
        return _when(value)
    return visible(str(value))


def _when(value: Any) -> str:
    return f"{value.astimezone(SHANGHAI):%Y-%m-%d %H:%M}" if isinstance(value, datetime) else str(value or "—")


def _day(value: Any) -> str:
    return str(value or "—")[:10]
