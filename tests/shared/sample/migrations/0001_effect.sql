-- What the sample services do to the world. Nothing here is unique: an event that is handled twice leaves two rows.
create table effect (
    n       bigint  generated always as identity primary key,
    company text    not null,
    subject text    not null,
    version integer not null
);
