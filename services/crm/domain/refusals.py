"""Why a command is refused, in both languages. The texts quote ids, times and amounts, never anything personal."""

from datetime import datetime

from shared.events import Command
from shared.refusal import Refusal, Text

TEXTS = {
    "unknown_company": Text("公司 {value} 尚未建账", "company {value} has no books yet"),
    "unknown_customer": Text("客户 {value} 不存在", "there is no customer {value}"),
    "unknown_contact": Text("联系人 {value} 不存在", "there is no contact {value}"),
    "unknown_complaint": Text("投诉 {value} 不存在", "there is no complaint {value}"),
    "contact_of_other_customer": Text(
        "联系人 {value} 不属于客户 {customer}", "{value} is not a contact of customer {customer}"
    ),
    "order_of_other_customer": Text(
        "订单 {value} 不属于客户 {customer}", "order {value} is not an order of customer {customer}"
    ),
    "duplicate_customer": Text("客户编号 {value} 已被使用", "customer {value} exists already"),
    "duplicate_contact": Text("联系人编号 {value} 已被使用", "contact {value} exists already"),
    "duplicate_communication": Text("沟通记录编号 {value} 已被使用", "communication {value} exists already"),
    "duplicate_complaint": Text("投诉编号 {value} 已被使用", "complaint {value} exists already"),
    "too_many_decimals": Text(
        "{value} 的小数位超过了币种 {currency} 的规定", "{value} has more decimals than {currency} has"
    ),
    "nothing_to_change": Text("没有给出客户 {value} 要修改的内容", "nothing is given to change of customer {value}"),
    "blank": Text("不能只有空白", "must not be blank"),
    "no_time_zone": Text("时间 {value} 缺少时区，例如 +08:00", "{value} has no time zone, for example +08:00"),
    "impossible_time": Text("时间 {value} 不合理", "{value} is no likely time"),
    "due_before_filed": Text("限期 {value} 早于投诉时间", "{value} is before the complaint was filed"),
    "resolved_before_filed": Text("解决时间 {value} 早于投诉时间", "{value} is before the complaint was filed"),
    "follow_up_before_talk": Text("跟进日期 {value} 早于沟通日期", "{value} is before the day of the talk"),
    "already_resolved": Text("投诉 {value} 已经解决", "complaint {value} is resolved already"),
}


def refuse(command: Command, field: str, code: str, value: str = "", status: int = 422, **params: str) -> Refusal:
    """The refusal of a command because of the value of one field."""
    return Refusal(command, field, code, TEXTS[code], {"value": value, **params}, status)


def refuse_company(command: Command) -> Refusal:
    return refuse(command, "company", "unknown_company", command.actor.company)


def refuse_words(command: Command, **words: str | None) -> Refusal | None:
    """The first text that says nothing; given by field."""
    for field, text in words.items():
        if text is not None and not text.strip():
            return refuse(command, field, "blank")
    return None


def refuse_moments(command: Command, **moments: datetime) -> Refusal | None:
    """The first time that is not a certain moment, or one that no calendar of ours holds; given by field."""
    for field, moment in moments.items():
        if moment.utcoffset() is None:
            return refuse(command, field, "no_time_zone", moment.isoformat())
        if not 1900 <= moment.year < 3000:
            return refuse(command, field, "impossible_time", moment.isoformat())
    return None
