-- What operators need to look after messages that could not be handled: all that a message had, so that it can be handled
-- again as it came; who did what about it and why; and that somebody let it go.

-- A dismissed message stays here for ever, and counts no more.
alter table rejected
    add column sender       text,
    add column message_id   text,
    add column content_type text,
    add column dismissed_at timestamptz;
create index rejected_open on rejected (at, id) where dismissed_at is null;

-- What operators did: rows are inserted, and once it is done the outcome of a retry is filled in.
create table intervention (
    n          bigint      generated always as identity primary key,
    company    text        not null,
    message_id uuid        not null,
    what       text        not null check (what in ('retry', 'dismiss')),
    actor      text        not null,
    why        text,
    at         timestamptz not null,
    done_at    timestamptz,
    outcome    text
);
create index intervention_message on intervention (company, message_id);
create index intervention_asked on intervention (n) where done_at is null;
create trigger done_once before update on intervention for each row when (
    old.done_at is not null
    or (old.n, old.company, old.message_id, old.what, old.actor, old.why, old.at) is distinct from
       (new.n, new.company, new.message_id, new.what, new.actor, new.why, new.at)
) execute function refuse_change();
create trigger append_only before delete or truncate on intervention
    for each statement execute function refuse_change();
alter table intervention enable always trigger done_once;
alter table intervention enable always trigger append_only;

-- Both in one shape. `whose` is the company that a message names; null if it names none.
create view leftover as
    select 'rejected' as place, company, coalesce(nullif(company, ''), headers ->> 'cloudEvents_company') as whose, id,
           routing_key, at, reason, dismissed_at, sender, message_id, content_type, headers, body
    from rejected
    union all
    select 'pending', company, company, event_id, headers ->> 'cloudEvents_type', since, null, null, null,
           event_id::text, null, headers, body
    from pending;

grant select on intervention, leftover to fenlu_service;
grant insert, update (done_at, outcome) on intervention to fenlu_service;
grant update (dismissed_at) on rejected to fenlu_service;
