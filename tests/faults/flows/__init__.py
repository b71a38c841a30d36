"""All flows. Importing this package fills FLOWS."""

from tests.faults.flow import FLOWS as FLOWS
from tests.faults.flows import (  # noqa: F401
    account,
    applications,
    authorizing,
    bound,
    devices,
    documents,
    elsewhere,
    owning,
    provisioning,
    registration,
    resources,
    signed,
    taking_back,
    tokens,
)
