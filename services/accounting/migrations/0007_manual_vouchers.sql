-- Vouchers made by hand: drafted by one, checked by another one, signed by the cashier where money moves, then posted.

-- Which words (凭证字) the company uses: one for everything (记), or three (收, 付, 转) by what moves money.
alter table book add column words text not null default '记' check (words in ('记','收付转'));

-- What somebody wants to post. `content` is what becomes the facts of the journal row, but for those who sign later.
create table draft (
    company  text        not null,
    draft_id text        not null,
    kind     text        not null check (kind in ('manual','correction')),
    dated    date        not null,
    maker    text        not null,
    content  jsonb       not null,
    made_at  timestamptz not null default now(),
    primary key (company, draft_id)
);
create index draft_dated on draft (company, dated);

-- What became of a draft. Nobody checks their own (不相容职务分离): refused here, too.
create table draft_step (
    company  text        not null,
    draft_id text        not null,
    step     text        not null check (step in ('checked','signed','posted','discarded')),
    who      text        not null,
    why      text,
    at       timestamptz not null default now(),
    primary key (company, draft_id, step),
    foreign key (company, draft_id) references draft
);
create function check_draft_step() returns trigger language plpgsql as $$
begin
    if new.step in ('checked', 'signed') and exists (
        select from draft where company = new.company and draft_id = new.draft_id and maker = new.who
    ) then
        raise exception 'draft % of %: its maker may not be its checker or cashier', new.draft_id, new.company
            using errcode = '23514';
    end if;
    if new.step = 'posted' and not exists (
        select from draft_step where company = new.company and draft_id = new.draft_id and step = 'checked'
    ) then
        raise exception 'draft % of %: it was not checked', new.draft_id, new.company using errcode = '23514';
    end if;
    return new;
end $$;

-- A voucher is corrected once; whatever is wrong with the correction is corrected there.
create table corrected (
    company text   not null,
    ledger  text   not null,
    seq     bigint not null,
    entry   bigint not null,
    primary key (company, ledger, seq)
);

create trigger two_people before insert on draft_step for each row execute function check_draft_step();
create trigger append_only before update or delete or truncate on draft
    for each statement execute function refuse_change();
create trigger append_only before update or delete or truncate on draft_step
    for each statement execute function refuse_change();
create trigger append_only before update or delete or truncate on corrected
    for each statement execute function refuse_change();
alter table draft_step enable always trigger two_people;
alter table draft enable always trigger append_only;
alter table draft_step enable always trigger append_only;
alter table corrected enable always trigger append_only;

-- A correction is a row of the journal that names what it corrects; the service may not write here by itself.
create function mark_corrected() returns trigger language plpgsql as $$
begin
    insert into corrected (company, ledger, seq, entry)
    select company, ledger, seq, new.entry from voucher
    where company = new.company and ledger = new.facts -> 'of' ->> 'ledger'
      and seq = (new.facts -> 'of' ->> 'seq')::bigint;
    if not found then
        raise exception 'journal of %: entry % corrects a voucher that is not there', new.company, new.entry
            using errcode = '23514';
    end if;
    return null;
end $$;
create trigger corrects after insert on journal for each row when (new.kind = 'correction')
    execute function mark_corrected();
alter table journal enable always trigger corrects;

grant select on draft, draft_step, corrected to fenlu_service;
grant insert on draft, draft_step to fenlu_service;
