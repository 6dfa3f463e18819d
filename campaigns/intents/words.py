"""A reply's words once spelling no longer matters: folded for reading, and spelled by sound.

Phones write what is heard: 退订 arrives as 退定, 推定, tuiding. Comparing sounds finds them where characters
cannot. Everything here is pure and bounded by `LONGEST`.
"""

import re
import unicodedata
from bisect import bisect_right
from functools import lru_cache

LONGEST = 1200  # characters read of one reply; an answer says what it wants sooner or is a pasted document

# The common characters of GB 2312 stand in the order of their sound, so the first character of each syllable
# is the whole table: 3,737 of 3,755 sounds come out right (polyphones by their commonest reading).
_FIRST_OF_SOUND = (
    "a啊 ai埃 an鞍 ang肮 ao凹 ba芭 bai白 ban斑 bang邦 bao苞 bei杯 ben奔 beng崩 bi逼 bian鞭 biao标 "
    "bie鳖 bin彬 bing兵 bo玻 bu捕 ca擦 cai猜 can餐 cang苍 cao操 ce厕 ceng层 cha插 chai拆 chan搀 "
    "chang昌 chao超 che车 chen郴 cheng撑 chi吃 chong充 chou抽 chu初 chuai揣 chuan川 chuang疮 chui吹 "
    "chun春 chuo戳 ci疵 cong聪 cou凑 cu粗 cuan蹿 cui摧 cun村 cuo磋 da搭 dai呆 dan耽 dang当 dao刀 de德 "
    "deng蹬 di堤 dian颠 diao碉 die跌 ding丁 diu丢 dong东 dou兜 du督 duan端 dui堆 dun墩 duo掇 e蛾 en恩 "
    "er而 fa发 fan藩 fang坊 fei菲 fen芬 feng丰 fo佛 fou否 fu夫 ga噶 gai该 gan干 gang冈 gao篙 ge哥 "
    "gei给 gen根 geng耕 gong工 gou钩 gu辜 gua刮 guai乖 guan棺 guang光 gui瑰 gun辊 guo锅 ha哈 hai骸 "
    "han酣 hang夯 hao壕 he呵 hei嘿 hen痕 heng哼 hong轰 hou喉 hu呼 hua花 huai槐 huan欢 huang荒 hui灰 "
    "hun荤 huo豁 ji击 jia嘉 jian歼 jiang僵 jiao蕉 jie揭 jin巾 jing荆 jiong炯 jiu揪 ju鞠 juan捐 jue撅 "
    "jun均 ka喀 kai开 kan刊 kang康 kao考 ke坷 ken肯 keng坑 kong空 kou抠 ku枯 kua夸 kuai块 kuan宽 "
    "kuang匡 kui亏 kun坤 kuo括 la垃 lai莱 lan蓝 lang琅 lao捞 le勒 lei雷 leng棱 li厘 lia俩 lian联 "
    "liang粮 liao撩 lie列 lin琳 ling玲 liu溜 long龙 lou楼 lu芦 luan峦 lun抡 luo萝 ma妈 mai埋 man瞒 "
    "mang芒 mao猫 me么 mei玫 men门 meng萌 mi眯 mian棉 miao苗 mie蔑 min民 ming明 miu谬 mo摸 mou谋 mu拇 "
    "na拿 nai氖 nan南 nang囊 nao挠 ne呢 nei馁 nen嫩 neng能 ni妮 nian蔫 niang娘 niao鸟 nie捏 nin您 "
    "ning柠 niu牛 nong脓 nu奴 nuan暖 nuo挪 o哦 ou欧 pa啪 pai拍 pan攀 pang乓 pao抛 pei呸 pen喷 peng砰 "
    "pi坯 pian篇 piao飘 pie撇 pin拼 ping乒 po坡 pu扑 qi期 qia掐 qian牵 qiang枪 qiao橇 qie切 qin钦 "
    "qing青 qiong琼 qiu秋 qu趋 quan圈 que缺 qun裙 ran然 rang瓤 rao饶 re惹 ren壬 reng扔 ri日 rong戎 "
    "rou揉 ru茹 ruan软 rui蕊 run闰 ruo若 sa撒 sai腮 san三 sang桑 sao搔 se瑟 sen森 seng僧 sha莎 shai筛 "
    "shan珊 shang墒 shao梢 she奢 shen砷 sheng声 shi师 shou收 shu蔬 shua刷 shuai摔 shuan栓 shuang霜 "
    "shui谁 shun吮 shuo说 si斯 song松 sou搜 su苏 suan酸 sui虽 sun孙 suo蓑 ta塌 tai胎 tan坍 tang汤 "
    "tao掏 te特 teng藤 ti梯 tian天 tiao挑 tie贴 ting厅 tong通 tou偷 tu凸 tuan湍 tui推 tun吞 tuo拖 wa挖 "
    "wai歪 wan豌 wang汪 wei威 wen瘟 weng嗡 wo挝 wu巫 xi昔 xia瞎 xian掀 xiang相 xiao萧 xie楔 xin薪 "
    "xing星 xiong兄 xiu休 xu墟 xuan轩 xue靴 xun勋 ya压 yan焉 yang殃 yao邀 ye椰 yi一 yin茵 ying英 yo哟 "
    "yong拥 you幽 yu迂 yuan鸳 yue曰 yun耘 za匝 zai栽 zan咱 zang赃 zao遭 ze责 zei贼 zen怎 zeng增 zha扎 "
    "zhai摘 zhan瞻 zhang樟 zhao招 zhe遮 zhen珍 zheng蒸 zhi芝 zhong中 zhou舟 zhu珠 zhua抓 zhuai拽 "
    "zhuan专 zhuang桩 zhui椎 zhun谆 zhuo捉 zi兹 zong鬃 zou邹 zu租 zuan钻 zui嘴 zun尊 zuo昨"
)
_BORDERS = [entry[-1].encode("gb2312") for entry in _FIRST_OF_SOUND.split()]
_SOUNDS = [entry[:-1] for entry in _FIRST_OF_SOUND.split()]
_LAST_COMMON = "座".encode("gb2312")
# Outside the common table, or read there by a reading that replies do not use.
_SOUND_OF = {
    "甭": "beng", "嗯": "en", "咩": "mie", "嘞": "lei", "咯": "lo", "忒": "te", "恁": "nen", "俺": "an",
    "唔": "wu", "冇": "mao", "嘅": "ge", "佢": "qu", "哋": "di", "喺": "xi", "覅": "fiao", "弗": "fu",
    "钉": "ding", "锭": "ding", "腚": "ding", "煺": "tui", "罚": "fa", "珐": "fa", "砝": "fa", "律": "lv",
    "女": "nv", "率": "lv", "虑": "lv", "略": "lve", "了": "le", "着": "zhe", "都": "dou", "地": "de",
    "瘪": "bie", "蹩": "bie", "憋": "bie", "勿": "wu", "嚟": "li", "啲": "di", "嘢": "ye", "侬": "nong",
    "弄": "nong", "噻": "sai", "嗦": "suo", "嘚": "de", "叨": "dao", "拉": "la", "朝": "chao", "长": "zhang",
}  # fmt: skip

