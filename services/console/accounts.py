"""`python -m services.console account ...`: accounts by hand, above all the first ones."""

import argparse
import asyncio
import secrets
import sys
from datetime import UTC, datetime

from services.console import store, views
from services.console.domain.lockout import password_fault
from services.console.domain.roles import ROLES
from services.console.identity import hashed
from shared.db import Pool, open_pool
from shared.settings import DatabaseSettings, read_settings

BY = "command line"


def main(arguments: list[str]) -> int:
    """Returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m services.console account")
    actions = parser.add_subparsers(dest="action", required=True)
    add = actions.add_parser("add", help="make an account; its password is made and printed, or read")
    add.add_argument("name")
    add.add_argument("--company", required=True)
    add.add_argument("--role", required=True, action="append", choices=sorted(ROLES))
    add.add_argument("--display-name", default="")
    password = actions.add_parser("password", help="give it a new password; it is signed out everywhere")
    for one in (add, password):
        one.add_argument("--stdin", action="store_true", help="read the password from standard input")
    lock, unlock = (actions.add_parser(name) for name in ("lock", "unlock"))
    for one in (password, lock, unlock):
        one.add_argument("name")
        one.add_argument("--company", required=True)
    actions.add_parser("list").add_argument("--company", required=True)
    return asyncio.run(_work(parser.parse_args(arguments)))


async def _work(args: argparse.Namespace) -> int:
    pool = await open_pool(read_settings(DatabaseSettings).database_url.get_secret_value(), size=1)
    try:
        if args.action == "list":
            for row in await views.accounts(pool, args.company, limit=1000):
                _say(f"{row['name']:<24}{row['state']:<8}{' '.join(row['roles'])}")
            return 0
        return await _change(pool, args)
    finally:
        await pool.close()


async def _change(pool: Pool, args: argparse.Namespace) -> int:
    name, now = args.name.lower(), datetime.now(UTC)
    if args.action in ("lock", "unlock"):
        done = await store.set_state(pool, args.company, name, {"lock": "locked", "unlock": "active"}[args.action])
    else:
        given = sys.stdin.readline().rstrip("\n") if args.stdin else secrets.token_urlsafe(12)
        if fault := password_fault(name, given):
            _say(f"this password is not to be taken: {fault}")
            return 1
        password = await hashed(given)
        if args.action == "add":
            done = await store.insert_account(
                pool, name, args.company, args.display_name or name, password, args.role, BY, now)
        else:
            done = await store.set_password(pool, args.company, name, password, now)
        if done and not args.stdin:
            _say(given)
    if not done:
        _say(f"{name}: {'there is such an account already' if args.action == 'add' else 'no such account'}")
        return 1
    await store.write_audit(pool, args.company, BY, "", f"account.{args.action}", name, {}, now)
    return 0


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
