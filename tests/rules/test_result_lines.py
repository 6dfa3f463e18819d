"""A colleague's message read as an outcome: forgiving in its form, strict in what it means."""

from datetime import date

import pytest

from campaigns.days_said import find_day, find_month, read_number
from campaigns.problem_file import Categories, load_categories
from campaigns.result_lines import EXAMPLE, Wrong, begins_a_line, read_line
from campaigns.results import Effect, Fault, Medium, Mood, NewPlan, NewProblem, NewPromise, Result, Settled, Used
from tests.cast import TEMPLATES

TODAY = date(2026, 11, 23)  # a Monday


@pytest.fixture(scope="module")
def categories() -> Categories:
    return load_categories(TEMPLATES / "problems.toml")


WHOLE = [
    "回访 Q100042 打通了 问题:薪资偏低 答应:发候选人 12-01 招:普工5人3月 心情:好",
    "回访Q100042打通了，问题：薪资偏低，答应：发候选人12月1日，招：普工五人三月，心情：好",
    "  回访　Ｑ100042　打通了\n问题：薪资低\n答应：12-01前发候选人\n招：普工 5名 2027年3月\n态度：满意。",
    "回访:Q100042,打通了;心情:很好;招:明年3月普工5个;答应:发候选人 2026-12-01之前;问题:工资低",
]


@pytest.mark.parametrize("text", WHOLE)
def test_the_same_outcome_is_read_however_it_is_written(categories: Categories, text: str) -> None:
    line = read_line(text, TODAY, categories)
    assert line.wrong == []
    assert line.number == "Q100042"
    result = line.result
    assert result is not None
    assert (result.result, result.medium, result.mood) == (Result.TALKED, Medium.PHONE, Mood.GLAD)
    assert [one.category for one in result.problems] == ["pay_low"]
    assert result.promise == NewPromise("发候选人", date(2026, 12, 1))
    assert result.plans == [NewPlan("普工", 5, date(2027, 3, 1))]


@pytest.mark.parametrize(
    ("text", "settled"),
    [
        ("回访 Q1 打通了，候选人发了，办到了", Settled.KEPT),
        ("回访 Q1 打通了 没办到", Settled.BROKEN),
        ("回访 Q1 打通了 解决了 心情:好", Settled.SOLVED),
        ("回访 Q1 打通了 办到了没有:还没办", Settled.STILL),
        ("回访 Q1 没人接 解决了没有：解决了。", Settled.SOLVED),
        ("回访 Q1 打通了 上次说的都办到了吗他问", None),
        ("回访 Q1 打通了", None),
    ],
)
def test_what_is_settled_is_read_from_its_own_words(categories: Categories, text: str, settled: Settled | None) -> None:
    line = read_line(text, TODAY, categories)
    assert line.result is not None, line.wrong
    assert line.result.settled == settled


@pytest.mark.parametrize(
    ("text", "medium", "result"),
    [
        ("邮寄 Q1 寄出了贺卡", Medium.POST, Result.SENT),
        ("送礼 Q1 收下了，给了前台", Medium.GIFT, Result.RECEIVED),
        ("礼品 Q1 没收下", Medium.GIFT, Result.RETURNED),
        ("招聘会 Q1 来了两个人", Medium.EVENT, Result.CAME),
        ("活动 Q1 没来", Medium.EVENT, Result.ABSENT),
        ("QQ Q1 没回", Medium.QQ, Result.NO_ANSWER),
        ("QQ Q1 聊了", Medium.QQ, Result.TALKED),
        ("送礼 Q1 不要再联系", Medium.GIFT, Result.REFUSED),
    ],
)
def test_each_medium_has_results_of_its_own(categories: Categories, text: str, medium: Medium, result: Result) -> None:
    line = read_line(text, TODAY, categories)
    assert line.result is not None, line.wrong
    assert (line.result.medium, line.result.result) == (medium, result)


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("邮寄 Q1 打通了", Wrong.NO_RESULT_SENT),
        ("活动 Q1 收下了", Wrong.NO_RESULT_EVENT),
        ("QQ Q1 空号", Wrong.NO_RESULT_QQ),
        ("回访 Q1 寄出了", Wrong.NO_RESULT),
    ],
)
def test_a_result_of_another_medium_is_none(categories: Categories, text: str, wrong: Wrong) -> None:
    assert [one.wrong for one in read_line(text, TODAY, categories).wrong] == [wrong]