_TRADITIONAL = (
    "們個來說時會對發後這過還請問電話訂閱點開關進動樣現見車門買賣錢貴東馬長張陳劉楊趙黃吳許鄭謝韓馮鄧蕭從"
    "給讓幫誰麼嗎兩傳簡歷曆聯繫係絡號碼帳賬戶員業務廠廣產應職歲學經驗單據項報價費匯轉選擇確認證書記錄設備"
    "網頁頭鏈連結郵寫讀聽講語詞題實際歡樂節慶愛國華陽陰雲風飛機場飯館廳師傷擾騷煩惱惡罵濫無沒為與於並處辦"
    "論議該當顯導審違規則條約歸復複雜誌識護衛線級別離額滿夠幾萬億儘盡遲遠邊裡裏內訊資優質壞爛騙滾媽爺孫親"
    "戀靈願須啟斷續絕訴訟舉監測試壓殺殘廢倉庫運輸間紡織縫紉腦軟體數繪樓層區縣鎮鄉隊軍團練習養衆眾參觀賞獎"
    "勵懲罰減賠償權責顧慮擔憂憑誤錯閒閑亂糾纏繞熱鬧鐘鍾錶鬆緊嚴寬靜聲響聞視頻圖畫藝術類種屬獨雙隻雞鴨魚龍"
    "鳳鳥蟲蘇寧遼滬贛閩陝濟瀋漢滅溫濕燒爐燈營榮麗麵麥黨齊齒齡龜劃劇剛創勝勞勢勸協厲變啞喚喪喬嘆嘗嘯噴嚇圍"
    "園圓執堅墊墜壘壟壯壽夢夾奪奮妝婦姍娛嬌嬰寢寶專尋屆岡島崗嶺巖巔幣帥帶幟幹廁廂廚廟弒強彈彌彎彙彥徑徹恆"
    "恥悅惻愜態慘慣憐憤憲懇懷懶戰戲拋挾捨掃掄掙掛採揀換揮損搖搶撈撐撥撫撲擁擊擋擠擬擴擺攔攝敗敵斂昇晉晝暈"
    "暢暫曉曠柵梟棄棗棟棧楓極槍構樑標樞樸樹橋橫檔檢櫃欄歐殼毀氣氫決沖況洩涼淚淨淪淵渦湊湧湯準溝滲滯漁漲漸"
    "漿潔潛潤潰澤濃濤濱瀏瀾灑灘灣災煙煉熒爭爾牆牽犧狀猶獄獅獲獵獸獻瑪環瓊畢異疊痙瘋療癡癢癥皺盜盞盤睏矚矯"
    "碩磚礎礙礦禍禦禮禿稅稈稱穀積穎穩窩窮竄竅競筆筍範築篩簽簾籃籌籠籤糞糧紀紅紋納純紙紛紮細紳終組絆統絲綁"
    "綜綠維綱緒緣編緩緬緯緻縮縱總績繃繕繩繳繼纖罷羅義聖聰肅脅脈腎腫腳腸膚膠膩臉臟臨臺興舊艙艦艱莊莖莢葉葦"
    "葷蓋蓮蔣薦薩藍藥蘆蘋蘭蘿虛虧蝕蝦螞蟻衝補裝製襪襯覓覺覽觸計討訓託訝訣訪診註評詐詢詩詳誇誕誘誠誦課誼調"
    "諒談諾謀謂謊謎謠謹譜譯譽豐豬貓貝負財貢貧貨販貪貫貯貶貸貼貿賀賊賓賜賢賤賭賴賺購贈贏趕趨跡踐蹤躍軌軒軸"
    "較載輔輕輛輝輩輪輯轄轎辭農迴週遊達遙遜遞適遷遺鄰醜醫醬釀釋針釣鈔鈕鈴鉛鉤銀銅銘銳銷鋁鋒鋪鋼錦錫鍊鍋鍵"
    "鎖鏡鐵鑄鑒鑰鑽閃閉閏閘閣闆闊闖闡陣陸階隨險隱隸雖難霧韌頂順頌預頑頓頗領頰頸顆顏顛颱飄飢飲飼飽飾餅餃餓"
    "餘饅馭馳駐駕駛駱騎騰驅驕驚驟骯髒髮鬍鬥鬱魯鮮鯨鳴鴉鴻鵝鵬鷹鹹鹽齋龐囉乾"
)
_SIMPLIFIED = (
    "们个来说时会对发后这过还请问电话订阅点开关进动样现见车门买卖钱贵东马长张陈刘杨赵黄吴许郑谢韩冯邓萧从"
    "给让帮谁么吗两传简历历联系系络号码帐账户员业务厂广产应职岁学经验单据项报价费汇转选择确认证书记录设备"
    "网页头链连结邮写读听讲语词题实际欢乐节庆爱国华阳阴云风飞机场饭馆厅师伤扰骚烦恼恶骂滥无没为与于并处办"
    "论议该当显导审违规则条约归复复杂志识护卫线级别离额满够几万亿尽尽迟远边里里内讯资优质坏烂骗滚妈爷孙亲"
    "恋灵愿须启断续绝诉讼举监测试压杀残废仓库运输间纺织缝纫脑软体数绘楼层区县镇乡队军团练习养众众参观赏奖"
    "励惩罚减赔偿权责顾虑担忧凭误错闲闲乱纠缠绕热闹钟钟表松紧严宽静声响闻视频图画艺术类种属独双只鸡鸭鱼龙"
    "凤鸟虫苏宁辽沪赣闽陕济沈汉灭温湿烧炉灯营荣丽面麦党齐齿龄龟划剧刚创胜劳势劝协厉变哑唤丧乔叹尝啸喷吓围"
    "园圆执坚垫坠垒垄壮寿梦夹夺奋妆妇姗娱娇婴寝宝专寻届冈岛岗岭岩巅币帅带帜干厕厢厨庙弑强弹弥弯汇彦径彻恒"
    "耻悦恻惬态惨惯怜愤宪恳怀懒战戏抛挟舍扫抡挣挂采拣换挥损摇抢捞撑拨抚扑拥击挡挤拟扩摆拦摄败敌敛升晋昼晕"
    "畅暂晓旷栅枭弃枣栋栈枫极枪构梁标枢朴树桥横档检柜栏欧壳毁气氢决冲况泄凉泪净沦渊涡凑涌汤准沟渗滞渔涨渐"
    "浆洁潜润溃泽浓涛滨浏澜洒滩湾灾烟炼荧争尔墙牵牺状犹狱狮获猎兽献玛环琼毕异叠痉疯疗痴痒症皱盗盏盘困瞩矫"
    "硕砖础碍矿祸御礼秃税秆称谷积颖稳窝穷窜窍竞笔笋范筑筛签帘篮筹笼签粪粮纪红纹纳纯纸纷扎细绅终组绊统丝绑"
    "综绿维纲绪缘编缓缅纬致缩纵总绩绷缮绳缴继纤罢罗义圣聪肃胁脉肾肿脚肠肤胶腻脸脏临台兴旧舱舰艰庄茎荚叶苇"
    "荤盖莲蒋荐萨蓝药芦苹兰萝虚亏蚀虾蚂蚁冲补装制袜衬觅觉览触计讨训托讶诀访诊注评诈询诗详夸诞诱诚诵课谊调"
    "谅谈诺谋谓谎谜谣谨谱译誉丰猪猫贝负财贡贫货贩贪贯贮贬贷贴贸贺贼宾赐贤贱赌赖赚购赠赢赶趋迹践踪跃轨轩轴"
    "较载辅轻辆辉辈轮辑辖轿辞农回周游达遥逊递适迁遗邻丑医酱酿释针钓钞钮铃铅钩银铜铭锐销铝锋铺钢锦锡炼锅键"
    "锁镜铁铸鉴钥钻闪闭闰闸阁板阔闯阐阵陆阶随险隐隶虽难雾韧顶顺颂预顽顿颇领颊颈颗颜颠台飘饥饮饲饱饰饼饺饿"
    "余馒驭驰驻驾驶骆骑腾驱骄惊骤肮脏发胡斗郁鲁鲜鲸鸣鸦鸿鹅鹏鹰咸盐斋庞啰干"
)
_TO_SIMPLIFIED = str.maketrans(_TRADITIONAL, _SIMPLIFIED)

