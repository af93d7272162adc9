"""The page docs/events/README.md: what may be asked, what is said, who hears it, and how it is posted."""

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from services.accounting.docs import Example
from shared.events import Command, Event, Message
from shared.service import Service

RULES = "../posting-rules.md"
OWNERS = {
    "order": "订单 orders, deliveries, invoices, receipts",
    "inventory": "库存与采购 stock and purchasing",
    "accounting": "会计 accounting",
    "crm": "客户 customers",
    "webhooks": "推送 events by HTTP",
    "console": "控制台 web console",
}
HEAD = """# 事件与命令目录 · Events and commands

本页与本目录中的文件由 `make contracts` 从代码生成，测试保证它们与代码一致；各个样例讲的是同一个故事。
怎样接入、送达的承诺、出错怎么办，见[接入指南](../integration.md)。

This page and the files beside it are written from the code by `make contracts`, and a test keeps them in step; the
examples tell one story. How to connect, what delivery promises, what to do about errors:
[integration](../integration.en.md).

* 命令发到交换机 `erp.commands`，事件来自 `erp.events`；路由键就是类型名。
  Commands go to the exchange `erp.commands`, events come from `erp.events`; the routing key is the type.
* 每个类型有 JSON Schema（2020-12）和一个样例，每个服务有一份 [AsyncAPI 3 文档](asyncapi/)。
  Each type has a JSON Schema (2020-12) and an example, each service an AsyncAPI 3 document.
* 金额等小数是字符串，例如 `"1130.00"`；命令不接受未知字段，事件可能增加字段。
  Numbers with decimals are strings; commands refuse unknown fields, events may get more of them.
"""


def page(services: Sequence[Service], golden: Mapping[str, Example]) -> str:
    """The whole page, by owner; `golden` holds the main example of each event that posts."""
    hearers = {
        event.type: [s.name for s in services if event in s.handlers or Event in s.handlers]
        for event in Event.registry.values()
    }
    return HEAD + "".join(_owner(service.name, hearers, golden) for service in services)


def _owner(owner: str, hearers: Mapping[str, Sequence[str]], golden: Mapping[str, Example]) -> str:
    commands = [
        [f"`{c.type}`", _says(c), ", ".join(f"`{role}`" for role in sorted(c.allowed)), _links(c)]
        for c in Command.registry.values() if c.owner == owner
    ]
    events = [
        [f"`{e.type}`", _says(e), f"`{e.about[0]}/{{{e.about[1]}}}`", ", ".join(hearers[e.type]),
         _voucher(golden.get(e.type)), _links(e)]
        for e in Event.registry.values() if e.owner == owner
    ]
    links = "结构与样例 Files"
    return (
        f"\n## {owner} · {OWNERS[owner]}\n\n### {owner}: 命令 Commands\n\n"
        + _table(["类型 Type", "做什么 What it asks for", "角色 Roles", links], commands)
        + f"\n### {owner}: 事件 Events\n\n"
        + _table(["类型 Type", "说什么 What it says", "主体 Aggregate", "谁听 Heard by", "凭证 Voucher", links], events)
    )


def _says(message: type[Message]) -> str:
    zh, en = message.sentences()
    return f"**{message.__name__}** {zh}<br>{en}"


def _links(message: type[Message]) -> str:
    stem = Path(message.owner) / message.type.removeprefix(f"{message.owner}.")
    return f"[schema]({stem}.schema.json) · [例 example]({stem}.example.json)"


def _voucher(example: Example | None) -> str:
    if example is None:
        return f"[无 none]({RULES}#{_anchor('不记账的事件 · Events without a voucher')})"
    return f"[{example.title.zh}]({RULES}#{_anchor(f'{example.title.zh} · {example.title.en}')})"


def _anchor(heading: str) -> str:
    """What GitHub makes of a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    return "".join(f"| {' | '.join(row)} |\n" for row in (header, ["---"] * len(header), *rows))
