"""`make compose-walk`: the deployment for real. Builds the images, brings docker-compose.yml up, walks orders through.

A project of its own with its own secrets, ports and volumes, which are all removed again; only the images stay. It
sends orders by HTTP and by queue, with both replicas of order and accounting, then with the first ones stopped, then
with the first ones back and the second ones killed, and each time reads the vouchers over HTTP; in the end also at
the console, as a person who signs in there. The exit code is 0 only if everything was as it should be.
"""

import asyncio
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from tools.demo import people
from tools.demo.browser import signed_in
from tools.demo.doors import Ask, HttpDoor, QueueDoor
from tools.servers.native import free_ports

ROOT = Path(__file__).resolve().parents[1]
TAG = "walk"
COMPANY, CUSTOMER, SKU, MONTH = "WALK", "C-1", "TEA-1", "2026-01"
FIRST, SECOND = ("order", "inventory", "accounting", "crm", "webhooks", "console"), ("order-2", "accounting-2")
SHOP = {"shop": {"companies": [COMPANY], "roles": ["sales", "warehouse", "accountant"]}}
READY_SECONDS, STEP_SECONDS, LOOK_AGAIN_SECONDS = 180.0, 60.0, 3.0
# What an order that is delivered, invoiced and paid leaves in the books: event -> number of vouchers.
VOUCHERS = {
    "order.order_placed.v1": 1, "inventory.goods_shipped.v1": 1, "order.sale_delivered.v1": 2,
    "order.invoice_issued.v1": 1, "order.payment_received.v1": 1,
}
INTRUDER = ROOT / "tools/intruder.py"
IMAGE_HOLDS = "id -u && ls -d services/*/ shared/ && touch /app/x /venv/x 2>&1 | wc -l"

BOOKS = Ask("accounting.open_books.v1", "/books", "chief_accountant", {
    "name": "演示商贸有限公司", "currency": "CNY", "standard": "assbe", "vat_rate": "0.13", "opened_on": f"{MONTH}-01"})
MASTER_DATA = (
    Ask("inventory.register_products.v1", "/products", "warehouse", {"products": [{"sku": SKU, "name": "龙井茶"}]}),
    Ask("crm.register_customers.v1", "/customers", "sales",
        {"customers": [{"customer_id": CUSTOMER, "name": "顺丰百货", "credit_limit": "10000"}]}),
    Ask("inventory.open_stock.v1", "/openings", "accountant", {
        "opening_id": "OPEN-1", "opened_on": f"{MONTH}-01",
        "lines": [{"sku": SKU, "quantity": "100", "value": "2000"}]}),
)


class WalkError(Exception):
    """Something was not as it should be."""


# -- the stack --------------------------------------------------------------------------------------------------------


class Stack:
    """One project of the compose file."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.project = folder, f"fenlu-walk-{secrets.token_hex(3)}"
        names = [*FIRST, *SECOND]
        *ports, self.amqp_port = free_ports(len(names) + 1)
        self.ports = dict(zip(names, ports, strict=True))
        self._environment = {
            **os.environ, "SECRETS_DIR": str(folder), "FENLU_TAG": TAG, "AMQP_PORT": str(self.amqp_port),
            "JWT_ISSUER": people.ISSUER, "JWT_AUDIENCE": people.AUDIENCE, "CONSOLE_HTTPS": "false",
            **{f"{name.upper().replace('-', '_')}_PORT": str(port) for name, port in self.ports.items()},
        }
        self._command = [*_compose(), "-p", self.project, "-f", "docker-compose.yml", "-f", "deploy/amqp.yml"]

    def run(self, *arguments: str) -> str:
        """A command of compose; WalkError with the end of what it printed when it fails."""
        done = subprocess.run(
            [*self._command, *arguments], cwd=ROOT, env=self._environment, text=True, errors="replace",
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )
        if done.returncode:
            raise WalkError(f"compose {' '.join(arguments)} failed:\n{done.stdout[-4000:]}")
        return done.stdout

    def states(self) -> dict[str, str]:
        """Every container of the project with its state, as in `docker ps`."""
        columns = '{{.Label "com.docker.compose.service"}}\t{{.Status}}'
        project = f"label=com.docker.compose.project={self.project}"
        shown = subprocess.run(
            ["docker", "ps", "--all", "--filter", project, "--format", columns], check=True, capture_output=True,
            text=True,
        )
        return dict(line.split("\t", 1) for line in shown.stdout.splitlines())

    async def wait_healthy(self) -> dict[str, str]:
        """Wait until the one-shot jobs are done and everything else is healthy."""
        deadline = time.monotonic() + READY_SECONDS
        while True:
            states = self.states()
            bad = {name: state for name, state in states.items() if not _well(name, state)}
            if states and not bad:
                return states
            if time.monotonic() > deadline:
                raise WalkError(f"not healthy: {bad}\n{self.run('logs', '--tail=20', *bad)}")
            await asyncio.sleep(0.5)

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.ports[name]}"

    def shop_url(self) -> str:
        """The shop's broker address, as it is from this machine."""
        parts = urlsplit((self.folder / "shop_rabbitmq_url").read_text().strip())
        user = parts.netloc.rpartition("@")[0]
        return urlunsplit(parts._replace(netloc=f"{user}@127.0.0.1:{self.amqp_port}"))


