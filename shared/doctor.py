"""`doctor`: looks at a service's servers and says in plain words, Chinese and English, what is wrong and what to do.

It runs under the service's own users, so what it may and may not do is what the service may and may not do. Nothing is
changed; the one exchange that it tries to declare is one that it should not be able to declare.
"""

import asyncio
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import asyncpg
from aio_pika.abc import AbstractChannel
from aiormq.exceptions import ChannelAccessRefused, ChannelNotFoundEntity

from shared import healing
from shared.amqp import open_channel
from shared.finding import Finding, State, judged
from shared.management import Management, ManagementError
from shared.migrate import Migration, changed, missing
from shared.refusal import Text
from shared.service import Service

MARKS: dict[State, str] = {"ok": "✓", "warning": "!", "wrong": "✗"}

OLDEST_POSTGRES, OLDEST_RABBITMQ = (15,), (3, 10)
CLOCK_SECONDS = 5.0  # tokens allow 30
UNPUBLISHED_SECONDS, PENDING_SECONDS = 60.0, 300.0
DEEP_QUEUE = 10_000
GIB = 2**30
HELD_BYTES = 4 * GIB  # of the write-ahead log, by a slot
LITTLE_DISK, LITTLE_BYTES = 2, GIB  # so many times the limit of RabbitMQ, and at least so much, should be free


async def examine(
    service: Service, database_url: str, amqp_url: str, migrations: Sequence[Migration], management_url: str = ""
) -> int:
    """Write what every check finds; the exit code is 1 if anything is wrong."""
    found = await findings(service, database_url, amqp_url, migrations, management_url)
    for f in found:
        sys.stdout.write(f"{MARKS[f.state]} {f.what}\n    {f.text.zh}\n    {f.text.en}\n")
    return 1 if any(f.state == "wrong" for f in found) else 0


async def findings(
    service: Service, database_url: str, amqp_url: str, migrations: Sequence[Migration], management_url: str = ""
) -> list[Finding]:
    """All checks, of the database and then of the broker; of one that cannot be reached, that."""
    found = []
    try:
        connection = await asyncpg.connect(database_url, timeout=10)
        try:
            found += await _database(connection, migrations)
            found += await service.look(connection)
        finally:
            await connection.close()
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        do = Text("检查 DATABASE_URL、网络，PostgreSQL 是否在运行", "check DATABASE_URL, the network, and that it runs")
        found.append(judged("PostgreSQL", True, f"连不上：{error}", f"cannot be reached: {error}", do))
    try:
        async with open_channel(amqp_url) as channel:
            found += await _broker(channel, service)
    except Exception as error:  # aiormq raises many kinds
        do = Text("检查 RABBITMQ_URL、网络，RabbitMQ 是否在运行", "check RABBITMQ_URL, the network, and that it runs")
        found.append(judged("RabbitMQ", True, f"连不上：{error!r}", f"cannot be reached: {error!r}", do))
    return [*found, *await asyncio.to_thread(_management, management_url)]


# -- PostgreSQL -------------------------------------------------------------------------------------------------------


async def _database(connection: Any, migrations: Sequence[Migration]) -> list[Finding]:
    version = await connection.fetchval("select current_setting('server_version')")
    found = [
        judged("PostgreSQL", connection.get_server_version() < OLDEST_POSTGRES, f"版本 {version}", f"version {version}",
               Text("需要 15 或更新的版本，请升级", "15 or newer is needed, upgrade it")),
        await _clock(connection),
    ]
    late, other = await missing(connection, list(migrations)), await changed(connection, list(migrations))
    found.append(judged(
        "migrations", late or other, f"未执行：{', '.join(late) or '无'}；内容不同：{', '.join(other) or '无'}",
        f"not applied: {', '.join(late) or 'none'}; applied with another content: {', '.join(other) or 'none'}",
        Text("运行一次性任务 migrate；内容不同说明版本混用，须部署数据库所属的版本",
             "run the job migrate; another content means that versions are mixed: deploy the one of this database")))
    if not late:
        found += [*await _log(connection), *await _leftovers(connection), await _rights(connection)]
    return [*found, await _disk(connection)]


