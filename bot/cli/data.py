"""What comes in from the site, and what is known of members."""

from pathlib import Path
from typing import Annotated

import typer

from bot.cli.parts import AsJson, AsOf, moment, print_found, run, settings

app = typer.Typer(rich_markup_mode=None)
member_app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="One member.")
inspect_app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Ask a rule about a text.")


@app.command("import")
def import_(
    paths: Annotated[
        list[Path] | None, typer.Argument(metavar="PATH…", help="Folders or files of a site's export.")
    ] = None,
    site: Annotated[str, typer.Option(metavar="KIND", help="Read its own database: 74cms or phpyun.")] = "",
    dsn: Annotated[
        str, typer.Option(metavar="URL", help="mysql://user:password@host/db; better HUIFANG_SITE_DSN.")
    ] = "",
    prefix: Annotated[str, typer.Option(help="Of the site's tables, where not qs_ or phpyun_.")] = "",
    charset: Annotated[str, typer.Option(help="What its texts are, where the tables declare another.")] = "",
    numbers: Annotated[str, typer.Option(metavar="TEXT", help="Put before its numbers: of a second site.")] = "",
    full: Annotated[bool, typer.Option(help="Read all again, not only what is new.")] = False,
    dry_run: Annotated[bool, typer.Option(help="Of a site's database: only count, and say what was found.")] = False,
    allow_writable: Annotated[bool, typer.Option(help="Use an account that could write.")] = False,
    seeker_names: Annotated[bool, typer.Option(help="Take in the names of job-seekers.")] = False,
    as_of: AsOf = None,
    as_json: AsJson = False,
) -> None:
    """Take in a site's export, or read its database. Example: huifang import export/ --as-of 2026-11-21"""
    from bot.commands import importing, printing

    if bool(paths) == bool(site) or (site and as_of):
        raise typer.BadParameter("either PATH…, with --as-of, or --site")
    if site:
        from bot.commands.site_importing import SiteImport, import_site

        asked = SiteImport(site, dsn, prefix, charset, numbers, full, dry_run, allow_writable, seeker_names)
        read = run(lambda: import_site(settings(), asked, quiet=as_json))
        print_found(read, as_json, printing.site_lines)
        if any(report["refused"] for report in read["files"]):
            raise typer.Exit(1)
        return
    found = run(lambda: importing.import_export(settings(), paths or [], moment(as_of), quiet=as_json))
    print_found(found, as_json, printing.import_lines)
    if any(report["refused"] for report in found["files"]):
        raise typer.Exit(1)


@app.command()
def stats(as_json: AsJson = False) -> None:
    """How many of everything there are. Example: huifang stats --json"""
    from bot.commands import asking as command
    from bot.commands import printing

    print_found(run(lambda: command.stats(settings())), as_json, printing.pairs)


@app.command()
def diagnose(
    number: Annotated[str, typer.Argument(metavar="ID", help="会员编号")], as_of: AsOf = None, as_json: AsJson = False
) -> None:
    """Why its postings bring it nothing, and what to say. Example: huifang diagnose Q100042 --json"""
    from bot.commands import diagnosing as command

    found = run(lambda: command.diagnose_member(settings(), number, moment(as_of)))
    print_found(found, as_json, command.finding_lines)


@app.command()
def brief(
    number: Annotated[str, typer.Argument(metavar="ID", help="会员编号")],
    task: Annotated[int | None, typer.Option(metavar="TASK", help="The task; left out: the next open one.")] = None,
    as_of: AsOf = None,
    as_json: AsJson = False,
) -> None:
    """What to know and say before a visit. Example: huifang brief Q100042 --json"""
    from bot.commands import briefing as command

    found = run(lambda: command.brief_member(settings(), number, moment(as_of), task))
    print_found(found, as_json, command.brief_lines)


