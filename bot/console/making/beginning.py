"""A campaign begins: its SMS templates are known to the stand-ins first, as a provider knows those it reviewed."""

import logging
from datetime import datetime

import httpx

from bot.language import say
from bot.runtime import Runtime
from bot.wording import HELD
from campaigns import definitions, marks, planner
from campaigns.errors import StateError
from campaigns.terms import ChannelName

log = logging.getLogger(__name__)


async def begin(runtime: Runtime, key: str, now: datetime) -> None:
    """By its own dates. Raises InputError where its only date has passed, StateError where it was not approved."""
    row = await definitions.find_campaign(key)
    if row is not None and "sms.toml" in row.files:
        await hand_in_templates(runtime, [row.files["sms.toml"]])
    if row is None or row.state == "approved":
        await planner.begin_campaign(key, now, runtime.rulebook)
    else:  # one that runs goes on by itself, a paused one waits for a person
        await planner.begin_again(key, now, runtime.rulebook)


async def refuse_while_held() -> None:
    """Raises StateError in a restored copy that nobody has released: it would be said to run, and would not."""
    if await marks.is_held():
        raise StateError(say(HELD))


async def hand_in_templates(runtime: Runtime, files: list[str]) -> None:
    """Where SMS goes to the stand-ins; a real provider is asked on its own site, before."""
    if ChannelName.SMS not in runtime.sandboxed or not files:
        return
    try:
        async with httpx.AsyncClient(timeout=5, trust_env=False) as client:
            answer = await client.post(f"{runtime.site_url}/templates", json={"sms": files})
            turned_down = answer.raise_for_status().json()["turned_down"]
    except (httpx.HTTPError, ValueError, KeyError) as exc:
        log.warning("the sandbox did not take the SMS templates: %s", type(exc).__name__)
        return
    for reason in turned_down:
        log.warning("the sandbox turned an SMS template down: %s", reason)


async def hand_in_all(runtime: Runtime) -> None:
    """At start: those of all campaigns that were approved, for a sandbox knows only the files of the disk."""
    rows = await definitions.find_campaigns()
    await hand_in_templates(runtime, [row.files["sms.toml"] for row in rows.values() if "sms.toml" in row.files])
