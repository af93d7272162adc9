-- What suppliers were owed when the books were opened: bills without lines, of which only the gross is known. `opening_id`
-- is the sheet that they came in. Below zero: what a supplier had been paid too much, which later payments use up.
alter table company add column opened_on date;  -- not known of books that were opened before this
alter table supplier_invoice
    add column opening_id text,
    drop constraint bill_adds_up,
    add constraint bill_adds_up check ((net = accrued + variance or opening_id is not null) and gross = net + tax),
    drop constraint no_more_open_than_billed,
    add constraint no_more_open_than_billed check (open <= greatest(gross, 0));
create index supplier_invoice_opening on supplier_invoice (company, opening_id) where opening_id is not null;