@member_app.command("show")
def member_show(number: Annotated[str, typer.Argument(metavar="ID", help="会员编号")], as_json: AsJson = False) -> None:
    """Who they are and every touch with its exact words. Example: huifang member show Q100042"""
    from bot.commands import asking as command
    from bot.commands import printing

    print_found(run(lambda: command.member(settings(), number)), as_json, printing.member_lines)


@member_app.command("contacts")
def member_contacts(
    number: Annotated[str, typer.Argument(metavar="ID", help="会员编号")], as_json: AsJson = False
) -> None:
    """Its people as a tree: roles, influence, interests. Example: huifang member contacts Q100042 --json"""
    from bot.commands import contacting as command

    print_found(run(lambda: command.contacts(settings(), number)), as_json, command.tree_lines)


@member_app.command("contact")
def member_contact(
    number: Annotated[str, typer.Argument(metavar="ID", help="会员编号")],
    contact: Annotated[str, typer.Argument(metavar="NO", help="联系人编号, from member contacts.")],
    role: Annotated[str | None, typer.Option(help="decides, pays, advises, uses, gatekeeper, or in Chinese.")] = None,
    influence: Annotated[str | None, typer.Option(metavar="N", help="1 little to 3 much.")] = None,
    interests: Annotated[str | None, typer.Option(metavar="WORDS", help="Parted by 、 or commas.")] = None,
    reports_to: Annotated[str | None, typer.Option(metavar="NO", help="Another of its contacts.")] = None,
    title: Annotated[str | None, typer.Option(help="职务")] = None,
    primary: Annotated[bool, typer.Option("--primary", help="Messages go to this one first.")] = False,
    as_json: AsJson = False,
) -> None:
    """Write down what a contact is; '' empties. Example: huifang member contact Q1 L2 --role 拍板人 --influence 3"""
    from bot.commands import contacting as command

    told = {"role": role, "influence": influence, "interests": interests, "parent_no": reports_to, "title": title}
    typed = {name: value for name, value in told.items() if value is not None}
    found = run(lambda: command.describe(settings(), number, contact, typed, primary=primary))
    print_found(found, as_json, command.changed_lines)


@member_app.command("add-contact")
def member_add_contact(
    number: Annotated[str, typer.Argument(metavar="ID", help="会员编号")],
    name: Annotated[str, typer.Option(help="姓名")],
    mobile: Annotated[str, typer.Option(help="11 digits.")] = "",
    email: Annotated[str, typer.Option()] = "",
    title: Annotated[str, typer.Option(help="职务")] = "",
    role: Annotated[str, typer.Option(help="decides, pays, advises, uses, gatekeeper, or in Chinese.")] = "",
    influence: Annotated[str, typer.Option(metavar="N", help="1 little to 3 much.")] = "",
    interests: Annotated[str, typer.Option(metavar="WORDS", help="Parted by 、 or commas.")] = "",
    reports_to: Annotated[str, typer.Option(metavar="NO", help="Another of its contacts.")] = "",
    as_json: AsJson = False,
) -> None:
    """Somebody the site does not know. Example: huifang member add-contact Q1 --name 周平 --title 总经理"""
    from bot.commands import contacting as command

    typed = {
        "name": name, "mobile": mobile, "email": email, "title": title, "role": role, "influence": influence,
        "interests": interests, "parent_no": reports_to,
    }  # fmt: skip
    print_found(run(lambda: command.add(settings(), number, typed)), as_json, command.added_lines)


@member_app.command("contact-left")
def member_contact_left(
    number: Annotated[str, typer.Argument(metavar="ID", help="会员编号")],
    contact: Annotated[str, typer.Argument(metavar="NO", help="联系人编号, from member contacts.")],
    back: Annotated[bool, typer.Option("--back", help="A mistake: this one is still there.")] = False,
    as_json: AsJson = False,
) -> None:
    """Is not written to any more. Example: huifang member contact-left Q1 L2"""
    from bot.commands import contacting as command

    print_found(run(lambda: command.left(settings(), number, contact, back=back)), as_json, command.left_lines)


