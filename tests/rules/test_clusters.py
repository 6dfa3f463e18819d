"""Similar companies are found by trade, place and occupation, and too few of one trade over all trades."""

from datetime import date

from campaigns.matching import Need, clusters_of


def needs(trade: str, city: str, role: str, *members: int, heads: int = 2) -> list[Need]:
    return [Need(member, trade, city, role, heads) for member in members]


def test_planted_groups_are_recovered_among_others() -> None:
    planted = [
        *needs("餐饮酒店", "大同市", "厨师", 1, 2, 3, 4),
        *needs("餐饮酒店", "大同", "主厨(急招)", 5),
        *needs("机械制造", "大同", "数控操作工", 6, 7, 8),
    ]
    noise = [*needs("教育培训", "大同", "教师", 9), *needs("餐饮酒店", "朔州", "厨师", 10, 11)]
    found = clusters_of([*noise, *planted])
    assert [(one.key, one.members, one.heads) for one in found] == [
        ("餐饮酒店|大同|厨师", (1, 2, 3, 4, 5), 10),
        ("机械制造|大同|数控", (6, 7, 8), 6),
        ("机械制造|大同|普工", (6, 7, 8), 6),
    ]


def test_too_few_of_one_trade_are_put_together_over_all() -> None:
    found = clusters_of([*needs("餐饮酒店", "大同", "电工", 1), *needs("煤炭能源", "大同", "水电工", 2, 3)])
    assert [(one.key, one.members) for one in found] == [("|大同|电工", (1, 2, 3))]


def test_one_company_with_many_postings_is_no_group() -> None:
    assert clusters_of(needs("餐饮酒店", "大同", "厨师", 1, 1, 1, 1)) == []


def test_plans_count_and_are_told_apart() -> None:
    [one] = clusters_of(
        [*needs("餐饮酒店", "大同", "厨师", 1, 2), Need(3, "餐饮酒店", "大同", "厨师", 5, date(2027, 3, 1))]
    )
    assert (one.heads, one.planned, one.members) == (9, 5, (1, 2, 3))
