"""What replies mean: the table's own proofs, stop words, traps, machines, hostile text, and words not in the corpus."""

from pathlib import Path

import pytest

from campaigns.errors import DefinitionError
from campaigns.intents import IntentTable, Reading, StopVerdict, load_table, read_intent
from campaigns.intents.table import Keywords, Pattern, load_examples, load_keywords
from campaigns.intents.words import bare, fold, own_words, sounds
from campaigns.terms import Intent

FOLDER = Path(__file__).parents[2] / "templates" / "auto_replies"
KEYWORDS = load_keywords(FOLDER / "keywords.toml")


@pytest.fixture(scope="module")
def table() -> IntentTable:
    return load_table(FOLDER)


def proofs(patterns: tuple[Pattern, ...], kind: str) -> list[object]:
    return [
        pytest.param(pattern, text, id=f"{pattern.id}-{text}")
        for pattern in patterns
        for text in getattr(pattern, kind)
    ]


def without_traps(text: str, keywords: Keywords) -> str:
    folded = fold(text)
    for trap in keywords.traps:
        folded = trap.regex.sub("〇", folded)
    return folded


@pytest.mark.parametrize(("pattern", "text"), proofs(KEYWORDS.stop_patterns, "hits"))
def test_a_stop_pattern_catches_its_examples(pattern: Pattern, text: str, table: IntentTable) -> None:
    assert pattern.regex.search(without_traps(text, KEYWORDS))
    assert read_intent(text, table).stops


@pytest.mark.parametrize(("pattern", "text"), proofs(KEYWORDS.stop_patterns, "misses"))
def test_a_stop_pattern_leaves_its_counterexamples(pattern: Pattern, text: str) -> None:
    assert not pattern.regex.search(without_traps(text, KEYWORDS))


@pytest.mark.parametrize(("trap", "text"), proofs(KEYWORDS.traps, "hits"))
def test_a_trap_takes_out_its_examples(trap: Pattern, text: str, table: IntentTable) -> None:
    assert trap.regex.search(fold(text))
    assert read_intent(text, table).stop is not StopVerdict.REFUSE


@pytest.mark.parametrize(("trap", "text"), proofs(KEYWORDS.traps, "misses"))
def test_a_trap_leaves_its_counterexamples(trap: Pattern, text: str) -> None:
    assert not trap.regex.search(fold(text))


@pytest.mark.parametrize("rule", KEYWORDS.rules, ids=lambda rule: rule.id)
def test_a_keyword_rule_catches_its_examples_and_no_counterexample(rule, table: IntentTable) -> None:
    for text in rule.hits:
        assert rule.matches(fold(text), bare(fold(text))), text
        assert read_intent(text, table).intent is rule.intent, text
    for text in rule.misses:
        assert not rule.matches(fold(text), bare(fold(text))), text


def test_the_examples_cover_every_intent() -> None:
    examples = load_examples(FOLDER / "examples")
    counted = {intent: sum(1 for example in examples if example.intent is intent) for intent in Intent}
    assert min(counted.values()) >= 120
    assert counted[Intent.STOP] >= 350
    assert any(example.stop and example.intent is Intent.COMPLAINT for example in examples)


STOP_WORDS = [
    *[
        "R",
        "T",
        "TD",
        "N",
        "D",
        "0000",
        "退",
        "停",
        "取消",
        "退订",
        "取消订阅",
        "取关",
        "拒收",
        "屏蔽",
        "拉黑",
        "不要再发",
    ],
    *["别发了", "stop", "STOP", "unsubscribe", "cancel", "quit", "end"],
]


@pytest.mark.parametrize("word", [*STOP_WORDS, "opt out", "Opt-Out", "ＴＤ", " td。", "退 订", "【退订】"])
def test_a_stop_word_alone_is_a_refusal(word: str, table: IntentTable) -> None:
    reading = read_intent(word, table)
    assert (reading.intent, reading.stop) == (Intent.STOP, StopVerdict.REFUSE)


@pytest.mark.parametrize("text", ["TD，谢谢", "T,别发了", "退订！烦死了", "我要退订", "请帮我退订一下，谢谢", "R。"])
def test_a_stop_word_with_politeness_or_a_mark_after_it_is_a_refusal(text: str, table: IntentTable) -> None:
    assert read_intent(text, table).stop is StopVerdict.REFUSE


@pytest.mark.parametrize(
    "text",
    [
        "推定",
        "退丁",
        "退钉",
        "tui ding",
        "TUIDING",
        "tuidign",
        "别法了",
        "bie fa le",
        "憋再发了",
        "unsubscibe",
        "別再發了",
    ],
)
def test_a_refusal_is_heard_through_slips_of_spelling(text: str, table: IntentTable) -> None:
    assert read_intent(text, table).stop is StopVerdict.REFUSE


