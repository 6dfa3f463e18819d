"""What a provider's reason for closing a channel means, and what to do about it."""

import re

OTHERWISE = "按原因修好，再打开"
CURES: tuple[tuple[str, str], ...] = (
    (
        r"48001|48002|60011|301002|unauthorized|isp\.ram_permission_deny",
        "账号没有开通这项接口或权限：在服务商后台开通，再打开",
    ),
    (
        r"40164|60020|whitelist|forbidden|白名单|\bip\b",
        "服务商不认这台机器：把它的地址加进白名单，再打开",
    ),
    (
        r"balance|amount|arrear|insufficient|余额|欠费",
        "余额不够：去服务商那里充值，再打开",
    ),
    (
        r"quota|limit|daily|额度|配额|上限",
        "今天的额度用完了：等到明天，或者让服务商提高额度",
    ),
    (
        r"535|530|auth|login|credential|signature|secret|token|40001|40013|41001|41004",
        "账号或密码不对：换授权码或密钥，再打开",
    ),
    (
        r"timeout|timed out|refused|unreachable|no connection|resolve|dns|ssl|tls|certificate",
        "连不上服务商：看这台机器的网络和服务商的地址，一般一分钟后自己再试",
    ),
    (
        r"慢一点|too fast|frequency|throttl|421",
        "服务商嫌快：歇一会儿自己接着发，不用管",
    ),
)


def cure(reason: str) -> str:
    """What it means and what to do, in Chinese that say() knows."""
    lower = reason.lower()
    return next((words for marks, words in CURES if re.search(marks, lower)), OTHERWISE)
