-- Periods (会计期间): months, closed one after the other, never opened again. A close is a row of the journal, and the first
-- open day follows from the last closed month.

create table closed_period (
    company text   not null,
    period  text   not null check (period ~ '^\d{4}-(0[1-9]|1[0-2])$'),
    entry   bigint not null,
    primary key (company, period)
);

-- Who asked for a close; somebody else has to approve it.
create table close_request (
    company      text        not null,
    period       text        not null check (period ~ '^\d{4}-(0[1-9]|1[0-2])$'),
    requested_by text        not null,
    requested_at timestamptz not null default now(),
    primary key (company, period, requested_by)
);

-- The first month that may be closed is the one in which the books were opened, then the next one, and so on.
create function check_closed_period() returns trigger language plpgsql as $$
declare
    next text;
begin
    select to_char(coalesce(
        (select to_date(max(period), 'YYYY-MM') + interval '1 month' from closed_period where company = new.company),
        (select min(opened_on) from book where company = new.company)
    ), 'YYYY-MM') into next;
    if new.period is distinct from next
       or not exists (select from journal where company = new.company and entry = new.entry and kind = 'close') then
        raise exception 'period % of % cannot be closed: the next one is %', new.period, new.company, next
            using errcode = '23514';
    end if;
    return new;
end $$;

-- A voucher of a closed month was posted before the close, or by it.
create function check_open_period() returns trigger language plpgsql set enable_seqscan = off as $$
declare
    wrong record;
begin
    select h.* into wrong
    from (select company, period, max(entry) as entry, min(seq) as seq from new_headers group by company, period) as h
    join closed_period c on c.company = h.company and c.period = h.period
    where h.entry > c.entry limit 1;
    if found then
        raise exception 'voucher % of %: the period % is closed', wrong.seq, wrong.company, wrong.period
            using errcode = '23514';
    end if;
    return null;
end $$;

create trigger next_in_order before insert on closed_period for each row execute function check_closed_period();
create trigger only_open_periods after insert on voucher referencing new table as new_headers
    for each statement execute function check_open_period();
create trigger append_only before update or delete or truncate on closed_period
    for each statement execute function refuse_change();
create trigger append_only before update or delete or truncate on close_request
    for each statement execute function refuse_change();
alter table closed_period enable always trigger next_in_order;
alter table voucher enable always trigger only_open_periods;
alter table closed_period enable always trigger append_only;
alter table close_request enable always trigger append_only;

-- What the checks before a close look up, so that their cost is that of a month.
create index journal_seal on journal (company, (facts -> 'texts' ->> 'subject'))
    where event_type like '%.period_sealed.v1';
create index journal_shipped_free on journal (company, (facts ->> 'on'))
    where none_zh is not null and event_type = 'inventory.goods_shipped.v1';
create index journal_delivered_free on journal (company, (facts -> 'texts' ->> 'delivery_id'))
    where none_zh is not null and event_type = 'order.sale_delivered.v1';

-- Closing is a row of the journal of the kind `close`, and nothing else: the service may not write here by itself.
create function close_period() returns trigger language plpgsql as $$
begin
    insert into closed_period (company, period, entry) values (new.company, new.facts ->> 'period', new.entry);
    return null;
end $$;
create trigger closes after insert on journal for each row when (new.kind = 'close') execute function close_period();
alter table journal enable always trigger closes;

grant select on closed_period, close_request to fenlu_service;
grant insert on close_request to fenlu_service;
