"""The words that colleagues use in a message for what an outcome is made of."""

from collections.abc import Mapping, Sequence

from campaigns.results import Effect, Fault, Medium, Mood, Result, Settled, Used

BEGINNINGS: Mapping[str, Medium] = {
    "回访": Medium.PHONE, "电话": Medium.PHONE, "打电话": Medium.PHONE, "电访": Medium.PHONE, "上门": Medium.VISIT,
    "拜访": Medium.VISIT, "走访": Medium.VISIT, "QQ": Medium.QQ, "邮寄": Medium.POST, "寄信": Medium.POST,
    "送礼": Medium.GIFT, "礼品": Medium.GIFT, "活动": Medium.EVENT, "招聘会": Medium.EVENT,
}  # fmt: skip
RESULTS: Mapping[Result, Sequence[str]] = {
    Result.TALKED: (
        "打通了", "打通", "接通了", "接通", "通了", "谈完", "谈了", "聊了", "见到了", "见了", "见到", "联系上了",
        "联系上",
    ),
    Result.NO_ANSWER: (
        "没打通", "打不通", "没人接", "无人接听", "没接", "未接", "不接", "没见到", "没人", "不在", "没联系上",
        "没回", "不回",
    ),
    Result.LATER: ("改时间", "改天", "改期", "晚点再打", "在忙", "没空", "约了"),
    Result.WRONG_NUMBER: ("空号", "停机", "号码不对", "打错了", "错号"),
    Result.REFUSED: ("不要再联系", "别再联系", "不要再打", "别再打", "不让再打", "拒绝联系", "拉黑"),
    Result.SENT: ("送出了", "送出", "寄出了", "寄出", "寄了", "送了", "发出了"),
    Result.RECEIVED: ("收下了", "收下", "收到了", "收到", "签收了", "签收", "送到了", "送到"),
    Result.RETURNED: ("退回来了", "退回来", "退回了", "退回", "没收下", "没收", "不收", "拒收"),
    Result.CAME: ("到场", "来了", "到了", "参加了", "到会"),
    Result.ABSENT: ("没来", "没到场", "没到", "缺席", "没参加"),
}  # fmt: skip
MOODS: Mapping[Mood, Sequence[str]] = {
    Mood.GLAD: ("好", "很好", "满意", "高兴", "不错", "挺好", "热情"),
    Mood.CALM: ("平静", "一般", "还行", "还可以", "正常", "平常"),
    Mood.ANNOYED: ("不满", "不满意", "不好", "差", "生气", "烦", "不高兴", "不耐烦", "冷淡"),
}
USED: Mapping[Used, Sequence[str]] = {
    Used.YES: ("用了", "已用", "在用", "是", "有"),
    Used.PARTLY: ("部分", "一部分", "用了一部分", "用了一点"),
    Used.NO: ("没用", "没有", "没", "否", "不用"),
}
EFFECTS: Mapping[Effect, Sequence[str]] = {
    Effect.GOOD: ("好", "很好", "有", "不错", "效果好", "有效果"),
    Effect.FAIR: ("一般", "还行", "还可以", "效果一般"),
    Effect.NONE: ("没有", "没", "无", "没效果", "差", "不好"),
}
FAULTS: Mapping[Fault, Sequence[str]] = {
    Fault.SITE: ("网站", "我们", "平台", "我方"),
    Fault.MEMBER: ("企业", "客户", "对方", "公司"),
    Fault.MARKET: ("市场", "行情", "大环境"),
}
SETTLED: Mapping[Settled, Sequence[str]] = {
    Settled.KEPT: ("办到了", "办好了", "做到了"),
    Settled.BROKEN: ("没办到", "没做到", "办不到"),
    Settled.SOLVED: ("解决了", "已解决", "修好了"),
    Settled.STILL: ("还没办", "还没解决", "没解决"),
}
LABELS: Mapping[str, str] = {
    **dict.fromkeys(("问题", "难处", "困难"), "problem"),
    "原因": "cause",
    **dict.fromkeys(("责任", "责任在谁"), "fault"),
    **dict.fromkeys(("答应", "承诺", "答应了"), "promise"),
    **dict.fromkeys(("招", "招人", "招聘", "用工", "用工计划", "计划"), "plan"),
    **dict.fromkeys(("心情", "态度", "情绪"), "mood"),
    **dict.fromkeys(("用了", "使用", "用没用", "用了没", "用了没有"), "used"),
    "效果": "effect",
    **dict.fromkeys(("下次", "下次联系", "再联系", "改到", "约"), "next_on"),
    "下一步": "next_step",
    **dict.fromkeys(("办到了没有", "办了没有", "解决了没有"), "settled"),
    **dict.fromkeys(("原话", "对方说", "客户说", "他说", "她说"), "said"),
    **dict.fromkeys(("备注", "记", "说明", "内容"), "note"),
}
MANY = frozenset({"problem", "plan"})
FREE = frozenset({"said", "note", "cause", "next_step"})
