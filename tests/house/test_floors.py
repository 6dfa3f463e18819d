"""A module imports only from a lower floor; campaigns never imports bot. A new module without a floor fails here."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

FLOORS: dict[float, str] = {
    15: "bot.__main__",
    14: "bot.cli bot.cli.*",
    13: "bot.commands.*",
    12: "bot.conductor",
    11: "bot.web.app bot.sandbox.run",
    10: "bot.console.*",
    9.5: "bot.web.imap_door",
    9.1: "bot.web.log_in",
    9: "bot.worker bot.dossier bot.web.webhooks bot.web.tracking bot.web.mail_door bot.sandbox.side bot.web.api.*",
    8.5: "bot.wecom.*",
    8: "bot.sender.* bot.inbox bot.backup bot.web.pages bot.web.desk bot.outgoing.* bot.recording",
    7.5: "bot.keyword_table bot.problem_categories",
    7: "bot.runtime bot.snapshot bot.sandbox.aliyun_sms bot.sandbox.tencent_sms bot.sandbox.wechat bot.sandbox.wecom "
    "bot.sandbox.wecom.*",
    6.5: "bot.providers",
    6.4: "bot.sandbox.wechat_front bot.sandbox.wechat_mass bot.sandbox.wechat_attacks",
    6.3: "bot.sms_providers",
    6.2: "bot.sandbox.tencent_enquiries",
    6: "bot.token_store bot.database bot.archive bot.channels.email bot.channels.sms_aliyun bot.channels.wechat "
    "bot.channels.wecom bot.channels.mailbox bot.channels.sms_tencent bot.channels.sms_generic "
    "bot.channels.sms_router bot.sandbox.smtp bot.sandbox.aliyun_calls bot.sandbox.aliyun_carrier "
    "bot.sandbox.wechat_callbacks bot.sandbox.wechat_gate bot.sandbox.customers bot.sandbox.mail_customers "
    "bot.sandbox.sms_customers bot.sandbox.visitors bot.sandbox.wechat_customers bot.sandbox.site bot.importing",
    5.6: "bot.channels.wecom_desk bot.channels.wecom_staff bot.channels.wecom_inbound",
    5.5: "bot.sandbox.tencent_carrier bot.sandbox.tencent_calls",
    5.45: "bot.channels.wechat_mass",
    5.4: "bot.channels.wechat_answers bot.channels.wechat_requests bot.channels.wechat_menu bot.channels.wechat_qr "
    "bot.brief_talk bot.brief_words",
    5.3: "bot.channels.wecom_api bot.channels.wecom_events bot.channels.wechat_api bot.sandbox.wechat_custom "
    "bot.sandbox.wechat_menu",
    5.25: "bot.line_words",
    5.2: "bot.wording bot.calendar_words bot.finding_words bot.tier_words bot.web.passwords bot.match_words "
    "bot.advice_words bot.visit_limits bot.visit_words bot.result_words bot.gift_words bot.contact_words",
    5.1: "bot.language",
    5: "bot.settings bot.clock bot.process bot.tokens bot.jobs bot.tables bot.serving bot.sqlite bot.asyncpg_client "
    "bot.alone bot.copy_text bot.intake bot.pacing.* bot.channels.* bot.sandbox.* bot.sites.* bot.scripts "
    "bot.web.numbers",
    4.9: "bot.sandbox.aliyun_account bot.sandbox.tencent_account",
    4.8: "bot.sandbox.mail_parts bot.sandbox.sms_carrier bot.sandbox.tencent_signature bot.sandbox.wechat_errors "
    "bot.sandbox.wechat_bodies bot.sandbox.hostile",
    4.7: "bot.sandbox.stage bot.sandbox.listening bot.sandbox.pushing bot.channels.returned",
    4.5: "bot.channels.pipelining bot.channels.free_bounces bot.channels.automatic bot.channels.complaints "
    "bot.channels.delivery_reports bot.channels.wechat_events",
    4.3: "bot.channels.envelopes bot.channels.refusals bot.channels.replies bot.channels.aiohttp_transport "
    "bot.channels.acs3 bot.channels.aliyun_codes bot.channels.tc3 bot.channels.tencent_codes bot.channels.sms_rules "
    "bot.channels.sms_calls bot.channels.mime bot.channels.new_words bot.channels.dkim_record "
    "bot.channels.wechat_envelope bot.channels.wecom_codes",
    4.25: "bot.channels.bounce_reasons",
    4.2: "bot.channels.bounce_words bot.channels.carrier_codes bot.channels.meaning",
    4.1: "campaigns.introducing campaigns.visit_moves",
    4: "campaigns.planner.* campaigns.replies.* campaigns.reports campaigns.progress campaigns.restored "
    "campaigns.effects campaigns.outcomes campaigns.tier_night campaigns.gifting campaigns.visit_planning "
    "campaigns.brief",
    3.5: "campaigns.mass campaigns.approvals campaigns.fairs campaigns.fairs.* campaigns.hiring "
    "campaigns.site_reads campaigns.visit_facts campaigns.transfers campaigns.targets campaigns.caring "
    "campaigns.twins",
    3: "campaigns.members.* campaigns.definitions campaigns.outbox.* campaigns.touches campaigns.visits "
    "campaigns.visit_lists campaigns.notices campaigns.staff campaigns.audit campaigns.saved_segments "
    "campaigns.saved_views campaigns.custom_fields campaigns.imports campaigns.api_tokens campaigns.remarks "
    "campaigns.tallies campaigns.comebacks campaigns.conversations.* campaigns.introductions campaigns.api_answers "
    "campaigns.gift_ledger campaigns.visit_calendar.* campaigns.planned_lists "
    "campaigns.visit_outcomes campaigns.problems campaigns.problem_figures campaigns.promises campaigns.hiring_plans",
    2.5: "campaigns.marks campaigns.edits campaigns.kept campaigns.webhooks campaigns.gift_store campaigns.versions",
    2.2: "campaigns.result_lines",
    2: "campaigns.models.* campaigns.statements.* campaigns.migrations.* campaigns.folders.* campaigns.records "
    "campaigns.calendar_file campaigns.policy_file campaigns.staff_file campaigns.menu_file campaigns.problem_file "
    "campaigns.script_file",
    1.5: "campaigns.fields campaigns.advice campaigns.briefing.*",
    1: "campaigns.rights campaigns.spool campaigns.tiers.* campaigns.segments.* campaigns.schedule campaigns.policy "
    "campaigns.content.* campaigns.intents.* campaigns.experiments campaigns.columns campaigns.rows "
    "campaigns.indexes campaigns.toml_lines campaigns.diagnosis.* campaigns.visiting.* campaigns.activity.* "
    "campaigns.matching.* campaigns.gifts.* campaigns.stages campaigns.result_vocabulary",
    0.5: "campaigns.reach campaigns.tier_rules campaigns.diagnosis_rules campaigns.results",
    0: "campaigns.calendar campaigns.cells campaigns.days_said",
    -1: "campaigns.terms campaigns.errors campaigns bot",
}

ROOMS = (
    "campaigns.activity",
    "campaigns.members",
    "campaigns.models",
    "campaigns.outbox",
    "campaigns.planner",
    "campaigns.segments",
    "campaigns.statements",
    "campaigns.content",
    "campaigns.folders",
    "campaigns.intents",
    "campaigns.replies",
    "bot.pacing",
    "bot.sender",
    "bot.cli",
    "bot.commands",
    "bot.console",
    "bot.sandbox.wecom",
    "bot.sandbox.imap",
    "bot.wecom",
    "campaigns.conversations",
    "campaigns.diagnosis",
    "campaigns.visiting",
    "campaigns.visit_calendar",
    "campaigns.tiers",
    "campaigns.matching",
    "bot.web.api",
    "bot.outgoing",
    "campaigns.gifts",
    "bot.sites",
    "campaigns.briefing",
    "campaigns.fairs",
)


def test_every_import_goes_down() -> None:
    wrong = [
        f"{name} (floor {floor_of(name)}) imports {other} (floor {floor_of(other)})"
        for name, path in modules().items()
        for other in imports(path)
        if room(name) != room(other) and floor_of(other) >= floor_of(name)
    ]
    assert wrong == []


def test_the_domain_never_imports_the_runtime() -> None:
    assert [
        n for n, path in modules().items() if n.startswith("campaigns") for o in imports(path) if o.startswith("bot")
    ] == []


def test_a_stand_in_shares_no_code_with_the_channel_it_tests() -> None:
    shared = {
        (name, other)
        for name, path in modules().items()
        for other in imports(path)
        if (name.startswith("bot.sandbox") and other.startswith("bot.channels"))
        or (name.startswith("bot.channels") and other.startswith("bot.sandbox"))
    }
    assert shared == set()


def test_only_the_cli_imports_inside_a_function_and_nobody_for_typing_alone() -> None:
    hidden = [
        f"{name}:{node.lineno}"
        for name, path in modules().items()
        if room(name) != "bot.cli"
        for parent in ast.walk(ast.parse(path.read_text()))
        if isinstance(parent, ast.FunctionDef | ast.AsyncFunctionDef | ast.If)
        for node in ast.walk(parent)
        if isinstance(node, ast.Import | ast.ImportFrom)
    ]
    assert hidden == []


@pytest.mark.parametrize("name", ["bot.nowhere", "campaigns.nowhere"])
def test_a_module_without_a_floor_is_found_out(name: str) -> None:
    with pytest.raises(LookupError):
        floor_of(name)


def floor_of(name: str) -> float:
    for floor, names in FLOORS.items():
        if name in names.split():
            return floor
    for floor, names in FLOORS.items():
        if any(pattern.endswith(".*") and f"{name}.".startswith(pattern[:-1]) for pattern in names.split()):
            return floor
    raise LookupError(f"{name} has no floor: give it one in tests/house/test_floors.py")


def room(name: str) -> str:
    """The modules of a package that stands as one in the design may import each other."""
    for package in ROOMS:
        if name.startswith(package):
            return package
    return name


def modules() -> dict[str, Path]:
    found = {}
    for path in [*ROOT.glob("bot/**/*.py"), *ROOT.glob("campaigns/**/*.py")]:
        parts = path.relative_to(ROOT).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imports(path: Path) -> set[str]:
    """Our own modules this one imports; `from package import name` is the module of that name if there is one."""
    known = modules()
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found |= {
                f"{node.module}.{a.name}" if f"{node.module}.{a.name}" in known else node.module for a in node.names
            }
    return {name for name in found if name in known}
