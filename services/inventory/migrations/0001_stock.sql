-- Products, the stock of every pool, its append-only ledger, and what the orders hold of it.

-- Companies whose books are open. Heard from accounting.
create table company (
    company  text primary key,
    currency text not null
);

create table product (
    company text not null,
    sku     text not null,
    name    text not null,
    unit    text not null,
    primary key (company, sku)
);

-- A pool: what lies of one product in one warehouse, valued together. Unit cost is value / quantity and stands nowhere.
-- `moves` counts the movements in this pool's stream; whoever holds the row lock writes the next one.
-- Rows are updated all day, so the pages keep room for HOT updates.
create table stock (
    company   text    not null,
    sku       text    not null,
    warehouse text    not null,
    quantity  numeric not null default 0 check (quantity >= 0),
    value     numeric not null default 0 check (value >= 0),
    reserved  numeric not null default 0,
    moves     bigint  not null default 0 check (moves >= 0),
    primary key (company, sku, warehouse),
    constraint reserved_is_there check (reserved between 0 and quantity),
    constraint nothing_is_worth_nothing check (quantity > 0 or value = 0)
) with (fillfactor = 80);

-- The stock ledger (存货明细账): every movement, in the order of valuation `n`, gapless per pool. Quantity and value are
-- signed; `*_after` is what the pool holds then.
create table stock_move (
    company        text    not null,
    sku            text    not null,
    warehouse      text    not null,
    n              bigint  not null check (n > 0),
    kind           text    not null check (kind in ('opening', 'receipt', 'shipment')),
    document_id    text    not null,
    line           integer not null,
    order_id       text,
    moved_on       date    not null,
    quantity       numeric not null check (quantity <> 0),
    value          numeric not null,
    quantity_after numeric not null check (quantity_after >= 0),
    value_after    numeric not null check (value_after >= 0),
    primary key (company, sku, warehouse, n),
    check ((kind = 'shipment') = (quantity < 0)),
    check ((kind = 'shipment') = (order_id is not null)),
    check (quantity_after > 0 or value_after = 0)
);
create trigger append_only before update or delete or truncate on stock_move
    for each statement execute function refuse_change();
alter table stock_move enable always trigger append_only;

create table opening (
    company    text    not null,
    opening_id text    not null,
    opened_on  date    not null,
    warehouse  text    not null,
    cost       numeric not null,
    primary key (company, opening_id)
);
create trigger append_only before update or delete or truncate on opening
    for each statement execute function refuse_change();
alter table opening enable always trigger append_only;

create table receipt (
    company     text    not null,
    receipt_id  text    not null,
    supplier_id text    not null,
    received_on date    not null,
    warehouse   text    not null,
    currency    text    not null,
    cost        numeric not null,
    primary key (company, receipt_id)
);
create trigger append_only before update or delete or truncate on receipt
    for each statement execute function refuse_change();
alter table receipt enable always trigger append_only;

-- What the supplier's bill will be matched with.
create table receipt_line (
    company    text    not null,
    receipt_id text    not null,
    line       integer not null,
    sku        text    not null,
    quantity   numeric not null check (quantity > 0),
    unit_cost  numeric not null check (unit_cost >= 0),
    cost       numeric not null check (cost >= 0),
    primary key (company, receipt_id, line),
    foreign key (company, receipt_id) references receipt
);
create trigger append_only before update or delete or truncate on receipt_line
    for each statement execute function refuse_change();
alter table receipt_line enable always trigger append_only;

-- What an order gets from stock. `place` is its place in the queue of those that wait.
create table fulfilment (
    company   text    not null,
    order_id  text    not null,
    warehouse text    not null,
    state     text    not null check (state in ('short', 'reserved', 'shipped', 'released')),
    approved  boolean not null default false,
    place     bigint  generated always as identity,
    primary key (company, order_id)
) with (fillfactor = 80);

-- `waiting` is the order's place while it is short, else null: the index below holds the backlog only, not history.
create table fulfilment_line (
    company   text    not null,
    order_id  text    not null,
    line      integer not null,
    warehouse text    not null,
    sku       text    not null,
    ordered   numeric not null check (ordered > 0),
    reserved  numeric not null default 0 check (reserved >= 0),
    shipped   numeric not null default 0 check (shipped >= 0),
    waiting   bigint,
    primary key (company, order_id, line),
    foreign key (company, order_id) references fulfilment,
    check (reserved + shipped <= ordered),
    check (waiting is null or reserved = 0)
) with (fillfactor = 80);
create index fulfilment_line_waiting on fulfilment_line (company, sku, warehouse, waiting) include (order_id, ordered)
    where waiting is not null;

create table shipment (
    company     text    not null,
    shipment_id text    not null,
    order_id    text    not null,
    shipped_on  date    not null,
    cost        numeric not null,
    primary key (company, shipment_id),
    foreign key (company, order_id) references fulfilment
);
create index shipment_of_order on shipment (company, order_id);
create trigger append_only before update or delete or truncate on shipment
    for each statement execute function refuse_change();
alter table shipment enable always trigger append_only;