@pytest.mark.parametrize("text", ["Interested", "subscribe", "started", "contact"])
def test_a_word_that_only_resembles_a_refusal_is_none(text: str, table: IntentTable) -> None:
    assert read_intent(text, table).stop is not StopVerdict.REFUSE


@pytest.mark.parametrize("text", ["不需要", "不需要，谢谢", "不用了", "不要", "没兴趣了谢谢"])
def test_a_bare_no_need_pauses_at_least(text: str, table: IntentTable) -> None:
    assert read_intent(text, table).stops


TRAPS = {
    "N个简历我都看了": None,
    "退订单的钱什么时候到账": Intent.PROBLEM_PAY,
    "我们是T恤厂的，年后招缝纫工20名": Intent.HIRING_PLAN,
    "招TD-LTE工程师三名": Intent.HIRING_PLAN,
    "不停地招人，一年到头都缺": Intent.HIRING_PLAN,
    "停止招聘了，人够": Intent.FILLED,
    "我们已经停招了": Intent.FILLED,
    "不要打电话，加我微信说": Intent.CALL_ME,
    "别发短信了，给我打个电话吧": Intent.CALL_ME,
    "取消面试": None,
    "不要紧，谢谢": Intent.THANKS,
    "别客气": Intent.THANKS,
    "我退休了，现在不管招人的事": Intent.WRONG_CONTACT,
    "R&D岗位发布不了": Intent.PROBLEM_POST,
    "怎么取消自动续费": Intent.PROBLEM_PAY,
    "验证码怎么不发": Intent.PROBLEM_LOGIN,
}


@pytest.mark.parametrize(("text", "intent"), TRAPS.items())
def test_a_trap_is_no_refusal(text: str, intent: Intent | None, table: IntentTable) -> None:
    reading = read_intent(text, table)
    assert reading.stop is StopVerdict.NO
    assert intent is None or reading.intent is intent


def test_a_trap_hides_nothing_that_stands_beside_it(table: IntentTable) -> None:
    assert read_intent("退订单的事解决了，以后别再发了", table).stops
    assert read_intent("我们停招了，不要再给我发短信", table).stops


@pytest.mark.parametrize(
    "text",
    [
        "【自动回复】您好，本公司短信如需退订请回复TD",
        "系统自动回复：请勿回复，请不要再发送至此邮箱",
        "您好，我现在有事不在，一会再和您联系。",
        "开会中，请勿打扰，稍后联系您",
        "Automatic reply: I am out of office and will not receive messages",
        "This mailbox is not monitored. Please do not reply.",
    ],
)
def test_an_automatic_reply_stops_nothing(text: str, table: IntentTable) -> None:
    reading = read_intent(text, table)
    assert (reading.intent, reading.stop) == (Intent.AUTO_REPLY, StopVerdict.NO)


def test_a_person_who_speaks_of_automatic_replies_is_no_machine(table: IntentTable) -> None:
    reading = read_intent("你们这是自动回复吧，别发了", table)
    assert (reading.intent, reading.stop) == (Intent.STOP, StopVerdict.REFUSE)


def test_a_complaint_that_asks_for_silence_stops(table: IntentTable) -> None:
    assert read_intent("收了钱不办事，还天天发短信骚扰，我要投诉你们", table).stops
    angry = read_intent("收了三千块一个人没招到，你们就是骗子，退钱", table)
    assert (angry.intent, angry.stop) == (Intent.COMPLAINT, StopVerdict.NO)


UNSEEN = {
    "俺寻思着往后恁就甭给俺手机上寄这些个玩意儿了": Intent.STOP,
    "一个礼拜收你们五条，求求你们歇了吧别推送了": Intent.STOP,
    "kindly take our factory off your mailing list": Intent.STOP,
    "密码想不起来咯，咋个重新弄一个": Intent.PROBLEM_LOGIN,
    "那几份简历我点进去是白的，啥子都看不到": Intent.PROBLEM_UNREAD,
    "挂了俩月的服务员岗位一份简历都没收着": Intent.PROBLEM_NOAPPLY,
    "岗位提交上去三天了还是显示审核中": Intent.PROBLEM_POST,
    "续一年会员得花多少钱，能开票不": Intent.PROBLEM_PAY,
    "等正月十五过了我们要招十五个缝纫女工": Intent.HIRING_PLAN,
    "厨师上礼拜已经到岗了，眼下不招人": Intent.FILLED,
    "我去年就从那家公司离职了，您联系他们人事吧": Intent.WRONG_CONTACT,
    "麻烦下午四点以后给我们李厂长打个电话": Intent.CALL_ME,
    "谢谢你们惦记，也祝大家中秋团圆": Intent.THANKS,
    "这个会员套餐听着不错，想仔细了解了解": Intent.INTERESTED,
    "业务员态度恶劣，收完钱就找不着人，我要去消协投诉": Intent.COMPLAINT,
}


