"""What `webhooks` says: nothing but what every service says. It is managed by HTTP only."""

from shared.events.base import MENDERS, CommandRejected, SayAgain


class WebhooksCommandRejected(
    CommandRejected, owner="webhooks", about=("command", "command_id"), name="command_rejected"
):
    """A command to `webhooks` that came by queue was refused; names the field.

    经队列发给 webhooks 的命令被拒绝；指出字段和原因。
    """


class WebhooksSayAgain(SayAgain, owner="webhooks", name="say_again", allowed=MENDERS):
    """Say a stretch of webhooks' log again to one hearer, who missed it or comes late.

    把 webhooks 日志中的一段重新说给一个接收方的队列，供漏听或后来加入的服务和伙伴使用。
    """
