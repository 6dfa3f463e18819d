"""Tables of recruiting sites, made from lists of their columns: what each version is known to have, typed by its name.

An INT unless the name says a text; the secrets a site keeps beside them are there too, for the tests to miss them.
"""

import re

_TEXT = re.compile(
    r"name|mobile|moblie|email|mail|password|pwd|salt|token|contact|telephone|phone|weixin|qq|content|address|note|"
    r"result|_cn$|opera$|link|openid|remark|website|tag|logo|session|secret|title|text|variable|avatar"
)
_WHOLE = frozenset(("use_company_contact", "is_link", "is_email", "linkman_id", "email_status", "moblie_status"))
_LONG = frozenset(("content", "contents", "description", "result", "crm_remark", "note"))
_KEYS = frozenset(("id", "did", "c_id"))

CMS74_SE = """
member: uid utype mobile username email password pwd_hash reg_time reg_ip last_login_time last_login_ip status avatar
    robot platform nologin_notice_counter disable_im
company: id uid companyname short_name nature trade district1 district2 district3 district scale registered audit
    addtime refreshtime updatetime click robot user_status cs_id platform setmeal_id is_display life_cycle_id admin_id
    last_visit_time last_visit_admin labels remark clue_id
company_contact: id comid uid contact mobile weixin telephone qq email is_secrecy
job: id uid company_id jobname emergency stick nature sex category1 category2 category3 category minwage maxwage
    negotiable education experience content tag amount minage maxage district1 district2 district3 district address
    addtime refreshtime updatetime setmeal_id audit is_display click user_status robot platform
job_contact: id jid uid contact mobile weixin telephone qq email is_display use_company_contact is_secrecy
job_apply: id comid companyname company_uid jobid jobname personal_uid resume_id fullname note addtime is_look
    handle_status source platform
view_resume: id company_uid personal_uid resume_id addtime
member_action_log: id utype uid content addtime platform is_login
member_setmeal: id uid expired setmeal_id deadline opening_time
setmeal: id name expense days
order: id utype uid oid service_type service_name amount payment addtime paytime status
member_bind: id uid type:v openid unionid nickname bindtime is_subscribe
sms_blacklist: id mobile addtime note
crm_follow_up: id type clue_id uid relation_id admin_id utype mode next_time result create_time link_man:v link_mobile
category: id alias:v name sort_id
category_district: id pid name
category_job: id pid name
admin: id username password pwd_hash
customer_service: id name mobile tel weixin qq
resume: id uid fullname addtime refreshtime
resume_intention: id rid uid category district
"""
CMS74_OLD = """
members: uid utype username email mobile password pwd_hash reg_time last_login_time
company_profile: id uid companyname nature_cn trade_cn district_cn scale_cn contact telephone email addtime refreshtime
jobs: id uid companyname jobs_name category_cn district_cn wage wage_cn setmeal_deadline setmeal_id deadline addtime
    refreshtime contents amount education_cn experience_cn emergency click audit display
jobs_tmp: id uid companyname jobs_name category_cn district_cn wage wage_cn setmeal_deadline setmeal_id deadline addtime
    refreshtime contents amount education_cn experience_cn emergency click audit display
personal_jobs_apply: did resume_id jobs_id company_uid apply_addtime personal_look
"""
PHPYUN_42 = """
member: uid username password email moblie reg_ip reg_date login_ip login_date usertype login_hits salt address status
    email_status wxid wxopenid unionid wxname wxbindtime source
company: id uid name hy pr provinceid cityid three_cityid mun sdate money content address linkman
    linkjob linkqq linkphone
    linktel linkmail website payd integral lastupdate jobtime r_status hits
company_job: id uid name com_name hy job1 job1_son job_post provinceid cityid three_cityid salary type number exp report
    sex edu marriage description:v sdate edate jobhits lastupdate state status urgent r_status
userid_job: id uid job_id job_name com_id com_name eid datetime type is_browse body:v did
look_resume: id uid com_id resume_id datetime status com_status
member_log: id uid opera type usertype content ip:v ctime
company_statis: uid pay integral rating rating_name vip_stime vip_etime
company_order: id uid order_id order_price order_time order_state type rating
company_job_link: id uid jobid link_man link_moblie email is_email
comclass: id keyid name variable
city_class: id keyid name
industry: id name
job_class: id keyid name
resume_expect: id uid name cityid ctime lastupdate
resume: uid name
"""
_NEWER = {
    "company: id uid": "company: uid",
    "salary type": "minsalary maxsalary zp_num type",
    "r_status hits": "r_status hits shortname crm_uid crm_time crm_status crm_remark rating_name vipetime",
    "member_log: id uid opera type usertype": "login_log: id uid usertype",
}
PHPYUN_NEW = PHPYUN_42 + "admin_user: uid username name password\n"
for _old, _new in _NEWER.items():
    PHPYUN_NEW = PHPYUN_NEW.replace(_old, _new)


def statements(columns: str, *, prefix: str, charset: str, engine: str = "InnoDB") -> list[str]:
    """CREATE TABLE for each line of such a list."""
    found = []
    for line in re.sub(r"\n\s+", " ", columns.strip()).splitlines():
        table, _, names = line.partition(":")
        parts = [_column(name) for name in names.split()]
        keys = [name for name in ("id", "did") if name in names.split()] or ["uid"]
        parts.append(f"PRIMARY KEY (`{keys[0]}`)")
        if "uid" in names.split() and keys[0] != "uid":
            parts.append("KEY (`uid`)")
        found.append(
            f"CREATE TABLE `{prefix}{table.strip()}` ({', '.join(parts)}) ENGINE={engine} DEFAULT CHARSET={charset}"
        )
    return found


def _column(named: str) -> str:
    name, _, kind = named.partition(":")
    if name in _LONG or (kind and name in ("description", "body")):
        return f"`{name}` longtext"
    if kind or (_TEXT.search(name) and name not in _WHOLE):
        return f"`{name}` varchar(255)"
    return f"`{name}` bigint NOT NULL DEFAULT 0"
