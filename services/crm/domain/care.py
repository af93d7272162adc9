"""Contacts (联系人), talks (沟通记录), complaints (投诉): what may be written down. Events carry only ids and times."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from services.crm.domain.refusals import refuse, refuse_company, refuse_moments, refuse_words
from services.crm.domain.values import Complaint, Known
from shared.events import Event
from shared.events.crm import (
    AddContact,
    CommunicationLogged,
    ComplaintFiled,
    ComplaintResolved,
    FileComplaint,
    LogCommunication,
    ResolveComplaint,
)
from shared.refusal import Refusal

OfCustomer = AddContact | LogCommunication | FileComplaint


def add_contacts(commands: Sequence[AddContact], known: Known) -> tuple[list[AddContact], list[Refusal]]:
    """Who is added, and what is refused; nobody else is told of a contact."""
    taken = set(known.taken)
    accepted: list[AddContact] = []
    refusals: list[Refusal] = []
    for command in commands:
        if refusal := _refuse_contact(command, known, taken):
            refusals.append(refusal)
            continue
        taken.add(command.contact_id)
        accepted.append(command)
    return accepted, refusals


def _refuse_contact(command: AddContact, known: Known, taken: set[str]) -> Refusal | None:
    if command.contact_id in taken:
        return refuse(command, "contact_id", "duplicate_contact", command.contact_id, 409)
    return _refuse_customer(command, known) or refuse_words(
        command, name=command.name, title=command.title, phone=command.phone, email=command.email
    )


def _refuse_customer(command: OfCustomer, known: Known) -> Refusal | None:
    if known.currency is None:
        return refuse_company(command)
    if command.customer_id not in known.customers:
        return refuse(command, "customer_id", "unknown_customer", command.customer_id)
    return None


def log_communications(
    commands: Sequence[LogCommunication], known: Known
) -> tuple[list[LogCommunication], list[Event | Refusal]]:
    """The talks to write down, and one outcome per command."""
    taken = set(known.taken)
    accepted: list[LogCommunication] = []
    outcomes: list[Event | Refusal] = []
    for command in commands:
        if refusal := _refuse_communication(command, known, taken):
            outcomes.append(refusal)
            continue
        taken.add(command.communication_id)
        accepted.append(command)
        outcomes.append(CommunicationLogged(
            communication_id=command.communication_id, customer_id=command.customer_id, channel=command.channel,
            talked_at=command.talked_at,
        ))
    return accepted, outcomes


def _refuse_communication(command: LogCommunication, known: Known, taken: set[str]) -> Refusal | None:
    if command.communication_id in taken:
        return refuse(command, "communication_id", "duplicate_communication", command.communication_id, 409)
    if refusal := _refuse_customer(command, known) or _refuse_contact_of(command, known):
        return refusal
    if refusal := refuse_moments(command, talked_at=command.talked_at) or refuse_words(command, text=command.text):
        return refusal
    if command.follow_up_on and command.follow_up_on < command.talked_at.date():
        return refuse(command, "follow_up_on", "follow_up_before_talk", command.follow_up_on.isoformat())
    return None


def _refuse_contact_of(command: LogCommunication, known: Known) -> Refusal | None:
    if command.contact_id is None:
        return None
    owner = known.contacts.get(command.contact_id)
    if owner is None:
        return refuse(command, "contact_id", "unknown_contact", command.contact_id)
    if owner != command.customer_id:
        return refuse(command, "contact_id", "contact_of_other_customer", command.contact_id,
                      customer=command.customer_id)
    return None


def file_complaints(
    commands: Sequence[FileComplaint], known: Known
) -> tuple[list[FileComplaint], list[Event | Refusal]]:
    """The complaints to keep, and one outcome per command."""
    taken = set(known.taken)
    accepted: list[FileComplaint] = []
    outcomes: list[Event | Refusal] = []
    for command in commands:
        if refusal := _refuse_complaint(command, known, taken):
            outcomes.append(refusal)
            continue
        taken.add(command.complaint_id)
        accepted.append(command)
        outcomes.append(ComplaintFiled(
            complaint_id=command.complaint_id, customer_id=command.customer_id, due_at=command.due_at
        ))
    return accepted, outcomes


def _refuse_complaint(command: FileComplaint, known: Known, taken: set[str]) -> Refusal | None:
    """An order that nobody has heard of yet may be on its way; one that is another customer's never becomes right."""
    if command.complaint_id in taken:
        return refuse(command, "complaint_id", "duplicate_complaint", command.complaint_id, 409)
    if refusal := _refuse_customer(command, known):
        return refusal
    if command.order_id and known.orders.get(command.order_id, command.customer_id) != command.customer_id:
        return refuse(command, "order_id", "order_of_other_customer", command.order_id, customer=command.customer_id)
    if refusal := refuse_moments(command, filed_at=command.filed_at, due_at=command.due_at):
        return refusal
    if command.due_at < command.filed_at:
        return refuse(command, "due_at", "due_before_filed", command.due_at.isoformat())
    return refuse_words(command, text=command.text)


def resolve_complaints(
    commands: Sequence[ResolveComplaint], complaints: Mapping[str, Complaint]
) -> tuple[list[ResolveComplaint], list[Event | Refusal]]:
    """What resolves which complaint, and one outcome per command."""
    now = dict(complaints)
    accepted: list[ResolveComplaint] = []
    outcomes: list[Event | Refusal] = []
    for command in commands:
        complaint = now.get(command.complaint_id)
        if complaint is None:
            outcomes.append(refuse(command, "complaint_id", "unknown_complaint", command.complaint_id, 404))
        elif refusal := _refuse_resolution(command, complaint):
            outcomes.append(refusal)
        else:
            now[command.complaint_id] = replace(complaint, resolved=True)
            accepted.append(command)
            outcomes.append(ComplaintResolved(
                complaint_id=command.complaint_id, customer_id=complaint.customer_id, resolved_at=command.resolved_at
            ))
    return accepted, outcomes


def _refuse_resolution(command: ResolveComplaint, complaint: Complaint) -> Refusal | None:
    if complaint.resolved:
        return refuse(command, "complaint_id", "already_resolved", command.complaint_id, 409)
    if refusal := refuse_moments(command, resolved_at=command.resolved_at):
        return refusal
    if command.resolved_at < complaint.filed_at:
        return refuse(command, "resolved_at", "resolved_before_filed", command.resolved_at.isoformat())
    return refuse_words(command, text=command.text)
