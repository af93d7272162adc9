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

-- Whoever closes writes a journal row of kind `close`, and that is all: only the posting path does it.
create function close_periods(company text, entries bigint[], kinds text[], facts jsonb[]) returns void
language sql security definer set search_path = public, pg_temp as $$
    insert into closed_period (company, period, entry)
    select $1, j.facts ->> 'period', j.entry from unnest($2, $3, $4) as j (entry, kind, facts) where j.kind = 'close'
$$;

-- As before; after the vouchers of a close its month is closed.
create or replace function post_vouchers(
    -- company, ledger, currency, standard, pack_version, mapping_version, open_from
    text, text, text, text, integer, integer, date,
    -- journal: entry, kind, event_id, event_type, source, position, actor, facts, reader_version, none_zh, none_en
    bigint[], text[], uuid[], text[], text[], bigint[], text[], jsonb[], integer[], text[], text[],
    -- vouchers: seq, entry, period, word, number, voucher_date, business_date, summary, attachments, maker, checker,
    -- poster, cashier, event_id, event_type, source, position, rule_id, rule_version, part, line_count
    bigint[], bigint[], text[], text[], bigint[], date[], date[], text[], integer[], text[], text[],
    text[], text[], uuid[], text[], text[], bigint[], text[], integer[], integer[], integer[],
    -- lines: seq, line, period, account, side, amount, customer, supplier, product, warehouse, salesperson, quantity,
    -- summary
    bigint[], integer[], text[], text[], text[], numeric[], text[], text[], text[], text[], text[], numeric[], text[]
) returns void language plpgsql security definer set search_path = public, pg_temp as $$
begin
    with journaled as (
        insert into journal (company, standard, pack_version, mapping_version, open_from, entry, kind, event_id,
                             event_type, source, position, actor, facts, reader_version, none_zh, none_en)
        select $1, $4, $5, $6, $7, j.*
        from unnest($8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18) as j
        returning source, position
    ), counted as (
        insert into heard as h (company, source, events, position)
        select $1, source, count(*), coalesce(max(position), 0)
        from journaled where source is not null group by source
        on conflict (company, source)
        do update set events = h.events + excluded.events, position = greatest(h.position, excluded.position)
    ), headed as (
        insert into voucher (company, ledger, seq, entry, period, word, number, voucher_date, business_date, summary,
                             attachments, maker, checker, poster, cashier, event_id, event_type, source, position,
                             rule_id, rule_version, part, line_count)
        select $1, $2, v.*
        from unnest($19, $20, $21, $22, $23, $24, $25, $26, $27, $28, $29, $30, $31, $32, $33, $34, $35, $36, $37, $38,
                    $39) as v
    ), lined as (
        insert into voucher_line (company, ledger, currency, seq, line, period, account, side, amount, customer,
                                  supplier, product, warehouse, salesperson, quantity, summary)
        select $1, $2, $3, l.*
        from unnest($40, $41, $42, $43, $44, $45, $46, $47, $48, $49, $50, $51, $52) as l
        returning period, account, side, amount
    )
    insert into period_balance as b (company, ledger, period, account, debit, credit)
    select $1, $2, period, account,
           coalesce(sum(amount) filter (where side = 'D'), 0), coalesce(sum(amount) filter (where side = 'C'), 0)
    from lined group by period, account
    on conflict (company, ledger, period, account)
    do update set debit = b.debit + excluded.debit, credit = b.credit + excluded.credit;
    if 'close' = any ($9) then
        perform close_periods($1, $8, $9, $15);
    end if;
end $$;

revoke all on function close_periods from public;
grant select on closed_period, close_request to fenlu_service;
grant insert on close_request to fenlu_service;
