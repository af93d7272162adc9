"""docs/benchmarks.md: the figures of one run, with the machine that they are of."""

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path

from tools.bench.line import WARNING_LOAD, Line

PAGE = Path(__file__).resolve().parents[2] / "docs/benchmarks.md"

HEAD = """# 性能基准 Benchmarks

`make bench` 在一台机器上一次测完，并写下本页；比值与同一台机器上的裸程序相比，因此不依赖机器快慢。
Written by `make bench` in one run. Ratios compare with a bare program on the same machine, so they hold on others too.

"""
MEANING = {
    "posting": "会计过账对裸消费 · one accounting process (all rules, validation, balances, triggers) against a bare "
               "consumer: aio-pika on uvloop, prefetch 1000, one multiple ack per 500; identical bytes, same queue",
    "relay": "中继发布对裸发布 · the relay of a running service against a bare publisher with confirms",
    "walk": "整单流程（队列） · whole orders by queue: place, reserve, approve, ship, deliver, invoice, pay; three "
            "lines; all vouchers posted; all services, RabbitMQ, PostgreSQL and the driver on this machine",
    "walk-http": "整单流程（HTTP） · the same with every command by HTTP",
    "latency": "下单到凭证可读 · from the answer of place-order to its voucher being readable",
    "growth": "一千万行分录对一万行 · with ten million lines in the ledger against ten thousand: posting, trial "
              "balance of a month, a page of an account; `growth` is the lowest",
    "rebuild": "由会计流水重建账簿 · a ledger made again from its journal and compared row by row (`prove rebuild`)",
    "memory": "十万条消息等待时的内存峰值 · peak memory of each service with so many messages waiting for it",
    "pages": "控制台页面 · the console with a million vouchers in the ledger: what a browser loads first, compressed; "
             "the 95th percentile of list pages, and of the SQL that they are made of",
    "poison": "毒消息旁的好消息 · good events beside messages that cannot be posted, against good events alone",
}


def write(lines: Sequence[Line], machine: Mapping[str, str], load: float) -> None:
    """Write the page anew."""
    PAGE.write_text(text(lines, machine, load, date.today()), encoding="utf-8")  # noqa: DTZ011


def text(lines: Sequence[Line], machine: Mapping[str, str], load: float, day: date) -> str:
    """The page as Markdown."""
    parts = [HEAD, "```\n", *(f"{line}\n" for line in lines), "```\n\n"]
    if load > WARNING_LOAD:
        parts.append(f"**当时机器上有别的程序在运行，数字偏低。** Other programs were at work when this run began "
                     f"(load {load:.1f}); the figures are too low.\n\n")
    parts.append("| 项 part | 含义 meaning | 目标 wanted | 备注 notes |\n|---|---|---|---|\n")
    parts += [
        f"| {line.part} | {MEANING[line.part]} | {'; '.join(line.verdicts)} | {'; '.join(line.notes)} |\n"
        for line in lines
    ]
    parts.append("\n## 机器 Machine\n\n")
    told = {"date": day.isoformat(), **machine, "load at the start": f"{load:.1f}"}
    parts += [f"* {name}: {value}\n" for name, value in told.items()]
    return "".join(parts)