# Pictures say what WeChat's bracketed words say; both become such a word.
_PICTURES = {
    "强": "👍💪🆙",
    "好的": "👌🆗✅☑✔🙆",
    "谢谢": "🙏🤝🙇",
    "玫瑰": "🌹💐🌸🌺🎁🎉🎊🥳🧧🎆🎈🥂🍻❤💕💗🏮",
    "微笑": "😊😄😁🙂😀😃😇🥰😘☺",
    "生气": "😡😠🤬👿💢😤",
    "拒绝": "🙅🚫🛑⛔🔕📵🚯✋🖐❌✖",
    "鄙视": "👎🤮💩🤢",
    "中指": "🖕🔪",
    "白眼": "🙄😒😑😅😓😂🤣🤔🤨😏😶😐",
    "大哭": "😭😢😞😔😩😫",
    "电话": "📞☎📱🤙",
    "问号": "❓❔",
}
_PICTURE = {ord(p): f" [{word}] " for word, pictures in _PICTURES.items() for p in pictures}
_ANSWERED_MAIL = re.compile(
    r"^\s*(?:>|-{2,}\s*(?:原始邮件|原邮件|转发|original message|forwarded)|_{8,}|on .{4,80}wrote:"
    r"|(?:发件人|寄件者|from)\s*[::]|在\s*\d{4}.{0,40}(?:写道|写到)|\d{4}[-年/].{0,60}(?:写道|写到)\s*[::])",
    re.IGNORECASE,
)
_SENT_FROM = re.compile(
    r"\s?(?:发自|来自)我?的?\s*(?:iphone|ipad|huawei|华为|小米|vivo|oppo|qq邮箱|网易邮箱|手机|mail)\S{0,12}\s*$"
    r"|\s?sent from my \S{2,12}.{0,12}$|\s?获取 outlook for \S+\s*$",
    re.IGNORECASE,
)
_SIGNATURE = 60  # characters at the end in which a phone's own line may stand
_REPEATED = re.compile(r"([^\W\d_])\1{2,}")
_MARKS = re.compile(r"[\W_]+")
_SYLLABLES = frozenset(_SOUNDS) | {"lv", "nv", "lve", "nve", "o", "yo", "lo"}
_LATIN = re.compile(r"[a-z]+")
_PIECE = re.compile(r"[a-z]+|\d+|[^\W\d_]")
# Not told apart by half of China's input methods and speakers: zh/z ch/c sh/s, -ng/-n, l-/n-.
_BLUR = ((re.compile("^([zcs])h"), r"\1"), (re.compile("ng$"), "n"), (re.compile("^l"), "n"))