@pytest.mark.parametrize(("text", "intent"), UNSEEN.items())
def test_replies_in_words_of_their_own_are_understood(text: str, intent: Intent, table: IntentTable) -> None:
    assert text not in {example.text for example in load_examples(FOLDER / "examples")}
    reading = read_intent(text, table)
    assert (reading.intent, reading.stops) == (intent, intent is Intent.STOP)


def test_quoted_mail_and_phone_signatures_are_not_the_customers_words(table: IntentTable) -> None:
    quoted = "收到，谢谢\n\n-----原始邮件-----\n发件人：人才网\n不想再收到？退订请点这里"
    assert read_intent(quoted, table) == read_intent("收到，谢谢", table)
    assert own_words("别发了\n发自我的iPhone") == "别发了"
    assert read_intent("> 退订回T", table).stop is StopVerdict.NO


def test_every_reading_names_its_evidence(table: IntentTable) -> None:
    assert read_intent("退订", table).matched == "退订"
    assert read_intent("再发举报", table).matched == "send-once-more-and"
    assert read_intent("密码忘了", table).matched == "forgot-password"
    assert read_intent("给我们厂长捎个话", table).matched.startswith("classifier ")


HOSTILE = [
    "",
    "\x00\x00\x00",
    "\ud800\udfff退",
    "🦆🦆🦆",
    "😀" * 30_000,
    "不要" * 50_000,
    "a" * 100_000,
    "\n" * 100_000,
    " " * 100_000,
    "> 退订\n" * 20_000,
    "([{" * 33_000,
    "tui" * 33_000,
    "退订 " * 33_000,
    "发自" * 50_000,
    "取消" + "，" * 100_000,
]


@pytest.mark.timeout(20)  # a pattern that runs away takes minutes; what it costs is measured in tests/benchmarks
@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_text_is_read_and_never_raises(text: str, table: IntentTable) -> None:
    assert isinstance(read_intent(text, table), Reading)


def test_learning_twice_reads_the_same(table: IntentTable) -> None:
    again = load_table(FOLDER)
    for text in ["别老给我整这些", "看不见人投", "行吧", "🙏", "what?"]:
        assert read_intent(text, again) == read_intent(text, table)


def test_sounds_forgive_tones_and_neighbouring_consonants() -> None:
    assert sounds("退订") == sounds("推定") == sounds("tuiding")
    assert sounds("请联系") == sounds("亲年习")


def test_folding_makes_one_spelling_of_many() -> None:
    assert fold("ＴＤ") == "td"
    assert fold("別再發訊息") == "别再发讯息"
    assert bare(fold("退-订！")) == "退订"


@pytest.mark.parametrize(
    ("file", "text", "complaint"),
    [
        ("keywords.toml", "[stop", "keywords.toml: -"),
        ("keywords.toml", "[stop]\nwords = 'T'", "stop.words"),
        ("keywords.toml", "[stop]\nwrods = ['T']", "stop.wrods"),
        ("keywords.toml", "[[trap]]\nid = 'a'\nregex = '('\nhits = ['b']\nmisses = ['c']", "trap[0].regex"),
        ("keywords.toml", "[[trap]]\nid = 'a'\nregex = 'b'\nhits = ['b']", "trap[0].misses"),
        ("keywords.toml", "[[rule]]\nid = 'a'\nintent = 'stopp'\nkind = 'exact'", "rule[0].intent"),
        ("examples/x.toml", "[stopp]\nexamples = ['T']", "stopp"),
        ("examples/x.toml", "[stop]\nexamples = [1]", "stop.examples"),
    ],
)
def test_a_wrong_table_is_refused_with_file_and_key(tmp_path: Path, file: str, text: str, complaint: str) -> None:
    (tmp_path / "examples").mkdir()
    (tmp_path / "keywords.toml").write_text("", encoding="utf-8")
    (tmp_path / "examples" / "x.toml").write_text("[stop]\nexamples = ['T']", encoding="utf-8")
    (tmp_path / file).write_text(text, encoding="utf-8")
    with pytest.raises(DefinitionError) as refused:
        load_table(tmp_path)
    assert complaint in str(refused.value)
    assert Path(file).name in str(refused.value)


def test_a_missing_table_or_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DefinitionError, match=r"keywords\.toml"):
        load_table(tmp_path)
    (tmp_path / "keywords.toml").write_text("", encoding="utf-8")
    with pytest.raises(DefinitionError, match="examples"):
        load_table(tmp_path)
