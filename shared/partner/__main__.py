"""`python -m shared.partner add|list|password|remove`: other companies' systems at the broker.

    add webshop --company C1 --hears 'order.*' inventory.goods_shipped --may order.place order.cancel

It talks to RabbitMQ's management API (RABBITMQ_MANAGEMENT_URL, of an administrator) and writes the file that the
services read principals from (QUEUE_PRINCIPALS_FILE); nothing has to be started again.
"""

import argparse
import sys
from urllib.parse import quote

from pydantic import ValidationError

from shared import principals
from shared.management import Management, ManagementError
from shared.partner import rooms, wishes
from shared.principals import Principal
from shared.settings import PartnerSettings, read_settings
from shared.wire import problems


def main(arguments: list[str], settings: PartnerSettings | None = None) -> int:
    """Do what was asked; the exit code is 0 only if it is done. The settings come from the environment."""
    args = _parser().parse_args(arguments)
    settings = settings or read_settings(PartnerSettings)
    management = Management(settings.rabbitmq_management_url.get_secret_value())
    try:
        match args.command:
            case "add":
                partner = wishes.partner(args.name, args.company, args.hears, args.may)
                _add(settings, management, partner)
            case "list":
                _list(settings, management)
            case "password":
                print(_export(settings, management, args.name, rooms.renew(management, args.name)))
            case "remove":
                waiting = rooms.remove(management, args.name)
                _note(settings, args.name, None)
                print(f"removed {args.name}; {waiting} messages were waiting in its queue")
    except ValidationError as error:
        print(f"partner: {settings.queue_principals_file}: {problems(error)}", file=sys.stderr)
        return 1
    except (wishes.WishError, ManagementError, OSError) as error:
        print(f"partner: {error}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m shared.partner", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    add = commands.add_parser("add", help="make a partner, or give one that exists exactly these rights")
    add.add_argument("name")
    add.add_argument("--company", nargs="+", required=True, help="whose events it hears and for whom it may ask")
    add.add_argument("--hears", nargs="+", default=[], metavar="EVENT", help="'inventory.*', order.sale_delivered")
    add.add_argument("--may", nargs="+", default=[], metavar="COMMAND", help="order.place, 'order.*'")
    commands.add_parser("list", help="all partners: what they hear and may, and how much waits for them")
    for name, text in (("password", "give it a new password"), ("remove", "remove its user, queue, bindings, rights")):
        commands.add_parser(name, help=text).add_argument("name")
    return parser


def _add(settings: PartnerSettings, management: Management, partner: wishes.Partner) -> None:
    password = rooms.make(management, partner)
    principal = Principal(companies=partner.companies, roles=partner.roles) if partner.may else None
    _note(settings, partner.name, principal)
    print(f"{partner.name} hears {_listed(partner.hears)}; may {_listed(partner.may)}; companies "
          f"{', '.join(partner.companies)}; roles {_listed(partner.roles)}", file=sys.stderr)
    if password:
        print("the password is shown only now:", file=sys.stderr)
        print(_export(settings, management, partner.name, password)
              + f" QUEUE={partner.queue} COMPANY={partner.companies[0]}")


def _list(settings: PartnerSettings, management: Management) -> None:
    known = principals.read(settings.queue_principals_file)
    for partner in rooms.everybody(management):
        print(f"{partner.name}: {partner.waiting} waiting, {partner.consumers} consumers; "
              f"companies {_listed(partner.companies)}")
        print(f"  hears {_listed(partner.hears)}")
        roles = _listed(known[partner.name].roles) if partner.name in known else "-"
        print(f"  may   {_listed(partner.may)} as {roles}")


def _note(settings: PartnerSettings, name: str, principal: Principal | None) -> None:
    """Tell the services."""
    known = principals.read(settings.queue_principals_file)
    others = {other: one for other, one in known.items() if other != name}
    changed = others | ({name: principal} if principal else {})
    if changed != known:
        principals.write(settings.queue_principals_file, changed)


def _export(settings: PartnerSettings, management: Management, name: str, password: str) -> str:
    place = "" if management.virtual_host == "/" else "/" + quote(management.virtual_host, safe="")
    return f"export AMQP_URL='amqp://{name}:{password}@{settings.amqp_host}{place}'"


def _listed(names: object) -> str:
    assert isinstance(names, tuple | frozenset)
    return ", ".join(sorted(names)) or "nothing"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
