"""Customers (客户档案): registering and changing them, their credit limits, and what they are found by."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from services.crm.domain.refusals import refuse, refuse_company, refuse_words
from services.crm.domain.values import Customer, Known
from shared.events import Event
from shared.events.crm import (
    ChangeCreditLimit,
    ChangeCustomer,
    CreditLimitChanged,
    CustomerRegistered,
    RegisterCustomers,
)
from shared.money import fits
from shared.refusal import Refusal
from shared.search import endings


def register(
    commands: Sequence[RegisterCustomers], known: Known
) -> tuple[list[Customer], list[Event | Refusal]]:
    """Each command registers all its customers or, when something is wrong with one, none."""
    if known.currency is None:
        return [], [refuse_company(command) for command in commands]
    taken = set(known.taken)
    customers: list[Customer] = []
    outcomes: list[Event | Refusal] = []
    for command in commands:
        if refusal := _refuse_customers(command, known.currency, taken):
            outcomes.append(refusal)
            continue
        taken |= {new.customer_id for new in command.customers}
        for new in command.customers:
            customers.append(Customer(new.customer_id, new.name, new.salesperson, new.credit_limit))
            outcomes.append(CustomerRegistered(
                customer_id=new.customer_id, credit_limit=new.credit_limit, currency=known.currency
            ))
    return customers, outcomes


def _refuse_customers(command: RegisterCustomers, currency: str, taken: set[str]) -> Refusal | None:
    seen: set[str] = set()
    for i, new in enumerate(command.customers):
        if new.customer_id in taken or new.customer_id in seen:
            return refuse(command, f"customers.{i}.customer_id", "duplicate_customer", new.customer_id, 409)
        if refusal := refuse_words(command, **{f"customers.{i}.name": new.name}):
            return refusal
        if not fits(new.credit_limit, currency):
            return refuse(command, f"customers.{i}.credit_limit", "too_many_decimals", str(new.credit_limit),
                          currency=currency)
        seen.add(new.customer_id)
    return None


def change(
    commands: Sequence[ChangeCustomer], customers: Mapping[str, Customer]
) -> tuple[dict[str, Customer], list[Refusal]]:
    """The customers as they are afterwards. Nobody is told: others know a customer only by its id."""
    now = dict(customers)
    refusals: list[Refusal] = []
    for command in commands:
        customer = now.get(command.customer_id)
        if customer is None:
            refusals.append(refuse(command, "customer_id", "unknown_customer", command.customer_id, 404))
        elif command.name is None and command.salesperson is None:
            refusals.append(refuse(command, "name", "nothing_to_change", command.customer_id))
        elif refusal := refuse_words(command, name=command.name):
            refusals.append(refusal)
        else:
            now[command.customer_id] = replace(
                customer, name=command.name or customer.name, salesperson=command.salesperson or customer.salesperson
            )
    return now, refusals


def change_limits(
    commands: Sequence[ChangeCreditLimit], known: Known
) -> list[CreditLimitChanged | Refusal]:
    """One outcome per command."""
    return [_change_limit(command, known) for command in commands]


def _change_limit(command: ChangeCreditLimit, known: Known) -> CreditLimitChanged | Refusal:
    if known.currency is None:
        return refuse_company(command)
    if command.customer_id not in known.customers:
        return refuse(command, "customer_id", "unknown_customer", command.customer_id, 404)
    if not fits(command.credit_limit, known.currency):
        return refuse(command, "credit_limit", "too_many_decimals", str(command.credit_limit), currency=known.currency)
    return CreditLimitChanged(
        customer_id=command.customer_id, credit_limit=command.credit_limit, currency=known.currency
    )


def words(customer: Customer) -> frozenset[str]:
    """Every ending of the name and of the id: a part of them is the beginning of one of these."""
    return endings(customer.name) | endings(customer.customer_id)