def _compose() -> list[str]:
    """Compose v2 where it is, else v1."""
    if subprocess.run(["docker", "info"], capture_output=True).returncode:
        raise WalkError("no Docker engine answers on this machine")
    if not subprocess.run(["docker", "compose", "version"], capture_output=True).returncode:
        return ["docker", "compose"]
    if found := shutil.which("docker-compose"):
        return [found]
    raise WalkError("neither `docker compose` nor `docker-compose` is installed")


def _well(name: str, state: str) -> bool:
    return state.startswith("Exited (0)") if name.endswith(("-migrate", "-topology")) else "(healthy)" in state


# -- orders -----------------------------------------------------------------------------------------------------------


class Clerk:
    """Sends orders through both doors of some replicas, and reads there what they came to."""

    def __init__(self, stack: Stack, tokens: dict[str, str], queue: QueueDoor, **replicas: str) -> None:
        urls = {name: [stack.url(replicas.get(name, name))] for name in FIRST}
        self.http, self.queue = HttpDoor(urls, tokens), queue

    async def open_shop(self) -> None:
        """Books, a product, a customer, stock. A service may not have heard of the books yet: then ask again."""
        for ask in (BOOKS, *MASTER_DATA):
            await self._until(partial(self._ask, ask, by_queue=False), ask.type)

    async def order(self, order_id: str, *, by_queue: bool) -> dict[str, Any]:
        """Walk an order from its placing until it is settled; returns how it stands in the end."""
        about = {"order_id": order_id}
        day = f"{MONTH}-15"
        line = {"sku": SKU, "quantity": "3", "unit_price": "33.33"}  # 99.99 + 13.00 VAT
        steps: list[tuple[Ask, Callable[[dict[str, Any]], Any]]] = [
            (Ask("order.place_order.v1", "/orders", "sales", about | {
                "customer_id": CUSTOMER, "ordered_on": day, "currency": "CNY", "lines": [line]}),
             lambda order: order["state"] == "approved"),
            (Ask("inventory.ship_goods.v1", "/shipments", "warehouse", about | {
                "shipment_id": f"SH-{order_id}", "shipped_on": day}), lambda order: order["deliveries"]),
            (Ask("order.issue_invoice.v1", "/invoices", "accountant", about | {
                "invoice_id": f"INV-{order_id}", "issued_on": day}), lambda order: order["invoices"]),
            (Ask("order.receive_payment.v1", "/payments", "accountant", about | {
                "payment_id": f"PAY-{order_id}", "customer_id": CUSTOMER, "received_on": day, "currency": "CNY",
                "amount": "112.99"}), lambda order: order["settled"]),
        ]
        for ask, done in steps:
            await self._until(partial(self._ask, ask, by_queue=by_queue), f"{order_id}: {ask.type}",
                              partial(self._see, order_id, done))
        shown: dict[str, Any] = await self.http.read("order", f"/orders/{order_id}")
        return shown

    async def vouchers(self) -> dict[str, int]:
        """Vouchers of the month by event type."""
        found: dict[str, int] = defaultdict(int)
        for word in ("记", "备"):
            page = await self.http.read("accounting", "/vouchers", period=MONTH, word=word)
            for voucher in page["vouchers"]:
                found[voucher["event_type"]] += 1
        return dict(found)

    async def booked(self, orders: int) -> dict[str, int]:
        """Wait until so many orders are in the books; then debits must equal credits, and no event be missing."""
        wanted = {event: count * orders for event, count in VOUCHERS.items()}
        deadline = time.monotonic() + STEP_SECONDS
        while not (found := await self.vouchers()).items() >= wanted.items():
            if time.monotonic() > deadline:
                raise WalkError(f"vouchers are {found}, they should be {wanted}")
            await asyncio.sleep(0.3)
        totals = (await self.http.read("accounting", "/trial-balance", period=MONTH))["totals"]
        holes = (await self.http.read("accounting", "/journal/gaps"))["sources"]
        if totals["closing_debit"] != totals["closing_credit"] or any(source["missing"] for source in holes):
            raise WalkError(f"the books are wrong: {totals}, {holes}")
        return found | {"debit = credit": totals["closing_debit"]}

    async def _ask(self, ask: Ask, *, by_queue: bool) -> str:
        """Ask under a new key; why it was refused, if the answer says so (by queue nobody answers)."""
        key = f"{ask.type}-{secrets.token_hex(6)}"
        if by_queue:
            await self.queue.ask(ask, key)
            return ""
        return (await self.http.ask(ask, key)).why

    async def _see(self, order_id: str, done: Callable[[dict[str, Any]], Any]) -> bool:
        shown = await self.http.read("order", f"/orders/{order_id}")
        return shown is not None and bool(done(shown))

    async def _until(
        self, ask: Callable[[], Awaitable[str]], what: str, done: Callable[[], Awaitable[bool]] | None = None
    ) -> None:
        """Ask again until it is done, since one service may not have heard yet what another one has said."""
        deadline = time.monotonic() + STEP_SECONDS
        while True:
            why = await ask()
            look_until = time.monotonic() + (0 if why else LOOK_AGAIN_SECONDS)
            while not why:
                if done is None or await done():
                    return
                if time.monotonic() > look_until:
                    break
                await asyncio.sleep(0.1)
            if time.monotonic() > deadline:
                raise WalkError(f"{what}: {why or 'nothing came of it'}")
            await asyncio.sleep(0.3)


