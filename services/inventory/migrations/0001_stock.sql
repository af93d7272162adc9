-- Products, the stock of every pool, its append-only ledger, and what the orders hold of it.

-- Companies whose books are open. Heard from accounting.
create table company (
    company  text primary key,
    currency text not null
);

-- `standard_cost` values what leaves a pool of which no cost was ever known.
create table product (
    company       text not null,
    sku           text not null,
    name          text not null,
    unit          text not null,
    standard_cost numeric check (standard_cost >= 0),
    primary key (company, sku)
);

-- Whether stock may go negative (负库存): the last decision said counts for documents from its date on; none means no.
create table negative_stock (
    company      text    not null,
    said         bigint  generated always as identity,
    allowed_from date    not null,
    allow        boolean not null,
    primary key (company, said)
);
create trigger append_only before update or delete or truncate on negative_stock
    for each statement execute function refuse_change();
alter table negative_stock enable always trigger append_only;

-- A pool: what lies of one product in one warehouse, valued together. Unit cost is value / quantity and stands nowhere;
-- `last_cost` is what a unit cost when something was last there. Where negative stock is allowed, the quantity and with
-- it the value may be below zero, and orders may reserve more than is there.
-- `moves` counts the movements in this pool's stream; whoever holds the row lock writes the next one.
-- Rows are updated all day, so the pages keep room for HOT updates.
create table stock (
    company   text    not null,
    sku       text    not null,
    warehouse text    not null,
    quantity  numeric not null default 0,
    value     numeric not null default 0,
    reserved  numeric not null default 0 check (reserved >= 0),
    moves     bigint  not null default 0 check (moves >= 0),
    last_cost numeric check (last_cost >= 0),
    primary key (company, sku, warehouse),
    constraint value_has_the_sign_of_quantity check (quantity * value >= 0),
    constraint nothing_is_worth_nothing check (quantity <> 0 or value = 0)
) with (fillfactor = 80);

-- The stock ledger (存货明细账): every movement, in the order of valuation `n`, gapless per pool. Quantity and value are
-- signed; `*_after` is what the pool holds then: the moves so far and the adjustments since then or before.
-- `origin` is the move whose cost a return takes; `claimed` what the supplier takes goods back at: the value is that and
-- what the pool had to give on top.
create table stock_move (
    company        text    not null,
    sku            text    not null,
    warehouse      text    not null,
    n              bigint  not null check (n > 0),
    kind           text    not null check (kind in
                   ('opening', 'receipt', 'shipment', 'customer_return', 'purchase_return', 'count')),
    document_id    text    not null,
    line           integer not null,
    order_id       text,
    moved_on       date    not null,
    quantity       numeric not null check (quantity <> 0),
    value          numeric not null,
    quantity_after numeric not null,
    value_after    numeric not null,
    origin         bigint,
    claimed        numeric check (claimed >= 0),
    primary key (company, sku, warehouse, n),
    constraint direction_of_kind
        check (kind = 'count' or (kind in ('shipment', 'purchase_return')) = (quantity < 0)),
    constraint orders_of_kind check ((kind in ('shipment', 'customer_return')) = (order_id is not null)),
    constraint origin_of_returns check ((kind in ('customer_return', 'purchase_return')) = (origin is not null)),
    constraint returned_after_origin check (origin < n),
    constraint claim_of_purchase_returns check ((kind = 'purchase_return') = (claimed is not null)),
    constraint value_has_the_sign_of_quantity check (quantity_after * value_after >= 0),
    constraint nothing_is_worth_nothing check (quantity_after <> 0 or value_after = 0)
);
create index stock_move_of_document on stock_move (company, document_id, kind);
create index stock_move_returned on stock_move (company, sku, warehouse, origin) where origin is not null;
create trigger append_only before update or delete or truncate on stock_move
    for each statement execute function refuse_change();
alter table stock_move enable always trigger append_only;

-- What is known now of moves whose cost came late; of all others it is what was booked. Of a receipt the cost with all its
-- bills; of a return to the supplier the share of its receipt. Pools are valued by this, so it may change.
create table known_cost (
    company     text    not null,
    sku         text    not null,
    warehouse   text    not null,
    n           bigint  not null,
    value       numeric not null,
    value_after numeric not null,
    primary key (company, sku, warehouse, n),
    foreign key (company, sku, warehouse, n) references stock_move
);

-- What changed a pool's value without a movement (CostAdjusted): late costs, and negative stock that was settled. A pool
-- is worth its moves' values and its adjustments' `stock`; `since` is the first move whose `value_after` holds it.
create table stock_adjustment (
    company       text    not null,
    sku           text    not null,
    warehouse     text    not null,
    since         bigint  not null check (since > 0),
    adjustment_id text    not null,
    stock         numeric not null,
    consumed      numeric not null,
    primary key (company, sku, warehouse, since, adjustment_id)
);
create trigger append_only before update or delete or truncate on stock_adjustment
    for each statement execute function refuse_change();
alter table stock_adjustment enable always trigger append_only;

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

-- A return from a customer (销售退货); its lines are its moves.
create table goods_return (
    company     text    not null,
    return_id   text    not null,
    shipment_id text    not null,
    order_id    text    not null,
    returned_on date    not null,
    warehouse   text    not null,
    currency    text    not null,
    cost        numeric not null,
    primary key (company, return_id),
    foreign key (company, shipment_id) references shipment
);
create index goods_return_of_order on goods_return (company, order_id);
create trigger append_only before update or delete or truncate on goods_return
    for each statement execute function refuse_change();
alter table goods_return enable always trigger append_only;

-- A stocktake (盘点) and who entered it, since somebody else approves it.
create table stock_count (
    company    text    not null,
    count_id   text    not null,
    counted_on date    not null,
    counted_by text    not null,
    warehouse  text    not null,
    currency   text    not null,
    gain       numeric not null check (gain >= 0),
    loss       numeric not null check (loss >= 0),
    primary key (company, count_id)
);
create trigger append_only before update or delete or truncate on stock_count
    for each statement execute function refuse_change();
alter table stock_count enable always trigger append_only;

create table stock_count_line (
    company  text    not null,
    count_id text    not null,
    line     integer not null,
    sku      text    not null,
    booked   numeric not null,
    counted  numeric not null check (counted >= 0),
    gain     numeric not null check (gain >= 0),
    loss     numeric not null check (loss >= 0),
    primary key (company, count_id, line),
    foreign key (company, count_id) references stock_count
);
create trigger append_only before update or delete or truncate on stock_count_line
    for each statement execute function refuse_change();
alter table stock_count_line enable always trigger append_only;

create table stock_count_approval (
    company     text not null,
    count_id    text not null,
    approved_on date not null,
    approved_by text not null,
    primary key (company, count_id),
    foreign key (company, count_id) references stock_count
);
create trigger append_only before update or delete or truncate on stock_count_approval
    for each statement execute function refuse_change();
alter table stock_count_approval enable always trigger append_only;
