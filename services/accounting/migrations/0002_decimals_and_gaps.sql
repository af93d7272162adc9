-- Two more things that a voucher is refused for, whatever code made it: amounts that its currency cannot say, and a number
-- that leaves a gap.

-- Decimals of a currency (ISO 4217) that books may be kept in; null for any other.
create function currency_decimals(currency text) returns integer language sql immutable parallel safe as $$
    select case when currency in ('CNY', 'HKD', 'TWD', 'USD', 'EUR', 'GBP') then 2 when currency = 'JPY' then 0 end
$$;

alter table book add constraint known_currency check (currency_decimals(currency) is not null);
-- A line with a foreign amount has that currency; its `amount` is in the books' currency all the same.
alter table voucher_line add constraint decimals_of_the_currency check (
    foreign_amount is not null or amount = round(amount, currency_decimals(currency))
);

create or replace function check_voucher_headers() returns trigger language plpgsql set enable_seqscan = off as $$
declare
    wrong record;
begin
    select h.company, h.seq, h.period, h.word, h.number, l.line is null as bare, j.entry is null as unheard into wrong
    from new_headers h
    left join voucher_line l on l.company = h.company and l.ledger = h.ledger and l.seq = h.seq and l.line = 1
    left join journal j on j.company = h.company and j.entry = h.entry and j.event_id = h.event_id
    left join voucher before on before.company = h.company and before.ledger = h.ledger and before.seq = h.seq - 1
    left join voucher lower on lower.company = h.company and lower.ledger = h.ledger and lower.period = h.period
                           and lower.word = h.word and lower.number = h.number - 1
    where l.line is null or j.entry is null or h.seq > 1 and before.seq is null or h.number > 1 and lower.seq is null
    limit 1;
    if not found then
        return null;
    end if;
    raise exception 'voucher % of %: %', wrong.seq, wrong.company, case
        when wrong.bare then 'a header without lines'
        when wrong.unheard then 'its event is not in the journal'
        else format('number %s of %s %s or its place leaves a gap', wrong.number, wrong.word, wrong.period)
    end using errcode = '23514';
end $$;
