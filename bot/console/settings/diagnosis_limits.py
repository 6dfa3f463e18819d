"""The numbers of 设置 · 诊断: from which figure on something is a finding, each with what it changes."""

from datetime import timedelta

from bot.console.settings.limit import Group, Limit
from campaigns.diagnosis_rules import Thresholds


def _number(name: str, label: str, unit: str) -> Limit:
    return Limit(f"diagnosis.{name}", "number", label, unit)


DIAGNOSIS_GROUPS = (
    Group(
        "我们自己的问题",
        "先道歉、开任务，这时候不推销",
        (
            _number("review_hours", "职位等审核超过", "小时"),
            _number("faults_days", "看最近多少天的", "天"),
            _number("notify_failures", "通知没发到，满", "次"),
            _number("mail_bounces", "邮件被退回，满", "次"),
            _number("login_errors", "登录出错，满", "次"),
        ),
    ),
    Group(
        "简历没看",
        "没看的够多、最早一份等得够久才算；看过的看得太慢也算",
        (
            _number("unread_least", "没看的满", "份"),
            _number("unread_hours", "最早一份等了超过", "小时"),
            _number("slow_hours", "看过的，一半等了超过", "小时"),
            _number("reads_looked_at", "看最近看过的", "份"),
            _number("reads_least", "看过的不到就不算慢", "份"),
            _number("never_looked_least", "一份也没看过，收到满", "份"),
        ),
    ),
    Group(
        "职位写得怎样",
        "职责太短、薪资两头差太多的，请企业补",
        (
            _number("duties_letters", "职责少于", "字"),
            _number("pay_percent", "薪资高的一头超过低的百分之", "%%"),
        ),
    ),
    Group(
        "和同城同类比",
        "够多的同类职位才比，少了说明不了什么",
        (
            _number("peers_least", "同类职位至少", "个"),
            _number("peers_days", "看最近多少天发布或刷新的", "天"),
            _number("scarce_percent", "应聘最少的百分之几算稀缺", "%%"),
            _number("scarce_postings", "一类至少多少职位才比", "个"),
            _number("scarce_groups", "至少多少类才比", "类"),
        ),
    ),
    Group(
        "没动静",
        "该刷新，或者有人看没人投",
        (
            _number("stale_days", "没刷新超过", "天"),
            _number("no_apply_days", "有人看、没人投，满", "天"),
        ),
    ),
    Group(
        "快到期",
        "到期前这几天该回访；刚回访过的不算",
        (
            _number("renew_from", "还剩，从", "天"),
            _number("renew_to", "到", "天"),
            _number("visited_days", "回访过不到多少天的不算", "天"),
        ),
    ),
)


def shown_thresholds(found: Thresholds) -> dict[str, str]:
    """Every key's value as it is typed."""
    values = {
        "review_hours": _hours(found.audit_longer_than),
        "faults_days": found.faults_within.days,
        "notify_failures": found.notify_failures_at_least,
        "mail_bounces": found.mail_bounces_at_least,
        "login_errors": found.login_errors_at_least,
        "unread_least": found.unread_at_least,
        "unread_hours": _hours(found.unread_longer_than),
        "slow_hours": _hours(found.read_slower_than),
        "reads_looked_at": found.reads_looked_at,
        "reads_least": found.reads_at_least,
        "never_looked_least": found.deliveries_at_least,
        "duties_letters": found.duties_at_least,
        "pay_percent": round(found.pay_wider_than * 100),
        "peers_least": found.peers_at_least,
        "peers_days": found.peers_within.days,
        "scarce_percent": round(found.scarce_share * 100),
        "scarce_postings": found.scarce_postings_at_least,
        "scarce_groups": found.scarce_groups_at_least,
        "stale_days": found.stale_after.days,
        "no_apply_days": found.no_apply_for.days,
        "renew_from": found.renew_from,
        "renew_to": found.renew_to,
        "visited_days": found.visited_within.days,
    }
    return {f"diagnosis.{name}": str(value) for name, value in values.items()}


def _hours(span: timedelta) -> int:
    return span // timedelta(hours=1)
