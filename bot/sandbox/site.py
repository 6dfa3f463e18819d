"""A recruiting site's export, made up by seed and as messy as real ones: for the demo, and for tests."""

import csv
import random
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from xml.sax.saxutils import escape

from campaigns.terms import SHANGHAI

Row = list[str]

CITIES = ["榆林", "吕梁", "延安", "承德", "保定", "鄂尔多斯", "包头"]
PLACES = ["云溪", "青禾", "北岭", "望川", "星桥", "启明", "石门", "长青", "金穗", "沙河", "双塔", "东篱", "锦屏"]
# Trade: how its companies are called, what they look for.
TRADES = {
    "餐饮酒店": ("餐饮管理有限公司", "配菜员", "前厅经理"),
    "物流仓储": ("物流有限公司", "叉车司机", "快递分拣"),
    "机械制造": ("机械有限公司", "数控操作工", "钳工"),
    "装饰装修": ("装饰工程有限公司", "泥瓦工", "电工"),
    "医药健康": ("大药房连锁有限公司", "药店营业员", "收银员"),
    "教育培训": ("教育咨询有限公司", "幼教老师", "前台文员"),
    "煤炭能源": ("煤化工有限公司", "电工", "安全员"),
    "零售百货": ("商贸有限公司", "收银员", "理货员"),
    "互联网": ("网络科技有限公司", "后端工程师", "平面设计师"),
    "食品加工": ("食品厂", "面点师", "质检员"),
    "汽车服务": ("汽车服务有限公司", "洗车工", "汽修技师"),
    "房地产": ("置业有限公司", "置业顾问", "出纳"),
}
NATURES = ["民营", "个体", "国企", "外资", "合资", "事业单位"]
SIZES = {"1-20人": 36, "20-99人": 34, "100-499人": 20, "500-999人": 6, "1000人以上": 4}
PLANS = {"免费": 51, "包月": 20, "包季": 15, "包年": 14}
PLAN_DAYS = {"包月": (-20, 31), "包季": (-40, 92), "包年": (-40, 366)}
OWNERS = ("程雪", "石磊", "孟琪", "乔安", "")
PARKS = ("开发区", "高新区", "城东", "")
JOBS = sorted({job for _, *jobs in TRADES.values() for job in jobs})
SURNAMES = "高魏蒋沈韩唐冯于董萧程曹袁邓许傅曾彭吕苏卢蔡贾丁薛叶余潘"
GIVEN = ["晓燕", "建国", "文博", "倩", "佳怡", "志强", "浩", "雪梅", "永红", "睿", "春生", "丽君", "鹏飞", "思远", "琴"]
TITLES = ["人事经理", "招聘专员", "行政", "店长", "总经理"]
HOSTILE = (
    '=HYPERLINK("http://x.test","点我")',
    "{{ 7*7 }}有限公司",
    "<script>alert(1)</script>商行",
    "榆林市某公司\r\nBcc: victim@example.com",
    "O'Hara; DROP TABLE members;--",
    "+cmd|' /C calc'!A0",
    "  前后空格贸易  ",
    "🌾丰收农资",
)
# Blocks that belong to nobody, and domains that reach nobody (RFC 2606).
BLOCKS = ("154", "160", "161", "163", "164", "168", "169", "179")
DOMAINS = ("qq.example.com", "163.example.com", "126.example.com", "outlook.example.com", "yunxi-park.example")
BAD_MOBILES = ("无", "0912-5550123", "1390013900", "12345678901", "139001390022", "138****0000", "26012345678")

