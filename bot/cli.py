"""The commands. Each imports what it needs only when it runs, so that --help is quick."""

import asyncio
import logging
import sys
from collections.abc import Callable, Coroutine
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import typer

from campaigns.errors import OutreachError

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode=None,
    help="Huifang 回访: find sleeping enterprise members, write to them, hear the answer.",
)
segment_app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Who: rules that select members.")
campaign_app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="What and when: campaigns.")
member_app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="One member.")
inspect_app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Ask a rule about a text.")
app.add_typer(segment_app, name="segment")
app.add_typer(campaign_app, name="campaign")
app.add_typer(member_app, name="member")
app.add_typer(inspect_app, name="inspect")

T = TypeVar("T")

AsJson = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]
AsOf = Annotated[
    str | None, typer.Option("--as-of", metavar="DATE", help="The moment asked about: 2026-11-21 (09:00) or …T14:30.")
]
Key = Annotated[str, typer.Argument(metavar="CAMPAIGN", help="A folder under templates/, such as unread_resumes.")]


def main() -> None:
    """Run a command: exit 0, 1 with a one-line reason, or 2 for wrong usage."""
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s")
    try:
        app()
    except OutreachError as exc:
        print(f"huifang: {exc}", file=sys.stderr)
        raise SystemExit(1) from None
    except KeyboardInterrupt:
        raise SystemExit(130) from None


# ---- running ------------------------------------------------------------------------------------------------------


@app.command()
def demo(
    exit_: Annotated[bool, typer.Option("--exit", help="End after the run.")] = False,
    members: Annotated[int, typer.Option(help="How many members the made-up site has.", min=200)] = 2000,
    as_json: AsJson = False,
) -> None:
    """The whole main job on a made-up site, through the sandbox. Example: huifang demo --exit"""
    from bot.commands import demo as command

    _run(lambda: command.run_demo(members=members, stay=not exit_, as_json=as_json))


@app.command()
def up(
    exit_: Annotated[bool, typer.Option("--exit", help="End when every message has its fate.")] = False,
    as_json: AsJson = False,
) -> None:
    """Web, worker and, without credentials, the sandbox in one process. Example: huifang up"""
    from bot.commands import serving as command

    _run(lambda: command.run_up(_settings(), until_done=exit_, as_json=as_json))


@app.command()
def web(as_json: AsJson = False) -> None:
    """Web alone; needs REDIS_URL. Example: huifang web"""
    from bot.commands import serving as command

    _run(lambda: command.run_web(_settings(), as_json=as_json))


@app.command()
def worker(as_json: AsJson = False) -> None:
    """Worker alone; needs REDIS_URL. Example: huifang worker"""
    from bot.commands import working as command

    _run(lambda: command.run_worker_alone(_settings(), as_json=as_json))


@app.command()
def sandbox(
    as_json: AsJson = False,
    port: Annotated[int, typer.Option(help="Port of the side door; 0 is any.")] = 0,
    ledger: Annotated[Path | None, typer.Option(help="Append everything accepted to this file.")] = None,
) -> None:
    """The stand-ins alone, for any client. Example: huifang sandbox --json"""
    from bot.commands import serving as command

    _run(lambda: command.run_sandbox(_settings(), as_json=as_json, port=port, ledger=ledger))


@app.command()
def migrate(as_json: AsJson = False) -> None:
    """Bring the database's schema up to date. Example: huifang migrate"""
    from bot.commands import asking as command

    _print(_run(lambda: command.migrate(_settings())), as_json, lambda found: [f"数据库是最新的：{found['database']}"])


@app.command()
def doctor(
    open_: Annotated[str, typer.Option("--open", metavar="CHANNEL", help="Let a closed channel send again.")] = "",
    as_json: AsJson = False,
) -> None:
    """What is set up, what is missing, and how to mend it. Example: huifang doctor"""
    from bot.commands import deciding

    if open_:
        _run(lambda: deciding.open_channel(_settings(), open_))
    from bot.commands import doctor as command

    found = _run(lambda: command.examine(_settings()))
    _print(found, as_json, command.lines)
    if not found["ok"]:
        raise typer.Exit(1)