@pytest.mark.parametrize("text", ["回访 Q1 打通了 办到了 没办到", "回访 Q1 打通了 办到了没有:也许"])
def test_what_is_not_clear_of_it_is_asked_again(categories: Categories, text: str) -> None:
    assert read_line(text, TODAY, categories).result is None


def test_all_that_a_form_asks_can_be_said(categories: Categories) -> None:
    text = (
        "上门 Q7 见到了张经理 坐了半小时 用了:部分 效果:一般 态度:不满意 问题:简历少 嫌工资报得低 责任:企业 "
        "问题:登录不上 招:焊工2人12月、普工十五人 2027-03 下一步:带薪资表去 下次:下周一 原话:他说:别老打电话"
    )
    result = read_line(text, TODAY, categories).result
    assert result is not None
    assert (result.medium, result.used, result.effect, result.mood) == (
        Medium.VISIT, Used.PARTLY, Effect.FAIR, Mood.ANNOYED,
    )  # fmt: skip
    assert result.text == "张经理 坐了半小时"
    assert result.problems == [
        NewProblem("few_applicants", "嫌工资报得低", Fault.MEMBER),
        NewProblem("login", "", Fault.MEMBER),
    ]
    assert result.plans == [NewPlan("焊工", 2, date(2026, 12, 1)), NewPlan("普工", 15, date(2027, 3, 1))]
    assert (result.next_step, result.next_on, result.said) == ("带薪资表去", date(2026, 11, 30), "他说:别老打电话")


@pytest.mark.parametrize(
    ("head", "result"),
    [
        ("没打通", Result.NO_ANSWER),
        ("没人接，晚上再打", Result.NO_ANSWER),
        ("空号", Result.WRONG_NUMBER),
        ("改天 下次:明天", Result.LATER),
        ("打通了，说改天再谈", Result.TALKED),
        ("下午三点打通了", Result.TALKED),
        ("不要再联系", Result.REFUSED),
    ],
)
def test_the_result_is_what_the_words_begin_with_or_the_only_one(
    categories: Categories, head: str, result: Result
) -> None:
    line = read_line(f"回访 Q1 {head}", TODAY, categories)
    assert line.result is not None, line.wrong
    assert line.result.result is result


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("回访 打通了", Wrong.NO_NUMBER),
        ("回访 Q1", Wrong.NO_RESULT),
        ("回访 Q1 你好", Wrong.NO_RESULT),
        ("回访 Q1 先没人接后来打通了", Wrong.NO_RESULT),
        ("回访 Q1 打通了 问题:天气不好", Wrong.CATEGORY),
        ("回访 Q1 打通了 问题:", Wrong.CATEGORY),
        ("回访 Q1 打通了 原因:忘了密码", Wrong.CATEGORY),
        ("回访 Q1 打通了 问题:简历少 责任:老天", Wrong.WORD),
        ("回访 Q1 打通了 答应:发候选人", Wrong.PROMISE_DAY),
        ("回访 Q1 打通了 答应:12-01", Wrong.PROMISE_WHAT),
        ("回访 Q1 打通了 答应:发候选人 11-20", Wrong.DAY),
        ("回访 Q1 打通了 答应:发候选人 2月30日", Wrong.DAY),
        ("回访 Q1 打通了 答应:发候选人 2031-01-01", Wrong.DAY),
        ("回访 Q1 改天", Wrong.DAY),
        ("回访 Q1 打通了 下次:有空", Wrong.DAY),
        ("回访 Q1 打通了 招:普工3月", Wrong.HEADS),
        ("回访 Q1 打通了 招:普工十几人3月", Wrong.HEADS),
        ("回访 Q1 打通了 招:普工0人3月", Wrong.HEADS),
        ("回访 Q1 打通了 招:普工5人", Wrong.MONTH),
        ("回访 Q1 打通了 招:普工5人13月", Wrong.MONTH),
        ("回访 Q1 打通了 招:普工5人2025-01", Wrong.MONTH),
        ("回访 Q1 打通了 招:5人3月", Wrong.PLAN),
        ("回访 Q1 打通了 心情:紫色", Wrong.WORD),
        ("回访 Q1 打通了 问提:简历少", Wrong.UNKNOWN_LABEL),
        ("回访 Q1 打通了 心情:好 心情:差", Wrong.TWICE),
        ("回访 Q1 打通了" + "长" * 2001, Wrong.TOO_LONG),
    ],
)
def test_what_cannot_be_read_is_named_and_nothing_of_it_counts(categories: Categories, text: str, wrong: Wrong) -> None:
    line = read_line(text, TODAY, categories)
    assert line.result is None
    assert wrong in [one.wrong for one in line.wrong]


