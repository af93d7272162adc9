-- The tables of the kernel; the same in every service's database.

create function refuse_change() returns trigger language plpgsql as $$
begin
    raise exception 'rows of % are never changed or deleted', tg_table_name using errcode = '23514';
end $$;

-- The log: every event this service ever said, byte for byte. Rows are inserted once; the relay fills in `position` once
-- the transaction is committed, because the order of inserts (`seq`) is not the order of commits.
create table event (
    company        text        not null,
    id             uuid        not null,
    seq            bigint      generated always as identity,
    subject        text        not null,
    version        integer     not null check (version > 0),
    type           text        not null,
    time           timestamptz not null,
    actor          text        not null,
    correlation_id uuid        not null,
    causation_id   uuid,
    traceparent    text,
    body           bytea       not null check (octet_length(body) <= 1000000),
    position       bigint      check (position > 0),
    primary key (company, id),
    unique (company, subject, version),
    unique (company, position)
);
create index event_unplaced on event (seq) where position is null;

-- An event gets its position once; nothing else of it ever changes. The condition costs less than a call of a function.
create trigger placed_once before update on event for each row when (
    old.position is not null or new.position is null
    or (old.company, old.id, old.seq, old.subject, old.version, old.type, old.time, old.actor, old.correlation_id,
        old.causation_id, old.traceparent, old.body) is distinct from
       (new.company, new.id, new.seq, new.subject, new.version, new.type, new.time, new.actor, new.correlation_id,
        new.causation_id, new.traceparent, new.body)
) execute function refuse_change();
create trigger append_only before delete or truncate on event for each statement execute function refuse_change();
alter table event enable always trigger placed_once;
alter table event enable always trigger append_only;

-- How far the relay has published the log of each company. The outbox is this cursor.
create table relay_cursor (
    company   text   primary key,
    published bigint not null
);

-- What was handled: the event id goes in with its effect, and stays for ever.
create table inbox (
    company  text    not null,
    event_id uuid    not null,
    source   text    not null,
    subject  text    not null,
    version  integer not null,
    primary key (company, event_id)
);
create index inbox_version on inbox (company, source, subject, version);
create trigger append_only before update or delete or truncate on inbox
    for each statement execute function refuse_change();
alter table inbox enable always trigger append_only;

-- Events that came before an earlier version of their aggregate; they go on as soon as that one is handled.
create table pending (
    company  text        not null,
    event_id uuid        not null,
    source   text        not null,
    subject  text        not null,
    version  integer     not null,
    headers  jsonb       not null,
    body     bytea       not null,
    since    timestamptz not null,
    primary key (company, event_id)
);
create index pending_subject on pending (company, source, subject, version);

-- What could not be handled, with its raw bytes and the reason.
create table rejected (
    company     text        not null,
    id          uuid        not null,
    digest      bytea       not null,
    routing_key text        not null,
    headers     jsonb       not null,
    body        bytea       not null,
    reason      text        not null,
    at          timestamptz not null,
    primary key (company, id)
);
create index rejected_digest on rejected (digest);

-- What was asked, and how it was answered; shared by HTTP and queue, kept for ever.
create table command (
    company   text        not null,
    principal text        not null,
    key       text        not null,
    type      text        not null,
    hash      bytea       not null,
    status    smallint    not null,
    answer    jsonb       not null,
    at        timestamptz not null,
    primary key (company, principal, key)
);
create trigger append_only before update or delete or truncate on command
    for each statement execute function refuse_change();
alter table command enable always trigger append_only;
