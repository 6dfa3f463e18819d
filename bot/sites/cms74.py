"""74cms (骑士) SE 3.x, and the 3.x before it: which of its columns are which of our fields.

utype 1 is an enterprise; moments are unix seconds, 0 is never; 3.x has the words of a code in a column *_cn.
"""

from dataclasses import replace

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
    open_pay,
    posting_state,
    upper_pay,
    words_of,
)
from bot.sites.mapping import Beside, Cell, Join, Names, Site, Source
from campaigns.columns import TableKind

_COMPANY = Join("c", ("company", "company_profile"), (("uid", "m.uid"),))
_CONTACT = Join("k", ("company_contact",), (("uid", "m.uid"),))
_PLAN = Join("s", ("member_setmeal", "members_setmeal"), (("uid", "m.uid"),))
_BIND = Join("w", ("member_bind",), (("uid", "m.uid"),), only=(("type", "weixin"),))
_PAID = Beside(
    "paid", ("order",), (("uid", "m.uid"),), "amount", only=(("status", "1"), ("utype", "1")), since="paytime"
)
_LOOKED = Beside(
    "looked",
    ("view_resume",),
    (("company_uid", "a.company_uid"), ("resume_id", "a.resume_id")),
    "addtime",
)
_ENTERPRISE = (("m.utype", "1"),)
_SHOWN = ("j.is_display", "j.display", "j.audit", "j.deadline", "now")
_CHANGED = (
    "m.reg_time",
    "m.last_login_time",
    "c.addtime",
    "c.refreshtime",
    "c.updatetime",
    "c.last_visit_time",
    "s.opening_time|s.starttime",
)


def _name(company: str, short: str, account: str, number: str) -> str:
    """Who registered and never said the company's name is a member all the same."""
    return as_text(company, short, account) or f"会员{number}"


def _read(look: str, personal_look: str) -> str:
    """SE: 1 is read. Before it: 1 is unread, 2 read."""
    return look if look else "1" if personal_look == "2" else "0"


def _first_viewed(begun: str, look: str, personal_look: str, moments: str) -> str:
    return first_since(begun, _read(look, personal_look), moments)


def _audit(audit: str, display: str) -> str:
    """Before SE, where the column `display` is: 1 let through, 2 waiting, 3 refused."""
    return {"1": "1", "2": "0", "3": "2"}.get(audit, "") if display else audit


def _state(shown: str, display: str, audit: str, until: str, now: str) -> str:
    """SE: is_display 0 is hidden. Before it: display 2."""
    return posting_state("0" if display == "2" else shown, audit, until, now)


def _state_apart(shown: str, display: str, audit: str, until: str, now: str) -> str:
    """What stands in jobs_tmp is shown to nobody, be it for its plan alone."""
    state = _state(shown, display, audit, until, now)
    return "offline" if state == "live" else state


def _of_job_or_company(company: str, job: str, older: str, ours: str) -> str:
    return as_text(ours if company == "1" else job, job, older, ours)