async def _clock(connection: Any) -> Finding:
    began = datetime.now(UTC)
    theirs = await connection.fetchval("select clock_timestamp()")
    return _apart("clock of PostgreSQL", theirs, began + (datetime.now(UTC) - began) / 2)


def _apart(what: str, theirs: datetime, ours: datetime) -> Finding:
    seconds = abs((theirs - ours).total_seconds())
    return judged(what, seconds > CLOCK_SECONDS, f"与本机相差 {seconds:.1f} 秒", f"{seconds:.1f} s from ours",
                  Text("在两台机器上启用 NTP", "let NTP keep the time on both machines"))


async def _log(connection: Any) -> list[Finding]:
    """What is said, and whether it reaches RabbitMQ."""
    row = await connection.fetchrow(
        """
        select count(*) as n, coalesce(extract(epoch from now() - min(e.time)), 0)::float as age
        from event e left join relay_cursor c using (company)
        where e.position is null or e.position > coalesce(c.published, 0)
        """
    )
    back = await connection.fetch("select company, head, heard, hearer from went_back order by company")
    zh = "；".join(f"{r['company']}：{healing.WENT_BACK.zh.format(**r)}" for r in back)
    en = "; ".join(f"{r['company']}: {healing.WENT_BACK.en.format(**r)}" for r in back)
    restore = Text("见 docs/operations.md 的恢复一节", "see Restore in docs/operations.en.md")
    return [
        judged("unpublished", row["age"] > UNPUBLISHED_SECONDS, f"{row['n']} 个事件，最久 {row['age']:.0f} 秒",
               f"{row['n']} events, the oldest for {row['age']:.0f} s",
               Text("看 /readyz 的 relay：RabbitMQ 不可用、磁盘或内存告警、队列已满或未声明（topology）",
                    "see relay at /readyz: RabbitMQ is away or has an alarm; a queue is full, or not declared")),
        judged("log", back, zh or "与各接收方一致", en or "as long as its hearers know it", restore),
    ]


async def _leftovers(connection: Any) -> list[Finding]:
    """What is heard, and what of it could not be handled."""
    row = await connection.fetchrow(
        """
        select (select count(*) from rejected where dismissed_at is null) as rejected,
               (select reason from rejected where dismissed_at is null order by at, id limit 1) as reason,
               (select count(*) from pending) as pending,
               (select coalesce(extract(epoch from now() - min(since)), 0)::float from pending) as age,
               (select coalesce(sum(missing), 0)::bigint from hole) as missing,
               (select string_agg(distinct source, ', ') from hole) as sources
        """
    )
    first = f"：{row['reason'][:200]}" if row["rejected"] else ""
    return [
        judged("rejected", row["rejected"], f"{row['rejected']} 条{first}", f"{row['rejected']}{first}",
               Text("用 rejected list、show 查看，修正原因后 retry，或说明理由后 dismiss",
                    "look with rejected list and show; mend the cause and retry, or dismiss with a reason")),
        judged("pending", row["age"] > PENDING_SECONDS, f"{row['pending']} 个，最久 {row['age']:.0f} 秒",
               f"{row['pending']}, the oldest for {row['age']:.0f} s",
               Text("它们等待前序事件：先处理 rejected 和 missing；确认前序已永久丢失时才 pending dismiss",
                    "they wait for an earlier event: first see to rejected and missing; pending dismiss only if that "
                    "one is lost for good")),
        judged("missing", row["missing"], f"{row['missing']} 个事件（{row['sources'] or '无'}）",
               f"{row['missing']} events ({row['sources'] or 'none'})",
               Text("已自动请求重播；若几分钟后仍在，检查那个服务的 relay",
                    "they are asked for; if it stays for minutes, look at the relay of that service"), state="warning"),
    ]


