"""Who answered what correctly: reading and writing responses."""

from __future__ import annotations

from easyhard.responses.audit import Audit, audit_responses
from easyhard.responses.table import read_responses, read_responses_audited, write_responses

__all__ = ["Audit", "audit_responses", "read_responses", "read_responses_audited", "write_responses"]
