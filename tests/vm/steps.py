"""All steps, in order."""

from __future__ import annotations

from tests.vm import steps_agent, steps_boot, steps_change, steps_deploy, steps_faults
from tests.vm.checklist import Step

STEPS = (
    Step("packages", "two packages of this version, of the next, and of one whose agent cannot start", steps_deploy.packages, needed=True),
    Step("boot", "a site PC in a virtual machine and a center under systemd-nspawn, on a routed network", steps_boot.boot, needed=True),
    Step("deploy", "site.yml over SSH brings both from bare Debian to a site that the center hears", steps_deploy.first_run, needed=True),
    Step("again", "the second run of site.yml changes nothing", steps_deploy.second_run),
    Step("sandbox", "the agent runs under systemd as its own user, hardened", steps_agent.sandbox),
    Step("tls", "it publishes over mutual TLS 1.3, and nothing less is let in", steps_agent.encrypted),
    Step("board", "it stands on the board", steps_agent.board),
    Step("nat", "a router that translates addresses between site and center changes nothing", steps_agent.behind_nat),
    Step("meeting", "a meeting registered at the center reaches the agent", steps_faults.meeting),
    Step("camera", "lens covered, signal cut, camera unplugged: each seen at the center, and its end", steps_faults.camera),
    Step("sound", "a howl in the sound card is seen at the center with its frequency", steps_faults.sound),
    Step("poor-link", "delay and loss on the line are seen at the center", steps_faults.poor_link),
    Step("cable", "a pulled cable is seen at the center, and later from both ends", steps_faults.pulled_cable),
    Step("reset", "reset hard while offline: nothing that was in the journal is lost, nothing comes twice", steps_faults.hard_reset),
    Step("upgrade", "site.yml brings the next version", steps_change.upgrade),
    Step("rollback", "a version that does not start is taken back by itself", steps_change.rollback),
    Step("purge", "taken off, nothing is left", steps_change.purge),
)