async def _rights(connection: Any) -> Finding:
    """What it may do and must not: change facts, make tables, or more; and what it must be able to do."""
    rows = await connection.fetch(
        """
        with tables as (
            select c.oid, c.relname as name, c.relowner, c.relkind,
                   exists (select from pg_trigger where tgrelid = c.oid and tgname = 'append_only') as facts
            from pg_class c join pg_namespace n on n.oid = c.relnamespace
            where n.nspname = 'public' and c.relkind in ('r', 'v')
        ), needed as (
            select * from (values ('event'), ('inbox'), ('command'), ('rejected'), ('pending'), ('intervention'))
                          as t (name)
        ), faults as (
            select 1 as n, 'is a superuser' as fault from pg_roles where rolname = current_user and rolsuper
            union all
            select 2, 'may create tables' where has_schema_privilege('public', 'create')
            union all
            select 3, 'owns ' || string_agg(name, ', ' order by name) from tables where pg_has_role(relowner, 'member')
            union all
            select 4, 'may change or delete rows of ' || string_agg(name, ', ' order by name) from tables
            where facts and has_table_privilege(oid, 'update, delete, truncate')
            union all
            select 5, 'may not read ' || string_agg(name, ', ' order by name) from tables
            where not has_table_privilege(oid, 'select')
            union all
            select 6, 'may not write into ' || string_agg(name, ', ') from needed
            where not has_table_privilege(name, 'insert')
        )
        select fault from faults where fault is not null order by n
        """
    )
    faults = [row["fault"] for row in rows]
    listed = "; ".join(faults)
    return judged(
        "rights in PostgreSQL", faults, listed or "只能做它该做的", listed or "it can do its part and nothing else",
        Text("服务应使用自己的角色（fenlu_service 的成员），不是数据库所有者；见 docs/deployment.md",
             "the service should use its own role, a member of fenlu_service, not the owner; see docs/deployment.md"))


async def _disk(connection: Any) -> Finding:
    """SQL knows how much there is and what keeps it from being deleted, but not how much is free."""
    row = await connection.fetchrow(
        """
        select pg_size_pretty(pg_database_size(current_database())) as size, kept.slots
        from (select string_agg(format('%s: %s', slot_name, pg_size_pretty(held)), ', ' order by slot_name) as slots
              from (select slot_name, pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn) as held
                    from pg_replication_slots where not pg_is_in_recovery()) as slot
              where held > $1) as kept
        """,
        HELD_BYTES,
    )
    slots = row["slots"]
    return judged(
        "disk of PostgreSQL", slots,
        f"数据库 {row['size']}；"
        + (f"复制槽留住的预写日志 {slots}" if slots else "剩余空间 SQL 看不到，请在那台机器上监控"),
        f"the database has {row['size']}; " + (f"write-ahead log that a slot keeps: {slots}" if slots else
                                               "SQL does not know how much is free, watch it on that machine"),
        Text("归档停了，磁盘会满：恢复 pg_receivewal，或删除不再用的槽",
             "the archive has stopped, and the disk fills up: start pg_receivewal again, or drop a slot of no use"))


# -- RabbitMQ ---------------------------------------------------------------------------------------------------------


async def _broker(channel: AbstractChannel, service: Service) -> list[Finding]:
    underlay: Any = await channel.get_underlay_channel()
    text = _text(underlay.connection.server_properties.get("version"))
    version = tuple(int(part) for part in text.split(".")[:2] if part.isdigit())
    found = [judged("RabbitMQ", version < OLDEST_RABBITMQ, f"版本 {text}", f"version {text}",
                    Text("需要 3.10 或更新的版本，请升级", "3.10 or newer is needed, upgrade it"))]
    queues = ["commands", "parking", *(["events"] if service.handlers else [])]
    found += [await _queue(channel, f"{service.name}.{queue}") for queue in queues]
    return [*found, await _may_declare(channel, service.name)]


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


