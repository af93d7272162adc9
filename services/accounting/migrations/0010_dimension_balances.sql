-- Balances by dimension (辅助核算): what subsidiary ledgers, the quantity ledger and the statements' split of receivables
-- open with. They are moved behind the posting, by place in the posting order, so that posting waits for none of it; a
-- reader adds the lines after `dimension_head.seq` himself. Both follow from the lines and can be made again from them.
create table dimension_balance (
    company      text          not null,
    ledger       text          not null,
    account      text          not null,
    period       text          not null,
    customer     text          not null,  -- '' where a line has none, here and below
    supplier     text          not null,
    product      text          not null,
    warehouse    text          not null,
    salesperson  text          not null,
    debit        numeric(22,4) not null,
    credit       numeric(22,4) not null,
    quantity_in  numeric(20,6) not null,  -- of debit lines, signed as their amounts
    quantity_out numeric(20,6) not null,  -- of credit lines
    primary key (company, ledger, account, period, customer, supplier, product, warehouse, salesperson)
);
create table dimension_head (
    company text   not null,
    ledger  text   not null,
    seq     bigint not null,
    primary key (company, ledger)
);
grant select on dimension_balance, dimension_head to fenlu_service;

-- Moves the balances over the next vouchers, at most $3 of them; returns the place reached. The posting writer holds the
-- book while it takes places, so whatever stands at or before the last visible place is visible.
create function advance_dimensions(text, text, bigint) returns bigint
language plpgsql security definer set search_path = public, pg_temp as $$
declare
    done bigint;
    upto bigint;
begin
    insert into dimension_head values ($1, $2, 0) on conflict do nothing;
    select h.seq into done from dimension_head h where h.company = $1 and h.ledger = $2 for update;
    select least(done + $3, max(v.seq)) into upto from voucher v where v.company = $1 and v.ledger = $2;
    if upto is null or upto <= done then
        return done;
    end if;
    insert into dimension_balance as b
    select $1, $2, l.account, l.period, coalesce(l.customer, ''), coalesce(l.supplier, ''), coalesce(l.product, ''),
           coalesce(l.warehouse, ''), coalesce(l.salesperson, ''),
           coalesce(sum(l.amount) filter (where l.side = 'D'), 0),
           coalesce(sum(l.amount) filter (where l.side = 'C'), 0),
           coalesce(sum(l.quantity) filter (where l.side = 'D'), 0),
           coalesce(sum(l.quantity) filter (where l.side = 'C'), 0)
    from (select * from voucher_line where company = $1 and ledger = $2 and seq > done and seq <= upto
          order by company, ledger, seq, line) as l  -- by this index, also without statistics
    group by 3, 4, 5, 6, 7, 8, 9
    on conflict (company, ledger, account, period, customer, supplier, product, warehouse, salesperson)
    do update set debit = b.debit + excluded.debit, credit = b.credit + excluded.credit,
                  quantity_in = b.quantity_in + excluded.quantity_in,
                  quantity_out = b.quantity_out + excluded.quantity_out;
    update dimension_head set seq = upto where company = $1 and ledger = $2;
    return upto;
end $$;
revoke all on function advance_dimensions from public;
grant execute on function advance_dimensions to fenlu_service;
