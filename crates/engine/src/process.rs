//! Which process this is, such that another one of the same machine can tell whether it still runs.
//!
//! A server that was killed and started again need not wait until the lease of its earlier life is over: it sees that
//! nobody is there any more. Where it cannot tell (another machine, another container) it says that it does not know.

use std::fs;
use std::process;

use rustix::process::{Pid, test_kill_process};

/// This process: the machine's present start, its world of process ids, its own id there, and when it was started.
pub(crate) fn this() -> String {
    let found = || Some(format!("{} {} {} {}", boot()?, world()?, process::id(), started(process::id())?));
    found().unwrap_or_default()
}

/// Whether it is certain that a process has ended.
pub(crate) fn has_ended(name: &str) -> bool {
    let words: Vec<_> = name.split(' ').collect();
    let &[boot_then, world_then, id, started_then] = words.as_slice() else { return false };
    if boot().as_deref() != Some(boot_then) || world().as_deref() != Some(world_then) {
        return false;
    }
    let Ok(id) = id.parse::<u32>() else { return false };
    let Some(pid) = i32::try_from(id).ok().and_then(Pid::from_raw) else { return false };
    // What may not be asked is there.
    let gone = test_kill_process(pid) == Err(rustix::io::Errno::SRCH);
    gone || is_dead(id) || started(id).is_some_and(|started| started != started_then)
}

/// Whether nothing is left of a process but its name, because nobody has asked yet how it ended.
fn is_dead(id: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with(['Z', 'X']))
}

fn boot() -> Option<String> {
    fs::read_to_string("/proc/sys/kernel/random/boot_id").ok().map(|text| text.trim().to_owned())
}

fn world() -> Option<String> {
    Some(fs::read_link("/proc/self/ns/pid").ok()?.to_str()?.to_owned())
}

/// When a process was started, in ticks since the start of the machine.
fn started(id: u32) -> Option<String> {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    // Behind the name, which may hold anything: field 22 of proc(5).
    stat.rsplit_once(") ")?.1.split(' ').nth(19).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_that_runs_has_not_ended_and_one_that_was_reaped_has() {
        let this = this();
        assert_eq!(this.split(' ').count(), 4, "{this}");
        assert!(!has_ended(&this));
        let mut child = process::Command::new("sleep").arg("60").spawn().unwrap();
        let (boot, world) = (boot().unwrap(), world().unwrap());
        let name = format!("{boot} {world} {} {}", child.id(), started(child.id()).unwrap());
        assert!(!has_ended(&name));
        child.kill().unwrap();
        while !is_dead(child.id()) {
            std::thread::yield_now();
        }
        assert!(has_ended(&name), "though nobody has asked how");
        child.wait().unwrap();
        assert!(has_ended(&name));
    }

    #[test]
    fn another_process_under_the_same_id_is_another_one() {
        let this = this();
        let (rest, started) = this.rsplit_once(' ').unwrap();
        assert!(has_ended(&format!("{rest} {}", started.parse::<u64>().unwrap() + 1)));
    }

    #[test]
    fn of_another_machine_nothing_is_known() {
        for name in ["", "nonsense", "a b c d", &format!("other {} 4000000 7", world().unwrap())] {
            assert!(!has_ended(name), "{name}");
        }
    }
}
