"""What the visit calendar says: kinds of visits, rules, why one lost and what to do about it."""

from collections.abc import Mapping

from bot.language import say
from campaigns.visiting import Kind, Rule

_KINDS = {Kind.CARE: "重点关注", Kind.RENEWAL: "续费前", Kind.REGULAR: "定期"}
_RULES = {
    Rule.MONTH: "一个月最多几次",
    Rule.RENEWAL: "续费前要去一次",
    Rule.RENEWAL_REST: "到期前几天不去",
    Rule.CARE_GAP: "重点关注最多隔几天",
    Rule.WORKDAYS: "休息日不去",
    Rule.CAPACITY: "一天能去几家",
    Rule.ABSENCE: "请假不去",
    Rule.TODAY: "过去的日子排不了",
    Rule.OWNER: "要有在岗的负责人",
    Rule.PIN: "人定的日子",
    Rule.SERVICE: "按分级定期去",
    Rule.QUIET: "客户要求先不联系",
}
_WHAT_TO_DO = {
    Rule.CAPACITY: "分给有空的同事，或者提高这位同事一天的家数。",
    Rule.ABSENCE: "请假期间交给别的同事。",
    Rule.WORKDAYS: "长假里没有工作日；要紧的话放假前后打个电话。",
    Rule.MONTH: "这个月已经去过；确实要再去，就自己定一天。",
    Rule.TODAY: "已经晚了，尽快联系一次。",
    Rule.OWNER: "没有负责人，或者负责人不在岗：给这家企业分配一位。",
    Rule.QUIET: "等客户要求的这段时间过去。",
    Rule.PIN: "有人定了这一天；要照规则来，就放回自动安排。",
    Rule.CARE_GAP: "重点关注期间照常去；不用去就结束关注。",
}


def kind_words(kind: str) -> str:
    return say(_KINDS[Kind(kind)])


def rule_words(rule: str) -> str:
    return say(_RULES[Rule(rule)])


def what_to_do(won: str) -> str:
    return say(_WHAT_TO_DO.get(Rule(won), "看看这家企业，需要就自己定一天。"))


def conflict_line(lost: str, won: str, figures: Mapping[str, int]) -> str:
    """The rule that lost, the one it lost to, and the numbers."""
    line = say("“{lost}”没有做到，因为“{won}”").format(lost=rule_words(lost), won=rule_words(won))
    numbers = _numbers(Rule(lost), figures)
    return say("{what}：{why}").format(what=line, why=numbers) if numbers else line


def _numbers(lost: Rule, figures: Mapping[str, int]) -> str:
    if lost is Rule.RENEWAL and figures.get("worked_days"):
        return say("能去的{worked_days}个工作日共{capacity}个位置，用掉了{taken}个").format(**figures)
    if lost is Rule.CARE_GAP and "gap" in figures:
        return say("隔了{gap}天，最多{allowed}天").format(**figures)
    if lost is Rule.RENEWAL_REST and "visits" in figures:
        return say("最后{rest}天里有{visits}次").format(**figures)
    if lost is Rule.SERVICE and "late" in figures:
        return say("晚了{late}天").format(**figures)
    if lost is Rule.SERVICE and "days" in figures:
        return say("{days}天里都没有位置").format(**figures)
    return ""