def own_words(text: str) -> str:
    """The part of a mail that its sender wrote now: no quoted mail below, no "sent from my phone"."""
    kept: list[str] = []
    for line in text[: LONGEST * 4].splitlines():
        if _ANSWERED_MAIL.match(line):
            break
        kept.append(line)
    words = "\n".join(kept).strip()
    return words[:-_SIGNATURE] + _SENT_FROM.sub("", words[-_SIGNATURE:])


def fold(text: str) -> str:
    """One spelling of many: width, case, traditional characters, pictures, repeats; marks stay."""
    folded = unicodedata.normalize("NFKC", text[:LONGEST]).lower().translate(_TO_SIMPLIFIED)
    return _REPEATED.sub(r"\1\1", folded.translate(_PICTURE))


def bare(folded: str) -> str:
    """Letters and digits only."""
    return _MARKS.sub("", folded)


def sounds(bare_text: str) -> list[str]:
    """Syllables without tones, blurred; Latin letters are read as pinyin where they can be."""
    found: list[str] = []
    for piece in _PIECE.findall(bare_text):
        if _LATIN.fullmatch(piece):
            found += [_blur(syllable) for syllable in _read_pinyin(piece)] or [piece]
        else:
            found.append(_blurred_sound(piece))
    return found


@lru_cache(maxsize=8192)
def _blurred_sound(character: str) -> str:
    return _blur(_sound(character))


def _blur(syllable: str) -> str:
    for pattern, plain in _BLUR:
        syllable = pattern.sub(plain, syllable)
    return syllable


def _sound(character: str) -> str:
    if known := _SOUND_OF.get(character):
        return known
    try:
        place = character.encode("gb2312")
    except UnicodeEncodeError:
        return character
    if len(place) != 2 or not _BORDERS[0] <= place <= _LAST_COMMON:
        return character
    return _SOUNDS[bisect_right(_BORDERS, place) - 1]


def _read_pinyin(letters: str) -> list[str]:
    """The fewest syllables that spell all of `letters`, or nothing where it is no pinyin."""
    if len(letters) > 60:
        return []
    best: list[list[str] | None] = [[]] + [None] * len(letters)
    for end in range(1, len(letters) + 1):
        for start in range(max(0, end - 6), end):
            before = best[start]
            if before is None or letters[start:end] not in _SYLLABLES:
                continue
            if (known := best[end]) is None or len(before) + 1 < len(known):
                best[end] = [*before, letters[start:end]]
    return best[-1] or []
