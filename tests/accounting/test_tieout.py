"""The decisions of tie-out: what is to be looked into, which event is the first, and where to look next."""

from decimal import Decimal

from services.accounting import packs
from services.accounting.domain import tieout
from services.accounting.domain.tieout import ROLES, Parting, Place, Search, Sides

STOCK = Place("main", "inventory", "TEA/main")
WHOLE = Place("main", "inventory", "")


def sides(stated: str, posted: str) -> Sides:
    return Sides(Decimal(stated), Decimal(posted))


def search(found_at: int = 900, since: int = 700, after: int = 700, until: int = 900) -> Search:
    return Search(STOCK, "inventory", sides("5", "0"), found_at, since, after, until)


def test_a_whole_that_its_keys_explain_is_no_difference_of_its_own() -> None:
    assert tieout.apart({STOCK: sides("5", "3"), WHOLE: sides("9", "7")}) == {STOCK: sides("5", "3")}
    assert tieout.apart({STOCK: sides("5", "3"), WHOLE: sides("9", "8")}).keys() == {STOCK, WHOLE}
    assert tieout.apart({WHOLE: sides("9", "8")}).keys() == {WHOLE}
    assert tieout.apart({STOCK: sides("5", "3")}).keys() == {STOCK}
    assert tieout.apart({}) == {}


def test_the_first_event_is_the_one_with_the_lowest_position_whichever_side_lacks_it() -> None:
    ten, one = Decimal(10), Decimal(1)
    assert tieout.first_parting([(3, ten), (7, one)], [(7, one), (3, ten)]) is None
    assert tieout.first_parting([(3, ten), (7, one)], [(3, ten)]) == Parting(7, sides("1", "0"))
    assert tieout.first_parting([(7, one)], [(3, ten), (7, one)]) == Parting(3, sides("0", "10"))
    assert tieout.first_parting([(3, ten), (7, one)], [(3, one), (7, ten)]) == Parting(3, sides("10", "1"))


def test_it_looks_where_the_difference_came_up_and_then_at_everything_before() -> None:
    longer = tieout.go_on(search(), 800)
    assert longer == search(after=800)
    older = tieout.go_on(search(), 900)
    assert older == search(after=0, until=700)
    assert tieout.go_on(older, 500) == search(after=500, until=700)
    assert tieout.go_on(search(after=500, until=700), 700) is None, "all was seen: it is the balance"
    assert tieout.go_on(search(since=0, after=0), 900) is None


def test_each_role_is_a_control_account_of_its_owner_and_kept_by_its_key() -> None:
    dimensions = {"customer": {"customer"}, "supplier": {"supplier"}, "pool": {"product", "warehouse"}}
    for pack in packs.all_packs():
        for role in ROLES.values():
            played = [name for name in role.account_roles if name in pack.roles]
            assert played[0] == role.account_roles[0]
            for name in played:
                control = pack.control[name]
                assert (control.owner, set(control.dimensions)) == (role.source, dimensions[role.dimension])
                side = pack.chart[pack.roles[name]].side
                assert role.sign == (1 if side == "D" else -1), f"{name} of {pack.standard}"
