"""huifang import --site: a site's own database into the tables, over a connection that can only read."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from bot.commands.importing import write_rejects_of
from bot.commands.printing import bars
from bot.database import open_database
from bot.importing import ORDER, FileReport, Table, Weigher, follow_owners, import_tables
from bot.process import bulk_work
from bot.runtime import read_rules
from bot.settings import Settings
from bot.sites.cells import as_sum
from bot.sites.cms74 import SITE as CMS74
from bot.sites.connection import SiteConnection
from bot.sites.decoding import Decoder
from bot.sites.dsn import codec_of, parse_dsn
from bot.sites.history import read_history
from bot.sites.mapping import Site, Source
from bot.sites.phpyun import SITE as PHPYUN
from bot.sites.plan import Plan, make_plan
from bot.sites.probing import probe
from bot.sites.reading import NameLists, Reader, read_names
from campaigns.cells import parse_key
from campaigns.columns import TableKind
from campaigns.errors import ConfigError, InputError, Interrupted
from campaigns.members.held import note_gone, open_numbers, write_paid
from campaigns.members.load import load_chunk, refresh_members
from campaigns.site_reads import ReadMark, note_read, read_marks

_SITES = {site.name: site for site in (CMS74, PHPYUN)}
_YEAR = timedelta(days=365)

Bars = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class SiteImport:
    """What a person asked for. `numbers`: put before the site's numbers, where two sites share this house."""

    site: str
    dsn: str = ""
    prefix: str = ""
    charset: str = ""
    numbers: str = ""
    full: bool = False
    dry_run: bool = False
    allow_writable: bool = False
    seeker_names: bool = False


async def import_site(settings: Settings, asked: SiteImport, *, quiet: bool) -> dict[str, Any]:
    """The command. Raises InputError where nothing could be read."""
    async with open_database(settings):
        with bars(quiet) as progress:
            return await read_site(settings, asked, progress)


async def read_site(settings: Settings, asked: SiteImport, progress: Bars) -> dict[str, Any]:
    """What the command does with an open database."""
    with bulk_work():
        return await _Run(settings, asked, progress).run()