# -- the walk ---------------------------------------------------------------------------------------------------------


class Report:
    """Says what is seen, with the seconds since the beginning."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    def say(self, text: str) -> None:
        print(f"compose-walk: {time.monotonic() - self._began:4.0f} s  {text}", flush=True)


async def walk(stack: Stack, tokens: dict[str, str], report: Report) -> None:
    """What is walked on a stack that is up."""
    states = await stack.wait_healthy()
    report.say(f"healthy: {', '.join(sorted(name for name, state in states.items() if 'healthy' in state))}")
    report.say(f"done: {', '.join(sorted(name for name, state in states.items() if 'Exited' in state))}")
    check_images(stack)
    report.say("each image runs as user 10001, holds `shared` and its own service, and cannot write to itself")
    check_walls(stack)
    report.say("order and accounting cannot reach another's database, queues or events, nor change what was posted")
    await asyncio.to_thread(check_partner, stack)
    report.say("a partner was added, listed and removed")
    queue = await QueueDoor.open(stack.shop_url(), COMPANY)
    first = Clerk(stack, tokens, queue)
    second = Clerk(stack, tokens, queue, order="order-2", accounting="accounting-2")
    try:
        await first.open_shop()
        await send_orders(first, 1, report)
        await asyncio.to_thread(end, stack, "stop", ("order", "accounting"), "Exited (143)", report)
        await send_orders(second, 3, report)
        await asyncio.to_thread(stack.run, "start", "order", "accounting")
        await stack.wait_healthy()
        await asyncio.to_thread(end, stack, "kill", ("order-2", "accounting-2"), "Exited (137)", report)
        await send_orders(first, 5, report)
        await asyncio.to_thread(check_console, stack)
        report.say("the chief accountant signed in at the console and saw the vouchers")
    finally:
        await queue.close()
        await first.http.close()
        await second.http.close()


async def send_orders(clerk: Clerk, number: int, report: Report) -> None:
    """Two orders, one through each door, and what the books say then."""
    for by_queue in (False, True):
        order = await clerk.order(f"SO-{number}", by_queue=by_queue)
        report.say(f"order SO-{number} by {'queue' if by_queue else 'HTTP'}: settled, gross {order['gross']}")
        number += 1
    report.say(f"  vouchers: {_words(await clerk.booked(number - 1))}")


def check_images(stack: Stack) -> None:
    """Each container sees one service, runs as our user, and cannot change its own code."""
    for name in (*FIRST, *SECOND):
        seen = stack.run("exec", "-T", name, "sh", "-c", IMAGE_HOLDS).split()
        if seen != ["10001", f"services/{name.removesuffix('-2')}/", "shared/", "2"]:
            raise WalkError(f"{name} runs as and holds {seen}")


def check_walls(stack: Stack) -> None:
    """A service can do only its own part on the database server and on the broker."""
    for name in ("order", "accounting"):
        stack.run("exec", "-T", name, "python", "-c", INTRUDER.read_text())


def check_partner(stack: Stack) -> None:
    """The operators' command works where it is deployed; what it writes the services read."""
    wishes = ("--company", COMPANY, "--hears", "order.*", "--may", "order.place")
    export = stack.run("run", "--rm", "-T", "partner", "add", "walker", *wishes)
    listed = stack.run("run", "--rm", "-T", "partner", "list")
    noted = stack.run("exec", "-T", "order", "cat", "/run/secrets/queue_principals")
    stack.run("run", "--rm", "-T", "partner", "remove", "walker")
    if "AMQP_URL='amqp://walker:" not in export or "walker: 0 waiting" not in listed or '"walker"' not in noted:
        raise WalkError(f"a partner cannot be added: {listed} {noted}")


