"""A month is sealed by an event in the log: what stands behind it is late."""

from services.order.handlers import service
from shared.db import Pool
from shared.events.periods import OrderPeriodSealed, OrderSealPeriod
from shared.testing import ask, said


async def test_a_month_is_sealed_as_often_as_somebody_says_so(pool: Pool) -> None:
    for _ in range(2):
        assert (await ask(pool, service, OrderSealPeriod(period="2025-03"))).ok
    events = await said(pool)
    assert [(type(event), event.subject, event.envelope.version) for event in events] == [
        (OrderPeriodSealed, "period/2025-03", 1), (OrderPeriodSealed, "period/2025-03", 2),
    ]
    answer = await ask(pool, service, OrderSealPeriod(period="2025-03"), roles=["warehouse"])
    assert answer.status == 403
