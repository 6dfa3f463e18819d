"""Header words, Chinese and English, to our field names; which kind of table a header belongs to.

The words are what exports, and the two site systems in use here (74cms, PHPYun), call their columns.
Case, blanks, punctuation, full-width forms and a remark in brackets do not matter.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from campaigns.cells import clean_text
from campaigns.errors import InputError

CUSTOM = "*"
"""As a choice: a column of the site's own, kept under its name."""


class TableKind(StrEnum):
    MEMBERS = "members"
    CONTACTS = "contacts"
    POSTINGS = "postings"
    APPLICATIONS = "applications"
    LOGINS = "logins"
    SEEKERS = "seekers"


@dataclass(frozen=True, slots=True)
class Recognised:
    """What the columns of one table mean.

    `mapping` is column index → field of the record; `custom` is column index → name of a custom field
    (members only); `ignored` are the names of columns that are not read. A field that is not in `fields`
    was not in the file at all, which is not the same as empty.
    """

    kind: TableKind
    header: tuple[str, ...]
    mapping: Mapping[int, str]
    custom: Mapping[int, str]
    ignored: tuple[str, ...]

    @property
    def fields(self) -> frozenset[str]:
        return frozenset(self.mapping.values())


def recognise(header: Sequence[str]) -> Recognised:
    """The kind of table this is the header of. InputError where no kind's keys are all there, or a field twice."""
    found = _best(header)
    if found is None:
        raise InputError("认不出表头:至少要有编号一列和一列内容,例如 会员编号、企业名称(no known header)")
    kind, mapping = found
    rest = {index: clean_text(word) for index, word in enumerate(header) if index not in mapping and clean_text(word)}
    _refuse_a_second(header, mapping, rest)
    names = tuple(dict.fromkeys(rest.values()))
    if kind is not TableKind.MEMBERS:
        return Recognised(kind, tuple(header), mapping, {}, names)
    first = {name: index for index, name in reversed(rest.items())}
    return Recognised(kind, tuple(header), mapping, {i: n for i, n in rest.items() if first[n] == i}, ())


def _refuse_a_second(header: Sequence[str], mapping: Mapping[int, str], rest: Mapping[int, str]) -> None:
    """Which of two 企业名称 is meant nobody can know; the one left over would go for a column of the site's own."""
    read = {clean_text(header[index]) for index in mapping}
    for index, name in rest.items():
        if name in read:
            raise InputError(f"“{name}”有两列，第 {index + 1} 列又是它；删掉一列再导入 (the column is there twice)")


def choose(kind: TableKind, header: Sequence[str], chosen: Sequence[str]) -> Recognised:
    """What a person says the columns mean: for each a field of that kind, CUSTOM, or nothing.

    InputError where a field is chosen twice, or one is missing without which no row goes in.
    """
    mapping = {index: field for index, field in enumerate(chosen) if field in fields_of(kind)}
    for field in mapping.values():
        if sum(one == field for one in mapping.values()) > 1:
            raise InputError(f"有两列都选了“{label_of(kind, field)}”，留一列 (chosen twice)")
    if missing := [label_of(kind, one) for one in fields_of(kind) if one in _REQUIRED[kind] - set(mapping.values())]:
        raise InputError(f"还缺{'、'.join(missing)}，给它选一列 (columns are missing)")
    names = [clean_text(word) for word in header]
    own = [i for i, one in enumerate(chosen) if one == CUSTOM and kind is TableKind.MEMBERS and names[i]]
    first = {names[i]: i for i in reversed(own)}  # of two columns of one name the first is kept
    custom = {i: names[i] for i in own if first[names[i]] == i}
    left = [name for i, name in enumerate(names) if i not in mapping and i not in custom and name]
    return Recognised(kind, tuple(header), mapping, custom, tuple(dict.fromkeys(left)))


