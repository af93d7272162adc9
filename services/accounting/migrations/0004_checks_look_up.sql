-- The same checks as before, of the same things, at a cost that does not grow with the ledger. As joins they let the
-- planner choose a merge with the whole index of vouchers, once per posting, or even once per new voucher. Now what is
-- new is summed up first, and the rows that it must fit are looked up one by one. Each look-up asks for the first row in
-- the order of its index: then no other index serves as well, also while Postgres has no statistics of a young ledger.

create or replace function check_voucher_lines() returns trigger language plpgsql set enable_seqscan = off as $$
declare
    wrong record;
begin
    select l.*, h.line_count,
           h.seq is not distinct from l.seq and h.period = l.first_period and h.period = l.last_period as at_home
    into wrong
    from (
        select n.company, n.ledger, n.seq,
               count(*)                                                          as lines,
               max(n.line)                                                       as last_line,
               min(n.period)                                                     as first_period,
               max(n.period)                                                     as last_period,
               min(n.account) filter (where a.takes_lines is not true)           as bad_account,
               min(n.currency) filter (where n.currency is distinct from b.currency and n.foreign_amount is null
                                             or b.currency is null)              as bad_currency,
               coalesce(sum(case n.side when 'D' then n.amount else -n.amount end)
                        filter (where a.kind is distinct from 'memo'), 0)        as difference,
               coalesce(sum(case n.side when 'D' then n.amount else -n.amount end)
                        filter (where a.kind = 'memo'), 0)                       as memo_difference
        from new_lines n
        left join lateral (select takes_lines, kind from account
                           where company = n.company and ledger = n.ledger and code = n.account limit 1) as a on true
        left join lateral (select currency from book
                           where company = n.company and ledger = n.ledger limit 1) as b on true
        group by n.company, n.ledger, n.seq
    ) as l
    left join lateral (select seq, period, line_count from voucher
                       where company = l.company and ledger = l.ledger and seq >= l.seq
                       order by seq limit 1) as h on true
    where h.seq is distinct from l.seq or h.period <> l.first_period or h.period <> l.last_period
       or l.bad_account is not null or l.bad_currency is not null
       or l.lines <> h.line_count or l.last_line <> h.line_count or l.difference <> 0 or l.memo_difference <> 0
    limit 1;
    if not found then
        return null;
    end if;
    raise exception 'voucher % of %: %', wrong.seq, wrong.company, case
        when not wrong.at_home then 'lines without a header of their period'
        when wrong.bad_account is not null
            then format('account %s is not in the chart or takes no lines', wrong.bad_account)
        when wrong.bad_currency is not null then format('currency %s is not the books'' currency', wrong.bad_currency)
        when wrong.lines <> wrong.line_count or wrong.last_line <> wrong.line_count
            then format('%s lines at once, header says %s', wrong.lines, wrong.line_count)
        else format('does not balance: debits - credits = %s, memo accounts %s',
                    wrong.difference, wrong.memo_difference)
    end using errcode = '23514';
end $$;

create or replace function check_voucher_headers() returns trigger language plpgsql set enable_seqscan = off as $$
declare
    wrong record;
begin
    select h.company, h.seq, l.seq is distinct from h.seq as bare into wrong
    from new_headers h
    left join lateral (select seq from voucher_line
                       where company = h.company and ledger = h.ledger and seq >= h.seq
                       order by seq, line limit 1) as l on true
    left join lateral (select entry, event_id from journal
                       where company = h.company and entry >= h.entry order by entry limit 1) as j on true
    where l.seq is distinct from h.seq or (j.entry, j.event_id) is distinct from (h.entry, h.event_id)
    limit 1;
    if found then
        raise exception 'voucher % of %: %', wrong.seq, wrong.company,
            case when wrong.bare then 'a header without lines' else 'its event is not in the journal' end
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