def test_all_that_is_wrong_is_named_at_once(categories: Categories) -> None:
    line = read_line("回访 问题:天气 答应:发 招:普工", TODAY, categories)
    assert {one.wrong for one in line.wrong} == {
        Wrong.NO_NUMBER, Wrong.NO_RESULT, Wrong.CATEGORY, Wrong.PROMISE_DAY, Wrong.HEADS,
    }  # fmt: skip


@pytest.mark.parametrize(
    "text", ["", "\0", "：" * 500, "回访", "招:" * 300, "回访 Q1 " + "百千" * 900, "回访 Q1 招:" + "9" * 3000]
)
def test_no_text_breaks_it(categories: Categories, text: str) -> None:
    assert read_line(text, TODAY, categories).result is None


def test_what_means_to_be_an_outcome_begins_so() -> None:
    assert begins_a_line(EXAMPLE)
    assert begins_a_line("ｑｑ：Q1 聊了")
    assert not begins_a_line("你好")


@pytest.mark.parametrize(
    ("said", "day"),
    [
        ("明天", date(2026, 11, 24)),
        ("大后天", date(2026, 11, 26)),
        ("周三", date(2026, 11, 25)),
        ("周一", date(2026, 11, 23)),
        ("下周一", date(2026, 11, 30)),
        ("下星期日", date(2026, 12, 6)),
        ("下下周五", date(2026, 12, 11)),
        ("三天后", date(2026, 11, 26)),
        ("10天内", date(2026, 12, 3)),
        ("月底", date(2026, 11, 30)),
        ("12/1", date(2026, 12, 1)),
        ("12.1", date(2026, 12, 1)),
        ("十二月一号", date(2026, 12, 1)),
        ("1月5日", date(2027, 1, 5)),
        ("明年1月5日", date(2027, 1, 5)),
        ("2027-01-05", date(2027, 1, 5)),
        ("11-20", date(2026, 11, 20)),
        ("13-40", None),
        ("什么时候都行", None),
    ],
)
def test_a_day_is_read_as_people_write_it(said: str, day: date | None) -> None:
    assert find_day(f"发表 {said}", TODAY)[0] == day


@pytest.mark.parametrize(
    ("said", "month"),
    [
        ("3月", (2027, 3)),
        ("十二月份", (2026, 12)),
        ("下个月", (2026, 12)),
        ("本月", (2026, 11)),
        ("2027年3月", (2027, 3)),
    ],
)
def test_a_month_is_this_years_or_the_next(said: str, month: tuple[int, int]) -> None:
    assert find_month(said, TODAY)[0] == date(*month, 1)


@pytest.mark.parametrize(
    ("said", "number"),
    [("5", 5), ("五", 5), ("十", 10), ("十五", 15), ("二十", 20), ("两百", 200), ("一百二", 120), ("一百零五", 105),
     ("三十二", 32), ("一千五", 1500), ("五五", None), ("", None), ("几", None)],
)  # fmt: skip
def test_a_number_is_read_in_either_writing(said: str, number: int | None) -> None:
    assert read_number(said) == number
