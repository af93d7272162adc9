-- Orders by their amount, and by the beginning of their number, whatever the database's locale sorts like.
create index sales_order_gross on sales_order (company, gross, order_id);
create index sales_order_state_gross on sales_order (company, state, gross, order_id);
create index sales_order_number on sales_order (company, order_id collate "C");