def suggest(kind: TableKind, header: Sequence[str]) -> list[str]:
    """What the columns of a table of that kind may mean: for each a field, CUSTOM or nothing."""
    mapping = _match(kind, [_spellings(word) for word in header])
    rest = CUSTOM if kind is TableKind.MEMBERS else ""
    return [mapping.get(index, rest if clean_text(word) else "") for index, word in enumerate(header)]


def kind_of(header: Sequence[str]) -> TableKind | None:
    found = _best(header)
    return found[0] if found else None


def fields_of(kind: TableKind) -> tuple[str, ...]:
    return _FIELDS[kind]


def label_of(kind: TableKind, field: str) -> str:
    """What staff call a field: the most telling of its words."""
    return next(word for word, (one, _) in _LOOKUP[kind].items() if one == field)


def is_header(cells: Sequence[str]) -> bool:
    """Whether a row is the header of a table we know."""
    return _best(cells) is not None


def _best(header: Sequence[str]) -> tuple[TableKind, Mapping[int, str]] | None:
    """The kind that fits, and its mapping.

    Exports like to add the columns of what a row belongs to (企业名称 beside 联系人编号), so a table's own
    number speaks louder than how many columns it shares with another kind.
    """
    spellings = [_spellings(word) for word in header]
    found = [(kind, _match(kind, spellings)) for kind in _DEPTH]
    usable = [(kind, mapping) for kind, mapping in found if _suffices(kind, mapping, spellings)]

    def weight(pair: tuple[TableKind, Mapping[int, str]]) -> tuple[int, int]:
        kind, mapping = pair
        own = "no" in _telling(mapping, spellings)
        return (_DEPTH[kind] if own else 0, len(mapping))

    return max(usable, key=weight, default=None)


def _match(kind: TableKind, spellings: Sequence[Sequence[str]]) -> Mapping[int, str]:
    """Column index → field; of two columns for one field the one with the more telling word wins."""
    ranked: dict[str, tuple[int, int]] = {}
    for index, words in enumerate(spellings):
        for field, rank in (_LOOKUP[kind][word] for word in words if word in _LOOKUP[kind]):
            ranked[field] = min(ranked.get(field, (rank, index)), (rank, index))
    return {index: field for field, (_, index) in sorted(ranked.items(), key=lambda item: item[1][1])}


def _suffices(kind: TableKind, mapping: Mapping[int, str], spellings: Sequence[Sequence[str]]) -> bool:
    """The keys are there, and not by general words alone: "id, name" is on every table in the world."""
    if len(mapping) < 2 or not _REQUIRED[kind] <= set(mapping.values()):
        return False
    telling = _telling(mapping, spellings)
    return len(telling) >= 2 or bool(telling & _REQUIRED[kind])


def _telling(mapping: Mapping[int, str], spellings: Sequence[Sequence[str]]) -> frozenset[str]:
    return frozenset(field for index, field in mapping.items() if not _GENERAL.intersection(spellings[index]))


_REMARK = re.compile(r"\([^)]*\)|\[[^]]*\]|【[^】]*】|<[^>]*>")
_PUNCTUATION = re.compile(r"[\W_]+")


def _spellings(word: str) -> tuple[str, ...]:
    """A header word as the table below writes it; "会员编号 / Member No" counts as either."""
    plain = unicodedata.normalize("NFKC", word).casefold().replace("登陆", "登录")
    plain = _REMARK.sub("", plain) or plain
    return tuple(dict.fromkeys(_PUNCTUATION.sub("", part) for part in (plain, *re.split(r"[/|\n]", plain))))


