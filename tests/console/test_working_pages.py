"""Every working page with something on it: it is there, axe finds nothing serious, and nothing is too wide."""

import pytest
from playwright.async_api import Browser

from shared.events.inventory import RegisterSuppliers
from shared.events.openings import OpenPayables
from tests.console.browsing import Device, visit
from tests.console.stage import Stage

PAGES = (
    "/orders", "/orders?sort=-gross&find=SO", "/orders/new", "/orders/SO-looked", "/customers", "/customers/new",
    "/customers/K1", "/stock", "/stock?q=茶&sort=-value", "/stock/low?below=1000", "/stock/counts", "/stock/receive",
    "/stock/count", "/stock/receipts/R-looked", "/products/TEA", "/products/new", "/purchases", "/purchases/new",
    "/purchases/match", "/purchases/bill?line=R-looked/1", "/suppliers", "/suppliers/S1",
    "/suppliers/S-old", "/bills/CG-old",
)


@pytest.mark.parametrize(("device", "language", "look", "role"), [
    ("desktop", "zh-CN", "dark", "accountant"), ("phone", "en-US", "light", "warehouse"),
])
async def test_every_page(
    stage: Stage, browser: Browser, device: Device, language: str, look: str, role: str
) -> None:
    if not await stage.live.stations["order"].pool.fetchval("select 1 from sales_order where order_id = 'SO-looked'"):
        await stage.trade.receive("R-looked", "10", "10")
        await stage.trade.walk("SO-looked")
        await stage.live.do(RegisterSuppliers.model_validate(
            {"suppliers": [{"supplier_id": "S-old", "name": "老供应商"}]}))
        await stage.live.do(OpenPayables.model_validate({"opening_id": "O", "rows": [
            {"row": 2, "supplier_id": "S-old", "document": "CG-old", "dated": "2016-12-01", "amount": "339"}]}))
        await stage.live.until_quiet()
    async with visit(browser, stage, device, language, color_scheme=look) as visitor:
        await visitor.sign_in(role)
        for path in PAGES:
            response = await visitor.page.goto(visitor.url + path)
            assert response is not None, path
            assert response.status == 200, path
            assert await visitor.serious() == [], path
            wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
            assert await visitor.page.evaluate(wide) <= 0, f"{path} is wider than its window"
