"""问题的数字: categories over twelve months, by tier, trade, staff, the time to solve; numbers lead to their lists."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from starlette.requests import Request
from starlette.responses import Response

from bot.console import charts
from bot.console.charts import Bar
from bot.console.results.paging import list_page, url_of
from bot.language import say
from bot.problem_categories import categories_in_force
from bot.result_words import FAULTS, category_words, took_words
from bot.runtime import Runtime
from bot.web.desk import StaffRoute, visitor_of
from campaigns.problem_figures import ProblemFigures, Share, problem_figures
from campaigns.rights import Right

_PATH = "/problems"
_SHOWN = 20


class Row(NamedTuple):
    """One line of a table of numbers; `open_href` leads to those that are not solved."""

    label: str
    n: int
    href: str
    open: int
    open_href: str
    median: str


async def statistics(request: Request) -> Response:
    runtime: Runtime = request.app.state.runtime
    figures = await problem_figures(runtime.clock(), visitor_of(request).staff.owners)
    categories = await categories_in_force(runtime.settings.huifang_templates)
    names = {one.key: category_words(one) for one in categories.all}
    return await list_page(
        request,
        "results/statistics.html",
        "statistics",
        whole=figures.whole,
        median=took_words(figures.whole.median),
        by_month=_columns(figures),
        by_category=_bars(figures, names),
        cells=_cells(figures, names),
        months=[month[2:] for month in figures.months],
        tables=[
            (say("按类别"), _rows(figures.by_category, "category", lambda key: names.get(key, key))),
            (say("按怪谁"), _rows(figures.by_fault, "fault", lambda key: say(FAULTS.get(key, key)))),
            (say("按分级"), _rows(figures.by_tier, "tier", say)),
            (say("按行业"), _rows(figures.by_trade, "trade", lambda key: key or say("没有写"))),
            (say("按谁听说的"), _rows(figures.by_staff, "staff", lambda key: key)),
        ],
    )


def _columns(figures: ProblemFigures) -> object:
    rows = [(one.key[2:], one.n) for one in figures.by_month]
    sentence = say("近12个月每月听说的问题，最多一个月{n}个，这个月{m}个")
    most = max(one.n for one in figures.by_month)
    return charts.columns(rows, sentence.format(n=most, m=figures.by_month[-1].n), charts.WIDE)


def _bars(figures: ProblemFigures, names: Mapping[str, str]) -> object:
    rows = [
        Bar(names.get(one.key, one.key), one.n, say("没解决{n}个").format(n=one.open) if one.open else "")
        for one in figures.by_category[:_SHOWN]
    ]
    sentence = say("近12个月的问题按类别，共{n}个").format(n=figures.whole.n)
    return charts.bars(rows, sentence, charts.WIDE)


def _cells(figures: ProblemFigures, names: Mapping[str, str]) -> list[tuple[str, list[tuple[int, str]]]]:
    """(category, (number, its list) for each month)."""
    return [
        (
            names.get(one.key, one.key),
            [
                (figures.cells.get((month, one.key), 0), url_of(_PATH, category=one.key, month=month))
                for month in figures.months
            ],
        )
        for one in figures.by_category
    ]


def _rows(shares: Sequence[Share], what: str, label: Callable[[str], str]) -> list[Row]:
    return [
        Row(
            label(one.key),
            one.n,
            url_of(_PATH, **{what: one.key}),
            one.open,
            url_of(_PATH, **{what: one.key, "state": "open"}),
            took_words(one.median),
        )
        for one in shares[:_SHOWN]
    ]


routes = [StaffRoute("/statistics/problems", statistics, right=Right.SEE)]
