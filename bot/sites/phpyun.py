"""PHPYun 4.x and later: which of its columns are which of our fields.

usertype 2 is an enterprise; its tables go by the account's uid; moments are unix seconds; `moblie` is how it writes it.
"""

import re

from bot.sites.cells import (
    as_count,
    as_flag,
    as_moment,
    as_name,
    as_sum,
    as_text,
    as_words,
    first_since,
    hours_in,
    lower_pay,
    mail_or_nothing,
    mobile_or_nothing,
    posting_state,
    upper_pay,
    words_of,
)
from bot.sites.mapping import Beside, Cell, Join, Names, Site, Source
from campaigns.columns import TableKind

_COMPANY = Join("c", ("company",), (("uid", "m.uid"),))
_STATIS = Join("s", ("company_statis",), (("uid", "m.uid"),))
_PAID = Beside("paid", ("company_order",), (("uid", "m.uid"),), "order_price", (("order_state", "2"),), "order_time")
_LOOKED = Beside("looked", ("look_resume",), (("com_id", "a.com_id"), ("resume_id", "a.eid")), "datetime")
_ENTERPRISE = (("m.usertype", "2"),)
_CHANGED = (
    "m.reg_date",
    "m.login_date",
    "c.lastupdate",
    "c.addtime",
    "c.login_date",
    "c.crm_time",
    "c.vipstime|s.vip_stime",
)


def _name(company: str, short: str, account: str, number: str) -> str:
    return as_text(company, short, account) or f"会员{number}"


def _heads(number: str, words: str) -> str:
    """A number, or in older versions the name of a class like 3-5人."""
    found = re.search(r"\d+", words) if "人" in words else None
    return as_count(number) or (found[0] if found else "")


def _first_viewed(begun: str, browsed: str, moments: str) -> str:
    """1 is unread; 2 to 5 are read, with what became of it."""
    return first_since(begun, "1" if browsed in ("2", "3", "4", "5", "6") else "0", moments)


def _state(off: str, audit: str, until: str, now: str) -> str:
    return posting_state("0" if off not in ("", "0") else "1", audit, until, now)


def _remark_no(number: str, at: str, remark: str) -> str:
    """Each remark of a company by its moment; where there is no word there was no contact."""
    return f"{number}-{at}" if remark.strip() and as_moment(at) else ""


