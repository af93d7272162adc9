-- The journal is the source of everything in the ledger, and not only events lead to vouchers: so do vouchers made by
-- hand, their corrections, and the close of a period. A voucher's origin is its journal row; it names an event where,
-- and only where, that row is one.

-- Beside events: vouchers made by hand (manual) and corrections of vouchers, closes of periods (close), and changes of
-- what later rows are posted by (mapping, pack). Whatever their facts mean is decided by code of a version.
alter table journal
    drop constraint journal_kind_check,
    drop constraint journal_check1,
    add constraint known_kind check (kind in ('books','event','manual','correction','close','mapping','pack')),
    add constraint books_come_first check ((kind = 'books') = (entry = 1)),
    add constraint whole_event check (num_nulls(event_id, event_type, source) in (0, 3)),
    add constraint positions_are_of_events check (position is null or event_id is not null),
    add constraint readable check (kind = 'books' or reader_version is not null),
    -- The first day that took vouchers when the row was accepted: what happened earlier is booked on it. Rows from before
    -- this migration have none; theirs is the first day of the books.
    add column open_from date,
    add constraint dated check (open_from is not null) not valid;

-- The day of the business stays where a voucher is booked later, because its month was closed. Vouchers from before this
-- migration have none; it stands in the facts of their journal rows.
alter table voucher
    add column business_date date,
    add constraint business_dated check (business_date is not null) not valid,
    alter column event_id drop not null,
    alter column event_type drop not null,
    alter column source drop not null,
    add constraint whole_event check (num_nulls(event_id, event_type, source) in (0, 3)),
    add constraint positions_are_of_events check (position is null or event_id is not null);
-- As for events: one voucher per journal row, rule and part.
create unique index voucher_entry_once on voucher (company, ledger, entry, rule_id, part) where event_id is null;

-- As before, but the journal row may be of another kind; the opening of the books leads to no voucher.
create or replace function check_voucher_headers() returns trigger language plpgsql set enable_seqscan = off as $$
declare
    wrong record;
begin
    select h.company, h.seq, l.seq is distinct from h.seq as bare into wrong
    from new_headers h
    left join lateral (select seq from voucher_line
                       where company = h.company and ledger = h.ledger and seq >= h.seq
                       order by seq, line limit 1) as l on true
    left join lateral (select entry, event_id, kind from journal
                       where company = h.company and entry >= h.entry order by entry limit 1) as j on true
    where l.seq is distinct from h.seq or j.kind = 'books'
       or (j.entry, j.event_id) is distinct from (h.entry, h.event_id)
    limit 1;
    if found then
        raise exception 'voucher % of %: %', wrong.seq, wrong.company,
            case when wrong.bare then 'a header without lines' else 'its origin is not in the journal' end
            using errcode = '23514';
    end if;
    -- Places and numbers are unique: as many as from the first to the last, right after the last one before, is all.
    select g.* into wrong from (
        select company, min(seq) as first, 'its place leaves a gap' as what,
               max(seq) - min(seq) + 1 = count(*) as close,
               min(seq) = 1 + coalesce((select max(v.seq) from voucher v where v.company = h.company
                                        and v.ledger = h.ledger and v.seq < min(h.seq)), 0) as follows
        from new_headers h group by company, ledger
        union all
        select company, min(seq), format('number %s of %s %s or its place leaves a gap', min(number), word, period),
               max(number) - min(number) + 1 = count(*),
               min(number) = 1 + coalesce((select max(v.number) from voucher v where v.company = h.company
                                           and v.ledger = h.ledger and v.period = h.period and v.word = h.word
                                           and v.number < min(h.number)), 0)
        from new_headers h group by company, ledger, period, word
    ) as g
    where not (g.close and g.follows)
    limit 1;
    if found then
        raise exception 'voucher % of %: %', wrong.first, wrong.company, wrong.what using errcode = '23514';
    end if;
    return null;
end $$;

drop function journal_books(text, text, jsonb, text, integer, integer);
create function journal_books(
    company text, actor text, facts jsonb, standard text, pack_version integer, mapping_version integer, open_from date
) returns void language sql security definer set search_path = public, pg_temp as $$
    insert into journal (company, entry, kind, actor, facts, standard, pack_version, mapping_version, open_from)
    values ($1, 1, 'books', $2, $3, $4, $5, $6, $7)
$$;

-- The posting path: journal rows, vouchers and lines in one statement, so that the triggers see each voucher whole, and
-- the sums that follow from them. Per producer, fewer events in `heard` than the last position is a hole.
drop function post_vouchers(
    text, text, text, text, integer, integer,
    bigint[], uuid[], text[], text[], bigint[], text[], jsonb[], integer[], text[], text[],
    integer,
    bigint[], bigint[], text[], text[], bigint[], date[], text[], text[], text[], text[],
    uuid[], text[], text[], bigint[], text[], integer[], integer[],
    bigint[], integer[], text[], text[], text[], numeric[], text[], text[], text[], text[], text[], numeric[], text[]
);
create function post_vouchers(
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
end $$;

revoke all on function journal_books, post_vouchers from public;
grant execute on function journal_books, post_vouchers to fenlu_service;
