"""The words in which mail servers of the world say why they do not take a mail."""

import re
from enum import StrEnum


class Reason(StrEnum):
    USER_UNKNOWN = "user_unknown"
    HOST_UNKNOWN = "host_unknown"
    DISABLED = "disabled"
    MOVED = "moved"
    BAD_ADDRESS = "bad_address"
    MAILBOX_FULL = "mailbox_full"
    TOO_LARGE = "too_large"
    SPAM = "spam"
    BLOCKED = "blocked"
    POLICY = "policy"
    SENDER = "sender"
    RELAYING = "relaying"
    RATE_LIMITED = "rate_limited"
    GREYLISTED = "greylisted"
    TIMEOUT = "timeout"
    NETWORK = "network"
    LOOP = "loop"
    SYSTEM = "system"
    UNKNOWN = "unknown"


_WHO = r"(user|recipient|mailbox|account|address|e-?mail|addressee|inbox|person|member|alias|login|usuario|customer)"

# The first that fits counts. Where a text names two causes the one that spares the address stands first, but a
# sender's fault before a recipient's: both speak of users that do not exist.
WORDS: tuple[tuple[Reason, str], ...] = (
    (Reason.RATE_LIMITED, r"mailbox unavailable or access denied"),  # QQ: the recipient is flooded, not gone
    (
        Reason.NETWORK,
        r"host not found, try again|temporary failure in name resolution|name server (is )?(unavailable|timed out)",
    ),
    (Reason.LOOP, r"too many hops|hop count exceeded|(mail|message) (forwarding )?loop"),
    (
        Reason.SENDER,
        r"sender (address|domain|verif|rejected|denied|is not|not|unknown|blocked|id\b)|(bad|invalid|unknown) sender|"
        r"(verify|verification|validat\w+)( of)?( the)? (the )?(sender|return|envelope)|verif\w+ failed for|"
        r"callback|call-?out|return address|(envelope|mail) from( address)? (rejected|domain|does)|"
        r"domain of sender|sender'?s? (e-?mail )?(address|domain)|发件人.{0,12}(不存在|错误|无效|被拒)",
    ),
    (
        Reason.MAILBOX_FULL,
        r"(mail ?box|mail ?drop|inbox|mail ?folder|account|disk|mail ?file|maildir)( \S{1,60})? "
        r"(is |has |would be |was |are |will )?(currently |temporarily )?(been )?(too |over ?)?(full|filled)|"
        r"full (mail|in)box|"
        r"(over|exceed\w*|above|out of|beyond|reached|insufficient|not enough|surpass\w*|outside).{0,40}"
        r"(quota|storage|disk ?space|mailbox size|mailbox limit|mail ?box space|capacity|space allowed)|overquota|"
        r"quota (has |is |was |would be |will be )?(been )?(exceed|violat|full|reached|over|limit|hard|overrun|used)|"
        r"(mailbox|storage|user|disk|account|message)('s)? (disk )?(quota|limit|size|storage)( limit)? "
        r"(has |is |for .{1,60} |would )?(been )?(exceed|reached|over|full|violat)|quotaexceeded|mailbox ?full|"
        r"mailbox exceeds|not enough (disk |storage |mailbox )?space|no space left|storage allocation|"
        r"(user|account|customer|recipient) (is |has )?(over|out of|too much|exceeded|too many).{0,30}"
        r"(quota|mail|data|space|storage|message)|too many messages (in|on)|delivery failed:? over quota|"
        r"mailbox (has|is) (over|grown|exceeded|reached)|excessively overquota|"
        r"邮箱.{0,12}(已满|满了|空间不足|容量不足|超[出过限])|(空间|容量|配额)(已满|不足|已?超)|超[出过].{0,10}(容量|配额|邮箱空间)|信箱.{0,6}满",
    ),
    (
        Reason.TOO_LARGE,
        r"(message|mail|size|attachment|e-?mail|body|data|content)s?( \S{1,30})? "
        r"(is |was |are |has |size |file size )*(too|over|exceed\w*|larger)( \S{1,20}){0,4} ?"
        r"(large|big|long|size|limit|maximum|max\b|than)|too (large|big)\b|message size|size limit|"
        r"maximum (message )?size|"
        r"(邮件|信件|附件).{0,12}(过大|太大|超过.{0,12}(大小|限制|上限)|超大)",
    ),
    (
        Reason.USER_UNKNOWN,
        rf"{_WHO}s?( name| id)? (is |was )?(unknown|not known|invalid|nonexistent|non-existent|non existent|not valid|"
        r"not (found|listed|recogni[sz]ed|existing|exist|present|local|in))\b|"
        rf"(unknown|invalid|no such|bad|nonexistent|non-existent|not a valid|unrecogni[sz]ed|illegal|undefined|"
        rf"not a known|"
        rf"no valid|can'?t find( the)?|cannot find( the)?|could not find( the)?|couldn'?t find( any| the)?|"
        rf"unable to find( the)?|"
        rf"unavailable|isn'?t a valid|no matching) (local |final |mail |e-?mail |virtual |destination |target |"
        rf"smtp )*{_WHO}|"
        rf"{_WHO}.{{0,90}}\b(does(n'?t| not)|did(n'?t| not)|no longer|not currently|do(n'?t| not)) (seem to )?(exist|"
        rf"have an? .{{0,30}}"
        rf"(account|mailbox|address)|valid|appear)|"
        r"(no|does ?n[o']t have an?|not have an?|without an?) (such |local |valid |active )?.{0,30}"
        r"(mailbox|account|user)( here| by that name| with that name| at this| named| for|,| found|$)|"
        r"(unknown|invalid|no such|bad) (user|recipient|mailbox|local.?part|mail ?drop|login)|"
        r"recipients? (unknown|notfound|not found)|recipnotfound|user_?unknown|addressnotfound|"
        r"not listed in (public|domino|the)|name & address book|not found in.{0,30}(directory|address book|table|"
        r"database)|"
        r"not (a valid|an? (active|existing|known|authorized)).{0,15}(user|mailbox|recipient|account|address)|"
        r"there is no (such )?(account|user|mailbox|one|person|e-?mail)|nobody (here )?(by|with) that|"
        r"(this|that) (address|recipient|user|account|person) (is|was|has|does) (not|no longer|n't)\b.{0,30}"
        r"(valid|here|work|employ|exist|with|allowed|available|active|us)|"
        r"no longer (valid|in use|available|works?|with|employed|accept|an? valid|on (this )?server|at this)|"
        r"(recipient|destination|e-?mail|mail) address (is )?(rejected:? (user unknown|undeliverable|unknown|no such|"
        r"not|invalid|access denied.{0,4}as\()|"
        r"unknown|invalid|not found|undeliverable|has been (removed|deleted))|"
        r"(mailbox|user|account|address|recipient)s?( \S{1,80})? (has been|was|is) (deleted|removed|terminated|"
        r"cancell?ed|closed)|"
        r"does not like recipient.{0,200}(unknown|no such|not found|5\.1\.1)|unrouteable address|unroutable address|"
        r"delivery to the following recipients? failed permanently.{0,200}(unknown|not exist)|"
        r"user .{0,60}(doesn'?t|does not|not) (have|exist|found|match)|not our customer|"
        r"the user(name)? .{0,40}(could not be|was not|not) found|can'?t (open|create) (mailbox|user)|"
        r"dd this user doesn'?t|"
        r"does? no exist|don'?t exists? that user|not user of|addr(ess)? not found|未开通|非本系统|"
        r"no mail ?box (available|"
        r"here)|bad_recipient|isn'?t (known|listed|a valid|valid)|not in (my|our) (mailserver|local|domain|user|list|"
        r"table)|"
        r"recipient .{0,60}(rejected|refused): (no|unknown|invalid|user)|"
        r"(e-?mail|mail) address(es)? (that )?you (tried|entered|have).{0,60}(not|n't|couldn't) (be )?(found|exist|"
        r"reached)|"
        r"wasn'?t found at|couldn'?t be found|address couldn't be found|unknown to (me|us|this)|"
        r"(用户|收件人|邮箱|邮件地址|帐号|账号|帐户|账户|地址|信箱|收信人|对方).{0,60}(不存在|找不到|未找到|没有找到|不正确|有误|无效)|"
        r"(不存在|没有|无|查无|找不到)(该|此|这个|这样的)?(用户|邮箱|收件人|帐号|账号|帐户|账户|信箱)|无效的?(收件人|用户|邮箱|地址)|"
        r"(地址|帐号|账号).{0,6}(错误|拼写)|(收件者|使用者).{0,40}(不存在|找不到)|"
        r"n'existe pas|exists? pas|unbekannt|utilisateur inconnu|destinataire inconnu|usuario desconocido|no existe|"
        r"nie ?znan|utente sconosciuto|inexistente|"
        r"onbekend|okänd|ukendt|неизвестн|not exists?\b|nao existe|não existe|宛先.{0,20}(不明|見つかり)|存在しません",
    ),
    (
        Reason.DISABLED,
        rf"{_WHO}s?( \S{{1,80}})? (has been |have been |is |was |are |been |has |is currently |temporarily |"
        rf"currently )*"
        r"(disabled|inactive|deactivated|suspended|expired|discontinued|not active|not activated|dormant|"
        r"blocked due to inactiv\w*|"
        r"frozen|abandoned|no longer active|administratively disabled|on hold|barred|inactivated)|"
        r"\b(disabled|inactive|deactivated|suspended|expired|dormant|deleted|closed|abandoned) "
        rf"(e-?mail |mail |user )?{_WHO}|account (closed|terminated)|mailbox disabled|not been used|has not (logged|"
        rf"been accessed)|extended period|"
        r"inactive for|receiving (is )?disabled|no longer (being )?(used|monitored|maintained)|"
        r"disabled or discontinued|mailboxdisabled|"
        r"(邮箱|帐号|账号|帐户|账户|用户|信箱).{0,20}(停用|禁用|冻结|注销|过期|未激活|封停|关闭|暂停|欠费|未启用)|长期未登[录陆]",
    ),
    (
        Reason.MOVED,
        r"(has|have) (moved|changed).{0,30}(address|to)|(address|user|account|recipient|e-?mail).{0,30}(has )?(moved|"
        r"changed) to|"
        r"new (e-?mail )?address is|has moved|user has left|has left (the|our|this) (company|organi[sz]ation|"
        r"university)",
    ),
    (
        Reason.HOST_UNKNOWN,
        r"(host|domain|hostname|system|site|name|machine|server)( name| or domain name)?s?( \S{1,80})? "
        r"(is |was |could |can |has |does |seems |server )*"
        r"(be )?(unknown|not (be )?found|not (be )?resolv\w*|invalid|doesn'?t exist|not exist|nonexistent|"
        r"non-existent|not known|unresolvable|lookup failure|does not exist)|"
        r"(unknown|no such|bad destination|invalid|nonexistent|non-existent|unrouteable|unroutable|unresolvable|"
        r"cannot resolve|can'?t resolve|can'?t find|couldn'?t find|could not find) "
        r"(any )?(mail )?(destination )?(host|domain|hostname|system|recipient domain|remote host|mail domain)|"
        r"host/domain|nxdomain|null ?mx|no (valid )?(mx|mail exchanger)|mx (record )?(lookup|points|not found)|"
        r"(name|dns|domain).{0,30}(not found|lookup failed|no such domain)|"
        r"all relevant mx records point to non-existent|does not accept (mail|e-?mail)|"
        r"name service error for.{0,80}host not found(?!, try)|"
        r"name or service not known|nodomain|no data record of requested type|unable to find (a )?mail exchanger|"
        r"所属域名不存在|"
        r"域名?.{0,40}(不存在|错误|未注册|无效)|(没有|找不到|查不到|未找到).{0,12}(域名|mx ?记录|邮件服务器|主机)",
    ),
    (
        Reason.RELAYING,
        r"relay(ing)?( access| mail| to)?( is|:| was)? ?(denied|not|prohibited|disallowed|refused|rejected|"
        r"operation)|(un)?able to relay|"
        r"(not|no|cannot|can'?t|won'?t|will not|don'?t|do not|doesn'?t|not allowed to|unable to|refus\w+ to|"
        r"not permitted to) (open )?relay|"
        r"rcpthosts|relay (access )?(denied|operation)|(not|isn'?t) (a |an )?(local |open )?(domain|relay|gateway)|"
        r"relaying|"
        r"this (is not|server is not|system is not)|through this server|authentication (is )?required|"
        r"auth(entication)? (first|failed)|转发.{0,8}(拒绝|禁止)",
    ),
    (
        Reason.GREYLISTED,
        r"gr[ea]y.?list|try(ing)? (again|later)|try your (mail|message) again|temporar(y|ily)|please (retry|try)|"
        r"come back later|稍后(再|重)|暂时|临时",
    ),
    (
        Reason.RATE_LIMITED,
        r"(too many|excessive|rate|frequency|throttl\w*|connection limit|limit(ed)? exceeded|too fast|too much|"
        r"too quickly|volume)"
        r"( |-|\b).{0,40}(connection|message|mail|recipient|limit|control|error|session|receiv|hour|day|denied|sent|"
        r"unknown)?|"
        r"\b(MI|RP|HL|WM):[A-Z]{3}\b|"
        r"频率|过于频繁|发送(过|太)(快|多|频)|连接数|超过.{0,8}(次数|频次|发送量)|(发送|每日).{0,6}(上限|限额)",
    ),
    (
        Reason.SPAM,
        r"\bDT:SPM\b|(?<!\w)(anti-?)?spam\b|spamm|spam(assassin|cop|haus|hunter|guard|score|trap)|\buce\b|"
        r"unsolicited|\bbulk\b|\bjunk|"
        r"(content|message|mail|body|subject|pattern|text|attachment|url|link)s? (was |is |has been |been |were |"
        r"has |you sent was )*"
        r"(rejected|denied|refused|filtered|blocked|unacceptable|not accepted|not acceptable|blacklisted|prohibited|"
        r"banned|identified|classified|contain\w*)|"
        r"virus|malware|infected|phish|surbl|uribl|forbidden content|profanity|objectionable|heuristic|suspicious|"
        r"垃圾|反垃圾|广告邮件|病毒|敏感|违规|(内容|邮件|信件|主题).{0,12}(拒绝|拦截|涉嫌|不良|不合|过滤)",
    ),
    (
        Reason.BLOCKED,
        r"black ?-?list|block ?-?list|(white|allow).?list|\brbl\b|dnsbl|\bsbl\b|\bpbl\b|\bxbl\b|spews|sorbs|block(ed|"
        r"ing)?\b|banned|reputation|"
        r"(rejected|refused) by (the )?(recipient|user)|\blocked|hang ?up|\bdenied|content reject|锁定|listed (in|by|"
        r"on|at)|access denied|denied access|not accepting mail from|refused (by|to accept)|refuses|reverse dns|"
        r"\bptr\b|rdns|"
        r"(ip|host|client|connection|network|server|mail)s?( address)?( \S{1,60})? (is |was |has been |been |"
        r"you are )*(denied|rejected|refused|banned|not allowed|dropped)|"
        r"dynamic|dial-?up|黑名单|拒[收绝]|屏蔽|阻止|拦截|信誉|封禁",
    ),
    (
        Reason.POLICY,
        r"polic(y|ies)|dmarc|\bspf\b|dkim|domainkeys|not (authori[sz]ed|permitted|allowed|authenticated)|"
        r"unauthenticated|prohibit|administrative|"
        r"restricted|restriction|security|\btls\b|encrypt|notauthori[sz]ed|permission|challenge|confirm|verification|"
        r"(local|site|delivery) (restriction|configuration)|members? only|moderat|非法|不允许|限制|策略",
    ),
    (
        Reason.LOOP,
        r"\bloop|too many hops|hop count|maximum hop|local configuration error|mail forwarding loop|"
        r"received: headers?|points back|循环|回环",
    ),
    (
        Reason.TIMEOUT,
        r"time[sd]?[- ]?out|failing for a long|too long|expired|retry (time|limit|timeout)|not been (delivered|"
        r"able).{0,40}(hours|days|minutes)|"
        r"(queue|undeliverable|queued).{0,20}(too long|for|days|expire)|giving up|no response|not responding|"
        r"deferred|delayed|超时|多次(尝试|重试)|长时间",
    ),
    (
        Reason.NETWORK,
        r"(connection|connect|host|network|server|remote)( \S{1,60})? (was |is |has been |to .{1,80} )*"
        r"(refused|reset|lost|dropped|unreachable|failed|closed|down|unavailable|not available|could not)|"
        r"no route|unable to connect|could not connect|couldn'?t connect|can'?t connect|cannot connect|"
        r"conversation with|broken pipe|"
        r"lost connection|name server|dns (error|fail|server|quer)|service (un|not )available|is busy|"
        r"连接.{0,6}(失败|断开|"
        r"拒绝)|无法连接|解析失败|繁忙|网络",
    ),
    (
        Reason.SYSTEM,
        r"system (error|config|resource)|internal (server )?error|local error|disk|configuration error|mailer (error|"
        r"fail)|cannot (write|append|open|create)|"
        r"permission denied|i/o error|core dump|unable to (deliver|process)|out of memory|resources|exceeded the|"
        r"pipe|command (output|died|failed)|系统",
    ),
)
# A mailbox that is "unavailable" under 550 is an unknown user at Hotmail and whoever copies RFC 821's own words.
UNAVAILABLE = re.compile(
    r"mailbox (is |was )?(unavailable|not available|unknown)|recipient (address )?(rejected|not ok|refused|"
    r"not accepted)|"
    r"invalid (final|rcpt)|invalid rcptto|bad address syntax|malformed|syntax error in (rcpt|address|recipient|"
    r"mailbox)|"
    r"address (is )?(rejected|syntax|malformed)|user reject|illegal (host|user|alias|recipient)|"
    r"bad destination mailbox",
    re.IGNORECASE,
)