# ---- backup -------------------------------------------------------------------------------------------------------

BackupFile = Annotated[Path, typer.Argument(metavar="FILE", help="The backup.")]


@app.command()
def backup(
    path: BackupFile,
    force: Annotated[bool, typer.Option("--force", help="Write over the file that is there.")] = False,
    with_secret: Annotated[
        bool, typer.Option("--secret/--no-secret", help="With the signing secret that lies in HUIFANG_VAR.")
    ] = True,
    as_json: AsJson = False,
) -> None:
    """The whole database in one file, while campaigns run. Example: huifang backup huifang-1123.zip"""
    from bot.commands import backing_up as command

    found = _run(lambda: command.backup(_settings(), path, replace=force, with_secret=with_secret, quiet=as_json))
    _print(found, as_json, command.backup_lines)


@app.command()
def restore(path: BackupFile, as_json: AsJson = False) -> None:
    """Fill an empty database from a backup; it stays paused. Example: huifang restore huifang-1123.zip"""
    from bot.commands import backing_up as command

    _print(_run(lambda: command.restore(_settings(), path, quiet=as_json)), as_json, command.restore_lines)


@app.command()
def release(
    list_: Annotated[
        bool, typer.Option("--list", help="Only show what it would send and what it cannot know.")
    ] = False,
    uncertain: Annotated[
        Literal["mail", "none", "all"],
        typer.Option(
            help="What may have been sent since the backup. mail: service mail once more under its Message-ID, the "
            "rest never; none: nothing again; all: nothing was sent since, go on as if it had not happened."
        ),
    ] = "mail",
    as_json: AsJson = False,
) -> None:
    """Let a restored copy plan and send again. Example: huifang release"""
    from bot.commands import backing_up as command

    if list_:
        _print(_run(lambda: command.show_held(_settings())), as_json, command.held_lines)
        return
    _print(_run(lambda: command.release(_settings(), uncertain)), as_json, command.release_lines)


# ---- data ---------------------------------------------------------------------------------------------------------


@app.command("import")
def import_(
    paths: Annotated[list[Path], typer.Argument(metavar="PATH…", help="Folders or files of a site's export.")],
    as_of: AsOf = None,
    as_json: AsJson = False,
) -> None:
    """Take in a site's export. Example: huifang import export/ --as-of 2026-11-21"""
    from bot.commands import importing, printing

    found = _run(lambda: importing.import_export(_settings(), paths, _moment(as_of), quiet=as_json))
    _print(found, as_json, printing.import_lines)
    if any(report["refused"] for report in found["files"]):
        raise typer.Exit(1)


@app.command()
def stats(as_json: AsJson = False) -> None:
    """How many of everything there are. Example: huifang stats --json"""
    from bot.commands import asking as command
    from bot.commands import printing

    _print(_run(lambda: command.stats(_settings())), as_json, printing.pairs)


@member_app.command("show")
def member_show(number: Annotated[str, typer.Argument(metavar="ID", help="会员编号")], as_json: AsJson = False) -> None:
    """Who they are and every touch with its exact words. Example: huifang member show Q100042"""
    from bot.commands import asking as command
    from bot.commands import printing

    _print(_run(lambda: command.member(_settings(), number)), as_json, printing.member_lines)


@member_app.command("refuse")
def member_refuse(
    number: Annotated[str, typer.Argument(metavar="ID", help="会员编号")], as_json: AsJson = False
) -> None:
    """Write a refusal down: every channel, the whole company. Example: huifang member refuse Q100042"""
    from bot.commands import deciding as command

    found = _run(lambda: command.refuse(_settings(), number))
    _print(found, as_json, lambda found: [f"{found['member']} 已停发全部渠道"])


