# ruff: noqa: E501, RUF012 (as Tortoise writes them)
"""Claims become rows of their own; a message is found by `due_at`; the ledger is tied by no foreign key.

Written by hand: Tortoise's own AlterField rebuilds a table on SQLite and deletes its children by CASCADE.
What was claimed goes back to the queue, what was on the wire becomes unknown: the senders of the old release are gone.
"""

from typing import Any

from orjson import loads
from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.fields.data import JSON_DUMPS
from tortoise.migrations import operations as ops

from campaigns.indexes import FilledIndex

_COLUMNS = (
    "id, occurrence_id, member_id, contact_id, step, message_class, channel, address, reason, code, not_before, "
    "attempts, wechat_mode, provider_id, facts, sent_at, settled_at"
)
_STATE = "CASE state WHEN 'claimed' THEN 'queued' WHEN 'sending' THEN 'unknown' ELSE state END"
_INDEXES = (
    "CREATE INDEX messages_member_class ON messages (member_id, message_class)",
    "CREATE INDEX messages_waiting ON messages (occurrence_id, channel, due_at, id) WHERE due_at IS NOT NULL",
    "CREATE INDEX messages_unknown ON messages (channel, ask_at) WHERE ask_at IS NOT NULL",
    "CREATE INDEX messages_provider ON messages (provider_id) WHERE provider_id <> ''",
)
_POSTGRES = (
    """
    DO $$ DECLARE key record; BEGIN
      FOR key IN SELECT conname, conrelid::regclass AS place FROM pg_constraint
                 WHERE contype = 'f' AND conrelid IN ('messages'::regclass, 'touches'::regclass)
      LOOP EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', key.place, key.conname); END LOOP;
    END $$
    """,
    "ALTER TABLE messages ADD due_at timestamptz, ADD ask_at timestamptz, ADD claim_id bigint",
    f"""
    UPDATE messages SET state = {_STATE}, uncertain = (uncertain OR state = 'sending'),
      due_at = CASE WHEN state IN ('queued', 'claimed') THEN not_before END,
      ask_at = CASE WHEN state IN ('sending', 'unknown') THEN clock_timestamp() END
    WHERE state IN ('queued', 'claimed', 'sending', 'unknown')
    """,
    "DROP INDEX messages_due",
    "DROP INDEX idx_messages_provide_6a97aa",
    "DROP INDEX touches_message",
    "ALTER TABLE messages DROP lease_token, DROP lease_until",
    *_INDEXES[1:],
    # room on each page for the versions a message goes through: its settling then touches no index
    "ALTER TABLE messages SET (fillfactor = 60, autovacuum_vacuum_scale_factor = 0.05)",
    "ALTER TABLE claims SET (fillfactor = 50)",
)
_SQLITE = (
    "ALTER TABLE messages RENAME TO messages_before",
    """
    CREATE TABLE messages (
      "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, "step" SMALLINT NOT NULL, "message_class" VARCHAR(16) NOT NULL,
      "channel" VARCHAR(16), "address" VARCHAR(254), "state" VARCHAR(16) NOT NULL, "reason" VARCHAR(32) NOT NULL,
      "code" VARCHAR(64) NOT NULL, "not_before" TIMESTAMP NOT NULL, "due_at" TIMESTAMP, "ask_at" TIMESTAMP,
      "attempts" SMALLINT NOT NULL, "claim_id" BIGINT, "wechat_mode" VARCHAR(16) NOT NULL,
      "provider_id" VARCHAR(64) NOT NULL, "facts" JSON, "uncertain" INT NOT NULL, "sent_at" TIMESTAMP,
      "settled_at" TIMESTAMP, "contact_id" INT, "member_id" INT NOT NULL, "occurrence_id" INT NOT NULL,
      CONSTRAINT "uid_messages_occurre_efbedd" UNIQUE ("occurrence_id", "member_id", "step"))
    """,
    f"""
    INSERT INTO messages ({_COLUMNS}, state, uncertain, due_at, ask_at)
    SELECT {_COLUMNS}, {_STATE}, (uncertain OR state = 'sending'),
      CASE WHEN state IN ('queued', 'claimed') THEN not_before END,
      CASE WHEN state IN ('sending', 'unknown') THEN strftime('%Y-%m-%d %H:%M:%f+00:00', 'now') END
    FROM messages_before
    """,
    "ALTER TABLE touches RENAME TO touches_before",
    """
    CREATE TABLE touches (
      "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, "at" TIMESTAMP NOT NULL, "direction" VARCHAR(4) NOT NULL,
      "kind" VARCHAR(16) NOT NULL, "medium" VARCHAR(16) NOT NULL, "message_class" VARCHAR(16) NOT NULL,
      "event_id" BIGINT, "text" TEXT NOT NULL, "intent" VARCHAR(24) NOT NULL, "evidence" VARCHAR(128) NOT NULL,
      "contact_id" INT, "member_id" INT NOT NULL, "message_id" BIGINT)
    """,
    """
    INSERT INTO touches (id, at, direction, kind, medium, message_class, event_id, text, intent, evidence, contact_id,
                         member_id, message_id)
    SELECT id, at, direction, kind, medium, message_class, event_id, text, intent, evidence, contact_id, member_id,
           message_id
    FROM touches_before
    """,
    "DROP TABLE touches_before",
    "ALTER TABLE link_uses RENAME TO link_uses_before",
    """
    CREATE TABLE link_uses (
      "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, "kind" VARCHAR(16) NOT NULL, "at" TIMESTAMP NOT NULL,
      "count" INT NOT NULL, "message_id" BIGINT NOT NULL REFERENCES "messages" ("id") ON DELETE CASCADE,
      CONSTRAINT "uid_link_uses_message_c9e85f" UNIQUE ("message_id", "kind"))
    """,
    "INSERT INTO link_uses (id, kind, at, count, message_id) SELECT id, kind, at, count, message_id FROM link_uses_before",
    "DROP TABLE link_uses_before",
    "DROP TABLE messages_before",
    *_INDEXES,
    "CREATE INDEX touches_member_at ON touches (member_id, at)",
)


