"""What operators may ask of every service about messages that it could not handle; the same for each owner."""

from shared.events.base import OPERATORS, DismissMessages, RetryMessages


class OrderRetryMessages(RetryMessages, owner="order", name="retry_messages", allowed=OPERATORS):
    """Have order handle messages once more that it rejected, or that wait there for an earlier one.

    让 order 重新处理被它拒绝、或在那里等待前序事件的消息。
    """


class OrderDismissMessages(DismissMessages, owner="order", name="dismiss_messages", allowed=OPERATORS):
    """Let messages go that order cannot handle: they take effect no more, and later ones of the same thing go on.

    放弃 order 无法处理的消息：它们不再生效，同一主体的后续消息继续处理；理由和经手人永久可查。
    """


class InventoryRetryMessages(RetryMessages, owner="inventory", name="retry_messages", allowed=OPERATORS):
    """Have inventory handle messages once more that it rejected, or that wait there for an earlier one.

    让 inventory 重新处理被它拒绝、或在那里等待前序事件的消息。
    """


class InventoryDismissMessages(DismissMessages, owner="inventory", name="dismiss_messages", allowed=OPERATORS):
    """Let messages go that inventory cannot handle: they take effect no more, and later ones of the same thing go on.

    放弃 inventory 无法处理的消息：它们不再生效，同一主体的后续消息继续处理；理由和经手人永久可查。
    """


class AccountingRetryMessages(RetryMessages, owner="accounting", name="retry_messages", allowed=OPERATORS):
    """Have accounting handle messages once more that it rejected, or that wait there for an earlier one.

    让 accounting 重新处理被它拒绝、或在那里等待前序事件的消息。
    """


class AccountingDismissMessages(DismissMessages, owner="accounting", name="dismiss_messages", allowed=OPERATORS):
    """Let messages go that accounting cannot handle: they take effect no more, and later ones of the same thing go on.

    放弃 accounting 无法处理的消息：它们不再生效，同一主体的后续消息继续处理；理由和经手人永久可查。
    """


class CrmRetryMessages(RetryMessages, owner="crm", name="retry_messages", allowed=OPERATORS):
    """Have crm handle messages once more that it rejected, or that wait there for an earlier one.

    让 crm 重新处理被它拒绝、或在那里等待前序事件的消息。
    """


class CrmDismissMessages(DismissMessages, owner="crm", name="dismiss_messages", allowed=OPERATORS):
    """Let messages go that crm cannot handle: they take effect no more, and later ones of the same thing go on.

    放弃 crm 无法处理的消息：它们不再生效，同一主体的后续消息继续处理；理由和经手人永久可查。
    """


class WebhooksRetryMessages(RetryMessages, owner="webhooks", name="retry_messages", allowed=OPERATORS):
    """Have webhooks handle messages once more that it rejected, or that wait there for an earlier one.

    让 webhooks 重新处理被它拒绝、或在那里等待前序事件的消息。
    """


class WebhooksDismissMessages(DismissMessages, owner="webhooks", name="dismiss_messages", allowed=OPERATORS):
    """Let messages go that webhooks cannot handle: they take effect no more, and later ones of the same thing go on.

    放弃 webhooks 无法处理的消息：它们不再生效，同一主体的后续消息继续处理；理由和经手人永久可查。
    """


class ConsoleRetryMessages(RetryMessages, owner="console", name="retry_messages", allowed=OPERATORS):
    """Have console handle messages once more that it rejected, or that wait there for an earlier one.

    让 console 重新处理被它拒绝、或在那里等待前序事件的消息。
    """


class ConsoleDismissMessages(DismissMessages, owner="console", name="dismiss_messages", allowed=OPERATORS):
    """Let messages go that console cannot handle: they take effect no more, and later ones of the same thing go on.

    放弃 console 无法处理的消息：它们不再生效，同一主体的后续消息继续处理；理由和经手人永久可查。
    """