class _Run:
    """One reading of a site, from its probe to the last of its tables."""

    def __init__(self, settings: Settings, asked: SiteImport, progress: Bars) -> None:
        text = asked.dsn or settings.huifang_site_dsn
        if not text:
            raise ConfigError("没有网站的连接串：写 --dsn，或者设 HUIFANG_SITE_DSN (no DSN)")
        if asked.site not in _SITES:
            raise InputError(f"不认识 {asked.site}，有 {'、'.join(_SITES)} (unknown kind of site)")
        self._settings, self._asked, self._progress = settings, asked, progress
        dsn = parse_dsn(text)
        self._dsn = replace(dsn, charset=codec_of(asked.charset)) if asked.charset else dsn
        self._site: Site = _SITES[asked.site]
        self._prefix = asked.prefix or self._site.prefix
        self._key = f"{asked.site}:{dsn.database}:{self._prefix}"[:160]
        self._numbers = (parse_key(f"{asked.numbers}1") or "1")[:-1]  # as they stand here
        self._connection = SiteConnection(self._dsn)
        self._decoder = Decoder(self._dsn.charset)
        self._began = datetime.now(UTC)
        self._weigher = Weigher()
        self._names: NameLists = {}
        self._reports: list[FileReport] = []
        self._history: list[dict[str, Any]] = []
        self._met: set[int] = set()  # postings
        self._gone = 0
        self._read = 0

    async def run(self) -> dict[str, Any]:
        try:
            rights = await asyncio.to_thread(self._connection.rights_to_write)
            if rights and not self._asked.allow_writable:
                raise _writable(self._dsn.shown, rights)
            plans = await asyncio.to_thread(self._plan)
            whole = await self._take(plans)
        except asyncio.CancelledError:
            raise Interrupted(f"已中断，读到 {self._read:,} 行；再导入一次即可 (interrupted; import again)") from None
        finally:
            self._connection.close()
        if not self._asked.dry_run:
            if whole:
                self._gone = await note_gone(self._met, self._numbers, self._began)
            await refresh_members(self._began, (await read_rules(self._settings))[0].tiers)
            await follow_owners(self._began)
        return self._outcome(plans)

    def _plan(self) -> list[Plan]:
        schema = probe(self._connection, self._prefix)
        self._names = read_names(self._connection, schema, self._site.names, self._decoder)
        paid_since = int((self._began - _YEAR).timestamp())
        return [make_plan(self._permitted(source), schema, paid_since) for source in self._site.sources]

    def _permitted(self, source: Source) -> Source:
        """Job-seekers come without their names, unless they are asked for."""
        if source.kind is not TableKind.SEEKERS or self._asked.seeker_names:
            return source
        return replace(source, cells=tuple(cell for cell in source.cells if cell.field != "name"))

    async def _take(self, plans: Sequence[Plan]) -> bool:
        """Whether the site was read to its end, with every posting it has."""
        marks = {} if self._asked.full else await read_marks(self._key)
        usable = [plan for plan in plans if not plan.unreadable]
        if not any(plan.source.kind is TableKind.MEMBERS for plan in usable):
            raise InputError(f"{self._dsn.shown}：{_why(plans)} (the members' table cannot be read)")
        for plan in sorted(usable, key=_place):
            reader = self._reader(plan, marks.get(plan.source.name), await self._again(plan, usable))
            if not await self._take_one(plan, reader):
                return False  # what comes after it belongs to what is missing now
            if not self._asked.dry_run:
                await note_read(self._key, plan.source.name, ReadMark(reader.last_id, self._began))
                await self._take_sums(plan, reader)
            if plan.source.kind is TableKind.POSTINGS:
                self._met |= reader.met
        return self._asked.full and any(plan.source.kind is TableKind.POSTINGS for plan in usable)

    async def _again(self, plan: Plan, usable: Sequence[Plan]) -> list[int]:
        """Where a kind stands in two tables rows go to and fro without a moment: all of them are asked."""
        kind = plan.source.kind
        several = kind is TableKind.POSTINGS and sum(one.source.kind is kind for one in usable) > 1
        return await open_numbers(kind, self._numbers, every=several) if kind else []

    async def _take_sums(self, plan: Plan, reader: Reader) -> None:
        """Payments age: of all members, for those whose rows are as they were as well."""
        if plan.source.kind is not TableKind.MEMBERS:
            return
        paid = await asyncio.to_thread(reader.sums, "paid")
        if paid is not None:
            amounts = {no: as_sum(amount) for no, amount in paid.items()}
            await write_paid({no: round(Decimal(one)) for no, one in amounts.items() if one}, self._numbers)

    async def _take_one(self, plan: Plan, reader: Reader) -> bool:
        """False where it could not be read to its end."""
        try:
            if plan.source.kind is None:
                self._history.append(await read_history(reader, self._key, weigh=self._asked.dry_run))
                return True
            table = Table(f"{self._prefix}{plan.table}", reader, reader.recognised(plan.source.kind))
            [outcome] = await import_tables(
                [table], lambda *_: None, load=self._weigher if self._asked.dry_run else load_chunk
            )
        except asyncio.CancelledError:
            reader.stopped = True
            raise
        if not self._asked.dry_run:
            write_rejects_of(self._settings, outcome, self._began)
        self._reports.append(outcome.report)
        return not outcome.report.refused

    def _reader(self, plan: Plan, mark: ReadMark | None, again: Sequence[int]) -> Reader:
        def told(done: int, total: int) -> None:
            self._read += done - shown[0]
            shown[0] = done
            self._progress(f"{self._prefix}{plan.table} → {plan.source.name}", done, total)

        shown = [0]
        return Reader(
            self._connection,
            plan,
            self._names,
            self._decoder,
            self._began,
            after=mark.last_id if mark else 0,
            since=mark.at if mark else None,
            again=again,
            number_prefix=self._numbers,
            progress=told,
        )

    def _outcome(self, plans: Sequence[Plan]) -> dict[str, Any]:
        return {
            "site": self._asked.site,
            "dsn": self._dsn.shown,
            "dry_run": self._asked.dry_run,
            "files": [asdict(report) for report in self._reports],
            "history": self._history,
            "probe": [
                {
                    "source": plan.source.name,
                    "table": f"{self._prefix}{plan.table}" if plan.table else "",
                    "found": plan.found,
                    "missing": plan.missing,
                    "unreadable": plan.unreadable,
                }
                for plan in plans
            ],
            "gone": self._gone,
            "undecodable": self._decoder.broken,
            "database": self._settings.database_shown,
        }


def _place(plan: Plan) -> int:
    return len(ORDER) if plan.source.kind is None else ORDER.index(plan.source.kind)


def _why(plans: Sequence[Plan]) -> str:
    return next(plan.unreadable for plan in plans if plan.source.kind is TableKind.MEMBERS)


def _writable(shown: str, rights: Sequence[str]) -> InputError:
    some = "；".join(rights[:5])
    return InputError(
        f"{shown}：这个账号不只是能读，还有 {some}。请网站建一个只有 SELECT 的账号；"
        "确实要用它就加 --allow-writable (the account may write)"
    )
