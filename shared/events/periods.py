"""What is said about periods: producers seal theirs, so that accounting may close its own."""

from shared.events.base import Command, Event, Month

CLOSERS = frozenset({"accountant", "chief_accountant"})


class SealPeriod(Command):
    """Say that all business of a month (会计期间) has been entered here."""

    period: Month


class PeriodSealed(Event):
    """All business of a month is in the log before this; what comes later with such a date is late."""

    period: str


class OrderSealPeriod(SealPeriod, owner="order", name="seal_period", allowed=CLOSERS):
    """Say that all sales business of a month has been entered; accounting waits for it before it closes the month.

    声明 order 某月的业务已全部录入；会计结账前等待此声明。
    """


class OrderPeriodSealed(PeriodSealed, owner="order", about=("period", "period"), name="period_sealed"):
    """All sales business of a month has been said before this event; what is said later is late.

    order 某月的业务已全部说完；此后再来的属于迟到业务。
    """


class InventorySealPeriod(SealPeriod, owner="inventory", name="seal_period", allowed=CLOSERS):
    """Say that all stock and purchase business of a month has been entered; accounting waits for it before it closes
    the month.

    声明 inventory 某月的业务已全部录入；会计结账前等待此声明。
    """


class InventoryPeriodSealed(PeriodSealed, owner="inventory", about=("period", "period"), name="period_sealed"):
    """All stock and purchase business of a month has been said before this event; what is said later is late.

    inventory 某月的业务已全部说完；此后再来的属于迟到业务。
    """
