-- Customers by name.
create index customer_named on customer (company, name, customer_id);
