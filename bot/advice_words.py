"""The words of an advice, of a stage and of a target, in the reader's language."""

from bot.language import say
from campaigns.advice import Act, Advice, Why
from campaigns.stages import Stage
from campaigns.targets import Kind

_ACTS = {
    Act.CALL: "打电话",
    Act.MESSAGE: "发消息",
    Act.INTRODUCE: "推荐求职者",
    Act.WAIT: "先等等",
}
_WHYS = {
    Why.REFUSED: "对方退订了，不要联系",
    Why.PAUSED: "联系暂停着，到时再说",
    Why.ANSWER_WAITS: "对方说了话，等人回复",
    Why.SITE_FAULT: "我们这边出过问题，先道歉解决，不推销",
    Why.TASK_DUE: "有{tasks}个任务到期了",
    Why.JUST_TOUCHED: "{days}天前刚联系过，满{rest}天再联系",
    Why.RENEWAL: "{days}天后套餐到期，先报招聘效果再谈续费",
    Why.UNREAD: "有简历没看，提醒去看",
    Why.PAYING_DORMANT: "付了费却不来，问问遇到什么困难",
    Why.NO_APPLICANTS: "职位没什么人投，主动推荐合适的人",
    Why.DORMANT: "好久没来，请回来看看",
    Why.POSTING_WEAK: "职位写得不够好，教怎么改",
    Why.NOTHING_POSTED: "还没发过职位，看看同行在招什么",
    Why.QUIET: "一切正常，没有要办的",
}
_STAGES = {
    Stage.REGISTERED: "已注册",
    Stage.ACTIVATED: "已激活",
    Stage.POSTING: "在发布",
    Stage.RECEIVING: "收简历",
    Stage.READING: "看简历",
    Stage.HIRING: "招到人",
    Stage.RENEWING: "临续费",
}
_TARGETS = {Kind.VISITS: "回访次数", Kind.RETURNS: "回流家数", Kind.RENEWALS: "续费家数"}


def act_words(act: Act) -> str:
    return say(_ACTS[act])


def why_words(advice: Advice) -> str:
    return say(_WHYS[advice.why]).format(**advice.figures)


def stage_words(stage: str) -> str:
    return say(_STAGES[Stage(stage)]) if stage in list(Stage) else stage


def target_words(kind: str) -> str:
    return say(_TARGETS[Kind(kind)])
