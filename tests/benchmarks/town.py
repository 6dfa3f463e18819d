"""A network that was worked for a year: members and a million messages and touches, made by the database itself."""

from datetime import UTC, datetime

from bot.runtime import Runtime
from campaigns import definitions, statements
from campaigns.models import (
    Application,
    AuditEntry,
    Conversation,
    Event,
    Message,
    Note,
    Occurrence,
    Posting,
    Suppression,
    Touch,
    Visit,
)
from campaigns.replies.reading import AUTO_REPLIES
from tests.benchmarks.bench import Bench
from tests.benchmarks.crowds import ago, as_document, fill, pick, settle_in
from tests.web_cast import fill_words

MEMBERS = 100_000
MESSAGES_OF_A_MEMBER = 10
RUNS = 10  # of each campaign
_CHANNELS = ("email", "sms")
_OTHERS = (AUTO_REPLIES, "festival_greeting")  # whose words need more than a member's own facts
_JOBS = ("电焊工", "服务员", "会计", "司机", "保安")
_INTENTS = ("interested", "call_me", "thanks", "problem_login", "unknown", "stop", "filled", "problem_noapply")
_SAID = ("好的，谢谢", "给我打个电话", "忘记密码了", "已经招满了", "别再发了", "最近没人投简历", "怎么续费", "嗯")


async def found_town(bench: Bench, runtime: Runtime, members: int) -> None:
    """Members and everything that happened to them in a year, then the counters that imports keep."""
    now, settings = datetime.now(UTC), runtime.settings
    bench.tick("members", 0)
    await settle_in(members)
    await statements.run("UPDATE members SET initials = 'dtd' || id || 'smyxgs'")
    templates = settings.huifang_templates
    folders = [await definitions.load_campaign(templates, key) for key in await definitions.campaign_keys(templates)]
    worded = [one for one in folders if set(_CHANNELS) <= set(one.definition.channels) and one.key not in _OTHERS]
    campaigns = [await definitions.approve(folder, by="程雪", now=now) for folder in worded]
    for one in campaigns:
        await definitions.start(one.key, now=now)
    bench.tick("postings and applications", 0)
    await fill(
        Posting,
        {"no": "'P' || n", "member_id": f"1 + n % {members}", "title": pick(_JOBS),
         "city": pick(("大同", "朔州", "太原")),
         "pay_min": "3000 + n % 3000", "pay_max": "6000 + n % 3000",
         "heads": "1 + n % 9", "published_at": ago(now, 5, 300), "refreshed_at": ago(now, 1, 100)},
        members * 2,
    )  # fmt: skip
    await fill(
        Application,
        {"no": "'A' || n", "posting_id": f"1 + n % {members * 2}", "applied_at": ago(now, 1, 200),
         "first_viewed_at": f"CASE WHEN n % 3 = 0 THEN {ago(now, 0, 1)} END"},
        members * 5,
    )  # fmt: skip
    bench.tick("messages", 0)
    runs = len(campaigns) * RUNS
    total = members * MESSAGES_OF_A_MEMBER
    fates = statements.as_json({"send": total // runs * 9 // 10, "suppressed:hold_out": total // runs // 10})
    await fill(
        Occurrence,
        {"campaign_id": f"{campaigns[0].id} + (n - 1) / {RUNS}", "key": "'run-' || n",
         "version_id": f"{campaigns[0].version_id} + (n - 1) / {RUNS}", "at": ago(now, 1, 350),
         "planned_at": ago(now, 1, 350), "audience": str(total // runs), "planned": as_document(f"'{fates}'")},
        runs,
    )  # fmt: skip
    channel = pick(_CHANNELS)
    await fill(
        Message,
        {"occurrence_id": f"1 + (n - 1) / {members} * {len(campaigns)} + n % {len(campaigns)}",
         "member_id": f"1 + n % {members}", "contact_id": f"1 + n % {members}", "message_class": "'marketing'",
         "channel": channel, "address": "'154' || (10000001 + n % 100000)",
         "state": pick(("delivered", "sent", "delivered", "sent", "suppressed", "bounced", "unknown")),
         "not_before": ago(now, 1, 350), "sent_at": ago(now, 1, 350), "settled_at": ago(now, 1, 350),
         "reason": "CASE (n * 31 + 9 * n / 7) % 7 WHEN 4 THEN 'hold_out' WHEN 5 THEN 'no_such_address' ELSE '' END",
         "provider_id": "'p' || n"},
        total,
    )  # fmt: skip
    bench.tick("touches", 0)
    await fill(
        Touch,
        {"member_id": f"1 + n % {members}", "contact_id": f"1 + n % {members}", "at": ago(now, 1, 350),
         "direction": "CASE WHEN n % 10 = 0 THEN 'in' ELSE 'out' END", "medium": channel,
         "kind": "CASE WHEN n % 10 = 0 THEN 'reply' ELSE 'message' END", "message_class": "'marketing'",
         "message_id": "n", "text": f"CASE WHEN n % 10 = 0 THEN {pick(_SAID)} ELSE '' END",
         "intent": f"CASE WHEN n % 10 = 0 THEN {pick(_INTENTS)} ELSE '' END"},
        total,
    )  # fmt: skip
    bench.tick("answers, tasks, log", 0)
    await fill(
        Event,
        {"channel": channel, "event_id": "'e' || n", "kind": pick(("reply", "receipt", "receipt", "auto_reply")),
         "received_at": ago(now, 1, 350), "payload": as_document("'{}'"), "outcome": pick(("applied", "repeat")),
         "message_id": "n"},
        total // 2,
    )  # fmt: skip
    await fill(
        Conversation,
        {"member_id": "n", "state": pick(("waiting", "answered", "closed", "closed", "answered")),
         "heard_at": ago(now, 0, 300), "medium": channel, "contact_id": "n", "touch_id": "n * 10",
         "intent": pick(_INTENTS), "assigned": pick(("", "程雪", "石磊", ""))},
        members // 2,
    )  # fmt: skip
    await fill(
        Visit,
        {"member_id": f"1 + n % {members}", "contact_id": f"1 + n % {members}",
         "category": pick(("renewal", "call_me", "problem_login")), "state": pick(("open", "done", "done", "done")),
         "opened_at": ago(now, 1, 300), "due_at": ago(now, -5, 300), "cause": "'town:' || n",
         "owner": pick(("程雪", "石磊", ""))},
        members // 2,
    )  # fmt: skip
    await fill(
        Suppression,
        {"member_id": "n", "reason": "'refused'", "at": ago(now, 1, 300)},
        members // 50,
    )  # fmt: skip
    await fill(
        Note, {"member_id": "1 + n / 3", "text": "'上午打过电话'", "by": "'程雪'", "at": ago(now, 0, 90)}, members // 5
    )
    await fill(
        AuditEntry,
        {"at": ago(now, 0, 300), "who": pick(("程雪", "石磊")), "action": pick(("member_seen", "logged_in")),
         "subject": "'member/Y' || (n % 1000)", "detail": as_document("'{}'"), "came_from": "'127.0.0.1'"},
        members * 2,
    )  # fmt: skip
    bench.tick("counters", 0)
    await statements.recount_members()
    for table in ("members", "occurrences", "messages", "touches", "postings", "applications"):
        await statements.run(f"ANALYZE {table}")
    for place in range(1, MESSAGES_OF_A_MEMBER + 1):  # the first member's: the words of the others are never shown
        await fill_words(runtime, members * place)
    bench.rest()