async def _queue(channel: AbstractChannel, name: str) -> Finding:
    try:
        queue = await channel.get_queue(name, ensure=True)
    except ChannelNotFoundEntity:
        await channel.reopen()
        return judged(name, True, "没有这个队列", "there is no such queue",
                      Text("运行一次性任务 topology", "run the job topology"))
    messages, consumers = queue.declaration_result.message_count or 0, queue.declaration_result.consumer_count or 0
    zh, en = f"{messages} 条消息，{consumers} 个消费者", f"{messages} messages, {consumers} consumers"
    if not consumers:
        return judged(name, True, zh, en, Text("没有进程在处理：启动该服务，或看它的 /readyz",
                                               "nobody takes them: start the service, or see its /readyz"))
    return judged(name, messages > DEEP_QUEUE, zh, en, state="warning", do=Text(
        "积压：看 docs/operations.md 的慢凭证一节", "a backlog: see Vouchers come late in docs/operations.en.md"))


async def _may_declare(channel: AbstractChannel, name: str) -> Finding:
    do = Text("按 deploy/rabbitmq/rights.json 设置该用户的权限", "give it the rights of deploy/rabbitmq/rights.json")
    try:
        exchange = await channel.declare_exchange(f"{name}.doctor.{uuid4().hex}")
    except ChannelAccessRefused:
        return judged("rights in RabbitMQ", False, "什么也不能声明", "it can declare nothing", do)
    await exchange.delete()
    return judged("rights in RabbitMQ", True, "它能声明交换机和队列", "it can declare exchanges and queues", do)


def _management(url: str) -> list[Finding]:
    """What AMQP does not tell; only if somebody said how to ask."""
    if not url:
        return [Finding("disk of RabbitMQ", "ok", Text(
            "未检查：设置 RABBITMQ_MANAGEMENT_URL 后才检查磁盘、告警和时钟",
            "not looked at, nor alarms and clock: set RABBITMQ_MANAGEMENT_URL"))]
    broker = Management(url)
    try:
        nodes = broker.get("nodes")
    except ManagementError as error:
        do = Text("检查 RABBITMQ_MANAGEMENT_URL 及该用户的 monitoring 标签",
                  "check RABBITMQ_MANAGEMENT_URL, and that this user has the tag monitoring")
        return [judged("disk of RabbitMQ", True, str(error), str(error), do, state="warning")]
    clock = [_apart("clock of RabbitMQ", broker.clock, datetime.now(UTC))] if broker.clock else []
    return [*clock, *(finding for node in nodes for finding in disk_and_alarms(node))]


def disk_and_alarms(node: Mapping[str, Any]) -> list[Finding]:
    """What a node says of itself at `/api/nodes`. A node that does not run says nothing but its name."""
    name = node["name"]
    if not node.get("running"):
        do = Text("启动它；少于半数节点时队列停下", "start it; without most nodes the queues stand still")
        return [judged(f"RabbitMQ {name}", True, "没有运行", "does not run", do)]
    free, limit = node["disk_free"], node["disk_free_limit"]
    alarms = [alarm for alarm in ("disk_free_alarm", "mem_alarm") if node[alarm]]
    listed = ", ".join(alarms)
    return [
        judged("disk of RabbitMQ", free < max(LITTLE_DISK * limit, LITTLE_BYTES),
               f"{name} 剩余 {free / GIB:.1f} GiB，低于 {limit / GIB:.1f} GiB 时停止接收",
               f"{name} has {free / GIB:.1f} GiB free, and takes nothing below {limit / GIB:.1f} GiB",
               Text("腾出空间，或看哪个队列没有人取", "make room, or see which queue nobody takes from"),
               state="warning"),
        judged("alarms of RabbitMQ", alarms, f"{name}：{listed or '无'}", f"{name}: {listed or 'none'}",
               Text("它不再接收任何消息；未发布的事件在日志里等着，腾出磁盘或内存即可",
                    "it takes no message any more, and what is unpublished waits in the logs: free disk or memory")),
    ]
