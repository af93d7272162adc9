"""What `console` says: nothing but what every service says. It works through the other services' HTTP APIs."""

from shared.events.base import MENDERS, CommandRejected, SayAgain


class ConsoleCommandRejected(
    CommandRejected, owner="console", about=("command", "command_id"), name="command_rejected"
):
    """A command to `console` that came by queue was refused; names the field.

    经队列发给 console 的命令被拒绝；指出字段和原因。
    """


class ConsoleSayAgain(SayAgain, owner="console", name="say_again", allowed=MENDERS):
    """Say a stretch of console's log again to one hearer, who missed it or comes late.

    把 console 日志中的一段重新说给一个接收方的队列，供漏听或后来加入的服务和伙伴使用。
    """
