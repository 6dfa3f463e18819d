"""设置 · 自定义字段: what the site's own columns are called, what they hold, where staff see them."""

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from bot.console.settings.tabs import settings_page
from bot.console.shell import not_found
from bot.language import say
from bot.web.desk import StaffRoute, log, read_form
from bot.wording import fault_words
from campaigns import custom_fields
from campaigns.audit import Action
from campaigns.custom_fields import Kind, Shown
from campaigns.errors import InputError
from campaigns.members.values import custom_names
from campaigns.rights import Right

_AT = "/settings/fields"
_KINDS = {Kind.TEXT: "文字", Kind.NUMBER: "数字", Kind.DATE: "日期"}
_SHOWN = {Shown.LIST: "会员列表", Shown.MEMBER: "会员页", Shown.SEGMENT: "分群条件", Shown.WORDS: "写什么里的变量"}


async def fields(request: Request) -> Response:
    """With `edit` one that is there stands in the form."""
    known = {one.name: one for one in await custom_fields.list_fields()}
    wanted = request.query_params.get("edit", "")[:64]
    found = known.get(wanted)
    if found:
        return await _page(request, typed=(found.name, found.label, str(found.kind), found.shown), edited=True)
    return await _page(request, typed=(wanted, "", "text", frozenset(Shown)))


async def save(request: Request) -> Response:
    form = await read_form(request)
    name, label, kind = (str(form.get(key, ""))[:200] for key in ("name", "label", "kind"))
    shown = frozenset(Shown(str(one)) for one in form.getlist("shown") if one in list(Shown))
    try:
        made = await custom_fields.save_field(name, label, kind, shown)
    except InputError as exc:
        fault = fault_words(exc)
        return await _page(request, typed=(name, label, kind, shown), fault=fault)
    shown_at = sorted(made.shown)
    await log(request, Action.SETTING_CHANGED, f"field/{made.name}", label=made.label, kind=made.kind, shown=shown_at)
    return RedirectResponse(f"{_AT}?done=saved", status_code=303)


async def delete(request: Request) -> Response:
    name = str((await read_form(request)).get("name", ""))
    if not await custom_fields.delete_field(name):
        return await not_found(request, here="settings", what=say("没有这个字段"))
    await log(request, Action.SETTING_CHANGED, f"field/{name}", deleted=True)
    return RedirectResponse(f"{_AT}?done=deleted", status_code=303)


async def _page(
    request: Request, *, typed: tuple[str, str, str, frozenset[Shown]], fault: str = "", edited: bool = False
) -> Response:
    known = await custom_fields.list_fields()
    names = {one.name for one in known}
    return await settings_page(
        request,
        "settings/fields.html",
        tab="fields",
        status_code=422 if fault else 200,
        fields=known,
        undescribed=[name for name in await custom_names() if name not in names],
        kinds={key: say(words) for key, words in _KINDS.items()},
        places={key: say(words) for key, words in _SHOWN.items()},
        typed=typed,
        fault=fault,
        edited=edited,
        done=request.query_params.get("done", ""),
    )


routes = [
    StaffRoute(_AT, fields, right=Right.SETTINGS),
    StaffRoute(_AT, save, right=Right.SETTINGS, methods=["POST"]),
    StaffRoute(f"{_AT}/delete", delete, right=Right.SETTINGS, methods=["POST"]),
]
