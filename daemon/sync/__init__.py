"""The story of one record's road from A to B: the only rooms that know both Zoho and the ledger."""
