"""The limits of templates/policy.toml."""

import tomllib
from collections.abc import Mapping
from datetime import datetime, time, timedelta
from pathlib import Path

from campaigns.diagnosis_rules import Thresholds
from campaigns.errors import DefinitionError
from campaigns.policy import Hours, PolicySettings
from campaigns.terms import Tier
from campaigns.tier_rules import PARTS, Caller, ServiceLevel, TierRules


def load_policy(path: Path) -> PolicySettings:
    """The limits of one settings file; a key left out keeps its default. DefinitionError names a bad key."""
    return parse_policy(read_policy(path), str(path))


def read_policy(path: Path) -> str:
    """The file's text. Raises DefinitionError."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise DefinitionError(str(path), "-", f"读不出，放一个回去 (cannot be read: {error.strerror})") from error
    except UnicodeDecodeError as error:
        raise DefinitionError(str(path), "-", f"不是 UTF-8 的 TOML：{error} (not TOML in UTF-8)") from error


def parse_policy(text: str, file: str) -> PolicySettings:
    """The limits in a text; `file` is what a DefinitionError calls it."""
    return _Reader(text, file).read()


class _Reader:
    """Takes the known keys out of a settings file, one by one; what is left over is a mistake."""

    def __init__(self, text: str, file: str) -> None:
        self._file = file
        try:
            self._left = dict(_flatten(tomllib.loads(text)))
        except tomllib.TOMLDecodeError as error:
            raise DefinitionError(self._file, "-", f"不是 UTF-8 的 TOML：{error} (not TOML in UTF-8)") from error

    def read(self) -> PolicySettings:
        standard = PolicySettings()
        settings = PolicySettings(
            hours={kind: self._hours(f"hours.{kind}", usual) for kind, usual in standard.hours.items()},
            company_touches={
                tier: self._number(f"company.touches.{tier}", usual) for tier, usual in standard.company_touches.items()
            },
            company_window=timedelta(days=self._number("company.window_days", 30, least=1)),
            company_apart=timedelta(hours=self._number("company.apart_hours", 72)),
            contact_sms=self._number("contact.marketing_sms", 1),
            contact_sms_window=timedelta(days=self._number("contact.window_days", 7, least=1)),
            customer_mass=self._number("wecom.mass_a_month", 28),
            defer_at_most=timedelta(days=self._number("defer.at_most_days", 60, least=1)),
            doubt_pause=timedelta(hours=self._number("doubt.pause_hours", 24)),
            seeker_introductions=self._number("seeker.introductions", 3),
            seeker_window=timedelta(days=self._number("seeker.window_days", 30, least=1)),
            rest_days=self._number("advice.rest_days", standard.rest_days),
            renewal_from=self._number("advice.renewal_from", standard.renewal_from),
            renewal_to=self._number("advice.renewal_to", standard.renewal_to),
            own_up_to=self._number("approval.own_up_to", 200, most=1_000_000),
            tiers=self._tiers(),
            service={tier: self._service(tier, usual) for tier, usual in standard.service.items()},
            diagnosis=self._diagnosis(),
            usual_hold_out=self._number("campaign.hold_out_percent", 0, most=50),
        )
        if settings.renewal_from > settings.renewal_to:
            raise self._wrong("advice.renewal_to", "不能比 advice.renewal_from 小 (must not be below renewal_from)")
        for key in self._left:
            raise DefinitionError(self._file, key, "没有这一项，删掉它 (unknown key)")
        return settings

    def _tiers(self) -> TierRules:
        usual = TierRules()
        found = TierRules(
            tuple(
                self._number(f"tiers.weights.{part}", weight, most=100)
                for part, weight in zip(PARTS, usual.weights, strict=True)
            ),
            tuple(
                self._number(f"tiers.cuts.{tier}", share, most=100)
                for tier, share in zip(Tier, usual.shares, strict=False)
            ),
            self._number("tiers.margin.points", usual.margin_points, most=100),
            self._number("tiers.margin.days", usual.margin_days),
            self._number("tiers.paid_full", usual.paid_full, least=1, most=100_000_000),
        )
        if sum(found.weights) != 100:
            raise self._wrong(
                "tiers.weights", f"五项加起来要是 100，现在是 {sum(found.weights)} (must make 100 together)"
            )
        if list(found.shares) != sorted(found.shares):
            raise self._wrong("tiers.cuts", "三条线要一条比一条大，最多 100 (each cut must be above the last)")
        return found

    def _diagnosis(self) -> Thresholds:
        usual = Thresholds()

        def number(name: str, standard: int, least: int = 1, most: int = 3650) -> int:
            return self._number(f"diagnosis.{name}", standard, least, most)

        found = Thresholds(
            unread_at_least=number("unread_least", usual.unread_at_least),
            unread_longer_than=timedelta(hours=number("unread_hours", _hours(usual.unread_longer_than), least=0)),
            read_slower_than=timedelta(hours=number("slow_hours", _hours(usual.read_slower_than), least=0)),
            reads_looked_at=number("reads_looked_at", usual.reads_looked_at, most=100),
            reads_at_least=number("reads_least", usual.reads_at_least, most=100),
            deliveries_at_least=number("never_looked_least", usual.deliveries_at_least),
            duties_at_least=number("duties_letters", usual.duties_at_least, least=0),
            pay_wider_than=number("pay_percent", round(usual.pay_wider_than * 100), least=100) / 100,
            peers_at_least=number("peers_least", usual.peers_at_least),
            peers_within=timedelta(days=number("peers_days", usual.peers_within.days)),
            stale_after=timedelta(days=number("stale_days", usual.stale_after.days)),
            no_apply_for=timedelta(days=number("no_apply_days", usual.no_apply_for.days)),
            scarce_share=number("scarce_percent", round(usual.scarce_share * 100), least=0, most=100) / 100,
            scarce_postings_at_least=number("scarce_postings", usual.scarce_postings_at_least),
            scarce_groups_at_least=number("scarce_groups", usual.scarce_groups_at_least),
            audit_longer_than=timedelta(hours=number("review_hours", _hours(usual.audit_longer_than), least=0)),
            notify_failures_at_least=number("notify_failures", usual.notify_failures_at_least),
            mail_bounces_at_least=number("mail_bounces", usual.mail_bounces_at_least),
            login_errors_at_least=number("login_errors", usual.login_errors_at_least),
            faults_within=timedelta(days=number("faults_days", usual.faults_within.days)),
            renew_from=number("renew_from", usual.renew_from, least=0),
            renew_to=number("renew_to", usual.renew_to, least=0),
            visited_within=timedelta(days=number("visited_days", usual.visited_within.days, least=0)),
        )
        if found.renew_from > found.renew_to:
            raise self._wrong("diagnosis.renew_to", "不能比 diagnosis.renew_from 小 (must not be below renew_from)")
        if found.reads_at_least > found.reads_looked_at:
            raise self._wrong("diagnosis.reads_least", "不能比 diagnosis.reads_looked_at 大 (more than are looked at)")
        return found

    def _service(self, tier: Tier, usual: ServiceLevel) -> ServiceLevel:
        key = f"service.caller.{tier}"
        value = str(self._left.pop(key, usual.caller))
        if value not in list(Caller):
            raise self._wrong(key, f"只能是 {' / '.join(Caller)}，写的是 {value!r} (unknown caller)")
        return ServiceLevel(Caller(value), self._number(f"service.every_days.{tier}", usual.every_days))

    def _wrong(self, key: str, problem: str) -> DefinitionError:
        return DefinitionError(self._file, key, problem)

    def _hours(self, key: str, usual: Hours) -> Hours:
        hours = Hours(
            self._clock(f"{key}.from", usual.opens),
            self._clock(f"{key}.to", usual.closes),
            self._workdays_only(f"{key}.days", usual.workdays_only),
        )
        if hours.opens >= hours.closes:
            raise DefinitionError(
                self._file, f"{key}.to", f"要比 from（{hours.opens:%H:%M}）晚 (must be later than from)"
            )
        return hours

    def _clock(self, key: str, usual: time) -> time:
        value = self._left.pop(key, f"{usual:%H:%M}")
        try:
            return datetime.strptime(str(value), "%H:%M").time()  # noqa: DTZ007 a time of day has no zone
        except ValueError:
            raise DefinitionError(
                self._file, key, f'要写成 "09:00" 这样，写的是 {value!r} (a time is expected)'
            ) from None

    def _workdays_only(self, key: str, usual: bool) -> bool:
        value = self._left.pop(key, "workdays" if usual else "all")
        if value not in ("workdays", "all"):
            raise DefinitionError(self._file, key, f'只能是 "workdays" 或 "all"，写的是 {value!r} (unknown days)')
        return value == "workdays"

    def _number(self, key: str, usual: int, least: int = 0, most: int = 3650) -> int:
        value = self._left.pop(key, usual)
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            raise DefinitionError(self._file, key, f"要写 {least} 到 {most} 的整数，写的是 {value!r} (a whole number)")
        return value


def _hours(span: timedelta) -> int:
    return span // timedelta(hours=1)


def _flatten(table: Mapping[str, object], prefix: str = "") -> list[tuple[str, object]]:
    flat: list[tuple[str, object]] = []
    for key, value in table.items():
        if isinstance(value, dict):
            flat += _flatten(value, f"{prefix}{key}.")
        else:
            flat.append((f"{prefix}{key}", value))
    return flat