_MEMBERS = Source(
    "members",
    TableKind.MEMBERS,
    ("member",),
    "m",
    "uid",
    (
        Cell("no", ("m.uid",), as_text),
        Cell("name", ("c.name", "c.shortname", "m.username", "m.uid"), _name),
        Cell("trade", ("c.hy@industry",), as_name),
        Cell("nature", ("c.pr@classes",), as_name),
        Cell("size", ("c.mun@classes",), as_name),
        Cell("city", ("c.cityid@cities", "c.provinceid@cities"), as_name),
        Cell("registered_at", ("m.reg_date",), as_moment),
        Cell("last_login_at", ("m.login_date", "c.login_date"), as_moment),
        Cell("login_count", ("m.login_hits",), as_count),
        Cell("plan", ("s.rating_name", "c.rating_name"), as_name),
        Cell("plan_expires_on", ("s.vip_etime", "c.vipetime"), as_moment),
        Cell("owner", ("c.crm_uid@admins", "c.conid@consultants"), as_name),
        Cell("paid_12m", ("paid.*",), as_sum),
    ),
    joins=(_COMPANY, _STATIS),
    beside=(_PAID,),
    only=_ENTERPRISE,
    times=_CHANGED,
)
_CONTACTS = Source(
    "contacts",
    TableKind.CONTACTS,
    ("member",),
    "m",
    "uid",
    (
        Cell("no", ("m.uid",), as_text),
        Cell("member_no", ("m.uid",), as_text),
        Cell("name", ("c.linkman",), as_text),
        Cell("title", ("c.linkjob",), as_name),
        Cell("mobile", ("c.linktel", "m.moblie|m.mobile", "c.linkphone"), mobile_or_nothing),
        Cell("email", ("c.linkmail", "m.email"), mail_or_nothing),
        Cell("qq", ("c.linkqq",), as_count),
        Cell("openid", ("m.wxopenid", "m.wxid"), as_text),
        Cell("is_primary", ("m.usertype",), lambda _: "是"),
    ),
    joins=(_COMPANY,),
    only=_ENTERPRISE,
    times=("m.reg_date", "m.login_date", "m.wxbindtime", "c.lastupdate", "c.addtime"),
)
_POSTINGS = Source(
    "postings",
    TableKind.POSTINGS,
    ("company_job",),
    "j",
    "id",
    (
        Cell("no", ("j.id",), as_text),
        Cell("member_no", ("j.uid",), as_text),
        Cell("title", ("j.name",), as_text),
        Cell("category", ("j.job_post@jobs", "j.job1_son@jobs"), as_name),
        Cell("parent_category", ("j.job1@jobs",), as_name),
        Cell("city", ("j.cityid@cities", "j.provinceid@cities"), as_name),
        Cell("pay_min", ("j.minsalary", "j.salary@classes"), lower_pay),
        Cell("pay_max", ("j.maxsalary", "j.salary@classes"), upper_pay),
        Cell(
            "negotiable",
            ("j.minsalary", "j.salary@classes"),
            lambda least, band: "是" if "面议" in band or least == "0" else "否",
        ),
        Cell("heads", ("j.zp_num", "j.number@classes"), _heads),
        Cell("hours", ("j.description",), hours_in),
        Cell("duties_length", ("j.description",), as_words),
        Cell("education", ("j.edu@classes",), as_name),
        Cell("experience", ("j.exp@classes",), as_name),
        Cell("contact_name", ("k.link_man", "c.linkman"), as_text),
        Cell("contact_phone", ("k.link_moblie", "c.linktel", "c.linkphone"), as_text),
        Cell("published_at", ("j.sdate",), as_moment),
        Cell("refreshed_at", ("j.lastupdate",), as_moment),
        Cell("deadline", ("j.edate",), as_moment),
        Cell("audit", ("j.state",), words_of(_0="0", _1="1", _2="1", _3="2")),
        Cell("state", ("j.status", "j.state", "j.edate", "now"), _state),
        Cell("views", ("j.jobhits",), as_text),
        Cell("urgent", ("j.urgent",), as_flag),
    ),
    joins=(
        Join("k", ("company_job_link",), (("jobid", "j.id"),)),
        Join("c", ("company",), (("uid", "j.uid"),)),
    ),
    times=("j.sdate", "j.lastupdate", "j.operatime", "j.upstatus_time"),
)
_APPLICATIONS = Source(
    "applications",
    TableKind.APPLICATIONS,
    ("userid_job",),
    "a",
    "id",
    (
        Cell("no", ("a.id",), as_text),
        Cell("posting_no", ("a.job_id",), as_text),
        Cell("seeker_no", ("a.eid",), as_text),
        Cell("applied_at", ("a.datetime",), as_moment),
        Cell("first_viewed_at", ("a.datetime", "a.is_browse", "looked.*"), _first_viewed),
        Cell("outcome", ("a.is_browse",), words_of(_3="等待通知", _4="条件不符", _5="无法联系")),
    ),
    beside=(_LOOKED,),
    times=("a.datetime",),
    overlap_days=60,
)
_LOG_CELLS = (Cell("member_no", ("l.uid",), as_text), Cell("at", ("l.ctime",), as_moment))
_LOGINS = Source(
    "logins",
    TableKind.LOGINS,
    ("login_log",),
    "l",
    "id",
    _LOG_CELLS,
    only=(("l.usertype", "2"),),
    times=("l.ctime",),
)
_OLDER_LOGINS = Source(
    "older_logins",
    TableKind.LOGINS,
    ("member_log",),
    "l",
    "id",
    _LOG_CELLS,
    only=(("l.usertype", "2"), ("l.content", "%登录%")),
    times=("l.ctime",),
    unless="login_log",
)
_SEEKERS = Source(
    "seekers",
    TableKind.SEEKERS,
    ("resume_expect",),
    "e",
    "id",
    (
        Cell("no", ("e.id",), as_text),
        Cell("name", ("r.name|e.uname",), as_text),
        Cell("wanted_job", ("e.name",), as_name),
        Cell("wanted_city", ("e.cityid@cities",), as_name),
        Cell("registered_at", ("e.ctime",), as_moment),
    ),
    joins=(Join("r", ("resume",), (("uid", "e.uid"),)),),
    times=("e.ctime", "e.lastupdate"),
)
_FOLLOW_UPS = Source(
    "follow_ups",
    None,
    ("company",),
    "c",
    "uid",
    (
        Cell("no", ("c.uid", "c.crm_time", "c.crm_remark"), _remark_no),
        Cell("member_no", ("c.uid",), as_text),
        Cell("at", ("c.crm_time",), as_moment),
        Cell("text", ("c.crm_remark",), as_words),
        Cell("by", ("c.crm_uid@admins",), as_name),
    ),
    times=("c.crm_time",),
)

SITE = Site(
    "phpyun",
    "phpyun_",
    (_MEMBERS, _SEEKERS, _CONTACTS, _POSTINGS, _APPLICATIONS, _LOGINS, _OLDER_LOGINS, _FOLLOW_UPS),
    {
        "industry": Names(("industry",), "id", "name"),
        "classes": Names(("comclass",), "id", "name"),
        "cities": Names(("city_class",), "id", "name"),
        "jobs": Names(("job_class",), "id", "name"),
        "admins": Names(("admin_user",), "uid", "name|username"),
        "consultants": Names(("company_consultant",), "id", "username"),
    },
)