@member_app.command("lift")
def member_lift(number: Annotated[str, typer.Argument(metavar="ID", help="会员编号")], as_json: AsJson = False) -> None:
    """Take a refusal, or a pause in doubt, back. Example: huifang member lift Q100042"""
    from bot.commands import deciding as command

    found = _run(lambda: command.lift(_settings(), number))
    _print(found, as_json, lambda found: [f"{found['member']} 可以再发"])


@member_app.command("done")
def member_done(
    task: Annotated[int, typer.Argument(metavar="TASK", help="The task's number, from member show.")],
    note: Annotated[str, typer.Option(help="What came of it.")] = "",
    as_json: AsJson = False,
) -> None:
    """Close a task for a person. Example: huifang member done 17 --note 已回电"""
    from bot.commands import deciding as command

    found = _run(lambda: command.done(_settings(), task, note))
    _print(found, as_json, lambda found: [f"任务 {found['task']} 办完"])


@inspect_app.command("reply")
def inspect_reply(
    texts: Annotated[list[str], typer.Argument(metavar="TEXT…", help="Replies as customers write them.")],
    as_json: AsJson = False,
) -> None:
    """What a reply means and whether it stops. Example: huifang inspect reply 退订 "简历打不开" """
    from bot.commands import asking as command
    from bot.commands import printing

    _print(command.read_replies(_settings(), texts), as_json, printing.reading_lines)


# ---- segments -----------------------------------------------------------------------------------------------------

Rule = Annotated[str, typer.Argument(metavar="RULE", help="Such as: idle_days >= 90 and tier in (优质, 高端)")]


@segment_app.command("fields")
def segment_fields(as_json: AsJson = False) -> None:
    """What a rule may ask about. Example: huifang segment fields"""
    from bot.commands import asking as command
    from bot.commands import printing

    _print(command.fields(), as_json, printing.field_lines)


@segment_app.command("explain")
def segment_explain(rule: Rule, as_json: AsJson = False) -> None:
    """Say a rule in words. Example: huifang segment explain "idle_days >= 90" """
    from bot.commands import asking as command
    from bot.commands import printing

    _print(command.explain(rule), as_json, printing.pairs)


@segment_app.command("count")
def segment_count(rule: Rule, as_of: AsOf = None, as_json: AsJson = False) -> None:
    """How many members a rule selects. Example: huifang segment count "unread_resumes >= 3" --as-of 2026-11-21"""
    from bot.commands import asking as command

    found = _run(lambda: command.count(_settings(), rule, _moment(as_of)))
    _print(found, as_json, lambda found: [f"{found['count']:,}家"])


@segment_app.command("list")
def segment_list(
    rule: Rule,
    as_of: AsOf = None,
    limit: Annotated[int, typer.Option(help="At most so many.", min=1, max=100_000)] = 50,
    as_json: AsJson = False,
) -> None:
    """The members a rule selects. Example: huifang segment list "never logged" --limit 20"""
    from bot.commands import asking as command
    from bot.commands import printing

    _print(_run(lambda: command.listing(_settings(), rule, _moment(as_of), limit)), as_json, printing.member_table)


# ---- campaigns ----------------------------------------------------------------------------------------------------


@campaign_app.command("list")
def campaign_list(as_json: AsJson = False) -> None:
    """Every campaign and its state. Example: huifang campaign list"""
    from bot.commands import campaigning as command
    from bot.commands import printing

    _print(_run(lambda: command.listing(_settings())), as_json, printing.campaign_table)


@campaign_app.command("show")
def campaign_show(key: Key, as_json: AsJson = False) -> None:
    """Definition and words, filled with the sample facts. Example: huifang campaign show unread_resumes"""
    from bot.commands import campaigning as command
    from bot.commands import printing

    _print(command.show(_settings(), key), as_json, printing.campaign_lines)


