"""What accounting itself found when it compared the ledger with the subledgers that their owners state."""

from tools.checker.databases import Databases
from tools.checker.findings import Finding


async def differences(databases: Databases) -> Finding:
    """Nothing is known to differ. Statements that wait for events which were not posted have not been compared."""
    rows = await databases.accounting.fetch(
        """
        select company, ledger, role, key, stated, posted, state from tie_difference
        where state <> 'mended' order by company, ledger, role, key limit 20
        """
    )
    faults = [f"{r['role']} {r['key'] or 'in all'} of {r['company']}: stated {r['stated']:f}, posted {r['posted']:f} "
              f"({r['state']})" for r in rows]
    compared = await databases.accounting.fetchval("select count(*) from tie_statement where state = 'agreed'")
    return Finding("tie_out", f"{compared} statements agree", tuple(faults))
