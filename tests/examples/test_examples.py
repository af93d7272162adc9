"""Another company's system in Python, Node and Ruby places an order by queue and receives SaleDelivered.

The services run as processes; the examples run as they stand, under a broker user that may send commands and read its
own queue, and nothing else.
"""

import asyncio
import json
import os
import secrets
import shutil
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import unquote, urlsplit, urlunsplit

import pytest

from tests.npm import npm_install
from tools.demo import people, places
from tools.demo.doors import Ask, HttpDoor
from tools.demo.fleet import SERVICES, Fleet
from tools.servers import Servers
from tools.servers.users import user_in

ROOT = Path(__file__).parents[2] / "examples"
COMPANY, SHOP, QUEUE = "C1", "webshop", "webshop.events"
PATIENCE = 60
PARTNER = ["env", f"PYTHONPATH={ROOT.parent}", sys.executable, "-m", "shared.partner"]
ADD = ["add", SHOP, "--company", COMPANY, "--hears", "order.sale_delivered", "--may", "order.place"]
SETTING_UP = (
    Ask("accounting.open_books.v1", "/books", "chief_accountant",
        {"name": "分录贸易", "currency": "CNY", "vat_rate": "0.13", "opened_on": "2026-01-01"}),
    Ask("inventory.register_products.v1", "/products", "warehouse", {"products": [{"sku": "P-1", "name": "水壶"}]}),
    Ask("crm.register_customers.v1", "/customers", "sales",
        {"customers": [{"customer_id": "C-7", "name": "远山商店", "credit_limit": "50000.00"}]}),
    Ask("inventory.open_stock.v1", "/openings", "accountant",
        {"opening_id": "OP-1", "opened_on": "2026-01-01",
         "lines": [{"sku": "P-1", "quantity": "100", "value": "3000.00"}]}),
)


@dataclass(frozen=True)
class Trade:
    """A running Fenlu with a customer, a product and stock, and the way in of a shop's system."""

    http: HttpDoor
    shop_url: str

    async def do(self, ask: Ask) -> None:
        """Ask until the service has heard what another one said before."""
        deadline = asyncio.get_running_loop().time() + PATIENCE
        while why := (await self.http.ask(ask, secrets.token_hex(8))).why:
            assert "http_" not in why, why
            assert asyncio.get_running_loop().time() < deadline, why
            await asyncio.sleep(0.2)

    async def ship(self, order_id: str) -> None:
        """What the warehouse does once the order is approved."""
        today = datetime.now(UTC).date().isoformat()
        body = {"shipment_id": f"SH-{order_id}", "order_id": order_id, "shipped_on": today}
        await self.do(Ask("inventory.ship_goods.v1", "/shipments", "warehouse", body))


@pytest.fixture(scope="module")
def broker(servers: Servers) -> Iterator[str]:
    """The administrator's address of a virtual host."""
    if servers.rabbitmq is None:
        pytest.skip("RABBITMQ_URL names a broker of yours: users and virtual hosts are not made there")
    name = f"examples-{secrets.token_hex(4)}"
    address = urlsplit(servers.rabbitmq_url)
    servers.rabbitmq.ctl("add_vhost", name)
    servers.rabbitmq.ctl("set_permissions", "-p", name, unquote(address.username or "guest"), ".*", ".*", ".*")
    yield urlunsplit(address._replace(path=f"/{name}"))
    servers.rabbitmq.ctl("delete_vhost", name)


