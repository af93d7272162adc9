"""Summary vouchers: they add up to the books, and lead back to every voucher."""

from collections import defaultdict
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from services.accounting.handlers import service
from services.accounting.views import summaries as views
from shared.db import Pool
from shared.testing import deliver
from tests.accounting import examples
from tests.accounting.doors import door, read, trade
from tests.accounting.test_manual import draft, posted


async def everything(client: Any, path: str, key: str, **query: Any) -> list[dict[str, Any]]:
    """All pages."""
    found: list[dict[str, Any]] = []
    after = None
    while True:
        page = await read(client, path, **query, **({"after": after} if after else {}))
        found += page[key]
        after = page["next"]
        if after is None:
            return found


async def test_summaries_change_no_balance_and_lead_to_every_voucher(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(views.summaries, "__defaults__", (2,))  # a page of two
    await trade(pool)
    next_day = examples.DAY + timedelta(days=1)
    await deliver(pool, service, *[examples.delivered(f"SO-{n}", f"DE-{n}") for n in range(3)],
                  examples.delivered("SO-9", "DE-9", next_day))
    await posted(pool, draft())  # by hand: in no summary
    async with door(pool) as client:
        found = await everything(client, "/vouchers/summaries", "summaries", period="2025-03")
        moved: defaultdict[tuple[str, str], Decimal] = defaultdict(Decimal)
        for summary in found:
            assert summary["debit"] == summary["credit"]
            for line in summary["lines"]:
                moved[line["account"], line["side"]] += Decimal(line["amount"])
        moved["5602", "D"] += Decimal(300)
        moved["1002", "C"] += Decimal(300)
        balance = await read(client, "/trial-balance", period="2025-03")
        assert moved == {
            (account["code"], side): Decimal(account[name]) for account in balance["accounts"]
            for side, name in (("D", "debit"), ("C", "credit")) if (account["code"], side) in moved
        }
        assert all(account["code"] in {code for code, _ in moved} for account in balance["accounts"]
                   if Decimal(account["debit"]) or Decimal(account["credit"]))

        [sales, later] = [s for s in found if (s["word"], s["rule_id"]) == ("记", "sale-delivered")]
        assert (sales["vouchers"], sales["attachments"], sales["makers"], later["vouchers"]) == (4, 4, ["tester"], 1)
        assert [(line["side"], line["account"], line["amount"]) for line in sales["lines"]] == [
            ("D", "1122", "4520.00"), ("C", "222106", "520.00"), ("C", "5001", "4000.00")]

        places = [(s["voucher_date"], s["word"], s["rule_id"], s["vouchers"]) for s in found]
        assert len({place[:3] for place in places}) == len(places)
        for on, word, rule, count in places:
            behind = await everything(client, f"/vouchers/summaries/{on}/{word}/{rule}", "vouchers")
            assert len(behind) == count
            assert all(voucher["event_id"] for voucher in behind)
        assert sum(count for *_, count in places) == await pool.fetchval(
            "select count(*) from voucher where period = '2025-03' and event_id is not null")
        for path, status in (("/vouchers/summaries/2025-03-05/记/nothing", 404),
                             ("/vouchers/summaries?period=2025-03&after=2025-13-40:记:x", 422)):
            assert (await client.get(path)).status_code == status