async def _bring_over(apps: Any, editor: Any) -> None:
    for statement in _POSTGRES if editor.client.capabilities.dialect == "postgres" else _SQLITE:
        await editor.client.execute_query(statement)


class _Known(ops.TortoiseOperation):
    """A change the models must know of; the database gets it from `_bring_over`."""

    def __init__(self, operation: ops.TortoiseOperation) -> None:
        self._operation = operation

    def state_forward(self, app_label: str, state: Any) -> None:
        self._operation.state_forward(app_label, state)


def _untied(model: str, name: str, other: str, related_name: str, null: bool = False) -> _Known:
    key = fields.ForeignKeyField(  # type: ignore[call-overload]
        other, source_field=f"{name}_id", null=null, db_constraint=False, to_field="id", related_name=related_name, on_delete=OnDelete.CASCADE
    )  # fmt: skip
    return _Known(ops.AlterField(model_name=model, name=name, field=key))


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0001_initial")]

    operations = [
        ops.CreateModel(
            name="Claim",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ("occurrence_id", fields.IntField()),
                ("channel", fields.CharField(max_length=16)),
                ("lease_until", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("message_ids", fields.JSONField(encoder=JSON_DUMPS, decoder=loads)),
            ],
            options={
                "table": "claims",
                "app": "campaigns",
                "pk_attr": "id",
                "table_description": "The sole right of one sender to these messages, for the time of a lease. Owned by campaigns.outbox.",
            },
            bases=["Model"],
        ),
        ops.RunPython(_bring_over),
        _Known(ops.RemoveIndex(model_name="Message", name="messages_due")),
        _Known(ops.RemoveIndex(model_name="Touch", name="touches_message")),
        _Known(
            ops.AlterField(model_name="Message", name="provider_id", field=fields.CharField(default="", max_length=64))
        ),
        _Known(ops.RemoveField(model_name="Message", name="lease_token")),
        _Known(ops.RemoveField(model_name="Message", name="lease_until")),
        _Known(ops.AddField(model_name="Message", name="due_at", field=fields.DatetimeField(null=True))),
        _Known(ops.AddField(model_name="Message", name="ask_at", field=fields.DatetimeField(null=True))),
        _Known(ops.AddField(model_name="Message", name="claim_id", field=fields.BigIntField(null=True))),
        _untied("Message", "occurrence", "campaigns.Occurrence", "messages"),
        _untied("Message", "member", "campaigns.Member", "messages"),
        _untied("Message", "contact", "campaigns.Contact", "messages", null=True),
        _untied("Touch", "member", "campaigns.Member", "touches"),
        _untied("Touch", "contact", "campaigns.Contact", "touches", null=True),
        _untied("Touch", "message", "campaigns.Message", "touches", null=True),
        _Known(
            ops.AddIndex(
                model_name="Message",
                index=FilledIndex(
                    fields=["occurrence_id", "channel", "due_at", "id"], name="messages_waiting", filled="due_at"
                ),
            )
        ),
        _Known(
            ops.AddIndex(
                model_name="Message",
                index=FilledIndex(fields=["channel", "ask_at"], name="messages_unknown", filled="ask_at"),
            )
        ),
        _Known(
            ops.AddIndex(
                model_name="Message",
                index=FilledIndex(fields=["provider_id"], name="messages_provider", filled="provider_id", empty=""),
            )
        ),
    ]