MEMBER_HEAD = (
    "会员编号 企业名称 行业 企业性质 企业规模 地区 注册时间 最近登录时间 登录次数 会员套餐 到期时间 负责客服 园区"
)
CONTACT_HEAD = (
    "联系人编号 会员编号 姓名 职务 手机 邮箱 微信openid QQ 主联系人 上级联系人编号 同意接收营销 同意时间 同意来源"
)
POSTING_HEAD = (
    "职位编号 会员编号 职位名称 职位类别 工作地区 月薪下限 月薪上限 招聘人数 工作时间 联系人 联系电话 "
    "发布时间 刷新时间 状态"
)
APPLICATION_HEAD = "投递编号 职位编号 求职者编号 投递时间 首次查看时间 处理结果"
LOGIN_HEAD = "会员编号 登录时间"
SEEKER_HEAD = "求职者编号 姓名 意向职位 意向地区 期望月薪 工作年限 注册时间 视频简历 同意推荐"


def write_export(folder: Path, members: int = 2000, seed: int = 7, *, as_of: datetime) -> None:
    """Write the six tables into `folder`, members both as members.xlsx and members.csv, taken at `as_of` (aware).

    The same arguments write the same bytes. Ages of everything count back from `as_of`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    site = _Site(random.Random(f"site {seed}"), as_of.astimezone(SHANGHAI).replace(microsecond=0))
    people = [site.member(number) for number in range(members)]
    rows = site.with_mess([site.member_row(member) for member in people])
    contacts = [row for member in people for row in site.contacts(member)]
    postings = [posting for member in people for posting in site.postings(member)]
    seekers = max(1, members * 3 // 5)
    applications = [row for posting in postings for row in site.applications(posting, seekers)]
    logins = [[member.no, site.written(moment)] for member in people for moment in member.logins]

    _write_csv(folder / "members.csv", "gb18030", MEMBER_HEAD, rows)
    _write_xlsx(folder / "members.xlsx", MEMBER_HEAD, rows)
    _write_csv(folder / "contacts.csv", "gb18030", CONTACT_HEAD, contacts)
    _write_csv(folder / "postings.csv", "utf-8-sig", POSTING_HEAD, [site.posting_row(one) for one in postings])
    _write_csv(folder / "applications.csv", "utf-8", APPLICATION_HEAD, applications)
    _write_csv(folder / "logins.csv", "utf-8", LOGIN_HEAD, logins)
    _write_csv(folder / "seekers.csv", "utf-8", SEEKER_HEAD, [site.seeker_row(n) for n in range(seekers)])


@dataclass(frozen=True, slots=True)
class _Member:
    number: int
    city: str
    trade: str
    registered: datetime
    logins: Sequence[datetime]  # in order; empty: never came back after registering

    @property
    def no(self) -> str:
        return f"Y{300000 + self.number}"

    @property
    def last_login(self) -> datetime | None:
        return self.logins[-1] if self.logins else None


@dataclass(frozen=True, slots=True)
class _Posting:
    number: int
    member: _Member
    published: datetime


class _Site:
    """The dice and the running numbers of one export."""

    def __init__(self, dice: random.Random, as_of: datetime) -> None:
        self._dice = dice
        self._as_of = as_of
        self._contacts = self._postings = self._applications = 0
        self._mobiles: set[str] = set()

    def member(self, number: int) -> _Member:
        registered = self._as_of - timedelta(minutes=self._dice.randint(2 * 1440, 1500 * 1440))
        city, trade = self._dice.choice(CITIES), self._dice.choice(tuple(TRADES))
        return _Member(number, city, trade, registered, self._logins(registered))

    def _logins(self, registered: datetime) -> list[datetime]:
        """Nearly a quarter never came back, a third has been away for long, the others are about."""
        habit, long_ago = self._dice.random(), self._as_of - timedelta(days=91)
        if habit < 0.23:
            return []
        if habit < 0.56 and registered < long_ago:
            last = self._between(registered, long_ago)
            count = self._dice.choice((1, 2, 2, 3, 4, 5, 12))
        else:
            last = self._between(max(registered, self._as_of - timedelta(days=60)), self._as_of, recent=2)
            count = self._dice.randint(1, 60)
        return sorted([last, *(self._between(registered, last) for _ in range(count - 1))])

    def member_row(self, member: _Member) -> Row:
        plan = self._pick(PLANS)
        return [
            member.no,
            self._company(member),
            member.trade,
            self._dice.choice(NATURES),
            self._pick(SIZES),
            member.city,
            self.written(member.registered),
            self.written(member.last_login) if member.last_login else "",
            str(len(member.logins)),
            plan,
            self._expiry(plan),
            self._dice.choice(OWNERS),
            self._dice.choice(PARKS),
        ]

    def _company(self, member: _Member) -> str:
        if member.number % 97 == 5:
            return HOSTILE[member.number // 97 % len(HOSTILE)]
        return f"{member.city}{''.join(self._dice.sample(PLACES, 2))}{TRADES[member.trade][0]}"

    def _expiry(self, plan: str) -> str:
        if plan == "免费":
            return ""
        soon = self._dice.random() < 0.12  # for the visit before the renewal
        first, last = (10, 20) if soon else PLAN_DAYS[plan]
        day = self._as_of + timedelta(days=self._dice.randint(first, last))
        shapes = (
            f"{day:%Y-%m-%d}",
            f"{day:%Y%m%d}",
            f"{day.year}/{day.month}/{day.day}",
            f"{day.year}年{day.month}月{day.day}日",
        )
        return self._dice.choices(shapes, (70, 10, 10, 10))[0]

    def with_mess(self, rows: list[Row]) -> list[Row]:
        """Renamed members as second rows further down, rows that must be refused, blank rows: 3 % in all."""
        count, width = len(rows), len(MEMBER_HEAD.split())
        placed = list(enumerate(rows))
        spots: list[tuple[float, Row]] = [(float(place), row) for place, row in placed]
        for place, row in self._dice.sample(placed, count // 50):
            renamed = [row[0], f"{row[1].strip()}(更名)", *row[2:]]
            spots.append((self._dice.uniform(place + 0.5, count), renamed))
        for bad in self._rejected(count, width):
            spots.append((self._dice.uniform(0, count), bad))
        return [row for _, row in sorted(spots, key=lambda spot: spot[0])]

    def _rejected(self, count: int, width: int) -> list[Row]:
        serial = [str(self._dice.randint(10**6, 10**7)) for _ in range(count // 500 * 2)]
        impossible = [[f"Y9{n}", "日期错误公司", *[""] * 4, "2026-13-45", *[""] * 6] for n in serial[::2]]
        nameless = [[f"Y999X{n}", *[""] * (width - 1)] for n in serial[1::2]]
        numberless = [["", "无编号公司", *[""] * (width - 2)] for _ in range(count // 1000)]
        blank = [[""] * width for _ in range(count // 250)]
        return [*impossible, *nameless, *numberless, *blank]

    def contacts(self, member: _Member) -> list[Row]:
        """One to three people, the first is the primary one and above the others; 3 % of members have none."""
        if self._dice.random() < 0.03:
            return []
        first = ""
        rows = []
        for _ in range(self._dice.choices((1, 2, 3), (72, 20, 8))[0]):
            row = self._contact(member, above=first)
            first = first or row[0]
            rows.append(row)
        return rows

    def _contact(self, member: _Member, above: str) -> Row:
        number = self._contacts
        self._contacts += 1
        consent = self._pick({"是": 63, "否": 12, "": 25})
        asked = [self.written(member.registered + timedelta(hours=1)), "注册页勾选"] if consent == "是" else ["", ""]
        return [
            f"C{number}",
            member.no,
            self._person(),
            self._dice.choice(TITLES),
            self._mobile(),
            self._email(number),
            f"o{self._dice.getrandbits(108):027x}" if self._dice.random() < 0.4 else "",
            str(self._dice.randint(10**8, 10**10)) if self._dice.random() < 0.5 else "",
            "否" if above else "是",
            above,
            consent,
            *asked,
        ]

    def _mobile(self) -> str:
        if self._dice.random() < 0.08:
            return self._dice.choice(BAD_MOBILES)
        plain = self._fresh_mobile()
        shapes = (
            plain,
            f"+86 {plain[:3]}-{plain[3:7]}-{plain[7:]}",
            f"0086{plain}",
            f" {plain[:3]} {plain[3:7]} {plain[7:]} ",
            f"{plain}.0",
            "".join(chr(ord(digit) - ord("0") + ord("０")) for digit in plain),
        )
        return self._dice.choices(shapes, (76, 7, 4, 4, 3, 6))[0]

    def _fresh_mobile(self) -> str:
        """Of two contacts with one number nobody could say whose answer it is."""
        while (mobile := f"{self._dice.choice(BLOCKS)}{self._dice.randrange(10**8):08}") in self._mobiles:
            pass
        self._mobiles.add(mobile)
        return mobile

    def _email(self, number: int) -> str:
        box = f"{self._dice.choice(('hr', 'zp', 'kf', 'admin'))}{number}"
        domain = self._dice.choice(DOMAINS)
        shapes = (
            f"{box}@{domain}",
            "",
            f"{box}@{domain}".upper(),
            f"{box}＠{domain}",
            f"{box}{domain}",
            f"{box}@{domain.replace('.', '..', 1)}",
        )
        return self._dice.choices(shapes, (72, 14, 4, 3, 4, 3))[0]

    def postings(self, member: _Member) -> list[_Posting]:
        found = []
        for _ in range(self._dice.choices((0, 1, 2, 4), (35, 40, 17, 8))[0]):
            found.append(_Posting(self._postings, member, self._between(member.registered, self._as_of)))
            self._postings += 1
        return found

    def posting_row(self, posting: _Posting) -> Row:
        job = self._dice.choice(TRADES[posting.member.trade][1:])
        low = self._dice.choice((0, 2600, 3200, 3800, 4500, 6000, 9000))
        phone = self._dice.choice((self._fresh_mobile(), f"0912-{self._dice.randint(5000000, 8999999)}", ""))
        return [
            f"Z{posting.number}",
            posting.member.no,
            job,
            job,
            posting.member.city,
            str(low or ""),
            str(low * self._dice.choice((12, 15, 20, 60)) // 10 or ""),
            str(self._dice.randint(1, 20)),
            self._dice.choice(("", "单休", "两班倒", "8小时 双休", "面议")),
            f"{self._dice.choice(SURNAMES)}女士" if self._dice.random() < 0.5 else "",
            phone,
            self.written(posting.published),
            self.written(self._between(posting.published, self._as_of, recent=2)),
            self._pick({"发布中": 70, "已过期": 16, "已下线": 14}),
        ]

    def applications(self, posting: _Posting, seekers: int) -> list[Row]:
        """Looked at only by members that came back after it arrived, and by those not always."""
        count = self._dice.choices((0, 2, 6, 15), (6, 47, 32, 15))[0]
        return [self._application(posting, self._dice.randrange(seekers)) for _ in range(count)]

    def _application(self, posting: _Posting, seeker: int) -> Row:
        number = self._applications
        self._applications += 1
        arrived, last = self._between(posting.published, self._as_of, recent=2), posting.member.last_login
        seen = last is not None and last > arrived and self._dice.random() < 0.75
        viewed = self.written(self._between(arrived, last)) if seen and last else ""
        result = self._dice.choice(("待处理", "邀面试", "录用", "不合适")) if seen else "待处理"
        return [f"T{number}", f"Z{posting.number}", f"J{seeker}", self.written(arrived), viewed, result]

    def seeker_row(self, number: int) -> Row:
        return [
            f"J{number}",
            self._person(),
            self._dice.choice(JOBS),
            self._dice.choice(CITIES),
            str(self._dice.choice((3000, 4000, 5000, 6500, 9000))),
            str(self._dice.randint(0, 20)),
            self.written(self._as_of - timedelta(minutes=self._dice.randint(60, 360 * 1440))),
            f"https://video.example.com/{number}" if self._dice.random() < 0.15 else "",
            self._pick({"是": 80, "否": 20}),
        ]

    def written(self, moment: datetime) -> str:
        """One of the ways people and programs write a date; most often the plain one."""
        plain = f"{moment:%Y-%m-%d %H:%M:%S}"
        shapes = (
            plain,
            f"{plain.replace(' ', 'T')}+08:00",
            f"{moment.year}/{moment.month}/{moment.day} {moment:%H:%M}",
            f"{moment.year}年{moment.month}月{moment.day}日 {moment:%H:%M}",
        )
        return self._dice.choices(shapes, (70, 10, 10, 10))[0]

    def _between(self, first: datetime, last: datetime, recent: int = 1) -> datetime:
        """A moment of whole seconds; the higher `recent`, the closer to `last`."""
        age = (last - first).total_seconds() * self._dice.random() ** recent
        return last - timedelta(seconds=int(age))

    def _person(self) -> str:
        return self._dice.choice(SURNAMES) + self._dice.choice(GIVEN)

    def _pick(self, weights: dict[str, int]) -> str:
        return self._dice.choices(tuple(weights), tuple(weights.values()))[0]


def _write_csv(path: Path, encoding: str, head: str, rows: Sequence[Row]) -> None:
    with path.open("w", encoding=encoding, newline="") as file:
        csv.writer(file).writerows([head.split(), *rows])


def _write_xlsx(path: Path, head: str, rows: Sequence[Row]) -> None:
    """The smallest workbook that readers take: one sheet, every cell a text of its own."""
    sheet = "".join(f"<row>{''.join(_cell(text) for text in row)}</row>" for row in [head.split(), *rows])
    with zipfile.ZipFile(path, "w") as book:
        for name, body in (*_FRAME.items(), ("xl/worksheets/sheet1.xml", _SHEET.format(sheet))):
            # A fixed date: the same seed writes the same bytes.
            words = f'<?xml version="1.0" encoding="UTF-8"?>{body}'
            book.writestr(zipfile.ZipInfo(name), words, zipfile.ZIP_DEFLATED)


def _cell(text: str) -> str:
    words = escape(text, {"\r": "&#13;", "\n": "&#10;"})
    return f'<c t="inlineStr"><is><t xml:space="preserve">{words}</t></is></c>'


_SCHEMAS = "http://schemas.openxmlformats.org"
_SHEET = f'<worksheet xmlns="{_SCHEMAS}/spreadsheetml/2006/main"><sheetData>{{}}</sheetData></worksheet>'
_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_FRAME = {
    "[Content_Types].xml": f'<Types xmlns="{_SCHEMAS}/package/2006/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    f'<Override PartName="/xl/workbook.xml" ContentType="{_TYPE}.sheet.main+xml"/>'
    f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{_TYPE}.worksheet+xml"/></Types>',
    "_rels/.rels": f'<Relationships xmlns="{_SCHEMAS}/package/2006/relationships"><Relationship Id="rId1" '
    f'Type="{_SCHEMAS}/officeDocument/2006/relationships/officeDocument" Target="xl/workbook.xml"/></Relationships>',
    "xl/workbook.xml": f'<workbook xmlns="{_SCHEMAS}/spreadsheetml/2006/main" '
    f'xmlns:r="{_SCHEMAS}/officeDocument/2006/relationships"><sheets>'
    '<sheet name="会员" sheetId="1" r:id="rId1"/></sheets></workbook>',
    "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{_SCHEMAS}/package/2006/relationships"><Relationship '
    f'Id="rId1" Type="{_SCHEMAS}/officeDocument/2006/relationships/worksheet" Target="worksheets/sheet1.xml"/>'
    "</Relationships>",
}
