-- How many were given up of late is looked at every minute.
create index delivery_failed on delivery (due) where state = 'failed';
create index delivery_waits on delivery (company, subscription_id, made_at) where state = 'due';
