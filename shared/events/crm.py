"""What may be asked of `crm`, and what it says: ids, limits and dates, never a name, a phone number or a text."""

from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import Field

from shared.events.base import MENDERS, NO_NUL, Asked, Command, CommandRejected, Currency, Event, Key, Name, SayAgain
from shared.money import Amount, NonNegativeAmount

Phone = Annotated[str, Field(min_length=3, max_length=40, pattern=NO_NUL)]
Email = Annotated[str, Field(min_length=3, max_length=200, pattern=r"^[^@\s\x00]+@[^@\s\x00]+$")]
Words = Annotated[str, Field(min_length=1, max_length=4000, pattern=NO_NUL)]
Channel = Literal["visit", "phone", "email", "wechat", "meeting", "other"]

# -- commands ---------------------------------------------------------------------------------------------------------


class NewCustomer(Asked):
    customer_id: Key
    name: Name
    credit_limit: NonNegativeAmount
    salesperson: Key | None = None  # who looks after the customer


class RegisterCustomers(Command, owner="crm", allowed={"sales", "admin"}):
    """Add customers (客户档案) with their credit limits (信用额度) in the books' currency."""

    customers: Annotated[tuple[NewCustomer, ...], Field(min_length=1, max_length=1000)]


class ChangeCustomer(Command, owner="crm", allowed={"sales", "admin"}):
    """Change what is known of a customer; what is not given stays."""

    customer_id: Key
    name: Name | None = None
    salesperson: Key | None = None


class ChangeCreditLimit(Command, owner="crm", allowed={"accountant", "chief_accountant"}):
    """Change a customer's credit limit."""

    customer_id: Key
    credit_limit: NonNegativeAmount


class AddContact(Command, owner="crm", allowed={"sales", "admin"}):
    """Add a person to talk to (联系人)."""

    contact_id: Key
    customer_id: Key
    name: Name
    title: Name | None = None
    phone: Phone | None = None
    email: Email | None = None


class LogCommunication(Command, owner="crm", allowed={"sales"}):
    """Write down a talk with a customer (沟通记录)."""

    communication_id: Key
    customer_id: Key
    contact_id: Key | None = None
    channel: Channel
    talked_at: datetime
    text: Words
    follow_up_on: date | None = None


class FileComplaint(Command, owner="crm", allowed={"sales"}):
    """Take a complaint (投诉) with the time by which it must be resolved."""

    complaint_id: Key
    customer_id: Key
    order_id: Key | None = None
    filed_at: datetime
    due_at: datetime
    text: Words
    assignee: Key | None = None


class ResolveComplaint(Command, owner="crm", allowed={"sales"}):
    """Say how a complaint was resolved."""

    complaint_id: Key
    resolved_at: datetime
    text: Words


# -- events -----------------------------------------------------------------------------------------------------------


class CustomerRegistered(Event, owner="crm", about=("customer", "customer_id")):
    customer_id: str
    credit_limit: Amount
    currency: Currency


class CreditLimitChanged(Event, owner="crm", about=("customer", "customer_id")):
    customer_id: str
    credit_limit: Amount
    currency: Currency


class CommunicationLogged(Event, owner="crm", about=("communication", "communication_id")):
    communication_id: str
    customer_id: str
    channel: Channel
    talked_at: datetime


class ComplaintFiled(Event, owner="crm", about=("complaint", "complaint_id")):
    complaint_id: str
    customer_id: str
    due_at: datetime


class ComplaintResolved(Event, owner="crm", about=("complaint", "complaint_id")):
    complaint_id: str
    customer_id: str
    resolved_at: datetime


class CrmCommandRejected(CommandRejected, owner="crm", about=("command", "command_id"), name="command_rejected"):
    pass


class CrmSayAgain(SayAgain, owner="crm", name="say_again", allowed=MENDERS):
    pass