def check_console(stack: Stack) -> None:
    """Somebody who was just made a chief accountant signs in as a browser does, and sees what was posted."""
    account = ("account", "add", "walker", "--company", COMPANY, "--role", "chief_accountant")
    password = stack.run("exec", "-T", "console", "python", "-m", "services.console", *account).split()[-1]
    with signed_in(stack.url("console"), "walker", password) as browser:
        page = browser.get("/vouchers")
    if f"/vouchers/{MONTH}/记/1" not in page.text:
        raise WalkError(f"the console shows no vouchers: {page.status_code} {page.text[:500]}")


def end(stack: Stack, how: str, names: tuple[str, ...], state: str, report: Report) -> None:
    """Stop or kill a replica of order and one of accounting; stopped ones must end by themselves within their time."""
    stack.run(how, *names)
    ended = {name: stack.states()[name] for name in names}
    report.say(f"{how}: {_words(ended)}; the others go on alone")
    if not all(one.startswith(state) for one in ended.values()):
        raise WalkError(f"they did not end as they should: {ended}")


def _words(found: dict[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in found.items())


def make_secrets(folder: Path) -> dict[str, str]:
    """The secrets of this run, and a token per role."""
    folder.chmod(0o700)
    tokens = people.issue(COMPANY, folder / "jwt_private_key", folder / "jwt_public_key")
    (folder / "queue_principals").write_text(json.dumps(SHOP))
    subprocess.run(["sh", ROOT / "deploy/make-secrets.sh", folder], check=True)
    return tokens


def main() -> int:
    """The exit code: 0 if everything was as it should be."""
    report = Report()
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(1))
    run = ROOT / ".run"
    run.mkdir(mode=0o755, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="compose-", dir=run) as folder:
        stack = Stack(Path(folder))
        tokens = make_secrets(stack.folder)
        try:
            stack.run("config", "--quiet")
            stack.run("build")
            report.say("images are built")
            stack.run("up", "--detach")
            asyncio.run(walk(stack, tokens, report))
        finally:
            stack.run("down", "--volumes", "--remove-orphans", "--timeout", "10")
            report.say(f"removed: {stack.project}, its volumes and secrets" if not stack.states() else "NOT removed")
    print("compose-walk: ok")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except WalkError as problem:
        sys.exit(f"compose-walk: {problem}")
