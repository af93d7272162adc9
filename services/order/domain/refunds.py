"""Money that goes back to a customer (退款): credits from returns first, then advances."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from decimal import Decimal

from services.order.domain.ordering import refuse_company
from services.order.domain.receivables import refuse_money
from services.order.domain.refusals import refuse
from services.order.domain.values import Company, Owed, RefundPart
from shared.events.order import PayRefund, RefundedPart, RefundPaid
from shared.money import ZERO
from shared.refusal import Refusal


def pay_refunds(
    commands: Sequence[PayRefund], company: Company | None, customers: AbstractSet[str],
    customer_of: Mapping[str, str], known: AbstractSet[str], owed: Sequence[Owed],
) -> tuple[list[RefundPaid | Refusal], list[RefundPart]]:
    """Pay back what is owed for the named order, or to the customer, in the order in which it is given; never more.

    `customer_of` says whose the orders are. One outcome per command.
    """
    if company is None:
        return [refuse_company(command) for command in commands], []
    taken, left = set(known), [source.amount for source in owed]
    of_customer: dict[str, list[int]] = defaultdict(list)
    for i, source in enumerate(owed):
        of_customer[source.customer_id].append(i)
    outcomes: list[RefundPaid | Refusal] = []
    paid: list[RefundPart] = []
    for command in commands:
        if command.refund_id in taken:
            outcomes.append(refuse(command, "refund_id", "duplicate_refund", command.refund_id, 409))
            continue
        if refusal := refuse_money(command, company, customers, customer_of):
            outcomes.append(refusal)
            continue
        payable = [i for i in of_customer[command.customer_id] if command.order_id in {None, owed[i].order_id}]
        available = sum((left[i] for i in payable), ZERO)
        if command.amount > available:
            outcomes.append(refuse(command, "amount", "more_than_owed", str(command.amount), available=str(available)))
            continue
        taken.add(command.refund_id)
        parts = _take(command, payable, owed, left)
        paid += parts
        outcomes.append(_refund(command, parts))
    return outcomes, paid


def _take(command: PayRefund, payable: Sequence[int], owed: Sequence[Owed], left: list[Decimal]) -> list[RefundPart]:
    """Take from one source after the other until the amount is paid; lowers what is `left` of each."""
    amount = command.amount
    parts: list[RefundPart] = []
    for i in payable:
        piece = min(amount, left[i])
        if piece > 0:
            amount -= piece
            left[i] -= piece
            parts.append(RefundPart(command.refund_id, len(parts) + 1, owed[i], piece))
    return parts


def _refund(command: PayRefund, parts: Sequence[RefundPart]) -> RefundPaid:
    from_returns = sum((part.amount for part in parts if part.source.delivery_id), ZERO)
    return RefundPaid(
        refund_id=command.refund_id, customer_id=command.customer_id, order_id=command.order_id,
        paid_on=command.paid_on, currency=command.currency, amount=command.amount,
        from_returns=from_returns, from_advances=command.amount - from_returns,
        parts=tuple(
            RefundedPart(delivery_id=p.source.delivery_id, payment_id=p.source.payment_id, amount=p.amount)
            for p in parts
        ),
    )
