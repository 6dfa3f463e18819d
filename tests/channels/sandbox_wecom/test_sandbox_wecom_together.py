"""WeCom's stand-in among the others: what `huifang sandbox --json` tells of it is enough to use it."""

from pathlib import Path

import httpx

from bot.clock import ProductClock
from bot.sandbox.run import Doors, Sandbox

TEMPLATES = Path(__file__).resolve().parents[3] / "templates"


async def test_what_the_endpoints_tell_is_enough_to_write_to_staff_and_to_a_customer() -> None:
    sandbox = Sandbox(ProductClock(), templates=TEMPLATES)
    await sandbox.start()
    try:
        wecom = sandbox.endpoints()["wecom"]
        async with httpx.AsyncClient(base_url=f"{wecom['base_url']}/cgi-bin/", trust_env=False) as wire:
            query = {"corpid": wecom["corpid"], "corpsecret": wecom["secret"]}
            given = (await wire.get("gettoken", params=query)).json()
            token = given["access_token"]
            text = {"msgtype": "text", "text": {"content": "您好"}}
            calls = {
                "message/send": {"touser": wecom["userid"], "agentid": wecom["agentid"], **text},
                "kf/send_msg": {"touser": wecom["external_userid"], "open_kfid": wecom["open_kfid"], **text},
                "externalcontact/add_msg_template": {
                    "external_userid": [wecom["external_userid"]],
                    "sender": wecom["userid"],
                    "text": text["text"],
                },
            }
            for api, body in calls.items():
                answer = (await wire.post(api, params={"access_token": token}, json=body)).json()
                assert (api, answer["errcode"]) == (api, 0)
        assert [row.words["kind"] for row in sandbox.stage.ledger] == ["app", "kf", "task"]
    finally:
        await sandbox.stop()


async def test_its_events_go_to_the_products_door() -> None:
    sandbox = Sandbox(ProductClock(), templates=TEMPLATES)
    sandbox.connect(Doors("http://127.0.0.1:9/hooks/s3cret", "127.0.0.1", 9))
    assert sandbox.wecom.callbacks.door.url == "http://127.0.0.1:9/hooks/s3cret/wecom/callback"
    await sandbox.stage.stop()