_MEMBERS = Source(
    "members",
    TableKind.MEMBERS,
    ("member", "members"),
    "m",
    "uid",
    (
        Cell("no", ("m.uid",), as_text),
        Cell("name", ("c.companyname", "c.short_name", "m.username", "m.uid"), _name),
        Cell("trade", ("c.trade_cn|c.trade@category",), as_name),
        Cell("nature", ("c.nature_cn|c.nature@category",), as_name),
        Cell("size", ("c.scale_cn|c.scale@category",), as_name),
        Cell("city", ("c.district_cn|c.district@districts",), as_name),
        Cell("registered_at", ("m.reg_time",), as_moment),
        Cell("last_login_at", ("m.last_login_time",), as_moment),
        Cell("plan", ("s.setmeal_name|s.setmeal_id@plans", "c.setmeal_name|c.setmeal_id@plans"), as_name),
        Cell("plan_expires_on", ("s.deadline|s.endtime",), as_moment),
        Cell("owner", ("c.admin_id@admins", "c.cs_id@services"), as_name),
        Cell("paid_12m", ("paid.*",), as_sum),
    ),
    joins=(_COMPANY, _PLAN),
    beside=(_PAID,),
    only=_ENTERPRISE,
    times=_CHANGED,
)
_CONTACTS = Source(
    "contacts",
    TableKind.CONTACTS,
    ("member", "members"),
    "m",
    "uid",
    (
        Cell("no", ("m.uid",), as_text),
        Cell("member_no", ("m.uid",), as_text),
        Cell("name", ("k.contact|c.contact",), as_text),
        Cell("mobile", ("k.mobile|c.mobile", "m.mobile", "c.telephone"), mobile_or_nothing),
        Cell("email", ("k.email|c.email", "m.email"), mail_or_nothing),
        Cell("qq", ("k.qq|c.qq",), as_count),
        Cell("openid", ("w.openid|m.weixin_openid",), as_text),
        Cell("is_primary", ("m.utype",), lambda _: "是"),
    ),
    joins=(_COMPANY, _CONTACT, _BIND),
    only=_ENTERPRISE,
    times=(*_CHANGED[:5], "w.bindtime"),
)
_POSTINGS = Source(
    "postings",
    TableKind.POSTINGS,
    ("job", "jobs"),
    "j",
    "id",
    (
        Cell("no", ("j.id",), as_text),
        Cell("member_no", ("j.uid",), as_text),
        Cell("title", ("j.jobname|j.jobs_name",), as_text),
        Cell("category", ("j.category_cn|j.category@jobs",), as_name),
        Cell("parent_category", ("j.category1@jobs|j.topclass@jobs",), as_name),
        Cell("city", ("j.district_cn|j.district@districts",), as_name),
        Cell("pay_min", ("j.minwage", "j.wage_cn"), lower_pay),
        Cell("pay_max", ("j.maxwage", "j.wage_cn"), upper_pay),
        Cell("negotiable", ("j.negotiable", "j.wage_cn"), open_pay),
        Cell("heads", ("j.amount",), as_count),
        Cell("hours", ("j.content|j.contents",), hours_in),
        Cell("duties_length", ("j.content|j.contents",), as_words),
        Cell("education", ("j.education_cn|j.education",), as_name),
        Cell("experience", ("j.experience_cn|j.experience",), as_name),
        Cell("contact_name", ("jc.use_company_contact", "jc.contact", "j.contact", "k.contact"), _of_job_or_company),
        Cell("contact_phone", ("jc.use_company_contact", "jc.mobile", "jc.telephone", "k.mobile"), _of_job_or_company),
        Cell("published_at", ("j.addtime",), as_moment),
        Cell("refreshed_at", ("j.refreshtime",), as_moment),
        Cell("deadline", ("j.deadline",), as_moment),
        Cell("audit", ("j.audit", "j.display"), _audit),
        Cell("state", _SHOWN, _state),
        Cell("views", ("j.click",), as_text),
        Cell("urgent", ("j.emergency",), as_flag),
    ),
    joins=(
        Join("jc", ("job_contact", "jobs_contact"), (("jid|pid", "j.id"),)),
        Join("k", ("company_contact", "company_profile"), (("uid", "j.uid"),)),
    ),
    times=("j.addtime", "j.refreshtime", "j.updatetime"),
)
_POSTINGS_APART = replace(
    _POSTINGS,
    name="postings_tmp",
    tables=("jobs_tmp",),
    cells=tuple(Cell("state", _SHOWN, _state_apart) if one.field == "state" else one for one in _POSTINGS.cells),
)
"""3.x moves here what waits, was refused, is hidden or over; by the same number."""
_APPLICATIONS = Source(
    "applications",
    TableKind.APPLICATIONS,
    ("job_apply", "personal_jobs_apply"),
    "a",
    "id|did",
    (
        Cell("no", ("a.id|a.did",), as_text),
        Cell("posting_no", ("a.jobid|a.jobs_id",), as_text),
        Cell("seeker_no", ("a.resume_id",), as_text),
        Cell("applied_at", ("a.addtime|a.apply_addtime",), as_moment),
        Cell(
            "first_viewed_at",
            ("a.addtime|a.apply_addtime", "a.is_look", "a.personal_look", "looked.*"),
            _first_viewed,
        ),
        Cell("outcome", ("a.handle_status",), words_of(_1="同意面试", _2="不合适")),
    ),
    beside=(_LOOKED,),
    times=("a.addtime|a.apply_addtime",),
    overlap_days=60,
)
_LOGINS = Source(
    "logins",
    TableKind.LOGINS,
    ("member_action_log",),
    "l",
    "id",
    (Cell("member_no", ("l.uid",), as_text), Cell("at", ("l.addtime",), as_moment)),
    only=(("l.utype", "1"), ("l.is_login", "1")),
    times=("l.addtime",),
)
_SEEKERS = Source(
    "seekers",
    TableKind.SEEKERS,
    ("resume",),
    "r",
    "id",
    (
        Cell("no", ("r.id",), as_text),
        Cell("name", ("r.fullname",), as_text),
        Cell("wanted_job", ("r.intention_jobs|i.category@jobs",), as_name),
        Cell("wanted_city", ("r.district_cn|i.district@districts",), as_name),
        Cell("registered_at", ("r.addtime",), as_moment),
    ),
    joins=(Join("i", ("resume_intention",), (("rid", "r.id"),)),),
    times=("r.addtime", "r.refreshtime", "r.updatetime"),
)
_FOLLOW_UPS = Source(
    "follow_ups",
    None,
    ("crm_follow_up",),
    "f",
    "id",
    (
        Cell("no", ("f.id",), as_text),
        Cell("member_no", ("f.uid",), as_text),
        Cell("at", ("f.create_time",), as_moment),
        Cell("medium", ("f.mode",), words_of(_0="other", _1="visit", _2="phone", _3="online")),
        Cell("text", ("f.result",), as_words),
        Cell("by", ("f.admin_id@admins",), as_name),
    ),
    times=("f.create_time",),
)
_BLACKLIST = Source(
    "blacklist",
    None,
    ("sms_blacklist",),
    "b",
    "id",
    (
        Cell("no", ("b.id",), as_text),
        Cell("mobile", ("b.mobile",), as_text),
        Cell("at", ("b.addtime",), as_moment),
    ),
    times=("b.addtime",),
)

SITE = Site(
    "74cms",
    "qs_",
    (_MEMBERS, _SEEKERS, _CONTACTS, _POSTINGS, _POSTINGS_APART, _APPLICATIONS, _LOGINS, _BLACKLIST, _FOLLOW_UPS),
    {
        "category": Names(("category",), "id|c_id", "name|c_name"),
        "districts": Names(("category_district",), "id", "name|categoryname"),
        "jobs": Names(("category_job", "category_jobs"), "id", "name|categoryname"),
        "plans": Names(("setmeal",), "id", "name|setmeal_name"),
        "services": Names(("customer_service",), "id", "name"),
        "admins": Names(("admin",), "id|admin_id", "realname|truename|name|username|admin_name"),
    },
)