# Words that say little alone; they name a field only beside more telling ones.
_GENERAL = frozenset(("id", "no", "number", "code", "name", "编号", "名称"))
_MEMBER_NO = """
    会员编号 企业编号 会员号 会员id 企业id 公司编号 公司id 单位编号 客户编号 所属会员编号 所属企业编号
        用户编号 用户id memberno memberid membernumber membercode companyno companyid companynumber
        companycode enterpriseno enterpriseid customerid customerno uid comid userid
"""
_POSTING_NO = """
    职位编号 职位id 岗位编号 岗位id 招聘编号 postingno postingid postingnumber jobno jobid jobnumber
        jobsid positionno positionid vacancyid
"""
_SEEKER_NO = """
    求职者编号 求职者id 人才编号 简历编号 简历id seekerno seekerid seekernumber jobseekerno jobseekerid
        candidateno candidateid applicantno applicantid resumeno resumeid eid
"""
_REGISTERED = """
    注册时间 注册日期 注册于 加入时间 创建时间 registeredat registeredon registered registrationtime
        registrationdate registertime registerdate regtime regdate dateregistered signuptime signupdate
        joinedat createdat createtime addtime
"""
_WORDS: Mapping[TableKind, str] = {
    TableKind.MEMBERS: f"""
        no: {_MEMBER_NO} id no number code 编号
        name: 企业名称 公司名称 单位名称 会员名称 客户名称 企业全称 公司全称 企业名 公司名 companyname
            membername enterprisename customername comname company enterprise employer member name 名称
        trade: 行业 所属行业 企业行业 行业类别 行业分类 从事行业 trade tradecn industry sector hy
        nature: 企业性质 公司性质 单位性质 企业类型 公司类型 性质 nature naturecn companynature
            enterprisenature companytype enterprisetype ownership
        size: 企业规模 公司规模 单位规模 员工规模 员工人数 规模 人数 size scale scalecn companysize
            companyscale enterprisesize employees headcount staffsize
        city: 地区 所在地区 所在城市 所在地 企业地区 城市 区域 city region district districtcn area
            location
        registered_at: {_REGISTERED}
        last_login_at: 最近登录时间 最后登录时间 上次登录时间 最近登录日期 最近登录 最后登录 lastloginat
            lastlogintime lastlogindate lastlogin lastloggedin lastloggedinat lastseen logindate
        login_count: 登录次数 累计登录次数 登录数 logincount numberoflogins totallogins logintimes
            loginhits logins
        plan: 会员套餐 套餐 套餐名称 服务套餐 会员类型 会员等级 plan planname membershipplan package
            packagename membership membershiptype subscription setmeal setmealname rating ratingname
        plan_expires_on: 到期时间 到期日期 到期日 套餐到期时间 套餐到期日 会员到期时间 会员到期日
            服务到期时间 有效期至 planexpireson planexpiresat planexpires planexpiry planexpirydate
            planexpirationdate planenddate expireson expiresat expires expiry expirydate expirationdate
            expiredate expiretime renewaldate vipetime setmealdeadline
        paid_12m: 近12个月付费 近12个月付费金额 近12月付费 近一年付费 近一年付费金额 年付费金额 付费金额
            paid12m paid12months paidlast12months payments12m yearlypayments
        owner: 负责客服 专属客服 客服 客户经理 招聘顾问 跟进人 业务员 owner accountowner accountmanager
            servicerep salesrep salesperson consultant agent assignedto
        """,
    TableKind.CONTACTS: f"""
        no: 联系人编号 联系人id 联系人号 contactno contactid contactnumber contactcode id no number code
            编号
        member_no: {_MEMBER_NO}
        name: 姓名 联系人姓名 联系人 名字 contactname fullname contact linkman name 名称
        title: 职务 职位 岗位 title jobtitle position role
        mobile: 手机 手机号 手机号码 移动电话 联系手机 联系电话 电话 mobile mobileno mobilenumber
            mobilephone contactmobile cellphone cell phone phonenumber contactphone telephone tel linktel
        email: 邮箱 电子邮箱 电子邮件 邮箱地址 邮件 email emailaddress contactemail mail linkmail
        openid: 微信openid openid wechatopenid weixinopenid wxopenid 公众号openid
        qq: qq qq号 qq号码 qqnumber qqno linkqq
        is_primary: 主联系人 是否主联系人 主要联系人 首要联系人 isprimary primary primarycontact
            isprimarycontact ismain maincontact
        parent_no: 上级联系人编号 上级联系人id 上级联系人 上级编号 上级 parentcontactno parentcontactid
            parentcontact parentno parentid parent reportsto supervisorno supervisorid managerno managerid
        consent: 同意接收营销 是否同意接收营销 同意营销 营销同意 接收营销 marketingconsent consent
            consentmarketing consenttomarketing agreestomarketing acceptsmarketing marketingoptin optin
        consent_at: 同意时间 同意日期 授权时间 consentat consenttime consentdate consentedat optinat
            optintime optindate marketingconsentat marketingconsenttime
        consent_source: 同意来源 授权来源 同意渠道 consentsource consentorigin consentchannel optinsource
            marketingconsentsource
        role: 角色 联系人角色 决策角色 contactrole buyingrole decisionrole
        influence: 影响力 影响力等级 influence influencelevel
        interests: 兴趣 兴趣爱好 爱好 关注点 interests interest hobbies
        """,
    TableKind.POSTINGS: f"""
        no: {_POSTING_NO} id no number code 编号
        member_no: {_MEMBER_NO}
        title: 职位名称 岗位名称 招聘职位 招聘岗位 职位 岗位 postingtitle jobtitle jobname jobsname
            positionname title position name 名称
        category: 职位类别 职位分类 职位类型 岗位类别 类别 category jobcategory postingcategory
            positioncategory categorycn jobtype
        city: 工作地区 工作地点 工作城市 地区 城市 city workcity worklocation workregion workarea
            workplace jobcity region area district districtcn location
        pay_min: 月薪下限 薪资下限 工资下限 最低月薪 最低薪资 最低工资 paymin minpay minimumpay salarymin
            minsalary minimumsalary monthlypaymin monthlysalarymin wagemin minwage payfrom salaryfrom
        pay_max: 月薪上限 薪资上限 工资上限 最高月薪 最高薪资 最高工资 paymax maxpay maximumpay salarymax
            maxsalary maximumsalary monthlypaymax monthlysalarymax wagemax maxwage payto salaryto
        heads: 招聘人数 需求人数 人数 heads headcount openings vacancies numberofopenings numberofheads
            hires amount
        hours: 工作时间 上班时间 工时 作息 hours workinghours workhours workingtime worktime
        contact_name: 联系人 联系人姓名 招聘联系人 contactname contactperson contact
        contact_phone: 联系电话 联系方式 电话 手机 contactphone contacttel contactmobile phone phonenumber
            telephone tel mobile
        published_at: 发布时间 发布日期 创建时间 publishedat publishtime publishdate published postedat
            posteddate posted createdat addtime
        refreshed_at: 刷新时间 最近刷新时间 更新时间 refreshedat refreshtime refreshdate refreshed
            lastrefresh updatedat updatetime
        state: 状态 职位状态 发布状态 state status postingstate postingstatus jobstatus
        parent_category: 职位大类 上级类别 一级类别 parentcategory
        negotiable: 面议 薪资面议 negotiable
        duties_length: 职位描述 岗位职责 工作内容 职位要求 duties jobdescription description content
        education: 学历 学历要求 education educationcn
        experience: 工作经验 经验要求 experience experiencecn
        deadline: 截止日期 截止时间 有效期至 deadline
        audit: 审核状态 审核 audit auditstatus
        views: 浏览量 浏览次数 浏览数 点击量 views viewcount click clicks jobhits
        urgent: 紧急 急聘 紧急招聘 urgent emergency
        """,
    TableKind.APPLICATIONS: f"""
        no: 投递编号 投递id 申请编号 应聘编号 applicationno applicationid applicationnumber applyid
            applyno deliveryid did id no number code 编号
        posting_no: {_POSTING_NO}
        seeker_no: {_SEEKER_NO}
        applied_at: 投递时间 投递日期 申请时间 应聘时间 appliedat applytime applydate applicationtime
            applicationdate applyaddtime submittedat deliverytime
        first_viewed_at: 首次查看时间 查看时间 首次阅读时间 阅读时间 浏览时间 firstviewedat firstviewtime
            firstviewed firstview viewedat viewtime firstreadat readat openedat looktime
        outcome: 处理结果 处理状态 结果 状态 outcome result processingresult handlingresult status
        """,
    TableKind.LOGINS: f"""
        member_no: {_MEMBER_NO}
        at: 登录时间 登录日期 登录于 登入时间 loginat logintime logindate loggedinat loggedin login
            timestamp datetime time at 时间
        """,
    TableKind.SEEKERS: f"""
        no: {_SEEKER_NO} id no number code 编号
        name: 姓名 求职者姓名 名字 seekername candidatename fullname name 名称
        wanted_job: 意向职位 意向岗位 期望职位 期望岗位 求职意向 wantedjob wantedposition desiredjob
            desiredposition expectedjob expectedposition intendedjob intendedposition targetjob
            targetposition jobwanted intentionjobs
        wanted_city: 意向地区 意向城市 期望地区 期望城市 期望工作地 wantedcity wantedregion desiredcity
            desiredregion desiredlocation expectedcity expectedregion intendedcity intendedregion
            targetcity preferredcity
        pay: 期望月薪 期望薪资 期望工资 薪资要求 expectedpay expectedsalary expectedmonthlypay
            expectedmonthlysalary expectedwage desiredpay desiredsalary wantedpay wantedsalary pay salary
        years: 工作年限 工作经验 经验 years yearsofexperience experienceyears workyears workingyears
            experience
        registered_at: {_REGISTERED}
        video_url: 视频简历 视频简历地址 视频链接 视频地址 视频 videourl videoresume videoresumeurl
            videocv videolink video
        recommend: 同意推荐 是否同意推荐 允许推荐 recommend recommendconsent consentrecommend
            consenttorecommend agreerecommend agreetorecommend agreestorecommendation allowrecommend
            recommendable
        mobile: 手机 手机号 手机号码 移动电话 联系手机 联系电话 电话 mobile mobileno mobilenumber
            mobilephone cellphone cell phone phonenumber telephone tel
        email: 邮箱 电子邮箱 电子邮件 邮箱地址 邮件 email emailaddress mail
        """,
}
_REQUIRED: Mapping[TableKind, frozenset[str]] = {
    TableKind.MEMBERS: frozenset(("no", "name")),
    TableKind.CONTACTS: frozenset(("no", "member_no")),
    TableKind.POSTINGS: frozenset(("no", "member_no")),
    TableKind.APPLICATIONS: frozenset(("no", "posting_no")),
    TableKind.LOGINS: frozenset(("member_no", "at")),
    TableKind.SEEKERS: frozenset(("no",)),
}
# Through how many tables a row belongs to others: an application to a posting to a member. At equal depth and
# as many columns the earlier kind is meant.
_DEPTH: Mapping[TableKind, int] = {
    TableKind.APPLICATIONS: 2,
    TableKind.CONTACTS: 1,
    TableKind.POSTINGS: 1,
    TableKind.LOGINS: 0,
    TableKind.SEEKERS: 0,
    TableKind.MEMBERS: 0,
}


def _read_words(block: str) -> Mapping[str, tuple[str, int]]:
    """word → its field, and how telling the word is (0 first)."""
    found: dict[str, tuple[str, int]] = {}
    field = ""
    for rank, token in enumerate(block.split()):
        if token.endswith(":"):
            field = token[:-1]
        else:
            found[token] = (field, rank)
    return found


_LOOKUP: Mapping[TableKind, Mapping[str, tuple[str, int]]] = {
    kind: _read_words(block) for kind, block in _WORDS.items()
}
_FIELDS: Mapping[TableKind, tuple[str, ...]] = {
    kind: tuple(dict.fromkeys(token[:-1] for token in block.split() if token.endswith(":")))
    for kind, block in _WORDS.items()
}
