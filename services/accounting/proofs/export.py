"""`export`: the ledger as text for beancount, ledger and hledger, whose own programs come to our trial balance."""

import asyncio
import csv
import io
import re
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby
from pathlib import Path
from typing import Any

from services.accounting import views
from services.accounting.proofs.place import Place, Result
from services.accounting.views import rows, showing
from shared.db import Db
from shared.money import ZERO

BATCH = 1000  # vouchers at once
LAST = "9999-12"  # a month after all others
# What the programs call the kinds of accounts. Costs of production are assets until the goods are sold; memo accounts
# (备查) balance among themselves.
ROOTS = {"asset": "Assets", "cost": "Assets:Production", "liability": "Liabilities", "equity": "Equity",
         "revenue": "Income", "expense": "Expenses", "memo": "Equity:Memo"}


def account_names(chart: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """code -> its name in all three formats, which ends in the code."""
    return {account["code"]: f"{ROOTS[account['kind']]}:A{account['code']}" for account in chart}


# -- the formats ------------------------------------------------------------------------------------------------------


def beancount_head(place: Place, chart: Sequence[Mapping[str, Any]], since: Any) -> str:
    names = account_names(chart)
    opened = "".join(
        f'{since} open {names[a["code"]]} {place.currency}\n  zh: "{a["zh"]}"\n  en: "{a["en"]}"\n'
        for a in chart if a["takes_lines"]
    )
    title = f'option "title" "{place.company} {place.ledger}"\n'
    return f'{title}option "operating_currency" "{place.currency}"\n\n{opened}'


def beancount_voucher(voucher: Any, lines: Sequence[Any], names: Mapping[str, str], currency: str) -> str:
    text = voucher["summary"].replace("\\", "\\\\").replace('"', '\\"')
    event = f'  event: "{voucher["event_id"]}"\n' if voucher["event_id"] else ""
    return (f'\n{voucher["voucher_date"]} * "{voucher["word"]}-{voucher["number"]}" "{_one_line(text)}"\n{event}'
            + _postings(lines, names, currency))


def ledger_head(_place: Place, chart: Sequence[Mapping[str, Any]], _since: Any) -> str:
    names = account_names(chart)
    return "".join(f"account {names[a['code']]}\n    ; {a['zh']} {a['en']}\n" for a in chart if a["takes_lines"])


def ledger_voucher(voucher: Any, lines: Sequence[Any], names: Mapping[str, str], currency: str) -> str:
    text = _one_line(voucher["summary"]).replace(";", "；").replace("|", "/")
    event = f"    ; event: {voucher['event_id']}\n" if voucher["event_id"] else ""
    return (f"\n{voucher['voucher_date']} * ({voucher['word']}-{voucher['number']}) {text}\n{event}"
            + _postings(lines, names, currency))


def _postings(lines: Sequence[Any], names: Mapping[str, str], currency: str) -> str:
    """Debits are positive, credits negative; red letters have the other sign already."""
    return "".join(
        f"  {names[line['account']]}  {line['amount'] if line['side'] == 'D' else -line['amount']:f} {currency}\n"
        for line in lines
    )


def _one_line(text: str) -> str:
    return " ".join(text.split())


@dataclass(frozen=True, slots=True)
class Format:
    """How a format is written, and how its program is asked for all balances."""

    suffix: str
    head: Callable[[Place, Sequence[Mapping[str, Any]], Any], str]
    voucher: Callable[[Any, Sequence[Any], Mapping[str, str], str], str]
    program: str
    arguments: tuple[str, ...]  # after the program; FILE stands for the file


FORMATS: Mapping[str, Format] = {
    "beancount": Format("beancount", beancount_head, beancount_voucher, "bean-query", (
        "-f", "csv", "FILE", "select account, sum(number) as amount group by account order by account")),
    "ledger": Format("ledger", ledger_head, ledger_voucher, "ledger", (
        "-f", "FILE", "balance", "--flat", "--no-total", "--empty", "--format", "%(account),%(quantity(amount))\n")),
    "hledger": Format("journal", ledger_head, ledger_voucher, "hledger", (
        "-f", "FILE", "balance", "--flat", "-N", "-O", "csv")),
}


async def exported(place: Place, name: str) -> AsyncIterator[str]:
    """The whole ledger as text, piece by piece."""
    form = FORMATS[name]
    async with place.reading() as db:
        chart, heads = await views.chart(db, place.ledger), await rows.heads(db, place.ledger)
        names = account_names(chart)
        yield form.head(place, chart, place.opened_on)
        for first in range(1, heads.seq + 1, BATCH):
            last = min(first + BATCH - 1, heads.seq)
            lines = await rows.lines(db, place.ledger, first, last)
            lines_of = {seq: list(own) for seq, own in groupby(lines, key=lambda line: line["seq"])}
            yield "".join(form.voucher(voucher, lines_of[voucher["seq"]], names, place.currency)
                          for voucher in await rows.vouchers(db, place.ledger, first, last))
            place.progress(last, heads.seq)


# -- the proof --------------------------------------------------------------------------------------------------------


async def prove_export(place: Place) -> Result:
    """Write all formats, and compare what their programs say with our trial balance; what is not installed is said."""
    result, agreed, missing = Result("export"), [], []
    for name, form in FORMATS.items():
        if shutil.which(form.program) is None:
            missing.append(name)
            continue
        said = await _ask(place, name)
        if isinstance(said, str):
            result.differences.append(f"{name}: {said}")
            continue
        async with place.reading() as db:
            own = await _own(place, db)
        result.differences += [
            f"{name}: account {code} is {showing.amount(here, place.currency)}, in the trial balance "
            f"{showing.amount(there, place.currency)}"
            for code in sorted(set(said) | set(own))
            if (here := said.get(code, ZERO)) != (there := own.get(code, ZERO))
        ]
        agreed.append(name)
    skipped = f"; skipped, not installed: {', '.join(missing)}" if missing else ""
    result.seen = f"asked {', '.join(agreed) or 'nobody'}{skipped}"
    result.figures = {"asked": agreed, "not_installed": missing}
    return result


async def _ask(place: Place, name: str) -> dict[str, Decimal] | str:
    """code -> balance by the format's program, or what it complains of."""
    form = FORMATS[name]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / f"books.{form.suffix}"
        with file.open("w", encoding="utf-8") as out:
            async for piece in exported(place, name):
                out.write(piece)
        process = await asyncio.create_subprocess_exec(
            shutil.which(form.program) or form.program, *(str(file) if a == "FILE" else a for a in form.arguments),
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
            env={"LANG": "C.UTF-8", "LC_ALL": "C.UTF-8", "PATH": "/usr/local/bin:/usr/bin:/bin"},
        )
        said, complaint = await process.communicate()
    if process.returncode or complaint.strip():
        return _one_line(complaint.decode(errors="replace"))[:300] or f"exit code {process.returncode}"
    return read_balances(said.decode())


def read_balances(text: str) -> dict[str, Decimal]:
    """code -> balance, of lines with an account and an amount; an account without an amount stands at zero."""
    found = {}
    for row in csv.reader(io.StringIO(text)):
        if len(row) < 2 or not (code := re.search(r":A(\d+)\s*$", row[0])):
            continue
        amount = re.search(r"-?[\d.]+", row[1])
        found[code[1]] = Decimal(amount[0]) if amount else Decimal(0)
    return {code: amount for code, amount in found.items() if amount}


async def _own(place: Place, db: Db) -> dict[str, Decimal]:
    table = await views.trial_balance(db, place.currency, LAST, place.ledger)
    found = {a["code"]: Decimal(a["closing_debit"]) - Decimal(a["closing_credit"]) for a in table["accounts"]}
    return {code: amount for code, amount in found.items() if amount}
