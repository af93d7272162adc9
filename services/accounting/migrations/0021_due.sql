-- The day until which an item is to be paid, where its document says one; of others it is the day of the document and the
-- terms that who asks has in mind.
alter table open_item add column due date;