@pytest.fixture(scope="module")
async def trade(servers: Servers, broker: str) -> AsyncIterator[Trade]:
    databases = await places.create_databases(servers.database_url)
    fleet = Fleet(keep=False)
    key_file = fleet.folder / "public-key.pem"
    tokens = people.issue(COMPANY, key_file.with_name("private"), key_file)
    principals = fleet.folder / "queue_principals"
    principals.write_text("{}")
    administrator = user_in(broker)  # whose rights every service has here; test_rights.py is about their own
    for name in SERVICES:
        fleet.add(name, {
            "DATABASE_URL": databases[name].url, "RABBITMQ_URL": broker, "JWT_PUBLIC_KEY_FILE": str(key_file),
            "JWT_ISSUER": people.ISSUER, "JWT_AUDIENCE": people.AUDIENCE,
            "SERVICE_USERS": json.dumps(dict.fromkeys(SERVICES, administrator)),
            "QUEUE_PRINCIPALS_FILE": str(principals),
        }, {"migrate": {"DATABASE_URL": databases[name].owner_url}, "topology": {"RABBITMQ_URL": broker}})
    http = HttpDoor(fleet.urls, tokens)
    try:
        await fleet.prepare()
        await fleet.start()
        office = {
            "RABBITMQ_MANAGEMENT_URL": servers.management_url + urlsplit(broker).path[1:],
            "QUEUE_PRINCIPALS_FILE": str(principals), "AMQP_HOST": urlsplit(broker).netloc.rpartition("@")[2],
        }
        made = await run(PARTNER + ADD, fleet.folder, office)
        code, export, error = await made.end()
        assert code == 0, error
        running = Trade(http, export.split("'")[1])
        for ask in SETTING_UP:
            await running.do(ask)
        yield running
    finally:
        removed = await run([*PARTNER, "remove", SHOP], fleet.folder, office)
        assert (await removed.end())[0] == 0
        await http.close()
        await asyncio.to_thread(fleet.end)
        await places.drop_databases(servers.database_url, [database.url for database in databases.values()])


@dataclass(frozen=True)
class Run:
    """A program under way, whose output goes into files."""

    process: Process
    out: Path
    err: Path

    async def end(self) -> tuple[int, str, str]:
        """(exit code, stdout, stderr), once it has ended."""
        try:
            code = await asyncio.wait_for(self.process.wait(), PATIENCE)
        except TimeoutError:
            self.process.kill()
            pytest.fail(f"it did not end; it said {self.out.read_text()} {self.err.read_text()}")
        return code, self.out.read_text(), self.err.read_text()


async def run(command: list[str], folder: Path, settings: Mapping[str, str]) -> Run:
    environment = {**os.environ, **settings, "COMPANY": COMPANY, "QUEUE": QUEUE, "LANG": "C.UTF-8"}
    out, err = folder / "out", folder / "err"
    with out.open("wb") as stdout, err.open("wb") as stderr:
        process = await asyncio.create_subprocess_exec(
            *command, cwd=folder, env=environment, stdout=stdout, stderr=stderr)
    return Run(process, out, err)


def python(_tmp_path: Path) -> list[str]:
    return [sys.executable, str(ROOT / "python-pika/place_order.py")]


def node(tmp_path: Path) -> list[str]:
    shutil.copytree(ROOT / "node-amqplib", tmp_path, dirs_exist_ok=True, ignore=shutil.ignore_patterns("node_modules"))
    npm_install(tmp_path)
    return ["node", "place_order.mjs"]


def ruby(_tmp_path: Path) -> list[str]:
    if shutil.which("ruby") is None:
        pytest.skip("ruby is not on this machine; `sh tools/install-debian.sh ruby-bunny` installs it with its client")
    return ["ruby", str(ROOT / "ruby-bunny/place_order.rb")]


Language = Callable[[Path], list[str]]
LANGUAGES = pytest.mark.parametrize("language", [python, node, ruby])


@LANGUAGES
async def test_an_order_is_placed_and_its_delivery_received(trade: Trade, language: Language, tmp_path: Path) -> None:
    order_id = f"SO-{language.__name__}"
    program = await run([*language(tmp_path), order_id, "C-7", "P-1"], tmp_path, {"AMQP_URL": trade.shop_url})
    await trade.ship(order_id)
    code, out, err = await program.end()
    assert (code, err) == (0, ""), out
    sent, outcome = out.splitlines()
    delivered = json.loads(outcome.removeprefix("delivered "))
    assert sent == f"sent shop-{order_id}"
    assert (delivered["order_id"], delivered["customer_id"], delivered["gross"]) == (order_id, "C-7", "56.50")


@LANGUAGES
async def test_a_refusal_names_the_field_in_both_languages(trade: Trade, language: Language, tmp_path: Path) -> None:
    order_id = f"NO-{language.__name__}"
    program = await run([*language(tmp_path), order_id, "C-7", "P-404"], tmp_path, {"AMQP_URL": trade.shop_url})
    code, out, err = await program.end()
    assert (code, out) == (1, f"sent shop-{order_id}\n"), err
    assert err == "refused lines.0.sku: 商品 P-404 不存在 / there is no product P-404\n"
