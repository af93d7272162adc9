-- The subledger that accounting's control accounts are tied to: balances by customer, and what was said of them.

-- Returns of invoiced goods that no credit note covers yet: their tax is still to be taken back. It holds what is open
-- only, so that what they come to can be summed without reading all returns.
create table uncredited_return (
    company     text    not null,
    return_id   text    not null,
    customer_id text    not null,
    tax         numeric not null,
    primary key (company, return_id),
    foreign key (company, return_id) references sale_return
);
insert into uncredited_return
select r.company, r.return_id, r.customer_id, r.tax from sale_return r
where r.invoice_id is not null
  and not exists (select from credited_return c where c.company = r.company and c.return_id = r.return_id);
create index delivery_uninvoiced on delivery (company, customer_id) include (tax, returned_tax)
    where invoice_id is null and not returned_in_full;

-- The balances as they were stated last; what is zero has no row.
create table stated_balance (
    company text    not null,
    role    text    not null,
    key     text    not null,
    amount  numeric not null check (amount <> 0),
    primary key (company, role, key)
);
grant select, insert, update, delete on stated_balance, uncredited_return to fenlu_service;

-- What customers owe (ar), have paid in advance (advances), and of what they got the tax that is not invoiced yet
-- (pending_output_vat), by customer, and in all under the key ''. Only open items are read, each through its index.
create function subledger(of_company text) returns table (role text, key text, amount numeric)
language sql stable set search_path = public, pg_temp as $$
    select 'ar', coalesce(customer_id, ''), coalesce(sum(open), 0)
    from delivery where company = of_company and open <> 0 group by grouping sets ((customer_id), ())
    union all
    select 'advances', coalesce(customer_id, ''), coalesce(sum(unallocated), 0)
    from payment where company = of_company and unallocated > 0 group by grouping sets ((customer_id), ())
    union all
    select 'pending_output_vat', coalesce(customer_id, ''), coalesce(sum(tax), 0) from (
        select customer_id, tax - returned_tax as tax from delivery
        where company = of_company and invoice_id is null and not returned_in_full
        union all
        select customer_id, -tax from uncredited_return where company = of_company
    ) as pending group by grouping sets ((customer_id), ())
$$;
