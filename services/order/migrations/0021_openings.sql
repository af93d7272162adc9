-- What customers owed, and had paid in advance, when the books were opened: deliveries that belong to no order, receipts of
-- before. `opening_id` is the sheet that they came in. Their tax is not known, and was invoiced before: net = gross.
alter table company add column opened_on date;  -- not known of books that were opened before this
alter table delivery
    alter column order_id drop not null,
    add column opening_id text,
    add constraint of_an_order_or_of_before check (num_nonnulls(order_id, opening_id) = 1);
alter table payment add column opening_id text;
create index delivery_opening on delivery (company, opening_id) where opening_id is not null;
create index payment_opening on payment (company, opening_id) where opening_id is not null;

-- They wait for no invoice, so they do not stand among what does.
drop index delivery_uninvoiced;
create index delivery_uninvoiced on delivery (company, customer_id) include (tax, returned_tax)
    where invoice_id is null and not returned_in_full and order_id is not null;

-- As before, but for that.
create or replace function subledger(of_company text) returns table (role text, key text, amount numeric)
language sql stable set search_path = public, pg_temp as $$
    select 'ar', coalesce(customer_id, ''), coalesce(sum(open), 0)
    from delivery where company = of_company and open <> 0 group by grouping sets ((customer_id), ())
    union all
    select 'advances', coalesce(customer_id, ''), coalesce(sum(unallocated), 0)
    from payment where company = of_company and unallocated > 0 group by grouping sets ((customer_id), ())
    union all
    select 'pending_output_vat', coalesce(customer_id, ''), coalesce(sum(tax), 0) from (
        select customer_id, tax - returned_tax as tax from delivery
        where company = of_company and invoice_id is null and not returned_in_full and order_id is not null
        union all
        select customer_id, -tax from uncredited_return where company = of_company
    ) as pending group by grouping sets ((customer_id), ())
$$;
