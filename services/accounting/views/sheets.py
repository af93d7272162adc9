"""SQL that reads vouchers for files."""

from typing import Any

from shared.db import Db


async def voucher_lines(db: Db, ledger: str, period: str, after: tuple[str, int], limit: int) -> list[Any]:
    """The lines of the next vouchers of a month, by word and number; the order backlog (备) is not among them."""
    return await db.fetch(
        """
        with page as materialized (
            select seq, word, number, voucher_date, attachments, maker, checker, poster from voucher
            where company = $1 and ledger = $2 and period = $3 and word <> '备' and (word, number) > ($4, $5::bigint)
            order by word, number limit $6
        )
        select p.voucher_date, p.word, p.number, p.attachments, l.summary, l.account, a.zh as account_name, l.side,
               l.amount, l.currency, l.rate, l.quantity, p.maker, p.checker, p.poster, l.customer, l.supplier,
               l.product, l.warehouse, l.salesperson
        from page p
        join voucher_line l on l.company = $1 and l.ledger = $2 and l.seq = p.seq
        join account a on a.company = $1 and a.ledger = $2 and a.code = l.account
        order by p.word, p.number, l.line
        """,
        db.company, ledger, period, *after, limit,
    )
