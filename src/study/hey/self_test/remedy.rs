//! What helps where a self-test found something late: what else ran, how the cores are kept, and what nothing here can change.

use std::time::Duration;

use crate::study::results::Limits;
use crate::study::results::about::KEEP_AWAKE;

use super::findings::Findings;

/// From so much lateness of a sleeping thread on, once in a hundred times, a core is slow to wake: awake ones need a tenth of it.
const SLEEPY: Duration = Duration::from_micros(200);

/// Others that use no more of the machine than this are in nobody's way.
const ALONE: f64 = 0.05;

/// What always helps.
pub(super) const GIVE_ROOM: &str = "close other programs, or use a machine with more cores";

const GUEST: &str = "nothing else ran, and in a guest of a hypervisor a message from one core to another takes this long; take so small a \
                     difference for none, or use bare metal";

/// What helps where a latency reads too long: in a guest whose cores are awake and idle, nothing here does.
pub(super) fn be_nearer(findings: &Findings) -> String {
    let machine = &findings.machine;
    let is_alone = findings.others.is_some_and(|others| others <= ALONE);
    if machine.is_virtual && machine.kept_awake && is_alone { GUEST.to_owned() } else { give_room(findings) }
}

/// What helps where something was late.
pub(super) fn give_room(findings: &Findings) -> String {
    let machine = &findings.machine;
    let others = findings.others.is_some_and(|others| others > Limits::default().cpu.others);
    let may_doze = machine.is_virtual && !machine.kept_awake && machine.timer_p99 >= SLEEPY && !others;
    if may_doze { format!("{KEEP_AWAKE}, {GIVE_ROOM}") } else { GIVE_ROOM.to_owned() }
}
