"""Who answered what correctly: reading and writing responses."""

from __future__ import annotations

from easyhard.responses.audit import Audit, audit_responses
from easyhard.responses.ingest import ingest as ingest_logs
from easyhard.responses.listing import only_tables
from easyhard.responses.log import Asked
from easyhard.responses.shard_writer import write_shards
from easyhard.responses.shards import ResponseShard, ShardedResponses, open_shards
from easyhard.responses.table import read_responses, read_responses_audited, write_responses

__all__ = [
    "Asked",
    "Audit",
    "ResponseShard",
    "ShardedResponses",
    "audit_responses",
    "ingest_logs",
    "only_tables",
    "open_shards",
    "read_responses",
    "read_responses_audited",
    "write_responses",
    "write_shards",
]
