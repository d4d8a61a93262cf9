"""Who is there: STAMP reflector, second witness, heartbeats, last will."""

from control_center.liveness.service import Liveness, SiteAddress

__all__ = ["Liveness", "SiteAddress"]
