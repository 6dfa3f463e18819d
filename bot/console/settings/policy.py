"""设置 · 发送规则: the limits of policy.toml, each with what it changes in words."""

from collections.abc import Mapping
from dataclasses import dataclass

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from bot.console.settings.rules import text_of, version_of, write
from bot.console.settings.tabs import settings_page
from bot.language import say
from bot.runtime import POLICY_FILE, Runtime
from bot.web.desk import StaffRoute, read_form
from campaigns import edits
from campaigns.errors import DefinitionError, InputError
from campaigns.policy import PolicySettings
from campaigns.policy_file import parse_policy
from campaigns.rights import Right
from campaigns.terms import Tier
from campaigns.toml_lines import set_value

_LONGEST = 20


@dataclass(frozen=True, slots=True)
class Limit:
    """One key of the file. `kind`: time, days (workdays or all) or number; `unit` stands behind a number."""

    key: str
    kind: str
    label: str
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    title: str
    changes: str
    limits: tuple[Limit, ...]


def _hours(kind: str) -> tuple[Limit, ...]:
    return (
        Limit(f"hours.{kind}.from", "time", "从几点"),
        Limit(f"hours.{kind}.to", "time", "到几点"),
        Limit(f"hours.{kind}.days", "days", "哪些天"),
    )


GROUPS = (
    Group("营销什么时候能发", "不在这个时段的营销推到下一个能发的时刻，不会丢", _hours("marketing")),
    Group("节日问候什么时候能发", "问候在节前最后一个能发的时刻发；过了节就不再发", _hours("greeting")),
    Group("服务提醒什么时候能发", "有未读简历、套餐到期这类提醒。回答客户的话不受时段限制", _hours("service")),
    Group(
        "一家企业最多收几次",
        "营销和问候合计，所有联系人、所有渠道算在一起。满了就推迟，0是一次也不发",
        (
            Limit("company.window_days", "number", "在任意多少天里", "天"),
            *(Limit(f"company.touches.{tier}", "number", str(tier), "次") for tier in Tier),
            Limit("company.apart_hours", "number", "两次之间至少隔", "小时"),
        ),
    ),
    Group(
        "一个人最多收几条营销短信",
        "同一个联系人，超过的改走别的渠道或推迟",
        (
            Limit("contact.window_days", "number", "在任意多少天里", "天"),
            Limit("contact.marketing_sms", "number", "最多", "条"),
        ),
    ),
    Group("企业微信群发", "同一位客户一个自然月最多收几条", (Limit("wecom.mass_a_month", "number", "最多", "条"),)),
    Group("推迟到什么时候为止", "到时还不能发的就不发了", (Limit("defer.at_most_days", "number", "最多推迟", "天"),)),
    Group(
        "像是退订、还没核对",
        "这家企业先停这么久，等人核对；一封也不发",
        (Limit("doubt.pause_hours", "number", "停", "小时"),),
    ),
)
_LIMITS = {limit.key: limit for group in GROUPS for limit in group.limits}


async def policy(request: Request) -> Response:
    runtime: Runtime = request.app.state.runtime
    text = await text_of(runtime, POLICY_FILE)
    return await _page(request, _shown(parse_policy(text, POLICY_FILE)))


async def change(request: Request) -> Response:
    runtime: Runtime = request.app.state.runtime
    form = await read_form(request)
    text = await text_of(runtime, POLICY_FILE)
    stands = _shown(parse_policy(text, POLICY_FILE))
    typed = {key: str(form.get(key, stands[key])).strip()[:_LONGEST] for key in _LIMITS}
    if not await _is_current(form):
        faults = {"": say("你打开这页以后，别人改过了。看一眼现在的，再改")}
        return await _page(request, stands, faults=faults, status_code=409)
    changed = {key: value for key, value in typed.items() if value != stands[key]}
    made, faults = _apply(text, changed)
    if faults:
        return await _page(request, typed, faults=faults, status_code=422)
    if changed:
        await write(request, POLICY_FILE, made, {key: f"{stands[key]} → {value}" for key, value in changed.items()})
    return RedirectResponse(f"/settings/policy?done={len(changed)}", status_code=303)


async def _is_current(form: FormData) -> bool:
    return str(form.get("version", "")) == str(await version_of(POLICY_FILE))


def _apply(text: str, changed: Mapping[str, str]) -> tuple[str, dict[str, str]]:
    """The new text, and what is wrong by key. The file says one mistake at a time: each is left out for the next."""
    left, faults = dict(changed), dict[str, str]()
    while True:
        made = text
        try:
            for key, value in left.items():
                table, _, name = key.rpartition(".")
                made = set_value(made, table, name, _value(_LIMITS[key], value))
            parse_policy(made, POLICY_FILE)
        except DefinitionError as exc:
            faults[exc.key] = _plain(exc)
            # of two hours that do not go together the file names one, whichever was typed
            wrong = {exc.key} if exc.key in left else {key for key in left if _table(key) == _table(exc.key)}
            left = {key: value for key, value in left.items() if key not in wrong}
            if not wrong:
                return text, faults
        except InputError as exc:
            return text, {"": _plain(exc)}
        else:
            return made, faults


def _table(key: str) -> str:
    return key.rpartition(".")[0]


def _value(limit: Limit, typed: str) -> str | int:
    if limit.kind != "number":
        return typed
    return int(typed) if typed.isascii() and typed.isdigit() else typed


def _plain(problem: InputError) -> str:
    words = problem.problem if isinstance(problem, DefinitionError) else str(problem)
    return words.partition(" (")[0]


def _shown(policy: PolicySettings) -> dict[str, str]:
    """Every key's value as it is typed."""
    hours = {
        f"hours.{kind}.{name}": value
        for kind, one in policy.hours.items()
        for name, value in (
            ("from", f"{one.opens:%H:%M}"),
            ("to", f"{one.closes:%H:%M}"),
            ("days", "workdays" if one.workdays_only else "all"),
        )
    }
    return {
        **hours,
        **{f"company.touches.{tier}": str(most) for tier, most in policy.company_touches.items()},
        "company.window_days": str(policy.company_window.days),
        "company.apart_hours": str(round(policy.company_apart.total_seconds()) // 3600),
        "contact.marketing_sms": str(policy.contact_sms),
        "contact.window_days": str(policy.contact_sms_window.days),
        "wecom.mass_a_month": str(policy.customer_mass),
        "defer.at_most_days": str(policy.defer_at_most.days),
        "doubt.pause_hours": str(round(policy.doubt_pause.total_seconds()) // 3600),
    }


async def _page(
    request: Request, typed: Mapping[str, str], *, faults: Mapping[str, str] | None = None, status_code: int = 200
) -> Response:
    return await settings_page(
        request,
        "settings/policy.html",
        tab="policy",
        status_code=status_code,
        groups=GROUPS,
        typed=typed,
        faults=faults or {},
        version=await version_of(POLICY_FILE),
        versions=(await edits.versions_of(edits.TOP, POLICY_FILE))[:10],
        done=request.query_params.get("done", "")[:3],
    )


routes = [
    StaffRoute("/settings/policy", policy, right=Right.SETTINGS),
    StaffRoute("/settings/policy", change, right=Right.SETTINGS, methods=["POST"]),
]
