"""What occupation a job title names: ours, read from the words in it.

A title that holds none of the words is an occupation of its own, so that equal titles still meet. Of two words the
longer one counts: 叉车司机 drives a fork-lift and not a lorry.
"""

import re
import unicodedata
from functools import lru_cache

_WORDS = """
    焊工: 焊工 电焊 氩弧焊 焊接
    电工: 电工 水电工 电气 强电 弱电
    钳工: 钳工 装配工 模具
    数控: 数控 cnc 车工 铣工 机床 加工中心
    机修: 机修 维修工 设备维修 维修技师 保全
    普工: 普工 操作工 生产工 流水线 包装工 学徒 小时工 装卸 搬运
    质检: 质检 检验 品检 品控 化验 qc 质量
    安全员: 安全员 安全管理 安环
    矿工: 采煤 掘进 矿工 井下 洗煤 通风工
    泥瓦工: 泥瓦 瓦工 木工 油漆工 钢筋 架子工 贴砖 抹灰
    施工管理: 施工员 工长 项目经理 监理 造价 预算员 资料员 测量员
    货车司机: 货车 司机 驾驶员 大车 代驾 客车
    叉车司机: 叉车 叉车司机 铲车 铲车司机 挖掘机 挖掘机司机 吊车 吊车司机 装载机 装载机司机
    快递: 快递 分拣 外卖 骑手 派送 配送
    仓管: 仓库 仓管 库管 理库 保管员
    物流: 物流专员 物流调度 调度 货运 跟单
    汽修: 汽修 汽车维修 钣金 喷漆 汽车机电
    洗车: 洗车 汽车美容
    厨师: 厨师 炒锅 主厨 厨师长 面点 凉菜 西点 烘焙 糕点
    帮厨: 配菜 帮厨 切配 洗碗 后厨 砧板 打荷
    服务员: 服务员 传菜 迎宾 前厅 客房 餐饮服务
    收银: 收银
    导购: 导购 营业员 促销 店员 理货 卖场
    店长: 店长 门店经理 值班经理
    销售: 销售 业务员 业务代表 商务代表 客户经理 招商 电销 推销
    置业顾问: 置业 房产经纪 房产销售 房地产销售
    客服: 客服 话务 接线 售后
    前台: 前台 接待
    文员: 文员 文秘 秘书 行政 办公室 内勤 助理 打字
    人事: 人事 人力资源 招聘专员 hr 薪酬
    会计: 会计 财务 审计 税务 核算
    出纳: 出纳
    采购: 采购
    电商运营: 运营 电商 直播 主播 新媒体 淘宝 抖音
    市场: 市场 策划 品牌 推广 文案
    编辑: 编辑 记者 采编 校对
    设计: 设计师 美工 平面 ui 视觉 室内设计 cad 绘图
    软件开发: python java php 前端 后端 软件 程序员 开发工程师 c++ golang 全栈 小程序 android ios
    网络运维: 运维 网管 网络工程 系统管理 it支持
    测试: 测试
    数据: 数据分析 大数据 算法
    护士: 护士 护理 助产
    医生: 医生 医师 大夫 中医 牙医 康复师
    药师: 药师 药店 药剂 执业药
    护工: 护工 养老 陪护 月嫂 育婴
    家政: 家政 保姆 钟点工
    幼教: 幼教 幼师 幼儿园 保育 早教
    教师: 教师 老师 教练 讲师 辅导 家教
    保安: 保安 门卫 安保 保卫 消防 巡逻
    保洁: 保洁 清洁 绿化 环卫
    美容美发: 美容师 美发 美甲 发型 理发 按摩 足疗
    法务: 法务 律师
    翻译: 翻译
"""
_OF = {
    word: occupation.strip()
    for occupation, _, words in (line.partition(":") for line in _WORDS.strip().splitlines())
    for word in words.split()
}
_LONGEST_FIRST = re.compile("|".join(re.escape(word) for word in sorted(_OF, key=lambda word: (-len(word), word))))
_REMARK = re.compile(r"\([^)]*\)|\[[^]]*\]|【[^】]*】")
_BETWEEN = re.compile(r"[、,;/|\s]+")
_NOISE = re.compile(r"急招|急聘|诚聘|高薪|招聘|聘|包吃住|包吃|包住|双休|单休|五险一金|五险|月休\d+天|[\d\W_]+")
_LONGEST = 32
MOST = 8
"""Occupations that are read out of one text; a list of everything wants nothing."""


@lru_cache(maxsize=4096)
def occupations_of(text: str) -> tuple[str, ...]:
    """The occupations that a title, or a list of wanted jobs, names; none where it names nothing."""
    plain = _REMARK.sub(" ", unicodedata.normalize("NFKC", text).casefold())
    found = [one for part in _BETWEEN.split(plain) for one in _of_one(part)]
    return tuple(dict.fromkeys(found))[:MOST]


def same_title(wanted: str, title: str) -> bool:
    """Whether a list of wanted jobs holds this very title."""
    return bool(title) and _bare(title) in _titles(wanted)


@lru_cache(maxsize=4096)
def _titles(wanted: str) -> frozenset[str]:
    return frozenset(_bare(part) for part in _BETWEEN.split(unicodedata.normalize("NFKC", wanted)))


def _of_one(part: str) -> list[str]:
    if known := [_OF[word] for word in _LONGEST_FIRST.findall(part)]:
        return known
    bare = _NOISE.sub("", part)[:_LONGEST]
    return [bare] if bare else []


@lru_cache(maxsize=4096)
def _bare(title: str) -> str:
    return _NOISE.sub("", _REMARK.sub(" ", unicodedata.normalize("NFKC", title).casefold()))
