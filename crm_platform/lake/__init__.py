"""Where tables rest: Parquet per client and month, written whole or not at all, and the Ibis connection over them.

Belongs here: paths, atomic writes, provenance, scans. Does not: knowing what a table means or how it is computed.
"""

from crm_platform.lake.lake import Lake, Written
from crm_platform.lake.provenance import MadeFrom, Provenance, digest_of
from crm_platform.lake.storage import place_of, store_of

__all__ = ["Lake", "MadeFrom", "Provenance", "Written", "digest_of", "place_of", "store_of"]