@member_app.command("refuse")
def member_refuse(
    number: Annotated[str, typer.Argument(metavar="ID", help="会员编号")], as_json: AsJson = False
) -> None:
    """Write a refusal down: every channel, the whole company. Example: huifang member refuse Q100042"""
    from bot.commands import deciding as command

    found = run(lambda: command.refuse(settings(), number))
    print_found(found, as_json, lambda found: [f"{found['member']} 已停发全部渠道"])


@member_app.command("lift")
def member_lift(number: Annotated[str, typer.Argument(metavar="ID", help="会员编号")], as_json: AsJson = False) -> None:
    """Take a refusal, or a pause in doubt, back. Example: huifang member lift Q100042"""
    from bot.commands import deciding as command

    found = run(lambda: command.lift(settings(), number))
    print_found(found, as_json, lambda found: [f"{found['member']} 可以再发"])


@member_app.command("done")
def member_done(
    task: Annotated[int, typer.Argument(metavar="TASK", help="The task's number, from member show.")],
    note: Annotated[str, typer.Option(help="What came of it.")] = "",
    as_json: AsJson = False,
) -> None:
    """Close a task for a person. Example: huifang member done 17 --note 已回电"""
    from bot.commands import deciding as command

    found = run(lambda: command.done(settings(), task, note))
    print_found(found, as_json, lambda found: [f"任务 {found['task']} 办完"])


@member_app.command("qr")
def member_qr(
    number: Annotated[str, typer.Argument(metavar="ID", help="会员编号")],
    contact: Annotated[str, typer.Option(metavar="NO", help="联系人编号; left out: the primary contact.")] = "",
    days: Annotated[int, typer.Option(help="How long it is good, 1 to 30.")] = 7,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Where the picture is kept.")] = None,
    as_json: AsJson = False,
) -> None:
    """A QR code that binds a contact to who scans it first. Example: huifang member qr Q100042 --out code.png"""
    from bot.commands import official_account as command

    found = run(lambda: command.make_qr(settings(), number, contact, days=days, out=out))
    print_found(found, as_json, command.qr_lines)


@inspect_app.command("reply")
def inspect_reply(
    texts: Annotated[list[str], typer.Argument(metavar="TEXT…", help="Replies as customers write them.")],
    as_json: AsJson = False,
) -> None:
    """What a reply means and whether it stops. Example: huifang inspect reply 退订 "简历打不开" """
    from bot.commands import asking as command
    from bot.commands import printing

    print_found(command.read_replies(settings(), texts), as_json, printing.reading_lines)


@inspect_app.command("mail")
def inspect_mail(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE…", help="Mails as they came, one a file; - reads one from the pipe.")
    ],
    as_json: AsJson = False,
) -> None:
    """What a mail is: a bounce and whose, a complaint, an answer. Example: huifang inspect mail bounce.eml --json"""
    from bot.commands import inspecting as command

    print_found(command.read_mails(files), as_json, command.mail_lines)


@inspect_app.command("sms")
def inspect_sms(
    text: Annotated[str, typer.Argument(metavar="TEXT", help="An SMS as it stands.")],
    signature: Annotated[str, typer.Option(help="The signature, without its brackets.")] = "",
    as_json: AsJson = False,
) -> None:
    """How long, how many segments, what is wrong. Example: huifang inspect sms "有3份简历没看" --signature 签名"""
    from bot.commands import asking as command
    from bot.commands import printing

    print_found(command.read_sms(text, signature), as_json, printing.sms_lines)


@inspect_app.command("day")
def inspect_day(
    day: Annotated[str, typer.Argument(metavar="DATE", help="2026-11-24")], as_json: AsJson = False
) -> None:
    """Whether it is a workday, its festivals and season. Example: huifang inspect day 2026-10-01"""
    from bot.commands import asking as command
    from bot.commands import printing

    print_found(command.read_day(settings(), day), as_json, printing.day_lines)
