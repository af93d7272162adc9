-- Which step each draft waits for that was neither posted nor given up: so many rows as drafts are under way, however many
-- there ever were. It follows from `draft` and `draft_step`.
create table draft_waiting (
    company  text not null,
    draft_id text not null,
    step     text not null check (step in ('checked','signed','posted')),
    primary key (company, draft_id),
    foreign key (company, draft_id) references draft
);
create index draft_waiting_step on draft_waiting (company, step, draft_id);

insert into draft_waiting (company, draft_id, step)
select d.company, d.draft_id, case
    when not exists (select from draft_step s
                     where s.company = d.company and s.draft_id = d.draft_id and s.step = 'checked') then 'checked'
    when not exists (select from draft_step s
                     where s.company = d.company and s.draft_id = d.draft_id and s.step = 'signed')
     and exists (select from jsonb_path_query(d.content, '$.**.lines[*].account') as line (account)
                 join role_map m on m.company = d.company and m.ledger = coalesce(d.content ->> 'ledger', 'main')
                                and m.role in ('cash','bank') and m.account = line.account #>> '{}') then 'signed'
    else 'posted' end
from draft d
where not exists (select from draft_step s where s.company = d.company and s.draft_id = d.draft_id
                  and s.step in ('posted','discarded'));

-- From a draft to what was posted of it.
create index journal_draft on journal (company, (facts ->> 'draft_id')) where kind in ('manual', 'correction');

grant select, insert, update, delete on draft_waiting to fenlu_service;
