-- The subledger that accounting's control accounts are tied to: balances by pool and supplier, and what was said of them.

-- Moves without value (free goods) lead to no voucher line, so the pieces in the ledger are those of the other moves.
create index stock_move_without_value on stock_move (company, sku, warehouse) include (quantity) where value = 0;
create index stock_adjustment_document on stock_adjustment (company, adjustment_id);

-- The balances as they were stated last; what is zero has no row.
create table stated_balance (
    company text    not null,
    role    text    not null,
    key     text    not null,
    amount  numeric not null check (amount <> 0),
    primary key (company, role, key)
);
grant select, insert, update, delete on stated_balance to fenlu_service;

-- What stock is worth (inventory) and how many pieces came with a value (inventory_quantity), by pool: `sku/warehouse`;
-- what suppliers have billed (payable) and delivered without a bill (accrued_payable), by supplier. The key '' is a whole
-- role. Of pools all are read, of suppliers only what is open.
create function subledger(of_company text) returns table (role text, key text, amount numeric)
language sql stable set search_path = public, pg_temp as $$
    select 'inventory', coalesce(pool, ''), coalesce(sum(value), 0) from (
        select sku || '/' || warehouse as pool, value from stock where company = of_company
    ) as worth group by grouping sets ((pool), ())
    union all
    select 'inventory_quantity', coalesce(pool, ''), coalesce(sum(quantity), 0) from (
        select sku || '/' || warehouse as pool, quantity from stock where company = of_company
        union all
        select sku || '/' || warehouse, -quantity from stock_move where company = of_company and value = 0
    ) as pieces group by grouping sets ((pool), ())
    union all
    select 'payable', coalesce(supplier_id, ''), coalesce(sum(open), 0)
    from supplier_invoice where company = of_company and open <> 0 group by grouping sets ((supplier_id), ())
    union all
    select 'accrued_payable', coalesce(supplier_id, ''), coalesce(sum(accrued), 0)
    from receipt_match where company = of_company and unbilled > 0 group by grouping sets ((supplier_id), ())
$$;