@campaign_app.command("lint")
def campaign_lint(
    keys: Annotated[
        list[str] | None, typer.Argument(metavar="[CAMPAIGN…]", help="All of them when none is named.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """What is wrong with a campaign folder. Example: huifang campaign lint unread_resumes"""
    from bot.commands import campaigning as command
    from bot.commands import printing

    found = command.lint(_settings(), keys or [])
    _print(found, as_json, printing.lint_lines)
    if found["problems"]:
        raise typer.Exit(1)


@campaign_app.command("preview")
def campaign_preview(key: Key, as_of: AsOf = None, as_json: AsJson = False) -> None:
    """What starting it now would do: fates and reasons. Example: huifang campaign preview unread_resumes"""
    from bot.commands import campaigning as command
    from bot.commands import printing

    _print(_run(lambda: command.preview(_settings(), key, _moment(as_of))), as_json, printing.preview_lines)


@campaign_app.command("approve")
def campaign_approve(
    key: Key,
    by: Annotated[str, typer.Option(help="Who approves.")] = "",
    as_json: AsJson = False,
) -> None:
    """Bind a campaign to its words as they stand. Example: huifang campaign approve unread_resumes"""
    from bot.commands import campaigning as command

    found = _run(lambda: command.approve(_settings(), key, by))
    _print(
        found,
        as_json,
        lambda found: [f"{found['campaign']} 已批准。下一步：huifang campaign start {found['campaign']}"],
    )


@campaign_app.command("start")
def campaign_start(key: Key, as_of: AsOf = None, as_json: AsJson = False) -> None:
    """Plan it and let it run; `huifang up` sends. Example: huifang campaign start unread_resumes"""
    from bot.commands import campaigning as command
    from bot.commands import printing

    _print(_run(lambda: command.start(_settings(), key, _moment(as_of))), as_json, printing.start_lines)


@campaign_app.command("pause")
def campaign_pause(key: Key, as_json: AsJson = False) -> None:
    """Stop the wire; what waits stays. Example: huifang campaign pause unread_resumes"""
    _change(key, "pause", as_json)


@campaign_app.command("resume")
def campaign_resume(key: Key, as_json: AsJson = False) -> None:
    """Go on. Example: huifang campaign resume unread_resumes"""
    _change(key, "resume", as_json)


@campaign_app.command("cancel")
def campaign_cancel(key: Key, as_json: AsJson = False) -> None:
    """End it; what waits is not sent. Example: huifang campaign cancel unread_resumes"""
    _change(key, "cancel", as_json)


@campaign_app.command("status")
def campaign_status(
    key: Annotated[str | None, typer.Argument(metavar="[CAMPAIGN]")] = None, as_json: AsJson = False
) -> None:
    """What was planned, what became of it, what came back. Example: huifang campaign status unread_resumes"""
    from bot.commands import campaigning as command
    from bot.commands import printing

    _print(_run(lambda: command.status(_settings(), key)), as_json, printing.status_lines)


# ---- parts --------------------------------------------------------------------------------------------------------


def _change(key: str, what: str, as_json: bool) -> None:
    from bot.commands import campaigning as command

    found = _run(lambda: command.change(_settings(), key, what))
    _print(found, as_json, lambda found: [f"{found['campaign']}：{found['state']}"])


def _settings() -> Any:
    from bot.settings import load_settings

    settings = load_settings()
    # Only our own: below WARNING the libraries write every statement and request, with whatever is in them.
    for ours in ("bot", "campaigns"):
        logging.getLogger(ours).setLevel(settings.log_level)
    return settings


def _moment(as_of: str | None) -> datetime | None:
    from bot.commands.moments import parse_as_of

    return parse_as_of(as_of) if as_of else None


def _run(make: Callable[[], Coroutine[Any, Any, T]]) -> T:
    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(make())


def _print(found: Any, as_json: bool, lines: Callable[[Any], Any]) -> None:
    if as_json:
        import orjson

        sys.stdout.buffer.write(orjson.dumps(found, default=str, option=orjson.OPT_NON_STR_KEYS) + b"\n")
        sys.stdout.buffer.flush()
        return
    from bot.commands.printing import show

    show(lines(found))
